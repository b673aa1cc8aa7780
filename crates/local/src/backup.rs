//! Copies of the encrypted database, made by SQLite itself: a copy of the open file could be torn.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::error::MirrorError;
use crate::files::{make_folder, sync_folder};
use crate::key::DataKey;
use crate::mirror::Mirror;
use crate::{settings, statement};

/// Why a copy was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupReason {
    /// One a day.
    Daily,
    /// The program was about to change the schema.
    BeforeMigration,
}

/// A copy of the database that can be put in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// When it was made.
    pub taken_at: DateTime<Utc>,
    /// Why.
    pub reason: BackupReason,
    /// Its size.
    pub bytes: u64,
    /// The rows in it; none where it cannot be read with the profile's key.
    pub rows: Option<u64>,
}

const DAILY: &str = "daily-";
const DAY: &str = "%Y%m%d";
const BEFORE_MIGRATION: &str = "before-migration-from-";
const MOMENT: &str = "%Y%m%dT%H%M%SZ";

/// What the file's name tells.
fn told_by(path: &Path) -> Option<(BackupReason, DateTime<Utc>)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".db")?;
    if let Some(day) = name.strip_prefix(DAILY) {
        let day = NaiveDate::parse_from_str(day, DAY).ok()?;
        let written = std::fs::metadata(path).ok()?.modified().ok().map(DateTime::<Utc>::from);
        // The name knows the day, the file the hour; one that was copied about knows another.
        let at = written.filter(|at| at.date_naive() == day).unwrap_or_else(|| day.and_time(NaiveTime::MIN).and_utc());
        return Some((BackupReason::Daily, at));
    }
    let (_, moment) = name.strip_prefix(BEFORE_MIGRATION)?.split_once('-')?;
    let moment = NaiveDateTime::parse_from_str(moment, MOMENT).ok()?;
    Some((BackupReason::BeforeMigration, moment.and_utc()))
}

/// Daily copies kept.
const KEPT: usize = 3;
/// What a copy is called until it is whole; SQLite puts `-journal` behind it.
const UNFINISHED: &str = "new";

fn folder_of(profile: &Path) -> Result<PathBuf, MirrorError> {
    let folder = profile.join("backups");
    make_folder(&folder)?;
    Ok(folder)
}

fn copy(connection: &Connection, to: &Path) -> Result<(), MirrorError> {
    let folder = to.parent().unwrap_or(to);
    remove_unfinished(folder)?;
    let copied = copy_whole(connection, folder, to);
    if copied.is_err() {
        // On a full disk what was begun takes the room that the next attempt needs.
        let _ = remove_unfinished(folder);
    }
    copied
}

fn copy_whole(connection: &Connection, folder: &Path, to: &Path) -> Result<(), MirrorError> {
    let unfinished = to.with_extension(UNFINISHED);
    // The copy is encrypted with the same key.
    connection.execute("VACUUM INTO ?1", [unfinished.to_string_lossy()])?;
    std::fs::File::open(&unfinished)?.sync_all()?;
    std::fs::rename(&unfinished, to)?;
    Ok(sync_folder(folder)?)
}

/// Removes copies that were begun, here or by a program that was killed, and the journals that SQLite kept of them.
fn remove_unfinished(folder: &Path) -> Result<(), MirrorError> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let begun = path.extension().and_then(|end| end.to_str()).is_some_and(|end| end.starts_with(UNFINISHED));
        if begun {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// One copy before the schema changes.
pub(crate) fn before_migration(
    connection: &Connection,
    profile: &Path,
    version: i64,
    now: DateTime<Utc>,
) -> Result<PathBuf, MirrorError> {
    let name = format!("{BEFORE_MIGRATION}{version}-{}.db", now.format(MOMENT));
    let to = folder_of(profile)?.join(name);
    copy(connection, &to)?;
    Ok(to)
}

impl Mirror {
    /// The copies in a profile's folder, newest first, whether it is open or not.
    ///
    /// # Errors
    /// Where the folder cannot be read. A copy that cannot be read is in the list, without its rows.
    pub fn backups(folder: &Path, key: &DataKey) -> Result<Vec<Backup>, MirrorError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder_of(folder)?)? {
            let path = entry?.path();
            let Some((reason, taken_at)) = told_by(&path) else { continue };
            let bytes = std::fs::metadata(&path)?.len();
            let opened = settings::look_into(&path, key).ok();
            let rows = opened.and_then(|connection| statement::rows_in_all(&connection).ok());
            found.push(Backup { path, taken_at, reason, bytes, rows });
        }
        found.sort_by(|a, b| b.taken_at.cmp(&a.taken_at).then_with(|| b.path.cmp(&a.path)));
        Ok(found)
    }

    /// Makes the copy of the day, if there is none yet, and keeps the newest three. Returns the new copy.
    ///
    /// # Errors
    /// Where the copy cannot be written.
    pub fn backup_daily(&self, now: DateTime<Utc>) -> Result<Option<PathBuf>, MirrorError> {
        let folder = folder_of(self.folder())?;
        let to = folder.join(format!("{DAILY}{}.db", now.format(DAY)));
        if to.exists() {
            return Ok(None);
        }
        copy(&self.writer().connection, &to)?;
        let mut daily: Vec<PathBuf> = std::fs::read_dir(&folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(DAILY)))
            .collect();
        daily.sort();
        for old in daily.iter().rev().skip(KEPT) {
            std::fs::remove_file(old)?;
        }
        Ok(Some(to))
    }
}
