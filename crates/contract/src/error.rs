use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What kind of failure it was. The UI decides by this and by nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// What was typed or given cannot be kept as it is.
    BadInput,
    /// The thing is not on this laptop (any more).
    NotHere,
    /// The rules do not allow it now (a completed inspection, a closed job).
    NotAllowed,
    /// The file is no picture that can be read; the rest is safe.
    NotAPicture,
    /// The enrolment file is broken, expired or used.
    Enrolment,
    /// The login was refused; work goes on offline.
    LoginRefused,
    /// The server could not prove who it is; nothing was sent.
    ServerNotProven,
    /// No connection.
    ServerNotReached,
    /// The server is another one, was rebuilt, or is too old.
    ServerUnfit,
    /// A second copy of the app has this profile open.
    SecondCopy,
    /// A passphrase is needed, or the one given is wrong.
    Locked,
    /// The disk is full.
    DiskFull,
    /// The local store is damaged; it was kept aside.
    Damaged,
    /// A fault in the program.
    Internal,
}

/// A failure, as it crosses to the window or to `--json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Failure {
    /// What kind.
    pub code: Code,
    /// What happened, in a person's words.
    pub message: String,
    /// What is safe.
    pub safe: String,
    /// What to do.
    pub next: String,
    /// The field the failure is about, where there is one.
    pub field: Option<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.message, self.safe, self.next)
    }
}

impl std::error::Error for Failure {}
