//! The two copies of unsent work, brought together at start.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use clara_domain::operation::{Operation, Receipt};
use clara_domain::{InspectionId, OpId, PhotoId};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use uuid::Uuid;

use crate::catch_up;
use crate::check::parse_timestamp;
use crate::draft;
use crate::entropy::Entropy;
use crate::error::MirrorError;
use crate::hand_over;
use crate::outbox::{self, Entry, OpState, entry_columns};
use crate::overlay;
use crate::photo_file::PhotoFiles;
use crate::rebuild::put_photo;
use crate::spool::{BadFrame, Frame, PhotoFrame, Spool};
use crate::statement::{self, Key};
use crate::told::Told;

/// What both copies came to.
pub(crate) struct Reconciled {
    /// What either had from the other.
    pub(crate) taken_over: u32,
    /// The database was an older copy: operations and drafts among them.
    pub(crate) caught_up: Option<(u32, u32)>,
    pub(crate) bad: Vec<BadFrame>,
}

/// One of the two copies may lack something: the database the last save, after a crash between spool and commit, or
/// all that stood in a log that was damaged, or, where an older copy was put back, all since; the spool what damage took.
/// Whoever has it, gives it to the other.
pub(crate) fn reconcile(
    connection: &Connection,
    spool: &mut Spool,
    photos: &PhotoFiles,
    entropy: &mut dyn Entropy,
) -> Result<Reconciled, MirrorError> {
    let put_back: bool = connection.query_row("SELECT put_back FROM profile", [], |row| row.get(0))?;
    // What the database may lack was written after all that it knows of.
    let known: u64 = connection.query_row(
        "SELECT max(coalesce((SELECT max(segment) FROM outbox), 0), coalesce((SELECT max(segment) FROM photo_file), 0))",
        [],
        |row| Ok(row.get::<_, i64>(0)?.max(0) as u64),
    )?;
    let (first, contents) = spool.since(if put_back { 0 } else { known })?;
    let bad = contents.bad.clone();
    let segment = spool.segment();
    let told = Told::by(contents);
    if put_back || catch_up::is_older(connection, &told)? {
        return catch_up::catch_up(connection, &told, first, bad, spool, photos, entropy);
    }
    let tx = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let mut taken_over = 0;
    let mut give_back = Vec::new();
    // In the order in which they were saved: ids of one millisecond have none.
    let mut in_order: Vec<_> = told.operations.iter().collect();
    in_order.sort_by_key(|(_, (operation, ..))| operation.seq);
    for (op_id, (operation, ..)) in in_order {
        match outbox::get(&tx, *op_id)? {
            None => taken_over += u32::from(take_over(&tx, &told, *op_id, segment, &mut give_back)?),
            Some(present) if told.withdrawn.contains(op_id) => {
                let answer = told.receipts.get(op_id);
                taken_over += u32::from(take_over_withdrawal(&tx, present, answer, segment)?);
            }
            Some(present) if present.operation != *operation => {
                let waiting = matches!(present.state, OpState::Pending | OpState::InFlight);
                let version = |operation: &Operation| (operation.seq, operation.local_at);
                // The spool is written first: what it says is newer, unless the newest there could not be read.
                if waiting && (!told.operations_damaged || version(operation) > version(&present.operation)) {
                    take_over_version(&tx, present, operation.clone(), segment, &mut give_back)?;
                    taken_over += 1;
                } else {
                    give_back.push(frame_of(present));
                }
            }
            Some(_) => {}
        }
    }
    // What was taken back may have been saved in a segment before those that were read: then it is not among the
    // operations above. Passed over, the two copies would disagree for good, and a rebuild would lose what the other sends.
    for op_id in told.withdrawn.iter().filter(|op_id| !told.operations.contains_key(op_id)) {
        if let Some(present) = outbox::get(&tx, *op_id)? {
            taken_over += u32::from(take_over_withdrawal(&tx, present, told.receipts.get(op_id), segment)?);
        }
    }
    let mut lacking = lacking_in_spool(&tx, &told, first)?;
    give_back.append(&mut lacking);
    for (op_id, (receipt, at)) in &told.receipts {
        let waiting =
            outbox::get(&tx, *op_id)?.is_some_and(|entry| matches!(entry.state, OpState::Pending | OpState::InFlight));
        if waiting && crate::settle::receive(&tx, receipt, *at)?.is_some() {
            taken_over += 1;
        }
    }
    for (photo, segment) in told.photos.values() {
        let has_row = told.operations.values().any(|(operation, ..)| operation.row_id == photo.photo_id.uuid());
        let known: bool = tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM photo_file WHERE photo_id = ?1)")?
            .query_row([Key::of(photo.photo_id.uuid())], |row| row.get(0))?;
        if !known && has_row {
            let stored = told.stored.contains(&photo.photo_id);
            put_photo(&tx, photo, &photos.name(&photo.sha256), None, stored, *segment)?;
        }
    }
    taken_over += take_over_drafts(&tx, &told, &mut give_back)?;
    tx.commit()?;
    if !give_back.is_empty() {
        taken_over += give_back.len() as u32;
        // A segment begins with who this laptop is, also one that begins with what another lost.
        spool.prepare(|| crate::table::profile::heading(connection), || draft::open_frames(connection), entropy)?;
        spool.append(&give_back, entropy)?;
    }
    Ok(Reconciled { taken_over, caught_up: None, bad })
}

fn frame_of(entry: Entry) -> Frame {
    Frame::Operation { operation: entry.operation, location_id: entry.location_id, sealed: entry.sealed }
}

/// Puts an operation that only the spool has into the database. One with a receipt is old and was pruned.
fn take_over(
    connection: &Connection,
    told: &Told,
    op_id: OpId,
    segment: u64,
    give_back: &mut Vec<Frame>,
) -> Result<bool, MirrorError> {
    if told.receipts.contains_key(&op_id) || told.withdrawn.contains(&op_id) {
        return Ok(false);
    }
    let Some((mut entry, _)) = told.entry(op_id) else { return Ok(false) };
    // It was never in the database, so it was never sent.
    entry.attempts = 0;
    let next: i64 = connection.query_row("SELECT next_seq FROM profile", [], |row| row.get(0))?;
    if entry.operation.seq < next {
        entry.operation.seq = next;
        give_back.push(frame_of(entry.clone()));
    }
    connection.execute("UPDATE profile SET next_seq = ?1", [entry.operation.seq + 1])?;
    let (entity, row_id) = (entry.operation.entity, entry.operation.row_id);
    if entry.overlaid
        && let Some(visible) = statement::select(connection, entity, row_id)?
    {
        overlay::keep_server_version(connection, entity, &visible)?;
    }
    outbox::put(connection, &entry, segment)?;
    if entry.overlaid {
        overlay::recompute(connection, entity, row_id)?;
    }
    // The inspection that a draft became: both were one save.
    draft::remove(connection, InspectionId(row_id))?;
    Ok(true)
}

/// A newer version of an operation that the database has and that was not sent yet.
fn take_over_version(
    connection: &Connection,
    present: Entry,
    operation: Operation,
    segment: u64,
    give_back: &mut Vec<Frame>,
) -> Result<(), MirrorError> {
    let next: i64 = connection.query_row("SELECT next_seq FROM profile", [], |row| row.get(0))?;
    let before = present.operation.seq;
    let mut entry = Entry { operation, ..present };
    if entry.operation.seq != before && entry.operation.seq < next {
        // Another operation may have the number by now.
        entry.operation.seq = next;
        give_back.push(frame_of(entry.clone()));
    }
    connection.execute("UPDATE profile SET next_seq = max(next_seq, ?1)", [entry.operation.seq + 1])?;
    outbox::put(connection, &entry, segment)?;
    if entry.overlaid {
        overlay::recompute(connection, entry.operation.entity, entry.operation.row_id)?;
    }
    Ok(())
}

/// An operation that was taken back, which the database does not know yet: by the person, or, where it was to hand work
/// over, because the server did not take it. Returns whether it was so.
fn take_over_withdrawal(
    connection: &Connection,
    mut entry: Entry,
    answer: Option<&(Receipt, DateTime<Utc>)>,
    segment: u64,
) -> Result<bool, MirrorError> {
    if !entry.state.is_unsent() {
        return Ok(false);
    }
    let office_has_it = answer.is_some_and(|(receipt, _)| hand_over::office_has_it(receipt));
    if let Some(about) = hand_over::about(&entry.operation).filter(|_| !office_has_it) {
        hand_over::is_refused_again(connection, about)?;
    }
    if let Some((receipt, at)) = answer {
        (entry.receipt, entry.receipted_at) = (Some(receipt.clone()), Some(*at));
        connection
            .prepare_cached("UPDATE profile SET highest_receipted_seq = max(highest_receipted_seq, ?1)")?
            .execute([entry.operation.seq])?;
    }
    let (was_overlaid, entity, row_id) = (entry.overlaid, entry.operation.entity, entry.operation.row_id);
    entry.state = OpState::Withdrawn;
    entry.overlaid = false;
    outbox::put(connection, &entry, segment)?;
    if was_overlaid {
        overlay::recompute(connection, entity, row_id)?;
        if entry.attempts > 0 {
            overlay::refetch(connection, entity, row_id)?;
        }
    }
    Ok(true)
}

/// Unsent operations, what was answered to them or taken back of them, and photos: what the database has and the spool,
/// from a segment on, should have.
pub(crate) fn lacking_in_spool(connection: &Connection, told: &Told, first: u64) -> Result<Vec<Frame>, MirrorError> {
    let mut lacking = Vec::new();
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        entry_columns!(),
        " FROM outbox WHERE segment >= ?1 AND state IN ('pending', 'in_flight', 'parked', 'rejected', 'withdrawn')
          ORDER BY seq"
    ))?;
    for entry in statement.query_map([first as i64], outbox::entry)? {
        let entry = entry?;
        let op_id = entry.operation.op_id;
        let known = told.operations.contains_key(&op_id);
        if entry.state == OpState::Withdrawn {
            // An operation that comes back from the spool without it would be sent after all.
            if known && !told.withdrawn.contains(&op_id) {
                lacking.push(Frame::Withdrawn { op_id });
            }
            continue;
        }
        let receipt = entry.receipt.clone().zip(entry.receipted_at);
        if !known {
            lacking.push(frame_of(entry));
        }
        if !known || !told.receipts.contains_key(&op_id) {
            lacking.extend(receipt.map(|(receipt, at)| Frame::Receipt { receipt, at }));
        }
    }
    let mut statement = connection.prepare_cached(
        "SELECT photo_id, location_id, sha256, byte_count, taken_in_at FROM photo_file
         WHERE segment >= ?1 AND stored_on_server = 0",
    )?;
    let mut rows = statement.query([first as i64])?;
    while let Some(row) = rows.next()? {
        let photo_id = PhotoId(statement::uuid_at(row, 0)?);
        if told.photos.contains_key(&photo_id) {
            continue;
        }
        lacking.push(Frame::Photo(photo_frame(row)?));
    }
    Ok(lacking)
}

/// From `photo_id, location_id, sha256, byte_count, taken_in_at`.
pub(crate) fn photo_frame(row: &rusqlite::Row<'_>) -> Result<PhotoFrame, MirrorError> {
    Ok(PhotoFrame {
        photo_id: PhotoId(statement::uuid_at(row, 0)?),
        location_id: row.get::<_, Option<String>>(1)?.and_then(|id| Uuid::parse_str(&id).ok()),
        sha256: row.get(2)?,
        byte_count: row.get::<_, i64>(3)?.max(0) as u64,
        taken_in_at: parse_timestamp(row.get_ref(4)?.as_str()?).unwrap_or_default(),
    })
}

fn take_over_drafts(connection: &Connection, told: &Told, give_back: &mut Vec<Frame>) -> Result<u32, MirrorError> {
    let present: BTreeMap<InspectionId, Frame> = draft::open_frames(connection)?
        .into_iter()
        .filter_map(|frame| if let Frame::Draft(draft) = &frame { Some((draft.id, frame)) } else { None })
        .collect();
    let mut taken_over = 0;
    for draft in told.open_drafts() {
        let completed: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE row_id = ?1 AND kind = 'insert')")?
            .query_row([Key::of(draft.id.uuid())], |row| row.get(0))?;
        let newer = match present.get(&draft.id) {
            // Written first, so newer, unless the newest there could not be read.
            Some(frame @ Frame::Draft(present)) => {
                *frame != Frame::Draft(draft.clone()) && (!told.drafts_damaged || present.saved_at < draft.saved_at)
            }
            _ => !completed,
        };
        if newer {
            draft::restore(connection, draft)?;
            taken_over += 1;
        }
    }
    for (id, frame) in present {
        if told.removed.contains(&id) && !told.operations_damaged {
            // Thrown away, or completed: then what it became was written first, and is here.
            taken_over += u32::from(draft::remove(connection, id)?);
        } else if !told.drafts.contains_key(&id) && draft::exists(connection, id)? {
            give_back.push(frame);
        }
    }
    Ok(taken_over)
}

/// What was on its way when the program ended: nothing is known of it, so it goes again, under the same id.
pub(crate) fn after_crash(connection: &Connection) -> Result<(), MirrorError> {
    connection.execute("UPDATE outbox SET state = 'pending' WHERE state = 'in_flight'", [])?;
    Ok(())
}
