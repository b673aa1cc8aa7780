-- What is recorded: templates and requirements to record by, inspections, capture logs, photos, timings.
--
-- inspection_records and performance_metrics are partitioned, and a partitioned table's primary key must hold the
-- partition key: (id, inspection_date) and (id, recorded_at). So no other table can refer to an inspection by a
-- foreign key, and an id is unique across partitions only because ids are random and the ledger takes each once.
SET LOCAL ROLE clara_owner;

CREATE TYPE template_item_type AS ENUM ('yes_no', 'choice', 'number', 'text', 'date', 'photo', 'computed');

CREATE TABLE inspection_templates (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    template_key TEXT NOT NULL,
    name TEXT NOT NULL,
    equipment_category equipment_category NOT NULL,
    inspection_type TEXT NOT NULL,
    standard TEXT,
    edition TEXT,
    revision INTEGER NOT NULL DEFAULT 1,
    frequency TEXT,
    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (template_key, revision)
);
CREATE INDEX inspection_templates_category ON inspection_templates(equipment_category);
CREATE INDEX inspection_templates_deleted ON inspection_templates(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX inspection_templates_cx ON inspection_templates(cx);

CREATE TABLE template_items (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    template_id UUID NOT NULL REFERENCES inspection_templates(id),
    item_key TEXT NOT NULL,
    section TEXT,
    position INTEGER NOT NULL DEFAULT 0,
    label TEXT NOT NULL,
    item_type template_item_type NOT NULL,
    unit TEXT,
    is_required BOOLEAN NOT NULL DEFAULT false,
    choices JSONB,
    limit_min FLOAT,
    limit_max FLOAT,
    impossible_min FLOAT,
    impossible_max FLOAT,
    suspicious_min FLOAT,
    suspicious_max FLOAT,
    limit_source TEXT,
    why TEXT,
    condition JSONB,
    deficiency JSONB,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (template_id, item_key)
);
CREATE INDEX template_items_deleted ON template_items(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX template_items_cx ON template_items(cx);

CREATE TABLE capture_requirements (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    equipment_category equipment_category NOT NULL,
    field_key TEXT NOT NULL,
    label TEXT NOT NULL,
    weight INTEGER NOT NULL DEFAULT 1 CHECK (weight >= 0),
    position INTEGER NOT NULL DEFAULT 0,
    condition JSONB,
    hint TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE UNIQUE INDEX capture_requirements_field ON capture_requirements(equipment_category, field_key)
    WHERE deleted_at IS NULL;
CREATE INDEX capture_requirements_cx ON capture_requirements(cx);

CREATE TABLE inspection_records (
    id UUID DEFAULT gen_random_uuid(),
    job_id UUID NOT NULL REFERENCES jobs(id),
    equipment_id UUID REFERENCES equipment_inventory(id),
    inspector_id UUID REFERENCES users(id),
    inspection_date DATE NOT NULL,
    inspection_type VARCHAR(255),
    passed BOOLEAN,
    findings TEXT,
    deficiencies JSONB DEFAULT '[]',
    recommendations TEXT,
    measurements JSONB DEFAULT '{}',
    photo_urls JSONB DEFAULT '[]',
    next_inspection_due DATE,
    metadata JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    location_id UUID REFERENCES locations(id),
    template_id UUID REFERENCES inspection_templates(id),
    amends_inspection_id UUID,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (id, inspection_date)
) PARTITION BY RANGE (inspection_date);
CREATE INDEX idx_inspection_records_job ON inspection_records(job_id);
CREATE INDEX idx_inspection_records_equipment ON inspection_records(equipment_id);
CREATE INDEX idx_inspection_records_date ON inspection_records(inspection_date);
CREATE INDEX idx_inspection_records_passed ON inspection_records(passed);
CREATE INDEX idx_inspection_records_deleted ON inspection_records(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX inspection_records_inspector ON inspection_records(inspector_id);
CREATE INDEX inspection_records_location ON inspection_records(location_id);
CREATE INDEX inspection_records_template ON inspection_records(template_id);
CREATE INDEX inspection_records_amends ON inspection_records(amends_inspection_id) WHERE amends_inspection_id IS NOT NULL;
CREATE INDEX inspection_records_cx ON inspection_records(cx);
CREATE TABLE inspection_records_default PARTITION OF inspection_records DEFAULT;

CREATE TABLE data_capture_logs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id UUID NOT NULL REFERENCES jobs(id),
    equipment_id UUID REFERENCES equipment_inventory(id),
    technician_id UUID REFERENCES users(id),
    captured_fields JSONB NOT NULL,
    missing_fields JSONB DEFAULT '[]',
    completion_percentage FLOAT,
    captured_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    location_id UUID REFERENCES locations(id),
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX idx_data_capture_logs_job ON data_capture_logs(job_id);
CREATE INDEX idx_data_capture_logs_completion ON data_capture_logs(completion_percentage);
CREATE INDEX data_capture_logs_equipment ON data_capture_logs(equipment_id);
CREATE INDEX data_capture_logs_technician ON data_capture_logs(technician_id);
CREATE INDEX data_capture_logs_location ON data_capture_logs(location_id);
CREATE INDEX data_capture_logs_cx ON data_capture_logs(cx);

CREATE TYPE photo_state AS ENUM ('waiting', 'stored');

CREATE TABLE photos (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    location_id UUID NOT NULL REFERENCES locations(id),
    job_id UUID REFERENCES jobs(id) ON DELETE SET NULL,
    equipment_id UUID REFERENCES equipment_inventory(id) ON DELETE SET NULL,
    inspection_id UUID,
    field_key TEXT,
    caption TEXT,
    sha256 TEXT NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    mime TEXT NOT NULL,
    byte_count BIGINT NOT NULL CHECK (byte_count > 0),
    width INTEGER,
    height INTEGER,
    taken_at TIMESTAMP,
    latitude FLOAT,
    longitude FLOAT,
    state photo_state NOT NULL DEFAULT 'waiting',
    created_by UUID REFERENCES users(id),
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX photos_location ON photos(location_id);
CREATE INDEX photos_job ON photos(job_id);
CREATE INDEX photos_equipment ON photos(equipment_id);
CREATE INDEX photos_inspection ON photos(inspection_id);
CREATE INDEX photos_created_by ON photos(created_by);
CREATE INDEX photos_sha256 ON photos(sha256);
CREATE INDEX photos_waiting ON photos(created_at) WHERE state = 'waiting' AND deleted_at IS NULL;
CREATE INDEX photos_deleted ON photos(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX photos_cx ON photos(cx);

-- Laptops append to it and nobody mirrors it, so it carries no version of its rows.
CREATE TABLE performance_metrics (
    id UUID DEFAULT gen_random_uuid(),
    function_name VARCHAR(255) NOT NULL,
    duration_ms FLOAT NOT NULL,
    success BOOLEAN NOT NULL,
    error_message TEXT,
    metadata JSONB DEFAULT '{}',
    recorded_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (id, recorded_at)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX idx_performance_metrics_function ON performance_metrics(function_name);
CREATE INDEX idx_performance_metrics_recorded_at ON performance_metrics(recorded_at);
CREATE INDEX idx_performance_metrics_duration ON performance_metrics(duration_ms);
CREATE TABLE performance_metrics_default PARTITION OF performance_metrics DEFAULT;

RESET ROLE;
