//! A laptop whose access the office has ended. Its data key goes out of every place from which somebody at this laptop could
//! have it; sealed to the company's recovery key and under the server's lock key it stays. Nothing of the work is touched.
//!
//! The card is written first and counts from then on: whatever ends the program in between, the next start goes on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Card, Vault, VaultError, write_private};

/// `revoked.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revoked {
    version: u32,
    /// When the server said so, by the laptop's clock.
    pub(crate) at: DateTime<Utc>,
    /// The keyring's entry that still has to go.
    keyring_entry: Option<String>,
}

impl Vault {
    fn revoked_path(&self) -> std::path::PathBuf {
        self.card.with_file_name("revoked.json")
    }

    /// Since when this laptop is locked; none where it is not. A card that cannot be read locks all the same.
    pub(crate) fn revoked(&self) -> Option<Revoked> {
        let text = std::fs::read(self.revoked_path()).ok()?;
        let unreadable = || Revoked { version: 1, at: DateTime::UNIX_EPOCH, keyring_entry: None };
        Some(serde_json::from_slice(&text).unwrap_or_else(|_| unreadable()))
    }

    /// Takes the key away. False where nobody would have it afterwards: then nothing is changed.
    ///
    /// # Errors
    /// Where the card cannot be written; then nothing was changed.
    pub(crate) fn lock_away(&self, at: DateTime<Utc>) -> Result<bool, VaultError> {
        if self.revoked().is_some() {
            self.go_on_locking();
            return Ok(true);
        }
        let card = self.read()?;
        if !self.is_sealed_for_recovery(&card.key_id) {
            return Ok(false);
        }
        self.write_revoked(&Revoked { version: 1, at, keyring_entry: card.keyring_entry })?;
        self.go_on_locking();
        Ok(true)
    }

    /// Does what is left to do of a locking. A keyring that does not answer now is asked again at the next start.
    pub(crate) fn go_on_locking(&self) {
        let Some(mut revoked) = self.revoked() else { return };
        let emptied = self.read().and_then(|card| match (&card.sealed, &card.keyring_entry) {
            (None, None) => Ok(()),
            _ => {
                // A card that names an entry which the other one does not: an enrolment was cut short.
                if revoked.keyring_entry.is_none() && card.keyring_entry.is_some() {
                    revoked.keyring_entry.clone_from(&card.keyring_entry);
                    self.write_revoked(&revoked)?;
                }
                self.write(&Card { keyring_entry: None, sealed: None, ..card })
            }
        });
        if let Err(error) = emptied {
            tracing::warn!(%error, "the key's card could not be emptied");
        }
        if let Some(entry) = &revoked.keyring_entry
            && self.keyring.forget(entry)
        {
            let done = self.write_revoked(&Revoked { keyring_entry: None, ..revoked });
            if let Err(error) = done {
                tracing::warn!(%error, "it could not be noted that the keyring forgot the key");
            }
        }
    }

    /// The keyring forgets the key. Best effort: what it opens goes with it.
    pub(crate) fn forget_everywhere(&self) {
        if let Ok(Card { keyring_entry: Some(entry), .. }) = self.read()
            && !self.keyring.forget(&entry)
        {
            tracing::warn!("the keyring may still have the key of work that is no more");
        }
    }

    /// The work is this person's again. Last of all that opens it: until then a start locks it anew.
    pub(crate) fn end_revocation(&self) -> Result<(), VaultError> {
        let path = self.revoked_path();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(VaultError::File { path, source: error }),
            _ => Ok(()),
        }
    }

    fn write_revoked(&self, card: &Revoked) -> Result<(), VaultError> {
        let text = serde_json::to_vec_pretty(card).map_err(|_| VaultError::Cipher)?;
        let path = self.revoked_path();
        write_private(&path, &text).map_err(|source| VaultError::File { path, source })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rescue::Identity;
    use crate::vault::{Key, Keyring};

    #[test]
    fn a_key_that_nobody_else_has_is_not_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        let key = Key::random().unwrap();
        vault.keep(&key, Some("riser room 3")).unwrap();
        assert!(!vault.lock_away(Utc::now()).unwrap());
        // A recovery card of another data key opens this one as little.
        vault.seal_for_recovery(&Key::random().unwrap(), &Identity::generate().recipient()).unwrap();
        assert!(!vault.lock_away(Utc::now()).unwrap());
        assert_eq!(vault.open(Some("riser room 3")).unwrap(), key, "and it still opens");
    }

    #[test]
    fn a_locking_that_was_cut_short_anywhere_is_a_locking() {
        let (company, key) = (Identity::generate(), Key::random().unwrap());
        for emptied in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let vault = Vault::at(folder.path(), Keyring::Off);
            vault.keep(&key, Some("riser room 3")).unwrap();
            vault.seal_for_recovery(&key, &company.recipient()).unwrap();
            let card = std::fs::read(folder.path().join("data-key.json")).unwrap();
            assert!(vault.lock_away(Utc::now()).unwrap());
            if !emptied {
                // The kill came between the two cards.
                std::fs::write(folder.path().join("data-key.json"), card).unwrap();
            }
            assert!(matches!(vault.open(Some("riser room 3")), Err(VaultError::Revoked)), "emptied: {emptied}");
            vault.go_on_locking();
            let left = std::fs::read_to_string(folder.path().join("data-key.json")).unwrap();
            assert!(left.contains(&key.id()) && !left.contains("salt"), "nothing that a passphrase opens: {left}");
            assert_eq!(vault.open_with_recovery_key(&company).unwrap(), key);
        }
    }
}
