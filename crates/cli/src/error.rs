//! Why a command did not do what was asked.

use clara_central::AdminError;
use clara_central::import::Report;
use clara_contract::{Code, Failure};

/// What ends a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The app said so.
    #[error("{0}")]
    Failure(#[from] Failure),
    /// The central side said so.
    #[error("{0}")]
    Admin(#[from] AdminError),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// What was typed means nothing here.
    #[error("{0}")]
    Given(String),
    /// What was typed fits nothing here, or more than one thing.
    #[error("{what}")]
    Unclear {
        /// What was asked for.
        what: String,
        /// How to ask for it.
        next: String,
    },
    /// The private cluster.
    #[error("{0}")]
    Cluster(#[from] clara_cluster::Error),
    /// The story did not hold.
    #[error("{0}")]
    Story(String),
    /// Some lines were refused.
    #[error("{} lines were refused", .0.refused.len())]
    Refused(Report),
}

impl Error {
    /// As `--json` prints it.
    pub(crate) fn failure(&self) -> Failure {
        let plain = |code: Code, next: &str| Failure {
            code,
            message: self.to_string(),
            safe: "Nothing else was changed.".into(),
            next: next.into(),
            field: None,
        };
        match self {
            Error::Failure(failure) => failure.clone(),
            Error::Admin(AdminError::Central(error)) => {
                let said = clara_app::failure_of_server(error);
                let next = match said.code {
                    Code::LoginRefused => "Check the role and CLARA_CENTRAL_PASSWORD.",
                    Code::ServerNotReached => "Check host and port, then run it again.",
                    Code::ServerNotProven => "Check --ca and the name in the server's certificate.",
                    _ => "Run `clara central doctor` to see more.",
                };
                let message = match said.code {
                    Code::LoginRefused => "The server does not take this login.".into(),
                    _ => said.message,
                };
                Failure { message, safe: "Nothing was changed.".into(), next: next.into(), ..said }
            }
            Error::Admin(AdminError::File(..)) => plain(Code::BadInput, "Check the path and its permissions."),
            Error::Admin(AdminError::Map(_)) => {
                plain(Code::BadInput, "Correct the map; docs/import/README.md describes it.")
            }
            Error::Admin(AdminError::Unfit(_)) => {
                plain(Code::BadInput, "Check that it is the file this map was made for.")
            }
            Error::Admin(_) => plain(Code::BadInput, "Run `clara central doctor` to see more."),
            Error::File { .. } => plain(Code::BadInput, "Check the path and its permissions."),
            Error::Given(_) => plain(Code::BadInput, "Run it with --help."),
            Error::Unclear { next, .. } => plain(Code::BadInput, next),
            Error::Cluster(_) | Error::Story(_) => plain(Code::Internal, "Run it again with CLARA_LOG=debug."),
            Error::Refused(_) => plain(Code::BadInput, "Correct those lines and import the file again."),
        }
    }

    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::File { path: path.display().to_string(), source }
    }

    /// 1, or 3 where only the server was missing, or 4 where two sides differ.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Error::Story(_) => 4,
            other if other.failure().code == Code::ServerNotReached => 3,
            _ => 1,
        }
    }
}
