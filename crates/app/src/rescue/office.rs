//! A laptop whose key is lost: the office opens its folder with the recovery key and makes the pack that the laptop can
//! no longer make. Only the second copy and the photo files are read, and nothing in the folder is changed.

use std::path::Path;

use chrono::Utc;
use clara_local::{DataKey, PhotoChunks, Unsent};

use super::make::{Cause, header};
use super::write::{Made, write};
use super::{Identity, RescueError};
use crate::session::profile::Folder;
use crate::vault::{Keyring, Vault};

/// Makes a pack of the profile in a folder, in another folder. The key that opens the laptop also seals the pack.
///
/// # Errors
/// [`RescueError::NotWrapped`], [`RescueError::OtherKey`] where this recovery key does not open the laptop.
pub fn make_from_folder(profile: &Path, identity: &Identity, out: &Path) -> Result<Made, RescueError> {
    let folder = Folder::at(profile);
    let card = folder.read().ok().flatten().ok_or(RescueError::NotAProfile)?;
    let key = Vault::at(&folder.keys(), Keyring::Off).open_with_recovery_key(identity)?;
    let data_key = DataKey::from_bytes(*key.bytes());
    let unsent = Unsent::from_spool(&folder.mirror(), &data_key)?;
    let photos = PhotoChunks::open(&folder.mirror(), &data_key)?;
    let recipient = identity.recipient();
    let header = header(&card, &recipient, &unsent, Cause::Recovered, Utc::now());
    write(out, &recipient, header, &unsent, Some(&photos))
}
