//! What the office decided of our work, wherever the laptop learns of it.

use clara_domain::OpId;
use clara_domain::mirror::Entity;
use rusqlite::params;
use uuid::Uuid;

use super::pull::take_off;
use crate::error::MirrorError;
use crate::outbox::{self, OpState};
use crate::overlay;
use crate::statement::{Key, uuid_at};
use crate::tx::Tx;

/// An operation that waits for the office, or is held to be refused, and what the office's record of it says.
struct Record {
    op_id: OpId,
    decision: Option<String>,
}

/// A receipt that is given again (after a server was started anew, every operation goes again) says what was answered first:
/// that the work was parked, or refused before it was handed to the office. What became of it since is in a record that
/// the mirror may have had for long, and that no pull will bring once more. To be called where the mirror shows what the
/// server has.
pub(super) fn follow(tx: &mut Tx<'_>) -> Result<(), MirrorError> {
    let records: Vec<Record> = {
        let mut statement = tx.connection.prepare_cached(
            // The server's version: a manager's own decision may lie over it, unsent.
            "SELECT o.op_id, iif(s.row_id IS NULL, p.decision, json_extract(s.fields, '$.decision'))
             FROM outbox o
             JOIN parked_operations p ON p.op_id = o.op_id AND p.row_ver > 0
             LEFT JOIN shadow s ON s.entity = 'parked_operations' AND s.row_id = p.id
             WHERE o.state IN ('parked', 'rejected') AND coalesce(s.gone, 0) = 0
             ORDER BY o.seq",
        )?;
        let rows =
            statement.query_map([], |row| Ok(Record { op_id: OpId(uuid_at(row, 0)?), decision: row.get(1)? }))?;
        rows.collect::<Result<_, _>>()?
    };
    for record in records {
        match record.decision {
            Some(decision) => settle(tx, record.op_id, &decision)?,
            None => at_the_office(tx, record.op_id)?,
        }
    }
    Ok(())
}

/// Work that was handed over before it was refused again.
fn at_the_office(tx: &mut Tx<'_>, op_id: OpId) -> Result<(), MirrorError> {
    tx.connection
        .prepare_cached("UPDATE outbox SET state = 'parked' WHERE op_id = ?1 AND state = 'rejected'")?
        .execute([Key::of(op_id.uuid())])?;
    Ok(())
}

/// Work of ours that was parked and is now decided.
pub(super) fn settle(tx: &mut Tx<'_>, op_id: OpId, decision: &str) -> Result<(), MirrorError> {
    let waits = |entry: &outbox::Entry| matches!(entry.state, OpState::Parked | OpState::Rejected);
    let Some(mut entry) = outbox::get(tx.connection, op_id)?.filter(waits) else { return Ok(()) };
    let accepted = decision == "accepted";
    entry.state = if accepted { OpState::Applied } else { OpState::Declined };
    tx.connection
        .prepare_cached("UPDATE outbox SET state = ?2 WHERE op_id = ?1")?
        .execute(params![Key::of(op_id.uuid()), entry.state])?;
    if entry.overlaid {
        take_off(tx, &entry)?;
        if !accepted {
            let (entity, row_id): (Entity, Uuid) = (entry.operation.entity, entry.operation.row_id);
            overlay::refetch(tx.connection, entity, row_id)?;
        }
    }
    Ok(())
}
