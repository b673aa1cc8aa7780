use clara_contract::Empty;
use clara_contract::session::{Check, Session, Start, StartState, Unlock};

use super::profile::Folder;
use crate::app::Core;
use crate::error::{Error, Result};
use crate::field::day;
use crate::vault::{Vault, VaultError, make_private_folder};

/// What opens a demo where there is no keyring. It is no secret: there is nothing in a demo that is.
pub(super) const DEMO_PASSPHRASE: &str = "clara field demo";

impl Core {
    /// Opens what can be opened without asking, and says which screen comes first.
    pub(crate) fn start(&self, _request: Empty) -> Result<Start> {
        let _one_at_a_time = self.opening.lock();
        let state = match self.opened() {
            Some(_) => StartState::Open,
            None => self.open_quietly()?,
        };
        let open = self.opened();
        Ok(Start {
            state,
            session: open.as_ref().map(|open| self.refreshed(&open.session)),
            checks: self.checks(),
            suggested_device_name: device_name(),
            notice: open.and_then(|open| open.notice.clone()),
        })
    }

    fn open_quietly(&self) -> Result<StartState> {
        let folder = Folder::at(&self.options.profile);
        if let Some(profile) = folder.read()? {
            let vault = Vault::at(&folder.keys(), self.options.keyring);
            return match vault.open(None) {
                Ok(key) => self.open_profile(&folder, &profile, key).map(|_| StartState::Open),
                Err(VaultError::PassphraseNeeded) => Ok(StartState::Locked),
                Err(other) => Err(other.into()),
            };
        }
        let demo = folder.demo();
        if let Some(profile) = demo.read()? {
            let key = self.demo_key(&demo)?;
            return self.open_profile(&demo, &profile, key).map(|_| StartState::Open);
        }
        Ok(StartState::Fresh)
    }

    /// Opens a locked profile.
    pub(crate) fn unlock(&self, request: Unlock) -> Result<Session> {
        let _one_at_a_time = self.opening.lock();
        if let Some(open) = self.opened() {
            return Ok(self.refreshed(&open.session));
        }
        let folder = Folder::at(&self.options.profile);
        let profile = folder.read()?.ok_or(Error::NoProfile)?;
        let key = Vault::at(&folder.keys(), self.options.keyring).open(Some(&request.passphrase))?;
        let open = self.open_profile(&folder, &profile, key)?;
        Ok(self.refreshed(&open.session))
    }

    /// The session with today's date: an app stays open overnight.
    pub(super) fn refreshed(&self, session: &Session) -> Session {
        Session { today: day(self.date()), ..session.clone() }
    }

    fn checks(&self) -> Vec<Check> {
        let check = |key: &str, ok: bool, text: &str| Check { key: key.into(), ok, text: text.into() };
        let keyring = self.options.keyring.there();
        let writable = make_private_folder(&self.options.profile).is_ok();
        // A clock that stands before this program was made marks every save with a wrong day.
        let clock = self.date().format("%Y").to_string().as_str() >= "2026";
        vec![
            check("encryption", true, "Everything on this laptop is encrypted."),
            match keyring {
                true => check("keyring", true, "The key is kept in this laptop's keyring."),
                false => check("keyring", false, "This laptop has no keyring: the work opens with a passphrase."),
            },
            match writable {
                true => check("disk", true, "The disk takes new work."),
                false => check("disk", false, "The profile's folder cannot be written. Check its permissions."),
            },
            match clock {
                true => check("clock", true, "The clock is set."),
                false => check("clock", false, "The clock is years behind. Set it before you inspect."),
            },
        ]
    }
}

/// The name this laptop would get.
fn device_name() -> String {
    let named = ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let named = named.or_else(|| std::fs::read_to_string("/etc/hostname").ok()).unwrap_or_default();
    match named.trim() {
        "" => "Laptop".into(),
        name => name.into(),
    }
}
