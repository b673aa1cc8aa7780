-- Partitions ahead of time, by themselves: years for inspections, months for timings. A row for which there is none
-- yet lands in the DEFAULT partition, and moves out when its partition is made: nothing is ever refused for its date.
SET LOCAL ROLE clara_owner;

-- ATTACH, not CREATE … PARTITION OF: that would lock the whole table against readers.
CREATE FUNCTION app.make_partition(p_parent text, p_name text, p_key text, p_from date, p_to date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    home text := p_parent || '_default';
    waiting boolean;
BEGIN
    IF to_regclass(format('public.%I', p_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)',
                   p_name, p_parent);
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE %I >= $1 AND %2$I < $2)', home, p_key)
        INTO waiting USING p_from, p_to;
    IF waiting THEN
        -- The rows only change rooms: no tombstone, no new version.
        EXECUTE format('ALTER TABLE public.%I DISABLE TRIGGER USER', home);
        EXECUTE format('WITH moved AS (DELETE FROM public.%I WHERE %I >= $1 AND %2$I < $2 RETURNING *)
                        INSERT INTO public.%I SELECT * FROM moved', home, p_key, p_name) USING p_from, p_to;
        EXECUTE format('ALTER TABLE public.%I ENABLE TRIGGER USER', home);
    END IF;
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   p_parent, p_name, p_from, p_to);
    PERFORM app.close_partition(p_name);
    RETURN true;
END
$$;

-- Row security of the parent does not cover a partition that is read by its own name; nor does its TRUNCATE trigger.
CREATE FUNCTION app.close_partition(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', p_name);
    EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', p_name);
    EXECUTE format('CREATE POLICY keep ON public.%I TO clara_owner USING (true) WITH CHECK (true)', p_name);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON public.%I FOR EACH STATEMENT
                    EXECUTE FUNCTION sync.refuse_truncate()', p_name);
END
$$;

-- Makes what is missing: everything since the first one, for every row that waits in DEFAULT, and ahead of today. Rows
-- of a laptop whose clock is centuries off stay in DEFAULT, or it would make thousands. Returns how many it made.
CREATE FUNCTION app.make_partitions() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    first_day date;
    made integer := 0;
BEGIN
    -- Into an array first: a loop over the query would hold the default partition open while it is being altered.
    FOREACH first_day IN ARRAY ARRAY(
        SELECT DATE '2024-01-01'
        UNION SELECT date_trunc('year', inspection_date)::date FROM public.inspection_records_default
            WHERE inspection_date >= DATE '1990-01-01' AND inspection_date < today + 730
        UNION SELECT (date_trunc('year', today) + make_interval(years => ahead))::date FROM generate_series(0, 2) ahead)
    LOOP
        made := made + app.make_partition('inspection_records', 'inspection_records_' || to_char(first_day, 'YYYY'),
            'inspection_date', first_day, (first_day + INTERVAL '1 year')::date)::integer;
    END LOOP;
    FOREACH first_day IN ARRAY ARRAY(
        SELECT DATE '2024-10-01'
        UNION SELECT date_trunc('month', recorded_at)::date FROM public.performance_metrics_default
            WHERE recorded_at >= DATE '2020-01-01' AND recorded_at < today + 90
        UNION SELECT (date_trunc('month', today) + make_interval(months => ahead))::date FROM generate_series(0, 3) ahead)
    LOOP
        made := made + app.make_partition('performance_metrics', 'performance_metrics_' || to_char(first_day, 'YYYY_MM'),
            'recorded_at', first_day, (first_day + INTERVAL '1 month')::date)::integer;
    END LOOP;
    RETURN made;
END
$$;

-- Takes an old partition out of the table and out of every laptop's mirror; its rows stay in the detached table.
CREATE FUNCTION app.detach_partition(p_name text) RETURNS void
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
                        ON CONFLICT (table_name, row_id) DO UPDATE SET cx = pg_current_xact_id(), deleted_at = now()', p_name);
    END IF;
    EXECUTE format('ALTER TABLE %s DETACH PARTITION public.%I', parent, p_name);
END
$$;

-- Keeps partitions ahead while the company works and nobody runs `doctor`. It must never break the insert that woke
-- it: it waits for a lock a moment only, and what fails is tried again with the next job.
CREATE FUNCTION app.keep_partitions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
    IF to_regclass('public.inspection_records_' || to_char(today + INTERVAL '1 year', 'YYYY')) IS NULL
       OR to_regclass('public.performance_metrics_' || to_char(today + INTERVAL '1 month', 'YYYY_MM')) IS NULL THEN
        BEGIN
            PERFORM app.make_partitions();
        EXCEPTION WHEN OTHERS THEN
            RAISE LOG 'partitions could not be made ahead: %', SQLSTATE;
        END;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_partitions AFTER INSERT ON jobs FOR EACH STATEMENT EXECUTE FUNCTION app.keep_partitions();

SELECT app.close_partition('inspection_records_default');
SELECT app.close_partition('performance_metrics_default');
SELECT app.make_partitions();

GRANT EXECUTE ON FUNCTION app.make_partitions() TO clara_backend;

RESET ROLE;
