//! Disk space kept in hand. On a full disk SQLite cannot even delete; letting go of this file makes room for saves,
//! spool and receipts until the person has made some.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(crate) struct Ballast {
    path: PathBuf,
    bytes: u64,
    low: u64,
}

impl Ballast {
    /// `low`: below this much free space the ballast goes and photos are refused.
    pub(crate) fn new(folder: &Path, bytes: u64, low: u64) -> Self {
        Self { path: folder.join("ballast"), bytes, low }
    }

    /// Takes the space if there is enough of it.
    pub(crate) fn load(&self) -> io::Result<()> {
        let present = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        let Some(folder) = self.path.parent() else { return Ok(()) };
        if present == self.bytes || fs4::available_space(folder)? < self.low.saturating_add(self.bytes) {
            return Ok(());
        }
        // Written, not only sized: a hole holds no space.
        let mut file = File::create(&self.path)?;
        let block = vec![0u8; 1 << 16];
        let mut left = self.bytes;
        while left > 0 {
            let part = left.min(block.len() as u64);
            file.write_all(block.get(..part as usize).unwrap_or_default())?;
            left -= part;
        }
        file.sync_all()
    }

    fn is_low(&self, folder: &Path) -> bool {
        fs4::available_space(folder).is_ok_and(|free| free < self.low)
    }

    /// Whether photos must wait: space is low, or the ballast was let go of and there is no room to take it up again.
    pub(crate) fn refuses_photos(&self, folder: &Path) -> bool {
        // A failed attempt leaves the ballast short, which is the answer.
        let _ = self.load();
        self.is_low(folder) || std::fs::metadata(&self.path).map_or(0, |file| file.len()) < self.bytes
    }

    pub(crate) fn release_if_low(&self, folder: &Path) {
        if self.is_low(folder) && self.path.exists() {
            tracing::warn!("the disk is almost full: the ballast was released");
            // Without it the save below still has what is left.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
