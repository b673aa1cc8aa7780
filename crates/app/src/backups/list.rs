use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clara_contract::Empty;
use clara_contract::backups::{Backup, BackupReason};
use clara_local::{BackupReason as Reason, Mirror};

use crate::app::{Core, Open};
use crate::error::{Error, Result};
use crate::field::stamp;

/// A copy and where it lies; the path does not leave the program.
pub(super) struct Copy {
    pub(super) path: PathBuf,
    pub(super) backup: Backup,
}

impl Core {
    /// Copies that can be brought back, newest first.
    pub(crate) fn list_backups(&self, _request: Empty) -> Result<Vec<Backup>> {
        Ok(copies(&*self.open()?)?.into_iter().map(|copy| copy.backup).collect())
    }
}

pub(super) fn copies(open: &Open) -> Result<Vec<Copy>> {
    let folder = open.mirror.folder();
    let key = clara_local::DataKey::from_bytes(*open.key.bytes());
    let mut all: Vec<Copy> = Mirror::backups(folder, &key)?
        .into_iter()
        .map(|found| {
            let reason = match found.reason {
                Reason::Daily => BackupReason::Daily,
                Reason::BeforeMigration => BackupReason::BeforeMigration,
            };
            let backup = Backup {
                name: name(&found.path),
                taken_at: stamp(found.taken_at),
                reason,
                byte_count: found.bytes,
                rows: found.rows,
                damaged: found.rows.is_none(),
            };
            Copy { path: found.path, backup }
        })
        .collect();
    all.extend(set_aside(&folder.join("aside"))?);
    all.sort_by(|a, b| b.backup.taken_at.cmp(&a.backup.taken_at));
    Ok(all)
}

/// What was there before: not looked into, since a damaged one may be among them.
fn set_aside(folder: &Path) -> Result<Vec<Copy>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::File("set-aside store", error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Error::File("set-aside store", error))?;
        let path = entry.path();
        let about = entry.metadata().map_err(|error| Error::File("set-aside store", error))?;
        if !about.is_file() || path.extension().is_none_or(|extension| extension != "db") {
            continue;
        }
        let changed = about.modified().map_err(|error| Error::File("set-aside store", error))?;
        let backup = Backup {
            name: name(&path),
            taken_at: stamp(DateTime::<Utc>::from(changed)),
            reason: BackupReason::SetAside,
            byte_count: about.len(),
            rows: None,
            damaged: false,
        };
        found.push(Copy { path, backup });
    }
    Ok(found)
}

pub(super) fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
