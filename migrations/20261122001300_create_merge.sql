-- Two people changed one row. A merge is three-way and by field: what the laptop had started from, what the server has
-- now, what the laptop wants. Whatever loses is kept in sync.conflict.
-- These functions run inside sync.push only: as its owner, with its search_path. Those that are called one at a time
-- are plpgsql, which keeps their plans; a function in SQL is planned anew at every such call.
SET LOCAL ROLE clara_sync;

-- Values as the columns' types write them, so that 12.5 and 12.50, or two spellings of one time, are no difference.
-- Raises where a value is none of the column's type.
CREATE FUNCTION sync.typed(entity text, fields jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN CASE entity
        WHEN 'jobs' THEN to_jsonb(jsonb_populate_record(NULL::public.jobs, fields))
        WHEN 'equipment_inventory' THEN to_jsonb(jsonb_populate_record(NULL::public.equipment_inventory, fields))
        WHEN 'job_equipment' THEN to_jsonb(jsonb_populate_record(NULL::public.job_equipment, fields))
        WHEN 'photos' THEN to_jsonb(jsonb_populate_record(NULL::public.photos, fields))
        WHEN 'locations' THEN to_jsonb(jsonb_populate_record(NULL::public.locations, fields))
    END;
END
$$;

-- The row as JSON, locked against everybody else who would change it; null where there is none.
CREATE FUNCTION sync.lock_row(entity text, id uuid) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    found_row jsonb;
BEGIN
    CASE entity
        WHEN 'jobs' THEN
            SELECT to_jsonb(t) INTO found_row FROM public.jobs t WHERE t.id = lock_row.id FOR NO KEY UPDATE;
        WHEN 'equipment_inventory' THEN
            SELECT to_jsonb(t) INTO found_row FROM public.equipment_inventory t WHERE t.id = lock_row.id
            FOR NO KEY UPDATE;
        WHEN 'job_equipment' THEN
            SELECT to_jsonb(t) INTO found_row FROM public.job_equipment t WHERE t.id = lock_row.id FOR NO KEY UPDATE;
        WHEN 'photos' THEN
            SELECT to_jsonb(t) INTO found_row FROM public.photos t WHERE t.id = lock_row.id FOR NO KEY UPDATE;
        WHEN 'locations' THEN
            SELECT to_jsonb(t) || jsonb_build_object('location_id', t.id) INTO found_row
            FROM public.locations t WHERE t.id = lock_row.id FOR NO KEY UPDATE;
    END CASE;
    RETURN found_row;
END
$$;

-- Writes some columns of a row and answers its new version.
CREATE FUNCTION sync.write_row(entity text, id uuid, patch jsonb) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    version bigint;
BEGIN
    CASE entity
        WHEN 'jobs' THEN
            UPDATE public.jobs t SET (assigned_technician_id, job_type, job_status, priority, scheduled_date,
                scheduled_time, duration_estimate_minutes, actual_start_time, actual_end_time, title, description,
                special_instructions, checklist, metadata, deleted_at)
            = (SELECT r.assigned_technician_id, r.job_type, r.job_status, r.priority, r.scheduled_date,
                r.scheduled_time, r.duration_estimate_minutes, r.actual_start_time, r.actual_end_time, r.title,
                r.description, r.special_instructions, r.checklist, r.metadata, r.deleted_at
                FROM jsonb_populate_record(t, patch) r)
            WHERE t.id = write_row.id RETURNING t.row_ver INTO version;
        WHEN 'equipment_inventory' THEN
            UPDATE public.equipment_inventory t SET (location_id, equipment_model_id, equipment_category,
                manual_manufacturer, manual_model_number, serial_number, installation_date, status, location_detail,
                replacement_of_equipment_id, replaced_by_equipment_id, components, notes, metadata, deleted_at)
            = (SELECT r.location_id, r.equipment_model_id, r.equipment_category, r.manual_manufacturer,
                r.manual_model_number, r.serial_number, r.installation_date, r.status, r.location_detail,
                r.replacement_of_equipment_id, r.replaced_by_equipment_id, r.components, r.notes, r.metadata,
                r.deleted_at
                FROM jsonb_populate_record(t, patch) r)
            WHERE t.id = write_row.id RETURNING t.row_ver INTO version;
        WHEN 'job_equipment' THEN
            UPDATE public.job_equipment t SET (notes, deleted_at)
            = (SELECT r.notes, r.deleted_at FROM jsonb_populate_record(t, patch) r)
            WHERE t.id = write_row.id RETURNING t.row_ver INTO version;
        WHEN 'photos' THEN
            UPDATE public.photos t SET (caption, deleted_at)
            = (SELECT r.caption, r.deleted_at FROM jsonb_populate_record(t, patch) r)
            WHERE t.id = write_row.id RETURNING t.row_ver INTO version;
        WHEN 'locations' THEN
            UPDATE public.locations t SET (location_name, address, latitude, longitude, access_notes,
                emergency_contact_name, emergency_contact_phone, metadata)
            = (SELECT r.location_name, r.address, r.latitude, r.longitude, r.access_notes, r.emergency_contact_name,
                r.emergency_contact_phone, r.metadata FROM jsonb_populate_record(t, patch) r)
            WHERE t.id = write_row.id RETURNING t.row_ver INTO version;
    END CASE;
    RETURN version;
END
$$;

-- A checklist is an array whose items carry a key; merged it is an object by that key.
CREATE FUNCTION sync.items_by_key(items jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
    RETURN (
        SELECT CASE jsonb_typeof(items)
            WHEN 'object' THEN items
            WHEN 'array' THEN coalesce((SELECT jsonb_object_agg(i ->> 'key', i) FROM jsonb_array_elements(items) i
                WHERE jsonb_typeof(i) = 'object' AND i ? 'key'), '{}')
            ELSE '{}'
        END);
END
$$;

-- Puts changed items into a checklist: in their old places, new ones at the end, null takes one out.
CREATE FUNCTION sync.put_items(items jsonb, changed jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(item ORDER BY place, key), '[]')
        FROM (
            SELECT place, '' AS key, CASE WHEN changed ? (i ->> 'key') THEN changed -> (i ->> 'key') ELSE i END AS item
            FROM jsonb_array_elements(CASE jsonb_typeof(items) WHEN 'array' THEN items ELSE '[]' END)
                WITH ORDINALITY AS old (i, place)
            UNION ALL
            SELECT 9223372036854775807, c.key, c.value
            FROM jsonb_each(changed) c
            WHERE NOT sync.items_by_key(items) ? c.key
        ) whole
        WHERE item <> 'null');
END
$$;

-- Puts changed keys into a document; null takes one out.
CREATE FUNCTION sync.put_keys(document jsonb, changed jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
    RETURN (
        SELECT ((CASE jsonb_typeof(document) WHEN 'object' THEN document ELSE '{}' END) || changed)
            - ARRAY(SELECT e.key FROM jsonb_each(changed) e WHERE e.value = 'null'));
END
$$;

-- Both of two texts, or of two lists, without what they share twice.
CREATE FUNCTION sync.union_of(server jsonb, client jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE
        WHEN server IS NULL OR server = 'null' OR server = '""' THEN client
        WHEN client IS NULL OR client = 'null' OR client = '""' THEN server
        WHEN jsonb_typeof(server) = 'string' AND jsonb_typeof(client) = 'string' THEN to_jsonb(
            (server #>> '{}') || coalesce((
                SELECT E'\n' || string_agg(line, E'\n' ORDER BY place)
                FROM regexp_split_to_table(client #>> '{}', E'\r?\n') WITH ORDINALITY AS added (line, place)
                WHERE line <> ALL (regexp_split_to_array(server #>> '{}', E'\r?\n'))), ''))
        WHEN jsonb_typeof(server) = 'array' AND jsonb_typeof(client) = 'array' THEN
            server || coalesce((SELECT jsonb_agg(i ORDER BY place)
                FROM jsonb_array_elements(client) WITH ORDINALITY AS added (i, place)
                WHERE NOT server @> jsonb_build_array(i)), '[]')
        ELSE client
    END
$$;

-- As values travel: times carry their zone, null is a JSON null.
CREATE FUNCTION sync.wire(field text, value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE
        WHEN value IS NULL THEN 'null'::jsonb
        WHEN field IN ('actual_start_time', 'actual_end_time', 'deleted_at') AND jsonb_typeof(value) = 'string'
            THEN to_jsonb(to_char((value #>> '{}')::timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        ELSE value
    END
$$;

-- Who last wrote a field through sync.push; null where the office's own program did, or nobody knows.
CREATE FUNCTION sync.last_author(row_id uuid, field text) RETURNS uuid
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (
        SELECT o.author
        -- OFFSET 0: by the row, and not backwards through the whole ledger by time.
        FROM (SELECT x.* FROM sync.op x WHERE x.payload ->> 'row_id' = last_author.row_id::text OFFSET 0) o
        WHERE o.outcome IN ('applied', 'merged', 'conflict')
          AND o.payload -> 'new' ? split_part(last_author.field, '.', 1)
        ORDER BY o.received_at DESC LIMIT 1);
END
$$;

-- Records a clash and says which value stands: its `value`, and `chosen`.
CREATE FUNCTION sync.clash(
    op sync.incoming, who sync.actor, location uuid, field text, base jsonb, server jsonb, client jsonb,
    OUT value jsonb, OUT note jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
    column_name text := split_part(field, '.', 1);
    rule sync.clash_policy;
    other uuid := sync.last_author(op.row_id, field);
    other_role public.user_role;
    chosen text;
    record_id uuid;
BEGIN
    SELECT p.policy INTO rule FROM sync.field_policy p WHERE p.table_name = op.entity AND p.field = column_name;
    SELECT u.role INTO other_role FROM public.users u WHERE u.id = other;
    value := client;
    chosen := 'client';
    CASE rule
        WHEN 'technician' THEN
            -- A write from the office does not overrule what a technician has seen.
            IF who.sees_all AND other_role = 'technician' THEN chosen := 'server'; END IF;
        WHEN 'office' THEN
            IF NOT who.sees_all AND other_role IS DISTINCT FROM 'technician' THEN chosen := 'server'; END IF;
        WHEN 'union' THEN
            value := sync.union_of(server, client);
        WHEN 'max' THEN
            IF server IS NOT NULL AND server <> 'null' AND (client IS NULL OR client = 'null' OR server > client) THEN
                chosen := 'server';
            END IF;
        ELSE
            chosen := 'server';
    END CASE;
    IF chosen = 'server' THEN value := server; END IF;

    INSERT INTO sync.conflict (op_id, location_id, table_name, row_id, field, base, server, client, chosen, policy,
        author_id, server_author_id)
    VALUES (op.op_id, location, op.entity, op.row_id, field, sync.wire(field, base), sync.wire(field, server),
        sync.wire(field, client), chosen, rule, who.author, other)
    RETURNING id INTO record_id;
    note := jsonb_build_object('id', record_id, 'field', field, 'base', sync.wire(field, base),
        'server', sync.wire(field, server), 'client', sync.wire(field, client), 'chosen', chosen);
END
$$;

-- The columns to write, and the clashes met.
CREATE FUNCTION sync.merge(
    op sync.incoming, who sync.actor, current jsonb, OUT patch jsonb, OUT notes jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
    base jsonb := sync.typed(op.entity, op.base);
    wanted jsonb := sync.typed(op.entity, op.new);
    location uuid := (current ->> 'location_id')::uuid;
    column_name text;
    part text;
    b jsonb;
    s jsonb;
    n jsonb;
    parts jsonb;
    result record;
BEGIN
    patch := '{}';
    notes := '[]';
    FOR column_name IN SELECT jsonb_object_keys(op.new) LOOP
        CONTINUE WHEN EXISTS (SELECT FROM sync.field_policy p
            WHERE p.table_name = op.entity AND p.field = column_name AND p.updated_by = 'server');
        IF column_name IN ('components', 'measurements', 'metadata', 'checklist')
            AND jsonb_typeof(op.new -> column_name) IN ('object', 'array') THEN
            s := CASE column_name WHEN 'checklist' THEN sync.items_by_key(current -> column_name)
                ELSE coalesce(nullif(current -> column_name, 'null'), '{}') END;
            b := sync.items_by_key(op.base -> column_name);
            parts := '{}';
            FOR part, n IN SELECT * FROM jsonb_each(sync.items_by_key(op.new -> column_name)) LOOP
                IF coalesce(s -> part, 'null') = n THEN
                    NULL;
                ELSIF coalesce(s -> part, 'null') = coalesce(b -> part, 'null') THEN
                    parts := parts || jsonb_build_object(part, n);
                ELSE
                    SELECT * INTO result FROM sync.clash(op, who, location, column_name || '.' || part,
                        b -> part, s -> part, n);
                    notes := notes || jsonb_build_array(result.note);
                    IF coalesce(result.value, 'null') <> coalesce(s -> part, 'null') THEN
                        parts := parts || jsonb_build_object(part, result.value);
                    END IF;
                END IF;
            END LOOP;
            IF parts <> '{}' THEN
                patch := patch || jsonb_build_object(column_name, CASE column_name
                    WHEN 'checklist' THEN sync.put_items(current -> column_name, parts)
                    ELSE sync.put_keys(s, parts)
                    END);
            END IF;
        ELSE
            b := base -> column_name;
            s := current -> column_name;
            n := wanted -> column_name;
            IF s = n THEN
                NULL;
            ELSIF s = b THEN
                patch := patch || jsonb_build_object(column_name, n);
            ELSE
                SELECT * INTO result FROM sync.clash(op, who, location, column_name, b, s, n);
                notes := notes || jsonb_build_array(result.note);
                IF result.value <> s THEN
                    patch := patch || jsonb_build_object(column_name, result.value);
                END IF;
            END IF;
        END IF;
    END LOOP;
END
$$;

RESET ROLE;
