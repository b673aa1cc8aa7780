//! The rescue pack: all unsent work of a laptop in one file, sealed to the company's recovery key. It is made on the
//! laptop, carried by anybody, and opened by the office alone.

mod by_itself;
mod frame;
mod import;
mod key;
mod make;
mod office;
mod pack;
mod read;
mod write;

use std::io;

pub(crate) use by_itself::before_update;
pub use import::{Imported, ImportedOperation, ImportedPhoto, Report, import};
pub use key::{Identity, Recipient};
pub(crate) use make::{Cause, Maker, kept, learn};
pub use office::make_from_folder;
pub use pack::{Counts, Occasion, PackHeader, PackPhoto, Reason};
pub use read::{Outside, Part, Reader, Shown, look, show};
pub use write::Made;

/// Why a pack could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum RescueError {
    /// Nobody has told this laptop the company's recovery key.
    #[error("this laptop does not know the company's recovery key yet")]
    NoRecipient,
    /// No line of the file is a recovery key.
    #[error("this is no recovery key: no line of it begins with AGE-SECRET-KEY-1")]
    NoIdentity,
    /// Not one of our files.
    #[error("this is no rescue pack")]
    NotAPack,
    /// Of a newer program.
    #[error("this pack has format {0}; this program reads format 1. Update Clara Field")]
    Newer(u32),
    /// Sealed to another key.
    #[error("this recovery key does not open it; it is sealed to the key {0}")]
    OtherKey(String),
    /// Cut off, or changed, from some point on.
    #[error("the pack is damaged or cut off from here on")]
    Damaged,
    /// Not the folder of a laptop's work.
    #[error("this folder holds no work of a laptop")]
    NotAProfile,
    /// The laptop's data key is not sealed to a recovery key, or to another one.
    #[error("the laptop's key was never sealed to this recovery key")]
    NotWrapped,
    /// The cipher failed where it cannot.
    #[error("the pack could not be sealed")]
    Seal,
    /// A file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The laptop's store.
    #[error(transparent)]
    Mirror(#[from] clara_local::MirrorError),
    /// The laptop's key.
    #[error(transparent)]
    Vault(#[from] crate::vault::VaultError),
    /// The server.
    #[error(transparent)]
    Central(#[from] clara_sync::CentralError),
}

impl From<age::DecryptError> for RescueError {
    fn from(error: age::DecryptError) -> Self {
        match error {
            age::DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => RescueError::Io(error),
            age::DecryptError::NoMatchingKeys => RescueError::OtherKey(String::new()),
            _ => RescueError::Damaged,
        }
    }
}
