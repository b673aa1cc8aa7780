-- The one way in which a laptop writes. Laptop roles hold no INSERT, UPDATE or DELETE on any business table; this
-- function authorises every operation by itself, and what it did is in the ledger, in the same transaction.
SET LOCAL ROLE clara_sync;

-- Operations of an older program, told as today's would. Laptops stay old and offline for weeks, and work done on
-- them must be taken all the same: a version stays here for at least three more. Version 1 is the first and the
-- current one; version 2 will replace this function by one that looks at `schema_version`.
CREATE FUNCTION sync.upcast(operation jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN operation;

-- STABLE and not more, as jsonb_build_object is: otherwise it would not be inlined, and cost more than the insert.
CREATE FUNCTION sync.receipt(verdict sync.verdict, applied_xid text) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object('op_id', verdict.op_id, 'outcome', verdict.outcome, 'duplicate', false,
    'row_ver', verdict.row_ver, 'applied_xid', applied_xid, 'code', nullif(verdict.code, ''), 'field', verdict.field,
    'message', CASE WHEN verdict.code <> '' THEN sync.sentence(verdict.code, verdict.field) END,
    'conflicts', coalesce(verdict.conflicts, '[]'));

-- Answers {"receipts": […]}, or {"refused": code} where the device may not push at all.
CREATE FUNCTION sync.push(device uuid, ops jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    xid text;
    me uuid := app.me();
    who sync.actor;
    laptop sync.device;
    batch sync.incoming[];
    known uuid[];
    verdicts sync.verdict[] := '{}';
    replayed jsonb := '[]';
    answers jsonb;
    table_name text;
    group_ops sync.incoming[];
    op sync.incoming;
    verdict sync.verdict;
    made sync.verdict[];
    seen jsonb;
BEGIN
    IF jsonb_typeof(ops) IS DISTINCT FROM 'array' OR jsonb_array_length(ops) > 100 THEN
        RAISE EXCEPTION 'a push holds an array of at most 100 operations' USING ERRCODE = '54000';
    END IF;
    -- The row's lock makes pushes of one device follow each other: a push sent again while the first is still at
    -- work waits here, and then finds its receipts.
    SELECT * INTO laptop FROM sync.device d WHERE d.id = device FOR UPDATE;
    IF me IS NULL OR laptop.id IS NULL OR laptop.user_id <> me THEN
        RETURN '{"refused": "device_unknown"}';
    ELSIF laptop.revoked_at IS NOT NULL THEN
        RETURN '{"refused": "device_revoked"}';
    ELSIF laptop.cloned_at IS NOT NULL THEN
        RETURN '{"refused": "device_cloned"}';
    END IF;
    xid := pg_current_xact_id()::text;
    who := ROW(device, me, app.sees_all(), false)::sync.actor;

    -- The sequence and the measured clock are the laptop's business and may differ when an operation is sent again.
    SELECT array_agg(ROW(r.op_id, r.seq, r.root_id, r.entity, r.row_id, r.kind, r.base_row_ver, coalesce(r.base, '{}'),
        coalesce(r.new, '{}'), sha256(convert_to((p.payload - '{seq,clock_offset_ms}'::text[])::text, 'UTF8')),
        p.payload)::sync.incoming ORDER BY r.seq)
    INTO batch
    FROM (SELECT sync.upcast(o) AS payload FROM jsonb_array_elements(ops) o) p
    CROSS JOIN LATERAL jsonb_to_record(p.payload) AS r(op_id uuid, seq bigint, root_id uuid, entity text, row_id uuid,
        kind text, base_row_ver bigint, base jsonb, new jsonb);
    IF batch IS NULL THEN RETURN '{"receipts": []}'; END IF;
    IF (SELECT count(*) > count(DISTINCT b.op_id) FROM unnest(batch) b) THEN
        RAISE EXCEPTION 'an operation comes twice in one push' USING ERRCODE = '22023';
    END IF;

    -- One place in one device's history, two contents: there are two of this laptop. Nothing of this push is taken;
    -- it stays in the outbox and is sent again under a new device.
    IF EXISTS (SELECT FROM unnest(batch) b
            CROSS JOIN LATERAL (SELECT x.op_id FROM sync.op x
                WHERE x.device_id = device AND x.seq = b.seq LIMIT 1) o
            WHERE o.op_id <> b.op_id)
        OR (SELECT count(DISTINCT b.seq) < count(DISTINCT b.op_id) FROM unnest(batch) b) THEN
        UPDATE sync.device d SET cloned_at = now() AT TIME ZONE 'UTC' WHERE d.id = device;
        RETURN '{"refused": "device_cloned"}';
    END IF;

    SELECT coalesce(array_agg(o.op_id), '{}'), coalesce(jsonb_agg(CASE
            WHEN o.op_hash = b.op_hash THEN o.detail || jsonb_build_object('op_id', o.op_id, 'outcome', o.outcome,
                -- From before a dump was loaded into a younger cluster it would lie in the future, and the laptop
                -- would wait for ever to see it.
                'applied_xid', (CASE WHEN o.applied_xid < pg_current_xact_id() THEN o.applied_xid
                    WHEN o.applied_xid IS NOT NULL THEN pg_current_xact_id() END)::text, 'duplicate', true)
            ELSE sync.receipt(sync.refused(b, 'op_changed', NULL), NULL) END), '[]')
    INTO known, replayed
    FROM unnest(batch) b
    CROSS JOIN LATERAL (SELECT x.* FROM sync.op x WHERE x.op_id = b.op_id LIMIT 1) o;
    IF known <> '{}' THEN
        SELECT array_agg(b ORDER BY b.seq) INTO batch FROM unnest(batch) b WHERE b.op_id <> ALL (known);
        IF batch IS NULL THEN RETURN jsonb_build_object('receipts', replayed); END IF;
    END IF;

    -- New rows, parents before children. An insert depends on no change of another row, so taking them first keeps
    -- the order within every aggregate.
    FOREACH table_name IN ARRAY ARRAY['jobs', 'equipment_inventory', 'job_equipment', 'inspection_records',
        'data_capture_logs', 'photos', 'performance_metrics']
    LOOP
        SELECT array_agg(b ORDER BY b.seq) INTO group_ops FROM unnest(batch) b
        WHERE b.kind = 'insert' AND b.entity = table_name;
        CONTINUE WHEN group_ops IS NULL;
        made := sync.insert_batch(table_name, group_ops, who);
        PERFORM sync.park(group_ops, made, who);
        verdicts := verdicts || made;
    END LOOP;

    SELECT coalesce(jsonb_object_agg(b.row_id, v.row_ver), '{}') INTO seen
    FROM unnest(verdicts) v JOIN unnest(batch) b ON b.op_id = v.op_id WHERE v.row_ver IS NOT NULL;

    -- Rows that nobody has touched since the laptop saw them, one operation each: there is nothing to merge.
    FOREACH table_name IN ARRAY ARRAY['jobs', 'equipment_inventory', 'photos', 'locations'] LOOP
        SELECT array_agg(b) INTO group_ops FROM unnest(batch) b
        WHERE b.kind = 'update' AND b.entity = table_name
          AND NOT EXISTS (SELECT FROM unnest(batch) c WHERE c.row_id = b.row_id AND c.op_id <> b.op_id);
        CONTINUE WHEN group_ops IS NULL;
        verdicts := verdicts || sync.update_rows(table_name, group_ops, who);
    END LOOP;

    -- Everything else one by one, under the row's lock.
    FOR op IN SELECT b.* FROM unnest(batch) b
        WHERE b.op_id NOT IN (SELECT v.op_id FROM unnest(verdicts) v) ORDER BY b.seq
    LOOP
        IF op.kind = 'insert' AND op.entity = 'parked_operations' THEN
            verdict := sync.hand_over(op, who);
        ELSIF op.kind = 'insert' THEN
            verdict := sync.refused(op, sync.fault_of_entity(op.entity), NULL);
        ELSE
            -- The laptop's own earlier operation on the row moved its version: that is no change by others.
            IF seen ? op.row_id::text THEN op.base_row_ver := (seen ->> op.row_id::text)::bigint; END IF;
            verdict := sync.apply_one(op, who);
            IF verdict.outcome = 'applied' AND verdict.row_ver IS NOT NULL THEN
                seen := seen || jsonb_build_object(op.row_id, verdict.row_ver);
            END IF;
            IF verdict.outcome = 'parked' THEN
                PERFORM sync.park(ARRAY[op], ARRAY[verdict], who);
            END IF;
        END IF;
        verdicts := verdicts || verdict;
    END LOOP;

    WITH written AS (
        INSERT INTO sync.op (op_id, device_id, seq, author, op_hash, payload, outcome, applied_xid, detail)
        SELECT b.op_id, device, b.seq, me, b.op_hash, b.payload, v.outcome,
            CASE WHEN v.outcome IN ('applied', 'merged', 'conflict') THEN xid::xid8 END,
            jsonb_strip_nulls(sync.receipt(v, NULL) - '{op_id,outcome,duplicate,applied_xid,conflicts}'::text[])
                || CASE WHEN v.conflicts IS NULL THEN '{}'::jsonb
                    ELSE jsonb_build_object('conflicts', v.conflicts) END
        FROM unnest(batch) b JOIN unnest(verdicts) v ON v.op_id = b.op_id
        RETURNING op_id, outcome, applied_xid, detail
    )
    SELECT jsonb_agg(w.detail || jsonb_build_object('op_id', w.op_id, 'outcome', w.outcome,
        'applied_xid', w.applied_xid::text)) INTO answers
    FROM written w;
    RETURN jsonb_build_object('receipts', replayed || answers);
END
$$;

-- Keeps parked operations where a manager finds them.
CREATE FUNCTION sync.park(ops sync.incoming[], verdicts sync.verdict[], who sync.actor) RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO sync.parked (op_id, device_id, author_id, location_id, table_name, row_id, reason, payload)
    SELECT o.op_id, who.device, who.author,
        -- A child whose parent waits too is shown where its parent is.
        coalesce(v.location_id, (SELECT p.location_id FROM sync.parked p
            WHERE p.decision IS NULL AND p.row_id IN (o.row_id, (o.new ->> v.field)::uuid) LIMIT 1)),
        o.entity, o.row_id, v.code, o.payload
    FROM unnest(verdicts) v JOIN unnest(ops) o ON o.op_id = v.op_id
    WHERE v.outcome = 'parked'
$$;

GRANT EXECUTE ON FUNCTION sync.push(uuid, jsonb) TO clara_technician, clara_manager, clara_office, clara_admin;

RESET ROLE;
