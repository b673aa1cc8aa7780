//! The third place of the data key: sealed to the company's recovery key. It is what is left where the keyring forgot the
//! key, the passphrase is forgotten, or the person has gone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Key, Vault, VaultError, write_private};
use crate::rescue::{Identity, Recipient, RescueError};

/// `recovery.json`.
#[derive(Debug, Serialize, Deserialize)]
struct RecoveryCard {
    version: u32,
    /// Which data key.
    key_id: String,
    /// Whom it is sealed to; also whom rescue packs are sealed to.
    recipient: String,
    sealed: String,
}

impl Vault {
    fn recovery_path(&self) -> std::path::PathBuf {
        self.card.with_file_name("recovery.json")
    }

    fn recovery_card(&self) -> Option<RecoveryCard> {
        serde_json::from_slice(&std::fs::read(self.recovery_path()).ok()?).ok()
    }

    /// The company's recovery key, where this laptop knows one.
    pub fn recipient(&self) -> Option<Recipient> {
        Recipient::parse(&self.recovery_card()?.recipient)
    }

    pub(super) fn is_sealed_for_recovery(&self, key_id: &str) -> bool {
        self.recovery_card().is_some_and(|card| card.key_id == key_id)
    }

    /// Keeps the data key for the recovery key too. False where it is so already.
    ///
    /// # Errors
    /// Where the card cannot be written; then the one before stands.
    pub fn seal_for_recovery(&self, key: &Key, recipient: &Recipient) -> Result<bool, RescueError> {
        let name = recipient.to_string();
        if self.recovery_card().is_some_and(|card| card.recipient == name && card.key_id == key.id()) {
            return Ok(false);
        }
        let sealed = STANDARD.encode(recipient.seal(key.bytes())?);
        let card = RecoveryCard { version: 1, key_id: key.id(), recipient: name, sealed };
        let text = serde_json::to_vec_pretty(&card).map_err(|_| VaultError::Cipher)?;
        let path = self.recovery_path();
        write_private(&path, &text).map_err(|source| VaultError::File { path, source })?;
        Ok(true)
    }

    /// The data key, by the company's recovery key. Changes nothing.
    ///
    /// # Errors
    /// [`RescueError::NotWrapped`] where it was never kept for one, [`RescueError::OtherKey`] where for another.
    pub fn open_with_recovery_key(&self, identity: &Identity) -> Result<Key, RescueError> {
        let card = self.recovery_card().ok_or(RescueError::NotWrapped)?;
        let sealed = STANDARD.decode(&card.sealed).map_err(|_| VaultError::Unreadable(self.recovery_path()))?;
        let plain = identity.open(&sealed).map_err(|error| match error {
            RescueError::OtherKey(_) => {
                RescueError::OtherKey(Recipient::parse(&card.recipient).map(|it| it.fingerprint()).unwrap_or_default())
            }
            other => other,
        })?;
        let key = Key::from_slice(&plain).filter(|key| key.id() == card.key_id);
        Ok(key.ok_or_else(|| VaultError::Unreadable(self.recovery_path()))?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::vault::{Card, Keyring};

    /// A card of a laptop whose key went into a keyring, with or without a passphrase beside it.
    fn kept_in_a_keyring(vault: &Vault, key: &Key, passphrase: Option<&str>) {
        vault.keep(key, Some(passphrase.unwrap_or("only for a moment"))).unwrap();
        let mut card: Card = serde_json::from_slice(&std::fs::read(&vault.card).unwrap()).unwrap();
        card.keyring_entry = Some(format!("data-key-{}", key.id()));
        if passphrase.is_none() {
            card.sealed = None;
        }
        std::fs::write(&vault.card, serde_json::to_vec(&card).unwrap()).unwrap();
    }

    fn files(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
        let mut all: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()))
            .collect();
        all.sort();
        all
    }

    #[test]
    fn a_keyring_that_is_gone_leaves_the_passphrase_and_without_one_the_recovery_key() {
        for passphrase in [Some("riser room 3"), None] {
            let folder = tempfile::tempdir().unwrap();
            let vault = Vault::at(folder.path(), Keyring::Off);
            let (key, company) = (Key::random().unwrap(), Identity::generate());
            kept_in_a_keyring(&vault, &key, passphrase);
            assert!(vault.seal_for_recovery(&key, &company.recipient()).unwrap());
            let before = files(folder.path());

            match passphrase {
                Some(words) => {
                    assert!(matches!(vault.open(None), Err(VaultError::PassphraseNeeded)));
                    assert_eq!(vault.open(Some(words)).unwrap(), key);
                }
                None => assert!(matches!(vault.open(None), Err(VaultError::KeyringLostKey))),
            }
            assert_eq!(vault.open_with_recovery_key(&company).unwrap(), key);
            assert_eq!(files(folder.path()), before, "looking changes nothing");
        }
    }

    #[test]
    fn another_companys_recovery_key_opens_nothing_and_is_told_which_one_would() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        let (key, company) = (Key::random().unwrap(), Identity::generate());
        assert!(matches!(vault.open_with_recovery_key(&company), Err(RescueError::NotWrapped)));
        vault.seal_for_recovery(&key, &company.recipient()).unwrap();
        match vault.open_with_recovery_key(&Identity::generate()) {
            Err(RescueError::OtherKey(wanted)) => assert_eq!(wanted, company.recipient().fingerprint()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_recovery_key_takes_the_place_of_the_old_one_and_the_same_one_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        let key = Key::random().unwrap();
        let (old, new) = (Identity::generate(), Identity::generate());
        assert!(vault.seal_for_recovery(&key, &old.recipient()).unwrap());
        assert!(!vault.seal_for_recovery(&key, &old.recipient()).unwrap());
        assert!(vault.seal_for_recovery(&key, &new.recipient()).unwrap());
        assert_eq!(vault.recipient(), Some(new.recipient()));
        assert_eq!(vault.open_with_recovery_key(&new).unwrap(), key);
        assert!(vault.open_with_recovery_key(&old).is_err());
    }

    #[test]
    fn no_file_of_the_vault_holds_the_key_or_the_secret_half() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        let (key, company) = (Key::random().unwrap(), Identity::generate());
        vault.seal_for_recovery(&key, &company.recipient()).unwrap();
        let secret = company.to_file("Ash & Ember");
        let secret = secret.lines().last().unwrap();
        for (name, bytes) in files(folder.path()) {
            assert!(!bytes.windows(32).any(|window| window == key.bytes()), "{name}");
            assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{name}");
        }
        assert_eq!(Identity::parse(&company.to_file("Ash & Ember")).unwrap().recipient(), company.recipient());
    }
}
