//! Whether every page of the database is what was written. Each start looks quickly; once a week, and where there is
//! reason to doubt, everything is looked at.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;

use crate::check::{parse_timestamp, timestamp};
use crate::error::{MirrorError, OpenError};
use crate::files;
use crate::mirror::Mirror;

/// How often the whole is checked.
const EVERY: TimeDelta = TimeDelta::days(7);

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The structure.
    Quick,
    /// The seal of every page, the structure, and every index against its table.
    Whole,
}

/// Whether the database is whole. A page that cannot be read at all is an error of the kind `Damaged`.
pub(crate) fn is_whole(connection: &Connection, depth: Depth) -> Result<bool, MirrorError> {
    let ok = |sql: &str| connection.query_row(sql, [], |row| Ok(row.get_ref(0)?.as_str()? == "ok"));
    if depth == Depth::Quick {
        return Ok(ok("PRAGMA quick_check(1)")?);
    }
    // Names each page whose seal is broken; silent where all are whole.
    let sealed = connection.prepare("PRAGMA cipher_integrity_check")?.query([])?.next()?.is_none();
    Ok(sealed && ok("PRAGMA integrity_check(1)")?)
}

fn doubt_path(folder: &Path) -> PathBuf {
    folder.join("check-at-start")
}

/// How much the next start is to look at. A damaged database cannot be trusted to say so itself.
pub(crate) fn depth_at_start(folder: &Path) -> Depth {
    if doubt_path(folder).exists() { Depth::Whole } else { Depth::Quick }
}

/// The start looked at everything, and what was damaged is aside.
pub(crate) fn doubt_no_more(folder: &Path) -> Result<(), OpenError> {
    match std::fs::remove_file(doubt_path(folder)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

impl Mirror {
    /// Checks the whole database, if that was not done within a week: for a background thread, beside the copy of the
    /// day. None where it was done. False where it is damaged: unsent work is safe, and opening the profile again puts
    /// the damaged database aside and makes a new one.
    ///
    /// # Errors
    /// Where the check itself cannot be made.
    pub fn check_weekly(&self, now: DateTime<Utc>) -> Result<Option<bool>, MirrorError> {
        let last: Option<String> = self.read(|read| {
            Ok::<_, MirrorError>(read.connection.query_row("SELECT checked_at FROM profile", [], |row| row.get(0))?)
        })?;
        let last = last.as_deref().and_then(parse_timestamp);
        if last.is_some_and(|at| at <= now && now - at < EVERY) {
            return Ok(None);
        }
        let whole = match self.read(|read| is_whole(read.connection, Depth::Whole)) {
            Err(MirrorError::Damaged(_)) => false,
            other => other?,
        };
        if whole {
            self.transact(|tx| {
                tx.connection.execute("UPDATE profile SET checked_at = ?1", [timestamp(now)])?;
                Ok::<_, MirrorError>(())
            })?;
        } else {
            files::write_whole(&doubt_path(self.folder()), b"")?;
        }
        Ok(Some(whole))
    }
}
