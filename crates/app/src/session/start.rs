use clara_contract::Empty;
use clara_contract::session::{Check, CloseWindow, LockedAway, Session, Start, StartState, Unlock};
use clara_domain::mirror::Entity;

use super::profile::Folder;
use crate::app::{Core, Open};
use crate::error::{Error, Result};
use crate::field::{day, stamp};
use crate::rescue::kept;
use crate::vault::{Vault, VaultError, make_private_folder};

/// What opens a demo where there is no keyring. It is no secret: there is nothing in a demo that is.
pub(super) const DEMO_PASSPHRASE: &str = "clara field demo";

impl Core {
    /// Opens what can be opened without asking, and says which screen comes first.
    pub(crate) fn start(&self, _request: Empty) -> Result<Start> {
        let _one_at_a_time = self.opening.lock();
        let state = match self.opened() {
            Some(_) => StartState::Open,
            None if self.signed_out().is_some() => StartState::SignedOut,
            None if self.locked() => StartState::Locked,
            None => self.open_quietly()?,
        };
        self.found(state)
    }

    /// What the first screen needs to know.
    pub(super) fn found(&self, state: StartState) -> Result<Start> {
        let open = self.opened();
        let folder = Folder::at(&self.options.profile);
        let vault = Vault::at(&folder.keys(), self.options.keyring);
        let profile = folder.read()?;
        let revoked = profile.as_ref().zip(vault.revoked()).filter(|_| state == StartState::Revoked);
        Ok(Start {
            revoked: revoked.map(|(profile, revoked)| LockedAway {
                at: stamp(revoked.at),
                full_name: profile.full_name.clone(),
                pack: kept(folder.root()).into_iter().next(),
                comes_back: vault.locked_for().is_some(),
            }),
            signed_out: self.signed_out(),
            state,
            session: open.as_ref().map(|open| self.refreshed(open)),
            checks: self.checks(),
            suggested_device_name: device_name(),
            passphrase: profile.is_some() && vault.has_passphrase().unwrap_or(true),
            notice: open.as_ref().and_then(|open| open.notice.clone()),
        })
    }

    fn open_quietly(&self) -> Result<StartState> {
        let folder = Folder::at(&self.options.profile);
        self.go_on_leaving(&folder)?;
        self.go_on_leaving(&folder.demo())?;
        if let Some(profile) = folder.read()? {
            let vault = Vault::at(&folder.keys(), self.options.keyring);
            return match vault.open(None) {
                Ok(key) => self.open_profile(&folder, &profile, key).map(|_| StartState::Open),
                Err(VaultError::PassphraseNeeded) => Ok(StartState::Locked),
                Err(VaultError::Revoked) => {
                    vault.go_on_locking();
                    Ok(StartState::Revoked)
                }
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
            return Ok(self.refreshed(&open));
        }
        let folder = Folder::at(&self.options.profile);
        let open = match (folder.read()?, folder.demo().read()?) {
            (Some(profile), _) => {
                let vault = Vault::at(&folder.keys(), self.options.keyring);
                // A passphrase that was set is asked for, even where the keyring would do without.
                let key = match request.passphrase.as_str() {
                    "" if vault.has_passphrase()? => return Err(VaultError::PassphraseNeeded.into()),
                    "" => vault.open(None)?,
                    passphrase => vault.open(Some(passphrase))?,
                };
                self.stay(&folder)?;
                self.open_profile(&folder, &profile, key)?
            }
            (None, Some(profile)) => {
                let demo = folder.demo();
                let key = self.demo_key(&demo)?;
                self.stay(&demo)?;
                self.open_profile(&demo, &profile, key)?
            }
            (None, None) => return Err(Error::NoProfile),
        };
        Ok(self.refreshed(&open))
    }

    /// Closes the work and forgets its key. Nothing that is saved is touched, and nothing goes out until it is open again.
    pub(crate) fn lock(&self, _request: Empty) -> Result<Start> {
        let _one_at_a_time = self.opening.lock();
        if self.opened().is_none() && !self.locked() {
            return Err(Error::NoProfile);
        }
        self.set_locked();
        self.close_whole();
        self.found(StartState::Locked)
    }

    /// The page's answer when its window is to be closed.
    pub(crate) fn close_window(&self, request: CloseWindow) -> Result<Empty> {
        self.tell_closer(request.close);
        Ok(Empty {})
    }

    /// The session as it is now: an app stays open overnight, and a sync may bring another name or role.
    pub(crate) fn refreshed(&self, open: &Open) -> Session {
        let person = open.read(|view| view.get(Entity::Users, open.session.user_id.uuid()));
        let named = person.ok().flatten().and_then(|person| person.text("full_name"));
        Session {
            today: day(self.date()),
            role: open.role(),
            full_name: named.unwrap_or_else(|| open.session.full_name.clone()),
            ..open.session.clone()
        }
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
