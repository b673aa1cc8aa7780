//! Brings the central schema up to date. Forward only: laptops stay away for weeks and must find what they knew.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx_core::migrate::{Migrate as _, MigrateError, Migration, MigrationType, Migrator};

use crate::connect::{Mode, Server, call_error, sql};
use crate::error::AdminError;

macro_rules! migrations {
    ($($version:literal $name:literal)+) => {
        /// Version, name and text of every file in `migrations/`, in order.
        const MIGRATIONS: &[(i64, &str, &str)] = &[
            $(($version, $name, include_str!(concat!("../../../migrations/", $version, "_", $name, ".sql")))),+
        ];
    };
}

migrations! {
    20261122000100 "create_roles"
    20261122000200 "create_catalogue"
    20261122000300 "create_sites_and_jobs"
    20261122000400 "create_records"
    20261122000500 "create_sync"
    20261122000600 "attach_triggers"
    20261122000700 "make_partitions"
    20261122000800 "enable_row_security"
    20261122000850 "create_list_merge"
    20261122000870 "keep_house"
    20261122000900 "create_enrolment"
    20261122001000 "create_field_policy"
    20261122001100 "create_hello"
    20261122001200 "create_push_inserts"
    20261122001300 "create_merge"
    20261122001400 "create_push_changes"
    20261122001450 "create_push_updates"
    20261122001500 "create_decisions"
    20261122001600 "create_push"
    20261122001700 "create_photo_lane"
    20261122001800 "keep_identity_plans"
    20261122110010 "keep_plans_of_the_photo_lane"
    20261122120010 "create_spec_limits"
    20261122120020 "create_subscriptions"
    20261122120030 "create_reports"
    20261122120040 "create_photo_places"
    20261122130000 "end_logins_that_hold_locks"
    20261122130010 "count_own_history_only"
    20261122130020 "show_reports_to_the_present"
    20261122130030 "judge_long_documents_in_time"
    20261122140000 "create_rescue"
    20261122150000 "lock_own_laptop_only"
    20261122160000 "let_rows_leave_a_site"
    20261122160010 "decline_what_hangs_on_it"
    20261122160020 "refuse_expired_enrolments_behind_a_pooler"
    20261122160030 "amend_in_one_push"
    20261122161000 "pull_in_one_call"
    20261122162000 "tell_a_revoked_laptop"
    20261123103000 "move_what_waits_with_its_row"
}

/// What a migration run did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Migrated {
    /// Versions applied now.
    pub applied: Vec<i64>,
    /// Partitions made ahead.
    pub partitions_made: i32,
}

/// The newest version this program knows.
pub fn latest() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, ..)| *version)
}

fn migrator() -> Migrator {
    let mut migrator = Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .map(|(version, name, text)| {
                Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
            })
            .collect(),
    );
    // Not in `public`: the company's own service may well be migrated by the same library.
    migrator.create_schema("clara");
    migrator.dangerous_set_table_name("clara.migration");
    migrator
}

/// Applies what is missing. Goes straight to the server as an administrator, never through a pooler: the migrator's
/// lock belongs to its session.
///
/// # Errors
/// [`AdminError`]; what had been applied before stays applied.
pub async fn migrate(admin: &Server) -> Result<Migrated, AdminError> {
    let mut connection = admin.connect().await?;
    let before = applied(&mut connection).await?;
    let run = migrator().run_direct(None, connection.outside_a_transaction(), false).await;
    if let Err(error) = run {
        return Err(migrate_error(error));
    }
    let after = applied(&mut connection).await?;
    let mut tx = connection.begin(Mode::Write).await?;
    let row = tx.fetch_one(sql("SELECT app.make_partitions() AS made")).await?;
    tx.commit().await?;
    connection.close().await;
    Ok(Migrated {
        applied: after.into_iter().filter(|version| !before.contains(version)).collect(),
        partitions_made: sqlx::Row::try_get(&row, "made").map_err(call_error)?,
    })
}

/// Versions known to this program that the database lacks.
///
/// # Errors
/// [`AdminError`] where the database cannot be read.
pub async fn pending(admin: &Server) -> Result<Vec<i64>, AdminError> {
    let mut connection = admin.connect().await?;
    let applied = applied(&mut connection).await?;
    connection.close().await;
    Ok(MIGRATIONS.iter().map(|(version, ..)| *version).filter(|version| !applied.contains(version)).collect())
}

async fn applied(connection: &mut crate::connect::Connection) -> Result<Vec<i64>, AdminError> {
    let mut tx = connection.begin(Mode::Snapshot).await?;
    let exists = tx.fetch_one(sql("SELECT to_regclass('clara.migration') IS NOT NULL AS there")).await?;
    let there: bool = sqlx::Row::try_get(&exists, "there").map_err(call_error)?;
    tx.rollback().await?;
    if !there {
        return Ok(Vec::new());
    }
    let raw = connection.outside_a_transaction();
    let listed = raw.list_applied_migrations("clara.migration").await.map_err(migrate_error)?;
    Ok(listed.into_iter().map(|migration| migration.version).collect())
}

fn migrate_error(error: MigrateError) -> AdminError {
    match error {
        MigrateError::Execute(error) => AdminError::Central(call_error(error)),
        MigrateError::ExecuteMigration(error, version) => {
            AdminError::Migration { version, reason: call_error(error).to_string() }
        }
        MigrateError::VersionMissing(version) => AdminError::NewerDatabase(version),
        MigrateError::VersionMismatch(version) => AdminError::ChangedMigration(version),
        other => AdminError::Migration { version: 0, reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_in_order_and_each_says_why_it_exists() {
        assert!(MIGRATIONS.windows(2).all(|pair| matches!(pair, [a, b] if a.0 < b.0)));
        for (version, name, text) in MIGRATIONS {
            assert!(text.starts_with("-- "), "{version}_{name} begins with its reason");
        }
    }
}
