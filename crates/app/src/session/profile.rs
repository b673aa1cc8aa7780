//! The folder of one profile: who uses it and which server it belongs to. No secret is in it.
//!
//! ```text
//! profile.json   who, which laptop, which server; no secret
//! keys/          the data key, wrapped two or three ways; the login's password, sealed under the data key
//! mirror/        database, spool, photos: all encrypted
//! demo/          the same for the demo, which never touches the above
//! ```

use std::path::{Path, PathBuf};

use clara_domain::category::Role;
use clara_domain::{DeviceId, UserId};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::vault::write_private;

/// What `profile.json` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) version: u32,
    pub(crate) user_id: UserId,
    pub(crate) full_name: String,
    pub(crate) role: Role,
    pub(crate) device_id: DeviceId,
    pub(crate) device_name: String,
    pub(crate) company: String,
    /// None in the demo.
    pub(crate) server: Option<ServerAddress>,
}

/// Where the server is and how it proves itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServerAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) ca_pem: String,
    pub(crate) login: String,
}

/// Paths of a profile.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn at(path: &Path) -> Folder {
        Folder(path.to_owned())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    pub(crate) fn demo(&self) -> Folder {
        Folder(self.0.join("demo"))
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    pub(crate) fn mirror(&self) -> PathBuf {
        self.0.join("mirror")
    }

    pub(crate) fn login(&self) -> PathBuf {
        self.keys().join("login.sealed")
    }

    fn card(&self) -> PathBuf {
        self.0.join("profile.json")
    }

    /// None where nobody was ever enrolled here.
    pub(crate) fn read(&self) -> Result<Option<Profile>> {
        match std::fs::read(self.card()) {
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(profile) => Ok(Some(profile)),
                Err(_) => Err(Error::File("profile", std::io::ErrorKind::InvalidData.into())),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::File("profile", error)),
        }
    }

    /// Written last: a profile whose card is there is whole.
    pub(crate) fn write(&self, profile: &Profile) -> Result<()> {
        let text = serde_json::to_vec_pretty(profile).map_err(|_| Error::Bug("a profile that cannot be written"))?;
        write_private(&self.card(), &text).map_err(|error| Error::File("profile", error))
    }
}
