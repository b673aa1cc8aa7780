//! Copies of the encrypted database, made by SQLite itself: a copy of the open file could be torn.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use crate::error::MirrorError;
use crate::files::sync_folder;
use crate::mirror::Mirror;

/// Daily copies kept.
const KEPT: usize = 3;

fn folder_of(profile: &Path) -> Result<PathBuf, MirrorError> {
    let folder = profile.join("backups");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn copy(connection: &Connection, to: &Path) -> Result<(), MirrorError> {
    let folder = to.parent().unwrap_or(to);
    let unfinished = to.with_extension("new");
    if unfinished.exists() {
        std::fs::remove_file(&unfinished)?;
    }
    // The copy is encrypted with the same key.
    connection.execute("VACUUM INTO ?1", [unfinished.to_string_lossy()])?;
    std::fs::File::open(&unfinished)?.sync_all()?;
    std::fs::rename(&unfinished, to)?;
    Ok(sync_folder(folder)?)
}

/// One copy before the schema changes.
pub(crate) fn before_migration(
    connection: &Connection,
    profile: &Path,
    version: i64,
    now: DateTime<Utc>,
) -> Result<PathBuf, MirrorError> {
    let name = format!("before-migration-from-{version}-{}.db", now.format("%Y%m%dT%H%M%SZ"));
    let to = folder_of(profile)?.join(name);
    copy(connection, &to)?;
    Ok(to)
}

impl Mirror {
    /// Makes the copy of the day, if there is none yet, and keeps the newest three. Returns the new copy.
    ///
    /// # Errors
    /// Where the copy cannot be written.
    pub fn backup_daily(&self, now: DateTime<Utc>) -> Result<Option<PathBuf>, MirrorError> {
        let folder = folder_of(self.folder())?;
        let to = folder.join(format!("daily-{}.db", now.format("%Y%m%d")));
        if to.exists() {
            return Ok(None);
        }
        copy(&self.writer().connection, &to)?;
        let mut daily: Vec<PathBuf> = std::fs::read_dir(&folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("daily-")))
            .collect();
        daily.sort();
        for old in daily.iter().rev().skip(KEPT) {
            std::fs::remove_file(old)?;
        }
        Ok(Some(to))
    }
}
