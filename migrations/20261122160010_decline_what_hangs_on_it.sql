-- A manager who declined a parked inspection left its photos and what else hangs on it waiting for ever: for a parent that
-- will never come. They are declined with it now, each by its own record, so that their author's laptop learns of each.
SET LOCAL ROLE clara_sync;

-- What waits for a row that was not taken: rows that name it, changes of it, and what in turn waits for those.
CREATE FUNCTION sync.waiting_for(parent sync.parked) RETURNS SETOF uuid
LANGUAGE sql STABLE
AS $$
    WITH RECURSIVE hanging(id, row_id) AS (
        SELECT parent.id, parent.row_id
        UNION
        SELECT p.id, p.row_id
        FROM hanging h JOIN sync.parked p ON p.author_id = parent.author_id
            AND p.reason = 'parent_parked' AND p.decision IS NULL
            AND (p.row_id = h.row_id OR EXISTS (
                SELECT FROM jsonb_each_text(p.payload -> 'new') n WHERE n.value = h.row_id::text))
    )
    SELECT id FROM hanging WHERE id <> parent.id
$$;

CREATE OR REPLACE FUNCTION sync.decide_parked(op sync.incoming, who sync.actor) RETURNS sync.verdict
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
    ELSIF held.payload ->> 'kind' = 'insert' AND NOT sync.is_parked(held.row_id) THEN
        -- The same word goes to each, so that the author reads why. A row that was declined and that somebody else has
        -- parked again may still come.
        UPDATE sync.parked p SET decision = 'declined', decided_by = who.author,
            decided_at = now() AT TIME ZONE 'UTC', decision_note = op.new ->> 'decision_note'
        WHERE p.id IN (SELECT sync.waiting_for(held));
    END IF;
    RETURN ROW(op.op_id, 'applied', NULL, NULL, version, held.location_id, verdict.conflicts)::sync.verdict;
END
$$;

RESET ROLE;
