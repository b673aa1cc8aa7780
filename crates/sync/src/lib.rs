//! How a laptop and the central database reconcile: the state of both, a pure plan, phases that carry it out.
//! No database and no socket in here: the two ends are the traits [`Replica`] and [`Central`]. Time and randomness
//! come in as arguments, so that a simulator can drive the same code.
//!
//! Direction: `domain` ← `sync` ← `local`, `central`.

mod audit;
mod backoff;
mod central;
mod cursor;
mod engine;
mod first_sync;
mod overlap;
mod photos;
mod plan;
mod push;
mod replica;
mod report;

pub use backoff::next_attempt;
pub use engine::{Environment, Wish, sync_once};
pub use plan::{Plan, Pulling, Refusal, Situation, plan, situation};
pub use report::{Progress, SyncError, SyncReport};

pub use central::{
    Bucket, Central, CentralError, ChunkAck, Hello, MAX_CHUNK_BYTES, Page, PhotoAsk, Pull, PullRequest, RowKey,
    TableRows, Tombstone,
};
pub use cursor::{BadCursor, Cursor};
pub use replica::{Bookmark, Changed, PendingPhoto, Repair, Replica, ReplicaError, ReplicaState, ServerIdentity};
