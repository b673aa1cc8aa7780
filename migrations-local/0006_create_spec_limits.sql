-- A model's own limits, mirrored like the rest of the catalogue.
CREATE TABLE spec_limits (
    id TEXT PRIMARY KEY NOT NULL,
    row_ver INTEGER NOT NULL,
    equipment_model_id TEXT,
    item_key TEXT,
    label TEXT,
    unit TEXT,
    limit_min REAL,
    limit_max REAL,
    impossible_min REAL,
    impossible_max REAL,
    suspicious_min REAL,
    suspicious_max REAL,
    limit_source TEXT,
    created_at TEXT,
    updated_at TEXT,
    deleted_at TEXT
) STRICT;
CREATE INDEX spec_limits_equipment_model_id ON spec_limits (equipment_model_id);

-- A mirror that is already in step has passed the moment at which the server's rows were written, and no difference
-- would ever bring them. So the table is fetched as in a first sync. The others are marked as fetched, or the mirror
-- would look as if it had only begun.
WITH known (entity) AS (
    VALUES ('users'), ('devices'), ('customers'), ('locations'), ('jobs'),
        ('equipment_inventory'), ('job_equipment'), ('inspection_templates'), ('template_items'), ('capture_requirements'),
        ('inspection_records'), ('data_capture_logs'), ('photos'), ('conflicts'), ('parked_operations'),
        ('manufacturers'), ('equipment_models'), ('common_problems')
)
INSERT OR IGNORE INTO bookmark (entity, done)
SELECT entity, 1 FROM known WHERE (SELECT cursor FROM profile) IS NOT NULL;

INSERT OR IGNORE INTO bookmark (entity)
SELECT 'spec_limits' WHERE (SELECT coalesce(cursor, first_sync_from) FROM profile) IS NOT NULL;
