-- Some things change because time passes and nobody writes: a site leaves the window of a technician's last job there, a
-- tombstone has been seen by everybody. The first laptop that reports in, or the first job that the office touches, on a
-- new day sees to it for all; no job scheduler is needed on the server.
INSERT INTO app.settings (key, value) VALUES ('house_kept_on', '"2000-01-01"');

SET LOCAL ROLE clara_sync;

CREATE FUNCTION sync.keep_house() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    today text := to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD');
BEGIN
    IF EXISTS (SELECT FROM app.settings s WHERE s.key = 'house_kept_on' AND s.value #>> '{}' < today) THEN
        BEGIN
            -- Of many at once one goes on; the others find it done, or do not wait for it.
            UPDATE app.settings SET value = to_jsonb(today) WHERE key = 'house_kept_on' AND value #>> '{}' < today;
            IF FOUND THEN
                PERFORM sync.refresh_access();
                DELETE FROM sync.tombstone WHERE deleted_at < now() - make_interval(days => coalesce(
                    (SELECT (s.value #>> '{}')::integer FROM app.settings s WHERE s.key = 'tombstone_days'), 180));
            END IF;
        EXCEPTION WHEN OTHERS THEN
            -- Never at the cost of the write that woke it; the next one tries again.
            RAISE LOG 'the daily round was put off: %', SQLSTATE;
        END;
    END IF;
    RETURN NULL;
END
$$;
GRANT EXECUTE ON FUNCTION sync.keep_house() TO clara_owner;
RESET ROLE;

SET LOCAL ROLE clara_owner;
CREATE TRIGGER keep_house AFTER INSERT OR UPDATE ON sync.device FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_house();
CREATE TRIGGER keep_house AFTER INSERT OR UPDATE ON jobs FOR EACH STATEMENT EXECUTE FUNCTION sync.keep_house();
RESET ROLE;
