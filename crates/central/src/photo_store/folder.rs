use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{PhotoName, PhotoStore, StoreError};

/// A folder of files that are named by the hash of what is in them: two photos with the same bytes are one file, and a
/// file that was tampered with does not have its name any more.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// A folder that exists.
    ///
    /// # Errors
    /// [`StoreError::File`] where it does not: a disk that is not mounted must not be taken for an empty store.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let root = root.canonicalize().map_err(|error| file(root, error))?;
        if root.is_dir() { Ok(Self { root }) } else { Err(file(&root, io::ErrorKind::NotADirectory.into())) }
    }

    /// `ab/cdef…`: thousands of files in one folder are slow to list.
    fn path(&self, photo: &PhotoName) -> Result<PathBuf, StoreError> {
        let hash = &photo.sha256;
        let proper = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        // A hash of any other shape could name a file anywhere.
        let (head, tail) = hash.split_at_checked(2).filter(|_| proper).ok_or(StoreError::BadHash(photo.id))?;
        Ok(self.root.join(head).join(tail))
    }
}

fn file(path: &Path, error: io::Error) -> StoreError {
    StoreError::File(path.display().to_string(), error)
}

/// Complete and on the disk, or not there.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    draft.persist(path).map_err(|error| error.error)?;
    // A name is on the disk only once its folder is; other systems than Unix do that by themselves.
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

impl PhotoStore for Folder {
    fn place(&self) -> String {
        format!("folder {}", self.root.display())
    }

    fn key(&self, photo: &PhotoName) -> String {
        photo.sha256.clone()
    }

    async fn put(&mut self, photo: &PhotoName, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(photo)?;
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        write(&path, bytes).map_err(|error| file(&path, error))
    }

    async fn get(&mut self, photo: &PhotoName) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(photo)?;
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file(&path, error)),
        }
    }
}
