//! The server was put back to an earlier state: it gets back what it lost, and the mirror is compared with it.

use chrono::{DateTime, Utc};
use clara_sync::Cursor;
use rusqlite::params;

use super::{decided, moves};
use crate::check::timestamp;
use crate::error::MirrorError;
use crate::outbox::{self, entry_columns};
use crate::overlay;
use crate::reconcile::photo_frame;
use crate::spool::Frame;
use crate::statement::{self, Key};
use crate::tx::Tx;

pub(super) fn begin(tx: &mut Tx<'_>, known_seq: i64) -> Result<u32, MirrorError> {
    let lost = replay(tx, known_seq)?;
    tx.connection
        .prepare_cached("UPDATE profile SET reconciling = 1, highest_receipted_seq = ?1")?
        .execute([known_seq])?;
    // A transaction number of the old counter says nothing about snapshots of the new one.
    tx.connection.prepare_cached("UPDATE outbox SET applied_xid = NULL WHERE overlaid = 1")?.execute([])?;
    Ok(lost)
}

pub(super) fn end(tx: &mut Tx<'_>, cursor: &Cursor, now: DateTime<Utc>) -> Result<(), MirrorError> {
    decided::follow(tx)?;
    tx.connection.execute(
        "UPDATE profile SET reconciling = 0, cursor = ?1, first_sync_from = NULL, last_pull_at = ?2",
        params![cursor.as_str(), timestamp(now)],
    )?;
    tx.connection.execute("DELETE FROM bookmark", [])?;
    Ok(())
}

/// The server lost what came after `known_seq`: it goes again, with the same ids, and lies over its rows until a pull
/// shows it. What was refused stays refused: it had no effect that could be lost. The spool is told as well, or the next
/// start would find the old answers there and take the work for done.
fn replay(tx: &mut Tx<'_>, known_seq: i64) -> Result<u32, MirrorError> {
    let lost: Vec<outbox::Entry> = {
        let mut statement = tx.connection.prepare_cached(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM outbox WHERE seq > ?1 AND state IN ('applied', 'conflict', 'parked', 'in_flight') ORDER BY seq"
        ))?;
        statement.query_map([known_seq], outbox::entry)?.collect::<Result<_, _>>()?
    };
    for entry in &lost {
        let operation = &entry.operation;
        let mirrored = operation.entity.table().is_some() && !entry.sealed;
        if mirrored
            && !entry.overlaid
            && let Some(visible) = statement::select(tx.connection, operation.entity, operation.row_id)?
        {
            overlay::keep_server_version(tx.connection, operation.entity, &visible)?;
        }
        tx.connection
            .prepare_cached(
                "UPDATE outbox SET state = 'pending', overlaid = ?2, receipt = NULL, applied_xid = NULL,
                     receipted_at = NULL
                 WHERE op_id = ?1",
            )?
            .execute(params![Key::of(operation.op_id.uuid()), mirrored])?;
        if mirrored {
            overlay::recompute(tx.connection, operation.entity, operation.row_id)?;
            tx.touched(operation.entity);
        }
        if entry.receipt.is_some() {
            tx.frames.push(Frame::Operation {
                operation: operation.clone(),
                location_id: entry.location_id,
                sealed: entry.sealed,
            });
        }
    }
    // Its row may have gone to another site since; with that one it is sealed, and not with the old one.
    moves::follow(tx)?;
    // Bytes of photos that came after the server's copy are gone there too, unless it says otherwise.
    let mut statement = tx.connection.prepare_cached(
        "UPDATE photo_file SET stored_on_server = 0, seen_stored = 0, segment = ?2
         WHERE state = 'kept' AND EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = photo_file.photo_id AND o.seq > ?1)
         RETURNING photo_id, location_id, sha256, byte_count, taken_in_at",
    )?;
    let mut rows = statement.query(params![known_seq, tx.segment as i64])?;
    while let Some(row) = rows.next()? {
        tx.frames.push(Frame::Photo(photo_frame(row)?));
    }
    Ok(lost.len() as u32)
}
