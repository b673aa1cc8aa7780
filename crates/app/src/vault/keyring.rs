//! The system's keyring: Secret Service, Keychain, Credential Manager.

use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const SERVICE: &str = "clara-field";
/// A locked keyring asks its person; a dead one never answers. After this the passphrase is asked for instead.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyring {
    /// The system's.
    System,
    /// None: a passphrase is asked for. For machines without a desktop session.
    Off,
}

impl Keyring {
    /// As the environment variable `CLARA_KEYRING` says: `off`, or the system's.
    pub fn from_environment() -> Keyring {
        match std::env::var("CLARA_KEYRING") {
            Ok(word) if word.eq_ignore_ascii_case("off") => Keyring::Off,
            _ => Keyring::System,
        }
    }

    /// Whether there is one that answers.
    pub(crate) fn there(self) -> bool {
        self == Keyring::System && patiently(|| keyring::Entry::store_status().is_ok()).unwrap_or(false)
    }

    /// Puts a secret in and reads it back; false where the keyring did not take it.
    pub(super) fn put(self, entry: &str, secret: &[u8]) -> bool {
        if self == Keyring::Off {
            return false;
        }
        let (entry, text) = (entry.to_owned(), Zeroizing::new(STANDARD.encode(secret)));
        patiently(move || {
            let Ok(entry) = keyring::Entry::new(SERVICE, &entry) else { return false };
            entry.set_password(&text).is_ok()
                && entry.get_password().is_ok_and(|back| Zeroizing::new(back).as_str() == text.as_str())
        })
        .unwrap_or(false)
    }

    /// A secret, if the keyring has it and gives it.
    pub(super) fn get(self, entry: &str) -> Option<Zeroizing<Vec<u8>>> {
        if self == Keyring::Off {
            return None;
        }
        let entry = entry.to_owned();
        let text =
            patiently(move || keyring::Entry::new(SERVICE, &entry).ok()?.get_password().ok().map(Zeroizing::new))
                .flatten()?;
        STANDARD.decode(text.as_bytes()).ok().map(Zeroizing::new)
    }
}

impl Keyring {
    /// Takes a secret out; false where the keyring may still have it.
    pub(super) fn forget(self, entry: &str) -> bool {
        if self == Keyring::Off {
            return false;
        }
        let entry = entry.to_owned();
        patiently(move || match keyring::Entry::new(SERVICE, &entry).and_then(|entry| entry.delete_credential()) {
            Ok(()) | Err(keyring::Error::NoEntry) => true,
            Err(_) => false,
        })
        .unwrap_or(false)
    }
}

/// Runs on a thread of its own: the Secret Service client blocks, and deadlocks on a thread that drives tasks.
fn patiently<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, wait) = mpsc::channel();
    std::thread::Builder::new()
        .name("keyring".into())
        .spawn(move || {
            let _nobody_waits = answer.send(ask());
        })
        .ok()?;
    wait.recv_timeout(PATIENCE).ok()
}
