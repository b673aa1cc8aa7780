-- A model's own limits: between which values a reading of it may lie, where its nameplate or its manual says so. The
-- limits of templates hold for a whole category; a pump that is rated at 110 psi has its own, and they come first.
--
-- A laptop of yesterday does not know the table and passes over its name in whatever it is told; a laptop of today asks
-- for it only where the server's schema version is at least the one that is recorded at the end.
SET LOCAL ROLE clara_owner;

CREATE TABLE spec_limits (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    equipment_model_id UUID NOT NULL REFERENCES equipment_models(id),
    -- The key of a reading, as in template_items.item_key and in inspection_records.measurements.
    item_key TEXT NOT NULL CHECK (item_key <> ''),
    label TEXT NOT NULL,
    unit TEXT,
    limit_min FLOAT,
    limit_max FLOAT,
    impossible_min FLOAT,
    impossible_max FLOAT,
    suspicious_min FLOAT,
    suspicious_max FLOAT,
    -- Who says so: "Nameplate", a manual and its section.
    limit_source TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (equipment_model_id, item_key),
    CHECK (limit_min <= limit_max), CHECK (impossible_min <= impossible_max), CHECK (suspicious_min <= suspicious_max),
    CHECK (num_nonnulls(limit_min, limit_max, impossible_min, impossible_max, suspicious_min, suspicious_max) > 0)
);
CREATE INDEX spec_limits_deleted ON spec_limits(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX spec_limits_cx ON spec_limits(cx);

CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON spec_limits FOR EACH ROW EXECUTE FUNCTION sync.stamp();
CREATE TRIGGER touch BEFORE UPDATE ON spec_limits FOR EACH ROW
    WHEN (NEW.row_ver IS DISTINCT FROM OLD.row_ver) EXECUTE FUNCTION app.touch();
CREATE TRIGGER bury AFTER DELETE ON spec_limits FOR EACH ROW EXECUTE FUNCTION sync.bury('spec_limits');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON spec_limits FOR EACH STATEMENT EXECUTE FUNCTION sync.refuse_truncate();

ALTER TABLE spec_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE spec_limits FORCE ROW LEVEL SECURITY;
CREATE POLICY serve ON spec_limits TO clara_owner, clara_sync USING (true) WITH CHECK (true);
CREATE POLICY backend ON spec_limits TO clara_backend USING (true) WITH CHECK (true);
CREATE POLICY people ON spec_limits FOR SELECT TO clara_technician, clara_manager, clara_office, clara_admin
    USING ((SELECT app.me()) IS NOT NULL);
GRANT SELECT ON spec_limits TO clara_technician, clara_manager, clara_office, clara_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON spec_limits TO clara_backend, clara_sync;

INSERT INTO sync.schema (version, min_client) VALUES (2, 1);

RESET ROLE;

SET LOCAL ROLE clara_sync;

-- Which tables have anything for the caller since a snapshot. Runs as the caller, so that row-level security decides;
-- a sync with nothing to fetch costs this one call.
-- plpgsql keeps the plan of its probes for the session. No sequential scans: without fresh statistics the
-- planner takes a third of a table for changed.
CREATE OR REPLACE FUNCTION sync.changed(since pg_snapshot) RETURNS text
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
            THEN 'common_problems' END,
        CASE WHEN EXISTS (SELECT FROM public.spec_limits t
            WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since))
            THEN 'spec_limits' END);
END
$$;

RESET ROLE;
