-- A materialised view knows no row security: whoever had the right to read the reports read them, also a manager who has
-- left and whose login nobody has ended yet, and a manager of another company on the same server, since groups are the
-- server's. Each now stands behind a view that asks who is there; names and columns are as they were.
SET LOCAL ROLE clara_owner;

-- For administrators and the company's own service, who are nobody to app.me(), and for people who see all sites.
CREATE FUNCTION report.may_read() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN app.sees_all() OR pg_has_role(session_user, 'clara_owner', 'MEMBER')
        OR pg_has_role(session_user, 'clara_backend', 'MEMBER');
END
$$;
GRANT EXECUTE ON FUNCTION report.may_read() TO clara_sync, clara_manager, clara_office, clara_admin, clara_backend;

DO $$
DECLARE
    kept name;
BEGIN
    FOR kept IN SELECT m.matviewname FROM pg_matviews m WHERE m.schemaname = 'report' LOOP
        EXECUTE format('REVOKE ALL ON report.%I FROM clara_manager, clara_office, clara_admin, clara_backend', kept);
        EXECUTE format('ALTER MATERIALIZED VIEW report.%I RENAME TO %I', kept, kept || '_kept');
        -- A barrier, or a condition of the reader's own could see a row before this one has.
        EXECUTE format('CREATE VIEW report.%I WITH (security_barrier = true) AS
                        SELECT * FROM report.%I WHERE (SELECT report.may_read())', kept, kept || '_kept');
        EXECUTE format('GRANT SELECT ON report.%I TO clara_manager, clara_office, clara_admin, clara_backend', kept);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION report.refresh() RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept name;
    moment timestamptz;
BEGIN
    FOR kept IN SELECT m.matviewname FROM pg_matviews m WHERE m.schemaname = 'report' ORDER BY 1 LOOP
        EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY report.%I', kept);
    END LOOP;
    UPDATE report.freshness SET refreshed_at = now() RETURNING refreshed_at INTO moment;
    RETURN moment;
END
$$;

RESET ROLE;
