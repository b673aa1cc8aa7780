-- Changes of rows that nobody else has touched since the laptop saw them, all rows of a table in one statement. Where
-- the version is still the one the laptop saw, every old value is too, and there is nothing to merge. A row that
-- somebody changes at this very moment fails the comparison when its lock is had, and goes the long way.
-- These functions run inside sync.push only: as its owner, with its search_path.
SET LOCAL ROLE clara_sync;

-- What to write for changed fields: documents that merge by key as a whole, from their present value.
CREATE FUNCTION sync.whole_fields(changed jsonb, components jsonb, metadata jsonb, checklist jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT changed
        || CASE WHEN jsonb_typeof(changed -> 'components') = 'object'
            THEN jsonb_build_object('components', sync.put_keys(components, changed -> 'components')) ELSE '{}' END
        || CASE WHEN jsonb_typeof(changed -> 'metadata') = 'object'
            THEN jsonb_build_object('metadata', sync.put_keys(metadata, changed -> 'metadata')) ELSE '{}' END
        || CASE WHEN changed ? 'checklist'
            THEN jsonb_build_object('checklist', sync.put_items(checklist, sync.items_by_key(changed -> 'checklist')))
            ELSE '{}' END
$$;

-- Verdicts of those it could do; the rest are left to be judged one by one. The array of ids beside the join, and
-- num_nulls in place of IS NULL, keep the planner from walking the partial index on deleted_at, which is the whole
-- table, for every row; it does so where it has no statistics.
CREATE FUNCTION sync.update_rows(entity text, ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE
    taken text[];
    plain sync.incoming[];
    ids uuid[];
    verdicts sync.verdict[];
BEGIN
    SELECT array_agg(p.field) INTO taken FROM sync.field_policy p
    WHERE p.table_name = update_rows.entity AND p.field <> 'location_id'
      AND (p.updated_by = 'anyone' OR (p.updated_by = 'office' AND who.sees_all));
    SELECT array_agg(o), array_agg(o.row_id) INTO plain, ids FROM unnest(ops) o
    WHERE o.new - taken = '{}' AND octet_length(o.new::text) <= 262144 AND NOT o.new @? '$.**{66}';
    IF plain IS NULL THEN RETURN '{}'; END IF;
    CASE entity
        WHEN 'jobs' THEN
            WITH done AS (
                UPDATE public.jobs t SET (assigned_technician_id, job_type, job_status, priority, scheduled_date,
                    scheduled_time, duration_estimate_minutes, actual_start_time, actual_end_time, title, description,
                    special_instructions, checklist, metadata)
                = (SELECT r.assigned_technician_id, r.job_type, r.job_status, r.priority, r.scheduled_date,
                    r.scheduled_time, r.duration_estimate_minutes, r.actual_start_time, r.actual_end_time, r.title,
                    r.description, r.special_instructions, r.checklist, r.metadata
                    FROM jsonb_populate_record(t, sync.whole_fields(o.new, NULL, t.metadata, t.checklist)) r)
                FROM unnest(plain) o
                WHERE t.id = ANY (ids) AND t.id = o.row_id AND t.row_ver = o.base_row_ver
                  AND num_nulls(t.deleted_at) = 1
                  AND (who.sees_all OR t.assigned_technician_id = who.author OR EXISTS (
                    SELECT FROM sync.location_access a
                    WHERE a.user_id = who.author AND a.location_id = t.location_id AND a.state = 'granted'))
                RETURNING o.op_id, t.row_ver, t.location_id
            )
            SELECT array_agg(ROW(d.op_id, 'applied', NULL, NULL, d.row_ver, d.location_id, NULL)::sync.verdict)
            INTO verdicts FROM done d;
        WHEN 'equipment_inventory' THEN
            WITH done AS (
                UPDATE public.equipment_inventory t SET (equipment_model_id, equipment_category, manual_manufacturer,
                    manual_model_number, serial_number, installation_date, status, location_detail,
                    replacement_of_equipment_id, replaced_by_equipment_id, components, notes, metadata)
                = (SELECT r.equipment_model_id, r.equipment_category, r.manual_manufacturer, r.manual_model_number,
                    r.serial_number, r.installation_date, r.status, r.location_detail, r.replacement_of_equipment_id,
                    r.replaced_by_equipment_id, r.components, r.notes, r.metadata
                    FROM jsonb_populate_record(t, sync.whole_fields(o.new, t.components, t.metadata, NULL)) r)
                FROM unnest(plain) o
                WHERE t.id = ANY (ids) AND t.id = o.row_id AND t.row_ver = o.base_row_ver
                  AND num_nulls(t.deleted_at) = 1
                  AND (who.sees_all OR EXISTS (
                    SELECT FROM sync.location_access a
                    WHERE a.user_id = who.author AND a.location_id = t.location_id AND a.state = 'granted'))
                RETURNING o.op_id, t.row_ver, t.location_id
            )
            SELECT array_agg(ROW(d.op_id, 'applied', NULL, NULL, d.row_ver, d.location_id, NULL)::sync.verdict)
            INTO verdicts FROM done d;
        WHEN 'photos' THEN
            WITH done AS (
                UPDATE public.photos t SET caption = r.caption
                FROM unnest(plain) o, jsonb_populate_record(NULL::public.photos, o.new) r
                WHERE t.id = ANY (ids) AND t.id = o.row_id AND t.row_ver = o.base_row_ver
                  AND num_nulls(t.deleted_at) = 1
                  AND o.new ? 'caption'
                  AND (who.sees_all OR EXISTS (
                    SELECT FROM sync.location_access a
                    WHERE a.user_id = who.author AND a.location_id = t.location_id AND a.state = 'granted'))
                RETURNING o.op_id, t.row_ver, t.location_id
            )
            SELECT array_agg(ROW(d.op_id, 'applied', NULL, NULL, d.row_ver, d.location_id, NULL)::sync.verdict)
            INTO verdicts FROM done d;
        WHEN 'locations' THEN
            WITH done AS (
                UPDATE public.locations t SET (location_name, address, latitude, longitude, access_notes,
                    emergency_contact_name, emergency_contact_phone, metadata)
                = (SELECT r.location_name, r.address, r.latitude, r.longitude, r.access_notes,
                    r.emergency_contact_name, r.emergency_contact_phone, r.metadata
                    FROM jsonb_populate_record(t, sync.whole_fields(o.new, NULL, t.metadata, NULL)) r)
                FROM unnest(plain) o
                WHERE t.id = ANY (ids) AND t.id = o.row_id AND t.row_ver = o.base_row_ver
                  AND num_nulls(t.deleted_at) = 1
                  AND (who.sees_all OR EXISTS (
                    SELECT FROM sync.location_access a
                    WHERE a.user_id = who.author AND a.location_id = t.id AND a.state = 'granted'))
                RETURNING o.op_id, t.row_ver, t.id AS location_id
            )
            SELECT array_agg(ROW(d.op_id, 'applied', NULL, NULL, d.row_ver, d.location_id, NULL)::sync.verdict)
            INTO verdicts FROM done d;
    END CASE;
    RETURN coalesce(verdicts, '{}');
-- One value at fault undoes the statement; then each operation gets its own verdict the long way.
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR raise_exception THEN
    RETURN '{}';
END
$$;

RESET ROLE;
