-- What sync.push may write, field by field, and who wins where two people differ. One table drives both, so that a
-- new column is writable only once somebody has said by whom.
SET LOCAL ROLE clara_owner;

-- May a field be given with an insert, changed by an update?
--   anyone   a person whose scope holds the site
--   office   people who see all sites
--   server   the server sets it; what a laptop sends is left out without a word
--   nobody   refused
CREATE TYPE sync.field_writer AS ENUM ('anyone', 'office', 'server', 'nobody');

-- Who wins a clash:
--   technician  what is seen on site: the technician's value
--   office      scheduling and assignment: the office's value
--   union       both texts or lists are kept, one after the other
--   max         the greater number or the later time
--   ask         the server's value stays until a person decides
CREATE TYPE sync.clash_policy AS ENUM ('technician', 'office', 'union', 'max', 'ask');

CREATE TABLE sync.field_policy (
    table_name text NOT NULL,
    field text NOT NULL,
    inserted_by sync.field_writer NOT NULL,
    updated_by sync.field_writer NOT NULL,
    policy sync.clash_policy NOT NULL DEFAULT 'ask',
    PRIMARY KEY (table_name, field)
);

INSERT INTO sync.field_policy (table_name, field, inserted_by, updated_by, policy) VALUES
    ('jobs', 'job_number', 'office', 'nobody', 'office'),
    ('jobs', 'customer_id', 'office', 'nobody', 'office'),
    ('jobs', 'location_id', 'office', 'nobody', 'office'),
    ('jobs', 'assigned_technician_id', 'office', 'office', 'office'),
    ('jobs', 'job_type', 'office', 'office', 'office'),
    ('jobs', 'job_status', 'office', 'anyone', 'technician'),
    ('jobs', 'priority', 'office', 'office', 'office'),
    ('jobs', 'scheduled_date', 'office', 'office', 'office'),
    ('jobs', 'scheduled_time', 'office', 'office', 'office'),
    ('jobs', 'duration_estimate_minutes', 'office', 'office', 'office'),
    ('jobs', 'actual_start_time', 'office', 'anyone', 'technician'),
    ('jobs', 'actual_end_time', 'office', 'anyone', 'max'),
    ('jobs', 'title', 'office', 'office', 'office'),
    ('jobs', 'description', 'office', 'office', 'office'),
    ('jobs', 'special_instructions', 'office', 'office', 'union'),
    ('jobs', 'checklist', 'office', 'anyone', 'technician'),
    ('jobs', 'metadata', 'office', 'anyone', 'technician'),
    ('jobs', 'created_at', 'server', 'server', 'office'),
    ('jobs', 'updated_at', 'server', 'server', 'office'),
    ('jobs', 'deleted_at', 'nobody', 'nobody', 'office'),

    ('equipment_inventory', 'location_id', 'anyone', 'office', 'office'),
    ('equipment_inventory', 'equipment_model_id', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'equipment_category', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'manual_manufacturer', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'manual_model_number', 'anyone', 'anyone', 'technician'),
    -- Two different serial numbers for one machine are more often two machines: a person looks.
    ('equipment_inventory', 'serial_number', 'anyone', 'anyone', 'ask'),
    ('equipment_inventory', 'installation_date', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'status', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'location_detail', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'replacement_of_equipment_id', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'replaced_by_equipment_id', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'components', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'notes', 'anyone', 'anyone', 'union'),
    ('equipment_inventory', 'metadata', 'anyone', 'anyone', 'technician'),
    ('equipment_inventory', 'created_at', 'server', 'server', 'office'),
    ('equipment_inventory', 'updated_at', 'server', 'server', 'office'),
    ('equipment_inventory', 'deleted_at', 'nobody', 'nobody', 'office'),

    ('job_equipment', 'job_id', 'anyone', 'nobody', 'office'),
    ('job_equipment', 'equipment_id', 'anyone', 'nobody', 'office'),
    ('job_equipment', 'notes', 'anyone', 'anyone', 'union'),
    ('job_equipment', 'location_id', 'server', 'server', 'office'),
    ('job_equipment', 'created_at', 'server', 'server', 'office'),
    ('job_equipment', 'deleted_at', 'nobody', 'nobody', 'office'),

    -- Completed when it arrives, and immutable from then on: sync.push refuses every update of one by name.
    ('inspection_records', 'job_id', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'equipment_id', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'inspector_id', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'template_id', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'amends_inspection_id', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'inspection_date', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'inspection_type', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'passed', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'findings', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'deficiencies', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'recommendations', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'measurements', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'next_inspection_due', 'anyone', 'nobody', 'ask'),
    ('inspection_records', 'metadata', 'anyone', 'nobody', 'ask'),
    -- References to bytes that the server has checked, so nobody but the server writes them.
    ('inspection_records', 'photo_urls', 'server', 'nobody', 'ask'),
    ('inspection_records', 'location_id', 'server', 'nobody', 'ask'),
    ('inspection_records', 'created_at', 'server', 'nobody', 'ask'),
    ('inspection_records', 'updated_at', 'server', 'nobody', 'ask'),
    ('inspection_records', 'deleted_at', 'nobody', 'nobody', 'ask'),

    ('data_capture_logs', 'job_id', 'anyone', 'nobody', 'ask'),
    ('data_capture_logs', 'equipment_id', 'anyone', 'nobody', 'ask'),
    ('data_capture_logs', 'technician_id', 'anyone', 'nobody', 'ask'),
    ('data_capture_logs', 'captured_fields', 'anyone', 'nobody', 'ask'),
    ('data_capture_logs', 'missing_fields', 'anyone', 'nobody', 'ask'),
    ('data_capture_logs', 'completion_percentage', 'anyone', 'nobody', 'ask'),
    ('data_capture_logs', 'captured_at', 'anyone', 'nobody', 'ask'),
    ('data_capture_logs', 'location_id', 'server', 'nobody', 'ask'),

    ('photos', 'location_id', 'anyone', 'nobody', 'ask'),
    ('photos', 'job_id', 'anyone', 'nobody', 'ask'),
    ('photos', 'equipment_id', 'anyone', 'nobody', 'ask'),
    ('photos', 'inspection_id', 'anyone', 'nobody', 'ask'),
    ('photos', 'field_key', 'anyone', 'nobody', 'ask'),
    ('photos', 'caption', 'anyone', 'anyone', 'technician'),
    ('photos', 'sha256', 'anyone', 'nobody', 'ask'),
    ('photos', 'mime', 'anyone', 'nobody', 'ask'),
    ('photos', 'byte_count', 'anyone', 'nobody', 'ask'),
    ('photos', 'width', 'anyone', 'nobody', 'ask'),
    ('photos', 'height', 'anyone', 'nobody', 'ask'),
    ('photos', 'taken_at', 'anyone', 'nobody', 'ask'),
    ('photos', 'latitude', 'anyone', 'nobody', 'ask'),
    ('photos', 'longitude', 'anyone', 'nobody', 'ask'),
    ('photos', 'state', 'server', 'server', 'ask'),
    ('photos', 'created_by', 'server', 'server', 'ask'),
    ('photos', 'created_at', 'server', 'server', 'ask'),
    ('photos', 'updated_at', 'server', 'server', 'ask'),
    ('photos', 'deleted_at', 'nobody', 'nobody', 'ask'),

    ('locations', 'location_name', 'nobody', 'office', 'office'),
    ('locations', 'address', 'nobody', 'office', 'office'),
    ('locations', 'latitude', 'nobody', 'office', 'office'),
    ('locations', 'longitude', 'nobody', 'office', 'office'),
    ('locations', 'access_notes', 'nobody', 'anyone', 'union'),
    ('locations', 'emergency_contact_name', 'nobody', 'office', 'office'),
    ('locations', 'emergency_contact_phone', 'nobody', 'office', 'office'),
    ('locations', 'metadata', 'nobody', 'office', 'office'),
    ('locations', 'updated_at', 'server', 'server', 'office'),

    ('performance_metrics', 'function_name', 'anyone', 'nobody', 'ask'),
    ('performance_metrics', 'duration_ms', 'anyone', 'nobody', 'ask'),
    ('performance_metrics', 'success', 'anyone', 'nobody', 'ask'),
    ('performance_metrics', 'error_message', 'anyone', 'nobody', 'ask'),
    ('performance_metrics', 'metadata', 'anyone', 'nobody', 'ask'),
    ('performance_metrics', 'recorded_at', 'anyone', 'nobody', 'ask'),

    ('conflicts', 'resolution', 'nobody', 'anyone', 'ask'),
    ('conflicts', 'resolved_by', 'nobody', 'server', 'ask'),
    ('conflicts', 'resolved_at', 'nobody', 'server', 'ask'),

    ('parked_operations', 'decision', 'nobody', 'office', 'ask'),
    ('parked_operations', 'decision_note', 'nobody', 'office', 'ask'),
    ('parked_operations', 'decided_by', 'nobody', 'server', 'ask'),
    ('parked_operations', 'decided_at', 'nobody', 'server', 'ask');

-- An operation as it came, with its hash.
CREATE TYPE sync.incoming AS (
    op_id uuid,
    seq bigint,
    root_id uuid,
    entity text,
    row_id uuid,
    kind text,
    base_row_ver bigint,
    base jsonb,
    new jsonb,
    op_hash bytea,
    payload jsonb
);

-- In whose name operations take effect. `deciding`: a person who sees all sites has accepted them although they were
-- out of their author's scope.
CREATE TYPE sync.actor AS (
    device uuid,
    author uuid,
    sees_all boolean,
    deciding boolean
);

-- What became of one operation.
CREATE TYPE sync.verdict AS (
    op_id uuid,
    outcome text,
    code text,
    field text,
    row_ver bigint,
    location_id uuid,
    conflicts jsonb
);

GRANT SELECT ON sync.field_policy TO clara_sync;
-- A child asks whether its missing parent waits for a decision.
CREATE INDEX parked_row ON sync.parked(row_id) WHERE decision IS NULL;

SET LOCAL ROLE clara_sync;

-- The one place where a code becomes a sentence. No SQL and no value in it.
CREATE FUNCTION sync.sentence(code text, field text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE code
    WHEN 'out_of_scope' THEN 'The site is no longer assigned to the author. A manager decides.'
    WHEN 'other_site' THEN 'The equipment belongs to another site than the job. A manager decides.'
    WHEN 'parent_parked' THEN 'It belongs to a record that waits for a manager''s decision, and waits with it.'
    WHEN 'unknown_entity' THEN 'The server does not know this kind of record.'
    WHEN 'unknown_kind' THEN 'The server does not know this kind of change.'
    WHEN 'unknown_field' THEN 'The server does not know the field ' || coalesce(field, '') || '.'
    WHEN 'not_writable' THEN 'The field ' || coalesce(field, '') || ' cannot be changed from a laptop by this person.'
    WHEN 'not_allowed' THEN 'This person may not do this.'
    WHEN 'not_yours' THEN 'It must be signed by the person who made it.'
    WHEN 'immutable' THEN 'A completed inspection cannot be changed. Add an amendment.'
    WHEN 'missing_reference' THEN 'The record named in ' || coalesce(field, 'it') || ' does not exist.'
    WHEN 'missing_value' THEN 'The field ' || coalesce(field, '') || ' must not be empty.'
    WHEN 'bad_value' THEN 'The value of ' || coalesce(field, 'a field') || ' is not one that the server can keep.'
    WHEN 'too_long' THEN 'The value of ' || coalesce(field, 'a field') || ' is too long.'
    WHEN 'too_deep' THEN 'The value of ' || coalesce(field, 'a field') || ' is nested too deeply.'
    WHEN 'exists' THEN 'There is already a record with this key.'
    WHEN 'no_such_row' THEN 'There is no such record.'
    WHEN 'gone' THEN 'The record was deleted for good.'
    WHEN 'op_changed' THEN 'The operation was changed after it had been sent.'
    WHEN 'already_decided' THEN 'Somebody has already decided this in another way.'
    ELSE 'The server cannot keep this as it is.'
END;

RESET ROLE;
