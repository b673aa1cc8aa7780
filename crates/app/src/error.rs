//! Why a use case could not be done. What a person is told is in [`crate::failure`], and nowhere else.

use clara_domain::BadValue;
use clara_local::{MirrorError, OpenError, RestoreError};
use clara_sync::{CentralError, SyncError};

use crate::photos::intake::Unfit;
use crate::vault::VaultError;

/// Inside the program; crosses to the window as a [`clara_contract::Failure`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request that is not shaped like its command's.
    #[error("the request cannot be understood: {0}")]
    Request(#[source] serde_json::Error),
    /// No command is called that.
    #[error("no command is called {0:?}")]
    NoCommand(String),
    /// A value that cannot be kept.
    #[error("{field}: {reason}")]
    BadValue {
        /// Which field.
        field: String,
        /// What is wrong.
        #[source]
        reason: BadValue,
    },
    /// A value that a person must correct.
    #[error("{field}: {fault}")]
    Given {
        /// Which field.
        field: String,
        /// What is wrong.
        fault: Fault,
    },
    /// The thing is not in the mirror.
    #[error("the {0} is not on this laptop")]
    NotHere(&'static str),
    /// A rule forbids it now.
    #[error("not allowed: {0:?}")]
    NotAllowed(Rule),
    /// A file is no photo.
    #[error(transparent)]
    Photo(#[from] Unfit),
    /// The enrolment file is no good.
    #[error("enrolment: {0:?}")]
    Enrolment(EnrolmentFault),
    /// No profile is open.
    #[error("no profile is open")]
    NoProfile,
    /// The office ended this laptop's access, and the work was locked.
    #[error("the laptop was locked when its access ended")]
    Revoked,
    /// The person locked the work.
    #[error("the work is locked")]
    Locked,
    /// A copy cannot be brought back.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The profile cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The mirror.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The server.
    #[error(transparent)]
    Central(#[from] CentralError),
    /// Words that were found already, further down.
    #[error("{0}")]
    Told(clara_contract::Failure),
    /// A sync.
    #[error("{0}")]
    Sync(#[source] SyncError),
    /// A rescue pack.
    #[error(transparent)]
    Rescue(#[from] crate::rescue::RescueError),
    /// A file of the profile.
    #[error("the file {0}: {1}")]
    File(&'static str, #[source] std::io::Error),
    /// A fault in the program.
    #[error("{0}")]
    Bug(&'static str),
}

/// What is wrong with a value that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing was given.
    #[error("is empty")]
    Empty,
    /// Not a day.
    #[error("is not a date")]
    NotADate,
    /// The catalogue's value stands here.
    #[error("comes from the catalog")]
    FromCatalogue,
    /// The plate has no such field.
    #[error("is not a field of the plate")]
    NoSuchField,
    /// Not one of the known reasons.
    #[error("is not one of the reasons")]
    NoSuchReason,
    /// Not one of the known ways.
    #[error("is not one of typed, scanned, confirmed")]
    NoSuchSource,
    /// Not base64.
    #[error("is not base64")]
    NotBase64,
    /// Longer than its column.
    #[error("is too long")]
    TooLong,
}

/// Why a thing is not allowed now.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// A completed inspection changes by amendment only.
    Completed,
    /// The draft is not ready; what keeps it, one sentence each.
    NotReady(Vec<String>),
    /// The job has gaps and no reason was given; what they are.
    GapsNeedReason(Vec<String>),
    /// The job is closed or called off.
    JobClosed,
    /// The template does not exist for this equipment.
    NoTemplate,
    /// The item is at another site than the job.
    OtherSite,
    /// Only a manager decides that.
    ManagerOnly,
    /// Only the office does that.
    OfficeOnly,
    /// Somebody decided it already.
    AlreadyDecided,
    /// The demo has no server.
    Demo,
    /// The person chose to work offline.
    Offline,
    /// A work profile is open already.
    AlreadyEnrolled,
    /// The photo belongs to a completed inspection.
    PhotoOfRecord,
    /// That cannot be done with the thing in its state.
    NotNow,
}

/// What is wrong with an enrolment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnrolmentFault {
    /// Not one of ours, or cut short.
    Broken,
    /// Used, expired or withdrawn: the server says which only to the office.
    Refused,
    /// From a newer program.
    Newer,
}

/// Inside this crate.
pub(crate) type Result<T> = std::result::Result<T, Error>;
