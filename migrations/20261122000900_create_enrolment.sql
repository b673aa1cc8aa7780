-- Logins: made by an administrator, claimed once by a laptop, ended in one call; and a new epoch after a restore.
--
-- Functions without SECURITY DEFINER here run with the rights of the administrator who calls them, since only that
-- person may make and change roles. No password passes through any of them, only SCRAM verifiers.
SET LOCAL ROLE clara_owner;

CREATE FUNCTION app.group_of(p_role public.user_role) RETURNS name
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE p_role
        WHEN 'technician' THEN 'clara_technician'
        WHEN 'manager' THEN 'clara_manager'
        WHEN 'office_staff' THEN 'clara_office'
        WHEN 'admin' THEN 'clara_admin'
    END::name
$$;

-- A name that says whose login it is and nothing secret: every login can read the names of all roles. A role that was
-- revoked from the same person is used again, so that they do not pile up.
CREATE FUNCTION app.login_name(p_user uuid) RETURNS name
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stem text;
    candidate text;
    number integer := 1;
BEGIN
    SELECT l.role_name INTO candidate
    FROM app.login l JOIN sync.device d ON d.id = l.device_id
    WHERE l.user_id = p_user AND d.revoked_at IS NOT NULL ORDER BY l.role_name LIMIT 1;
    IF candidate IS NOT NULL THEN
        RETURN candidate;
    END IF;
    SELECT 'clara_' || left(trim(BOTH '_' FROM regexp_replace(lower(split_part(u.email, '@', 1)), '[^a-z0-9]+', '_', 'g')), 40)
    INTO stem FROM public.users u WHERE u.id = p_user;
    IF stem = 'clara_' THEN
        stem := 'clara_person';
    END IF;
    candidate := stem;
    WHILE EXISTS (SELECT FROM pg_roles WHERE rolname = candidate) LOOP
        number := number + 1;
        candidate := stem || '_' || number;
    END LOOP;
    RETURN candidate;
END
$$;

-- An enrolment that nobody claimed in time stops being a password.
CREATE FUNCTION app.withdraw_expired() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
        EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', expired.role_name);
        withdrawn := withdrawn + 1;
    END LOOP;
    RETURN withdrawn;
END
$$;

CREATE FUNCTION app.enroll(
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
    PERFORM pg_advisory_xact_lock(hashtextextended('clara enroll', 0));
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

-- Ends logins: of one laptop, or of all laptops of a person. Live sessions go on until they are terminated, and that
-- must happen after this has been committed, or they would come straight back. Returns the roles.
CREATE FUNCTION app.end_logins(p_user uuid, p_device uuid DEFAULT NULL) RETURNS SETOF name
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ended record;
    held record;
BEGIN
    FOR ended IN
        SELECT l.role_name, l.device_id FROM app.login l
        WHERE (p_device IS NULL AND l.user_id = p_user) OR l.device_id = p_device
    LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = ended.role_name) THEN
            EXECUTE format('ALTER ROLE %I NOLOGIN PASSWORD NULL', ended.role_name);
            FOR held IN SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                        JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = ended.role_name
            LOOP
                EXECUTE format('REVOKE %I FROM %I', held.rolname, ended.role_name);
            END LOOP;
        END IF;
        UPDATE app.login SET claimed_at = NULL WHERE role_name = ended.role_name;
        UPDATE sync.device SET revoked_at = now() AT TIME ZONE 'UTC' WHERE id = ended.device_id AND revoked_at IS NULL;
        UPDATE sync.enrolment SET expires_at = least(expires_at, now()) WHERE device_id = ended.device_id AND used_at IS NULL;
        RETURN NEXT ended.role_name;
    END LOOP;
END
$$;
RESET ROLE;

SET LOCAL ROLE clara_sync;
-- Marks the enrolment used. The three refusals have codes of their own, since each asks something else of the person.
CREATE FUNCTION sync.use_enrolment(p_device uuid, p_secret text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_one sync.enrolment;
BEGIN
    SELECT * INTO found_one FROM sync.enrolment e
    WHERE e.device_id = p_device AND e.role_name = session_user AND e.secret_hash = sha256(convert_to(p_secret, 'UTF8'))
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'enrolment_unknown' USING ERRCODE = 'CLE03';
    ELSIF found_one.used_at IS NOT NULL THEN
        RAISE EXCEPTION 'enrolment_used' USING ERRCODE = 'CLE01';
    ELSIF found_one.expires_at <= now() THEN
        RAISE EXCEPTION 'enrolment_expired' USING ERRCODE = 'CLE02';
    END IF;
    UPDATE sync.enrolment SET used_at = now() WHERE device_id = p_device;
    UPDATE app.login SET claimed_at = now() WHERE role_name = session_user AND device_id = p_device;
END
$$;

-- The laptop takes its login over with a password that nobody else has ever seen: it sends the verifier, computed at
-- its end. Runs as the caller, who may change their own password and nobody else's.
CREATE FUNCTION sync.claim(p_device uuid, p_secret text, p_verifier text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_verifier !~ '^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' THEN
        RAISE EXCEPTION 'a SCRAM verifier is wanted, never a password' USING ERRCODE = 'CLE04';
    END IF;
    PERFORM sync.use_enrolment(p_device, p_secret);
    EXECUTE format('ALTER ROLE %I PASSWORD %L', session_user, p_verifier);
END
$$;

-- After a dump was restored into another cluster the stamps count transactions of the old one, which can lie in the
-- future of the new: every cursor would be blind to them. Stamps every row anew, at its version, and begins an epoch.
CREATE FUNCTION sync.rebase() RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stamped regclass;
    fresh uuid;
BEGIN
    FOR stamped IN
        SELECT DISTINCT t.tgrelid::regclass FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE t.tgname = 'stamp' AND NOT t.tgisinternal AND NOT c.relispartition
    LOOP
        EXECUTE format('UPDATE %s SET cx = pg_current_xact_id()', stamped);
    END LOOP;
    UPDATE sync.tombstone SET cx = pg_current_xact_id();
    UPDATE sync.epoch SET id = gen_random_uuid(), earlier = earlier || id, since = now(),
        system_identifier = (SELECT s.system_identifier::text FROM pg_control_system() s)
    RETURNING id INTO fresh;
    RETURN fresh;
END
$$;
RESET ROLE;

GRANT EXECUTE ON FUNCTION sync.use_enrolment(uuid, text), sync.claim(uuid, text, text)
    TO clara_technician, clara_manager, clara_office, clara_admin;
GRANT EXECUTE ON FUNCTION sync.rebase() TO clara_owner;
