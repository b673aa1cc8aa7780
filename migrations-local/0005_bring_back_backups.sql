-- `put_back`: a person put this database in the place of a newer one; the spool knows more than it does, and what it
-- does not know either comes with the next sync. `checked_at`: when the whole of it was last checked page by page.
ALTER TABLE profile ADD COLUMN put_back INTEGER NOT NULL DEFAULT 0 CHECK (put_back IN (0, 1));
ALTER TABLE profile ADD COLUMN checked_at TEXT;
