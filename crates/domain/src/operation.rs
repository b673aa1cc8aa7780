//! What a laptop asks of the server, and what the server answers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::mirror::Entity;
use crate::row::Fields;
use crate::{ConflictId, OpId};

/// The version of operations and columns that this program writes. The server keeps upcasters for the three
/// versions before its own; a push is never refused for its version.
pub const SCHEMA_VERSION: i32 = 2;
/// At most this many operations in one call of `sync.push`.
pub const MAX_BATCH_OPS: usize = 100;
/// At most this many bytes of JSON in one call of `sync.push`.
pub const MAX_BATCH_BYTES: usize = 256 * 1024;

/// What an operation does to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpKind {
    /// A new row; `new` holds every column that is not at its default.
    Insert,
    /// Changed fields of a row; merged with what others changed meanwhile.
    Update,
    /// A soft delete.
    Delete,
}

/// One saved change, exactly as it is stored in the outbox, in the spool, on the wire and in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Made at save; the key under which it takes effect at most once.
    pub op_id: OpId,
    /// Position in this device's history, from 1, without gaps at the time it was made.
    pub seq: i64,
    /// The aggregate: order is kept among operations with the same root, never across.
    /// An inspection's root is the inspection; equipment, jobs and locations are their own.
    pub root_id: Uuid,
    /// The table.
    pub entity: Entity,
    /// The row.
    pub row_id: Uuid,
    /// What happens to the row.
    pub kind: OpKind,
    /// The server's `row_ver` that the person was looking at; 0 for an insert.
    pub base_row_ver: i64,
    /// The old values of exactly the fields in `new`. For a column that merges by key
    /// ([`crate::mirror::Column::merges_by_key`]) an object of the old values of exactly the changed keys.
    pub base: Fields,
    /// The new values. For a column that merges by key, an object of the changed keys; null removes a key.
    pub new: Fields,
    /// [`SCHEMA_VERSION`] of the program that made it.
    pub schema_version: i32,
    /// The laptop's clock at save: a stated fact, never used to decide anything.
    pub local_at: DateTime<Utc>,
    /// Server time minus laptop time when last measured, in milliseconds.
    pub clock_offset_ms: Option<i64>,
}

/// What became of an operation on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In effect as sent.
    Applied,
    /// In effect; other fields had changed meanwhile and were kept.
    Merged,
    /// In effect except where a conflict was recorded and the other value chosen.
    Conflict,
    /// Kept by the server and waiting for a person's decision.
    Parked,
    /// Refused for good as it is; it can be corrected on the laptop and sent again as a new operation.
    Rejected,
}

/// The server's answer to one operation. A replayed operation gets the stored answer with `duplicate` set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which operation.
    pub op_id: OpId,
    /// What became of it.
    pub outcome: Outcome,
    /// This answer was given before.
    #[serde(default)]
    pub duplicate: bool,
    /// The row's version after it, where it took effect.
    #[serde(default)]
    pub row_ver: Option<i64>,
    /// The transaction it took effect in, as text of `xid8`; a pull whose snapshot contains it shows the effect.
    #[serde(default)]
    pub applied_xid: Option<String>,
    /// Why it was parked or rejected: a short machine word (`out_of_scope`, `immutable`, `bad_value`, …).
    #[serde(default)]
    pub code: Option<String>,
    /// The field the reason is about.
    #[serde(default)]
    pub field: Option<String>,
    /// The reason for a person; carries no SQL.
    #[serde(default)]
    pub message: Option<String>,
    /// Fields on which two people differed.
    #[serde(default)]
    pub conflicts: Vec<ConflictNote>,
}

/// One field on which two people differed. Both values stay in `sync.conflict`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConflictNote {
    /// The record on the server.
    pub id: ConflictId,
    /// Column, or column and key with a dot between.
    pub field: String,
    /// What the laptop had started from.
    pub base: Value,
    /// What the server had by then.
    pub server: Value,
    /// What the laptop wanted.
    pub client: Value,
    /// `server` or `client`.
    pub chosen: Side,
}

/// Whose value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What stood on the server.
    Server,
    /// What the laptop sent.
    Client,
}
