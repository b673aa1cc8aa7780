-- The handshake: who the server is, whom it takes the caller for, and how much of this laptop's history it has. Read
-- in the same snapshot as a pull, so that the cursor and the identity belong together.
SET LOCAL ROLE clara_sync;

-- An array, in the order in which the laptop's program reads it: a sync with nothing to fetch is this answer and
-- little more, and names would double it.
CREATE FUNCTION sync.hello(device uuid) RETURNS jsonb
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
        coalesce((SELECT max(o.seq) FROM sync.op o WHERE o.device_id = hello.device), 0),
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

-- Which tables have anything for the caller since a snapshot. Runs as the caller, so that row-level security decides;
-- a sync with nothing to fetch costs this one call.
-- plpgsql keeps the plan of its twenty probes for the session. No sequential scans: without fresh statistics the
-- planner takes a third of a table for changed.
CREATE FUNCTION sync.changed(since pg_snapshot) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    RETURN concat_ws(' ',
        CASE WHEN EXISTS (SELECT FROM sync.location_access t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)
              AND t.user_id = (SELECT app.me())) THEN 'location_access' END,
        CASE WHEN EXISTS (SELECT FROM sync.tombstone t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)) THEN 'tombstone' END,
        CASE WHEN EXISTS (SELECT FROM public.users t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)) THEN 'users' END,
        CASE WHEN EXISTS (SELECT FROM sync.device t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)) THEN 'devices' END,
        CASE WHEN EXISTS (SELECT FROM public.customers t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)) THEN 'customers' END,
        CASE WHEN EXISTS (SELECT FROM public.locations t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)) THEN 'locations' END,
        CASE WHEN EXISTS (SELECT FROM public.jobs t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)) THEN 'jobs' END,
        CASE WHEN EXISTS (SELECT FROM public.equipment_inventory t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'equipment_inventory' END,
        CASE WHEN EXISTS (SELECT FROM public.job_equipment t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'job_equipment' END,
        CASE WHEN EXISTS (SELECT FROM public.inspection_templates t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'inspection_templates' END,
        CASE WHEN EXISTS (SELECT FROM public.template_items t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'template_items' END,
        CASE WHEN EXISTS (SELECT FROM public.capture_requirements t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'capture_requirements' END,
        CASE WHEN EXISTS (SELECT FROM public.inspection_records t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'inspection_records' END,
        CASE WHEN EXISTS (SELECT FROM public.data_capture_logs t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'data_capture_logs' END,
        CASE WHEN EXISTS (SELECT FROM public.photos t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)) THEN 'photos' END,
        CASE WHEN EXISTS (SELECT FROM sync.conflict t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)) THEN 'conflicts' END,
        CASE WHEN EXISTS (SELECT FROM sync.parked t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'parked_operations' END,
        CASE WHEN EXISTS (SELECT FROM public.manufacturers t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'manufacturers' END,
        CASE WHEN EXISTS (SELECT FROM public.equipment_models t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'equipment_models' END,
        CASE WHEN EXISTS (SELECT FROM public.common_problems t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'common_problems' END);
END
$$;

-- What is still only on a laptop, told by the laptop, so that the office can count it as unknown and not as missing.
CREATE FUNCTION sync.report_unsent(device uuid, count integer, oldest timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    -- Only where it says something new: every change of this row travels to every laptop that mirrors it.
    UPDATE sync.device d
    SET unsent_count = report_unsent.count, oldest_unsent_at = report_unsent.oldest AT TIME ZONE 'UTC',
        last_seen_at = now() AT TIME ZONE 'UTC'
    WHERE d.id = device AND d.user_id = app.me() AND d.revoked_at IS NULL
      AND (d.unsent_count IS DISTINCT FROM report_unsent.count
           OR d.oldest_unsent_at IS DISTINCT FROM report_unsent.oldest AT TIME ZONE 'UTC'
           OR d.last_seen_at IS NULL OR d.last_seen_at < now() AT TIME ZONE 'UTC' - interval '10 minutes')
$$;

GRANT EXECUTE ON FUNCTION sync.hello(uuid), sync.changed(pg_snapshot), sync.report_unsent(uuid, integer, timestamptz)
    TO clara_technician, clara_manager, clara_office, clara_admin;

RESET ROLE;
