-- What only this laptop knows: who it is, what it has written and not yet handed over, and how far sync has come.

-- One row. The device and the person are known after enrolment (or after "try the demo"); everything about the server
-- after first contact. `spool_read`: what the spool held when this database was made is in it; a crash before that means
-- reading the spool again.
CREATE TABLE profile (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    device_id TEXT,
    user_id TEXT,
    role TEXT,
    spool_read INTEGER NOT NULL DEFAULT 0 CHECK (spool_read IN (0, 1)),
    next_seq INTEGER NOT NULL DEFAULT 1,
    highest_receipted_seq INTEGER NOT NULL DEFAULT 0,
    system_identifier TEXT,
    incarnation INTEGER,
    epoch TEXT,
    server_schema_version INTEGER,
    cursor TEXT,
    first_sync_from TEXT,
    reconciling INTEGER NOT NULL DEFAULT 0 CHECK (reconciling IN (0, 1)),
    clock_offset_ms INTEGER,
    last_contact_at TEXT,
    last_pull_at TEXT,
    audited_at TEXT
) STRICT;
INSERT INTO profile (only_row) VALUES (1);

-- How far a first sync has come in each table.
CREATE TABLE bookmark (
    entity TEXT PRIMARY KEY NOT NULL,
    after TEXT,
    rows INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1))
) STRICT;

-- Every saved change, oldest first. `overlaid`: its values still lie over the server's row in the mirror. `sealed`: its
-- site left this person's scope; it can be pushed and nothing else. `attempts` counts sendings: a change that was ever
-- sent is never altered again. `waits_for`: the inspection a photo belongs to, which must not arrive after it. `segment` is the spool segment that holds the second copy.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    op_id TEXT NOT NULL UNIQUE,
    root_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    row_id TEXT NOT NULL,
    location_id TEXT,
    waits_for TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('insert', 'update', 'delete')),
    base_row_ver INTEGER NOT NULL,
    base TEXT NOT NULL CHECK (json_valid(base)),
    new TEXT NOT NULL CHECK (json_valid(new)),
    schema_version INTEGER NOT NULL,
    local_at TEXT NOT NULL,
    clock_offset_ms INTEGER,
    state TEXT NOT NULL CHECK (state IN
        ('pending', 'in_flight', 'applied', 'conflict', 'parked', 'rejected', 'declined', 'withdrawn')),
    overlaid INTEGER NOT NULL DEFAULT 1 CHECK (overlaid IN (0, 1)),
    sealed INTEGER NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1)),
    attempts INTEGER NOT NULL DEFAULT 0,
    receipt TEXT CHECK (json_valid(receipt)),
    applied_xid TEXT,
    receipted_at TEXT,
    segment INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_blocking ON outbox (root_id, seq) WHERE state IN ('in_flight', 'parked', 'rejected');
CREATE INDEX outbox_overlaid ON outbox (entity, row_id, seq) WHERE overlaid = 1;
CREATE INDEX outbox_row ON outbox (row_id, seq);
CREATE INDEX outbox_root ON outbox (root_id, seq);
CREATE INDEX outbox_waits_for ON outbox (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX outbox_location ON outbox (location_id) WHERE location_id IS NOT NULL;
CREATE INDEX outbox_state ON outbox (state, seq);

-- The server's version of every row that has work laid over it, so that the work can be taken off again. `gone`: the
-- server deleted the row for good meanwhile.
CREATE TABLE shadow (
    entity TEXT NOT NULL,
    row_id TEXT NOT NULL,
    row_ver INTEGER NOT NULL,
    fields TEXT NOT NULL CHECK (json_valid(fields)),
    gone INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0, 1)),
    PRIMARY KEY (entity, row_id)
) STRICT, WITHOUT ROWID;

-- Inspections being filled in; an inspection becomes an operation when it is completed.
CREATE TABLE inspection_draft (
    id TEXT PRIMARY KEY NOT NULL,
    job_id TEXT NOT NULL,
    equipment_id TEXT NOT NULL,
    template_id TEXT,
    location_id TEXT,
    body TEXT NOT NULL CHECK (json_valid(body)),
    sealed INTEGER NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1)),
    started_at TEXT NOT NULL,
    saved_at TEXT NOT NULL
) STRICT;
CREATE INDEX inspection_draft_job ON inspection_draft (job_id);
CREATE INDEX inspection_draft_equipment ON inspection_draft (equipment_id);
CREATE INDEX inspection_draft_location ON inspection_draft (location_id);

-- The bytes of photos on this laptop; the encrypted file's name follows from the hash and the key.
CREATE TABLE photo_file (
    photo_id TEXT PRIMARY KEY NOT NULL,
    location_id TEXT,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    byte_count INTEGER NOT NULL,
    thumbnail BLOB,
    state TEXT NOT NULL CHECK (state IN ('kept', 'damaged', 'missing', 'freed')),
    stored_on_server INTEGER NOT NULL DEFAULT 0 CHECK (stored_on_server IN (0, 1)),
    seen_stored INTEGER NOT NULL DEFAULT 0 CHECK (seen_stored IN (0, 1)),
    sealed INTEGER NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1)),
    taken_in_at TEXT NOT NULL,
    segment INTEGER NOT NULL
) STRICT;
CREATE INDEX photo_file_name ON photo_file (name);
CREATE INDEX photo_file_location ON photo_file (location_id);
CREATE INDEX photo_file_waiting ON photo_file (taken_in_at) WHERE stored_on_server = 0;

-- Rows to fetch again, whatever their age.
CREATE TABLE refetch (
    entity TEXT NOT NULL,
    row_id TEXT NOT NULL,
    PRIMARY KEY (entity, row_id)
) STRICT, WITHOUT ROWID;

-- What audits put right.
CREATE TABLE repair_log (
    id INTEGER PRIMARY KEY,
    entity TEXT NOT NULL,
    refetched INTEGER NOT NULL,
    purged INTEGER NOT NULL,
    repaired_at TEXT NOT NULL
) STRICT;

-- Sites in scope, as granted one by one.
CREATE TABLE access (
    location_id TEXT PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

-- Timings on their way to performance_metrics.
CREATE TABLE metric (
    id TEXT PRIMARY KEY NOT NULL,
    function_name TEXT NOT NULL,
    duration_ms REAL NOT NULL,
    success INTEGER NOT NULL CHECK (success IN (0, 1)),
    error_message TEXT,
    metadata TEXT NOT NULL CHECK (json_valid(metadata)),
    recorded_at TEXT NOT NULL
) STRICT;

-- What the person chose; one JSON document for each key.
CREATE TABLE setting (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL CHECK (json_valid(value))
) STRICT, WITHOUT ROWID;

-- What the person opened last, for the palette.
CREATE TABLE recent (
    entity TEXT NOT NULL,
    row_id TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    PRIMARY KEY (entity, row_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX recent_opened_at ON recent (opened_at);
