use std::fs::{File, OpenOptions};
use std::path::Path;

use fs4::FileExt;

use crate::error::OpenError;

/// Held for as long as a process has the profile open; the operating system lets go of it when the process dies.
pub(crate) struct ProfileLock(File);

impl Drop for ProfileLock {
    fn drop(&mut self) {
        // Closing is not enough: a child process that is just being started holds a copy of the handle for a moment.
        let _ = FileExt::unlock(&self.0);
    }
}

pub(crate) fn lock(folder: &Path) -> Result<ProfileLock, OpenError> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join("profile.lock"))?;
    match FileExt::try_lock(&file) {
        Ok(()) => Ok(ProfileLock(file)),
        Err(fs4::TryLockError::WouldBlock) => Err(OpenError::SecondCopy),
        Err(fs4::TryLockError::Error(error)) => Err(error.into()),
    }
}
