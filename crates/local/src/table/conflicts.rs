//! What two people saw differently, and work that waits for a decision.

use clara_domain::{ConflictId, LocationId, OpId, UserId};
use rusqlite::{OptionalExtension, Row};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{json, optional_id, text_id};
use crate::error::MirrorError;
use crate::read::Read;
use crate::statement::Key;

/// One field on which two people differed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conflict {
    /// Which.
    pub id: ConflictId,
    /// The operation that lost or won.
    pub op_id: Option<OpId>,
    /// The site.
    pub location_id: Option<LocationId>,
    /// The table.
    pub table_name: String,
    /// The row.
    pub row_id: Uuid,
    /// Column, or column and key with a dot between.
    pub field: String,
    /// What the laptop had started from.
    pub base: Value,
    /// What stood on the server.
    pub server: Value,
    /// What the laptop wanted.
    pub client: Value,
    /// `server` or `client`.
    pub chosen: String,
    /// The rule that chose.
    pub policy: Option<String>,
    /// Who sent it.
    pub author_id: Option<UserId>,
    /// Their name.
    pub author: Option<String>,
    /// Whose value stood on the server.
    pub server_author_id: Option<UserId>,
    /// Their name.
    pub server_author: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// How it was decided.
    pub resolution: Option<String>,
    /// RFC 3339.
    pub resolved_at: Option<String>,
}

/// Work that the server keeps for a decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parked {
    /// Which.
    pub id: Uuid,
    /// The operation.
    pub op_id: Option<OpId>,
    /// Whose.
    pub author_id: Option<UserId>,
    /// Their name.
    pub author: Option<String>,
    /// The site.
    pub location_id: Option<LocationId>,
    /// The table.
    pub table_name: String,
    /// The row.
    pub row_id: Option<Uuid>,
    /// A short machine word.
    pub reason: String,
    /// The operation as it was sent.
    pub payload: Value,
    /// RFC 3339.
    pub received_at: Option<String>,
    /// `accepted` or `declined`.
    pub decision: Option<String>,
    /// RFC 3339.
    pub decided_at: Option<String>,
    /// Why.
    pub decision_note: Option<String>,
}

macro_rules! conflict_columns {
    () => {
        "SELECT c.id, c.op_id, c.location_id, c.table_name, c.row_id, c.field, c.base, c.server, c.client, c.chosen,
             c.policy, c.author_id, a.full_name, c.server_author_id, s.full_name, c.created_at, c.resolution,
             c.resolved_at
         FROM conflicts c LEFT JOIN users a ON a.id = c.author_id LEFT JOIN users s ON s.id = c.server_author_id "
    };
}

fn conflict(row: &Row<'_>) -> rusqlite::Result<Conflict> {
    let text = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(index)?.unwrap_or_default());
    Ok(Conflict {
        id: text_id(row, 0)?,
        op_id: optional_id(row, 1)?,
        location_id: optional_id(row, 2)?,
        table_name: text(3)?,
        row_id: text_id(row, 4)?,
        field: text(5)?,
        base: json(row, 6)?,
        server: json(row, 7)?,
        client: json(row, 8)?,
        chosen: text(9)?,
        policy: row.get(10)?,
        author_id: optional_id(row, 11)?,
        author: row.get(12)?,
        server_author_id: optional_id(row, 13)?,
        server_author: row.get(14)?,
        created_at: row.get(15)?,
        resolution: row.get(16)?,
        resolved_at: row.get(17)?,
    })
}

impl Read<'_> {
    /// Conflicts without a decision, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn open_conflicts(&self) -> Result<Vec<Conflict>, MirrorError> {
        let mut statement = self.connection.prepare_cached(concat!(
            conflict_columns!(),
            "WHERE c.resolved_at IS NULL AND c.resolution IS NULL ORDER BY c.created_at DESC, c.id"
        ))?;
        Ok(statement.query_map([], conflict)?.collect::<Result<_, _>>()?)
    }

    /// Every conflict ever had about a row, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn conflicts_of(&self, row_id: Uuid) -> Result<Vec<Conflict>, MirrorError> {
        let mut statement = self
            .connection
            .prepare_cached(concat!(conflict_columns!(), "WHERE c.row_id = ?1 ORDER BY c.created_at DESC, c.id"))?;
        Ok(statement.query_map([Key::of(row_id)], conflict)?.collect::<Result<_, _>>()?)
    }

    /// One conflict.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn conflict(&self, id: ConflictId) -> Result<Option<Conflict>, MirrorError> {
        Ok(self
            .connection
            .prepare_cached(concat!(conflict_columns!(), "WHERE c.id = ?1"))?
            .query_row([Key::of(id.uuid())], conflict)
            .optional()?)
    }

    /// Work of anybody's that waits for a decision, or all of it, oldest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn parked(&self, undecided_only: bool) -> Result<Vec<Parked>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT p.id, p.op_id, p.author_id, u.full_name, p.location_id, p.table_name, p.row_id, p.reason, p.payload,
                 p.received_at, p.decision, p.decided_at, p.decision_note
             FROM parked_operations p LEFT JOIN users u ON u.id = p.author_id
             WHERE NOT ?1 OR p.decision IS NULL ORDER BY p.received_at, p.id",
        )?;
        let parked = statement.query_map([undecided_only], |row| {
            Ok(Parked {
                id: text_id(row, 0)?,
                op_id: optional_id(row, 1)?,
                author_id: optional_id(row, 2)?,
                author: row.get(3)?,
                location_id: optional_id(row, 4)?,
                table_name: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                row_id: optional_id(row, 6)?,
                reason: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
                payload: json(row, 8)?,
                received_at: row.get(9)?,
                decision: row.get(10)?,
                decided_at: row.get(11)?,
                decision_note: row.get(12)?,
            })
        })?;
        Ok(parked.collect::<Result<_, _>>()?)
    }
}
