//! Every connection is made here and nowhere else, so that none lacks a setting.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{MirrorError, OpenError};
use crate::key::DataKey;

/// `CLRA`: what `file` and we recognise the database by.
pub(crate) const APPLICATION_ID: i64 = 0x434c_5241;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The one that writes and checkpoints.
    Writing,
    /// Any of the others.
    Reading,
}

enum Wanted {
    Number(i64),
    Word(&'static str),
}

struct Setting {
    name: &'static str,
    wanted: Wanted,
}

const fn number(name: &'static str, wanted: i64) -> Setting {
    Setting { name, wanted: Wanted::Number(wanted) }
}

/// Set on every connection and read back.
const SETTINGS: &[Setting] = &[
    Setting { name: "journal_mode", wanted: Wanted::Word("wal") },
    // FULL: a commit survives the battery. NORMAL would lose the last ones.
    number("synchronous", 2),
    // Plain fsync does not reach the platter on macOS.
    number("fullfsync", 1),
    number("checkpoint_fullfsync", 1),
    number("foreign_keys", 1),
    number("busy_timeout", 5000),
    // A mapped page on a full or failing disk is a signal that ends the process, not an error.
    number("mmap_size", 0),
    number("trusted_schema", 0),
    number("cell_size_check", 1),
    number("temp_store", 2),
    number("wal_autocheckpoint", 1000),
    number("journal_size_limit", 64 << 20),
    // What leaves a person's scope leaves the free pages too.
    number("secure_delete", 1),
    number("cache_size", -16_384),
];

/// Set on the connections that only read.
const READING: &[Setting] = &[number("query_only", 1)];

/// How a file is shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// No other connection will ever be opened beside this one: the index of the log stays in memory.
    pub(crate) alone: bool,
}

/// Opens the file with the key and checks that it is readable. Nothing is written yet.
pub(crate) fn connect(path: &Path, key: &DataKey) -> Result<Connection, OpenError> {
    connect_shaped(path, key, Shape::default())
}

/// The same for a file of another shape.
pub(crate) fn connect_shaped(path: &Path, key: &DataKey, shape: Shape) -> Result<Connection, OpenError> {
    connect_as(path, key, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE, shape)
}

/// The same for a file that must stay as it is.
pub(crate) fn look_into(path: &Path, key: &DataKey) -> Result<Connection, OpenError> {
    connect_as(path, key, OpenFlags::SQLITE_OPEN_READ_ONLY, Shape::default())
}

fn connect_as(path: &Path, key: &DataKey, flags: OpenFlags, shape: Shape) -> Result<Connection, OpenError> {
    // The cipher sets itself up with the first key it is given; two threads that give it one at the same moment can
    // both be refused. Seen once in hundreds of runs, so nobody gives a key while somebody else does.
    static KEYING: Mutex<()> = Mutex::new(());
    let _alone = KEYING.lock().unwrap_or_else(PoisonError::into_inner);
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Until it is known to be whole: closing would write the log into a ruined database that is to be kept as it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "cipher_log_level", "NONE")?;
    connection.pragma_update(None, "key", key.raw_notation().as_str())?;
    if shape.alone {
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    }
    check_library(&connection)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

fn check_library(connection: &Connection) -> Result<(), OpenError> {
    let cipher: Option<String> = connection
        .query_row("PRAGMA cipher_version", [], |row| row.get(0))
        .or_else(|error| if error == rusqlite::Error::QueryReturnedNoRows { Ok(None) } else { Err(error) })?;
    if cipher.is_none_or(|version| version.is_empty()) {
        return Err(OpenError::NotEncrypted);
    }
    // Before 3.51.3 two connections can corrupt a database in WAL mode.
    if rusqlite::version_number() < 3_051_003 {
        return Err(OpenError::SqliteTooOld(rusqlite::version().to_owned()));
    }
    Ok(())
}

/// Whether the last connection to close writes the log back.
pub(crate) fn set_tidy_close(connection: &Connection, tidy: bool) -> Result<(), MirrorError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !tidy)?;
    Ok(())
}

/// Sets everything and reads it back.
pub(crate) fn settle(connection: &Connection, purpose: Use) -> Result<(), OpenError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.set_prepared_statement_cache_capacity(256);
    for setting in wanted(purpose) {
        let set = match setting.wanted {
            Wanted::Number(value) => connection.pragma_update(None, setting.name, value),
            Wanted::Word(word) => connection.pragma_update(None, setting.name, word),
        };
        set?;
    }
    read_back(connection, purpose)
}

/// # Errors
/// [`OpenError::Setting`] with the name of the first that is not as it must be.
pub(crate) fn read_back(connection: &Connection, purpose: Use) -> Result<(), OpenError> {
    if !connection.db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE)? {
        return Err(OpenError::Setting("defensive"));
    }
    for setting in wanted(purpose) {
        let as_wanted = connection.pragma_query_value(None, setting.name, |row| match setting.wanted {
            Wanted::Number(value) => Ok(row.get::<_, i64>(0)? == value),
            Wanted::Word(word) => Ok(row.get::<_, String>(0)? == word),
        })?;
        if !as_wanted {
            return Err(OpenError::Setting(setting.name));
        }
    }
    Ok(())
}

/// When commits of the writing connection reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Synchronous {
    /// Before they return: [`SETTINGS`].
    AtEveryCommit,
    /// With the next commit that does, or when the log is written back. For what can be fetched again.
    AtCheckpoints,
}

/// Not inside a transaction, where SQLite would ignore it.
pub(crate) fn set_synchronous(connection: &Connection, when: Synchronous) -> Result<(), MirrorError> {
    let level = if when == Synchronous::AtEveryCommit { 2 } else { 1 };
    connection.pragma_update(None, "synchronous", level)?;
    // A save that came back without being on the disk would be a broken promise: better none.
    if connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0))? != level {
        return Err(MirrorError::Unreadable("the setting synchronous"));
    }
    Ok(())
}

fn wanted(purpose: Use) -> impl Iterator<Item = &'static Setting> {
    let reading = if purpose == Use::Reading { READING } else { &[] };
    SETTINGS.iter().chain(reading)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn open(folder: &Path, purpose: Use) -> Connection {
        let connection = connect(&folder.join("mirror.db"), &DataKey::from_bytes([3; 32])).unwrap();
        settle(&connection, purpose).unwrap();
        connection
    }

    #[test]
    fn every_setting_is_read_back_and_each_one_alone_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        for purpose in [Use::Writing, Use::Reading] {
            let others = [
                ("journal_mode", "delete"),
                ("synchronous", "1"),
                ("fullfsync", "0"),
                ("checkpoint_fullfsync", "0"),
                ("foreign_keys", "0"),
                ("busy_timeout", "1"),
                ("mmap_size", "1048576"),
                ("trusted_schema", "1"),
                ("cell_size_check", "0"),
                ("temp_store", "1"),
                ("wal_autocheckpoint", "7"),
                ("journal_size_limit", "-1"),
                ("secure_delete", "0"),
                ("cache_size", "-2000"),
                ("query_only", "0"),
            ];
            assert!(wanted(purpose).all(|s| others.iter().any(|(name, _)| *name == s.name)), "one is not mutated");
            for (name, other) in others {
                if !wanted(purpose).any(|s| s.name == name) {
                    continue;
                }
                let connection = open(folder.path(), purpose);
                read_back(&connection, purpose).unwrap();
                // The pragma may answer with a row; the settings themselves say whether it took.
                let _ = connection.pragma_update(None, name, other);
                match read_back(&connection, purpose) {
                    Err(OpenError::Setting(found)) => assert_eq!(found, name),
                    other => assert!(other.is_err(), "{name} may be changed without being noticed"),
                }
            }
        }
        let connection = open(folder.path(), Use::Writing);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
        assert!(matches!(read_back(&connection, Use::Writing), Err(OpenError::Setting("defensive"))));
    }

    #[test]
    fn the_library_encrypts_and_is_new_enough() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(folder.path(), Use::Writing);
        connection.execute_batch("CREATE TABLE canary (word TEXT); INSERT INTO canary VALUES ('BELT4L340');").unwrap();
        drop(connection);
        let bytes = std::fs::read(folder.path().join("mirror.db")).unwrap();
        assert!(!bytes.starts_with(b"SQLite format 3"), "an encrypted file has no readable header");
        assert!(!bytes.windows(9).any(|w| w == b"BELT4L340"));
    }
}
