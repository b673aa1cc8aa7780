//! Files that are whole or absent.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Makes new names in a folder durable. Windows has no such call and keeps names in its journal.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Makes a folder whose own name is durable too. Done at every start: one that was killed may have made the folder and
/// not have come to the sync, and files however well synced are gone with the folder that they are in.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
}

/// Writes beside the place, syncs, renames, syncs the folder.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| std::fs::rename(&temporary, path)) {
        // Best effort: the sweep at the next start removes it as well.
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    path.parent().map_or(Ok(()), sync_folder)
}
