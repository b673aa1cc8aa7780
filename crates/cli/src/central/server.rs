//! Which server, and as whom.

use std::path::{Path, PathBuf};

use clara_central::{Floor, Secret, Server};
use serde::Deserialize;

use crate::arguments::ServerAt;
use crate::error::Error;
use crate::{profile, secret};

/// A server file: all that is no secret.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerFile {
    host: Option<String>,
    port: Option<u16>,
    database: Option<String>,
    user: Option<String>,
    /// Relative to the server file.
    ca_file: Option<PathBuf>,
}

pub(crate) fn of(asked: &ServerAt) -> Result<Server, Error> {
    let (file, beside) = match &asked.server_file {
        Some(path) => {
            let file: ServerFile = serde_json::from_str(&profile::read(path)?)
                .map_err(|error| Error::Given(format!("{} is no server file: {error}.", path.display())))?;
            (file, path.parent().map(Path::to_owned).unwrap_or_default())
        }
        None => (ServerFile::default(), PathBuf::new()),
    };
    let missing = |what: &str| Error::Given(format!("Which {what}? Give --{what} or a server file."));
    let ca = asked.ca.clone().or_else(|| file.ca_file.map(|ca| beside.join(ca)));
    let ca = ca.ok_or_else(|| missing("ca"))?;
    let user = asked.user.clone().or(file.user).ok_or_else(|| missing("user"))?;
    let password = secret::ask("CLARA_CENTRAL_PASSWORD", &format!("Password of {user}"))
        .ok_or_else(|| Error::Given("No password. Set CLARA_CENTRAL_PASSWORD or type it.".into()))?;
    Ok(Server {
        host: asked.host.clone().or(file.host).ok_or_else(|| missing("host"))?,
        port: asked.port.or(file.port).unwrap_or(5432),
        database: asked.database.clone().or(file.database).unwrap_or_else(|| "clara".into()),
        ca_pem: profile::read(&ca)?,
        role: user,
        password: Secret::new(password),
        floor: if asked.any_postgres.is_some() { Floor::AnyOnLoopback } else { Floor::Safe },
    })
}
