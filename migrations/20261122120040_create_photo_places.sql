-- Where the bytes of a photo are kept once they are checked: in this database, which needs no row here, or in a store
-- beside it. The row, the hash and the state of the photo stay as they are; nothing that a laptop mirrors changes.
-- Laptops reach no other store: they hold no key to one. They are told so, with a code of its own.
SET LOCAL ROLE clara_owner;

CREATE TABLE sync.photo_place (
    photo_id UUID PRIMARY KEY REFERENCES photos(id) ON DELETE CASCADE,
    -- The kind of store and where it is, as whoever moved the bytes named it.
    place TEXT NOT NULL CHECK (place <> ''),
    -- What the store finds them by.
    key TEXT NOT NULL CHECK (key <> ''),
    moved_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX photo_place_key ON sync.photo_place(key);
ALTER TABLE sync.photo_place ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync.photo_place FORCE ROW LEVEL SECURITY;
CREATE POLICY serve ON sync.photo_place TO clara_owner, clara_sync USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON sync.photo_place TO clara_sync;

RESET ROLE;

SET LOCAL ROLE clara_sync;

-- A chunk of a photo that is stored; null past the end.
CREATE OR REPLACE FUNCTION sync.photo_fetch(photo uuid, number integer) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held public.photos := sync.photo_row(photo, false);
    found bytea;
BEGIN
    IF held.id IS NULL OR held.state <> 'stored' THEN
        RETURN NULL;
    END IF;
    SELECT c.bytes INTO found FROM sync.photo_chunk c WHERE c.photo_id = photo AND c.number = photo_fetch.number;
    IF found IS NULL AND EXISTS (SELECT FROM sync.photo_place p WHERE p.photo_id = photo)
       AND NOT EXISTS (SELECT FROM sync.photo_chunk c WHERE c.photo_id = photo) THEN
        RAISE EXCEPTION 'the photo is kept outside this database' USING ERRCODE = 'CL012';
    END IF;
    RETURN found;
END
$$;

RESET ROLE;
