//! An older copy of the database beside the spool of a newer one: what was saved, sent, answered or taken back since then
//! was acknowledged, so the spool is right wherever it says anything.

use std::collections::BTreeMap;

use clara_domain::{InspectionId, OpId};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::draft;
use crate::entropy::Entropy;
use crate::error::MirrorError;
use crate::outbox::{self, Entry, OpState};
use crate::overlay;
use crate::photo_file::PhotoFiles;
use crate::rebuild::put_photo;
use crate::reconcile::{Reconciled, lacking_in_spool};
use crate::spool::{BadFrame, Frame, Spool};
use crate::statement::{self, Key};
use crate::table::profile::{heading, profile, put_profile};
use crate::told::Told;

/// Whether the spool knows an answer to something that the database has not even saved: no crash leaves that behind.
pub(crate) fn is_older(connection: &Connection, told: &Told) -> Result<bool, MirrorError> {
    let next: i64 = connection.query_row("SELECT next_seq FROM profile", [], |row| row.get(0))?;
    Ok(told.receipts.keys().filter_map(|op_id| told.operations.get(op_id)).any(|(operation, ..)| operation.seq >= next))
}

/// `first`: the first segment of the spool that was read; all of them where a person put the copy back.
pub(crate) fn catch_up(
    connection: &Connection,
    told: &Told,
    first: u64,
    bad: Vec<BadFrame>,
    spool: &mut Spool,
    photos: &PhotoFiles,
    entropy: &mut dyn Entropy,
) -> Result<Reconciled, MirrorError> {
    let tx = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let present = profile(&tx)?;
    if let Some(enrolled) = told.profile.as_ref().filter(|enrolled| present.as_ref() != Some(*enrolled)) {
        put_profile(&tx, enrolled)?;
    }
    let first_new: i64 = tx.query_row("SELECT next_seq FROM profile", [], |row| row.get(0))?;
    let mut in_order: Vec<(OpId, i64)> = told.operations.iter().map(|(id, (op, ..))| (*id, op.seq)).collect();
    in_order.sort_by_key(|(_, seq)| *seq);
    let mut operations = 0;
    for (op_id, seq) in &in_order {
        operations += u32::from(operation(&tx, told, *op_id, *seq < first_new)?);
    }
    // Also past what the server has had for long: a number used twice would make this laptop look like two.
    let highest = in_order.last().map_or(0, |(_, seq)| *seq);
    tx.execute("UPDATE profile SET next_seq = max(next_seq, ?1)", [highest + 1])?;
    bytes(&tx, told, photos)?;
    let drafts = drafts(&tx, told)?;
    let mut lacking = lacking_in_spool(&tx, told, first)?;
    lacking.extend(
        draft::open_frames(&tx)?
            .into_iter()
            .filter(|frame| matches!(frame, Frame::Draft(draft) if !told.drafts.contains_key(&draft.id))),
    );
    // The copy's cursor says nothing of what left this person's scope meanwhile: every table is compared.
    tx.execute(
        "UPDATE profile SET put_back = 0, reconciling = CASE WHEN cursor IS NULL THEN reconciling ELSE 1 END
         WHERE put_back = 1",
        [],
    )?;
    // Before the commit: what it is about to promise must exist twice. After a kill in between it is found there.
    if !lacking.is_empty() {
        spool.prepare(|| heading(&tx), || draft::open_frames(&tx), entropy)?;
        spool.append(&lacking, entropy)?;
    }
    tx.commit()?;
    let taken_over = operations + drafts + lacking.len() as u32;
    Ok(Reconciled { taken_over, caught_up: Some((operations, drafts)), bad })
}

/// Brings one operation to the state that the spool knows. Returns whether that changed anything.
fn operation(connection: &Connection, told: &Told, op_id: OpId, is_old: bool) -> Result<bool, MirrorError> {
    let Some((mut entry, segment)) = told.entry(op_id) else { return Ok(false) };
    let settled = !entry.state.is_unsent();
    // The server has it, and the copy's rows may be from before that: it lies over them until a pull shows it.
    let shown_later = matches!(entry.state, OpState::Applied | OpState::Conflict);
    let mirrored = entry.operation.entity.table().is_some() && !entry.sealed;
    entry.overlaid = mirrored && (!settled || shown_later);
    match outbox::get(connection, op_id)? {
        // Once in the copy's numbering and not there any more: the server has had it for long enough.
        None if is_old && settled => return Ok(false),
        None => {}
        Some(present) => {
            let waiting = matches!(present.state, OpState::Pending | OpState::InFlight);
            let refused = present.state == OpState::Rejected && entry.state != OpState::Pending;
            // It was to be handed to the office, and that was taken back.
            let refused_again = present.state == OpState::Parked && entry.state == OpState::Rejected;
            let version = |entry: &Entry| (entry.operation.seq, entry.operation.local_at);
            let behind = told.operations_damaged && version(&entry) < version(&present);
            let same = present.operation == entry.operation
                && (present.state == entry.state || (waiting && entry.state == OpState::Pending));
            if same || behind || !(waiting || refused || refused_again) {
                return Ok(false);
            }
        }
    }
    write(connection, &entry, segment)?;
    Ok(true)
}

fn write(connection: &Connection, entry: &Entry, segment: u64) -> Result<(), MirrorError> {
    let (entity, row_id) = (entry.operation.entity, entry.operation.row_id);
    if entry.overlaid
        && let Some(visible) = statement::select(connection, entity, row_id)?
    {
        overlay::keep_server_version(connection, entity, &visible)?;
    }
    outbox::put(connection, entry, segment)?;
    overlay::recompute(connection, entity, row_id)?;
    if entry.receipt.is_some() {
        connection
            .prepare_cached("UPDATE profile SET highest_receipted_seq = max(highest_receipted_seq, ?1)")?
            .execute([entry.operation.seq])?;
    }
    Ok(())
}

fn bytes(connection: &Connection, told: &Told, photos: &PhotoFiles) -> Result<(), MirrorError> {
    for (photo, segment) in told.photos.values() {
        let wanted: bool = connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM photo_file WHERE photo_id = ?1)
                     OR EXISTS (SELECT 1 FROM outbox WHERE row_id = ?1 AND kind = 'insert' AND state <> 'withdrawn')",
            )?
            .query_row([Key::of(photo.photo_id.uuid())], |row| row.get(0))?;
        if wanted {
            let stored = told.stored.contains(&photo.photo_id);
            put_photo(connection, photo, &photos.name(&photo.sha256), None, stored, *segment)?;
        }
    }
    Ok(())
}

fn drafts(connection: &Connection, told: &Told) -> Result<u32, MirrorError> {
    let mut present = BTreeMap::new();
    for frame in draft::open_frames(connection)? {
        if let Frame::Draft(draft) = frame {
            present.insert(draft.id, draft.saved_at);
        }
    }
    let mut taken_over = 0;
    for draft in told.open_drafts() {
        let newer = present.get(&draft.id).is_none_or(|saved_at| *saved_at < draft.saved_at);
        if newer && !is_completed(connection, draft.id)? {
            draft::restore(connection, draft)?;
            taken_over += 1;
        }
    }
    // Thrown away or completed since the copy was made. One of which the spool says nothing is kept.
    for id in present.keys() {
        if told.removed.contains(id) || is_completed(connection, *id)? {
            draft::remove(connection, *id)?;
        }
    }
    Ok(taken_over)
}

fn is_completed(connection: &Connection, id: InspectionId) -> Result<bool, MirrorError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE row_id = ?1 AND kind = 'insert')
                 OR EXISTS (SELECT 1 FROM inspection_records WHERE id = ?1)",
        )?
        .query_row([Key::of(id.uuid())], |row| row.get(0))?)
}
