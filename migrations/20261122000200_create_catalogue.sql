-- People and the catalogue: users, manufacturers, models, problems. `users` stands before everything that refers to it.
-- Names, types, defaults and indexes are a contract with programs of the company that were written against them: add
-- columns behind, change nothing.
SET LOCAL ROLE clara_owner;

CREATE TYPE user_role AS ENUM ('technician', 'manager', 'admin', 'office_staff');

CREATE TABLE users (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    email VARCHAR(255) UNIQUE NOT NULL,
    full_name VARCHAR(255) NOT NULL,
    phone VARCHAR(50),
    role user_role NOT NULL,
    certification_numbers JSONB DEFAULT '[]',
    specializations JSONB DEFAULT '[]',
    hire_date DATE,
    password_hash VARCHAR(255),
    last_login TIMESTAMP,
    metadata JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    is_active BOOLEAN DEFAULT true,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX idx_users_email ON users(email);
CREATE INDEX idx_users_role ON users(role);
CREATE INDEX idx_users_active ON users(is_active);
CREATE INDEX idx_users_deleted ON users(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX users_cx ON users(cx);

CREATE TABLE manufacturers (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(255) NOT NULL UNIQUE,
    website VARCHAR(500),
    support_phone VARCHAR(50),
    support_email VARCHAR(255),
    headquarters_location VARCHAR(500),
    metadata JSONB DEFAULT '{}',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX idx_manufacturers_name ON manufacturers(name);
CREATE INDEX idx_manufacturers_deleted ON manufacturers(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX manufacturers_cx ON manufacturers(cx);

CREATE TYPE equipment_category AS ENUM (
    'fire_pump',
    'backflow_preventer',
    'sprinkler_head',
    'fire_extinguisher',
    'fire_alarm_panel',
    'smoke_detector',
    'hvac',
    'standpipe',
    'other'
);

CREATE TABLE equipment_models (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    manufacturer_id UUID NOT NULL REFERENCES manufacturers(id),
    model_number VARCHAR(255) NOT NULL,
    product_name VARCHAR(500),
    equipment_category equipment_category NOT NULL,
    electrical_specs JSONB DEFAULT '{}',
    pressure_specs JSONB DEFAULT '{}',
    temperature_specs JSONB DEFAULT '{}',
    flow_specs JSONB DEFAULT '{}',
    physical_specs JSONB DEFAULT '{}',
    year_introduced INTEGER,
    year_discontinued INTEGER,
    replacement_model_id UUID REFERENCES equipment_models(id),
    maintenance_notes TEXT,
    data_source VARCHAR(500),
    confidence_score FLOAT DEFAULT 1.0,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE(manufacturer_id, model_number)
);
CREATE INDEX idx_equipment_models_manufacturer ON equipment_models(manufacturer_id);
CREATE INDEX idx_equipment_models_model_number ON equipment_models(model_number);
CREATE INDEX idx_equipment_models_category ON equipment_models(equipment_category);
CREATE INDEX idx_equipment_models_deleted ON equipment_models(deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX idx_equipment_models_electrical_specs ON equipment_models USING GIN (electrical_specs);
CREATE INDEX equipment_models_replacement ON equipment_models(replacement_model_id);
CREATE INDEX equipment_models_cx ON equipment_models(cx);

CREATE TYPE problem_severity AS ENUM ('critical', 'high', 'medium', 'low');
CREATE TYPE problem_frequency AS ENUM ('very_common', 'common', 'occasional', 'rare');

CREATE TABLE common_problems (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    equipment_model_id UUID NOT NULL REFERENCES equipment_models(id),
    problem_description TEXT NOT NULL,
    symptoms JSONB DEFAULT '[]',
    root_cause TEXT,
    solution TEXT,
    severity problem_severity NOT NULL,
    frequency problem_frequency NOT NULL,
    typical_age_range VARCHAR(50),
    related_parts JSONB DEFAULT '[]',
    estimated_repair_cost VARCHAR(50),
    data_sources JSONB DEFAULT '[]',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    deleted_at TIMESTAMP NULL,
    row_ver BIGINT NOT NULL DEFAULT 1,
    cx XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX idx_common_problems_equipment ON common_problems(equipment_model_id);
CREATE INDEX idx_common_problems_severity ON common_problems(severity);
CREATE INDEX idx_common_problems_frequency ON common_problems(frequency);
CREATE INDEX idx_common_problems_symptoms ON common_problems USING GIN (symptoms);
CREATE INDEX common_problems_cx ON common_problems(cx);

RESET ROLE;
