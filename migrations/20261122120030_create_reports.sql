-- The heavy reports, computed beforehand: how completely data is captured, which inspections are due, which deficiencies
-- are open. Over years of inspections they read every row; the office asks for them many times a day.
--
-- A materialised view knows no row security, so these stand in a schema of their own that technicians may not even look
-- into, and hold counts, ids and dates, no names and no texts. Each is defined by a plain view with "_live" behind its
-- name, so that what is reported can be compared with what is true.
DO $$
BEGIN
    -- Again: a database that was restored from a dump has lost it.
    EXECUTE format('GRANT CREATE ON DATABASE %I TO clara_owner', current_database());
    -- REFRESH … CONCURRENTLY collects what differs in a temporary table.
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO clara_owner', current_database());
END
$$;

SET LOCAL ROLE clara_owner;

CREATE SCHEMA report;
GRANT USAGE ON SCHEMA report TO clara_sync, clara_manager, clara_office, clara_admin, clara_backend;

-- Of several logs of an item under one job the last one counts. Sums, not averages: they can be added up by site, by
-- person, by category and by month, and only then divided.
CREATE VIEW report.capture_completeness_live AS
SELECT l.location_id,
    -- Nobody has the id of zeros: a unique index that REFRESH can use has no place for NULL.
    coalesce(l.technician_id, '00000000-0000-0000-0000-000000000000'::uuid) AS technician_id,
    coalesce(e.equipment_category, 'other') AS equipment_category,
    date_trunc('month', l.captured_at)::date AS month,
    count(*) AS items,
    count(*) FILTER (WHERE l.completion_percentage >= 100) AS complete_items,
    coalesce(sum(l.completion_percentage), 0) AS percentage_sum,
    coalesce(sum(CASE jsonb_typeof(l.missing_fields) WHEN 'array' THEN jsonb_array_length(l.missing_fields) END), 0)
        AS missing_fields
FROM (
    SELECT DISTINCT ON (d.job_id, d.equipment_id) d.*
    FROM public.data_capture_logs d
    WHERE d.location_id IS NOT NULL
    ORDER BY d.job_id, d.equipment_id, d.captured_at DESC, d.id DESC
) l
LEFT JOIN public.equipment_inventory e ON e.id = l.equipment_id
GROUP BY 1, 2, 3, 4;

-- For each item in use and each kind of inspection, when the next one is due by the last one that was done. An
-- inspection that was amended is told by its amendment.
CREATE VIEW report.inspections_due_live AS
SELECT DISTINCT ON (i.equipment_id, coalesce(i.inspection_type, ''))
    i.equipment_id, coalesce(i.inspection_type, '') AS inspection_type, i.location_id,
    coalesce(e.equipment_category, 'other') AS equipment_category,
    i.id AS inspection_id, i.inspection_date, i.passed, i.next_inspection_due
FROM public.inspection_records i
JOIN public.equipment_inventory e
    ON e.id = i.equipment_id AND e.deleted_at IS NULL AND coalesce(e.status, 'active') = 'active'
WHERE i.deleted_at IS NULL
ORDER BY i.equipment_id, coalesce(i.inspection_type, ''), i.inspection_date DESC, i.created_at DESC NULLS LAST, i.id DESC;

-- One row for each day on which something was found: its age is the difference to the day of asking.
CREATE VIEW report.open_deficiencies_live AS
SELECT i.location_id, coalesce(e.equipment_category, 'other') AS equipment_category,
    coalesce(found ->> 'severity', 'unknown') AS severity, i.inspection_date AS found_on, count(*) AS deficiencies
FROM public.inspection_records i
LEFT JOIN public.equipment_inventory e ON e.id = i.equipment_id
CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(i.deficiencies) WHEN 'array' THEN i.deficiencies ELSE '[]' END) found
WHERE i.deleted_at IS NULL AND i.location_id IS NOT NULL
    AND coalesce(found ->> 'status', 'open') <> 'fixed'
    AND NOT EXISTS (SELECT FROM public.inspection_records a WHERE a.amends_inspection_id = i.id AND a.deleted_at IS NULL)
GROUP BY 1, 2, 3, 4;

-- pg_restore fills these with row_security off and as their owner, whom forced row security then refuses. The functions
-- between them and the truth turn it on: the owner's own policy shows every row.
CREATE FUNCTION report.read_capture_completeness() RETURNS SETOF report.capture_completeness_live
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
    SELECT * FROM report.capture_completeness_live
$$;
CREATE FUNCTION report.read_inspections_due() RETURNS SETOF report.inspections_due_live
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
    SELECT * FROM report.inspections_due_live
$$;
CREATE FUNCTION report.read_open_deficiencies() RETURNS SETOF report.open_deficiencies_live
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = on AS $$
    SELECT * FROM report.open_deficiencies_live
$$;

CREATE MATERIALIZED VIEW report.capture_completeness AS SELECT * FROM report.read_capture_completeness();
CREATE UNIQUE INDEX capture_completeness_key
    ON report.capture_completeness(location_id, technician_id, equipment_category, month);
CREATE INDEX capture_completeness_month ON report.capture_completeness(month);

CREATE MATERIALIZED VIEW report.inspections_due AS SELECT * FROM report.read_inspections_due();
CREATE UNIQUE INDEX inspections_due_key ON report.inspections_due(equipment_id, inspection_type);
CREATE INDEX inspections_due_date ON report.inspections_due(next_inspection_due);
CREATE INDEX inspections_due_location ON report.inspections_due(location_id);

CREATE MATERIALIZED VIEW report.open_deficiencies AS SELECT * FROM report.read_open_deficiencies();
CREATE UNIQUE INDEX open_deficiencies_key
    ON report.open_deficiencies(location_id, equipment_category, severity, found_on);
CREATE INDEX open_deficiencies_severity ON report.open_deficiencies(severity, found_on);

GRANT SELECT ON report.capture_completeness, report.inspections_due, report.open_deficiencies
    TO clara_manager, clara_office, clara_admin, clara_backend;

CREATE TABLE report.freshness (
    only_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_row),
    refreshed_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
INSERT INTO report.freshness DEFAULT VALUES;
GRANT SELECT ON report.freshness TO clara_sync, clara_manager, clara_office, clara_admin, clara_backend;

-- CONCURRENTLY: whoever is reading a report goes on reading it. Returns the moment it is true for.
CREATE FUNCTION report.refresh() RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moment timestamptz;
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY report.capture_completeness;
    REFRESH MATERIALIZED VIEW CONCURRENTLY report.inspections_due;
    REFRESH MATERIALIZED VIEW CONCURRENTLY report.open_deficiencies;
    UPDATE report.freshness SET refreshed_at = now() RETURNING refreshed_at INTO moment;
    RETURN moment;
END
$$;

-- The daily round runs in somebody's sync. It pays for a small company's reports; a large one's are refreshed by a timer
-- (clara central refresh), or a technician would wait for them.
CREATE FUNCTION report.is_small() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum(pg_relation_size(c.oid)), 0) < 16 * 1024 * 1024
    FROM pg_class c
    WHERE c.oid IN ('public.equipment_inventory'::regclass, 'public.data_capture_logs'::regclass)
       OR c.oid IN (SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = 'public.inspection_records'::regclass)
$$;

GRANT EXECUTE ON FUNCTION report.refresh() TO clara_sync, clara_backend;
GRANT EXECUTE ON FUNCTION report.is_small() TO clara_sync, clara_backend;

RESET ROLE;

SET LOCAL ROLE clara_sync;

CREATE OR REPLACE FUNCTION sync.keep_house() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    today text := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD');
BEGIN
    IF EXISTS (SELECT FROM app.settings s WHERE s.key = 'house_kept_on' AND s.value #>> '{}' < today) THEN
        BEGIN
            -- Of many at once one goes on; the others find it done, or do not wait for it.
            UPDATE app.settings SET value = to_jsonb(today) WHERE key = 'house_kept_on' AND value #>> '{}' < today;
            IF FOUND THEN
                PERFORM sync.refresh_access();
                DELETE FROM sync.tombstone WHERE deleted_at < now() - make_interval(days => coalesce(
                    (SELECT (s.value #>> '{}')::integer FROM app.settings s WHERE s.key = 'tombstone_days'), 180));
                BEGIN
                    IF report.is_small() THEN
                        PERFORM report.refresh();
                    END IF;
                EXCEPTION WHEN OTHERS THEN
                    -- Reports of yesterday are no reason to leave the rest undone; `doctor` tells their age.
                    RAISE LOG 'the reports were not refreshed: %', SQLSTATE;
                END;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            -- Never at the cost of the write that woke it; the next one tries again.
            RAISE LOG 'the daily round was put off: %', SQLSTATE;
        END;
    END IF;
    RETURN NULL;
END
$$;
RESET ROLE;
