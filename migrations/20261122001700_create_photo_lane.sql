-- The bytes of photos: asked for, sent and fetched by chunks, checked here against the hash that the row carries.
SET LOCAL ROLE clara_sync;

-- The row, where the caller may send or see its bytes: its site is in scope, or the photo is their own. An own photo
-- goes up even after the site has left scope: it belongs to work that a manager has taken.
CREATE FUNCTION sync.photo_row(photo uuid, sending boolean) RETURNS public.photos
LANGUAGE sql STABLE
AS $$
    SELECT p FROM public.photos p
    WHERE p.id = photo AND (app.sees_all() OR (sending AND p.created_by = app.me()) OR EXISTS (
        SELECT FROM sync.location_access a
        WHERE a.user_id = app.me() AND a.location_id = p.location_id AND a.state = 'granted'))
$$;

-- No row where the photo has not arrived or is none of the caller's.
CREATE FUNCTION sync.photo_ask(photo uuid, chunks integer, OUT state text, OUT missing integer[])
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.state::text, ARRAY(
        SELECT n FROM generate_series(0, least(chunks, 100000) - 1) n
        WHERE p.state = 'waiting' AND NOT EXISTS (
            SELECT FROM sync.photo_chunk c WHERE c.photo_id = p.id AND c.number = n)
        ORDER BY n)
    FROM sync.photo_row(photo, true) p WHERE p.id IS NOT NULL
$$;

CREATE FUNCTION sync.photo_chunk(photo uuid, number integer, bytes bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held public.photos := sync.photo_row(photo, true);
BEGIN
    IF held.id IS NULL THEN
        RAISE EXCEPTION 'there is no such photo' USING ERRCODE = 'CL010';
    ELSIF held.state = 'stored' THEN
        RETURN;
    -- Nobody fills the disk with chunks that no photo can have.
    ELSIF number < 0 OR number::bigint * 262144 >= held.byte_count OR octet_length(bytes) > 262144 THEN
        RAISE EXCEPTION 'the photo has no such chunk' USING ERRCODE = 'CL011';
    END IF;
    INSERT INTO sync.photo_chunk AS c (photo_id, number, bytes) VALUES (photo, photo_chunk.number, photo_chunk.bytes)
    ON CONFLICT ON CONSTRAINT photo_chunk_pkey DO NOTHING;
END
$$;

-- Whether the bytes are all there and have the row's hash. If they are, the photo is stored, and its inspection refers
-- to it; if they have another hash, they are dropped.
CREATE FUNCTION sync.photo_finish(photo uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held public.photos := sync.photo_row(photo, true);
    whole bytea;
    reference text;
BEGIN
    IF held.id IS NULL THEN
        RAISE EXCEPTION 'there is no such photo' USING ERRCODE = 'CL010';
    END IF;
    SELECT * INTO held FROM public.photos p WHERE p.id = photo FOR NO KEY UPDATE;
    IF held.state = 'stored' THEN RETURN true; END IF;
    SELECT string_agg(c.bytes, ''::bytea ORDER BY c.number) INTO whole FROM sync.photo_chunk c
    WHERE c.photo_id = photo;
    IF octet_length(whole) IS DISTINCT FROM held.byte_count AND coalesce(octet_length(whole), 0) < held.byte_count THEN
        -- Some are missing: what is there may well be right.
        RETURN false;
    ELSIF octet_length(whole) <> held.byte_count OR encode(sha256(whole), 'hex') <> held.sha256 THEN
        DELETE FROM sync.photo_chunk c WHERE c.photo_id = photo;
        RETURN false;
    END IF;
    UPDATE public.photos p SET state = 'stored' WHERE p.id = photo;
    reference := 'clara-photo:' || held.sha256;
    UPDATE public.inspection_records i
    SET photo_urls = (CASE jsonb_typeof(i.photo_urls) WHEN 'array' THEN i.photo_urls ELSE '[]' END)
        || to_jsonb(reference)
    WHERE i.id = held.inspection_id AND NOT coalesce(i.photo_urls, '[]') ? reference;
    RETURN true;
END
$$;

-- A chunk of a photo that is stored; null past the end.
CREATE FUNCTION sync.photo_fetch(photo uuid, number integer) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.bytes
    FROM sync.photo_row(photo, false) p
    JOIN sync.photo_chunk c ON c.photo_id = p.id AND c.number = photo_fetch.number
    WHERE p.state = 'stored'
$$;

GRANT EXECUTE ON FUNCTION sync.photo_ask(uuid, integer), sync.photo_chunk(uuid, integer, bytea),
    sync.photo_finish(uuid), sync.photo_fetch(uuid, integer)
    TO clara_technician, clara_manager, clara_office, clara_admin;

RESET ROLE;
