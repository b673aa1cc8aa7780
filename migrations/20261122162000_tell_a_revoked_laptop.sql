-- A laptop whose access was ended met a closed door, like one whose password is wrong, whose login has expired, or whose
-- server was put back to before its enrolment. Only the first of them has a reason to lock what it holds. Now the door says
-- so itself, to whoever knocks with that login's name, through a pooler too: the salt of the login's verifier, which a server
-- shows before it asks for the proof, says that the login was ended. There is no password for that verifier.
--
-- So that a laptop that was away for long still hears it, an ended login is not given to the next laptop of the same person
-- for a year.
--
-- And a locked laptop has to be opened again by a new enrolment, without the recovery key in the safe: for each laptop the
-- server keeps a key under which that laptop sealed its data key. It opens nothing but a file on that laptop.
--
-- Programs of yesterday see a refused login, as before; laptops of yesterday never ask for the rest.
SET LOCAL ROLE clara_owner;

CREATE FUNCTION app.ended_verifier(p_role name) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'SCRAM-SHA-256$4096:'
        || encode(substr(sha256(convert_to('clara: this login was ended: ' || p_role, 'UTF8')), 1, 16), 'base64') || '$'
        || encode(sha256(convert_to(concat(gen_random_uuid(), gen_random_uuid()), 'UTF8')), 'base64') || ':'
        || encode(sha256(convert_to(concat(gen_random_uuid(), gen_random_uuid()), 'UTF8')), 'base64')
$$;

CREATE OR REPLACE FUNCTION app.end_logins(p_user uuid, p_device uuid DEFAULT NULL) RETURNS SETOF name
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '250ms' AS $$
DECLARE
    ended record;
    held record;
BEGIN
    FOR ended IN
        SELECT l.role_name, l.device_id FROM app.login l
        WHERE l.device_id = p_device
           OR (p_device IS NULL AND l.user_id = p_user
               -- Ended logins stay with their person now: those of which nothing is left to end are no news.
               AND NOT EXISTS (SELECT FROM sync.device d JOIN pg_roles r ON r.rolname = l.role_name
                   WHERE d.id = l.device_id AND d.revoked_at IS NOT NULL AND r.rolconnlimit = 0
                     AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.usename = l.role_name)))
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
                    -- Not NOLOGIN: a pooler asks pg_shadow, which leaves such roles out, and would say that it knows
                    -- nobody of that name. No password fits the verifier, and none may connect.
                    EXECUTE format('ALTER ROLE %I CONNECTION LIMIT 0 PASSWORD %L', ended.role_name,
                        app.ended_verifier(ended.role_name));
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

CREATE OR REPLACE FUNCTION app.login_name(p_user uuid) RETURNS name
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stem text;
    candidate text;
    number integer := 1;
BEGIN
    SELECT l.role_name INTO candidate
    FROM app.login l JOIN sync.device d ON d.id = l.device_id
    WHERE l.user_id = p_user AND d.revoked_at < now() AT TIME ZONE 'UTC' - interval '1 year'
    ORDER BY l.role_name LIMIT 1;
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

CREATE TABLE sync.lock_key (
    device_id UUID PRIMARY KEY REFERENCES sync.device(id),
    key BYTEA NOT NULL CHECK (length(key) = 32),
    kept_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
ALTER TABLE sync.lock_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync.lock_key FORCE ROW LEVEL SECURITY;
CREATE POLICY serve ON sync.lock_key TO clara_owner, clara_sync USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON sync.lock_key TO clara_sync;
RESET ROLE;

SET LOCAL ROLE clara_sync;

-- The laptop itself keeps one, before it has anything to lock.
CREATE FUNCTION sync.keep_lock_key(device uuid, lock_key bytea) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH kept AS (
        INSERT INTO sync.lock_key (device_id, key)
        SELECT d.id, lock_key FROM sync.device d
        WHERE d.id = device AND d.user_id = app.me() AND d.revoked_at IS NULL
        ON CONFLICT (device_id) DO UPDATE SET key = excluded.key, kept_at = now()
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM kept)
$$;

-- The same person with a new login, and nobody else, has it back.
CREATE FUNCTION sync.lock_key_of(device uuid) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.key FROM sync.lock_key k JOIN sync.device d ON d.id = k.device_id
    WHERE d.id = device AND d.user_id = app.me()
$$;

GRANT EXECUTE ON FUNCTION sync.keep_lock_key(uuid, bytea), sync.lock_key_of(uuid)
    TO clara_technician, clara_manager, clara_office, clara_admin;

RESET ROLE;
