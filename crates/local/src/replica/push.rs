//! Operations on their way to the server.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use clara_domain::OpId;
use clara_domain::mirror::Entity;
use clara_domain::operation::{MAX_BATCH_BYTES, MAX_BATCH_OPS, OpKind, Operation, Outcome, Receipt};
use rusqlite::Connection;
use uuid::Uuid;

use crate::error::MirrorError;
use crate::hand_over;
use crate::outbox::{self, entry_columns};
use crate::settle as receipts_of;
use crate::spool::Frame;
use crate::statement::{Key, uuid_at};
use crate::tx::Tx;

/// Bytes of JSON of an operation without `base` and `new`, at most.
const REST_OF_OPERATION: usize = 512;

/// What may go: nothing of its aggregate before it is in flight, parked or refused. A new row that is parked holds
/// nothing back: what is about it is parked behind it, and one decision settles all of it. Refused work that the office
/// has, and that goes again to a server that was put back, waits for nobody: it was refused beside what is before it.
macro_rules! ready {
    () => {
        " FROM outbox o WHERE o.state = 'pending' AND (NOT EXISTS (
              SELECT 1 FROM outbox b WHERE b.root_id = o.root_id AND b.seq < o.seq
                  AND b.state IN ('in_flight', 'parked', 'rejected') AND NOT (b.state = 'parked' AND b.kind = 'insert'))
              OR EXISTS (
              SELECT 1 FROM outbox h WHERE h.entity = 'parked_operations' AND h.overlaid = 1 AND h.kind = 'insert'
                  AND h.state IN ('pending', 'in_flight') AND json_extract(h.new, '$.op_id') = o.op_id))"
    };
}

/// Rows that operations must not arrive before: inspections still being filled in, and new rows of which nothing is
/// known yet or which were refused.
fn held_rows(connection: &Connection) -> Result<BTreeSet<Uuid>, MirrorError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM inspection_draft
         UNION SELECT row_id FROM outbox WHERE kind = 'insert' AND state IN ('in_flight', 'rejected')",
    )?;
    let rows = statement.query_map([], |row| uuid_at(row, 0))?;
    let mut held = rows.collect::<Result<BTreeSet<_>, _>>()?;
    held.extend(being_handed_over(connection)?.into_iter().map(|handing| handing.row_id));
    Ok(held)
}

/// Refused work that is being handed to the office.
struct Handing {
    /// The operation that says so.
    by: OpId,
    /// What it is about.
    about: OpId,
    /// Its place in the queue.
    seq: i64,
    row_id: Uuid,
    root_id: Uuid,
    /// A server that was put back may not know it: it goes first, to be refused again.
    goes_again: bool,
}

impl Handing {
    /// What hangs on it waits until the office has it: before that it would be refused for lack of it. What comes before
    /// it in its aggregate, as after a restore, waits for nothing.
    fn holds(&self, operation: &Operation) -> bool {
        self.root_id == operation.root_id && operation.seq > self.seq
    }
}

fn being_handed_over(connection: &Connection) -> Result<Vec<Handing>, MirrorError> {
    let mut statement = connection.prepare_cached(
        "SELECT h.op_id, p.op_id, p.seq, p.row_id, p.root_id, p.state IN ('pending', 'in_flight')
         FROM outbox h JOIN outbox p ON p.op_id = json_extract(h.new, '$.op_id')
         WHERE h.entity = 'parked_operations' AND h.overlaid = 1 AND h.kind = 'insert'
             AND h.state IN ('pending', 'in_flight')",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Handing {
            by: OpId(uuid_at(row, 0)?),
            about: OpId(uuid_at(row, 1)?),
            seq: row.get(2)?,
            row_id: uuid_at(row, 3)?,
            root_id: uuid_at(row, 4)?,
            goes_again: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn refers_to_held(operation: &Operation, held: &BTreeSet<Uuid>) -> bool {
    operation.kind == OpKind::Insert
        && operation.entity != Entity::ParkedOperations
        && operation
            .new
            .values()
            .filter_map(|value| value.as_str().filter(|text| text.len() == 36))
            .any(|text| Uuid::parse_str(text).is_ok_and(|id| id != operation.row_id && held.contains(&id)))
}

/// Walks over what may go now, in order, until `each` says to stop.
fn walk(connection: &Connection, mut each: impl FnMut(Operation, usize) -> bool) -> Result<(), MirrorError> {
    let held = held_rows(connection)?;
    let handings = being_handed_over(connection)?;
    let mut held_roots = BTreeSet::new();
    let mut statement = connection.prepare_cached(concat!("SELECT ", entry_columns!(), ready!(), " ORDER BY o.seq"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // Never less than its JSON: the two documents are stored as they are sent, the rest has a known length.
        let documents = row.get_ref("base")?.as_str()?.len() + row.get_ref("new")?.as_str()?.len();
        let size = documents + REST_OF_OPERATION;
        let operation = outbox::entry(row)?.operation;
        // Whatever it refers to: it was refused once, and is again.
        let goes_again = handings.iter().any(|handing| handing.goes_again && handing.about == operation.op_id);
        if !goes_again {
            let comes_after = handings.iter().any(|handing| handing.goes_again && handing.by == operation.op_id);
            let held_up = handings.iter().any(|handing| handing.holds(&operation));
            if comes_after || held_up || held_roots.contains(&operation.root_id) {
                continue;
            }
            if !held.is_empty() && refers_to_held(&operation, &held) {
                held_roots.insert(operation.root_id);
                continue;
            }
        }
        if !each(operation, size) {
            break;
        }
    }
    Ok(())
}

/// How many may go now. Counted exactly only where something is held back.
pub(super) fn ready(connection: &Connection) -> Result<u32, MirrorError> {
    if held_rows(connection)?.is_empty() {
        return Ok(connection.prepare_cached(concat!("SELECT count(*)", ready!()))?.query_row([], |row| row.get(0))?);
    }
    let mut count = 0;
    walk(connection, |_, _| {
        count += 1;
        true
    })?;
    Ok(count)
}

pub(super) fn take(
    connection: &Connection,
    max_operations: usize,
    max_bytes: usize,
) -> Result<Vec<Operation>, MirrorError> {
    let (mut batch, mut bytes) = (Vec::<Operation>::new(), 2);
    // Where the batch's last save begins.
    let mut save = 0;
    walk(connection, |operation, size| {
        let same_save =
            batch.last().is_some_and(|last| last.root_id == operation.root_id && last.local_at == operation.local_at);
        // One that is too large by itself goes alone, or it would never go.
        if batch.len() >= max_operations || (!batch.is_empty() && bytes + size > max_bytes) {
            // What one save has written to one aggregate goes in one push: others must not see a half of it, however long
            // the next push takes to come. It waits for a batch of its own, which it may fill further than was asked for.
            if !same_save {
                return false;
            }
            if save > 0 {
                batch.truncate(save);
                return false;
            }
            if batch.len() >= MAX_BATCH_OPS || bytes + size > MAX_BATCH_BYTES {
                return false;
            }
        }
        if !same_save {
            save = batch.len();
        }
        bytes += size;
        batch.push(operation);
        true
    })?;
    let mut statement =
        connection.prepare_cached("UPDATE outbox SET state = 'in_flight', attempts = attempts + 1 WHERE op_id = ?1")?;
    for operation in &batch {
        statement.execute([Key::of(operation.op_id.uuid())])?;
    }
    Ok(batch)
}

pub(super) fn settle(tx: &mut Tx<'_>, receipts: &[Receipt], now: DateTime<Utc>) -> Result<(), MirrorError> {
    for receipt in receipts {
        if let Some((entity, _)) = receipts_of::receive(tx.connection, receipt, now)? {
            tx.frames.push(Frame::Receipt { receipt: receipt.clone(), at: now });
            tx.touched(entity);
            if receipt.outcome == Outcome::Rejected && entity == Entity::ParkedOperations {
                hand_over::refused(tx, receipt)?;
            }
        }
    }
    Ok(())
}

pub(super) fn put_back(connection: &Connection, operations: &[OpId]) -> Result<(), MirrorError> {
    let mut statement =
        connection.prepare_cached("UPDATE outbox SET state = 'pending' WHERE op_id = ?1 AND state = 'in_flight'")?;
    for op_id in operations {
        statement.execute([Key::of(op_id.uuid())])?;
    }
    Ok(())
}

pub(super) fn put_back_all(connection: &Connection) -> Result<u32, MirrorError> {
    let mut statement = connection.prepare_cached("UPDATE outbox SET state = 'pending' WHERE state = 'in_flight'")?;
    Ok(statement.execute([])? as u32)
}
