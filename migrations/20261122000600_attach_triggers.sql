-- What the database does by itself, whoever writes: version and transaction of every row, `updated_at`, tombstones, the
-- site of every record, and who may see which site. A program of the company that has never heard of laptops thereby
-- feeds them correctly.
--
-- Triggers fire in the order of their names: fill_* before stamp before touch.
SET LOCAL ROLE clara_sync;

-- Versions are compared for equality only, and must not repeat in two histories of one row: a server that was put back
-- to an older copy would count to the same number again with another content, and a laptop that had seen the lost one
-- would take it for the same. So a version is the time in microseconds, or one more than the last, whichever is greater.
-- An update that changes nothing keeps the row's version and is only stamped with its transaction. That is what makes
-- `sync.rebase` possible without a switch that somebody could leave on.
CREATE FUNCTION sync.stamp() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        NEW.row_ver := OLD.row_ver;
        NEW.cx := OLD.cx;
        IF NEW *<> OLD THEN
            NEW.row_ver := greatest(OLD.row_ver + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
        END IF;
    ELSE
        -- A row that moves to another partition arrives here as an insert with the version it just got.
        NEW.row_ver := greatest(coalesce(NEW.row_ver, 1), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
    END IF;
    NEW.cx := pg_current_xact_id();
    RETURN NEW;
END
$$;

CREATE FUNCTION app.touch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.updated_at := now() AT TIME ZONE 'UTC';
    RETURN NEW;
END
$$;

-- Arguments: the mirrored table, the column that holds the site (or none). A partition's own name must not get in here.
CREATE FUNCTION sync.bury() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone jsonb := to_jsonb(OLD);
    gone_id uuid := (gone ->> 'id')::uuid;
BEGIN
    -- A changed inspection_date can move the row to another partition: a delete and an insert, but nothing is gone.
    IF TG_ARGV[0] = 'inspection_records' AND EXISTS (SELECT FROM public.inspection_records WHERE id = gone_id) THEN
        RETURN NULL;
    END IF;
    INSERT INTO sync.tombstone (table_name, row_id, location_id)
    VALUES (TG_ARGV[0], gone_id, CASE WHEN TG_NARGS > 1 THEN (gone ->> TG_ARGV[1])::uuid END)
    ON CONFLICT (table_name, row_id) DO UPDATE
        SET location_id = excluded.location_id, cx = pg_current_xact_id(), deleted_at = now();
    RETURN NULL;
END
$$;

CREATE FUNCTION sync.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE would leave laptops with rows that no longer exist; use DELETE'
        USING ERRCODE = 'feature_not_supported';
END
$$;

CREATE FUNCTION sync.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'feature_not_supported';
END
$$;

CREATE FUNCTION app.fill_category() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT m.equipment_category INTO NEW.equipment_category
    FROM public.equipment_models m WHERE m.id = NEW.equipment_model_id;
    RETURN NEW;
END
$$;

-- The site of a record is the site of its job, whatever the writer says.
CREATE FUNCTION app.fill_location() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT j.location_id INTO NEW.location_id FROM public.jobs j WHERE j.id = NEW.job_id;
    RETURN NEW;
END
$$;

-- A photo hangs on a job, on an inspection, on an item, or on the site alone.
CREATE FUNCTION app.fill_photo_location() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.location_id := coalesce(
        (SELECT j.location_id FROM public.jobs j WHERE j.id = NEW.job_id),
        (SELECT i.location_id FROM public.inspection_records i WHERE i.id = NEW.inspection_id LIMIT 1),
        (SELECT e.location_id FROM public.equipment_inventory e WHERE e.id = NEW.equipment_id),
        NEW.location_id);
    RETURN NEW;
END
$$;

-- The office corrects the site of a job: what was recorded under it goes along, or it would stay visible to the wrong
-- people.
CREATE FUNCTION app.move_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.job_equipment SET location_id = NEW.location_id WHERE job_id = NEW.id;
    UPDATE public.inspection_records SET location_id = NEW.location_id WHERE job_id = NEW.id;
    UPDATE public.data_capture_logs SET location_id = NEW.location_id WHERE job_id = NEW.id;
    UPDATE public.photos SET location_id = NEW.location_id WHERE job_id = NEW.id;
    RETURN NULL;
END
$$;

-- Who is behind the login. Reads session_user and not current_user, so that it is true inside definer functions too.
CREATE FUNCTION app.me() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.user_id
    FROM app.login l
    JOIN public.users u ON u.id = l.user_id
    LEFT JOIN sync.device d ON d.id = l.device_id
    WHERE l.role_name = session_user AND l.claimed_at IS NOT NULL
      AND u.is_active AND u.deleted_at IS NULL AND d.revoked_at IS NULL
$$;

CREATE FUNCTION app.my_role() RETURNS public.user_role
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.role FROM public.users u WHERE u.id = app.me()
$$;

CREATE FUNCTION app.sees_all() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(app.my_role() IN ('manager', 'office_staff', 'admin'), false)
$$;

-- Open jobs give access whenever they are; closed ones for a while, so that a technician who has just finished can
-- still look back and amend.
CREATE FUNCTION sync.has_work(p_user uuid, p_location uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM public.jobs j
        WHERE j.assigned_technician_id = p_user AND j.location_id = p_location AND j.deleted_at IS NULL
          AND (coalesce(j.job_status, 'scheduled') IN ('scheduled', 'in_progress')
               OR j.scheduled_date >= (now() AT TIME ZONE 'UTC')::date
                  - coalesce((SELECT (s.value #>> '{}')::integer FROM app.settings s WHERE s.key = 'access_window_days'), 45)))
$$;

CREATE FUNCTION sync.judge_access(p_user uuid, p_location uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_user IS NULL OR p_location IS NULL THEN
        RETURN;
    END IF;
    -- Two transactions that each take away the other's reason would both see it still there; the second waits here
    -- and then looks again.
    PERFORM FROM sync.location_access a WHERE a.user_id = p_user AND a.location_id = p_location FOR NO KEY UPDATE;
    IF sync.has_work(p_user, p_location) THEN
        INSERT INTO sync.location_access AS a (user_id, location_id, state)
        VALUES (p_user, p_location, 'granted')
        ON CONFLICT (user_id, location_id) DO UPDATE SET state = 'granted' WHERE a.state <> 'granted';
    ELSE
        UPDATE sync.location_access SET state = 'revoked'
        WHERE user_id = p_user AND location_id = p_location AND state = 'granted';
    END IF;
END
$$;

CREATE FUNCTION sync.job_access() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM sync.judge_access(OLD.assigned_technician_id, OLD.location_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM sync.judge_access(NEW.assigned_technician_id, NEW.location_id);
    END IF;
    RETURN NULL;
END
$$;

-- Time passes without anybody writing: takes back sites whose window has run out, and gives those that a changed
-- window brings in. For one person, or for all. Returns how many changed.
CREATE FUNCTION sync.refresh_access(p_user uuid DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed integer;
    more integer;
BEGIN
    UPDATE sync.location_access a SET state = 'revoked'
    WHERE a.state = 'granted' AND (p_user IS NULL OR a.user_id = p_user)
      AND NOT sync.has_work(a.user_id, a.location_id);
    GET DIAGNOSTICS changed = ROW_COUNT;
    INSERT INTO sync.location_access AS a (user_id, location_id, state)
    SELECT j.assigned_technician_id, j.location_id, 'granted'
    FROM public.jobs j
    WHERE j.assigned_technician_id IS NOT NULL AND (p_user IS NULL OR j.assigned_technician_id = p_user)
      AND sync.has_work(j.assigned_technician_id, j.location_id)
    GROUP BY j.assigned_technician_id, j.location_id
    ON CONFLICT (user_id, location_id) DO UPDATE SET state = 'granted' WHERE a.state <> 'granted';
    GET DIAGNOSTICS more = ROW_COUNT;
    RETURN changed + more;
END
$$;

RESET ROLE;

-- A trigger needs its function executable by the table's owner only; EXECUTE was never PUBLIC's (see create_roles).
GRANT EXECUTE ON FUNCTION sync.stamp(), sync.bury(), sync.refuse_truncate(), sync.refuse_change(), app.touch(),
    app.fill_category(), app.fill_location(), app.fill_photo_location(), app.move_records(), sync.job_access()
    TO clara_owner;
GRANT EXECUTE ON FUNCTION app.me(), app.my_role(), app.sees_all()
    TO clara_owner, clara_technician, clara_manager, clara_office, clara_admin, clara_backend;
GRANT EXECUTE ON FUNCTION sync.refresh_access(uuid) TO clara_owner, clara_backend;

SET LOCAL ROLE clara_owner;

CREATE TRIGGER fill_category BEFORE INSERT OR UPDATE ON equipment_inventory FOR EACH ROW
    WHEN (NEW.equipment_category IS NULL AND NEW.equipment_model_id IS NOT NULL) EXECUTE FUNCTION app.fill_category();
CREATE TRIGGER fill_location BEFORE INSERT OR UPDATE ON job_equipment FOR EACH ROW EXECUTE FUNCTION app.fill_location();
CREATE TRIGGER fill_location BEFORE INSERT OR UPDATE ON inspection_records FOR EACH ROW EXECUTE FUNCTION app.fill_location();
CREATE TRIGGER fill_location BEFORE INSERT OR UPDATE ON data_capture_logs FOR EACH ROW EXECUTE FUNCTION app.fill_location();
CREATE TRIGGER fill_location BEFORE INSERT OR UPDATE ON photos FOR EACH ROW EXECUTE FUNCTION app.fill_photo_location();
CREATE TRIGGER move_records AFTER UPDATE OF location_id ON jobs FOR EACH ROW
    WHEN (NEW.location_id IS DISTINCT FROM OLD.location_id) EXECUTE FUNCTION app.move_records();

CREATE TRIGGER access_new AFTER INSERT OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION sync.job_access();
CREATE TRIGGER access_changed
    AFTER UPDATE OF assigned_technician_id, job_status, scheduled_date, deleted_at, location_id ON jobs FOR EACH ROW
    WHEN ((NEW.assigned_technician_id, NEW.job_status, NEW.scheduled_date, NEW.deleted_at, NEW.location_id)
          IS DISTINCT FROM
          (OLD.assigned_technician_id, OLD.job_status, OLD.scheduled_date, OLD.deleted_at, OLD.location_id))
    EXECUTE FUNCTION sync.job_access();

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('public.users', 'users', NULL, true), ('public.manufacturers', 'manufacturers', NULL, true),
        ('public.equipment_models', 'equipment_models', NULL, true), ('public.common_problems', 'common_problems', NULL, true),
        ('public.customers', 'customers', NULL, true), ('public.locations', 'locations', 'id', true),
        ('public.equipment_inventory', 'equipment_inventory', 'location_id', true), ('public.jobs', 'jobs', 'location_id', true),
        ('public.job_equipment', 'job_equipment', 'location_id', false),
        ('public.inspection_templates', 'inspection_templates', NULL, true),
        ('public.template_items', 'template_items', NULL, true),
        ('public.capture_requirements', 'capture_requirements', NULL, true),
        ('public.inspection_records', 'inspection_records', 'location_id', true),
        ('public.data_capture_logs', 'data_capture_logs', 'location_id', false),
        ('public.photos', 'photos', 'location_id', true),
        ('sync.device', 'devices', NULL, false), ('sync.conflict', 'conflicts', 'location_id', false),
        ('sync.parked', 'parked_operations', 'location_id', false)
    ) AS v(tbl, entity, scope, touched)
    LOOP
        EXECUTE format('CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION sync.stamp()', t.tbl);
        IF t.scope IS NULL THEN
            EXECUTE format('CREATE TRIGGER bury AFTER DELETE ON %s FOR EACH ROW EXECUTE FUNCTION sync.bury(%L)', t.tbl, t.entity);
        ELSE
            EXECUTE format('CREATE TRIGGER bury AFTER DELETE ON %s FOR EACH ROW EXECUTE FUNCTION sync.bury(%L, %L)', t.tbl, t.entity, t.scope);
        END IF;
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION sync.refuse_truncate()', t.tbl);
        IF t.touched THEN
            -- After stamp, which has kept row_ver where nothing changed.
            EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %s FOR EACH ROW WHEN (NEW.row_ver IS DISTINCT FROM OLD.row_ver) EXECUTE FUNCTION app.touch()', t.tbl);
        END IF;
    END LOOP;
END
$$;

CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON sync.location_access FOR EACH ROW EXECUTE FUNCTION sync.stamp();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON sync.location_access FOR EACH STATEMENT EXECUTE FUNCTION sync.refuse_truncate();
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON sync.op FOR EACH ROW EXECUTE FUNCTION sync.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON sync.op FOR EACH STATEMENT EXECUTE FUNCTION sync.refuse_change();

RESET ROLE;
