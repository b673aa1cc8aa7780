//! What PostgreSQL itself would let any login do, beside tables and functions of ours.

use clara_central::connect::{Secret, Server};
use clara_sync::CentralError;

use crate::company::found;
use crate::session::{Answer, Session};
use crate::support::psql;

/// Statements that no login of a person, and not the company's own service, gets through.
const REFUSED: &[&str] = &[
    // A place of one's own: from there come functions that leak and tables that shadow.
    "CREATE TEMP TABLE probe (x integer)",
    "CREATE TEMP VIEW probe AS SELECT 1",
    "CREATE TEMP SEQUENCE probe",
    "CREATE SCHEMA probe",
    "CREATE TABLE public.probe (x integer)",
    "CREATE TABLE app.probe (x integer)",
    "CREATE TABLE sync.probe (x integer)",
    "CREATE TABLE clara.probe (x integer)",
    "CREATE TABLE pg_catalog.probe (x integer)",
    "CREATE VIEW public.probe AS SELECT 1",
    "CREATE MATERIALIZED VIEW public.probe AS SELECT 1",
    "CREATE SEQUENCE public.probe",
    "CREATE TYPE public.probe AS (x integer)",
    "CREATE DOMAIN public.probe AS integer",
    "CREATE FUNCTION public.probe() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.probe() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION sync.probe() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
    "CREATE AGGREGATE public.probe (integer) (SFUNC = int4pl, STYPE = integer)",
    "CREATE CAST (text AS integer) WITH INOUT",
    "CREATE COLLATION public.probe FROM \"C\"",
    "CREATE EXTENSION plpython3u",
    "CREATE EXTENSION adminpack",
    "CREATE LANGUAGE probe HANDLER plpgsql_call_handler",
    "CREATE FOREIGN DATA WRAPPER probe",
    "CREATE EVENT TRIGGER probe ON ddl_command_start EXECUTE FUNCTION sync.stamp()",
    "CREATE PUBLICATION probe",
    "CREATE STATISTICS public.probe ON id, title FROM jobs",
    "CREATE FUNCTION public.probe(internal) RETURNS internal LANGUAGE c AS 'probe', 'probe'",
    "LOAD 'auto_explain'",
    // The server's disk and programs.
    "COPY (SELECT 1) TO PROGRAM 'id'",
    "COPY (SELECT 1) TO '/tmp/probe'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')::text",
    "SELECT pg_ls_logdir()::text",
    "SELECT pg_ls_waldir()::text",
    "SELECT pg_stat_file('PG_VERSION')::text",
    "SELECT pg_current_logfile()",
    "SELECT lo_import('/etc/passwd')::text",
    "SELECT lo_export(1, '/tmp/probe')::text",
    // Large objects know no row security.
    "SELECT lo_create(0)::text",
    "SELECT lo_creat(-1)::text",
    "SELECT lo_from_bytea(0, 'x')::text",
    "SELECT lo_get(1)::text",
    "SELECT lo_put(1, 0, 'x')::text",
    "SELECT lo_open(1, 262144)::text",
    "SELECT lo_unlink(1)::text",
    "SELECT loread(1, 1)::text",
    "SELECT lowrite(1, 'x')::text",
    "SELECT loid::text FROM pg_largeobject",
    // Somebody else.
    "SET ROLE clara_owner",
    "SET ROLE clara_sync",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "CREATE ROLE probe",
    "CREATE ROLE probe SUPERUSER",
    "ALTER ROLE postgres PASSWORD 'x'",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER BYPASSRLS",
    "ALTER ROLE CURRENT_USER CREATEROLE",
    "ALTER ROLE CURRENT_USER REPLICATION",
    "ALTER ROLE CURRENT_USER CONNECTION LIMIT 100",
    "ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'",
    "ALTER ROLE clara_technician SET search_path = pg_temp",
    "ALTER ROLE ALL SET search_path = pg_temp",
    "GRANT clara_owner TO CURRENT_USER",
    "GRANT clara_sync TO CURRENT_USER",
    "GRANT pg_read_all_data TO CURRENT_USER",
    "GRANT pg_execute_server_program TO CURRENT_USER",
    "REASSIGN OWNED BY clara_owner TO CURRENT_USER",
    "DROP OWNED BY clara_sync",
    "ALTER DEFAULT PRIVILEGES FOR ROLE clara_owner GRANT SELECT ON TABLES TO PUBLIC",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT srvoptions::text FROM pg_foreign_server, pg_user_mapping",
    "SELECT stavalues1::text FROM pg_statistic",
    "SELECT stxdmcv::text FROM pg_statistic_ext_data",
    "SELECT subconninfo FROM pg_subscription",
    // The server as a whole.
    "SET session_replication_role = 'replica'",
    "SET log_statement = 'none'",
    "SET log_min_messages = 'panic'",
    "SET session_preload_libraries = 'probe'",
    "SET allow_system_table_mods = on",
    "SET zero_damaged_pages = on",
    "SET temp_file_limit = -1",
    "SET debug_assertions = on",
    "SHOW data_directory",
    "SHOW hba_file",
    "SELECT pg_reload_conf()::text",
    "SELECT pg_rotate_logfile()::text",
    "SELECT pg_switch_wal()::text",
    "SELECT pg_create_restore_point('x')::text",
    "SELECT pg_promote()::text",
    "SELECT pg_log_backend_memory_contexts(pg_backend_pid())::text",
    "SELECT pg_stat_reset()::text",
    "SELECT pg_backup_start('x')::text",
    "SELECT pg_create_physical_replication_slot('probe')::text",
    "SELECT pg_create_logical_replication_slot('probe', 'pgoutput')::text",
    "SELECT pg_replication_origin_create('probe')::text",
    "CHECKPOINT",
    "ALTER DATABASE rights_powers SET search_path = pg_temp",
    "DROP SCHEMA sync CASCADE",
    "ALTER SCHEMA sync OWNER TO CURRENT_USER",
    "DROP FUNCTION sync.push(uuid, jsonb)",
    "ALTER FUNCTION app.me() RESET ALL",
    "ALTER TYPE user_role ADD VALUE 'owner'",
    "ALTER SYSTEM SET log_statement = 'none'",
    "SECURITY LABEL ON TABLE jobs IS 'x'",
];

/// What PostgreSQL gives to every login and nobody can take away without harm to other programs of the company. Here,
/// so that the list in `docs/security.md` is complete.
const LEFT: &[&str] = &[
    "SELECT pg_advisory_xact_lock(1)::text",
    "NOTIFY probe, 'x'",
    "LISTEN probe",
    "DO $$ BEGIN PERFORM 1; END $$",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET work_mem = '1GB'",
    "ALTER ROLE CURRENT_USER SET statement_timeout = 0",
    "ALTER ROLE CURRENT_USER PASSWORD 'another'",
    "SELECT rolname::text FROM pg_roles LIMIT 1",
    "SELECT prosrc FROM pg_proc WHERE proname = 'push'",
    "SELECT reltuples::text FROM pg_class WHERE relname = 'jobs'",
    "SELECT n_live_tup::text FROM pg_stat_all_tables LIMIT 1",
    "SELECT pg_logical_emit_message(false, 'x', 'y')::text",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_login_has_a_power_that_it_does_not_need() {
    let mut office = found("powers").await;
    let (mut cells, mut wrong) = (0, Vec::new());
    let [_, other] = office.roles.clone();
    let mut refused: Vec<String> = REFUSED.iter().map(|text| text.replace("rights_powers", "powers")).collect();
    refused.push(format!("SET ROLE {other}"));
    refused.push(format!("ALTER ROLE {other} PASSWORD 'x'"));
    refused.push(format!("ALTER ROLE {other} SET statement_timeout = 1"));
    refused.push(format!("GRANT {other} TO CURRENT_USER"));
    let victim = psql(
        "powers",
        "SELECT pid FROM pg_stat_activity WHERE usename = 'powers_backend' OR usename LIKE 'clara_0b%' LIMIT 1",
    );
    let _kept = Session::of(&office.admin).await;
    let root = psql(
        "powers",
        "SELECT pid FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename WHERE r.rolsuper LIMIT 1",
    );
    assert!(!victim.is_empty() && !root.is_empty());
    refused.push(format!("SELECT pg_terminate_backend({root})::text"));
    refused.push(format!("SELECT pg_cancel_backend({root})::text"));
    for (person, session) in &mut office.sessions {
        for (statement, answer) in refused.iter().zip(session.try_each(&refused).await) {
            cells += 1;
            // Some are stopped even before rights are asked about: no such extension, not in a transaction, no such
            // label provider. What counts is that nothing happens.
            if answer.code() == "ok" {
                wrong.push(format!("{person}: {statement}: {answer:?}"));
            }
        }
        if *person == "revoked" {
            continue;
        }
        let left: Vec<String> = LEFT.iter().map(|text| (*text).to_owned()).collect();
        for (statement, answer) in left.iter().zip(session.try_each(&left).await) {
            cells += 1;
            if answer.code() != "ok" {
                wrong
                    .push(format!("{person}: {statement} is on the list of what is left, and was refused: {answer:?}"));
            }
        }
    }
    for statement in [
        "ALTER SYSTEM SET log_statement = 'none'",
        "CREATE DATABASE probe",
        "DROP DATABASE powers",
        "VACUUM pg_authid",
        "CREATE TABLESPACE probe LOCATION '/tmp'",
    ] {
        for (person, session) in &mut office.sessions {
            cells += 1;
            // VACUUM only warns.
            if session.alone(statement).await.code() == "ok" && !statement.starts_with("VACUUM") {
                wrong.push(format!("{person}: {statement}"));
            }
        }
    }
    println!("figure: rights, powers of the server | {cells} | {}", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_are_asking_the_server_stays_theirs() {
    let mut office = found("listens").await;
    // The manager's own second connection: a login sees what its own other sessions do.
    let (busy, answers) = Session::of(&office.manager).await.hold(&["SELECT 'CANARY-query'"]).await;
    assert_eq!(answers[0].value(), Some("CANARY-query"));
    let heard = psql(
        "listens",
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%CANARY-query%' AND pid <> pg_backend_pid()",
    );
    assert_eq!(heard, "1", "an administrator sees it");
    for (person, session) in office.sessions.iter_mut().filter(|(name, _)| *name != "manager") {
        let asked = "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%CANARY%' AND pid <> pg_backend_pid()
            UNION ALL SELECT count(*)::text FROM pg_stat_activity WHERE client_addr IS NOT NULL AND usename <> session_user";
        let answers = session.try_each(&[asked.to_owned()]).await;
        let Answer::Rows(rows) = &answers[0] else { panic!("{answers:?}") };
        assert_eq!(rows, &[["0"], ["0"]], "{person}: neither the question nor from where");
    }
    busy.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_the_cluster_that_is_nobodys_does_not_even_connect() {
    let office = found("strangers").await;
    psql("strangers", "CREATE ROLE stranger LOGIN PASSWORD 'made here'");
    let stranger = Server { role: "stranger".into(), password: Secret::new("made here"), ..office.admin.clone() };
    let error = stranger.connect().await.unwrap_err();
    assert!(matches!(&error, CentralError::Refused { code, .. } if code == "42501"), "{error:?}");
}
