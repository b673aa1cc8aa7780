-- Customers, sites, the equipment there and the work to be done: the first half of what is scoped to a technician.
SET LOCAL ROLE clara_owner;

CREATE TABLE customers (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    company_name VARCHAR(500) NOT NULL,
    primary_contact_name VARCHAR(255),
    primary_contact_email VARCHAR(255),
    primary_contact_phone VARCHAR(50),
    billing_address TEXT,
    service_address TEXT,
    notes TEXT,
    metadata JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX idx_customers_company_name ON customers(company_name);
CREATE INDEX idx_customers_deleted ON customers(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX customers_cx ON customers(cx);

CREATE TABLE locations (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id UUID NOT NULL REFERENCES customers(id),
    location_name VARCHAR(500) NOT NULL,
    address TEXT NOT NULL,
    latitude DECIMAL(10, 8),
    longitude DECIMAL(11, 8),
    access_notes TEXT,
    emergency_contact_name VARCHAR(255),
    emergency_contact_phone VARCHAR(50),
    metadata JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX idx_locations_customer ON locations(customer_id);
CREATE INDEX idx_locations_coordinates ON locations(latitude, longitude);
CREATE INDEX idx_locations_deleted ON locations(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX locations_cx ON locations(cx);

CREATE TYPE equipment_status AS ENUM ('active', 'inactive', 'replaced', 'removed');

CREATE TABLE equipment_inventory (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    location_id UUID NOT NULL REFERENCES locations(id),
    equipment_model_id UUID REFERENCES equipment_models(id),
    manual_manufacturer VARCHAR(255),
    manual_model_number VARCHAR(255),
    serial_number VARCHAR(255),
    installation_date DATE,
    status equipment_status DEFAULT 'active',
    location_detail VARCHAR(500),
    replacement_of_equipment_id UUID REFERENCES equipment_inventory(id),
    replaced_by_equipment_id UUID REFERENCES equipment_inventory(id),
    components JSONB DEFAULT '{}',
    notes TEXT,
    metadata JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    -- An item without a model of the catalogue still has a kind; with one, the trigger takes the model's.
    equipment_category equipment_category,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX idx_equipment_inventory_location ON equipment_inventory(location_id);
CREATE INDEX idx_equipment_inventory_model ON equipment_inventory(equipment_model_id);
CREATE INDEX idx_equipment_inventory_serial ON equipment_inventory(serial_number);
CREATE INDEX idx_equipment_inventory_status ON equipment_inventory(status);
CREATE INDEX idx_equipment_inventory_deleted ON equipment_inventory(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX equipment_inventory_replacement_of ON equipment_inventory(replacement_of_equipment_id);
CREATE INDEX equipment_inventory_replaced_by ON equipment_inventory(replaced_by_equipment_id);
CREATE INDEX equipment_inventory_cx ON equipment_inventory(cx);

CREATE TYPE job_status AS ENUM ('scheduled', 'in_progress', 'completed', 'cancelled');
CREATE TYPE job_priority AS ENUM ('low', 'normal', 'high', 'urgent');
CREATE TYPE job_type AS ENUM ('inspection', 'maintenance', 'repair', 'installation', 'emergency');

CREATE TABLE jobs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    job_number VARCHAR(50) UNIQUE NOT NULL,
    customer_id UUID NOT NULL REFERENCES customers(id),
    location_id UUID NOT NULL REFERENCES locations(id),
    assigned_technician_id UUID REFERENCES users(id),
    job_type job_type NOT NULL,
    job_status job_status DEFAULT 'scheduled',
    priority job_priority DEFAULT 'normal',
    scheduled_date DATE NOT NULL,
    scheduled_time TIME,
    duration_estimate_minutes INTEGER,
    actual_start_time TIMESTAMP,
    actual_end_time TIMESTAMP,
    title VARCHAR(500) NOT NULL,
    description TEXT,
    special_instructions TEXT,
    checklist JSONB DEFAULT '[]',
    metadata JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX idx_jobs_customer ON jobs(customer_id);
CREATE INDEX idx_jobs_location ON jobs(location_id);
CREATE INDEX idx_jobs_technician ON jobs(assigned_technician_id);
CREATE INDEX idx_jobs_status ON jobs(job_status);
CREATE INDEX idx_jobs_scheduled_date ON jobs(scheduled_date);
CREATE INDEX idx_jobs_job_number ON jobs(job_number);
CREATE INDEX idx_jobs_deleted ON jobs(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX jobs_technician_location ON jobs(assigned_technician_id, location_id);
CREATE INDEX jobs_cx ON jobs(cx);

CREATE TABLE job_equipment (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id UUID NOT NULL REFERENCES jobs(id),
    equipment_id UUID NOT NULL REFERENCES equipment_inventory(id),
    notes TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    -- Nullable, so that a program which names an unknown job still hears of the foreign key and not of this column.
    location_id UUID REFERENCES locations(id),
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX idx_job_equipment_job ON job_equipment(job_id);
CREATE INDEX idx_job_equipment_equipment ON job_equipment(equipment_id);
CREATE INDEX job_equipment_location ON job_equipment(location_id);
CREATE INDEX job_equipment_deleted ON job_equipment(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX job_equipment_cx ON job_equipment(cx);

RESET ROLE;
