-- A pull of a few changes took two round trips and carried 340 bytes a row: each row told its site, its model and its times
-- anew, and each value how long it is. sync.pull answers in one, and leaves out what is the same in the row before. It is
-- the same difference, read under the same row security; a laptop of yesterday goes on asking as it did, and this one asks
-- a server of yesterday as before: version 3 says that the function is there.
SET LOCAL ROLE clara_owner;

INSERT INTO sync.schema (version, min_client) VALUES (3, 1);

RESET ROLE;
SET LOCAL ROLE clara_sync;

-- A line is one text: what sync.hello says; the names of sync.changed; then for each table that has changed '=' and its
-- name, and a line for each row: id, row_ver and the columns, between tabs. Nothing between two tabs, or no tabs any more:
-- as in the row before; before the first row all are null. \N is null, \E an empty text, \t a tab, \\ a backslash.
-- A single '+' ends an answer of more rows than are worth sending in one piece; so does the opening of a site, whose rows
-- are older than the snapshot. Then the laptop asks table by table.
-- The columns are those of version 3. A program that mirrors others brings a function of its own and leaves this one.
DO $make$
DECLARE
    most CONSTANT integer := 5000;
    body text := '';
    told text;
    held text;
    t record;
    c text;
BEGIN
    FOR t IN SELECT v.name, v.source, regexp_split_to_array(v.columns, '\s+') AS columns FROM (VALUES
        ('users', 'public.users',
         'full_name role is_active certification_numbers deleted_at'),
        ('devices', 'sync.device',
         'user_id name app_version last_seen_at unsent_count oldest_unsent_at revoked_at'),
        ('customers', 'public.customers',
         'company_name primary_contact_name primary_contact_email primary_contact_phone billing_address
            service_address notes metadata created_at updated_at deleted_at'),
        ('locations', 'public.locations',
         'customer_id location_name address latitude longitude access_notes emergency_contact_name
            emergency_contact_phone metadata created_at updated_at deleted_at'),
        ('jobs', 'public.jobs',
         'job_number customer_id location_id assigned_technician_id job_type job_status priority
            scheduled_date scheduled_time duration_estimate_minutes actual_start_time actual_end_time title
            description special_instructions checklist metadata created_at updated_at deleted_at'),
        ('equipment_inventory', 'public.equipment_inventory',
         'location_id equipment_model_id equipment_category manual_manufacturer manual_model_number
            serial_number installation_date status location_detail replacement_of_equipment_id
            replaced_by_equipment_id components notes metadata created_at updated_at deleted_at'),
        ('job_equipment', 'public.job_equipment',
         'job_id equipment_id location_id notes created_at deleted_at'),
        ('inspection_templates', 'public.inspection_templates',
         'template_key name equipment_category inspection_type standard edition revision frequency
            is_active deleted_at'),
        ('template_items', 'public.template_items',
         'template_id item_key section position label item_type unit is_required choices limit_min
            limit_max impossible_min impossible_max suspicious_min suspicious_max limit_source why condition
            deficiency deleted_at'),
        ('capture_requirements', 'public.capture_requirements',
         'equipment_category field_key label weight position condition hint deleted_at'),
        ('inspection_records', 'public.inspection_records',
         'job_id equipment_id inspector_id location_id template_id amends_inspection_id inspection_date
            inspection_type passed findings deficiencies recommendations measurements photo_urls
            next_inspection_due metadata created_at updated_at deleted_at'),
        ('data_capture_logs', 'public.data_capture_logs',
         'job_id equipment_id technician_id location_id captured_fields missing_fields
            completion_percentage captured_at'),
        ('photos', 'public.photos',
         'location_id job_id equipment_id inspection_id field_key caption sha256 mime byte_count width
            height taken_at latitude longitude state created_by created_at updated_at deleted_at'),
        ('conflicts', 'sync.conflict',
         'op_id location_id table_name row_id field base server client chosen policy author_id
            server_author_id created_at resolution resolved_by resolved_at'),
        ('parked_operations', 'sync.parked',
         'op_id device_id author_id location_id table_name row_id reason payload received_at decision
            decided_by decided_at decision_note'),
        ('manufacturers', 'public.manufacturers',
         'name website support_phone support_email headquarters_location metadata created_at updated_at
            deleted_at'),
        ('equipment_models', 'public.equipment_models',
         'manufacturer_id model_number product_name equipment_category electrical_specs pressure_specs
            temperature_specs flow_specs physical_specs year_introduced year_discontinued
            replacement_model_id maintenance_notes data_source confidence_score created_at updated_at
            deleted_at'),
        ('common_problems', 'public.common_problems',
         'equipment_model_id problem_description symptoms root_cause solution severity frequency
            typical_age_range related_parts estimated_repair_cost data_sources created_at updated_at
            deleted_at'),
        ('spec_limits', 'public.spec_limits',
         'equipment_model_id item_key label unit limit_min limit_max impossible_min impossible_max
            suspicious_min suspicious_max limit_source created_at updated_at deleted_at')
    ) AS v(name, source, columns)
    LOOP
        told := 'r.id';
        held := 't.id::text AS id';
        FOREACH c IN ARRAY 'row_ver'::text || t.columns LOOP
            held := held || format(', t.%1$I::text AS %1$I, lag(t.%1$I::text) OVER () AS %2$I', c, 'was_' || c);
            told := told || format(', CASE WHEN r.%1$I IS NOT DISTINCT FROM r.%2$I THEN '''' WHEN r.%1$I IS NULL THEN ''\N''
                WHEN r.%1$I = '''' THEN ''\E'' ELSE replace(replace(r.%1$I, ''\'', ''\\''), chr(9), ''\t'') END',
                c, 'was_' || c);
        END LOOP;
        body := body || format($branch$
            IF names ~ '\m%1$s\M' THEN
                RETURN NEXT '=%1$s';
                RETURN QUERY SELECT rtrim(concat_ws(chr(9), %2$s), chr(9)) FROM (
                    SELECT %3$s FROM %4$s t
                    WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since)
                    LIMIT %5$s) r;
                GET DIAGNOSTICS lines = ROW_COUNT;
                IF lines > %6$s THEN RETURN NEXT '+'; RETURN; END IF;
            END IF;$branch$, t.name, told, held, t.source, most + 1, most);
    END LOOP;
    EXECUTE format($function$
        CREATE FUNCTION sync.pull(device uuid, since pg_snapshot) RETURNS SETOF text
        LANGUAGE plpgsql STABLE
        SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
        SET plan_cache_mode = force_generic_plan
        AS $body$
        DECLARE
            names text := sync.changed(since);
            lines bigint;
        BEGIN
            RETURN NEXT sync.hello(device)::text;
            RETURN NEXT names;
            IF names ~ '\mlocation_access\M' THEN RETURN NEXT '+'; RETURN; END IF;
            IF names ~ '\mtombstone\M' THEN
                RETURN NEXT '=tombstone';
                RETURN QUERY SELECT concat_ws(chr(9), t.row_id, t.table_name) FROM sync.tombstone t
                    WHERE t.cx >= pg_snapshot_xmin(since) AND NOT pg_visible_in_snapshot(t.cx, since) LIMIT %2$s;
                GET DIAGNOSTICS lines = ROW_COUNT;
                IF lines > %3$s THEN RETURN NEXT '+'; RETURN; END IF;
            END IF;%1$s
        END
        $body$
    $function$, body, most + 1, most);
END
$make$;

GRANT EXECUTE ON FUNCTION sync.pull(uuid, pg_snapshot) TO clara_technician, clara_manager, clara_office, clara_admin;

RESET ROLE;
