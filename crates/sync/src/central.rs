//! The central end, as the engine sees it. One implementation today: PostgreSQL over TLS. A gateway over HTTPS must be
//! able to become a second one without a change here.

use std::future::Future;

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Receipt};
use clara_domain::row::Row;
use clara_domain::{DeviceId, LocationId, PhotoId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cursor::Cursor;

/// Bytes of a photo chunk; the last one may be shorter.
pub const MAX_CHUNK_BYTES: usize = 256 * 1024;

/// Who the server is, who it takes us for, and what it knows of us; read in the same snapshot as the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// `pg_control_system().system_identifier`: another value is another cluster.
    pub system_identifier: String,
    /// Another number after every recovery and every start of the server. Whoever puts an older copy in its place has to
    /// start it, and that is the only trace left once its counters have caught up.
    pub incarnation: i64,
    /// A uuid that `clara central rebase` renews.
    pub epoch: Uuid,
    /// The epochs before it, all of them: a database with one of ours among them is ours, restored elsewhere.
    #[serde(default)]
    pub earlier_epochs: Vec<Uuid>,
    /// `server_version_num`.
    pub server_version_num: i32,
    /// A standby: never pulled from.
    pub in_recovery: bool,
    /// Version of the central schema.
    pub schema_version: i32,
    /// Oldest client version that may pull. A push is never refused.
    pub min_client: i32,
    /// The server's clock.
    pub server_now: DateTime<Utc>,
    /// `pg_current_snapshot()`: the new cursor.
    pub snapshot: Cursor,
    /// The person behind the login role.
    pub user_id: UserId,
    /// `user_role`.
    pub role: String,
    /// The highest `seq` of this device in the ledger; 0 for none.
    pub highest_seq: i64,
    /// The device is known, belongs to this person and is not revoked.
    pub device_known: bool,
}

/// What one pull asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct PullRequest {
    /// Who asks.
    pub device: DeviceId,
    /// The snapshot the mirror stands at.
    pub cursor: Cursor,
}

/// The difference between two snapshots, within the person's scope. Apply in the order of the fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Pull {
    /// Read in the same snapshot.
    pub hello: Hello,
    /// Sites that came into scope since the cursor. Their whole subtrees are in `rows`, whatever their age.
    pub granted: Vec<LocationId>,
    /// Sites that left scope since the cursor.
    pub revoked: Vec<LocationId>,
    /// Changed rows, parents before children.
    pub rows: Vec<TableRows>,
    /// Hard deletes.
    pub tombstones: Vec<Tombstone>,
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRows {
    /// Which table.
    pub entity: Entity,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A row that was deleted for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Which table.
    pub entity: Entity,
    /// Which row.
    pub id: Uuid,
}

/// One page of a first sync, ordered by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Rows after the bookmark.
    pub rows: Vec<Row>,
    /// There are none after these.
    pub last: bool,
}

/// A row and its version, for the audit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowKey {
    /// Primary key.
    pub id: Uuid,
    /// The server's version.
    pub row_ver: i64,
}

/// One of 256 buckets of a table: the first byte of the id decides which. `sum` and `xor` are over the
/// first eight bytes, big-endian and signed, of SHA-256 of `<id>:<row_ver>`; `sum` wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// 0 to 255.
    pub bucket: i16,
    /// Rows in it.
    pub count: i64,
    /// Wrapping sum of hashes.
    pub sum: i64,
    /// Exclusive or of hashes.
    pub xor: i64,
}

/// Which chunks of a photo the server lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhotoAsk {
    /// The row has not arrived (yet): try again later.
    NoRow,
    /// All bytes are there and their hash was checked.
    Stored,
    /// These chunk numbers are missing, in order.
    Missing(Vec<i32>),
}

/// What the server said to the end of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkAck {
    /// The hash of the bytes equals the row's.
    Stored,
    /// It does not; the server dropped the chunks, start again.
    Mismatch,
}

/// Why the server could not be spoken to. The engine decides by the variant alone.
#[derive(Debug, thiserror::Error)]
pub enum CentralError {
    /// No connection, or lost: nothing is known about the last call. Try again.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// 08, 40001, 40P01, 53, 55P03, 57: the server is busy or restarting. Try again.
    #[error("the server is busy: {0}")]
    Busy(String),
    /// More has changed than one pull brings, and the engine compares both sides instead.
    #[error("more has changed than one pull brings")]
    TooMuch,
    /// TLS: wrong certificate, wrong name, plain text. Nothing was sent.
    #[error("the server could not prove who it is: {0}")]
    NotProven(String),
    /// 28P01, 28000: the login was refused.
    #[error("the login was refused: {0}")]
    LoginRefused(String),
    /// Older than the versions in which row-level security holds.
    #[error("the server's PostgreSQL {0} is older than the versions in which row-level security holds")]
    ServerTooOld(i32),
    /// The device is unknown, revoked, or a copy of another.
    #[error("this laptop is not enrolled any more: {0}")]
    DeviceRefused(String),
    /// Anything permanent: a bug, or a schema that this program does not know.
    #[error("the server refused: {code}: {message}")]
    Refused {
        /// SQLSTATE, or a word of ours.
        code: String,
        /// For the log; carries no customer data.
        message: String,
    },
}

/// The central end. Every method is one transaction on the server, or none.
pub trait Central: Send {
    /// Says who we are and asks who is there.
    fn hello(&mut self, device: DeviceId) -> impl Future<Output = Result<Hello, CentralError>> + Send;

    /// The difference between the cursor and now, in one snapshot.
    fn pull(&mut self, request: &PullRequest) -> impl Future<Output = Result<Pull, CentralError>> + Send;

    /// At most `limit` rows of a table with ids after `after`, within scope.
    fn page(
        &mut self,
        entity: Entity,
        after: Option<Uuid>,
        limit: u32,
    ) -> impl Future<Output = Result<Page, CentralError>> + Send;

    /// Hands over operations; one receipt each, in any order.
    fn push(
        &mut self,
        device: DeviceId,
        operations: &[Operation],
    ) -> impl Future<Output = Result<Vec<Receipt>, CentralError>> + Send;

    /// Which chunks of a photo are missing. `chunks` is their number in all.
    fn photo_ask(&mut self, photo: PhotoId, chunks: i32)
    -> impl Future<Output = Result<PhotoAsk, CentralError>> + Send;

    /// Stores one chunk; storing it again changes nothing.
    fn photo_chunk(
        &mut self,
        photo: PhotoId,
        number: i32,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<(), CentralError>> + Send;

    /// Asks the server to hash what it has and to flip the photo to stored.
    fn photo_finish(&mut self, photo: PhotoId) -> impl Future<Output = Result<ChunkAck, CentralError>> + Send;

    /// One chunk of a photo stored on the server, for a laptop that does not have the bytes; none past the end.
    fn photo_fetch(
        &mut self,
        photo: PhotoId,
        number: i32,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, CentralError>> + Send;

    /// Snapshot and non-empty buckets of a table within scope, in one transaction.
    fn buckets(&mut self, entity: Entity) -> impl Future<Output = Result<(Cursor, Vec<Bucket>), CentralError>> + Send;

    /// The keys in some buckets of a table within scope.
    fn bucket_keys(
        &mut self,
        entity: Entity,
        buckets: &[i16],
    ) -> impl Future<Output = Result<Vec<RowKey>, CentralError>> + Send;

    /// Rows by id within scope; ids that are not there are left out.
    fn rows(&mut self, entity: Entity, ids: &[Uuid]) -> impl Future<Output = Result<Vec<Row>, CentralError>> + Send;
}
