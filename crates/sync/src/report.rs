use std::collections::BTreeMap;

use chrono::TimeDelta;
use clara_domain::mirror::Entity;
use clara_domain::operation::Outcome;
use clara_domain::{OpId, PhotoId};
use serde::Serialize;

use crate::central::{CentralError, Hello};
use crate::plan::Refusal;
use crate::replica::{Changed, Repair, ReplicaError};

/// Why a sync ended before its end. What it had done until then stays done.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The server's side.
    #[error(transparent)]
    Central(#[from] CentralError),
    /// The laptop's side.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// Work may have gone up, but nothing comes down from this server.
    #[error("nothing is taken from this server: {0}")]
    Refused(Refusal),
    /// The person, or the program at its end, asked to stop.
    #[error("stopped")]
    Stopped,
}

impl SyncError {
    /// Whether trying again later can help without anybody doing anything.
    pub fn passes_by_itself(&self) -> bool {
        matches!(
            self,
            SyncError::Central(CentralError::Unreachable(_) | CentralError::Busy(_) | CentralError::TooMuch)
                | SyncError::Refused(Refusal::Standby)
                | SyncError::Stopped
        )
    }
}

/// What a sync did.
#[derive(Debug, Default)]
pub struct SyncReport {
    /// Who answered.
    pub hello: Option<Hello>,
    /// How far the laptop's clock is behind the server's.
    pub clock_behind: TimeDelta,
    /// Receipts by outcome, replays not counted again.
    pub receipts: BTreeMap<&'static str, u32>,
    /// Operations sent a second time whose first receipt had been lost.
    pub duplicates: u32,
    /// Operations of the journal sent again because the server may have lost them; those it still had count as
    /// duplicates.
    pub replayed: u32,
    /// Rows that came down.
    pub rows: u64,
    /// Photos the server confirmed.
    pub photos: u32,
    /// Chunks sent.
    pub chunks: u32,
    /// Operations that had to wait because somebody on the server holds their row; everything else went on.
    pub waiting: Vec<OpId>,
    /// What an audit put right; none where none ran.
    pub repairs: Option<Vec<Repair>>,
    /// Tables whose rows changed on the laptop.
    pub changed: Changed,
    /// Why it ended before its end.
    pub error: Option<SyncError>,
}

impl SyncReport {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        let word = match outcome {
            Outcome::Applied => "applied",
            Outcome::Merged => "merged",
            Outcome::Conflict => "conflict",
            Outcome::Parked => "parked",
            Outcome::Rejected => "rejected",
        };
        *self.receipts.entry(word).or_default() += 1;
    }
}

/// What goes on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Progress {
    /// Reaching the server.
    Connecting,
    /// Work goes up.
    Sending {
        /// Operations in this batch.
        operations: u32,
    },
    /// Rows come down.
    Receiving {
        /// Which table.
        entity: Entity,
        /// Rows of it so far.
        rows: u64,
    },
    /// A chunk of a photo goes up.
    Photo {
        /// Which.
        photo: PhotoId,
        /// Chunks the server has.
        done: u32,
        /// Chunks in all.
        total: u32,
        /// Its bytes.
        byte_count: u64,
    },
    /// Both sides are compared.
    Checking {
        /// Which table.
        entity: Entity,
    },
}
