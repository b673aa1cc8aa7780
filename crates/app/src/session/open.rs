//! Opening a profile whose key is at hand.

use std::sync::Arc;

use clara_central::{PgCentral, Secret, Server};
use clara_contract::session::Session;
use clara_local::{DataKey, Mirror, OpenReport};

use super::profile::{Folder, Profile, ServerAddress};
use crate::app::Core;
use crate::app::Open;
use crate::error::{Error, Result};
use crate::field::day;
use crate::sync::runner::Runner;
use crate::vault::{Key, open_with_key};

/// What the sealed password is bound to.
pub(super) const LOGIN: &str = "clara login 1";

impl Core {
    /// Opens the mirror and starts what runs beside it.
    pub(super) fn open_profile(&self, folder: &Folder, profile: &Profile, key: Key) -> Result<Arc<Open>> {
        let opened = Mirror::open(&folder.mirror(), &DataKey::from_bytes(*key.bytes()), self.now())?;
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
        let runner = match &profile.server {
            Some(address) => {
                let central = PgCentral::new(self.server(folder, address, &key)?);
                Some(Runner::start(opened.mirror.clone(), central, self.options.clone(), self.events.clone())?)
            }
            None => None,
        };
        let notice = notice(&opened.report);
        Ok(self.set_open(Open::new(session, opened.mirror, key, notice, runner, self.events.clone())))
    }

    fn server(&self, folder: &Folder, address: &ServerAddress, key: &Key) -> Result<Server> {
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
