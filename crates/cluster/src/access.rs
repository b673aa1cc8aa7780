//! How to reach a private cluster, kept beside it so that another process can.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::folder;

const FILE: &str = "access.json";

/// Address, certificate and administrator's login of a private cluster.
#[derive(Clone, Serialize, Deserialize)]
pub struct Access {
    /// The name that the server's certificate states.
    pub host: String,
    /// TCP port on the loopback interface.
    pub port: u16,
    /// The authority to verify the server against, as PEM.
    pub ca_pem: String,
    /// The same in a file, for `sslrootcert`.
    pub ca_file: PathBuf,
    /// A superuser of this cluster.
    pub admin_user: String,
    /// That user's password.
    pub admin_password: String,
    /// Where psql and the server programs are.
    pub programs: PathBuf,
}

impl Access {
    /// Reads the access to the cluster that some process keeps running in `folder`.
    pub fn read(folder: &Path) -> Result<Access> {
        let file = folder::resolve(folder)?.path.join(FILE);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(Error::NoCluster(folder.to_owned())),
            Err(e) => return Err(Error::file("cannot read", &file)(e)),
        };
        serde_json::from_slice(&text).map_err(|e| Error::file("cannot understand", &file)(e.into()))
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let file = folder.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::file("cannot write", &file)(e.into()))?;
        folder::write_secret(&file, &text)
    }

    /// Runs SQL as the administrator through psql, over verified TLS, statement by statement; returns unaligned rows
    /// without headings.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String> {
        self.psql_as(&self.admin_user, &self.admin_password, database, sql)
    }

    /// The same as another role.
    pub fn psql_as(&self, role: &str, password: &str, database: &str, sql: &str) -> Result<String> {
        crate::binaries::psql(self, role, password, database, sql)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("admin_user", &self.admin_user)
            .finish_non_exhaustive()
    }
}
