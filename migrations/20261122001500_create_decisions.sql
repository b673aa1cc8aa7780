-- What people decide about conflicts and parked work. Decisions come in as operations like all others, so that they
-- can be made offline, and take effect the way the operations they are about would have.
-- These functions run inside sync.push only: as its owner, with its search_path.
SET LOCAL ROLE clara_sync;

-- One operation, whatever it is, under a savepoint of its own.
CREATE FUNCTION sync.apply_one(op sync.incoming, who sync.actor) RETURNS sync.verdict
LANGUAGE plpgsql
AS $$
DECLARE
    verdicts sync.verdict[];
    state text;
    relation text;
    column_name text;
    constraint_name text;
BEGIN
    IF op.kind = 'insert' THEN
        verdicts := sync.insert_batch(op.entity, ARRAY[op], who);
        RETURN verdicts[1];
    END IF;
    RETURN CASE op.entity
        WHEN 'conflicts' THEN sync.resolve_conflict(op, who)
        WHEN 'parked_operations' THEN sync.decide_parked(op, who)
        ELSE sync.change_row(op, who)
    END;
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR raise_exception THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, relation = TABLE_NAME, column_name = COLUMN_NAME,
        constraint_name = CONSTRAINT_NAME;
    RETURN sync.refused(op, sync.fault_of_error(op, state, relation, column_name, constraint_name), NULL);
END
$$;

-- An operation as it lies in the ledger or came over the wire.
CREATE FUNCTION sync.read_operation(payload jsonb) RETURNS sync.incoming
LANGUAGE sql IMMUTABLE
RETURN ROW((payload ->> 'op_id')::uuid, (payload ->> 'seq')::bigint, (payload ->> 'root_id')::uuid,
    payload ->> 'entity', (payload ->> 'row_id')::uuid, payload ->> 'kind', (payload ->> 'base_row_ver')::bigint,
    payload -> 'base', payload -> 'new', NULL, payload)::sync.incoming;

-- What was refused may hold anything where an id should be.
CREATE FUNCTION sync.uuid_or_null(text text) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN text ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN text::uuid END;

-- A refused operation that its author hands to the office: from then on it is parked work like any other. The ledger
-- has its content, so that nothing has to be sent again, and nothing else can be put in its place.
CREATE FUNCTION sync.hand_over(op sync.incoming, who sync.actor) RETURNS sync.verdict
LANGUAGE plpgsql
AS $$
DECLARE
    refused_op sync.op;
    site uuid;
    made sync.parked;
BEGIN
    SELECT * INTO refused_op FROM sync.op o
    WHERE o.op_id = (op.new ->> 'op_id')::uuid AND o.author = who.author AND o.outcome = 'rejected';
    IF NOT FOUND THEN RETURN sync.refused(op, 'missing_reference:op_id', NULL); END IF;
    site := coalesce(
        (SELECT j.location_id FROM public.jobs j WHERE j.id IN (sync.uuid_or_null(refused_op.payload -> 'new' ->> 'job_id'),
            (refused_op.payload ->> 'row_id')::uuid) LIMIT 1),
        (SELECT e.location_id FROM public.equipment_inventory e WHERE e.id IN (
            sync.uuid_or_null(refused_op.payload -> 'new' ->> 'equipment_id'), (refused_op.payload ->> 'row_id')::uuid) LIMIT 1),
        (SELECT l.id FROM public.locations l WHERE l.id = sync.uuid_or_null(refused_op.payload -> 'new' ->> 'location_id')));
    INSERT INTO sync.parked (id, op_id, device_id, author_id, location_id, table_name, row_id, reason, payload)
    VALUES (op.row_id, refused_op.op_id, refused_op.device_id, refused_op.author, site,
        refused_op.payload ->> 'entity', (refused_op.payload ->> 'row_id')::uuid, 'handed_over', refused_op.payload)
    ON CONFLICT (op_id) DO NOTHING
    RETURNING * INTO made;
    IF made.id IS NULL THEN RETURN sync.refused(op, 'exists', site); END IF;
    RETURN ROW(op.op_id, 'applied', NULL, NULL, made.row_ver, site, NULL)::sync.verdict;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN sync.refused(op, 'bad_value:op_id', NULL);
END
$$;

-- Takes or declines parked work. Taken, it takes effect in its author's name; what had waited for it follows.
CREATE FUNCTION sync.decide_parked(op sync.incoming, who sync.actor) RETURNS sync.verdict
LANGUAGE plpgsql
AS $$
DECLARE
    fault text;
    held sync.parked;
    follower sync.parked;
    wanted text := CASE op.new ->> 'decision' WHEN 'accept' THEN 'accepted' WHEN 'decline' THEN 'declined'
        ELSE op.new ->> 'decision' END;
    author sync.actor;
    verdict sync.verdict;
    version bigint;
BEGIN
    IF NOT who.sees_all THEN RETURN sync.refused(op, 'not_allowed', NULL); END IF;
    fault := sync.fault_of_fields(op.entity, op.new, false, true);
    IF fault IS NULL AND (wanted IS NULL OR wanted NOT IN ('accepted', 'declined')) THEN
        fault := 'bad_value:decision';
    END IF;
    IF fault IS NOT NULL THEN RETURN sync.refused(op, fault, NULL); END IF;
    SELECT * INTO held FROM sync.parked p WHERE p.id = op.row_id FOR UPDATE;
    IF NOT FOUND THEN RETURN sync.refused(op, 'no_such_row', NULL); END IF;
    IF held.decision IS NOT NULL THEN
        IF held.decision = wanted THEN
            RETURN ROW(op.op_id, 'applied', NULL, NULL, held.row_ver, held.location_id, NULL)::sync.verdict;
        END IF;
        RETURN sync.refused(op, 'already_decided', held.location_id);
    END IF;

    IF wanted = 'accepted' THEN
        author := ROW(held.device_id, held.author_id, (SELECT u.role <> 'technician' FROM public.users u
            WHERE u.id = held.author_id), true)::sync.actor;
        verdict := sync.apply_one(sync.read_operation(held.payload), author);
        IF verdict.outcome IN ('parked', 'rejected') THEN
            -- It stays open: what it lacks may still come.
            RETURN ROW(op.op_id, 'rejected', verdict.code, verdict.field, NULL, held.location_id, NULL)::sync.verdict;
        END IF;
    END IF;
    UPDATE sync.parked p SET decision = wanted, decided_by = who.author, decided_at = now() AT TIME ZONE 'UTC',
        decision_note = op.new ->> 'decision_note'
    WHERE p.id = held.id RETURNING p.row_ver INTO version;

    IF wanted = 'accepted' THEN
        FOR follower IN SELECT * FROM sync.parked p
            WHERE p.author_id = held.author_id AND p.reason = 'parent_parked' AND p.decision IS NULL
            ORDER BY p.device_id, (p.payload ->> 'seq')::bigint
        LOOP
            -- Several may have waited, each for its own parent: those still without one are parked as they were.
            IF (sync.apply_one(sync.read_operation(follower.payload), author)).outcome
                NOT IN ('parked', 'rejected') THEN
                UPDATE sync.parked p SET decision = 'accepted', decided_by = who.author,
                    decided_at = now() AT TIME ZONE 'UTC'
                WHERE p.id = follower.id;
            END IF;
        END LOOP;
    END IF;
    RETURN ROW(op.op_id, 'applied', NULL, NULL, version, held.location_id, verdict.conflicts)::sync.verdict;
END
$$;

-- Chooses one of the two values of a conflict, or both. The value goes the way of every edit, so a third value that
-- came meanwhile is a conflict again and not lost.
CREATE FUNCTION sync.resolve_conflict(op sync.incoming, who sync.actor) RETURNS sync.verdict
LANGUAGE plpgsql
AS $$
DECLARE
    fault text;
    held sync.conflict;
    current jsonb;
    column_name text;
    part text;
    stands jsonb;
    value jsonb;
    known jsonb;
    wanted text := op.new ->> 'resolution';
    inner_op sync.incoming;
    verdict sync.verdict;
    version bigint;
BEGIN
    fault := sync.fault_of_fields(op.entity, op.new, false, who.sees_all);
    IF fault IS NULL AND (wanted IS NULL OR wanted NOT IN ('server', 'client', 'both')) THEN
        fault := 'bad_value:resolution';
    END IF;
    IF fault IS NOT NULL THEN RETURN sync.refused(op, fault, NULL); END IF;
    SELECT * INTO held FROM sync.conflict c WHERE c.id = op.row_id FOR UPDATE;
    IF NOT FOUND THEN RETURN sync.refused(op, 'no_such_row', NULL); END IF;
    IF NOT who.sees_all AND NOT who.deciding AND NOT EXISTS (SELECT FROM sync.location_access a
        WHERE a.user_id = who.author AND a.location_id = held.location_id AND a.state = 'granted') THEN
        RETURN sync.refused(op, 'out_of_scope', held.location_id);
    END IF;
    IF held.resolved_at IS NOT NULL THEN
        IF held.resolution = wanted THEN
            RETURN ROW(op.op_id, 'applied', NULL, NULL, held.row_ver, held.location_id, NULL)::sync.verdict;
        END IF;
        RETURN sync.refused(op, 'already_decided', held.location_id);
    END IF;

    column_name := split_part(held.field, '.', 1);
    -- A key may contain dots itself.
    part := nullif(substr(held.field, length(column_name) + 2), '');
    current := sync.lock_row(held.table_name, held.row_id);
    IF current IS NULL THEN RETURN sync.refused(op, 'gone', held.location_id); END IF;

    IF column_name = 'deleted_at' THEN
        IF wanted = 'both' THEN RETURN sync.refused(op, 'bad_value:resolution', held.location_id); END IF;
        IF NOT who.sees_all AND held.table_name <> 'photos' THEN
            RETURN sync.refused(op, 'not_allowed', held.location_id);
        END IF;
        value := CASE wanted WHEN 'server' THEN held.server ELSE held.client END;
        IF (value = 'null') <> (current ->> 'deleted_at' IS NULL) THEN
            PERFORM sync.write_row(held.table_name, held.row_id, jsonb_build_object('deleted_at',
                CASE WHEN value = 'null' THEN 'null'::jsonb ELSE to_jsonb(now() AT TIME ZONE 'UTC') END));
        END IF;
        verdict := ROW(op.op_id, 'applied', NULL, NULL, NULL, held.location_id, NULL)::sync.verdict;
    ELSE
        value := CASE wanted WHEN 'server' THEN held.server WHEN 'client' THEN held.client
            ELSE sync.union_of(held.server, held.client) END;
        stands := sync.wire(column_name, CASE
            WHEN part IS NULL THEN current -> column_name
            ELSE sync.items_by_key(current -> column_name) -> part END);
        known := jsonb_build_array(held.server, held.client, sync.union_of(held.server, held.client));
        IF NOT EXISTS (SELECT FROM jsonb_array_elements(known) k WHERE k = stands) THEN
            stands := CASE held.chosen WHEN 'server' THEN held.server ELSE held.client END;
        END IF;
        inner_op := ROW(op.op_id, op.seq, held.row_id, held.table_name, held.row_id, 'update', 0,
            jsonb_build_object(column_name, CASE WHEN part IS NULL THEN stands
                ELSE jsonb_build_object(part, stands) END),
            jsonb_build_object(column_name, CASE WHEN part IS NULL THEN value ELSE jsonb_build_object(part, value) END),
            NULL, NULL)::sync.incoming;
        verdict := sync.change_row(inner_op, who);
        IF verdict.outcome IN ('parked', 'rejected') THEN
            RETURN ROW(op.op_id, verdict.outcome, verdict.code, verdict.field, NULL, held.location_id,
                NULL)::sync.verdict;
        END IF;
    END IF;
    UPDATE sync.conflict c SET resolution = wanted, resolved_by = who.author, resolved_at = now() AT TIME ZONE 'UTC'
    WHERE c.id = held.id RETURNING c.row_ver INTO version;
    RETURN ROW(op.op_id, CASE verdict.outcome WHEN 'merged' THEN 'applied' ELSE verdict.outcome END, NULL, NULL,
        version, held.location_id, verdict.conflicts)::sync.verdict;
END
$$;

RESET ROLE;
