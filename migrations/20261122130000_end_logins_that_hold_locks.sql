-- A login may keep a transaction open for as long as it likes: it can set its own time limits back. In it, it may hold its
-- laptop's row (every push locks it) or its own role (anybody may change their own password). An administrator who came
-- to end that login then waited for it, and waited for ever; and one who came to enroll somebody else waited for a lock
-- by name that any login can take. Now sessions end first, no lock is waited for longer than a moment, and enrolments
-- follow each other by a lock on a table that no login has any right to.
SET LOCAL ROLE clara_owner;

-- Waits until they are gone, because what they hold is free only then.
CREATE FUNCTION app.end_sessions(p_role name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Otherwise the list of sessions stays as this transaction first saw it.
    PERFORM pg_stat_clear_snapshot();
    PERFORM pg_terminate_backend(a.pid, 1000) FROM pg_stat_activity a
    WHERE a.usename = p_role AND a.pid <> pg_backend_pid();
END
$$;

CREATE OR REPLACE FUNCTION app.end_logins(p_user uuid, p_device uuid DEFAULT NULL) RETURNS SETOF name
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '250ms' AS $$
DECLARE
    ended record;
    held record;
BEGIN
    FOR ended IN
        SELECT l.role_name, l.device_id FROM app.login l
        WHERE (p_device IS NULL AND l.user_id = p_user) OR l.device_id = p_device
    LOOP
        -- Only where they hold something are sessions ended here: until this is committed a laptop comes straight back,
        -- and every moment spent on it is one in which its work is still taken. A laptop that does come back to take
        -- the lock again loses that session too; it would have to win every time.
        FOR attempt IN 1..20 LOOP
            BEGIN
                IF attempt > 1 THEN
                    PERFORM app.end_sessions(ended.role_name);
                END IF;
                IF EXISTS (SELECT FROM pg_roles WHERE rolname = ended.role_name) THEN
                    EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', ended.role_name);
                    FOR held IN SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                                JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = ended.role_name
                    LOOP
                        EXECUTE format('REVOKE %I FROM %I', held.rolname, ended.role_name);
                    END LOOP;
                END IF;
                UPDATE app.login SET claimed_at = NULL WHERE role_name = ended.role_name;
                UPDATE sync.device SET revoked_at = now() AT TIME ZONE 'UTC'
                WHERE id = ended.device_id AND revoked_at IS NULL;
                UPDATE sync.enrolment SET expires_at = least(expires_at, now())
                WHERE device_id = ended.device_id AND used_at IS NULL;
                EXIT;
            EXCEPTION
                -- Internal: the role was changed by itself while this waited for it ("tuple concurrently updated").
                WHEN lock_not_available OR internal_error OR deadlock_detected THEN
                    IF attempt = 20 THEN
                        RAISE;
                    END IF;
            END;
        END LOOP;
        RETURN NEXT ended.role_name;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION app.withdraw_expired() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '250ms' AS $$
DECLARE
    expired record;
    withdrawn integer := 0;
BEGIN
    FOR expired IN
        SELECT e.role_name FROM sync.enrolment e
        JOIN app.login l ON l.role_name = e.role_name AND l.device_id = e.device_id
        JOIN pg_roles r ON r.rolname = e.role_name
        WHERE e.used_at IS NULL AND e.expires_at <= now() AND r.rolcanlogin
    LOOP
        BEGIN
            PERFORM app.end_sessions(expired.role_name);
            EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', expired.role_name);
            withdrawn := withdrawn + 1;
        EXCEPTION WHEN lock_not_available OR internal_error THEN
            -- Nobody else's enrolment waits for it; the next one tries again. It opens nothing meanwhile: it was
            -- never claimed.
            RAISE LOG 'an expired enrolment could not be withdrawn: %', SQLSTATE;
        END;
    END LOOP;
    RETURN withdrawn;
END
$$;

CREATE OR REPLACE FUNCTION app.enroll(
    p_user uuid, p_device uuid, p_device_name text, p_verifier text, p_secret_hash bytea, p_expires timestamptz
) RETURNS name
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    person public.users;
    login name;
    wanted name;
    held record;
    setting record;
BEGIN
    IF p_verifier !~ '^SCRAM-SHA-256\$' THEN
        RAISE EXCEPTION 'a SCRAM verifier is wanted, never a password' USING ERRCODE = 'CLE04';
    END IF;
    SELECT * INTO person FROM public.users u WHERE u.id = p_user AND u.deleted_at IS NULL AND u.is_active;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no active user has this id' USING ERRCODE = 'CLE05';
    END IF;
    PERFORM app.withdraw_expired();
    -- Two enrolments of one person at once would choose the same name.
    LOCK TABLE sync.enrolment IN SHARE UPDATE EXCLUSIVE MODE;
    wanted := app.group_of(person.role);
    LOOP
        login := app.login_name(p_user);
        EXIT WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = login);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', login);
            EXIT;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- roles are the cluster's: another company has just taken the name
        END;
    END LOOP;
    -- In exactly one group.
    FOR held IN SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = login AND g.rolname <> wanted
    LOOP
        EXECUTE format('REVOKE %I FROM %I', held.rolname, login);
    END LOOP;
    EXECUTE format('GRANT %I TO %I', wanted, login);
    -- Two connections: the one in use, and the one that the server has not yet noticed to be dead.
    EXECUTE format('ALTER ROLE %I LOGIN CONNECTION LIMIT 2 PASSWORD %L', login, p_verifier);
    -- These guard the server against our own mistakes; a thief can set them back.
    FOR setting IN SELECT * FROM (VALUES
        ('statement_timeout', '15s', 0), ('lock_timeout', '3s', 0), ('idle_in_transaction_session_timeout', '10s', 0),
        ('idle_session_timeout', '10min', 140000), ('transaction_timeout', '30s', 170000),
        ('tcp_keepalives_idle', '30', 0), ('tcp_keepalives_interval', '10', 0), ('tcp_keepalives_count', '3', 0),
        ('work_mem', '8MB', 0), ('timezone', 'UTC', 0)
    ) AS v(name, value, since)
    LOOP
        IF current_setting('server_version_num')::integer >= setting.since THEN
            EXECUTE format('ALTER ROLE %I SET %I = %L', login, setting.name, setting.value);
        END IF;
    END LOOP;
    INSERT INTO sync.device (id, user_id, name) VALUES (p_device, p_user, p_device_name);
    INSERT INTO app.login (role_name, user_id, device_id, claimed_at) VALUES (login, p_user, p_device, NULL)
    ON CONFLICT (role_name) DO UPDATE
        SET user_id = excluded.user_id, device_id = excluded.device_id, claimed_at = NULL, created_at = now();
    INSERT INTO sync.enrolment (device_id, role_name, secret_hash, expires_at)
    VALUES (p_device, login, p_secret_hash, p_expires);
    RETURN login;
END
$$;

RESET ROLE;
