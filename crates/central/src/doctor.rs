//! Looks the central database over and says what is wrong, what that means, and what to do.

use clara_sync::CentralError;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::connect::{Mode, Server, SyncTx, call_error, is_safe, sql};
use crate::error::AdminError;
use crate::migrate::pending;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Works, but somebody should look.
    Warn,
    /// Unsafe, or losing something.
    Fail,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A short name.
    pub name: &'static str,
    /// How it went.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// Why it matters.
    pub meaning: &'static str,
    /// What to do; nothing where all is well.
    pub advice: Option<&'static str>,
}

/// A question to the database: its answer is a list of offenders, each one a text. None means all is well.
struct Question {
    name: &'static str,
    /// How bad an answer is.
    bad: Health,
    /// What is said where nothing was found.
    fine: &'static str,
    sql: &'static str,
    meaning: &'static str,
    advice: &'static str,
}

const QUESTIONS: &[Question] = &[
    Question {
        name: "encrypted connections",
        bad: Health::Fail,
        fine: "on, and no rule admits a plain one from elsewhere",
        sql: "SELECT 'ssl is off' AS offender WHERE current_setting('ssl') <> 'on'
              UNION ALL
              SELECT 'pg_hba.conf line ' || line_number || ' (' || type || ')' FROM pg_hba_file_rules
              WHERE type IN ('host', 'hostnossl') AND NOT auth_method = 'reject' AND error IS NULL
                AND coalesce(address, '') NOT IN ('127.0.0.1', '::1', 'samehost')",
        meaning: "Without TLS, passwords and customer data travel readable.",
        advice: "Set ssl = on and use hostssl lines in pg_hba.conf, with reject for the rest; then reload.",
    },
    Question {
        name: "password encryption",
        bad: Health::Fail,
        fine: "scram-sha-256",
        sql: "SELECT 'password_encryption = ' || current_setting('password_encryption') AS offender
              WHERE current_setting('password_encryption') <> 'scram-sha-256'
              UNION ALL
              SELECT 'pg_hba.conf line ' || line_number || ' (' || auth_method || ')' FROM pg_hba_file_rules
              WHERE auth_method IN ('md5', 'password', 'trust') AND type LIKE 'host%'",
        meaning: "MD5 and clear passwords can be stolen from the wire or the server and used as they are.",
        advice: "Set password_encryption = scram-sha-256 and use scram-sha-256 in every host line of pg_hba.conf.",
    },
    Question {
        name: "forced row security",
        bad: Health::Fail,
        fine: "on every table with customer data",
        sql: "SELECT c.oid::regclass::text AS offender FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname IN ('public', 'app', 'sync') AND c.relkind IN ('r', 'p')
                AND pg_get_userbyid(c.relowner) IN ('clara_owner', 'clara_sync')
                AND c.oid::regclass::text NOT IN ('app.settings', 'sync.schema', 'sync.epoch', 'sync.field_policy')
                AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
        meaning: "Whoever can read such a table sees the rows of all customers.",
        advice: "ALTER TABLE … ENABLE ROW LEVEL SECURITY and … FORCE ROW LEVEL SECURITY, then add a policy.",
    },
    Question {
        name: "laptop roles cannot write",
        bad: Health::Fail,
        fine: "no group of people may write or truncate a table",
        sql: "SELECT g.rolname || ' on ' || c.oid::regclass::text AS offender
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              CROSS JOIN pg_roles g
              WHERE n.nspname IN ('public', 'app', 'sync') AND c.relkind IN ('r', 'p')
                AND g.rolname IN ('clara_technician', 'clara_manager', 'clara_office', 'clara_admin')
                AND has_table_privilege(g.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')",
        meaning: "Laptops write through sync.push alone; a direct write escapes ledger, merge and scope.",
        advice: "REVOKE INSERT, UPDATE, DELETE, TRUNCATE on that table from that role.",
    },
    Question {
        name: "logins of people",
        bad: Health::Fail,
        fine: "each in exactly one group, none privileged",
        sql: "SELECT l.role_name::text AS offender FROM app.login l JOIN pg_roles r ON r.rolname = l.role_name
              WHERE r.rolcanlogin AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication
                 OR (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) <> 1)",
        meaning: "A login with more than its group's rights sees or changes what it should not.",
        advice: "Revoke the extra memberships and attributes, or revoke the person and enroll again.",
    },
    Question {
        name: "temporary tables and large objects",
        bad: Health::Warn,
        fine: "not for laptop roles",
        sql: "SELECT 'temporary tables' AS offender WHERE has_database_privilege('clara_technician', current_database(), 'TEMP')
              UNION ALL SELECT 'large objects' WHERE has_function_privilege('clara_technician', 'lo_create(oid)', 'EXECUTE')",
        meaning: "A stolen login could fill the server's disk.",
        advice: "As a superuser: REVOKE TEMP ON DATABASE … FROM PUBLIC; REVOKE EXECUTE on the lo_* functions FROM PUBLIC.",
    },
    Question {
        name: "partitions ahead",
        bad: Health::Warn,
        fine: "next year's inspections and next month's timings have theirs",
        sql: "SELECT wanted AS offender FROM (VALUES
                ('inspection_records_' || to_char(now() AT TIME ZONE 'UTC' + INTERVAL '1 year', 'YYYY')),
                ('performance_metrics_' || to_char(now() AT TIME ZONE 'UTC' + INTERVAL '1 month', 'YYYY_MM'))) AS v(wanted)
              WHERE to_regclass('public.' || wanted) IS NULL",
        meaning: "Rows without a partition land in the default one; nothing is lost, old data cannot be detached by year.",
        advice: "Run clara central migrate, which makes them.",
    },
    Question {
        name: "default partitions",
        bad: Health::Warn,
        fine: "empty",
        sql: "SELECT 'inspection_records_default' AS offender WHERE EXISTS (SELECT FROM public.inspection_records_default)
              UNION ALL SELECT 'performance_metrics_default' WHERE EXISTS (SELECT FROM public.performance_metrics_default)",
        meaning: "Rows arrived for a date that has no partition.",
        advice: "Run clara central migrate: it makes the partitions and moves the rows.",
    },
    Question {
        name: "long transactions",
        bad: Health::Warn,
        fine: "none open for more than ten minutes",
        sql: "SELECT 'process ' || pid || ' since ' || to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS offender
              FROM pg_stat_activity WHERE xact_start < now() - INTERVAL '10 minutes' AND backend_type = 'client backend'
              UNION ALL SELECT 'prepared ' || gid FROM pg_prepared_xacts WHERE prepared < now() - INTERVAL '10 minutes'",
        meaning: "While one is open, every laptop's pull looks again at all that has changed since it began, and dead rows pile up.",
        advice: "End it: pg_terminate_backend(process), or ROLLBACK PREPARED for a forgotten two-phase one.",
    },
    Question {
        name: "time zone",
        bad: Health::Fail,
        fine: "UTC",
        sql: "SELECT coalesce(setting, 'not set') AS offender FROM (VALUES (
                (SELECT split_part(entry, '=', 2) FROM pg_db_role_setting s
                 JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) entry
                 WHERE d.datname = current_database() AND s.setrole = 0 AND lower(split_part(entry, '=', 1)) = 'timezone'))) AS v(setting)
              WHERE upper(coalesce(setting, '')) NOT IN ('UTC', 'ETC/UTC')",
        meaning: "TIMESTAMP columns hold UTC; with another zone the defaults write local time.",
        advice: "ALTER DATABASE … SET timezone = 'UTC'.",
    },
    Question {
        name: "epoch",
        bad: Health::Fail,
        fine: "this cluster's",
        sql: "SELECT 'the stamps are of another cluster' AS offender FROM sync.epoch e, pg_control_system() s
              WHERE e.system_identifier IS DISTINCT FROM s.system_identifier::text
              UNION ALL
              SELECT 'a stamp lies in the future' FROM public.jobs
              WHERE cx > pg_snapshot_xmax(pg_current_snapshot()) HAVING count(*) > 0",
        meaning: "The database was restored into another cluster: laptops' cursors would be blind to its rows.",
        advice: "Run clara central rebase before any laptop syncs.",
    },
    Question {
        name: "enrolments",
        bad: Health::Warn,
        fine: "none has expired unclaimed",
        sql: "SELECT e.role_name::text AS offender FROM sync.enrolment e JOIN pg_roles r ON r.rolname = e.role_name
              JOIN app.login l ON l.role_name = e.role_name AND l.device_id = e.device_id
              WHERE e.used_at IS NULL AND e.expires_at <= now() AND r.rolcanlogin",
        meaning: "A one-time password that nobody used is still a password, though it opens nothing.",
        advice: "The next clara central enroll withdraws them; or revoke the laptop.",
    },
    Question {
        name: "durability",
        bad: Health::Warn,
        fine: "fsync, full_page_writes and synchronous_commit are on",
        sql: "SELECT name || ' = ' || setting AS offender FROM pg_settings
              WHERE (name IN ('fsync', 'full_page_writes') AND setting <> 'on')
                 OR (name = 'synchronous_commit' AND setting = 'off')",
        meaning: "A receipt says that work is safe; with these off, a power cut can take it back.",
        advice: "Turn them on in postgresql.conf, save for a throw-away cluster.",
    },
    Question {
        name: "reports",
        bad: Health::Warn,
        fine: "not older than two days",
        sql: "SELECT 'computed ' || to_char(refreshed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS offender
              FROM report.freshness WHERE refreshed_at < now() - INTERVAL '2 days'",
        meaning: "Completeness, due inspections and open deficiencies are reported as they were then.",
        advice: "Run clara central refresh from a timer, every night.",
    },
    Question {
        name: "reports are the office's",
        bad: Health::Fail,
        fine: "no technician may read them",
        sql: "SELECT c.oid::regclass::text AS offender FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relkind = 'm' AND n.nspname IN ('public', 'app', 'sync', 'report')
                AND has_schema_privilege('clara_technician', n.oid, 'USAGE')
                AND has_table_privilege('clara_technician', c.oid, 'SELECT')
              UNION ALL
              SELECT n.nspname::text FROM pg_namespace n
              WHERE n.nspname = 'report' AND has_schema_privilege('clara_technician', n.oid, 'USAGE')",
        meaning: "A materialised view knows no row security: whoever may read it sees every site.",
        advice: "REVOKE SELECT on that view, and USAGE on the schema report, from that role.",
    },
    Question {
        name: "open tasks",
        bad: Health::Warn,
        fine: "no parked work, no copied laptop",
        sql: "SELECT count(*) || ' parked operations wait for a decision' AS offender FROM sync.parked
              WHERE decided_at IS NULL HAVING count(*) > 0
              UNION ALL SELECT 'laptop ' || id || ' is a copy of another' FROM sync.device
              WHERE cloned_at IS NOT NULL AND revoked_at IS NULL",
        meaning: "Somebody's work is waiting for a person in the office.",
        advice: "Accept or decline parked work; enroll a copied laptop anew.",
    },
];

/// Everything, in one go. A question that this administrator may not ask is a warning, not an end.
///
/// # Errors
/// [`AdminError`] where the database cannot be reached at all.
pub async fn doctor(admin: &Server) -> Result<Vec<Check>, AdminError> {
    let mut connection = match admin.connect().await {
        // Here an old version is a finding, not an error.
        Err(CentralError::ServerTooOld(version)) => return Ok(vec![version_check(version)]),
        connected => connected?,
    };
    let version = connection.server_version_num();
    let mut checks = vec![version_check(version), migrations_check(pending(admin).await)];
    for question in QUESTIONS {
        let mut tx = connection.begin(Mode::Snapshot).await?;
        let asked = ask(&mut tx, question).await;
        tx.rollback().await?;
        checks.push(asked);
    }
    connection.close().await;
    Ok(checks)
}

async fn ask(tx: &mut SyncTx<'_>, question: &Question) -> Check {
    let check = |health, found, advice| Check { name: question.name, health, found, meaning: question.meaning, advice };
    let offenders: Result<Vec<String>, _> = match tx.fetch_all(sql(question.sql)).await {
        Ok(rows) => rows.iter().map(|row: &PgRow| row.try_get("offender").map_err(call_error)).collect(),
        Err(error) => Err(error),
    };
    match offenders {
        Ok(list) if list.is_empty() => check(Health::Ok, question.fine.to_owned(), None),
        Ok(list) => check(question.bad, list.join(", "), Some(question.advice)),
        Err(error) => check(Health::Warn, format!("could not be checked: {error}"), Some("Run doctor as a superuser.")),
    }
}

fn version_check(version: i32) -> Check {
    let safe = is_safe(version);
    Check {
        name: "PostgreSQL version",
        health: if safe { Health::Ok } else { Health::Fail },
        found: format!("{}.{}", version / 10_000, version % 10_000),
        meaning: "Row-level security leaks through upserts below 14.25, 15.20, 16.16, 17.12 and 18.7.",
        advice: (!safe).then_some("Update PostgreSQL; laptops refuse this version."),
    }
}

fn migrations_check(pending: Result<Vec<i64>, AdminError>) -> Check {
    let meaning = "Laptops and server must agree on the schema.";
    let (health, found, advice) = match pending {
        Ok(list) if list.is_empty() => (Health::Ok, "all applied".to_owned(), None),
        Ok(list) => (Health::Fail, format!("{} missing", list.len()), Some("Run clara central migrate.")),
        Err(error) => (Health::Warn, format!("could not be checked: {error}"), Some("Run doctor as a superuser.")),
    };
    Check { name: "migrations", health, found, meaning, advice }
}
