-- Changes of rows that exist: one operation at a time under the row's lock, so that a merge sees what it merges with.
-- These functions run inside sync.push only: as its owner, with its search_path.
SET LOCAL ROLE clara_sync;

-- A deletion against an edit is a clash like any other and its record says so; the edit is kept.
CREATE FUNCTION sync.clash_with_delete(
    op sync.incoming, who sync.actor, location uuid, server jsonb, client jsonb, chosen text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    other uuid := sync.last_author(op.row_id, 'deleted_at');
    record_id uuid;
BEGIN
    INSERT INTO sync.conflict (op_id, location_id, table_name, row_id, field, base, server, client, chosen, policy,
        author_id, server_author_id)
    VALUES (op.op_id, location, op.entity, op.row_id, 'deleted_at', 'null', sync.wire('deleted_at', server),
        sync.wire('deleted_at', client), chosen, 'keep', who.author, other)
    RETURNING id INTO record_id;
    RETURN jsonb_build_object('id', record_id, 'field', 'deleted_at', 'base', 'null'::jsonb,
        'server', sync.wire('deleted_at', server), 'client', sync.wire('deleted_at', client), 'chosen', chosen);
END
$$;

CREATE FUNCTION sync.refused(op sync.incoming, fault text, location uuid) RETURNS sync.verdict
LANGUAGE sql IMMUTABLE
RETURN ROW(op.op_id, sync.outcome_of(fault), split_part(fault, ':', 1), nullif(split_part(fault, ':', 2), ''), NULL,
    location, NULL)::sync.verdict;

-- Whether somebody else has written the row since the laptop looked at it. The laptop's own operations of one
-- afternoon all carry the version it had in the morning.
CREATE FUNCTION sync.changed_by_others(op sync.incoming, who sync.actor, version bigint) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (
        SELECT version <> op.base_row_ver AND version IS DISTINCT FROM (
            -- Merged with others' changes once, it is not the laptop's own any more until the laptop has pulled.
            SELECT CASE o.outcome WHEN 'applied' THEN (o.detail ->> 'row_ver')::bigint END
            -- OFFSET 0: by the row, of which the ledger has a few operations, and not by the device, of which it has
            -- all.
            FROM (SELECT x.* FROM sync.op x WHERE x.payload ->> 'row_id' = op.row_id::text OFFSET 0) o
            WHERE o.device_id = who.device AND o.detail ? 'row_ver'
            ORDER BY o.seq DESC LIMIT 1));
END
$$;

-- For tables that laptops do not write in this way, and for those that do not exist.
CREATE FUNCTION sync.fault_of_entity(entity text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN entity IN ('users', 'devices', 'customers', 'locations', 'inspection_templates', 'template_items',
    'capture_requirements', 'data_capture_logs', 'conflicts', 'parked_operations', 'manufacturers', 'equipment_models',
    'common_problems', 'performance_metrics') THEN 'not_allowed' ELSE 'unknown_entity' END;

CREATE FUNCTION sync.change_row(op sync.incoming, who sync.actor) RETURNS sync.verdict
LANGUAGE plpgsql
AS $$
DECLARE
    fault text;
    current jsonb;
    location uuid;
    version bigint;
    others boolean;
    merged record;
    patch jsonb;
    notes jsonb := '[]';
BEGIN
    IF op.entity = 'inspection_records' THEN
        RETURN sync.refused(op, 'immutable', NULL);
    ELSIF op.entity NOT IN ('jobs', 'equipment_inventory', 'job_equipment', 'photos', 'locations') THEN
        RETURN sync.refused(op, sync.fault_of_entity(op.entity), NULL);
    ELSIF op.kind NOT IN ('update', 'delete') THEN
        RETURN sync.refused(op, 'unknown_kind', NULL);
    ELSIF op.kind = 'delete' AND (op.entity = 'locations' OR (op.entity <> 'photos' AND NOT who.sees_all)) THEN
        RETURN sync.refused(op, 'not_allowed', NULL);
    END IF;
    IF op.kind = 'update' THEN
        fault := sync.fault_of_fields(op.entity, op.new, false, who.sees_all);
        IF fault IS NOT NULL THEN RETURN sync.refused(op, fault, NULL); END IF;
    END IF;

    current := sync.lock_row(op.entity, op.row_id);
    IF current IS NULL THEN
        RETURN sync.refused(op, CASE
            WHEN sync.is_parked(op.row_id) THEN 'parent_parked'
            WHEN EXISTS (SELECT FROM sync.tombstone t WHERE t.table_name = op.entity AND t.row_id = op.row_id)
                THEN 'gone'
            ELSE 'no_such_row' END, NULL);
    END IF;
    location := (current ->> 'location_id')::uuid;
    version := (current ->> 'row_ver')::bigint;
    IF NOT who.sees_all AND NOT who.deciding AND NOT EXISTS (
            SELECT FROM sync.location_access a
            WHERE a.user_id = who.author AND a.location_id = location AND a.state = 'granted')
        -- A job may be somebody's before its site has been granted.
        AND NOT (op.entity = 'jobs' AND coalesce((current ->> 'assigned_technician_id')::uuid = who.author, false)) THEN
        RETURN sync.refused(op, 'out_of_scope', location);
    END IF;
    others := sync.changed_by_others(op, who, version);

    IF op.kind = 'delete' THEN
        IF current ->> 'deleted_at' IS NOT NULL THEN
            RETURN ROW(op.op_id, 'applied', NULL, NULL, version, location, NULL)::sync.verdict;
        ELSIF others THEN
            notes := jsonb_build_array(sync.clash_with_delete(op, who, location, NULL,
                to_jsonb(now() AT TIME ZONE 'UTC'), 'server'));
            RETURN ROW(op.op_id, 'conflict', NULL, NULL, version, location, notes)::sync.verdict;
        END IF;
        version := sync.write_row(op.entity, op.row_id, jsonb_build_object('deleted_at', now() AT TIME ZONE 'UTC'));
        RETURN ROW(op.op_id, 'applied', NULL, NULL, version, location, NULL)::sync.verdict;
    END IF;

    SELECT * INTO merged FROM sync.merge(op, who, current);
    patch := merged.patch;
    notes := merged.notes;
    IF patch ? 'location_id' AND NOT EXISTS (
            SELECT FROM public.locations l WHERE l.id = (patch ->> 'location_id')::uuid) THEN
        RETURN sync.refused(op, 'missing_reference:location_id', location);
    END IF;
    IF current ->> 'deleted_at' IS NOT NULL AND patch <> '{}' THEN
        notes := notes || jsonb_build_array(sync.clash_with_delete(op, who, location, current -> 'deleted_at', NULL,
            'client'));
        patch := patch || '{"deleted_at": null}';
    END IF;
    IF patch <> '{}' THEN
        version := sync.write_row(op.entity, op.row_id, patch);
    END IF;
    RETURN ROW(op.op_id,
        CASE WHEN notes <> '[]' THEN 'conflict' WHEN others THEN 'merged' ELSE 'applied' END,
        NULL, NULL, version, location, nullif(notes, '[]'))::sync.verdict;
END
$$;

-- SQLSTATE to one of our codes, with the column where it can be known. No text of PostgreSQL's leaves the server: it
-- quotes values.
CREATE FUNCTION sync.fault_of_error(op sync.incoming, state text, relation text, column_name text, constraint_name text)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    field text := nullif(column_name, '');
    name text;
    code text;
BEGIN
    IF field IS NULL AND constraint_name <> '' THEN
        SELECT a.attname INTO field
        FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
        WHERE c.conname = constraint_name AND op.new ? a.attname::text
        LIMIT 1;
    END IF;
    -- Bad input names no column: try the fields one by one, on this path alone.
    IF field IS NULL AND state LIKE '22%' THEN
        FOR name IN SELECT jsonb_object_keys(op.new) LOOP
            BEGIN
                PERFORM sync.typed_any(op.entity, jsonb_build_object(name, op.new -> name));
            EXCEPTION WHEN data_exception THEN
                field := name;
                EXIT;
            END;
        END LOOP;
    END IF;
    code := CASE
        WHEN state = '22001' OR state LIKE '54%' THEN 'too_long'
        WHEN state = '23502' THEN 'missing_value'
        WHEN state = '23503' THEN 'missing_reference'
        WHEN state = '23505' AND coalesce(field, 'id') = 'id' THEN 'exists'
        ELSE 'bad_value'
    END;
    RETURN code || coalesce(':' || field, '');
END
$$;

CREATE FUNCTION sync.typed_any(entity text, fields jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN CASE entity
        WHEN 'inspection_records' THEN to_jsonb(jsonb_populate_record(NULL::public.inspection_records, fields))
        WHEN 'data_capture_logs' THEN to_jsonb(jsonb_populate_record(NULL::public.data_capture_logs, fields))
        WHEN 'performance_metrics' THEN to_jsonb(jsonb_populate_record(NULL::public.performance_metrics, fields))
        ELSE sync.typed(entity, fields)
    END;
END
$$;

-- All inserts of one table in one statement; where that fails, halves of them, down to the one at fault.
CREATE FUNCTION sync.insert_rows(entity text, ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE
    half integer := cardinality(ops) / 2;
    state text;
    relation text;
    column_name text;
    constraint_name text;
BEGIN
    RETURN CASE entity
        WHEN 'jobs' THEN sync.insert_jobs(ops, who)
        WHEN 'equipment_inventory' THEN sync.insert_equipment_inventory(ops, who)
        WHEN 'job_equipment' THEN sync.insert_job_equipment(ops, who)
        WHEN 'inspection_records' THEN sync.insert_inspection_records(ops, who)
        WHEN 'data_capture_logs' THEN sync.insert_data_capture_logs(ops, who)
        WHEN 'photos' THEN sync.insert_photos(ops, who)
        WHEN 'performance_metrics' THEN sync.insert_performance_metrics(ops, who)
    END;
-- Permanent refusals only. Locks, deadlocks and shutdowns go up and fail the whole push, which is sent again.
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR raise_exception THEN
    IF half = 0 THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, relation = TABLE_NAME, column_name = COLUMN_NAME,
            constraint_name = CONSTRAINT_NAME;
        RETURN ARRAY[sync.refused(ops[1],
            sync.fault_of_error(ops[1], state, relation, column_name, constraint_name), NULL)];
    END IF;
    RETURN sync.insert_rows(entity, ops[1:half], who) || sync.insert_rows(entity, ops[half + 1:], who);
END
$$;

-- New rows of one table: what cannot be taken is sorted out by its fields first.
CREATE FUNCTION sync.insert_batch(entity text, ops sync.incoming[], who sync.actor) RETURNS sync.verdict[]
LANGUAGE plpgsql
AS $$
DECLARE
    taken text[];
    good sync.incoming[];
    verdicts sync.verdict[] := '{}';
BEGIN
    SELECT array_agg(p.field) INTO taken FROM sync.field_policy p
    WHERE p.table_name = insert_batch.entity
      AND (p.inserted_by IN ('anyone', 'server') OR (p.inserted_by = 'office' AND who.sees_all));
    SELECT array_agg(o ORDER BY o.seq) INTO good FROM unnest(ops) o
    WHERE o.new - taken = '{}' AND octet_length(o.new::text) <= 262144 AND NOT o.new @? '$.**{66}';
    IF good IS NULL OR cardinality(good) < cardinality(ops) THEN
        SELECT array_agg(v) FILTER (WHERE f.fault IS NOT NULL),
            array_agg(o ORDER BY o.seq) FILTER (WHERE f.fault IS NULL)
        INTO verdicts, good
        FROM unnest(ops) o
        CROSS JOIN LATERAL (SELECT sync.fault_of_fields(insert_batch.entity, o.new, true, who.sees_all) AS fault) f
        CROSS JOIN LATERAL (SELECT sync.refused(o, f.fault, NULL) AS v) r;
        verdicts := coalesce(verdicts, '{}');
    END IF;
    IF good IS NOT NULL THEN
        verdicts := verdicts || sync.insert_rows(entity, good, who);
    END IF;
    RETURN verdicts;
END
$$;

RESET ROLE;
