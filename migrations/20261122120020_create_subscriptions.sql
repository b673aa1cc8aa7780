-- Managers and the office see all sites, and their laptops mirrored all of them. A subscription narrows that to some
-- regions, or to sites with work at hand, and nothing else: what a person may do is decided by their role as before, so
-- that a decision about a site outside the subscription is still theirs. Without one, everything is as it was.
--
-- A narrowed laptop learns of sites that come and go the way a technician's does: by sync.location_access.
SET LOCAL ROLE clara_owner;

CREATE TABLE sync.subscription (
    user_id UUID PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
    -- Sites of these regions; NULL is all. A site's region is locations.metadata ->> 'region'; where it has none, a
    -- region is found in its address, by whole words.
    regions TEXT[] CHECK (cardinality(regions) > 0),
    -- Sites with an open job, or with one in the last so many days, whoever does it; NULL is all.
    window_days INTEGER CHECK (window_days BETWEEN 1 AND 36500),
    set_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    set_by NAME NOT NULL DEFAULT session_user,
    CHECK (num_nonnulls(regions, window_days) > 0)
);
ALTER TABLE sync.subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync.subscription FORCE ROW LEVEL SECURITY;
CREATE POLICY serve ON sync.subscription TO clara_owner, clara_sync USING (true) WITH CHECK (true);
CREATE POLICY backend ON sync.subscription FOR SELECT TO clara_backend USING (true);
CREATE POLICY people ON sync.subscription FOR SELECT TO clara_technician, clara_manager, clara_office, clara_admin
    USING (user_id = (SELECT app.me()));
GRANT SELECT, INSERT, UPDATE, DELETE ON sync.subscription TO clara_sync;
GRANT SELECT ON sync.subscription TO clara_backend, clara_technician, clara_manager, clara_office, clara_admin;

RESET ROLE;

SET LOCAL ROLE clara_sync;

-- What a laptop holds, as opposed to app.sees_all(), which says what a person may do.
CREATE FUNCTION app.mirrors_all() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Asked by every policy: a technician must not pay for a look at a table that is not about them.
    IF NOT app.sees_all() THEN
        RETURN false;
    END IF;
    RETURN NOT EXISTS (SELECT FROM sync.subscription s WHERE s.user_id = app.me());
END
$$;

-- Words between blanks: "Port Alden" is in "7 Quay, Port Alden, OH" and not in "7 Quay, Newport Aldenville, OH".
CREATE FUNCTION sync.words(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ' ' || btrim(regexp_replace(lower(p_text), '[^[:alnum:]]+', ' ', 'g')) || ' '
$$;

CREATE FUNCTION sync.in_region(p_region text, p_address text, p_regions text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p_regions IS NULL OR EXISTS (
        SELECT FROM unnest(p_regions) wanted
        WHERE CASE WHEN nullif(btrim(p_region), '') IS NOT NULL THEN sync.words(p_region) = sync.words(wanted)
            ELSE strpos(sync.words(p_address), sync.words(wanted)) > 0 END)
$$;

CREATE FUNCTION sync.is_subscribed(p_user uuid, p_location uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM sync.subscription s, public.locations l
        WHERE s.user_id = p_user AND l.id = p_location
          AND sync.in_region(l.metadata ->> 'region', l.address, s.regions)
          AND (s.window_days IS NULL OR EXISTS (
              SELECT FROM public.jobs j
              WHERE j.location_id = l.id AND j.deleted_at IS NULL
                AND (coalesce(j.job_status, 'scheduled') IN ('scheduled', 'in_progress')
                     OR j.scheduled_date >= (now() AT TIME ZONE 'UTC')::date - s.window_days))))
$$;

-- Whether a site belongs on a person's laptop. Somebody of the office without a subscription keeps every site, also
-- one at which a job of their own has just ended.
CREATE FUNCTION sync.in_scope(p_user uuid, p_location uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF sync.has_work(p_user, p_location) THEN
        RETURN true;
    ELSIF (SELECT u.role = 'technician' FROM public.users u WHERE u.id = p_user) THEN
        RETURN false;
    ELSIF EXISTS (SELECT FROM sync.subscription s WHERE s.user_id = p_user) THEN
        RETURN sync.is_subscribed(p_user, p_location);
    END IF;
    RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION sync.judge_access(p_user uuid, p_location uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_user IS NULL OR p_location IS NULL THEN
        RETURN;
    END IF;
    -- Two transactions that each take away the other's reason would both see it still there; the second waits here
    -- and then looks again.
    PERFORM FROM sync.location_access a WHERE a.user_id = p_user AND a.location_id = p_location FOR NO KEY UPDATE;
    IF sync.in_scope(p_user, p_location) THEN
        INSERT INTO sync.location_access AS a (user_id, location_id, state)
        VALUES (p_user, p_location, 'granted')
        ON CONFLICT (user_id, location_id) DO UPDATE SET state = 'granted' WHERE a.state <> 'granted';
    ELSE
        UPDATE sync.location_access SET state = 'revoked'
        WHERE user_id = p_user AND location_id = p_location AND state = 'granted';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION sync.job_access() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    subscriber uuid;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM sync.judge_access(OLD.assigned_technician_id, OLD.location_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM sync.judge_access(NEW.assigned_technician_id, NEW.location_id);
    END IF;
    -- In the order of ids, as everywhere: two jobs that change at once must not wait for each other.
    FOR subscriber IN SELECT s.user_id FROM sync.subscription s WHERE s.window_days IS NOT NULL ORDER BY s.user_id LOOP
        IF TG_OP <> 'INSERT' THEN
            PERFORM sync.judge_access(subscriber, OLD.location_id);
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM sync.judge_access(subscriber, NEW.location_id);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- A new site, or one whose address or region was put right.
CREATE FUNCTION sync.site_access() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM sync.judge_access(s.user_id, NEW.id) FROM sync.subscription s;
    RETURN NULL;
END
$$;

-- Judges every site for one person, or all that time alone may have changed. Returns how many changed.
CREATE OR REPLACE FUNCTION sync.refresh_access(p_user uuid DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed integer;
    more integer;
BEGIN
    UPDATE sync.location_access a SET state = 'revoked'
    WHERE a.state = 'granted' AND (p_user IS NULL OR a.user_id = p_user)
      AND NOT sync.in_scope(a.user_id, a.location_id);
    GET DIAGNOSTICS changed = ROW_COUNT;
    INSERT INTO sync.location_access AS a (user_id, location_id, state)
    SELECT j.assigned_technician_id, j.location_id, 'granted'::sync.access_state
    FROM public.jobs j
    WHERE j.assigned_technician_id IS NOT NULL AND (p_user IS NULL OR j.assigned_technician_id = p_user)
      AND sync.has_work(j.assigned_technician_id, j.location_id)
    GROUP BY j.assigned_technician_id, j.location_id
    UNION
    SELECT s.user_id, l.id, 'granted'::sync.access_state
    FROM sync.subscription s JOIN public.users u ON u.id = s.user_id AND u.role <> 'technician'
    CROSS JOIN public.locations l
    WHERE (p_user IS NULL OR s.user_id = p_user) AND sync.is_subscribed(s.user_id, l.id)
    ON CONFLICT (user_id, location_id) DO UPDATE SET state = 'granted' WHERE a.state <> 'granted';
    GET DIAGNOSTICS more = ROW_COUNT;
    RETURN changed + more;
END
$$;

-- What somebody's laptop holds when their role or their subscription has changed: every site is said outright, because
-- a laptop that held all of them was never told of any.
CREATE FUNCTION sync.restate_access(p_user uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed integer;
BEGIN
    INSERT INTO sync.location_access AS a (user_id, location_id, state)
    SELECT p_user, l.id, (CASE WHEN sync.in_scope(p_user, l.id) THEN 'granted' ELSE 'revoked' END)::sync.access_state
    FROM public.locations l
    ON CONFLICT (user_id, location_id) DO UPDATE SET state = excluded.state WHERE a.state <> excluded.state;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;

-- A manager who becomes a technician keeps no site for having been one.
CREATE FUNCTION sync.role_access() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM sync.location_access a WHERE a.user_id = NEW.id)
       OR EXISTS (SELECT FROM sync.subscription s WHERE s.user_id = NEW.id) THEN
        PERFORM sync.restate_access(NEW.id);
    END IF;
    RETURN NULL;
END
$$;

-- Both empty: no subscription, everything as before. Returns how many sites came or went.
CREATE FUNCTION app.subscribe(p_user uuid, p_regions text[], p_window_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text[] := (SELECT array_agg(DISTINCT btrim(r)) FROM unnest(p_regions) r WHERE btrim(r) <> '');
BEGIN
    IF NOT EXISTS (SELECT FROM public.users u WHERE u.id = p_user AND u.deleted_at IS NULL) THEN
        RAISE EXCEPTION 'no user has this id' USING ERRCODE = 'CLE05';
    ELSIF (SELECT u.role = 'technician' FROM public.users u WHERE u.id = p_user) THEN
        RAISE EXCEPTION 'a technician''s sites follow from their jobs' USING ERRCODE = 'CLE06';
    END IF;
    IF wanted IS NULL AND p_window_days IS NULL THEN
        DELETE FROM sync.subscription WHERE user_id = p_user;
    ELSE
        INSERT INTO sync.subscription (user_id, regions, window_days) VALUES (p_user, wanted, p_window_days)
        ON CONFLICT (user_id) DO UPDATE
            SET regions = excluded.regions, window_days = excluded.window_days, set_at = now(), set_by = session_user;
    END IF;
    RETURN sync.restate_access(p_user);
END
$$;

GRANT EXECUTE ON FUNCTION sync.site_access(), sync.role_access() TO clara_owner;
GRANT EXECUTE ON FUNCTION app.mirrors_all()
    TO clara_owner, clara_technician, clara_manager, clara_office, clara_admin, clara_backend;
GRANT EXECUTE ON FUNCTION app.subscribe(uuid, text[], integer) TO clara_owner, clara_backend;

RESET ROLE;

SET LOCAL ROLE clara_owner;

CREATE TRIGGER access_new AFTER INSERT ON locations FOR EACH ROW EXECUTE FUNCTION sync.site_access();
CREATE TRIGGER access_changed AFTER UPDATE OF address, metadata ON locations FOR EACH ROW
    WHEN ((NEW.address, NEW.metadata ->> 'region') IS DISTINCT FROM (OLD.address, OLD.metadata ->> 'region'))
    EXECUTE FUNCTION sync.site_access();
CREATE TRIGGER access_changed AFTER UPDATE OF role ON users FOR EACH ROW
    WHEN (NEW.role IS DISTINCT FROM OLD.role) EXECUTE FUNCTION sync.role_access();

-- Rows without a site stay with everybody who decides: nobody else would ever see them.
DO $$
DECLARE
    site CONSTANT text := '(SELECT app.mirrors_all()) OR EXISTS (SELECT FROM sync.location_access a
        WHERE a.user_id = (SELECT app.me()) AND a.location_id = %1$s AND a.state = ''granted'')';
    loose CONSTANT text := ' OR (%1$s IS NULL AND (SELECT app.sees_all()))';
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('public.customers', '(SELECT app.mirrors_all()) OR EXISTS (SELECT FROM public.locations l
            WHERE l.customer_id = customers.id)'),
        ('public.locations',            format(site, 'locations.id')),
        ('public.equipment_inventory',  format(site, 'equipment_inventory.location_id')),
        ('public.jobs',                 format(site, 'jobs.location_id')),
        ('public.job_equipment',        format(site || loose, 'job_equipment.location_id')),
        ('public.inspection_records',   format(site || loose, 'inspection_records.location_id')),
        ('public.data_capture_logs',    format(site || loose, 'data_capture_logs.location_id')),
        ('public.photos',               format(site || loose, 'photos.location_id')),
        ('sync.conflict', 'author_id = (SELECT app.me()) OR ' || format(site || loose, 'conflict.location_id')),
        ('sync.parked',   'author_id = (SELECT app.me()) OR ' || format(site || loose, 'parked.location_id')),
        ('sync.tombstone', '((SELECT app.me()) IS NOT NULL AND location_id IS NULL) OR '
            || format(site, 'tombstone.location_id'))
    ) AS v(tbl, visible)
    LOOP
        EXECUTE format('ALTER POLICY people ON %s USING (%s)', t.tbl, t.visible);
    END LOOP;
END
$$;

RESET ROLE;
