//! Why something the office asked for did not happen.

use clara_sync::CentralError;

/// What can go wrong in the office's own commands.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The server could not be spoken to, or refused.
    #[error(transparent)]
    Central(#[from] CentralError),
    /// Not a name that can be used without quoting.
    #[error("{0:?} cannot be the name of a database: use lower-case letters, digits and underscores")]
    BadName(String),
    /// One migration failed; those before it are in, it left nothing behind.
    #[error("migration {version} failed: {reason}")]
    Migration {
        /// Which.
        version: i64,
        /// Why.
        reason: String,
    },
    /// The database was migrated by a newer program.
    #[error("the database has migration {0}, which this program does not know: it is older than the database")]
    NewerDatabase(i64),
    /// A file was changed after it had been applied.
    #[error("migration {0} was changed after it had been applied to this database")]
    ChangedMigration(i64),
    /// Nobody of that address or id, or no longer active.
    #[error("no active person is known as {0}")]
    NoPerson(String),
    /// No laptop of that id.
    #[error("no laptop has the id {0}")]
    NoDevice(uuid::Uuid),
    /// A technician's sites cannot be chosen.
    #[error("{0} is a technician, whose sites follow from their jobs; subscriptions are for managers and the office")]
    SitesFollowJobs(String),
    /// A place where photos are kept did not do as it was asked.
    #[error(transparent)]
    Store(#[from] crate::photo_store::StoreError),
    /// The operating system gave no random bytes.
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
    /// Sessions of a revoked login were still there after repeated attempts.
    #[error("{0} sessions of the revoked login are still alive; the login itself has ended")]
    StillAlive(i64),
    /// A file cannot be read.
    #[error("{0} cannot be read: {1}")]
    File(String, #[source] std::io::Error),
    /// A file is not what the column map is for, or cannot be read as text.
    #[error("this file cannot be imported with this map: {0}")]
    Unfit(String),
    /// A column map is no column map.
    #[error("the column map is not usable: {0}")]
    Map(String),
    /// The demo's rows do not fit the schema: a fault of this program.
    #[error("the demo company cannot be loaded: {0}")]
    Demo(String),
}
