-- Who people are to the database, what they may see, and the books of synchronisation: ledger, conflicts, parked work,
-- tombstones, devices. Columns of mirrored tables are TIMESTAMP in UTC like those of the business tables.
SET LOCAL ROLE clara_owner;

CREATE TABLE app.settings (
    key TEXT PRIMARY KEY,
    value JSONB NOT NULL
);
INSERT INTO app.settings (key, value) VALUES
    ('company', '"Clara"'),
    ('access_window_days', '45'),       -- how long a technician keeps a site after the last job there
    ('keep_original_photos', 'false'),
    ('tombstone_days', '180'),
    ('enrolment_hours', '72');

-- One login role per laptop of a person, in exactly one group. A login whose laptop has not yet claimed its enrolment
-- is nobody: app.me() answers NULL and row security shows nothing.
CREATE TABLE app.login (
    role_name NAME PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users(id),
    device_id UUID UNIQUE,
    claimed_at TIMESTAMPTZ DEFAULT now(),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX login_user ON app.login(user_id);

CREATE TYPE sync.access_state AS ENUM ('granted', 'revoked');

CREATE TABLE sync.location_access (
    user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    location_id UUID NOT NULL REFERENCES locations(id) ON DELETE CASCADE,
    state sync.access_state NOT NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (user_id, location_id)
);
CREATE INDEX location_access_location ON sync.location_access(location_id);
CREATE INDEX location_access_cx ON sync.location_access(cx);

CREATE TABLE sync.tombstone (
    table_name TEXT NOT NULL,
    row_id UUID NOT NULL,
    location_id UUID,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id(),
    deleted_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, row_id)
);
CREATE INDEX tombstone_cx ON sync.tombstone(cx);
CREATE INDEX tombstone_location ON sync.tombstone(location_id);
CREATE INDEX tombstone_deleted_at ON sync.tombstone(deleted_at);

CREATE TABLE sync.device (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users(id),
    name TEXT NOT NULL,
    app_version TEXT,
    enrolled_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
    last_seen_at TIMESTAMP,
    unsent_count INTEGER,
    oldest_unsent_at TIMESTAMP,
    revoked_at TIMESTAMP,
    cloned_at TIMESTAMP,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX device_user ON sync.device(user_id);
CREATE INDEX device_cx ON sync.device(cx);

-- The hash of the one-time secret, never the secret.
CREATE TABLE sync.enrolment (
    device_id UUID PRIMARY KEY REFERENCES sync.device(id),
    role_name NAME NOT NULL,
    secret_hash BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    created_by NAME NOT NULL DEFAULT session_user,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);
CREATE INDEX enrolment_role ON sync.enrolment(role_name);

-- The ledger. Append-only, and written in the transaction of the effect: the one proof of what happened.
CREATE TABLE sync.op (
    op_id UUID PRIMARY KEY,
    device_id UUID NOT NULL REFERENCES sync.device(id),
    seq BIGINT NOT NULL CHECK (seq > 0),
    author UUID NOT NULL REFERENCES users(id),
    op_hash BYTEA NOT NULL,
    payload JSONB NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('applied', 'merged', 'conflict', 'parked', 'rejected')),
    applied_xid XID8,
    detail JSONB NOT NULL DEFAULT '{}',
    received_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (device_id, seq)
);
CREATE INDEX op_author ON sync.op(author);
CREATE INDEX op_row ON sync.op((payload ->> 'row_id'));
CREATE INDEX op_received_at ON sync.op(received_at);

CREATE TABLE sync.conflict (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    op_id UUID NOT NULL,
    location_id UUID REFERENCES locations(id) ON DELETE SET NULL,
    table_name TEXT NOT NULL,
    row_id UUID NOT NULL,
    field TEXT NOT NULL,
    base JSONB,
    server JSONB,
    client JSONB,
    chosen TEXT NOT NULL CHECK (chosen IN ('server', 'client')),
    policy TEXT NOT NULL,
    author_id UUID REFERENCES users(id),
    server_author_id UUID REFERENCES users(id),
    created_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
    resolution TEXT,
    resolved_by UUID REFERENCES users(id),
    resolved_at TIMESTAMP,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX conflict_op ON sync.conflict(op_id);
CREATE INDEX conflict_location ON sync.conflict(location_id);
CREATE INDEX conflict_row ON sync.conflict(row_id);
CREATE INDEX conflict_author ON sync.conflict(author_id);
CREATE INDEX conflict_server_author ON sync.conflict(server_author_id);
CREATE INDEX conflict_resolved_by ON sync.conflict(resolved_by);
CREATE INDEX conflict_open ON sync.conflict(created_at) WHERE resolved_at IS NULL;
CREATE INDEX conflict_cx ON sync.conflict(cx);

CREATE TABLE sync.parked (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    op_id UUID NOT NULL UNIQUE,
    device_id UUID NOT NULL REFERENCES sync.device(id),
    author_id UUID REFERENCES users(id),
    location_id UUID REFERENCES locations(id) ON DELETE SET NULL,
    table_name TEXT NOT NULL,
    row_id UUID NOT NULL,
    reason TEXT NOT NULL,
    payload JSONB NOT NULL,
    received_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
    decision TEXT CHECK (decision IN ('accepted', 'declined')),
    decided_by UUID REFERENCES users(id),
    decided_at TIMESTAMP,
    decision_note TEXT,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX parked_device ON sync.parked(device_id);
CREATE INDEX parked_author ON sync.parked(author_id);
CREATE INDEX parked_location ON sync.parked(location_id);
CREATE INDEX parked_decided_by ON sync.parked(decided_by);
CREATE INDEX parked_open ON sync.parked(received_at) WHERE decided_at IS NULL;
CREATE INDEX parked_cx ON sync.parked(cx);

-- EXTERNAL: a JPEG does not compress, and a chunk stored as it came can be read by parts.
CREATE TABLE sync.photo_chunk (
    photo_id UUID NOT NULL REFERENCES photos(id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number >= 0),
    bytes BYTEA NOT NULL CHECK (octet_length(bytes) BETWEEN 1 AND 262144),
    PRIMARY KEY (photo_id, number)
);
ALTER TABLE sync.photo_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE sync.schema (
    version INTEGER PRIMARY KEY,
    min_client INTEGER NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
INSERT INTO sync.schema (version, min_client) VALUES (1, 1);

-- One row. Cursors count transactions of the cluster that had this epoch; `rebase` gives a new one.
CREATE TABLE sync.epoch (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    -- By these a laptop knows that a database with a new epoch is its own, restored, and not another company's.
    earlier UUID[] NOT NULL DEFAULT '{}',
    since TIMESTAMPTZ NOT NULL DEFAULT now(),
    system_identifier TEXT,
    only_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_row)
);
INSERT INTO sync.epoch (system_identifier) SELECT system_identifier::text FROM pg_catalog.pg_control_system();

-- What audits of laptops put right, so that the office sees a mirror that keeps needing it.
CREATE TABLE sync.repair (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    device_id UUID NOT NULL REFERENCES sync.device(id),
    table_name TEXT NOT NULL,
    refetched INTEGER NOT NULL,
    purged INTEGER NOT NULL,
    reported_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX repair_device ON sync.repair(device_id);

RESET ROLE;
