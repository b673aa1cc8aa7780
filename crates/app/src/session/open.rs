//! Opening a profile whose key is at hand.

use std::sync::Arc;

use clara_central::{PgCentral, Secret, Server};
use clara_contract::session::Session;
use clara_local::OpenReport;

use super::profile::{Folder, Profile, ServerAddress};
use crate::app::Core;
use crate::app::Open;
use crate::backups::upkeep::upkeep;
use crate::error::{Error, Result};
use crate::field::day;
use crate::rescue::{Maker, before_update};
use crate::sync::runner::Runner;
use crate::vault::{Key, Vault, open_with_key};

/// What the sealed password is bound to.
pub(super) const LOGIN: &str = "clara login 1";

impl Core {
    /// Opens the mirror and starts what runs beside it.
    pub(crate) fn open_profile(&self, folder: &Folder, profile: &Profile, key: Key) -> Result<Arc<Open>> {
        let vault = Vault::at(&folder.keys(), self.options.keyring);
        let opened = before_update(folder, profile, &vault, &key, self.now())?;
        let session = Session {
            user_id: profile.user_id,
            full_name: profile.full_name.clone(),
            role: profile.role,
            device_id: profile.device_id,
            device_name: profile.device_name.clone(),
            company: profile.company.clone(),
            demo: profile.server.is_none(),
            today: day(self.date()),
        };
        let maker = profile.server.is_some().then(|| {
            Arc::new(Maker {
                folder: folder.root().to_owned(),
                profile: profile.clone(),
                vault,
                key: key.clone(),
                mirror: opened.mirror.clone(),
                clock: self.options.clock.clone(),
            })
        });
        let runner = match &profile.server {
            Some(address) => {
                let central = PgCentral::new(self.server(folder, address, &key)?);
                let (options, events) = (self.options.clone(), self.events.clone());
                let slot = Arc::downgrade(&self.slot);
                Some(Runner::start(opened.mirror.clone(), central, options, events, maker.clone(), slot)?)
            }
            None => None,
        };
        let notice = notice(&opened.report);
        let alone = runner.is_none();
        let open = self.set_open(Open::new(session, opened.mirror, key, notice, runner, maker, self.events.clone()));
        if alone && self.options.background {
            // Without a server there is no sync thread that would do it.
            let (open, now) = (open.clone(), self.now());
            let started = std::thread::Builder::new().name("upkeep".into()).spawn(move || upkeep(&open.mirror, now));
            started.map_err(|error| Error::File("thread", error))?;
        }
        Ok(open)
    }

    /// The folder and the card of the profile that is open.
    pub(crate) fn current(&self, open: &Open) -> Result<(Folder, Profile)> {
        let folder = Folder::at(&self.options.profile);
        let folder = if open.session.demo { folder.demo() } else { folder };
        let profile = folder.read()?.ok_or(Error::NoProfile)?;
        Ok((folder, profile))
    }

    pub(crate) fn server(&self, folder: &Folder, address: &ServerAddress, key: &Key) -> Result<Server> {
        let sealed = std::fs::read(folder.login()).map_err(|error| Error::File("login", error))?;
        let password = open_with_key(key, LOGIN, &sealed)
            .and_then(|password| String::from_utf8(password.to_vec()).ok())
            .ok_or_else(|| Error::File("login", std::io::ErrorKind::InvalidData.into()))?;
        Ok(Server {
            host: address.host.clone(),
            port: address.port,
            database: address.database.clone(),
            ca_pem: address.ca_pem.clone(),
            role: address.login.clone(),
            password: Secret::new(password),
            floor: self.options.floor,
        })
    }
}

/// What a person is told of an opening that was not ordinary.
fn notice(report: &OpenReport) -> Option<String> {
    let rebuilt = report.rebuilt.as_ref()?;
    Some(format!(
        "The store on this laptop was damaged. It was kept aside and rebuilt: {} saved changes and {} drafts were brought \
         back. The rest comes down from the server again.",
        rebuilt.operations, rebuilt.drafts
    ))
}
