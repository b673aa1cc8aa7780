-- An enrolment that had run out was a login without a password, and without the right to log in. A pooler looks logins up
-- among those that may log in, and gives up where it finds no password, with the code it has for a server that is down: the
-- laptop then said that the server could not be reached, and asked for a new enrolment from nobody. The same was true of
-- logins whose access was ended. Now both may ask, and no password fits: the pooler looks at the proof and refuses it, as the
-- server itself does. None of them may hold a connection.
SET LOCAL ROLE clara_owner;

-- Keys of which nobody knows what they would be the hash of.
CREATE FUNCTION app.dead_verifier(p_salt bytea) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('SCRAM-SHA-256$4096:%s$%s:%s', encode(p_salt, 'base64'),
        encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64'),
        encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64'))
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
        WHERE e.used_at IS NULL AND e.expires_at <= now() AND r.rolconnlimit <> 0
    LOOP
        BEGIN
            PERFORM app.end_sessions(expired.role_name);
            EXECUTE format('ALTER ROLE %I LOGIN CONNECTION LIMIT 0 PASSWORD %L', expired.role_name,
                app.dead_verifier(uuid_send(gen_random_uuid())));
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

RESET ROLE;

-- Those that were ended or withdrawn before. The salt says which it was (see app.ended_verifier, which comes after this). A
-- role may be gone, or somebody may have made another use of it: only those without a right to log in are touched.
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT l.role_name, d.revoked_at IS NOT NULL AS ended
        FROM app.login l
        JOIN sync.device d ON d.id = l.device_id
        JOIN pg_roles r ON r.rolname = l.role_name AND NOT r.rolcanlogin
        LEFT JOIN sync.enrolment e ON e.device_id = l.device_id
        WHERE d.revoked_at IS NOT NULL OR (e.used_at IS NULL AND e.expires_at <= now())
    LOOP
        EXECUTE format('ALTER ROLE %I LOGIN CONNECTION LIMIT 0 PASSWORD %L', held.role_name, app.dead_verifier(
            CASE WHEN held.ended THEN substr(sha256(convert_to('clara: this login was ended: ' || held.role_name, 'UTF8')), 1, 16)
                ELSE uuid_send(gen_random_uuid()) END));
    END LOOP;
END
$$;
