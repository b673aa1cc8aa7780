-- A push locked the row of the laptop it named and only then asked whose laptop it was. Whoever knew an id, and a manager's
-- mirror shows all of them, could hold another's laptop in an open transaction: its pushes waited, and so did the
-- administrator who came to revoke it, since ending that laptop's own sessions freed nothing. Only one's own row is
-- locked now; what is answered stays the same.
SET LOCAL ROLE clara_sync;

CREATE OR REPLACE FUNCTION sync.push(device uuid, ops jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    me uuid := app.me();
    laptop sync.device;
BEGIN
    IF jsonb_typeof(ops) IS DISTINCT FROM 'array' OR jsonb_array_length(ops) > 100 THEN
        RAISE EXCEPTION 'a push holds an array of at most 100 operations' USING ERRCODE = '54000';
    END IF;
    -- The row's lock makes pushes of one device follow each other: a push sent again while the first is still at
    -- work waits here, and then finds its receipts.
    SELECT * INTO laptop FROM sync.device d WHERE d.id = device AND d.user_id = me FOR UPDATE;
    IF laptop.id IS NULL THEN
        RETURN '{"refused": "device_unknown"}';
    ELSIF laptop.revoked_at IS NOT NULL THEN
        RETURN '{"refused": "device_revoked"}';
    ELSIF laptop.cloned_at IS NOT NULL THEN
        RETURN '{"refused": "device_cloned"}';
    END IF;
    RETURN sync.take(device, ops, ROW(device, me, app.sees_all(), false)::sync.actor, false, NULL);
END
$$;

RESET ROLE;
