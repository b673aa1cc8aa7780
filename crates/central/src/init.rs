//! Makes a company's database.

use chrono::Utc;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::connect::{Mode, Server, call_error, sql};
use crate::error::AdminError;
use crate::migrate::{Migrated, migrate};
use crate::seed_demo::seed_rules;

/// What `init` found and did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Initialised {
    /// The database did not exist before.
    pub created: bool,
    /// Its schema.
    pub migrated: Migrated,
    /// Templates and capture requirements that were added.
    pub rules_added: u64,
}

/// Makes the database that `admin` names if it is missing (through the database `postgres`), brings its schema up to
/// date, gives it the templates and capture requirements that every company starts with, and notes the company's name,
/// which enrolment files show to people.
///
/// # Errors
/// [`AdminError`].
pub async fn init(admin: &Server, company: &str) -> Result<Initialised, AdminError> {
    let created = create_database(admin).await?;
    let migrated = migrate(admin).await?;
    let rules_added = seed_rules(admin, Utc::now()).await?;
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    tx.execute(
        sql("INSERT INTO app.settings (key, value) VALUES ('company', to_jsonb($1::text))
             ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(company),
    )
    .await?;
    tx.commit().await?;
    connection.close().await;
    Ok(Initialised { created, migrated, rules_added })
}

async fn create_database(admin: &Server) -> Result<bool, AdminError> {
    let name = &admin.database;
    let mut letters = name.chars();
    let plain = letters.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.len() <= 63;
    if !plain {
        return Err(AdminError::BadName(name.clone()));
    }
    let mut connection = Server { database: "postgres".to_owned(), ..admin.clone() }.connect().await?;
    let mut tx = connection.begin(Mode::Snapshot).await?;
    let row = tx
        .fetch_one(sql("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1) AS there").bind(name.clone()))
        .await?;
    tx.rollback().await?;
    let there: bool = row.try_get("there").map_err(call_error)?;
    if !there {
        // A utility statement takes no parameters; the name was checked letter by letter above.
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
        connection.outside_a_transaction().execute(AssertSqlSafe(create)).await.map_err(call_error)?;
    }
    connection.close().await;
    Ok(!there)
}
