//! What goes wrong, and where.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// Every kind of fault, for counting.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[$doc])* $name,)+ }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }
    };
}

faults! {
    /// The line was cut before the server heard of it.
    CutBefore = "cut before commit",
    /// The server did it; the answer was lost.
    CutAfter = "reply lost",
    /// The server had no time.
    Busy = "server busy",
    /// The request arrived twice.
    Duplicate = "duplicate",
    /// The request arrived after the laptop had given up on it.
    Late = "late delivery",
    /// The answer took long, and the world went on.
    Delay = "delay",
    /// Bytes of a photo changed on the way.
    Corrupt = "corrupt chunk",
    /// The program ended between two steps.
    Crash = "crash",
    /// It ended after the spool was written and before the database committed.
    TornSave = "crash inside a save",
    /// The disk had no room.
    DiskFull = "disk full",
    /// The person, or the lid, stopped a sync.
    Stopped = "stopped",
    /// The laptop's clock went a year forth or back.
    ClockJump = "clock jump",
    /// A copy of the laptop's folder went on by itself.
    Clone = "cloned device",
    /// Somebody else has the job now.
    Reassign = "reassign",
    /// A site left a person's scope.
    Revoke = "revoke",
    /// A site came into it.
    Grant = "grant",
    /// The office changed a row.
    OfficeEdit = "office edit",
    /// The office deleted a row.
    OfficeDelete = "office delete",
    /// A transaction of the office's stayed open while others committed.
    SlowWriter = "slow writer",
    /// An older copy was put in the server's place.
    Restore = "restore",
    /// A dump was loaded into another cluster.
    MoveHouse = "moved and rebased",
    /// A standby stood in the server's place.
    Standby = "standby",
    /// The server wanted a newer program, or knew less than the laptop.
    Skew = "schema skew",
    /// The login was taken away for a while.
    LockedOut = "locked out",
    /// An operation that the server refuses for good.
    Poison = "poison",
}

/// At one call to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// See [`Fault::CutBefore`].
    CutBefore,
    /// See [`Fault::CutAfter`].
    CutAfter,
    /// See [`Fault::Busy`].
    Busy,
    /// See [`Fault::Duplicate`].
    Duplicate,
    /// See [`Fault::Late`].
    Late,
    /// See [`Fault::Delay`].
    Delay,
    /// See [`Fault::Corrupt`].
    Corrupt,
}

impl CallFault {
    pub(crate) fn kind(self) -> Fault {
        match self {
            CallFault::CutBefore => Fault::CutBefore,
            CallFault::CutAfter => Fault::CutAfter,
            CallFault::Busy => Fault::Busy,
            CallFault::Duplicate => Fault::Duplicate,
            CallFault::Late => Fault::Late,
            CallFault::Delay => Fault::Delay,
            CallFault::Corrupt => Fault::Corrupt,
        }
    }
}

/// At one step of the mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepFault {
    /// The program ends before the step.
    Before,
    /// The program ends after it.
    After,
    /// The program ends inside it: the spool has it, the database does not.
    Torn,
    /// The disk has no room.
    DiskFull,
}

impl StepFault {
    pub(crate) fn kind(self) -> Fault {
        match self {
            StepFault::Before | StepFault::After => Fault::Crash,
            StepFault::Torn => Fault::TornSave,
            StepFault::DiskFull => Fault::DiskFull,
        }
    }
}

/// What will go wrong in one sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// At the n-th call to the server.
    pub calls: Vec<(u32, CallFault)>,
    /// At the n-th step of the mirror.
    pub steps: Vec<(u32, StepFault)>,
    /// Stopped after so many reports of progress.
    pub patience: Option<u32>,
}

/// How a sync fared, seen from outside.
#[derive(Debug, Default)]
pub struct Fate {
    /// The program has ended: nothing it does counts any more.
    pub crashed: bool,
    /// As [`StepFault::Torn`]: the database of before the step is beside it.
    pub torn: bool,
    /// What it met.
    pub met: Vec<Fault>,
    /// Calls made.
    pub calls: u32,
}

/// Shared between a sync and the world around it.
pub type SharedFate = Arc<Mutex<Fate>>;

/// What is behind a lock, also after a panic elsewhere.
pub fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
