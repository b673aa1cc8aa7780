//! Where the bytes of photos finally live. They arrive in the database, are hashed there, and may then be moved to a
//! store beside it; the row, its hash and its state never change. [`PhotoStore`] is what such a store has to do: the
//! database does it, a folder does it, an object store could.

mod database;
mod folder;
mod relocate;

use std::future::Future;

use clara_domain::PhotoId;
use clara_sync::CentralError;
use sha2::{Digest as _, Sha256};

pub use database::Database;
pub use folder::Folder;
pub use relocate::{Kept, Moved, bring_back, move_out, read, verify};

/// One photo's bytes, named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhotoName {
    /// Its row.
    pub id: PhotoId,
    /// Of its bytes, lower-case hex.
    pub sha256: String,
}

impl PhotoName {
    /// Whether these are its bytes.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        let digest = Sha256::digest(bytes);
        let mut hex = String::with_capacity(64);
        for byte in digest {
            hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        hex == self.sha256
    }
}

/// Why a store did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database.
    #[error(transparent)]
    Central(#[from] CentralError),
    /// A file or a folder.
    #[error("{0}: {1}")]
    File(String, #[source] std::io::Error),
    /// What came back has another hash than what went in. Nothing was deleted anywhere.
    #[error("photo {0} has other bytes in the store than its row says")]
    Changed(PhotoId),
    /// The row's hash is none: it cannot name a file.
    #[error("photo {0} has no usable hash")]
    BadHash(PhotoId),
}

/// Keeps bytes by photo. Whoever calls checks hashes; a store only keeps what it is given.
pub trait PhotoStore: Send {
    /// What is recorded of it, for people and for finding it again.
    fn place(&self) -> String;

    /// What it finds these bytes by.
    fn key(&self, photo: &PhotoName) -> String;

    /// Keeps bytes, durably once it returns. The same bytes twice change nothing.
    fn put(&mut self, photo: &PhotoName, bytes: &[u8]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The bytes; none where it does not have them.
    fn get(&mut self, photo: &PhotoName) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;
}
