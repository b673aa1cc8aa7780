//! The fourth place of the data key: sealed under a key that the server keeps for this laptop. It is made while all is well,
//! and it is how a laptop that was locked when its access ended is opened again by a new enrolment. Neither half opens
//! anything alone: the server has no file, and the laptop forgets the server's key as soon as it has sealed with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_domain::DeviceId;
use serde::{Deserialize, Serialize};

use super::{Key, Vault, VaultError, open_with_key, seal_with_key, write_private};

const PURPOSE: &str = "clara data key under the server's lock key 1";

/// `lock.json`.
#[derive(Debug, Serialize, Deserialize)]
struct LockCard {
    version: u32,
    /// Which data key.
    key_id: String,
    /// For which laptop the server keeps the other half.
    device_id: DeviceId,
    /// The server has said that it keeps it.
    kept: bool,
    sealed: String,
}

impl Vault {
    fn lock_path(&self) -> std::path::PathBuf {
        self.card.with_file_name("lock.json")
    }

    fn lock_card(&self) -> Option<LockCard> {
        serde_json::from_slice(&std::fs::read(self.lock_path()).ok()?).ok()
    }

    /// The laptop whose lock key opens the data key here.
    pub(crate) fn locked_for(&self) -> Option<DeviceId> {
        self.lock_card().filter(|card| card.kept).map(|card| card.device_id)
    }

    /// A new lock key for the server to keep; none where it keeps one already.
    pub(crate) fn new_lock_key(&self, key: &Key, device: DeviceId) -> Result<Option<Key>, VaultError> {
        if self.lock_card().is_some_and(|card| card.kept && card.key_id == key.id() && card.device_id == device) {
            return Ok(None);
        }
        let lock_key = Key::random()?;
        let sealed = STANDARD.encode(seal_with_key(&lock_key, PURPOSE, key.bytes())?);
        self.write_lock(&LockCard { version: 1, key_id: key.id(), device_id: device, kept: false, sealed })?;
        Ok(Some(lock_key))
    }

    /// The server keeps it. Until this is written a start makes another: a card whose other half nobody has opens nothing.
    pub(crate) fn lock_key_is_kept(&self) -> Result<(), VaultError> {
        match self.lock_card() {
            Some(card) => self.write_lock(&LockCard { kept: true, ..card }),
            None => Ok(()),
        }
    }

    fn write_lock(&self, card: &LockCard) -> Result<(), VaultError> {
        let text = serde_json::to_vec_pretty(card).map_err(|_| VaultError::Cipher)?;
        let path = self.lock_path();
        write_private(&path, &text).map_err(|source| VaultError::File { path, source })
    }

    /// The data key, by what the server kept; none where it is not for this one.
    pub(crate) fn open_with_lock_key(&self, lock_key: &[u8; 32]) -> Option<Key> {
        let (card, lock_key) = (self.lock_card()?, Key::from_slice(lock_key)?);
        let plain = open_with_key(&lock_key, PURPOSE, &STANDARD.decode(&card.sealed).ok()?)?;
        Key::from_slice(&plain).filter(|key| key.id() == card.key_id)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::vault::Keyring;
    use uuid::Uuid;

    #[test]
    fn the_servers_half_opens_the_key_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        let (key, laptop) = (Key::random().unwrap(), DeviceId(Uuid::from_u128(7)));
        let lock_key = vault.new_lock_key(&key, laptop).unwrap().unwrap();
        assert_eq!(vault.locked_for(), None, "the server has not said that it keeps it");
        assert_eq!(vault.open_with_lock_key(lock_key.bytes()), Some(key.clone()));
        assert_eq!(vault.open_with_lock_key(&[7; 32]), None);
        assert_eq!(vault.open_with_lock_key(key.bytes()), None);
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for secret in [key.bytes(), lock_key.bytes()] {
                assert!(!text.contains(&STANDARD.encode(secret)));
            }
        }
    }

    #[test]
    fn a_new_one_is_made_until_the_server_keeps_it_and_for_another_laptop_and_not_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        let (key, laptop) = (Key::random().unwrap(), DeviceId(Uuid::from_u128(7)));
        let first = vault.new_lock_key(&key, laptop).unwrap().unwrap();
        // The answer was lost: nobody knows whether the server has it.
        let second = vault.new_lock_key(&key, laptop).unwrap().unwrap();
        assert!(vault.open_with_lock_key(first.bytes()).is_none() && first != second);
        vault.lock_key_is_kept().unwrap();
        assert_eq!(vault.locked_for(), Some(laptop));
        assert_eq!(vault.new_lock_key(&key, laptop).unwrap(), None);
        assert!(vault.new_lock_key(&key, DeviceId(Uuid::from_u128(8))).unwrap().is_some());
    }
}
