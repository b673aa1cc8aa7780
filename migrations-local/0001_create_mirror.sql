-- The mirrored tables: what the server shows this person, with unsent work laid over it. One table for each entry of
-- clara_domain::mirrored!, column for column; a test compares the two. No FOREIGN KEY between them: scope cuts through
-- families (a site whose replaced equipment belongs to nobody's list any more), and pages arrive when they arrive. The
-- server has checked the references; here they only have to be found, so every one of them has an index.

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    full_name TEXT,
    role TEXT,
    is_active INTEGER CHECK (is_active IN (0, 1)),
    certification_numbers TEXT CHECK (json_valid(certification_numbers)),
    deleted_at TEXT
) STRICT;

CREATE TABLE devices (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    user_id TEXT,
    name TEXT,
    app_version TEXT,
    last_seen_at TEXT,
    unsent_count INTEGER,
    oldest_unsent_at TEXT,
    revoked_at TEXT
) STRICT;
CREATE INDEX devices_user_id ON devices (user_id);

CREATE TABLE customers (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    company_name TEXT,
    primary_contact_name TEXT,
    primary_contact_email TEXT,
    primary_contact_phone TEXT,
    billing_address TEXT,
    service_address TEXT,
    notes TEXT,
    metadata TEXT CHECK (json_valid(metadata)),
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;

CREATE TABLE locations (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    customer_id TEXT,
    location_name TEXT,
    address TEXT,
    latitude REAL,
    longitude REAL,
    access_notes TEXT,
    emergency_contact_name TEXT,
    emergency_contact_phone TEXT,
    metadata TEXT CHECK (json_valid(metadata)),
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX locations_customer_id ON locations (customer_id);

CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    job_number TEXT,
    customer_id TEXT,
    location_id TEXT,
    assigned_technician_id TEXT,
    job_type TEXT,
    job_status TEXT,
    priority TEXT,
    scheduled_date TEXT,
    scheduled_time TEXT,
    duration_estimate_minutes INTEGER,
    actual_start_time TEXT,
    actual_end_time TEXT,
    title TEXT,
    description TEXT,
    special_instructions TEXT,
    checklist TEXT CHECK (json_valid(checklist)),
    metadata TEXT CHECK (json_valid(metadata)),
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX jobs_customer_id ON jobs (customer_id);
CREATE INDEX jobs_location_id ON jobs (location_id);
CREATE INDEX jobs_technician_day ON jobs (assigned_technician_id, scheduled_date);
CREATE INDEX jobs_scheduled_date ON jobs (scheduled_date);

CREATE TABLE equipment_inventory (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    location_id TEXT,
    equipment_model_id TEXT,
    equipment_category TEXT,
    manual_manufacturer TEXT,
    manual_model_number TEXT,
    serial_number TEXT,
    installation_date TEXT,
    status TEXT,
    location_detail TEXT,
    replacement_of_equipment_id TEXT,
    replaced_by_equipment_id TEXT,
    components TEXT CHECK (json_valid(components)),
    notes TEXT,
    metadata TEXT CHECK (json_valid(metadata)),
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX equipment_inventory_location_id ON equipment_inventory (location_id);
CREATE INDEX equipment_inventory_equipment_model_id ON equipment_inventory (equipment_model_id);
CREATE INDEX equipment_inventory_replacement_of_equipment_id ON equipment_inventory (replacement_of_equipment_id) WHERE replacement_of_equipment_id IS NOT NULL;
CREATE INDEX equipment_inventory_replaced_by_equipment_id ON equipment_inventory (replaced_by_equipment_id) WHERE replaced_by_equipment_id IS NOT NULL;
CREATE INDEX equipment_inventory_serial_number ON equipment_inventory (serial_number) WHERE serial_number IS NOT NULL;

CREATE TABLE job_equipment (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    job_id TEXT,
    equipment_id TEXT,
    location_id TEXT,
    notes TEXT,
    created_at TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX job_equipment_job_id ON job_equipment (job_id);
CREATE INDEX job_equipment_equipment_id ON job_equipment (equipment_id);
CREATE INDEX job_equipment_location_id ON job_equipment (location_id);

CREATE TABLE inspection_templates (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    template_key TEXT,
    name TEXT,
    equipment_category TEXT,
    inspection_type TEXT,
    standard TEXT,
    edition TEXT,
    revision INTEGER,
    frequency TEXT,
    is_active INTEGER CHECK (is_active IN (0, 1)),
    deleted_at TEXT
) STRICT;
CREATE INDEX inspection_templates_category ON inspection_templates (equipment_category);

CREATE TABLE template_items (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    template_id TEXT,
    item_key TEXT,
    section TEXT,
    position INTEGER,
    label TEXT,
    item_type TEXT,
    unit TEXT,
    is_required INTEGER CHECK (is_required IN (0, 1)),
    choices TEXT CHECK (json_valid(choices)),
    limit_min REAL,
    limit_max REAL,
    impossible_min REAL,
    impossible_max REAL,
    suspicious_min REAL,
    suspicious_max REAL,
    limit_source TEXT,
    why TEXT,
    condition TEXT CHECK (json_valid(condition)),
    deficiency TEXT CHECK (json_valid(deficiency)),
    deleted_at TEXT
) STRICT;
CREATE INDEX template_items_place ON template_items (template_id, position);

CREATE TABLE capture_requirements (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    equipment_category TEXT,
    field_key TEXT,
    label TEXT,
    weight INTEGER,
    position INTEGER,
    condition TEXT CHECK (json_valid(condition)),
    hint TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX capture_requirements_category ON capture_requirements (equipment_category, position);

CREATE TABLE inspection_records (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    job_id TEXT,
    equipment_id TEXT,
    inspector_id TEXT,
    location_id TEXT,
    template_id TEXT,
    amends_inspection_id TEXT,
    inspection_date TEXT,
    inspection_type TEXT,
    passed INTEGER CHECK (passed IN (0, 1)),
    findings TEXT,
    deficiencies TEXT CHECK (json_valid(deficiencies)),
    recommendations TEXT,
    measurements TEXT CHECK (json_valid(measurements)),
    photo_urls TEXT CHECK (json_valid(photo_urls)),
    next_inspection_due TEXT,
    metadata TEXT CHECK (json_valid(metadata)),
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX inspection_records_job_id ON inspection_records (job_id);
CREATE INDEX inspection_records_inspector_id ON inspection_records (inspector_id);
CREATE INDEX inspection_records_location_id ON inspection_records (location_id);
CREATE INDEX inspection_records_template_id ON inspection_records (template_id);
CREATE INDEX inspection_records_amends_inspection_id ON inspection_records (amends_inspection_id) WHERE amends_inspection_id IS NOT NULL;
CREATE INDEX inspection_records_equipment_date ON inspection_records (equipment_id, inspection_date);

CREATE TABLE data_capture_logs (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    job_id TEXT,
    equipment_id TEXT,
    technician_id TEXT,
    location_id TEXT,
    captured_fields TEXT CHECK (json_valid(captured_fields)),
    missing_fields TEXT CHECK (json_valid(missing_fields)),
    completion_percentage REAL,
    captured_at TEXT
) STRICT;
CREATE INDEX data_capture_logs_job_id ON data_capture_logs (job_id);
CREATE INDEX data_capture_logs_equipment_id ON data_capture_logs (equipment_id);
CREATE INDEX data_capture_logs_technician_id ON data_capture_logs (technician_id);
CREATE INDEX data_capture_logs_location_id ON data_capture_logs (location_id);
CREATE INDEX data_capture_logs_captured_at ON data_capture_logs (captured_at);

CREATE TABLE photos (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    location_id TEXT,
    job_id TEXT,
    equipment_id TEXT,
    inspection_id TEXT,
    field_key TEXT,
    caption TEXT,
    sha256 TEXT,
    mime TEXT,
    byte_count INTEGER,
    width INTEGER,
    height INTEGER,
    taken_at TEXT,
    latitude REAL,
    longitude REAL,
    state TEXT,
    created_by TEXT,
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX photos_location_id ON photos (location_id);
CREATE INDEX photos_job_id ON photos (job_id);
CREATE INDEX photos_equipment_id ON photos (equipment_id, deleted_at);
CREATE INDEX photos_inspection_id ON photos (inspection_id) WHERE inspection_id IS NOT NULL;
CREATE INDEX photos_created_by ON photos (created_by);

CREATE TABLE conflicts (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    op_id TEXT,
    location_id TEXT,
    table_name TEXT,
    row_id TEXT,
    field TEXT,
    base TEXT CHECK (json_valid(base)),
    server TEXT CHECK (json_valid(server)),
    client TEXT CHECK (json_valid(client)),
    chosen TEXT,
    policy TEXT,
    author_id TEXT,
    server_author_id TEXT,
    created_at TEXT,
    resolution TEXT,
    resolved_by TEXT,
    resolved_at TEXT
) STRICT;
CREATE INDEX conflicts_op_id ON conflicts (op_id);
CREATE INDEX conflicts_location_id ON conflicts (location_id);
CREATE INDEX conflicts_row_id ON conflicts (row_id);
CREATE INDEX conflicts_author_id ON conflicts (author_id);
CREATE INDEX conflicts_server_author_id ON conflicts (server_author_id) WHERE server_author_id IS NOT NULL;
CREATE INDEX conflicts_resolved_by ON conflicts (resolved_by) WHERE resolved_by IS NOT NULL;
CREATE INDEX conflicts_open ON conflicts (created_at) WHERE resolved_at IS NULL;

CREATE TABLE parked_operations (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    op_id TEXT,
    device_id TEXT,
    author_id TEXT,
    location_id TEXT,
    table_name TEXT,
    row_id TEXT,
    reason TEXT,
    payload TEXT CHECK (json_valid(payload)),
    received_at TEXT,
    decision TEXT,
    decided_by TEXT,
    decided_at TEXT,
    decision_note TEXT
) STRICT;
CREATE INDEX parked_operations_op_id ON parked_operations (op_id);
CREATE INDEX parked_operations_device_id ON parked_operations (device_id);
CREATE INDEX parked_operations_author_id ON parked_operations (author_id);
CREATE INDEX parked_operations_location_id ON parked_operations (location_id);
CREATE INDEX parked_operations_row_id ON parked_operations (row_id);
CREATE INDEX parked_operations_decided_by ON parked_operations (decided_by) WHERE decided_by IS NOT NULL;

CREATE TABLE manufacturers (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    name TEXT,
    website TEXT,
    support_phone TEXT,
    support_email TEXT,
    headquarters_location TEXT,
    metadata TEXT CHECK (json_valid(metadata)),
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;

CREATE TABLE equipment_models (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    manufacturer_id TEXT,
    model_number TEXT,
    product_name TEXT,
    equipment_category TEXT,
    electrical_specs TEXT CHECK (json_valid(electrical_specs)),
    pressure_specs TEXT CHECK (json_valid(pressure_specs)),
    temperature_specs TEXT CHECK (json_valid(temperature_specs)),
    flow_specs TEXT CHECK (json_valid(flow_specs)),
    physical_specs TEXT CHECK (json_valid(physical_specs)),
    year_introduced INTEGER,
    year_discontinued INTEGER,
    replacement_model_id TEXT,
    maintenance_notes TEXT,
    data_source TEXT,
    confidence_score REAL,
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX equipment_models_manufacturer_id ON equipment_models (manufacturer_id);
CREATE INDEX equipment_models_replacement_model_id ON equipment_models (replacement_model_id) WHERE replacement_model_id IS NOT NULL;

CREATE TABLE common_problems (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    equipment_model_id TEXT,
    problem_description TEXT,
    symptoms TEXT CHECK (json_valid(symptoms)),
    root_cause TEXT,
    solution TEXT,
    severity TEXT,
    frequency TEXT,
    typical_age_range TEXT,
    related_parts TEXT CHECK (json_valid(related_parts)),
    estimated_repair_cost TEXT,
    data_sources TEXT CHECK (json_valid(data_sources)),
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX common_problems_equipment_model_id ON common_problems (equipment_model_id);
