-- Whoever knew the id of another's laptop, which every manager's mirror shows, was told how much that laptop had sent.
-- A login now hears of its own person's laptops only. Not by app.me(): a login that was ended or has not begun is
-- nobody to it, and a laptop whose history suddenly counted nothing would take the server for a restored one.
SET LOCAL ROLE clara_sync;

CREATE OR REPLACE FUNCTION sync.hello(device uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    me uuid := app.me();
    answer jsonb;
BEGIN
    SELECT jsonb_build_array(
        c.system_identifier::text,
        -- The server's incarnation: another number after every recovery and every start. Whoever puts an older copy in
        -- its place has to start it, and that is the only trace a copy leaves once its counters have caught up.
        (SELECT p.timeline_id::bigint FROM pg_control_checkpoint() p) * 10000000000000
            + (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint,
        e.id,
        current_setting('server_version_num')::int,
        pg_is_in_recovery(),
        s.version,
        s.min_client,
        -- Not now(): the laptop measures its clock against the moment of the answer.
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
        pg_current_snapshot()::text,
        me,
        (SELECT u.role FROM public.users u WHERE u.id = me),
        coalesce((SELECT max(o.seq) FROM sync.op o WHERE o.device_id = hello.device AND EXISTS (
            SELECT FROM app.login l JOIN sync.device d ON d.user_id = l.user_id
            WHERE l.role_name = session_user AND d.id = hello.device)), 0),
        EXISTS (SELECT FROM sync.device d
            WHERE d.id = hello.device AND d.user_id = me AND d.revoked_at IS NULL AND d.cloned_at IS NULL),
        -- Restored from a dump into another cluster: every cx lies in the future of the new counter and no cursor
        -- would ever see it, until `rebase` has run.
        coalesce(e.system_identifier <> c.system_identifier::text, false),
        to_jsonb(e.earlier))
    INTO answer
    FROM pg_control_system() c, sync.epoch e,
        (SELECT version, min_client FROM sync.schema ORDER BY version DESC LIMIT 1) s;
    RETURN answer;
END
$$;

RESET ROLE;
