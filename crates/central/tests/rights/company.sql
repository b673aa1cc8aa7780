-- Three of everything: 0a… is the technician's own, 0b… another technician's, 0c… nobody's. The first two digits of a
-- row's key say which, and the words CANARY-0b and CANARY-0c must never reach the technician.
CREATE FUNCTION pg_temp.k(s text, n integer) RETURNS uuid LANGUAGE sql AS
    $$ SELECT (s || '000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE TEMP TABLE three AS SELECT s, CASE s WHEN '0a' THEN '1' ELSE 'CANARY-' || s END AS word
    FROM unnest(ARRAY['0a', '0b', '0c']) s;

INSERT INTO users (id, email, full_name, role, password_hash)
SELECT pg_temp.k(s, 1), s || '@company.example', 'Person ' || s, r::user_role, 'CANARY-hash'
FROM (VALUES ('0a', 'technician'), ('0b', 'technician'), ('0c', 'technician'), ('0d', 'manager'),
    ('0e', 'office_staff'), ('0f', 'admin'), ('1a', 'manager'), ('1b', 'technician'), ('1c', 'technician'),
    ('1d', 'technician')) v(s, r);
INSERT INTO customers (id, company_name, notes) SELECT pg_temp.k(s, 2), word, word FROM three;
INSERT INTO locations (id, customer_id, location_name, address, access_notes)
SELECT pg_temp.k(s, 3), pg_temp.k(s, 2), word, word, word FROM three;
INSERT INTO manufacturers (id, name) SELECT pg_temp.k(s, 4), 'Maker ' || s FROM three;
INSERT INTO equipment_models (id, manufacturer_id, model_number, equipment_category)
SELECT pg_temp.k(s, 5), pg_temp.k(s, 4), 'Model ' || s, 'fire_pump' FROM three;
INSERT INTO common_problems (id, equipment_model_id, problem_description, severity, frequency)
SELECT pg_temp.k(s, 6), pg_temp.k(s, 5), 'Leaks', 'low', 'rare' FROM three;
INSERT INTO equipment_inventory (id, location_id, serial_number, notes)
SELECT pg_temp.k(s, 7), pg_temp.k(s, 3), word, word FROM three;
INSERT INTO jobs (id, job_number, customer_id, location_id, assigned_technician_id, job_type, scheduled_date, title)
SELECT pg_temp.k(s, 8), word, pg_temp.k(s, 2), pg_temp.k(s, 3), CASE s WHEN '0c' THEN NULL ELSE pg_temp.k(s, 1) END,
    'inspection', current_date, word FROM three;
-- Those who may not come in any more, or not yet, have work at the technician's site all the same.
INSERT INTO jobs (id, job_number, customer_id, location_id, assigned_technician_id, job_type, scheduled_date, title)
SELECT pg_temp.k('0a', 80 + n), '2' || n, pg_temp.k('0a', 2), pg_temp.k('0a', 3), pg_temp.k(s, 1), 'inspection',
    current_date, '1' FROM (VALUES ('1a', 1), ('1b', 2), ('1c', 3), ('1d', 4)) v(s, n);
INSERT INTO sync.location_access (user_id, location_id, state) VALUES (pg_temp.k('0c', 1), pg_temp.k('0c', 3), 'granted');
INSERT INTO job_equipment (id, job_id, equipment_id, notes)
SELECT pg_temp.k(s, 9), pg_temp.k(s, 8), pg_temp.k(s, 7), word FROM three;
INSERT INTO inspection_templates (id, template_key, name, equipment_category, inspection_type)
SELECT pg_temp.k(s, 10), 'key ' || s, 'Annual', 'fire_pump', 'annual' FROM three;
INSERT INTO template_items (id, template_id, item_key, label, item_type)
SELECT pg_temp.k(s, 11), pg_temp.k(s, 10), 'churn', 'Churn', 'number' FROM three;
INSERT INTO capture_requirements (id, equipment_category, field_key, label)
SELECT pg_temp.k(s, 12), 'fire_pump', 'field ' || s, 'Field' FROM three;
INSERT INTO inspection_records (id, job_id, equipment_id, inspector_id, inspection_date, findings, deficiencies)
SELECT pg_temp.k(s, 13), pg_temp.k(s, 8), pg_temp.k(s, 7), pg_temp.k(s, 1), current_date, word, '[{"severity": "high"}]'
FROM three;
INSERT INTO data_capture_logs (id, job_id, equipment_id, technician_id, captured_fields)
SELECT pg_temp.k(s, 14), pg_temp.k(s, 8), pg_temp.k(s, 7), pg_temp.k(s, 1), to_jsonb(word) FROM three;
INSERT INTO photos (id, location_id, job_id, caption, sha256, mime, byte_count, created_by, state)
SELECT pg_temp.k(s, 15), pg_temp.k(s, 3), pg_temp.k(s, 8), word, encode(sha256(convert_to(word, 'UTF8')), 'hex'),
    'image/jpeg', octet_length(word), pg_temp.k(s, 1), 'stored' FROM three;
INSERT INTO sync.photo_chunk (photo_id, number, bytes)
SELECT pg_temp.k(s, 15), 0, convert_to(word, 'UTF8') FROM three;
INSERT INTO photos (id, location_id, job_id, caption, sha256, mime, byte_count, created_by)
SELECT pg_temp.k(s, 16), pg_temp.k(s, 3), pg_temp.k(s, 8), word, encode(sha256(convert_to(word, 'UTF8')), 'hex'),
    'image/jpeg', octet_length(word), pg_temp.k(s, 1) FROM three;
INSERT INTO performance_metrics (id, function_name, duration_ms, success)
SELECT pg_temp.k(s, 17), word, 1, true FROM three;
INSERT INTO sync.tombstone (table_name, row_id, location_id)
SELECT 'jobs', pg_temp.k(s, 18), pg_temp.k(s, 3) FROM three;
INSERT INTO sync.conflict (id, op_id, location_id, table_name, row_id, field, base, server, client, chosen, policy, author_id)
SELECT pg_temp.k(s, 19), pg_temp.k(s, 20), pg_temp.k(s, 3), 'jobs', pg_temp.k(s, 8), 'title', to_jsonb(word),
    to_jsonb(word), to_jsonb(word), 'server', 'ask', pg_temp.k(s, 1) FROM three;
INSERT INTO spec_limits (id, equipment_model_id, item_key, label, limit_min, limit_source)
SELECT pg_temp.k(s, 21), pg_temp.k(s, 5), 'churn', 'Churn', 1, 'plate' FROM three;
INSERT INTO sync.subscription (user_id, window_days) SELECT pg_temp.k(s, 1), 30 FROM three;
SELECT report.refresh();
