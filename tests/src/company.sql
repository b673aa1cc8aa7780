-- A company small enough to hold in one's head: Ana and Ben inspect, Mo manages; a tower, a school, a mall.
INSERT INTO users (id, email, full_name, role) VALUES
    ('00000000-0000-4000-8000-0000000000a1', 'ana@company.example', 'Ana', 'technician'),
    ('00000000-0000-4000-8000-0000000000b1', 'ben@company.example', 'Ben', 'technician'),
    ('00000000-0000-4000-8000-0000000000c1', 'mo@company.example', 'Mo', 'manager');
INSERT INTO manufacturers (id, name) VALUES ('10000000-0000-4000-8000-000000000001', 'Peerless Pump');
INSERT INTO equipment_models (id, manufacturer_id, model_number, equipment_category, pressure_specs) VALUES
    ('11000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '4AEF10', 'fire_pump', '{"rated_psi": 100}');
INSERT INTO common_problems (equipment_model_id, problem_description, severity, frequency) VALUES
    ('11000000-0000-4000-8000-000000000001', 'Packing leaks too much', 'medium', 'common');
INSERT INTO customers (id, company_name) VALUES ('20000000-0000-4000-8000-000000000001', 'Northgate');
INSERT INTO locations (id, customer_id, location_name, address) VALUES
    ('30000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001', 'Tower', '1 Quay Street'),
    ('30000000-0000-4000-8000-000000000002', '20000000-0000-4000-8000-000000000001', 'School', '2 Hill Road'),
    ('30000000-0000-4000-8000-000000000003', '20000000-0000-4000-8000-000000000001', 'Mall', '3 Ring Road');
INSERT INTO equipment_inventory (id, location_id, equipment_model_id, location_detail, components)
SELECT ('40000000-0000-4000-8000-00000000000' || n)::uuid,
       ('30000000-0000-4000-8000-00000000000' || (n + 2) / 3)::uuid,
       '11000000-0000-4000-8000-000000000001', 'Room ' || n, '{"drive": "belt"}'
FROM generate_series(1, 9) n;
-- The tower is Ana's and Ben's, the school is Ana's alone, the mall is nobody's.
INSERT INTO jobs (id, job_number, customer_id, location_id, assigned_technician_id, job_type, scheduled_date, title, checklist) VALUES
    ('50000000-0000-4000-8000-000000000001', 'J-1', '20000000-0000-4000-8000-000000000001', '30000000-0000-4000-8000-000000000001',
     '00000000-0000-4000-8000-0000000000a1', 'inspection', current_date, 'Annual', '[{"key": "keys", "label": "Keys", "done": false}]'),
    ('50000000-0000-4000-8000-000000000002', 'J-2', '20000000-0000-4000-8000-000000000001', '30000000-0000-4000-8000-000000000001',
     '00000000-0000-4000-8000-0000000000b1', 'inspection', current_date, 'Quarterly', '[]'),
    ('50000000-0000-4000-8000-000000000003', 'J-3', '20000000-0000-4000-8000-000000000001', '30000000-0000-4000-8000-000000000002',
     '00000000-0000-4000-8000-0000000000a1', 'inspection', current_date, 'Annual', '[]');
INSERT INTO job_equipment (job_id, equipment_id)
SELECT '50000000-0000-4000-8000-000000000001', id FROM equipment_inventory WHERE location_id = '30000000-0000-4000-8000-000000000001';
INSERT INTO inspection_records (job_id, equipment_id, inspector_id, inspection_date, passed, findings)
SELECT '50000000-0000-4000-8000-000000000001', id, '00000000-0000-4000-8000-0000000000a1', current_date - 300, true, 'Fine last year'
FROM equipment_inventory WHERE location_id = '30000000-0000-4000-8000-000000000001';
