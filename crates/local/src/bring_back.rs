//! Putting a copy of the database in its place. What was saved since the copy was made comes from the spool, the rest
//! with the next sync; the database that was there is set aside.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::error::{MirrorError, OpenError};
use crate::files::sync_folder;
use crate::integrity::{self, Depth};
use crate::key::DataKey;
use crate::lock::lock;
use crate::migrate;
use crate::mirror::Mirror;
use crate::open::{Opened, Options, keep_aside, make_private};
use crate::settings::{self, Use};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Where the database is kept that was there before; none where there was none. It can be brought back like a copy.
    pub set_aside: Option<PathBuf>,
    /// Operations that the copy did not have, or had in an older state.
    pub operations_taken_over: u32,
    /// Drafts that the copy did not have, or had in an older version.
    pub drafts_taken_over: u32,
}

/// Why a copy was not put in its place.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It cannot be read with the profile's key, is damaged, or is no copy of a mirror. The profile is as it was.
    #[error("the copy cannot be read, or is damaged")]
    NotABackup,
    /// A newer version of the program made it. The profile is as it was.
    #[error("the copy was made by a newer version of the program")]
    Newer,
    /// The profile is open, the disk is full, or a file cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Mirror {
    /// Puts a copy in the place of the database, and opens the profile, which must be closed. The copy itself stays where
    /// it is.
    ///
    /// # Errors
    /// See [`RestoreError`].
    pub fn restore_backup(
        folder: &Path,
        key: &DataKey,
        backup: &Path,
        now: DateTime<Utc>,
    ) -> Result<(Opened, Restored), RestoreError> {
        Self::restore_backup_with(folder, key, backup, now, Options::default())
    }

    /// The same with chosen options.
    ///
    /// # Errors
    /// As [`Mirror::restore_backup`].
    pub fn restore_backup_with(
        folder: &Path,
        key: &DataKey,
        backup: &Path,
        now: DateTime<Utc>,
        options: Options,
    ) -> Result<(Opened, Restored), RestoreError> {
        make_private(folder)?;
        let held = lock(folder)?;
        let path = folder.join("mirror.db");
        let coming = folder.join("mirror.db.coming");
        if let Err(error) = make_ready(backup, &coming, key) {
            // Best effort: the next attempt removes it as well.
            let _ = remove(&coming);
            return Err(error);
        }
        let set_aside = if path.exists() {
            write_log_back(&path, key);
            Some(keep_aside(folder, &path, now)?)
        } else {
            None
        };
        // A kill before this leaves no database: the next start makes one from the spool, and the copy can be put in
        // its place then.
        std::fs::rename(&coming, &path).and_then(|()| sync_folder(folder)).map_err(OpenError::from)?;
        let opened = Self::open_held(held, folder, key, now, options)?;
        let (operations_taken_over, drafts_taken_over) = opened.report.caught_up.unwrap_or_default();
        Ok((opened, Restored { set_aside, operations_taken_over, drafts_taken_over }))
    }
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn remove(path: &Path) -> Result<(), OpenError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        match std::fs::remove_file(with(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Copies the copy, checks it, brings it to this program's schema, and has it say what it is.
fn make_ready(backup: &Path, coming: &Path, key: &DataKey) -> Result<(), RestoreError> {
    remove(coming)?;
    std::fs::copy(backup, coming).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => RestoreError::NotABackup,
        _ => OpenError::from(error).into(),
    })?;
    // One that was set aside damaged may have its log beside it.
    if with(backup, "-wal").exists() {
        std::fs::copy(with(backup, "-wal"), with(coming, "-wal")).map_err(OpenError::from)?;
    }
    let connection = settings::connect(coming, key).map_err(refused)?;
    let version = migrate::version(&connection).map_err(refused)?;
    let whole = integrity::is_whole(&connection, Depth::Whole).map_err(|error| refused(error.into()))?;
    if version == 0 || !whole {
        return Err(RestoreError::NotABackup);
    }
    settings::settle(&connection, Use::Writing)?;
    migrate::run(&connection, version).map_err(OpenError::from)?;
    let say = || {
        connection.execute("UPDATE profile SET put_back = 1", [])?;
        // One file, which can be moved.
        connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
    };
    say().map_err(OpenError::from)?;
    drop(connection);
    std::fs::File::open(coming).and_then(|file| file.sync_all()).map_err(OpenError::from)?;
    Ok(())
}

fn refused(error: OpenError) -> RestoreError {
    match error {
        OpenError::Newer { .. } => RestoreError::Newer,
        OpenError::NotOurs(_) | OpenError::WrongKey | OpenError::Mirror(MirrorError::Damaged(_)) => {
            RestoreError::NotABackup
        }
        other => other.into(),
    }
}

/// So that what is set aside is one file. A damaged database keeps its log beside it.
fn write_log_back(path: &Path, key: &DataKey) {
    let written = settings::connect(path, key)
        .map_err(drop)
        .and_then(|connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(drop));
    if written.is_err() {
        tracing::warn!("the log of the database that is set aside could not be written back");
    }
}
