//! The folder a cluster lives in.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::account::{self, Account};
use crate::error::{Error, Result};

const ELSEWHERE: &str = "/var/tmp";

/// Where a cluster goes, and why there if that is not where it was asked to go.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) note: Option<String>,
}

/// `folder` itself, or, where the server's account cannot pass through to it, a folder of a name made from it under
/// /var/tmp: the same one every time.
pub(crate) fn resolve(folder: &Path) -> Result<Place> {
    let folder = std::path::absolute(folder).map_err(Error::file("cannot find", folder))?;
    let standing = folder.ancestors().find(|f| f.is_dir()).unwrap_or(Path::new("/"));
    if Account::choose()?.reaches(standing) {
        return Ok(Place { path: folder, note: None });
    }
    let name = folder.to_string_lossy().replace('/', "-");
    let path = Path::new(ELSEWHERE).join(format!("clara{name}"));
    let note = format!(
        "PostgreSQL does not run as root, and the account it runs as cannot reach {}; the cluster is in {}",
        folder.display(),
        path.display()
    );
    Ok(Place { path, note: Some(note) })
}

/// The folder for things that last as long as a process.
pub(crate) fn for_a_while(account: Account) -> Result<tempfile::TempDir> {
    let mut parent = std::env::temp_dir();
    if !account.reaches(&parent) {
        parent = PathBuf::from(ELSEWHERE);
    }
    let folder = tempfile::Builder::new()
        .prefix("clara-cluster-")
        .tempdir_in(&parent)
        .map_err(Error::file("cannot make a folder in", &parent))?;
    pass_through(folder.path())?;
    Ok(folder)
}

/// Makes the folder; others may pass through it, not list it. Returns whether it was made just now.
pub(crate) fn make(folder: &Path) -> Result<bool> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(Error::file("cannot make", parent))?;
    }
    match DirBuilder::new().mode(0o711).create(folder) {
        Ok(()) => {
            pass_through(folder)?;
            Ok(true)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            // /var/tmp is open to all: what stands there under our name may be somebody's trap.
            let found = fs::symlink_metadata(folder).map_err(Error::file("cannot read", folder))?;
            if !found.is_dir() || found.uid() != account::own_uid()? {
                return Err(Error::NotOurs(folder.to_owned()));
            }
            Ok(false)
        }
        Err(e) => Err(Error::file("cannot make", folder)(e)),
    }
}

fn pass_through(folder: &Path) -> Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o711)).map_err(Error::file("cannot open up", folder))
}

/// Writes a file that only its owner can read, also while it is being written.
pub(crate) fn write_secret(file: &Path, bytes: &[u8]) -> Result<()> {
    remove_file(file)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut f| f.write_all(bytes))
        .map_err(Error::file("cannot write", file))
}

/// Writes a file that the server's account owns and only it can read.
pub(crate) fn give(account: Account, file: &Path, text: &str) -> Result<()> {
    write_secret(file, text.as_bytes())?;
    account.own(file)
}

pub(crate) fn remove_file(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::file("cannot remove", file)(e)),
        _ => Ok(()),
    }
}

pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::file("cannot remove", folder)(e)),
        _ => Ok(()),
    }
}
