-- A job that the office gave to another site, and an item that was carried there, stayed on every laptop that holds the
-- old site and not the new one: a difference brings rows that can be seen, and these cannot be seen any more. Only the
-- daily audit took them away. And a site that was deleted took with it the rows that say who held it, so that no laptop
-- was ever told; of a conflict that was deleted its own author was not told where the site had left their scope.
--
-- Now a row that moves leaves a tombstone at its old site, for those who cannot see the new one; a site that is deleted
-- leaves everybody's scope first; and what people see for being its author is buried for all.
-- A laptop of yesterday reads tombstones and revocations as it always did.
SET LOCAL ROLE clara_owner;

ALTER TABLE sync.tombstone
    ADD COLUMN moved BOOLEAN NOT NULL DEFAULT false,
    -- Where it is now; NULL where it hangs on no site.
    ADD COLUMN moved_to UUID;
-- A row that went from site to site has left each of them.
ALTER TABLE sync.tombstone DROP CONSTRAINT tombstone_pkey;
CREATE UNIQUE INDEX tombstone_row
    ON sync.tombstone(table_name, row_id, coalesce(location_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX tombstone_moved_to ON sync.tombstone(moved_to) WHERE moved;

-- Those who hold the new site have the row from there, and must not be told to let go of it.
DO $$
DECLARE
    site CONSTANT text := '(SELECT app.mirrors_all()) OR EXISTS (SELECT FROM sync.location_access a
        WHERE a.user_id = (SELECT app.me()) AND a.location_id = %1$s AND a.state = ''granted'')';
BEGIN
    EXECUTE format('ALTER POLICY people ON sync.tombstone USING (
        (((SELECT app.me()) IS NOT NULL AND location_id IS NULL) OR %s)
        AND NOT (moved AND (%s OR (moved_to IS NULL AND (SELECT app.sees_all())))))',
        format(site, 'tombstone.location_id'), format(site, 'tombstone.moved_to'));
END
$$;

-- The rows that say who held a site outlive it: they are how laptops learn that it is gone.
ALTER TABLE sync.location_access DROP CONSTRAINT location_access_location_id_fkey;

RESET ROLE;

SET LOCAL ROLE clara_sync;

CREATE OR REPLACE FUNCTION sync.bury() RETURNS trigger
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
    ON CONFLICT (table_name, row_id, coalesce(location_id, '00000000-0000-0000-0000-000000000000')) DO UPDATE
        SET moved = false, moved_to = NULL, cx = pg_current_xact_id(), deleted_at = now();
    RETURN NULL;
END
$$;

-- Argument: the mirrored table.
CREATE FUNCTION sync.bury_at_old_site() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Back where it was before: a laptop that has not looked meanwhile gets the row and this tombstone in one pull.
    DELETE FROM sync.tombstone t
    WHERE t.table_name = TG_ARGV[0] AND t.row_id = NEW.id AND t.moved
      AND t.location_id IS NOT DISTINCT FROM NEW.location_id;
    UPDATE sync.tombstone t SET moved_to = NEW.location_id
    WHERE t.table_name = TG_ARGV[0] AND t.row_id = NEW.id AND t.moved;
    INSERT INTO sync.tombstone (table_name, row_id, location_id, moved, moved_to)
    VALUES (TG_ARGV[0], NEW.id, OLD.location_id, true, NEW.location_id)
    ON CONFLICT (table_name, row_id, coalesce(location_id, '00000000-0000-0000-0000-000000000000')) DO UPDATE
        SET moved = true, moved_to = excluded.moved_to, cx = pg_current_xact_id(), deleted_at = now();
    RETURN NULL;
END
$$;

-- Whoever mirrors all sites is told by tombstones; to everybody else the site is said to have left their scope, and all
-- that hangs on it leaves with it.
CREATE FUNCTION sync.end_access() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE sync.location_access a SET state = 'revoked'
    FROM public.users u
    WHERE a.location_id = OLD.id AND a.state = 'granted' AND u.id = a.user_id
      AND (u.role = 'technician' OR EXISTS (SELECT FROM sync.subscription s WHERE s.user_id = u.id));
    DELETE FROM sync.location_access a WHERE a.location_id = OLD.id AND a.state = 'granted';
    RETURN NULL;
END
$$;

GRANT EXECUTE ON FUNCTION sync.bury_at_old_site(), sync.end_access() TO clara_owner;

RESET ROLE;

SET LOCAL ROLE clara_owner;

CREATE OR REPLACE FUNCTION app.detach_partition(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent text;
BEGIN
    SELECT i.inhparent::regclass::text INTO parent FROM pg_inherits i
    WHERE i.inhrelid = to_regclass(format('public.%I', p_name))
      AND i.inhparent IN ('public.inspection_records'::regclass, 'public.performance_metrics'::regclass);
    IF parent IS NULL OR p_name IN ('inspection_records_default', 'performance_metrics_default') THEN
        RAISE EXCEPTION '% is not a partition that can be detached', p_name USING ERRCODE = 'undefined_table';
    END IF;
    IF parent LIKE '%inspection_records' THEN
        EXECUTE format('INSERT INTO sync.tombstone (table_name, row_id, location_id)
            SELECT ''inspection_records'', id, location_id FROM public.%I
            ON CONFLICT (table_name, row_id, coalesce(location_id, ''00000000-0000-0000-0000-000000000000'')) DO UPDATE
            SET moved = false, moved_to = NULL, cx = pg_current_xact_id(), deleted_at = now()', p_name);
    END IF;
    EXECUTE format('ALTER TABLE %s DETACH PARTITION public.%I', parent, p_name);
END
$$;

CREATE TRIGGER access_ended AFTER DELETE ON locations FOR EACH ROW EXECUTE FUNCTION sync.end_access();

DO $$
DECLARE
    moving text;
BEGIN
    FOREACH moving IN ARRAY ARRAY['equipment_inventory', 'jobs', 'job_equipment', 'inspection_records',
        'data_capture_logs', 'photos']
    LOOP
        -- Not UPDATE OF location_id: a record that gets another job gets its site by a trigger.
        EXECUTE format('CREATE TRIGGER bury_at_old_site AFTER UPDATE ON public.%I FOR EACH ROW
            WHEN (NEW.location_id IS DISTINCT FROM OLD.location_id)
            EXECUTE FUNCTION sync.bury_at_old_site(%L)', moving, moving);
    END LOOP;
END
$$;

-- Their authors see them wherever they are. What a tombstone tells is an id that means nothing any more.
DROP TRIGGER bury ON sync.conflict;
CREATE TRIGGER bury AFTER DELETE ON sync.conflict FOR EACH ROW EXECUTE FUNCTION sync.bury('conflicts');
DROP TRIGGER bury ON sync.parked;
CREATE TRIGGER bury AFTER DELETE ON sync.parked FOR EACH ROW EXECUTE FUNCTION sync.bury('parked_operations');

RESET ROLE;
