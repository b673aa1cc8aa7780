//! A cluster comes into being, or is opened again.

use std::fs;
use std::path::Path;

use crate::access::Access;
use crate::account::Account;
use crate::authority::{Authority, Validity};
use crate::binaries::{self, Binaries};
use crate::error::{Error, Result};
use crate::folder::{self, give, remove_folder, write_secret};
use crate::port;
use crate::server::{ClusterOptions, DATA};

/// The administrator's role.
const ADMIN: &str = "clara_admin_boot";
/// The name the certificate states.
const HOST: &str = "localhost";

/// The programs of the release that the cluster in the folder belongs to.
pub(crate) fn release_of(folder: &Path, version: &Path) -> Result<Binaries> {
    let found = fs::read_to_string(version).map_err(Error::file("cannot read", version))?.trim().to_owned();
    Binaries::find(Some(&found)).ok_or_else(|| Error::OtherRelease { folder: folder.to_owned(), found })
}

/// Opens the cluster that is in the folder already.
pub(crate) fn reopen(
    folder: &Path,
    options: &ClusterOptions,
    account: Account,
    binaries: &Binaries,
    notes: &mut Vec<String>,
) -> Result<Access> {
    let data = folder.join(DATA);
    // We hold the lock, so a server that still runs here has lost the process it belonged to.
    let status = account.command(&binaries.program("pg_ctl"), folder).arg("status").arg("-D").arg(&data).output();
    if status.map_err(Error::system("cannot run pg_ctl"))?.status.success() {
        binaries::finish(
            "pg_ctl",
            account
                .command(&binaries.program("pg_ctl"), folder)
                .args(["stop", "-m", "fast", "-w", "-t", "60", "-D"])
                .arg(&data),
        )?;
    }
    let mut access = Access::read(folder)?;
    access.programs = binaries.folder.clone();
    let port = options.port.unwrap_or(access.port);
    if options.port.is_none() && !port::is_free(port) {
        access.port = port::free()?;
        notes.push(format!("port {port} is taken by another program; the cluster listens on port {} now", access.port));
    } else {
        access.port = port;
    }
    Ok(access)
}

/// Makes a new cluster. Its data folder gets its final name last: one that was broken off half-way is made anew.
pub(crate) fn create(folder: &Path, options: &ClusterOptions, account: Account, binaries: &Binaries) -> Result<Access> {
    let new = folder.join("pgdata.new");
    remove_folder(&new)?;
    fs::create_dir(&new).map_err(Error::file("cannot make", &new))?;
    account.own(&new)?;
    let password = random_password()?;
    let password_file = folder.join("password");
    write_secret(&password_file, password.as_bytes())?;
    account.own(&password_file)?;
    let made = init(binaries, account, folder, &new, &password_file, options.keep);
    folder::remove_file(&password_file)?;
    made?;

    let authority = Authority::new()?;
    let issued = authority.server(&[HOST], Validity::Valid)?;
    for (name, text) in [("server.crt", &issued.certificate_pem), ("server.key", &issued.key_pem)] {
        give(account, &new.join(name), text)?;
    }
    let ca_file = folder.join("ca.pem");
    fs::write(&ca_file, authority.pem()).map_err(Error::file("cannot write", &ca_file))?;
    let access = Access {
        host: HOST.into(),
        port: match options.port {
            Some(port) => port,
            None => port::free()?,
        },
        ca_pem: authority.pem().into(),
        ca_file,
        admin_user: ADMIN.into(),
        admin_password: password,
        programs: binaries.folder.clone(),
    };
    access.write(folder)?;
    fs::rename(&new, folder.join(DATA)).map_err(Error::file("cannot move", &new))?;
    Ok(access)
}

fn init(
    binaries: &Binaries,
    account: Account,
    folder: &Path,
    data: &Path,
    password_file: &Path,
    durable: bool,
) -> Result<()> {
    let mut command = account.command(&binaries.program("initdb"), folder);
    command.arg("--pgdata").arg(data).arg("--pwfile").arg(password_file).args([
        "--username",
        ADMIN,
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--auth-local=reject",
        "--auth-host=scram-sha-256",
        "--no-instructions",
    ]);
    if !durable {
        command.arg("--no-sync");
    }
    binaries::finish("initdb", &mut command).map(drop)
}

fn random_password() -> Result<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|e| Error::System("no random bytes", std::io::Error::other(e.to_string())))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
