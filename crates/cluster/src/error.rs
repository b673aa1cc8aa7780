//! What can go wrong, each with what to do about it.

use std::path::{Path, PathBuf};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a private cluster, its pooler or its line could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No PostgreSQL server programs.
    #[error(
        "no PostgreSQL server found (looked in {looked_in}); install it, on Debian and Ubuntu with: apt-get install postgresql"
    )]
    NoServer {
        /// The folders that were searched.
        looked_in: String,
    },
    /// No pgbouncer program.
    #[error("no pgbouncer found; install it, on Debian and Ubuntu with: apt-get install pgbouncer")]
    NoPooler,
    /// Root, and no other account to hand the server to.
    #[error("PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor a user `nobody`")]
    NoAccount,
    /// The folder belongs to a cluster of another PostgreSQL release.
    #[error(
        "{} holds a cluster of PostgreSQL {found}, and that release is not installed; install it, or remove the folder to begin anew", folder.display()
    )]
    OtherRelease {
        /// The cluster's folder.
        folder: PathBuf,
        /// Its major release.
        found: String,
    },
    /// Another process runs this cluster.
    #[error("the private cluster in {} is in use by another process; stop that one first", .0.display())]
    InUse(PathBuf),
    /// A folder that is not ours to use.
    #[error("{} belongs to somebody else; remove it, or name another folder", .0.display())]
    NotOurs(PathBuf),
    /// Nothing to reopen or to put back.
    #[error("{} holds no private cluster", .0.display())]
    NoCluster(PathBuf),
    /// A program ended badly.
    #[error("{program} failed ({status}): {said}")]
    Program {
        /// Its name.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        said: String,
    },
    /// A server did not come up, or did not go down, in time.
    #[error("{program} did not {what} within {seconds} s: {said}")]
    Late {
        /// Its name.
        program: String,
        /// What was waited for.
        what: &'static str,
        /// For how long.
        seconds: u64,
        /// The end of its log.
        said: String,
    },
    /// Every port that was tried is taken.
    #[error("no free port on the loopback interface")]
    NoPort,
    /// A certificate could not be made.
    #[error("the certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// A file or folder.
    #[error("{what} {}", path.display())]
    File {
        /// What was being done.
        what: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program or a socket.
    #[error("{0}")]
    System(&'static str, #[source] std::io::Error),
}

impl Error {
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { what, path, source }
    }

    pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
        move |source| Error::System(what, source)
    }
}
