-- A laptop that is broken, lost or revoked leaves a rescue pack: its unsent work, sealed for the office. The office puts
-- the operations in as if the laptop had pushed them: same author, same device, same ids, so that whatever comes twice
-- takes effect once. What sync.push did after it knew its caller is now sync.take, and there are two doors to it: the
-- laptop's own, which is as it was, and the office's.
--
-- Expands only: programs of yesterday call sync.push with the same arguments and get the same answers.
SET LOCAL ROLE clara_owner;
-- Who put it in, where it was not the author's own laptop.
ALTER TABLE sync.op ADD COLUMN rescued_by text;
RESET ROLE;

SET LOCAL ROLE clara_sync;

-- The site that an operation is about, for the list of parked work.
CREATE FUNCTION sync.site_of(payload jsonb) RETURNS uuid
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    fields jsonb := coalesce(payload -> 'new', '{}');
    own uuid := sync.uuid_or_null(payload ->> 'row_id');
BEGIN
    RETURN coalesce(
        (SELECT j.location_id FROM public.jobs j WHERE j.id = sync.uuid_or_null(fields ->> 'job_id')),
        (SELECT e.location_id FROM public.equipment_inventory e WHERE e.id = sync.uuid_or_null(fields ->> 'equipment_id')),
        (SELECT l.id FROM public.locations l WHERE l.id = sync.uuid_or_null(fields ->> 'location_id')),
        (SELECT j.location_id FROM public.jobs j WHERE j.id = own),
        (SELECT e.location_id FROM public.equipment_inventory e WHERE e.id = own),
        (SELECT p.location_id FROM public.photos p WHERE p.id = own),
        (SELECT l.id FROM public.locations l WHERE l.id = own));
END
$$;

-- Operations of a laptop whose row is locked. `late`: their author has no scope any more, so a person decides about
-- each. `rescuer`: who puts them in, where it is not the laptop.
CREATE FUNCTION sync.take(device uuid, ops jsonb, who sync.actor, late boolean, rescuer text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    xid text;
    batch sync.incoming[];
    open_ops sync.incoming[];
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
    xid := pg_current_xact_id()::text;
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
        -- A pack says so too, but the laptop that is still at work does not pay for it.
        IF rescuer IS NULL THEN
            UPDATE sync.device d SET cloned_at = now() AT TIME ZONE 'UTC' WHERE d.id = device;
        END IF;
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

    open_ops := batch;
    IF late THEN
        SELECT array_agg(b ORDER BY b.seq) FILTER (WHERE b.entity = ANY (sites)),
            array_agg(b ORDER BY b.seq) FILTER (WHERE b.entity <> ALL (sites))
        INTO group_ops, open_ops
        FROM unnest(batch) b, (VALUES (ARRAY['locations', 'jobs', 'equipment_inventory', 'job_equipment',
            'inspection_records', 'data_capture_logs', 'photos'])) AS v(sites);
        IF group_ops IS NOT NULL THEN
            SELECT array_agg(ROW(b.op_id, 'parked', 'out_of_scope', NULL, NULL, sync.site_of(b.payload), NULL)::sync.verdict)
            INTO verdicts FROM unnest(group_ops) b;
            PERFORM sync.park(group_ops, verdicts, who);
        END IF;
    END IF;

    -- New rows, parents before children. An insert depends on no change of another row, so taking them first keeps
    -- the order within every aggregate.
    FOREACH table_name IN ARRAY ARRAY['jobs', 'equipment_inventory', 'job_equipment', 'inspection_records',
        'data_capture_logs', 'photos', 'performance_metrics']
    LOOP
        SELECT array_agg(b ORDER BY b.seq) INTO group_ops FROM unnest(open_ops) b
        WHERE b.kind = 'insert' AND b.entity = table_name;
        CONTINUE WHEN group_ops IS NULL;
        made := sync.insert_batch(table_name, group_ops, who);
        PERFORM sync.park(group_ops, made, who);
        verdicts := verdicts || made;
    END LOOP;

    SELECT coalesce(jsonb_object_agg(b.row_id, v.row_ver), '{}') INTO seen
    FROM unnest(verdicts) v JOIN unnest(open_ops) b ON b.op_id = v.op_id WHERE v.row_ver IS NOT NULL;

    -- Rows that nobody has touched since the laptop saw them, one operation each: there is nothing to merge.
    FOREACH table_name IN ARRAY ARRAY['jobs', 'equipment_inventory', 'photos', 'locations'] LOOP
        SELECT array_agg(b) INTO group_ops FROM unnest(open_ops) b
        WHERE b.kind = 'update' AND b.entity = table_name
          AND NOT EXISTS (SELECT FROM unnest(open_ops) c WHERE c.row_id = b.row_id AND c.op_id <> b.op_id);
        CONTINUE WHEN group_ops IS NULL;
        verdicts := verdicts || sync.update_rows(table_name, group_ops, who);
    END LOOP;

    -- Everything else one by one, under the row's lock.
    FOR op IN SELECT b.* FROM unnest(open_ops) b
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
        INSERT INTO sync.op (op_id, device_id, seq, author, op_hash, payload, outcome, applied_xid, detail,
            rescued_by)
        SELECT b.op_id, device, b.seq, who.author, b.op_hash, b.payload, v.outcome,
            CASE WHEN v.outcome IN ('applied', 'merged', 'conflict') THEN xid::xid8 END,
            jsonb_strip_nulls(sync.receipt(v, NULL) - '{op_id,outcome,duplicate,applied_xid,conflicts}'::text[])
                || CASE WHEN v.conflicts IS NULL THEN '{}'::jsonb
                    ELSE jsonb_build_object('conflicts', v.conflicts) END,
            rescuer
        FROM unnest(batch) b JOIN unnest(verdicts) v ON v.op_id = b.op_id
        RETURNING op_id, outcome, applied_xid, detail
    )
    SELECT jsonb_agg(w.detail || jsonb_build_object('op_id', w.op_id, 'outcome', w.outcome,
        'applied_xid', w.applied_xid::text)) INTO answers
    FROM written w;
    RETURN jsonb_build_object('receipts', replayed || answers);
END
$$;

CREATE OR REPLACE FUNCTION sync.push(device uuid, ops jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    me uuid := app.me();
    laptop sync.device;
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
    RETURN sync.take(device, ops, ROW(device, me, app.sees_all(), false)::sync.actor, false, NULL);
END
$$;

-- People who keep the company's recovery key: the administrator, and the office's own logins. Managers decide about
-- parked work, but do not put other people's work in.
CREATE FUNCTION sync.may_rescue() RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN coalesce(app.my_role() IN ('office_staff', 'admin'), false)
        OR pg_has_role(session_user, 'clara_owner', 'MEMBER');
END
$$;

-- Work out of a rescue pack, in its author's name. Like sync.push it answers {"receipts": […]} or {"refused": code}, and
-- what it knows already gets the stored receipt.
CREATE FUNCTION sync.rescue(device uuid, ops jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    laptop sync.device;
    author public.users;
    works boolean;
BEGIN
    IF NOT sync.may_rescue() THEN
        RETURN '{"refused": "not_allowed"}';
    ELSIF jsonb_typeof(ops) IS DISTINCT FROM 'array' OR jsonb_array_length(ops) > 100 THEN
        RAISE EXCEPTION 'a push holds an array of at most 100 operations' USING ERRCODE = '54000';
    END IF;
    SELECT * INTO laptop FROM sync.device d WHERE d.id = device FOR UPDATE;
    IF laptop.id IS NULL THEN RETURN '{"refused": "device_unknown"}'; END IF;
    SELECT * INTO author FROM public.users u WHERE u.id = laptop.user_id;
    works := author.is_active AND author.deleted_at IS NULL;
    RETURN sync.take(device, ops,
        ROW(device, author.id, works AND author.role <> 'technician', false)::sync.actor,
        NOT works OR laptop.revoked_at IS NOT NULL,
        session_user::text);
END
$$;

-- Whoever may put the row in may put its bytes in. Otherwise as before.
CREATE OR REPLACE FUNCTION sync.photo_row(photo uuid, sending boolean) RETURNS public.photos
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    held public.photos;
    me uuid;
BEGIN
    SELECT * INTO held FROM public.photos p WHERE p.id = photo;
    IF held.id IS NULL THEN RETURN NULL; END IF;
    me := app.me();
    IF (sending AND held.created_by = me)
        OR EXISTS (SELECT FROM sync.location_access a
            WHERE a.user_id = me AND a.location_id = held.location_id AND a.state = 'granted')
        OR app.sees_all()
        OR (sending AND sync.may_rescue()) THEN
        RETURN held;
    END IF;
    RETURN NULL;
END
$$;

GRANT EXECUTE ON FUNCTION sync.rescue(uuid, jsonb) TO clara_manager, clara_office, clara_admin, clara_owner;
GRANT EXECUTE ON FUNCTION sync.photo_ask(uuid, integer), sync.photo_chunk(uuid, integer, bytea), sync.photo_finish(uuid)
    TO clara_owner;

RESET ROLE;
