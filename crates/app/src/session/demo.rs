use clara_contract::Empty;
use clara_contract::session::Session;
use clara_domain::category::Role;
use clara_domain::mirror::{Entity, TABLES};
use clara_domain::{DeviceId, UserId};
use clara_local::{DataKey, Mirror, Profile as LocalProfile};
use clara_sync::{Cursor, Replica, SyncError};

use super::profile::{Folder, Profile};
use super::start::DEMO_PASSPHRASE;
use crate::app::Core;
use crate::clock::new_id;
use crate::error::{Error, Result, Rule};
use crate::photos::intake::thumbnail;
use crate::vault::{Key, Vault, VaultError};

impl Core {
    /// The demo company, in a mirror with no server behind it. What is done in it stays until the folder is removed.
    pub(crate) fn try_demo(&self, _request: Empty) -> Result<Session> {
        let _one_at_a_time = self.opening.lock();
        if let Some(open) = self.opened() {
            return match open.session.demo {
                true => Ok(self.refreshed(&open)),
                false => Err(Error::NotAllowed(Rule::AlreadyEnrolled)),
            };
        }
        let work = Folder::at(&self.options.profile);
        self.go_on_leaving(&work)?;
        let folder = work.demo();
        self.go_on_leaving(&folder)?;
        let profile = match folder.read()? {
            Some(profile) => profile,
            None => self.make_demo(&folder)?,
        };
        let open = self.open_profile(&folder, &profile, self.demo_key(&folder)?)?;
        Ok(self.refreshed(&open))
    }

    pub(super) fn demo_key(&self, folder: &Folder) -> Result<Key> {
        let vault = Vault::at(&folder.keys(), self.options.keyring);
        match vault.open(None) {
            Err(VaultError::PassphraseNeeded) => Ok(vault.open(Some(DEMO_PASSPHRASE))?),
            other => Ok(other?),
        }
    }

    fn make_demo(&self, folder: &Folder) -> Result<Profile> {
        let (zone, today) = (self.options.clock.offset(), self.date());
        let (company, pictures) = (clara_demo::company_in(zone, today), clara_demo::pictures_in(zone, today));
        let person = company
            .people
            .iter()
            .find(|person| person.role == Role::Technician)
            .ok_or(Error::Bug("a demo without technicians"))?;
        let vault = Vault::at(&folder.keys(), self.options.keyring);
        let key = match vault.exists() {
            // A demo that was cut short while it was made: go on with its key.
            true => self.demo_key(folder)?,
            false => {
                let key = Key::random()?;
                vault.keep(&key, Some(DEMO_PASSPHRASE))?;
                key
            }
        };
        let profile = Profile {
            version: 1,
            user_id: UserId(person.user_id),
            full_name: person.full_name.clone(),
            role: person.role,
            device_id: DeviceId(new_id()),
            device_name: "Demo".into(),
            company: clara_demo::COMPANY.into(),
            server: None,
        };
        let opened = Mirror::open(&folder.mirror(), &DataKey::from_bytes(*key.bytes()), self.now())?;
        let mut mirror = opened.mirror;
        mirror.write(self.now(), |write| {
            write.enroll(LocalProfile {
                device: profile.device_id,
                user: profile.user_id,
                role: profile.role.word().into(),
            })
        })?;
        // The demo's rows come in the way a server's do: as a first sync from a snapshot in which nothing runs.
        let filled = (|| {
            let snapshot: Cursor = "1:1:".parse().map_err(|_| clara_sync::ReplicaError::Other("no cursor".into()))?;
            mirror.begin_first_sync(&snapshot)?;
            for table in TABLES {
                let rows = company.rows.iter().find(|(entity, _)| *entity == table.entity);
                let mut rows = rows.map(|(_, rows)| rows.clone()).unwrap_or_default();
                if table.entity == Entity::Photos {
                    rows.extend(pictures.iter().map(|picture| picture.row.clone()));
                }
                mirror.apply_page(table.entity, &rows, true)?;
            }
            mirror.end_first_sync()
        })();
        filled.map_err(|error| Error::Sync(SyncError::Replica(error)))?;
        mirror.write(self.now(), |write| {
            for picture in &pictures {
                write.keep_photo(picture.row.id.into(), &picture.bytes, &thumbnail(&picture.bytes)?)?;
            }
            Ok::<_, Error>(())
        })?;
        folder.write(&profile)?;
        Ok(profile)
    }
}
