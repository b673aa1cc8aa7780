-- Row security, forced, on every table with customer data, and the grants beneath it.
--
-- People's roles may read and may execute a handful of functions. They may not insert, update or delete anywhere: the
-- one way to write is sync.push. Policies are EXISTS probes of an indexed table, with the person looked up once per
-- statement through (SELECT app.me()).
SET LOCAL ROLE clara_owner;

DO $$
DECLARE
    people CONSTANT text := 'clara_technician, clara_manager, clara_office, clara_admin';
    site CONSTANT text := '(SELECT app.sees_all()) OR EXISTS (SELECT FROM sync.location_access a
        WHERE a.user_id = (SELECT app.me()) AND a.location_id = %s AND a.state = ''granted'')';
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('public.users',                '(SELECT app.me()) IS NOT NULL', true),
        ('public.manufacturers',        '(SELECT app.me()) IS NOT NULL', true),
        ('public.equipment_models',     '(SELECT app.me()) IS NOT NULL', true),
        ('public.common_problems',      '(SELECT app.me()) IS NOT NULL', true),
        ('public.inspection_templates', '(SELECT app.me()) IS NOT NULL', true),
        ('public.template_items',       '(SELECT app.me()) IS NOT NULL', true),
        ('public.capture_requirements', '(SELECT app.me()) IS NOT NULL', true),
        -- The probe of `locations` obeys that table's own policy: a customer is seen through the sites that are.
        ('public.customers', '(SELECT app.sees_all()) OR EXISTS (SELECT FROM public.locations l
            WHERE l.customer_id = customers.id)', true),
        ('public.locations',            format(site, 'locations.id'), true),
        ('public.equipment_inventory',  format(site, 'equipment_inventory.location_id'), true),
        ('public.jobs',                 format(site, 'jobs.location_id'), true),
        ('public.job_equipment',        format(site, 'job_equipment.location_id'), true),
        ('public.inspection_records',   format(site, 'inspection_records.location_id'), true),
        ('public.data_capture_logs',    format(site, 'data_capture_logs.location_id'), true),
        ('public.photos',               format(site, 'photos.location_id'), true),
        ('public.performance_metrics',  NULL, true),
        ('sync.location_access', 'user_id = (SELECT app.me())', false),
        ('sync.device',          'user_id = (SELECT app.me()) OR (SELECT app.sees_all())', false),
        -- A person keeps seeing what became of their own work after the site has left their scope.
        ('sync.conflict', 'author_id = (SELECT app.me()) OR ' || format(site, 'conflict.location_id'), false),
        ('sync.parked',   'author_id = (SELECT app.me()) OR ' || format(site, 'parked.location_id'), false),
        ('sync.tombstone', '((SELECT app.me()) IS NOT NULL AND location_id IS NULL) OR ' || format(site, 'tombstone.location_id'), false),
        ('app.login', NULL, false), ('sync.enrolment', NULL, false), ('sync.op', NULL, false),
        ('sync.photo_chunk', NULL, false), ('sync.repair', '(SELECT app.sees_all())', false)
    ) AS v(tbl, visible, business)
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.tbl);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t.tbl);
        -- clara_owner for migrations and administrators, clara_sync for the functions that check every operation.
        EXECUTE format('CREATE POLICY serve ON %s TO clara_owner, clara_sync USING (true) WITH CHECK (true)', t.tbl);
        IF t.business THEN
            EXECUTE format('CREATE POLICY backend ON %s TO clara_backend USING (true) WITH CHECK (true)', t.tbl);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO clara_backend', t.tbl);
        END IF;
        IF t.visible IS NOT NULL THEN
            EXECUTE format('CREATE POLICY people ON %s FOR SELECT TO %s USING (%s)', t.tbl, people, t.visible);
            IF t.tbl = 'public.users' THEN
                EXECUTE format('GRANT SELECT (id, full_name, role, is_active, certification_numbers, deleted_at, row_ver, cx)
                                ON public.users TO %s', people);
            ELSE
                EXECUTE format('GRANT SELECT ON %s TO %s', t.tbl, people);
            END IF;
        END IF;
        IF t.tbl = 'sync.op' THEN
            GRANT SELECT, INSERT ON sync.op TO clara_sync;
        ELSE
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO clara_sync', t.tbl);
        END IF;
    END LOOP;
END
$$;

-- What the company's service may look at, so that it can show the office what is open.
CREATE POLICY backend ON sync.device FOR SELECT TO clara_backend USING (true);
CREATE POLICY backend ON sync.conflict FOR SELECT TO clara_backend USING (true);
CREATE POLICY backend ON sync.parked FOR SELECT TO clara_backend USING (true);
CREATE POLICY backend ON sync.location_access FOR SELECT TO clara_backend USING (true);
GRANT SELECT ON sync.device, sync.conflict, sync.parked, sync.location_access TO clara_backend;

-- No customer data in these: they say how to speak to the database.
GRANT SELECT ON sync.schema, sync.epoch, app.settings
    TO clara_technician, clara_manager, clara_office, clara_admin, clara_backend;
GRANT SELECT, INSERT, UPDATE, DELETE ON sync.schema, sync.epoch, app.settings TO clara_sync;

RESET ROLE;
