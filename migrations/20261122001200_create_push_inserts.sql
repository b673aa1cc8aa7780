-- New rows. One statement judges and inserts all operations of a table that came in one push: a technician's morning
-- is mostly inspections, logs and photos, and rows cost little while round trips and statements cost much.
-- These functions run inside sync.push only: as its owner, with its search_path.
--
-- Every look-up is a LATERAL with LIMIT 1: plans are kept for the session, and one made while a table was small would
-- otherwise go on to read all of it.
SET LOCAL ROLE clara_sync;

CREATE FUNCTION sync.outcome_of(fault text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN fault IS NULL THEN 'applied'
    WHEN split_part(fault, ':', 1) IN ('out_of_scope', 'other_site', 'parent_parked') THEN 'parked'
    ELSE 'rejected'
END;

CREATE FUNCTION sync.is_parked(row_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM sync.parked p WHERE p.row_id = is_parked.row_id AND p.decision IS NULL);
END
$$;

-- The fault of a reference to a row that is not there: it may be waiting for a decision itself.
CREATE FUNCTION sync.fault_of_missing(field text, id uuid) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT CASE
        WHEN id IS NULL THEN 'missing_value:'
        WHEN sync.is_parked(id) THEN 'parent_parked:'
        ELSE 'missing_reference:'
    END || field
$$;

-- The first field that cannot be taken, with the reason; none in nearly every case, which costs one comparison.
CREATE FUNCTION sync.fault_of_fields(entity text, fields jsonb, insertion boolean, sees_all boolean) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    name text;
    value jsonb;
    writer sync.field_writer;
BEGIN
    IF octet_length(fields::text) <= 262144 AND NOT fields @? '$.**{66}' AND NOT EXISTS (
        SELECT FROM jsonb_object_keys(fields) k
        LEFT JOIN LATERAL (SELECT CASE WHEN insertion THEN p.inserted_by ELSE p.updated_by END AS writer
            FROM sync.field_policy p WHERE p.table_name = entity AND p.field = k LIMIT 1) p ON true
        WHERE p.writer IS NULL OR p.writer = 'nobody' OR (p.writer = 'office' AND NOT sees_all)) THEN
        RETURN NULL;
    END IF;
    FOR name, value IN SELECT * FROM jsonb_each(fields) LOOP
        SELECT CASE WHEN insertion THEN p.inserted_by ELSE p.updated_by END INTO writer
        FROM sync.field_policy p WHERE p.table_name = entity AND p.field = name;
        IF NOT FOUND THEN
            RETURN 'unknown_field:' || name;
        ELSIF writer = 'nobody' OR (writer = 'office' AND NOT sees_all) THEN
            RETURN 'not_writable:' || name;
        ELSIF value @? '$.**{65}' THEN
            RETURN 'too_deep:' || name;
        ELSIF octet_length(value::text) > 1048576 OR (value @? '$.** ? (@.type() == "string")' AND EXISTS (
            SELECT FROM jsonb_path_query(value, '$.** ? (@.type() == "string")') s
            WHERE octet_length(s #>> '{}') > 262144)) THEN
            RETURN 'too_long:' || name;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE FUNCTION sync.insert_jobs(ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE verdicts sync.verdict[];
BEGIN
    WITH judged AS (
        SELECT o.op_id, o.row_id, o.new, l.id AS location_id, CASE
            WHEN NOT who.sees_all THEN 'not_allowed'
            WHEN l.id IS NULL THEN sync.fault_of_missing('location_id', (o.new ->> 'location_id')::uuid)
            WHEN old.there THEN 'exists'
        END AS fault
        FROM unnest(ops) o
        LEFT JOIN LATERAL (SELECT x.* FROM public.locations x
            WHERE x.id = (o.new ->> 'location_id')::uuid LIMIT 1) l ON true
        LEFT JOIN LATERAL (SELECT true AS there FROM public.jobs x WHERE x.id = o.row_id LIMIT 1) old ON true
    ), done AS (
        INSERT INTO public.jobs (id, job_number, customer_id, location_id, assigned_technician_id, job_type,
            job_status, priority, scheduled_date, scheduled_time, duration_estimate_minutes, actual_start_time,
            actual_end_time, title, description, special_instructions, checklist, metadata)
        SELECT j.row_id, r.job_number, r.customer_id, r.location_id, r.assigned_technician_id, r.job_type,
            r.job_status, r.priority, r.scheduled_date, r.scheduled_time, r.duration_estimate_minutes,
            r.actual_start_time, r.actual_end_time, r.title, r.description, r.special_instructions, r.checklist,
            r.metadata
        FROM judged j, jsonb_populate_record(NULL::public.jobs,
            '{"job_status": "scheduled", "priority": "normal", "checklist": [], "metadata": {}}' || j.new) r
        WHERE j.fault IS NULL
        RETURNING id, row_ver
    )
    SELECT array_agg(ROW(j.op_id, sync.outcome_of(j.fault), split_part(j.fault, ':', 1),
        nullif(split_part(j.fault, ':', 2), ''), d.row_ver, j.location_id, NULL)::sync.verdict) INTO verdicts
    FROM judged j LEFT JOIN done d ON d.id = j.row_id;
    RETURN verdicts;
END
$$;

CREATE FUNCTION sync.insert_equipment_inventory(ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE verdicts sync.verdict[];
BEGIN
    WITH judged AS (
        SELECT o.op_id, o.row_id, o.new, l.id AS location_id, CASE
            WHEN l.id IS NULL THEN sync.fault_of_missing('location_id', (o.new ->> 'location_id')::uuid)
            WHEN NOT who.sees_all AND NOT who.deciding AND a.location_id IS NULL THEN 'out_of_scope'
            WHEN old.there THEN 'exists'
        END AS fault
        FROM unnest(ops) o
        LEFT JOIN LATERAL (SELECT x.* FROM public.locations x
            WHERE x.id = (o.new ->> 'location_id')::uuid LIMIT 1) l ON true
        LEFT JOIN LATERAL (SELECT x.location_id FROM sync.location_access x
            WHERE x.user_id = who.author AND x.location_id = l.id AND x.state = 'granted' LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT true AS there FROM public.equipment_inventory x
            WHERE x.id = o.row_id LIMIT 1) old ON true
    ), done AS (
        INSERT INTO public.equipment_inventory (id, location_id, equipment_model_id, equipment_category,
            manual_manufacturer, manual_model_number, serial_number, installation_date, status, location_detail,
            replacement_of_equipment_id, replaced_by_equipment_id, components, notes, metadata)
        SELECT j.row_id, r.location_id, r.equipment_model_id, r.equipment_category, r.manual_manufacturer,
            r.manual_model_number, r.serial_number, r.installation_date, r.status, r.location_detail,
            r.replacement_of_equipment_id, r.replaced_by_equipment_id, r.components, r.notes, r.metadata
        FROM judged j, jsonb_populate_record(NULL::public.equipment_inventory,
            '{"status": "active", "components": {}, "metadata": {}}' || j.new) r
        WHERE j.fault IS NULL
        RETURNING id, row_ver
    )
    SELECT array_agg(ROW(j.op_id, sync.outcome_of(j.fault), split_part(j.fault, ':', 1),
        nullif(split_part(j.fault, ':', 2), ''), d.row_ver, j.location_id, NULL)::sync.verdict) INTO verdicts
    FROM judged j LEFT JOIN done d ON d.id = j.row_id;
    RETURN verdicts;
END
$$;

CREATE FUNCTION sync.insert_job_equipment(ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE verdicts sync.verdict[];
BEGIN
    WITH judged AS (
        SELECT o.op_id, o.row_id, o.new, j.location_id, CASE
            WHEN j.id IS NULL THEN sync.fault_of_missing('job_id', (o.new ->> 'job_id')::uuid)
            WHEN e.id IS NULL THEN sync.fault_of_missing('equipment_id', (o.new ->> 'equipment_id')::uuid)
            WHEN NOT who.sees_all AND NOT who.deciding AND a.location_id IS NULL THEN 'out_of_scope'
            WHEN NOT who.sees_all AND NOT who.deciding AND e.location_id <> j.location_id
                THEN 'other_site:equipment_id'
            WHEN old.there THEN 'exists'
        END AS fault
        FROM unnest(ops) o
        LEFT JOIN LATERAL (SELECT x.* FROM public.jobs x WHERE x.id = (o.new ->> 'job_id')::uuid LIMIT 1) j ON true
        LEFT JOIN LATERAL (SELECT x.* FROM public.equipment_inventory x
            WHERE x.id = (o.new ->> 'equipment_id')::uuid LIMIT 1) e ON true
        LEFT JOIN LATERAL (SELECT x.location_id FROM sync.location_access x
            WHERE x.user_id = who.author AND x.location_id = j.location_id AND x.state = 'granted' LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT true AS there FROM public.job_equipment x WHERE x.id = o.row_id LIMIT 1) old ON true
    ), done AS (
        INSERT INTO public.job_equipment (id, job_id, equipment_id, notes)
        SELECT j.row_id, r.job_id, r.equipment_id, r.notes
        FROM judged j, jsonb_populate_record(NULL::public.job_equipment, j.new) r
        WHERE j.fault IS NULL
        RETURNING id, row_ver
    )
    SELECT array_agg(ROW(j.op_id, sync.outcome_of(j.fault), split_part(j.fault, ':', 1),
        nullif(split_part(j.fault, ':', 2), ''), d.row_ver, j.location_id, NULL)::sync.verdict) INTO verdicts
    FROM judged j LEFT JOIN done d ON d.id = j.row_id;
    RETURN verdicts;
END
$$;

CREATE FUNCTION sync.insert_inspection_records(ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE verdicts sync.verdict[];
BEGIN
    WITH judged AS (
        SELECT o.op_id, o.row_id, o.new, j.location_id, CASE
            WHEN j.id IS NULL THEN sync.fault_of_missing('job_id', (o.new ->> 'job_id')::uuid)
            WHEN e.id IS NULL AND o.new ->> 'equipment_id' IS NOT NULL
                THEN sync.fault_of_missing('equipment_id', (o.new ->> 'equipment_id')::uuid)
            WHEN o.new ->> 'amends_inspection_id' IS NOT NULL AND amended.there IS NULL
                THEN sync.fault_of_missing('amends_inspection_id', (o.new ->> 'amends_inspection_id')::uuid)
            WHEN NOT who.sees_all AND (o.new ->> 'inspector_id')::uuid <> who.author THEN 'not_yours:inspector_id'
            WHEN NOT who.sees_all AND NOT who.deciding AND a.location_id IS NULL THEN 'out_of_scope'
            WHEN NOT who.sees_all AND NOT who.deciding AND e.location_id <> j.location_id
                THEN 'other_site:equipment_id'
            -- The key of a partitioned table contains the date, so it does not keep two rows of one id apart.
            WHEN old.there OR row_number() OVER (PARTITION BY o.row_id ORDER BY o.seq) > 1 THEN 'exists'
        END AS fault
        FROM unnest(ops) o
        LEFT JOIN LATERAL (SELECT x.* FROM public.jobs x WHERE x.id = (o.new ->> 'job_id')::uuid LIMIT 1) j ON true
        LEFT JOIN LATERAL (SELECT x.* FROM public.equipment_inventory x
            WHERE x.id = (o.new ->> 'equipment_id')::uuid LIMIT 1) e ON true
        LEFT JOIN LATERAL (SELECT x.location_id FROM sync.location_access x
            WHERE x.user_id = who.author AND x.location_id = j.location_id AND x.state = 'granted' LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT true AS there FROM public.inspection_records x
            WHERE x.id = (o.new ->> 'amends_inspection_id')::uuid LIMIT 1) amended ON true
        LEFT JOIN LATERAL (SELECT true AS there FROM public.inspection_records x
            WHERE x.id = o.row_id LIMIT 1) old ON true
    ), done AS (
        INSERT INTO public.inspection_records (id, job_id, equipment_id, inspector_id, template_id,
            amends_inspection_id, inspection_date, inspection_type, passed, findings, deficiencies, recommendations,
            measurements, photo_urls, next_inspection_due, metadata)
        SELECT j.row_id, r.job_id, r.equipment_id, coalesce(r.inspector_id, who.author), r.template_id,
            r.amends_inspection_id, r.inspection_date, r.inspection_type, r.passed, r.findings, r.deficiencies,
            r.recommendations, r.measurements,
            -- Photos whose bytes were here before the record; those that follow add themselves when they are stored.
            (SELECT coalesce(jsonb_agg('clara-photo:' || p.sha256 ORDER BY p.id), '[]') FROM public.photos p
                WHERE p.inspection_id = j.row_id AND p.location_id = j.location_id AND p.state = 'stored'
                  AND p.deleted_at IS NULL),
            r.next_inspection_due, r.metadata
        FROM judged j, jsonb_populate_record(NULL::public.inspection_records,
            '{"deficiencies": [], "measurements": {}, "metadata": {}}' || j.new) r
        WHERE j.fault IS NULL
        RETURNING id, row_ver
    )
    SELECT array_agg(ROW(j.op_id, sync.outcome_of(j.fault), split_part(j.fault, ':', 1),
        nullif(split_part(j.fault, ':', 2), ''), d.row_ver, j.location_id, NULL)::sync.verdict) INTO verdicts
    FROM judged j LEFT JOIN done d ON d.id = j.row_id;
    RETURN verdicts;
END
$$;

CREATE FUNCTION sync.insert_data_capture_logs(ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE verdicts sync.verdict[];
BEGIN
    WITH judged AS (
        SELECT o.op_id, o.row_id, o.new, j.location_id, CASE
            WHEN j.id IS NULL THEN sync.fault_of_missing('job_id', (o.new ->> 'job_id')::uuid)
            WHEN e.id IS NULL AND o.new ->> 'equipment_id' IS NOT NULL
                THEN sync.fault_of_missing('equipment_id', (o.new ->> 'equipment_id')::uuid)
            WHEN NOT who.sees_all AND (o.new ->> 'technician_id')::uuid <> who.author
                THEN 'not_yours:technician_id'
            WHEN NOT who.sees_all AND NOT who.deciding AND a.location_id IS NULL THEN 'out_of_scope'
            WHEN NOT who.sees_all AND NOT who.deciding AND e.location_id <> j.location_id
                THEN 'other_site:equipment_id'
            WHEN old.there THEN 'exists'
        END AS fault
        FROM unnest(ops) o
        LEFT JOIN LATERAL (SELECT x.* FROM public.jobs x WHERE x.id = (o.new ->> 'job_id')::uuid LIMIT 1) j ON true
        LEFT JOIN LATERAL (SELECT x.* FROM public.equipment_inventory x
            WHERE x.id = (o.new ->> 'equipment_id')::uuid LIMIT 1) e ON true
        LEFT JOIN LATERAL (SELECT x.location_id FROM sync.location_access x
            WHERE x.user_id = who.author AND x.location_id = j.location_id AND x.state = 'granted' LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT true AS there FROM public.data_capture_logs x
            WHERE x.id = o.row_id LIMIT 1) old ON true
    ), done AS (
        INSERT INTO public.data_capture_logs (id, job_id, equipment_id, technician_id, captured_fields,
            missing_fields, completion_percentage, captured_at)
        SELECT j.row_id, r.job_id, r.equipment_id, coalesce(r.technician_id, who.author), r.captured_fields,
            r.missing_fields, r.completion_percentage, coalesce(r.captured_at, now()::timestamp)
        FROM judged j, jsonb_populate_record(NULL::public.data_capture_logs, '{"missing_fields": []}' || j.new) r
        WHERE j.fault IS NULL
        RETURNING id, row_ver
    )
    SELECT array_agg(ROW(j.op_id, sync.outcome_of(j.fault), split_part(j.fault, ':', 1),
        nullif(split_part(j.fault, ':', 2), ''), d.row_ver, j.location_id, NULL)::sync.verdict) INTO verdicts
    FROM judged j LEFT JOIN done d ON d.id = j.row_id;
    RETURN verdicts;
END
$$;

CREATE FUNCTION sync.insert_photos(ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE verdicts sync.verdict[];
BEGIN
    WITH placed AS (
        SELECT o.op_id, o.row_id, o.new,
            (o.new ->> 'inspection_id')::uuid AS inspection_id, (o.new ->> 'job_id')::uuid AS job_id,
            (o.new ->> 'equipment_id')::uuid AS equipment_id, (o.new ->> 'location_id')::uuid AS stated_id,
            i.location_id AS at_inspection, j.location_id AS at_job, e.location_id AS at_equipment,
            coalesce(j.location_id, i.location_id, e.location_id, l.id) AS location_id
        FROM unnest(ops) o
        LEFT JOIN LATERAL (SELECT x.location_id FROM public.inspection_records x
            WHERE x.id = (o.new ->> 'inspection_id')::uuid LIMIT 1) i ON true
        LEFT JOIN LATERAL (SELECT x.* FROM public.jobs x WHERE x.id = (o.new ->> 'job_id')::uuid LIMIT 1) j ON true
        LEFT JOIN LATERAL (SELECT x.* FROM public.equipment_inventory x
            WHERE x.id = (o.new ->> 'equipment_id')::uuid LIMIT 1) e ON true
        LEFT JOIN LATERAL (SELECT x.* FROM public.locations x
            WHERE x.id = (o.new ->> 'location_id')::uuid LIMIT 1) l ON true
    ), judged AS (
        SELECT p.op_id, p.row_id, p.new, p.location_id, CASE
            -- Photos are taken before their inspection is completed, and a hundred of them fill a push: the inspection
            -- may come with the next one. Job or item say where they belong.
            WHEN p.inspection_id IS NOT NULL AND p.at_inspection IS NULL AND p.at_job IS NULL AND p.at_equipment IS NULL
                THEN sync.fault_of_missing('inspection_id', p.inspection_id)
            WHEN p.job_id IS NOT NULL AND p.at_job IS NULL THEN sync.fault_of_missing('job_id', p.job_id)
            WHEN p.equipment_id IS NOT NULL AND p.at_equipment IS NULL
                THEN sync.fault_of_missing('equipment_id', p.equipment_id)
            WHEN p.location_id IS NULL THEN sync.fault_of_missing('location_id', p.stated_id)
            WHEN p.new ->> 'sha256' IS NULL OR p.new ->> 'sha256' !~ '^[0-9a-f]{64}$' THEN 'bad_value:sha256'
            -- The server hashes the whole of it in memory, and nobody fills its disk with one row.
            WHEN (p.new ->> 'byte_count')::bigint > 67108864 THEN 'too_long:byte_count'
            WHEN NOT who.sees_all AND NOT who.deciding AND a.location_id IS NULL THEN 'out_of_scope'
            WHEN NOT who.sees_all AND NOT who.deciding AND (p.at_inspection <> p.location_id
                OR p.at_equipment <> p.location_id) THEN 'other_site:equipment_id'
            WHEN old.there THEN 'exists'
        END AS fault
        FROM placed p
        LEFT JOIN LATERAL (SELECT x.location_id FROM sync.location_access x
            WHERE x.user_id = who.author AND x.location_id = p.location_id AND x.state = 'granted' LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT true AS there FROM public.photos x WHERE x.id = p.row_id LIMIT 1) old ON true
    ), done AS (
        INSERT INTO public.photos (id, location_id, job_id, equipment_id, inspection_id, field_key, caption, sha256,
            mime, byte_count, width, height, taken_at, latitude, longitude, created_by)
        SELECT j.row_id, j.location_id, r.job_id, r.equipment_id, r.inspection_id, r.field_key, r.caption, r.sha256,
            r.mime, r.byte_count, r.width, r.height, r.taken_at, r.latitude, r.longitude, who.author
        FROM judged j, jsonb_populate_record(NULL::public.photos, j.new - 'state') r
        WHERE j.fault IS NULL
        RETURNING id, row_ver
    )
    SELECT array_agg(ROW(j.op_id, sync.outcome_of(j.fault), split_part(j.fault, ':', 1),
        nullif(split_part(j.fault, ':', 2), ''), d.row_ver, j.location_id, NULL)::sync.verdict) INTO verdicts
    FROM judged j LEFT JOIN done d ON d.id = j.row_id;
    RETURN verdicts;
END
$$;

CREATE FUNCTION sync.insert_performance_metrics(ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE verdicts sync.verdict[];
BEGIN
    INSERT INTO public.performance_metrics (id, function_name, duration_ms, success, error_message, metadata,
        recorded_at)
    SELECT o.row_id, r.function_name, r.duration_ms, r.success, r.error_message, r.metadata,
        coalesce(r.recorded_at, now()::timestamp)
    FROM unnest(ops) o, jsonb_populate_record(NULL::public.performance_metrics, '{"metadata": {}}' || o.new) r;
    SELECT array_agg(ROW(o.op_id, 'applied', NULL, NULL, NULL, NULL, NULL)::sync.verdict) INTO verdicts
    FROM unnest(ops) o;
    RETURN verdicts;
END
$$;

RESET ROLE;
