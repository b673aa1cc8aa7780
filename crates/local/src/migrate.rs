use rusqlite::Connection;

use crate::error::{MirrorError, OpenError};
use crate::settings::APPLICATION_ID;

/// Forward only; the position in the list, from 1, is the `user_version` it leads to.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations-local/0001_create_mirror.sql"),
    include_str!("../../../migrations-local/0002_create_outbox.sql"),
    include_str!("../../../migrations-local/0003_create_search.sql"),
    include_str!("../../../migrations-local/0004_build_search_once.sql"),
    include_str!("../../../migrations-local/0005_bring_back_backups.sql"),
    include_str!("../../../migrations-local/0006_create_spec_limits.sql"),
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clara_domain::mirror::{Entity, TABLES};

    use super::*;

    /// A file as the program of yesterday left it, at a moment of its life.
    fn of_yesterday(moment: &str) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for sql in MIGRATIONS.iter().take(3) {
            connection.execute_batch(sql).unwrap();
        }
        connection.execute_batch(moment).unwrap();
        run(&connection, 3).unwrap();
        connection
    }

    fn to_fetch(connection: &Connection) -> Vec<Entity> {
        let bookmarks = crate::replica::bookmarks(connection).unwrap();
        bookmarks.into_iter().filter(|bookmark| !bookmark.done).map(|bookmark| bookmark.entity).collect()
    }

    #[test]
    fn a_mirror_in_step_fetches_the_table_that_it_learns_and_does_not_look_as_if_it_had_only_begun() {
        let connection =
            of_yesterday("UPDATE profile SET cursor = '9:9:', last_pull_at = '2026-01-01T00:00:00.000000Z'");
        assert_eq!(to_fetch(&connection), [Entity::SpecLimits]);
        assert_eq!(crate::replica::bookmarks(&connection).unwrap().len(), TABLES.len(), "the others are done");
        let cursor: String = connection.query_row("SELECT cursor FROM profile", [], |row| row.get(0)).unwrap();
        assert_eq!(cursor, "9:9:", "nothing that is there is fetched again");
    }

    #[test]
    fn a_first_sync_under_way_goes_on_where_it_was_with_one_table_more() {
        let connection = of_yesterday(
            "UPDATE profile SET first_sync_from = '9:9:';
             INSERT INTO bookmark (entity, done) VALUES ('users', 1), ('jobs', 0), ('common_problems', 0)",
        );
        assert_eq!(to_fetch(&connection), [Entity::Jobs, Entity::CommonProblems, Entity::SpecLimits]);
    }

    #[test]
    fn a_profile_that_has_never_synced_has_nothing_to_catch_up_on() {
        assert_eq!(to_fetch(&of_yesterday("")), []);
    }
}
