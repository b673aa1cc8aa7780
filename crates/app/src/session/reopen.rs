//! A new enrolment of a laptop that was locked when its access ended.

use clara_contract::session::Session;

use super::enroll::{Ask, keep_password, password_in};
use super::profile::Folder;
use crate::app::Core;
use crate::error::{Error, Result};
use crate::vault::{Key, Vault, VaultError};

/// Beside the other keys: what the enrolment needs before the data key can be had.
const STAGE: &str = "reopening";
/// Work of before that did not open again.
const LOCKED: &str = "locked";

impl Core {
    /// With the server's lock key the work comes back as it was. Without one (a server of yesterday, another server) it
    /// begins anew, and the old work is set aside as it is: the company's recovery key opens it.
    ///
    /// Cut short at any point, it can be done again with the same file. The card that locks goes last.
    pub(super) fn reopen(&self, folder: &Folder, ask: &Ask<'_>) -> Result<Session> {
        let vault = Vault::at(&folder.keys(), self.options.keyring);
        vault.go_on_locking();
        let stage = folder.keys().join(STAGE);
        let staged = Vault::at(&stage, self.options.keyring);
        let stage_key = match staged.exists() {
            true => match staged.open(None) {
                Err(VaultError::PassphraseNeeded) => staged.open(ask.passphrase)?,
                other => other?,
            },
            false => {
                let key = Key::random()?;
                staged.keep(&key, ask.passphrase)?;
                key
            }
        };
        let password = password_in(&stage.join("login.sealed"), &stage_key)?;
        let contact = self.contact(ask.enrolment, password.clone(), vault.locked_for())?;
        let known = contact.lock_key.and_then(|lock_key| vault.open_with_lock_key(&lock_key));
        let comes_back = known.is_some();
        let key = match known {
            Some(key) => key,
            None => {
                set_aside(folder, &vault)?;
                stage_key
            }
        };
        vault.keep(&key, ask.passphrase)?;
        keep_password(&folder.login(), &key, &password)?;
        if let Some(recipient) = &ask.enrolment.recovery_recipient {
            crate::rescue::learn(&vault, &key, recipient);
        }
        let profile = self.settle(folder, ask, contact, &key)?;
        folder.write(&profile)?;
        vault.end_revocation()?;
        if comes_back {
            staged.forget_everywhere();
        }
        if let Err(error) = std::fs::remove_dir_all(&stage)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "what the enrolment needed in between was not removed");
        }
        let open = self.open_profile(folder, &profile, key)?;
        Ok(self.refreshed(&open))
    }
}

/// Keys, mirror and card under a name of their own, each time the same: a second try goes on with what the first one moved.
fn set_aside(folder: &Folder, vault: &Vault) -> Result<()> {
    let failed = |error| Error::File("locked work", error);
    let aside = Folder::at(&folder.root().join(LOCKED).join(vault.key_id()?));
    std::fs::create_dir_all(aside.root()).map_err(failed)?;
    if let Some(card) = folder.read()? {
        aside.write(&card)?;
    }
    for (from, to) in [(folder.mirror(), aside.mirror()), (folder.keys(), aside.keys())] {
        match std::fs::rename(from, to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(())
}
