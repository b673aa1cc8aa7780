use std::io;

use clara_domain::mirror::Entity;
use clara_domain::{BadValue, InspectionId, OpId, PhotoId};
use clara_sync::ReplicaError;
use uuid::Uuid;

/// Why a profile could not be opened. Nothing was deleted in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has this profile open.
    #[error("Clara Field is already open on this profile")]
    SecondCopy,
    /// The key does not open the database.
    #[error("the key does not open this profile")]
    WrongKey,
    /// A newer version of the program wrote the database; it was left as it is.
    #[error("this profile was written by a newer version (database {found}, this program knows {known})")]
    Newer {
        /// `user_version` of the file.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The file belongs to another program.
    #[error("the file is not a Clara Field database (application id {0})")]
    NotOurs(i64),
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The SQLite in this program can corrupt databases in WAL mode.
    #[error("SQLite {0} is older than 3.51.3")]
    SqliteTooOld(String),
    /// The SQLite in this program cannot encrypt.
    #[error("this program was built without encryption")]
    NotEncrypted,
    /// A setting that protects the data did not take.
    #[error("the database did not take the setting {0}")]
    Setting(&'static str),
    /// The folder or a file in it cannot be used.
    #[error("the profile's folder cannot be used")]
    Io(#[source] io::Error),
    /// Anything else.
    #[error("the mirror cannot be opened")]
    Mirror(#[source] MirrorError),
}

/// Why the mirror could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The disk is full; nothing was changed.
    #[error("the disk is full")]
    DiskFull,
    /// The database or the spool is damaged: close and open again, which rebuilds it.
    #[error("the mirror is damaged: {0}")]
    Damaged(String),
    /// A value that PostgreSQL would refuse for ever.
    #[error("{entity}.{field}: {reason}")]
    BadValue {
        /// The table.
        entity: Entity,
        /// The column.
        field: String,
        /// What is wrong with it.
        #[source]
        reason: BadValue,
    },
    /// A value of another kind than its column holds, or no such column.
    #[error("{entity}.{field} does not hold such a value")]
    BadField {
        /// The table.
        entity: Entity,
        /// The column.
        field: String,
    },
    /// The row is not in the mirror, or out of scope.
    #[error("no such row in {entity}: {id}")]
    NoRow {
        /// The table.
        entity: Entity,
        /// The key.
        id: Uuid,
    },
    /// A row with that key exists already.
    #[error("{entity} has the row {id} already")]
    RowExists {
        /// The table.
        entity: Entity,
        /// The key.
        id: Uuid,
    },
    /// No such operation, or not in a state in which that can be done with it.
    #[error("operation {0} cannot be changed like that now")]
    NoOperation(OpId),
    /// No such draft.
    #[error("no draft {0}")]
    NoDraft(InspectionId),
    /// The profile has no device and no person yet.
    #[error("this laptop is not enrolled")]
    NotEnrolled,
    /// The bytes of a photo are gone or are not those that were taken in.
    #[error("the bytes of photo {0} are missing or were changed")]
    PhotoBytes(PhotoId),
    /// After a failed write the spool could not be put right; open the profile again.
    #[error("the profile must be opened again before anything can be saved")]
    Stopped,
    /// A file could not be read or written.
    #[error("a file of the profile cannot be read or written")]
    Io(#[source] io::Error),
    /// Anything else from SQLite.
    #[error("the database refused")]
    Sqlite(#[source] rusqlite::Error),
    /// Something stored is not what this program stores.
    #[error("{0} in the mirror is not readable")]
    Unreadable(&'static str),
}

impl From<rusqlite::Error> for MirrorError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        // The index of the log lies beside it: that it cannot grow has one cause, and SQLite another name for it.
        if let rusqlite::Error::SqliteFailure(failure, _) = &error
            && failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
        {
            return Self::DiskFull;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged("a page of the database".to_owned()),
            Some(ErrorCode::NotADatabase) => Self::Damaged("the header of the database".to_owned()),
            _ => Self::Sqlite(error),
        }
    }
}

impl From<rusqlite::types::FromSqlError> for MirrorError {
    fn from(_: rusqlite::types::FromSqlError) -> Self {
        Self::Unreadable("a value")
    }
}

impl From<io::Error> for MirrorError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io(error),
        }
    }
}

impl From<MirrorError> for OpenError {
    fn from(error: MirrorError) -> Self {
        match error {
            MirrorError::DiskFull => Self::DiskFull,
            MirrorError::Io(error) => Self::Io(error),
            other => Self::Mirror(other),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        MirrorError::from(error).into()
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        MirrorError::from(error).into()
    }
}

impl From<MirrorError> for ReplicaError {
    fn from(error: MirrorError) -> Self {
        match error {
            MirrorError::DiskFull => Self::DiskFull,
            MirrorError::Damaged(what) => Self::Damaged(what),
            MirrorError::PhotoBytes(photo) => Self::PhotoBytes(photo),
            other => Self::Other(match std::error::Error::source(&other) {
                Some(source) => format!("{other}: {source}"),
                None => other.to_string(),
            }),
        }
    }
}
