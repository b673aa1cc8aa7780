//! A laptop's files, as a crash or a copy finds them.

use std::fs;
use std::io;
use std::path::Path;

const DATABASE: [&str; 2] = ["mirror.db", "mirror.db-wal"];
const ASIDE: &str = "before-the-step";

/// Copies a folder as it lies there. The shared memory of the database is made anew by whoever opens it first.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(&name))?;
        } else if name != "mirror.db-shm" && name != "lock" {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

/// Keeps the database of before a step.
pub fn set_database_aside(folder: &Path) {
    let aside = folder.join(ASIDE);
    let _ = fs::create_dir_all(&aside);
    for name in DATABASE {
        let _ = fs::remove_file(aside.join(name));
        let _ = fs::copy(folder.join(name), aside.join(name));
    }
}

/// Puts the database of before a step in its place: everything else is as after it.
pub fn put_database_back(folder: &Path) {
    let aside = folder.join(ASIDE);
    if aside.exists() {
        for name in DATABASE {
            let _ = fs::remove_file(folder.join(name));
            let _ = fs::rename(aside.join(name), folder.join(name));
        }
    }
    forget_aside(folder);
}

/// Forgets it.
pub fn forget_aside(folder: &Path) {
    let _ = fs::remove_dir_all(folder.join(ASIDE));
}
