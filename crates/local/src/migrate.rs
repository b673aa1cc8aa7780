use rusqlite::Connection;

use crate::error::{MirrorError, OpenError};
use crate::settings::APPLICATION_ID;

/// Forward only; the position in the list, from 1, is the `user_version` it leads to.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations-local/0001_create_mirror.sql"),
    include_str!("../../../migrations-local/0002_create_outbox.sql"),
    include_str!("../../../migrations-local/0003_create_search.sql"),
];

/// The version that this program writes.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.len() as i64
}

/// `user_version` of a file, which is refused if it is another program's or a newer one's. Nothing is written.
pub(crate) fn version(connection: &Connection) -> Result<i64, OpenError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, found) = (number("application_id")?, number("user_version")?);
    let empty: bool = connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    if application != APPLICATION_ID && !(application == 0 && empty) {
        return Err(OpenError::NotOurs(application));
    }
    if found > newest() {
        return Err(OpenError::Newer { found, known: newest() });
    }
    Ok(found)
}

/// Runs what is missing, each in a transaction of its own together with its number.
pub(crate) fn run(connection: &Connection, from: i64) -> Result<(), MirrorError> {
    for (at, sql) in MIGRATIONS.iter().enumerate() {
        let number = at as i64 + 1;
        if number > from {
            let tx = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
            tx.execute_batch(sql)?;
            tx.pragma_update(None, "application_id", APPLICATION_ID)?;
            tx.pragma_update(None, "user_version", number)?;
            tx.commit()?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) fn run_all(connection: &Connection) -> Result<(), MirrorError> {
    run(connection, 0)
}
