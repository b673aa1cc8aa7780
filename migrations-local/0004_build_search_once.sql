-- A first sync brings the catalogue in one piece; indexing it page by page cost more than storing it. While `search_built`
-- is 0 the index holds the models up to the id in `search_after` and no other: rows beyond it arrive without being
-- indexed, and search reads the models themselves. A mirror that has its index already goes on as before.
ALTER TABLE profile ADD COLUMN search_built INTEGER NOT NULL DEFAULT 1 CHECK (search_built IN (0, 1));
ALTER TABLE profile ADD COLUMN search_after TEXT;
