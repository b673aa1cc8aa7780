//! Refused work that its author gives to the office, with all that hangs on it.

use clara_domain::OpId;
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation, Receipt};
use clara_domain::row::Fields;
use rusqlite::{Connection, params};
use serde_json::Value;

use crate::error::MirrorError;
use crate::outbox::{self, Entry, OpState, entry_columns};
use crate::overlay;
use crate::spool::Frame;
use crate::statement::Key;
use crate::tx::Tx;
use crate::write::WriteTx;

impl WriteTx<'_, '_> {
    /// Hands a refused operation to the office: it waits there, as it is, for a manager's decision. What was refused for
    /// lack of it (photos of a refused inspection, changes of it) goes again behind it and waits with it. Returns the
    /// operation that says so.
    ///
    /// # Errors
    /// [`MirrorError::NoOperation`] where it was not refused.
    pub fn hand_over(&mut self, op_id: OpId) -> Result<OpId, MirrorError> {
        let entry = outbox::get(self.tx.connection, op_id)?
            .filter(|entry| entry.state == OpState::Rejected)
            .ok_or(MirrorError::NoOperation(op_id))?;
        let id = self.new_id()?;
        let mut fields = Fields::new();
        for (name, value) in [
            ("op_id", Value::String(op_id.to_string())),
            ("table_name", Value::String(entry.operation.entity.name().to_owned())),
            ("row_id", Value::String(entry.operation.row_id.to_string())),
            ("reason", Value::String("handed_over".to_owned())),
        ] {
            fields.insert(name.to_owned(), value);
        }
        if let Some(location) = entry.location_id {
            fields.insert("location_id".to_owned(), Value::String(location.to_string()));
        }
        let handed = self.insert(Entity::ParkedOperations, id, id, fields)?;
        set_state(self.tx.connection, op_id, OpState::Parked)?;
        if entry.operation.kind == OpKind::Insert {
            for follower in refused_followers(self.tx.connection, &entry)? {
                self.send_again(follower, Fields::new())?;
            }
        }
        Ok(handed)
    }
}

/// Refused operations about a new row, or that name it.
fn refused_followers(connection: &Connection, of: &Entry) -> Result<Vec<OpId>, MirrorError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        entry_columns!(),
        " FROM outbox WHERE state = 'rejected' AND seq <> ?1 ORDER BY seq"
    ))?;
    let (row_id, text) = (of.operation.row_id, of.operation.row_id.to_string());
    let mut followers = Vec::new();
    for entry in statement.query_map([of.operation.seq], outbox::entry)? {
        let operation = entry?.operation;
        let names_it = || operation.new.values().any(|value| value.as_str() == Some(&text));
        let parked = operation.entity == Entity::ParkedOperations;
        if !parked && (operation.row_id == row_id || (operation.kind == OpKind::Insert && names_it())) {
            followers.push(operation.op_id);
        }
    }
    Ok(followers)
}

fn set_state(connection: &Connection, op_id: OpId, state: OpState) -> Result<(), MirrorError> {
    connection
        .prepare_cached("UPDATE outbox SET state = ?2 WHERE op_id = ?1")?
        .execute(params![Key::of(op_id.uuid()), state])?;
    Ok(())
}

/// Which operation this one hands to the office; none for any other.
pub(crate) fn about(operation: &Operation) -> Option<OpId> {
    let handing = operation.entity == Entity::ParkedOperations && operation.kind == OpKind::Insert;
    operation.new.get("op_id").filter(|_| handing)?.as_str()?.parse().ok()
}

/// Whether its author gave an operation to the office, and has not heard that it was not taken. After a restore of the
/// server such an operation is refused again, which says nothing new.
pub(crate) fn is_handed_over(connection: &Connection, op_id: OpId) -> Result<bool, MirrorError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox h
                 WHERE h.entity = 'parked_operations' AND h.kind = 'insert' AND json_extract(h.new, '$.op_id') = ?1
                     AND (h.state IN ('pending', 'in_flight', 'applied')
                         OR (h.state = 'withdrawn' AND json_extract(h.receipt, '$.code') = 'exists')))",
        )?
        .query_row([Key::of(op_id.uuid())], |row| row.get(0))?)
}

/// Whether a handing over was refused because it is not needed.
pub(crate) fn office_has_it(receipt: &Receipt) -> bool {
    receipt.code.as_deref() == Some("exists")
}

/// What was to be handed over is refused work as before.
pub(crate) fn is_refused_again(connection: &Connection, about: OpId) -> Result<(), MirrorError> {
    connection
        .prepare_cached("UPDATE outbox SET state = 'rejected' WHERE op_id = ?1 AND state = 'parked'")?
        .execute([Key::of(about.uuid())])?;
    Ok(())
}

/// The server did not take a handing over: what was to be handed over is refused work as before, and nothing of the
/// attempt remains. Unless the office has it already, which is what was wanted.
pub(crate) fn refused(tx: &mut Tx<'_>, receipt: &Receipt) -> Result<(), MirrorError> {
    let Some(mut handing) = outbox::get(tx.connection, receipt.op_id)? else { return Ok(()) };
    let Some(about) = about(&handing.operation) else { return Ok(()) };
    if !office_has_it(receipt) {
        is_refused_again(tx.connection, about)?;
    }
    handing.state = OpState::Withdrawn;
    handing.overlaid = false;
    outbox::put(tx.connection, &handing, tx.segment)?;
    tx.frames.push(Frame::Withdrawn { op_id: receipt.op_id });
    overlay::recompute(tx.connection, Entity::ParkedOperations, handing.operation.row_id)?;
    tx.touched(Entity::ParkedOperations);
    Ok(())
}
