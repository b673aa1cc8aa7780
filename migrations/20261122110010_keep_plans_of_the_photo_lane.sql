-- A function in SQL that is called by itself is planned anew at every call, at 0.3 ms: more than what it does. These
-- three are called for every chunk of a photo and for every table of a push; plpgsql keeps their plans for the session.
-- Same names, arguments and answers, so programs of yesterday see no difference.
SET LOCAL ROLE clara_sync;

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
        OR app.sees_all() THEN
        RETURN held;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION sync.photo_ask(photo uuid, chunks integer, OUT state text, OUT missing integer[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held public.photos := sync.photo_row(photo, true);
BEGIN
    IF held.id IS NULL THEN RETURN; END IF;
    state := held.state::text;
    missing := ARRAY(
        SELECT n FROM generate_series(0, least(chunks, 100000) - 1) n
        WHERE held.state = 'waiting' AND NOT EXISTS (
            SELECT FROM sync.photo_chunk c WHERE c.photo_id = held.id AND c.number = n)
        ORDER BY n);
END
$$;

CREATE OR REPLACE FUNCTION sync.park(ops sync.incoming[], verdicts sync.verdict[], who sync.actor) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM unnest(verdicts) v WHERE v.outcome = 'parked') THEN RETURN; END IF;
    INSERT INTO sync.parked (op_id, device_id, author_id, location_id, table_name, row_id, reason, payload)
    SELECT o.op_id, who.device, who.author,
        -- A child whose parent waits too is shown where its parent is.
        coalesce(v.location_id, (SELECT p.location_id FROM sync.parked p
            WHERE p.decision IS NULL AND p.row_id IN (o.row_id, (o.new ->> v.field)::uuid) LIMIT 1)),
        o.entity, o.row_id, v.code, o.payload
    FROM unnest(verdicts) v JOIN unnest(ops) o ON o.op_id = v.op_id
    WHERE v.outcome = 'parked';
END
$$;

RESET ROLE;
