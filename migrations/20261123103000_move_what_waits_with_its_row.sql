-- A job that was given to another site, and an item that was carried there, left behind what waited for a decision about
-- them: conflicts and parked work kept the old site. Their author, who followed the job, was told that the site was no
-- longer theirs and could not decide between two values of their own item; a manager of the new region did not see them.
--
-- Now they go along, with the row itself or with the job or item that parked work names. A laptop of yesterday reads them
-- as it reads any row that changed.
SET LOCAL ROLE clara_sync;

-- Argument: the mirrored table.
CREATE FUNCTION sync.move_what_waits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE sync.conflict c SET location_id = NEW.location_id
    WHERE c.row_id = NEW.id AND c.table_name = TG_ARGV[0] AND c.resolved_at IS NULL
      AND c.location_id IS DISTINCT FROM NEW.location_id;
    UPDATE sync.parked p SET location_id = NEW.location_id
    WHERE p.row_id = NEW.id AND p.table_name = TG_ARGV[0] AND p.decision IS NULL
      AND p.location_id IS DISTINCT FROM NEW.location_id;
    -- What is parked as new has no row that could move; its job says where it is done, or else its item.
    IF TG_ARGV[0] = 'jobs' THEN
        UPDATE sync.parked p SET location_id = NEW.location_id
        WHERE p.location_id = OLD.location_id AND p.decision IS NULL AND p.payload -> 'new' ->> 'job_id' = NEW.id::text;
    ELSIF TG_ARGV[0] = 'equipment_inventory' THEN
        UPDATE sync.parked p SET location_id = NEW.location_id
        WHERE p.location_id = OLD.location_id AND p.decision IS NULL
          AND p.payload -> 'new' ->> 'job_id' IS NULL AND p.payload -> 'new' ->> 'equipment_id' = NEW.id::text;
    END IF;
    RETURN NULL;
END
$$;

GRANT EXECUTE ON FUNCTION sync.move_what_waits() TO clara_owner;

RESET ROLE;

SET LOCAL ROLE clara_owner;

DO $$
DECLARE
    moving text;
BEGIN
    FOREACH moving IN ARRAY ARRAY['equipment_inventory', 'jobs', 'job_equipment', 'inspection_records',
        'data_capture_logs', 'photos']
    LOOP
        -- Not UPDATE OF location_id: a record that gets another job gets its site by a trigger.
        EXECUTE format('CREATE TRIGGER move_what_waits AFTER UPDATE ON public.%I FOR EACH ROW
            WHEN (NEW.location_id IS DISTINCT FROM OLD.location_id)
            EXECUTE FUNCTION sync.move_what_waits(%L)', moving, moving);
    END LOOP;
END
$$;

RESET ROLE;
