//! The laptop's end, as the engine sees it. Calls block for the length of one SQLite transaction and never span the
//! network: the engine runs on a thread of its own.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Receipt};
use clara_domain::row::Row;
use clara_domain::{DeviceId, OpId, PhotoId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::central::{Bucket, Hello, Pull, RowKey};
use crate::cursor::Cursor;

/// Which server the mirror belongs to, as last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerIdentity {
    /// As in [`Hello`].
    pub system_identifier: String,
    /// As in [`Hello`].
    pub incarnation: i64,
    /// As in [`Hello`].
    pub epoch: Uuid,
    /// `user_role` that it took the person for: another one sees other rows, which no cursor tells of.
    pub role: String,
}

/// How far a first sync has come in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookmark {
    /// The table.
    pub entity: Entity,
    /// The last id stored; none before the first page.
    pub after: Option<Uuid>,
    /// Rows stored so far.
    pub rows: i64,
    /// Nothing is left in this table.
    pub done: bool,
}

/// All that the planner decides by.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaState {
    /// This profile.
    pub device: DeviceId,
    /// None before the first contact.
    pub server: Option<ServerIdentity>,
    /// The snapshot the mirror stands at; none while the first sync is under way.
    pub cursor: Option<Cursor>,
    /// The snapshot recorded when the first sync began.
    pub first_sync_from: Option<Cursor>,
    /// One per table once the first sync has begun.
    pub bookmarks: Vec<Bookmark>,
    /// The highest `seq` for which a receipt was stored; the server must know at least as much.
    pub highest_receipted_seq: i64,
    /// Operations ready to go.
    pub pending: u32,
    /// Operations sent of which nothing is known.
    pub in_flight: u32,
    /// Photos whose row is on the server and whose bytes are not.
    pub photos_waiting: u32,
    /// When the cursor last moved.
    pub pulled_at: Option<DateTime<Utc>>,
    /// The server was found restored and not every table has been compared with it since.
    pub reconciling: bool,
    /// When an audit last finished.
    pub audited_at: Option<DateTime<Utc>>,
    /// The laptop lost the mirror of some rows (a declined operation, a repair): fetch them again.
    pub refetch: Vec<(Entity, Uuid)>,
}

/// A photo on its way up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPhoto {
    /// Which.
    pub id: PhotoId,
    /// Of the bytes to send, lower-case hex.
    pub sha256: String,
    /// Their number.
    pub byte_count: u64,
}

/// Tables whose rows changed, so that screens can refresh just those.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Which tables.
    pub entities: BTreeSet<Entity>,
    /// How many rows.
    pub rows: u64,
}

impl Changed {
    /// Adds another change to this one.
    pub fn join(&mut self, other: Changed) {
        self.entities.extend(other.entities);
        self.rows += other.rows;
    }
}

/// What an audit put right in one table; shown to the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The table.
    pub entity: Entity,
    /// Rows the mirror lacked or had in another version.
    pub refetched: u32,
    /// Rows the mirror should not have had.
    pub purged: u32,
}

/// Why the mirror could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The disk is full; nothing was changed.
    #[error("the disk is full")]
    DiskFull,
    /// The database or a file is damaged.
    #[error("the mirror is damaged: {0}")]
    Damaged(String),
    /// The photo's bytes are gone or have another hash than when they were taken in.
    #[error("the bytes of photo {0} are missing or were changed")]
    PhotoBytes(PhotoId),
    /// Anything else.
    #[error("the mirror failed: {0}")]
    Other(String),
}

/// The laptop's end. Every method is one SQLite transaction.
pub trait Replica {
    /// All that the planner decides by.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    fn state(&mut self) -> Result<ReplicaState, ReplicaError>;

    /// Remembers which server this is and the measured clock offset.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn meet(&mut self, hello: &Hello, laptop_now: DateTime<Utc>) -> Result<(), ReplicaError>;

    /// Begins a first sync at a snapshot: one bookmark per table.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn begin_first_sync(&mut self, from: &Cursor) -> Result<(), ReplicaError>;

    /// Stores one page and moves its bookmark, in one transaction.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn apply_page(&mut self, entity: Entity, rows: &[Row], last: bool) -> Result<Changed, ReplicaError>;

    /// Builds a part of what search needs of a catalogue that came with a first sync. Returns how many rows it covers;
    /// none once there is nothing left to build. Each call is a transaction of its own: after a kill the next one goes
    /// on.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn index_catalogue(&mut self) -> Result<Option<u64>, ReplicaError> {
        Ok(None)
    }

    /// Ends the first sync: the cursor becomes the snapshot at which it began.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn end_first_sync(&mut self) -> Result<(), ReplicaError>;

    /// Applies a pull and its cursor in one transaction: granted subtrees, rows under the overlay of unsent work,
    /// tombstones, revocations with unsent work sealed.
    ///
    /// # Errors
    /// Where the mirror cannot be written; then nothing of the pull is applied.
    fn apply_pull(&mut self, pull: &Pull) -> Result<Changed, ReplicaError>;

    /// The next batch: operations in the order of `seq` of every aggregate that has nothing parked, rejected or
    /// in flight before them. Marks them in flight.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn take_batch(&mut self, max_operations: usize, max_bytes: usize) -> Result<Vec<Operation>, ReplicaError>;

    /// Stores receipts and what follows from them. `now` is the server's time, by which the journal is kept.
    ///
    /// # Errors
    /// Where the mirror cannot be written; the operations stay in flight and are sent again.
    fn settle(&mut self, receipts: &[Receipt], now: DateTime<Utc>) -> Result<Changed, ReplicaError>;

    /// Nothing is known of these: they go back to pending, with the same ids.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn put_back(&mut self, operations: &[OpId]) -> Result<(), ReplicaError>;

    /// As [`Replica::put_back`] for whatever is in flight: what a killed program left. Returns how many.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn put_back_all(&mut self) -> Result<u32, ReplicaError>;

    /// The server was restored and knows this device only up to `known_seq`: every journalled operation after it is
    /// pending again, and the mirror is reconciling until [`Replica::end_reconcile`]; both in one transaction, so that
    /// a kill in between forgets neither. The highest receipted seq becomes `known_seq`. Returns how many.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn begin_reconcile(&mut self, known_seq: i64) -> Result<u32, ReplicaError>;

    /// Every table has been compared: the mirror stands at `cursor`.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn end_reconcile(&mut self, cursor: &Cursor, now: DateTime<Utc>) -> Result<(), ReplicaError>;

    /// The next photo to send, oldest first, not among `skip`.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    fn next_photo(&mut self, skip: &[PhotoId]) -> Result<Option<PendingPhoto>, ReplicaError>;

    /// One chunk of a photo's bytes.
    ///
    /// # Errors
    /// [`ReplicaError::PhotoBytes`] where they are gone or changed.
    fn photo_chunk(&mut self, photo: PhotoId, number: i32) -> Result<Vec<u8>, ReplicaError>;

    /// The server has the bytes, by hash. The local copy may go only after a later pull has shown it too.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn photo_stored(&mut self, photo: PhotoId) -> Result<(), ReplicaError>;

    /// The server has no row of this photo any more, and nobody waits for its bytes. They stay for as long as the journal
    /// does: a server that is put back may have the row again.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn photo_unwanted(&mut self, photo: PhotoId) -> Result<(), ReplicaError>;

    /// Marks a photo whose own bytes are damaged, so that the person is asked to take it again.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn photo_damaged(&mut self, photo: PhotoId) -> Result<(), ReplicaError>;

    /// The mirror's side of [`crate::Central::buckets`]: rows that the server has seen.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    fn buckets(&mut self, entity: Entity) -> Result<Vec<Bucket>, ReplicaError>;

    /// The mirror's keys in some buckets.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    fn bucket_keys(&mut self, entity: Entity, buckets: &[i16]) -> Result<Vec<RowKey>, ReplicaError>;

    /// Puts rows right: stores `rows`, purges `gone` (never rows with unsent work), and clears them from the refetch
    /// list.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn repair(&mut self, entity: Entity, rows: &[Row], gone: &[Uuid]) -> Result<Changed, ReplicaError>;

    /// Records the end of an audit and what it put right.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    fn audited(&mut self, repairs: &[Repair], now: DateTime<Utc>) -> Result<(), ReplicaError>;
}
