//! The rows of the outbox.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use clara_domain::OpId;
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation, Receipt};
use clara_domain::row::Fields;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::check::{parse_timestamp, timestamp};
use crate::error::MirrorError;
use crate::statement::{Key, uuid_at};

/// Where an operation is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpState {
    /// Saved on this laptop.
    Pending,
    /// Sent; nothing is known of it yet.
    InFlight,
    /// On the server.
    Applied,
    /// On the server, save where another value was chosen.
    Conflict,
    /// The server keeps it for a person's decision.
    Parked,
    /// The server refused it as it is.
    Rejected,
    /// A person decided against it.
    Declined,
    /// Taken back here, or replaced by a corrected one.
    Withdrawn,
}

impl OpState {
    const WORDS: [(Self, &'static str); 8] = [
        (Self::Pending, "pending"),
        (Self::InFlight, "in_flight"),
        (Self::Applied, "applied"),
        (Self::Conflict, "conflict"),
        (Self::Parked, "parked"),
        (Self::Rejected, "rejected"),
        (Self::Declined, "declined"),
        (Self::Withdrawn, "withdrawn"),
    ];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    /// The server has no effect of it, and may never have.
    pub fn is_unsent(self) -> bool {
        matches!(self, Self::Pending | Self::InFlight | Self::Parked | Self::Rejected)
    }
}

impl ToSql for OpState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for OpState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let found = value.as_str()?;
        Self::WORDS.iter().find(|(_, word)| *word == found).map(|(state, _)| *state).ok_or(FromSqlError::InvalidType)
    }
}

fn kind_word(kind: OpKind) -> &'static str {
    match kind {
        OpKind::Insert => "insert",
        OpKind::Update => "update",
        OpKind::Delete => "delete",
    }
}

/// One row of the outbox.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) operation: Operation,
    pub(crate) location_id: Option<Uuid>,
    pub(crate) state: OpState,
    pub(crate) overlaid: bool,
    pub(crate) sealed: bool,
    pub(crate) attempts: i64,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) applied_xid: Option<String>,
    pub(crate) receipted_at: Option<DateTime<Utc>>,
}

/// The columns that [`entry`] reads, in its order.
macro_rules! entry_columns {
    () => {
        entry_columns!("")
    };
    ($of:literal) => {
        concat!(
            $of,
            "op_id, ",
            $of,
            "seq, ",
            $of,
            "root_id, ",
            $of,
            "entity, ",
            $of,
            "row_id, ",
            $of,
            "kind, ",
            $of,
            "base_row_ver, ",
            $of,
            "base, ",
            $of,
            "new, ",
            $of,
            "schema_version, ",
            $of,
            "local_at, ",
            $of,
            "clock_offset_ms, ",
            $of,
            "location_id, ",
            $of,
            "state, ",
            $of,
            "overlaid, ",
            $of,
            "sealed, ",
            $of,
            "attempts, ",
            $of,
            "receipt, ",
            $of,
            "applied_xid, ",
            $of,
            "receipted_at"
        )
    };
}
pub(crate) use entry_columns;

fn unreadable(index: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(index, "outbox".to_owned(), rusqlite::types::Type::Text)
}

fn json_at<T: serde::de::DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(index)?.as_str()?).map_err(|_| unreadable(index))
}

pub(crate) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let at = |index: usize| -> rusqlite::Result<DateTime<Utc>> {
        parse_timestamp(row.get_ref(index)?.as_str()?).ok_or_else(|| unreadable(index))
    };
    let optional_uuid = |index: usize| -> rusqlite::Result<Option<Uuid>> {
        Ok(if row.get_ref(index)? == ValueRef::Null { None } else { Some(uuid_at(row, index)?) })
    };
    let kind = match row.get_ref(5)?.as_str()? {
        "insert" => OpKind::Insert,
        "update" => OpKind::Update,
        _ => OpKind::Delete,
    };
    let operation = Operation {
        op_id: OpId(uuid_at(row, 0)?),
        seq: row.get(1)?,
        root_id: uuid_at(row, 2)?,
        entity: Entity::from_str(row.get_ref(3)?.as_str()?).map_err(|_| unreadable(3))?,
        row_id: uuid_at(row, 4)?,
        kind,
        base_row_ver: row.get(6)?,
        base: json_at(row, 7)?,
        new: json_at(row, 8)?,
        schema_version: row.get(9)?,
        local_at: at(10)?,
        clock_offset_ms: row.get(11)?,
    };
    Ok(Entry {
        operation,
        location_id: optional_uuid(12)?,
        state: row.get(13)?,
        overlaid: row.get(14)?,
        sealed: row.get(15)?,
        attempts: row.get(16)?,
        receipt: if row.get_ref(17)? == ValueRef::Null { None } else { Some(json_at(row, 17)?) },
        applied_xid: row.get(18)?,
        receipted_at: if row.get_ref(19)? == ValueRef::Null { None } else { Some(at(19)?) },
    })
}

fn text(fields: &Fields) -> Result<String, MirrorError> {
    serde_json::to_string(fields).map_err(|_| MirrorError::Unreadable("an operation"))
}

/// A photo is taken while its inspection is still a draft; the server must have the inspection first.
fn waits_for(operation: &Operation) -> Option<Uuid> {
    let photo = operation.entity == Entity::Photos && operation.kind == OpKind::Insert;
    operation.new.get("inspection_id").filter(|_| photo)?.as_str().and_then(|id| Uuid::parse_str(id).ok())
}

/// Writes an entry, replacing an older version of the same operation.
pub(crate) fn put(connection: &Connection, entry: &Entry, segment: u64) -> Result<(), MirrorError> {
    let operation = &entry.operation;
    let receipt = entry.receipt.as_ref().map(serde_json::to_string).transpose();
    connection
        .prepare_cached(
            "INSERT INTO outbox (seq, op_id, root_id, entity, row_id, location_id, waits_for, kind, base_row_ver, base,
                 new, schema_version, local_at, clock_offset_ms, state, overlaid, sealed, attempts, receipt, applied_xid,
                 receipted_at, segment)
             VALUES (:seq, :op_id, :root_id, :entity, :row_id, :location_id, :waits_for, :kind, :base_row_ver, :base,
                 :new, :schema_version, :local_at, :clock_offset_ms, :state, :overlaid, :sealed, :attempts, :receipt,
                 :applied_xid, :receipted_at, :segment)
             ON CONFLICT (op_id) DO UPDATE SET
                 seq = excluded.seq, base = excluded.base, new = excluded.new, local_at = excluded.local_at, state = excluded.state,
                 overlaid = excluded.overlaid, sealed = excluded.sealed, attempts = excluded.attempts,
                 receipt = excluded.receipt, applied_xid = excluded.applied_xid,
                 receipted_at = excluded.receipted_at, segment = excluded.segment",
        )?
        .execute(named_params! {
            ":seq": operation.seq,
            ":op_id": Key::of(operation.op_id.uuid()),
            ":root_id": Key::of(operation.root_id),
            ":entity": operation.entity.name(),
            ":row_id": Key::of(operation.row_id),
            ":location_id": entry.location_id.map(Key::of),
            ":waits_for": waits_for(operation).map(Key::of),
            ":kind": kind_word(operation.kind),
            ":base_row_ver": operation.base_row_ver,
            ":base": text(&operation.base)?,
            ":new": text(&operation.new)?,
            ":schema_version": operation.schema_version,
            ":local_at": timestamp(operation.local_at),
            ":clock_offset_ms": operation.clock_offset_ms,
            ":state": entry.state,
            ":overlaid": entry.overlaid,
            ":sealed": entry.sealed,
            ":attempts": entry.attempts,
            ":receipt": receipt.map_err(|_| MirrorError::Unreadable("a receipt"))?,
            ":applied_xid": entry.applied_xid,
            ":receipted_at": entry.receipted_at.map(timestamp),
            ":segment": segment as i64,
        })?;
    Ok(())
}

/// One operation.
pub(crate) fn get(connection: &Connection, op_id: OpId) -> Result<Option<Entry>, MirrorError> {
    Ok(connection
        .prepare_cached(concat!("SELECT ", entry_columns!(), " FROM outbox WHERE op_id = ?1"))?
        .query_row([Key::of(op_id.uuid())], entry)
        .optional()?)
}

/// The newest operation of an aggregate.
pub(crate) fn newest_of_root(connection: &Connection, root_id: Uuid) -> Result<Option<Entry>, MirrorError> {
    Ok(connection
        .prepare_cached(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM outbox WHERE root_id = ?1 ORDER BY seq DESC LIMIT 1"
        ))?
        .query_row([Key::of(root_id)], entry)
        .optional()?)
}

/// The aggregate that a row was made in, if the server may not have it yet.
pub(crate) fn root_of_new_row(
    connection: &Connection,
    entity: Entity,
    row_id: Uuid,
) -> Result<Option<Uuid>, MirrorError> {
    Ok(connection
        .prepare_cached(
            "SELECT root_id FROM outbox
             WHERE entity = ?1 AND row_id = ?2 AND overlaid = 1 AND kind = 'insert'
                 AND state IN ('pending', 'in_flight', 'parked', 'rejected')",
        )?
        .query_row(rusqlite::params![entity.name(), Key::of(row_id)], |row| uuid_at(row, 0))
        .optional()?)
}

/// Every operation of an aggregate from a position on.
pub(crate) fn of_root_from(connection: &Connection, root_id: Uuid, seq: i64) -> Result<Vec<Entry>, MirrorError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        entry_columns!(),
        " FROM outbox WHERE root_id = ?1 AND seq >= ?2 ORDER BY seq"
    ))?;
    let entries = statement.query_map(rusqlite::params![Key::of(root_id), seq], entry)?;
    Ok(entries.collect::<Result<_, _>>()?)
}

/// The operations that lie over a row, in order.
pub(crate) fn overlaid(connection: &Connection, entity: Entity, row_id: Uuid) -> Result<Vec<Entry>, MirrorError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        entry_columns!(),
        " FROM outbox WHERE entity = ?1 AND row_id = ?2 AND overlaid = 1 ORDER BY seq"
    ))?;
    let entries = statement.query_map(rusqlite::params![entity.name(), Key::of(row_id)], entry)?;
    Ok(entries.collect::<Result<_, _>>()?)
}

/// Whether any row has work over it.
pub(crate) fn any_overlaid(connection: &Connection) -> Result<bool, MirrorError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE overlaid = 1)")?
        .query_row([], |row| row.get(0))?)
}

/// The rows of a table that have work over them.
pub(crate) fn overlaid_rows(
    connection: &Connection,
    entity: Entity,
) -> Result<std::collections::BTreeSet<Uuid>, MirrorError> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT row_id FROM outbox WHERE entity = ?1 AND overlaid = 1")?;
    let rows = statement.query_map([entity.name()], |row| uuid_at(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Operations never sent that wait for an inspection.
pub(crate) fn waiting_for(connection: &Connection, inspection: Uuid) -> Result<Vec<Entry>, MirrorError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        entry_columns!(),
        " FROM outbox WHERE waits_for = ?1 AND state = 'pending' AND attempts = 0 ORDER BY seq"
    ))?;
    let entries = statement.query_map([Key::of(inspection)], entry)?;
    Ok(entries.collect::<Result<_, _>>()?)
}
