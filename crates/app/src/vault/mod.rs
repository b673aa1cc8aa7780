//! The data key: 32 random bytes that open mirror, spool and photos. It is kept in the system's keyring, or sealed by
//! a passphrase, or both, and sealed to the company's recovery key and under the server's lock key beside them; never as
//! plain text. Nothing in here deletes a key, whatever state it is found in: a key that cannot be read today may be all that
//! opens a technician's unsent work tomorrow. The one exception is [`revoked`], and it leaves two places.

mod disk;
mod keyring;
mod lock_key;
mod recovery;
mod revoked;
mod sealed;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub(crate) use disk::{make_private_folder, write_private};
pub use keyring::Keyring;
pub(crate) use sealed::{open_with_key, seal_with_key};

use sealed::Sealed;

/// The data key. Wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A new one from the system's randomness.
    ///
    /// # Errors
    /// Where the system has none to give.
    pub fn random() -> Result<Key, VaultError> {
        Ok(Key(Zeroizing::new(crate::clock::random::<32>()?)))
    }

    /// The bytes, for the store that they open.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn from_slice(bytes: &[u8]) -> Option<Key> {
        Some(Key(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// Says which key it is without saying what it is: tells a foreign keyring entry from ours.
    fn id(&self) -> String {
        let digest = Sha256::new().chain_update(b"clara data key id").chain_update(self.0.as_slice()).finalize();
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Why a key could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no keyring, and no passphrase was given to seal the key with.
    #[error("there is no keyring and no passphrase")]
    NoPlaceForKey,
    /// The key opens with a passphrase.
    #[error("a passphrase is needed")]
    PassphraseNeeded,
    /// Another passphrase sealed it.
    #[error("the passphrase does not open the key")]
    WrongPassphrase,
    /// A passphrase so short that it could be guessed.
    #[error("the passphrase is shorter than {MIN_PASSPHRASE} characters")]
    PassphraseTooShort,
    /// The keyring lost the key or holds another one, and no passphrase was set.
    #[error("the keyring does not have the key of this profile")]
    KeyringLostKey,
    /// The office has ended this laptop's access, and its key was taken away.
    #[error("this laptop was locked when its access ended")]
    Revoked,
    /// A key file cannot be understood. It is left as it is.
    #[error("the key file {0} cannot be understood")]
    Unreadable(PathBuf),
    /// A file of the vault cannot be read or written.
    #[error("the key file {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The system has no randomness to give.
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
    /// The cipher failed where it cannot.
    #[error("the cipher failed")]
    Cipher,
}

/// Fewest characters of a passphrase.
pub const MIN_PASSPHRASE: usize = 8;

/// Where a profile's key is kept, without the key.
#[derive(Debug, Serialize, Deserialize)]
struct Card {
    version: u32,
    key_id: String,
    /// The keyring entry's name; none where the key was never put into a keyring.
    keyring_entry: Option<String>,
    /// None where no passphrase was set.
    sealed: Option<Sealed>,
}

/// The keys of one profile.
#[derive(Debug)]
pub struct Vault {
    card: PathBuf,
    keyring: Keyring,
}

impl Vault {
    /// The vault in a folder.
    pub fn at(folder: &Path, keyring: Keyring) -> Vault {
        Vault { card: folder.join("data-key.json"), keyring }
    }

    /// Whether a key was ever kept here.
    pub fn exists(&self) -> bool {
        self.card.exists()
    }

    /// Which key it keeps.
    pub(crate) fn key_id(&self) -> Result<String, VaultError> {
        Ok(self.read()?.key_id)
    }

    /// Whether a passphrase opens it.
    ///
    /// # Errors
    /// Where the key's card cannot be read.
    pub fn has_passphrase(&self) -> Result<bool, VaultError> {
        Ok(self.read()?.sealed.is_some())
    }

    /// Keeps a key: in the keyring where there is one, sealed where a passphrase is given, and in one of them at least.
    ///
    /// # Errors
    /// [`VaultError::NoPlaceForKey`] where neither takes it; [`VaultError::PassphraseTooShort`].
    pub fn keep(&self, key: &Key, passphrase: Option<&str>) -> Result<(), VaultError> {
        let sealed = match passphrase {
            Some(passphrase) if passphrase.chars().count() < MIN_PASSPHRASE => {
                return Err(VaultError::PassphraseTooShort);
            }
            Some(passphrase) => Some(Sealed::seal(key, passphrase)?),
            None => None,
        };
        let entry = format!("data-key-{}", key.id());
        let keyring_entry = self.keyring.put(&entry, key.bytes()).then_some(entry);
        if keyring_entry.is_none() && sealed.is_none() {
            return Err(VaultError::NoPlaceForKey);
        }
        self.write(&Card { version: 1, key_id: key.id(), keyring_entry, sealed })
    }

    /// The key, from the keyring if it has it, else by the passphrase. A key opened by passphrase goes back into a
    /// keyring that had lost it; what the keyring holds in its place is set aside under another name.
    ///
    /// # Errors
    /// [`VaultError::PassphraseNeeded`] and [`VaultError::WrongPassphrase`] leave everything as it is.
    pub fn open(&self, passphrase: Option<&str>) -> Result<Key, VaultError> {
        if self.revoked().is_some() {
            return Err(VaultError::Revoked);
        }
        let card = self.read()?;
        if let (None, Some(entry)) = (passphrase, &card.keyring_entry)
            && let Some(bytes) = self.keyring.get(entry)
            && let Some(key) = Key::from_slice(&bytes)
            && key.id() == card.key_id
        {
            return Ok(key);
        }
        let Some(sealed) = &card.sealed else { return Err(VaultError::KeyringLostKey) };
        let key = sealed.open(passphrase.ok_or(VaultError::PassphraseNeeded)?)?;
        if let Some(entry) = &card.keyring_entry {
            self.put_back(entry, &key);
        }
        Ok(key)
    }

    /// A key of somebody else's under our name may be all that opens their work: it moves over, and only then is ours put
    /// in its place.
    fn put_back(&self, entry: &str, key: &Key) {
        if let Some(held) = self.keyring.get(entry) {
            if held.as_slice() == key.bytes() {
                return;
            }
            let digest: String = Sha256::digest(&held).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            if !self.keyring.put(&format!("{entry}-aside-{digest}"), &held) {
                return;
            }
            tracing::warn!("the keyring held another key under this profile's name: it was set aside");
        }
        self.keyring.put(entry, key.bytes());
    }

    fn write(&self, card: &Card) -> Result<(), VaultError> {
        let text = serde_json::to_vec_pretty(card).map_err(|_| VaultError::Cipher)?;
        write_private(&self.card, &text).map_err(|source| VaultError::File { path: self.card.clone(), source })
    }

    fn read(&self) -> Result<Card, VaultError> {
        let text = std::fs::read(&self.card).map_err(|source| VaultError::File { path: self.card.clone(), source })?;
        serde_json::from_slice(&text).map_err(|_| VaultError::Unreadable(self.card.clone()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_comes_back_by_its_passphrase_and_by_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        let key = Key::random().unwrap();
        vault.keep(&key, Some("riser room 3")).unwrap();

        assert!(matches!(vault.open(None), Err(VaultError::PassphraseNeeded)));
        assert!(matches!(vault.open(Some("riser room 4")), Err(VaultError::WrongPassphrase)));
        assert_eq!(vault.open(Some("riser room 3")).unwrap(), key);
    }

    #[test]
    fn a_key_with_nowhere_to_go_is_refused_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        let key = Key::random().unwrap();
        assert!(matches!(vault.keep(&key, None), Err(VaultError::NoPlaceForKey)));
        assert!(matches!(vault.keep(&key, Some("short")), Err(VaultError::PassphraseTooShort)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn no_file_of_the_vault_holds_the_key_in_any_spelling() {
        use base64::Engine as _;
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        let key = Key::random().unwrap();
        vault.keep(&key, Some("riser room 3")).unwrap();
        let hex: String = key.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = base64::engine::general_purpose::STANDARD.encode(key.bytes());
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(&hex) && !text.contains(&base64) && !text.contains("riser room"));
            assert!(!bytes.windows(32).any(|window| window == key.bytes()));
        }
    }

    #[test]
    fn a_damaged_key_file_is_said_to_be_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        vault.keep(&Key::random().unwrap(), Some("riser room 3")).unwrap();
        let path = folder.path().join("data-key.json");
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 1, whole.len() / 2] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(matches!(vault.open(Some("riser room 3")), Err(VaultError::Unreadable(_))));
            assert_eq!(std::fs::read(&path).unwrap(), whole[..cut], "left as found");
        }
    }

    #[test]
    fn a_key_file_that_asks_for_absurd_memory_is_refused_before_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::at(folder.path(), Keyring::Off);
        vault.keep(&Key::random().unwrap(), Some("riser room 3")).unwrap();
        let path = folder.path().join("data-key.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut card: serde_json::Value = serde_json::from_str(&text).unwrap();
        card["sealed"]["memory_kib"] = 4_000_000_000_u32.into();
        std::fs::write(&path, card.to_string()).unwrap();
        assert!(matches!(vault.open(Some("riser room 3")), Err(VaultError::Cipher)));
    }
}
