-- Roles come first because every later file grants to them. They belong to the cluster, not to this database, so each
-- is made only where it is missing: a second company on the same server shares the groups and nothing else.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'clara_owner',      -- owns the tables, never logs in
        'clara_sync',       -- owns the definer functions, never logs in, obeys row security like everybody
        'clara_technician', 'clara_manager', 'clara_office', 'clara_admin',   -- groups of people
        'clara_backend'     -- the company's own service
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database's migration made it at the same moment
            END;
        END IF;
        -- An administrator who is no superuser must be able to act for the roles it has just made. From version 16 the
        -- maker of a role is its member without that right, so membership is not asked about.
        IF wanted IN ('clara_owner', 'clara_sync')
           AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
    END LOOP;
END
$$;

-- By default everybody may make temporary tables and connect; a stolen laptop login gets neither more nor less than
-- it needs. TIMESTAMP columns hold UTC, so a session that asks for nothing else works in UTC.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO clara_technician, clara_manager, clara_office, clara_admin, clara_backend',
                   current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO clara_owner', current_database());
    EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database());
END
$$;
SET LOCAL timezone = 'UTC';

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO clara_owner;
GRANT USAGE ON SCHEMA public TO clara_sync, clara_technician, clara_manager, clara_office, clara_admin, clara_backend;

-- Large objects know no row security. Only their owner, a superuser, can take the functions away; `doctor` says so
-- where that did not happen.
DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_catalog.pg_proc
             WHERE pronamespace = 'pg_catalog'::regnamespace AND (proname LIKE 'lo\_%' OR proname IN ('loread', 'lowrite'))
    LOOP
        BEGIN
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'only a superuser can revoke %', f;
        END;
    END LOOP;
END
$$;

CREATE SCHEMA app AUTHORIZATION clara_owner;
CREATE SCHEMA sync AUTHORIZATION clara_owner;
GRANT USAGE ON SCHEMA app, sync
    TO clara_sync, clara_technician, clara_manager, clara_office, clara_admin, clara_backend;
GRANT CREATE ON SCHEMA app, sync TO clara_sync;

-- Whatever is added later starts without anybody's right to execute it.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE clara_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE clara_sync REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
