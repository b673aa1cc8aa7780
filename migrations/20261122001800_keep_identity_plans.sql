-- Who is asking is asked several times by every statement under row security, and by every probe of sync.changed. As
-- SQL functions app.me() and its kin were planned anew each time, at 0.2 ms; plpgsql keeps the plan for the session.
SET LOCAL ROLE clara_sync;

CREATE OR REPLACE FUNCTION app.me() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT l.user_id
        FROM app.login l
        JOIN public.users u ON u.id = l.user_id
        LEFT JOIN sync.device d ON d.id = l.device_id
        WHERE l.role_name = session_user AND l.claimed_at IS NOT NULL
          AND u.is_active AND u.deleted_at IS NULL AND d.revoked_at IS NULL);
END
$$;

CREATE OR REPLACE FUNCTION app.my_role() RETURNS public.user_role
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT u.role FROM public.users u WHERE u.id = app.me());
END
$$;

CREATE OR REPLACE FUNCTION app.sees_all() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(app.my_role() IN ('manager', 'office_staff', 'admin'), false);
END
$$;

RESET ROLE;
