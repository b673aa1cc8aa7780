//! The two copies of unsent work, brought together at start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::operation::{Operation, Receipt};
use clara_domain::{DeviceId, InspectionId, OpId, PhotoId, UserId};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::Serialize;
use uuid::Uuid;

use crate::check::timestamp;
use crate::draft;
use crate::entropy::Entropy;
use crate::error::MirrorError;
use crate::outbox::{self, Entry, OpState, entry_columns};
use crate::overlay;
use crate::photo_file::PhotoFiles;
use crate::spool::{BadFrame, Contents, DraftFrame, Frame, PhotoFrame, Spool};
use crate::statement::{self, Key};
use crate::table::profile::{Profile, put_profile};

/// How long an operation is kept after its receipt: long enough to give a server back what it lost.
const JOURNAL_DAYS: i64 = 35;
/// Left free in the numbering after a rebuild: frames that could not be read may have carried the next numbers.
const SEQ_GAP: i64 = 1000;

/// What was put back from the spool.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rebuilt {
    /// Where the damaged database was kept; none where there was none.
    pub aside: Option<PathBuf>,
    /// Operations that the server has not confirmed.
    pub operations: u32,
    /// Drafts.
    pub drafts: u32,
    /// Photos whose bytes are here.
    pub photos: u32,
    /// Places in the spool that could not be read.
    pub bad_frames: Vec<BadFrame>,
}

/// What the frames add up to.
#[derive(Default)]
struct Told {
    profile: Option<Profile>,
    operations: BTreeMap<OpId, (Operation, Option<Uuid>, bool, u64)>,
    receipts: BTreeMap<OpId, (Receipt, DateTime<Utc>)>,
    withdrawn: BTreeSet<OpId>,
    photos: BTreeMap<PhotoId, (PhotoFrame, u64)>,
    stored: BTreeSet<PhotoId>,
    drafts: BTreeMap<InspectionId, DraftFrame>,
    removed: BTreeSet<InspectionId>,
}

impl Told {
    fn by(contents: Contents) -> Self {
        let mut told = Self::default();
        for (segment, frame) in contents.operations {
            match frame {
                Frame::Profile(frame) => {
                    told.profile = Some(Profile {
                        device: DeviceId(frame.device_id),
                        user: UserId(frame.user_id),
                        role: frame.role,
                    });
                }
                Frame::Operation { operation, location_id, sealed } => {
                    told.operations.insert(operation.op_id, (operation, location_id, sealed, segment));
                }
                Frame::Receipt { receipt, at } => {
                    told.receipts.insert(receipt.op_id, (receipt, at));
                }
                Frame::Withdrawn { op_id } => {
                    told.withdrawn.insert(op_id);
                }
                Frame::Photo(photo) => {
                    told.photos.insert(photo.photo_id, (photo, segment));
                }
                Frame::PhotoStored { photo_id } => {
                    told.stored.insert(photo_id);
                }
                Frame::Draft(_) | Frame::DraftRemoved { .. } => {}
            }
        }
        for frame in contents.drafts {
            match frame {
                Frame::Draft(draft) => {
                    told.removed.remove(&draft.id);
                    told.drafts.insert(draft.id, draft);
                }
                Frame::DraftRemoved { id } => {
                    told.drafts.remove(&id);
                    told.removed.insert(id);
                }
                _ => {}
            }
        }
        told
    }

    fn entry(&self, op_id: OpId) -> Option<(Entry, u64)> {
        let (operation, location_id, sealed, segment) = self.operations.get(&op_id)?.clone();
        let receipt = self.receipts.get(&op_id);
        let state = match receipt {
            _ if self.withdrawn.contains(&op_id) => OpState::Withdrawn,
            Some((receipt, _)) => crate::settle::state_after(receipt.outcome),
            None => OpState::Pending,
        };
        let overlaid = operation.entity.table().is_some() && !sealed && state.is_unsent();
        let entry = Entry {
            operation,
            location_id,
            state,
            overlaid,
            sealed,
            // It may have been sent: only what is known never to have been may still be altered.
            attempts: 1,
            applied_xid: receipt.and_then(|(receipt, _)| receipt.applied_xid.clone()),
            receipted_at: receipt.map(|(_, at)| *at),
            receipt: receipt.map(|(receipt, _)| receipt.clone()),
        };
        Some((entry, segment))
    }
}

/// Whether a database was made and the spool not yet read into it.
pub(crate) fn is_unread(connection: &Connection) -> Result<bool, MirrorError> {
    Ok(connection.query_row("SELECT spool_read = 0 FROM profile", [], |row| row.get(0))?)
}

/// Fills a new database with what the spool holds.
pub(crate) fn from_spool(
    connection: &Connection,
    contents: Contents,
    photos: &PhotoFiles,
    aside: Option<PathBuf>,
) -> Result<Rebuilt, MirrorError> {
    let mut rebuilt = Rebuilt { aside, bad_frames: contents.bad.clone(), ..Rebuilt::default() };
    let told = Told::by(contents);
    let tx = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    if let Some(profile) = &told.profile {
        put_profile(&tx, profile)?;
    }
    let (mut highest, mut receipted) = (0, 0);
    let mut rows = BTreeSet::new();
    for op_id in told.operations.keys() {
        let Some((entry, segment)) = told.entry(*op_id) else { continue };
        highest = highest.max(entry.operation.seq);
        if entry.receipt.is_some() {
            receipted = receipted.max(entry.operation.seq);
        }
        rebuilt.operations += u32::from(entry.state.is_unsent());
        if entry.overlaid {
            rows.insert((entry.operation.entity, entry.operation.row_id));
        }
        outbox::put(&tx, &entry, segment)?;
    }
    for (entity, row_id) in rows {
        overlay::recompute(&tx, entity, row_id)?;
    }
    let next = if highest == 0 && rebuilt.bad_frames.is_empty() { 1 } else { highest + 1 + SEQ_GAP };
    tx.execute(
        "UPDATE profile SET spool_read = 1, next_seq = ?1, highest_receipted_seq = ?2",
        params![next, receipted],
    )?;
    for draft in told.drafts.values() {
        draft::restore(&tx, draft)?;
        rebuilt.drafts += 1;
    }
    for (photo, segment) in told.photos.values() {
        let name = photos.name(&photo.sha256);
        rebuilt.photos += u32::from(photos.path(&name).exists());
        put_photo(&tx, photo, &name, None, told.stored.contains(&photo.photo_id), *segment)?;
    }
    tx.commit()?;
    Ok(rebuilt)
}

pub(crate) fn put_photo(
    connection: &Connection,
    photo: &PhotoFrame,
    name: &str,
    thumbnail: Option<&[u8]>,
    stored_on_server: bool,
    segment: u64,
) -> Result<(), MirrorError> {
    connection
        .prepare_cached(
            "INSERT INTO photo_file (photo_id, location_id, sha256, name, byte_count, thumbnail, state,
                 stored_on_server, taken_in_at, segment)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'kept', ?7, ?8, ?9)
             ON CONFLICT (photo_id) DO UPDATE SET
                 sha256 = excluded.sha256, name = excluded.name, byte_count = excluded.byte_count,
                 thumbnail = coalesce(excluded.thumbnail, thumbnail), state = 'kept',
                 stored_on_server = max(stored_on_server, excluded.stored_on_server)",
        )?
        .execute(params![
            Key::of(photo.photo_id.uuid()),
            photo.location_id.map(Key::of),
            photo.sha256,
            name,
            photo.byte_count as i64,
            thumbnail,
            stored_on_server,
            timestamp(photo.taken_in_at),
            segment as i64,
        ])?;
    Ok(())
}

/// After a crash between spool and commit one of the two copies may lack the last save: whoever has it, gives it to the
/// other. Only the newest segments can be affected, unless the database is an older copy.
pub(crate) fn reconcile(
    connection: &Connection,
    spool: &mut Spool,
    photos: &PhotoFiles,
    entropy: &mut dyn Entropy,
) -> Result<(u32, Vec<BadFrame>), MirrorError> {
    let mut contents = spool.newest()?;
    if is_ahead(connection, &contents)? {
        contents = spool.everything()?;
    }
    let bad = contents.bad.clone();
    let segment = spool.segment();
    let told = Told::by(contents);
    let tx = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let mut taken_over = 0;
    let mut give_back = Vec::new();
    // In the order in which they were saved: ids of one millisecond have none.
    let mut in_order: Vec<_> = told.operations.iter().collect();
    in_order.sort_by_key(|(_, (operation, ..))| operation.seq);
    for (op_id, (operation, ..)) in in_order {
        match outbox::get(&tx, *op_id)? {
            None => taken_over += u32::from(take_over(&tx, &told, *op_id, segment, &mut give_back)?),
            // An older version in the database: the newer one was never acknowledged, and the spool must not end with
            // something else than what will be sent.
            Some(present) if present.operation != *operation => give_back.push(frame_of(present)),
            Some(_) => {}
        }
    }
    give_back.extend(lacking_in_spool(&tx, &told, segment)?);
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
        spool.append(&give_back, entropy)?;
    }
    Ok((taken_over, bad))
}

/// Whether the database lacks more than the last save: it is an older copy that somebody put back.
fn is_ahead(connection: &Connection, contents: &Contents) -> Result<bool, MirrorError> {
    let next: i64 = connection.query_row("SELECT next_seq FROM profile", [], |row| row.get(0))?;
    Ok(contents
        .operations
        .iter()
        .any(|(_, frame)| matches!(frame, Frame::Operation { operation, .. } if operation.seq > next)))
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

/// Operations that the database has and the newest segment should have.
fn lacking_in_spool(connection: &Connection, told: &Told, segment: u64) -> Result<Vec<Frame>, MirrorError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        entry_columns!(),
        " FROM outbox WHERE segment = ?1 AND state = 'pending'"
    ))?;
    let mut lacking = Vec::new();
    for entry in statement.query_map([segment as i64], outbox::entry)? {
        let entry = entry?;
        if !told.operations.contains_key(&entry.operation.op_id) {
            lacking.push(frame_of(entry));
        }
    }
    Ok(lacking)
}

fn take_over_drafts(connection: &Connection, told: &Told, give_back: &mut Vec<Frame>) -> Result<u32, MirrorError> {
    let present: BTreeMap<InspectionId, Frame> = draft::open_frames(connection)?
        .into_iter()
        .filter_map(|frame| if let Frame::Draft(draft) = &frame { Some((draft.id, frame)) } else { None })
        .collect();
    let mut taken_over = 0;
    for draft in told.drafts.values() {
        let completed: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE row_id = ?1 AND kind = 'insert')")?
            .query_row([Key::of(draft.id.uuid())], |row| row.get(0))?;
        let newer = match present.get(&draft.id) {
            Some(Frame::Draft(present)) => present.saved_at < draft.saved_at,
            _ => !completed,
        };
        if newer {
            draft::restore(connection, draft)?;
            taken_over += 1;
        }
    }
    // Removed in the spool only: the removal was not acknowledged, and the draft is still there.
    give_back.extend(told.removed.iter().filter_map(|id| {
        let still_open = draft::exists(connection, *id).unwrap_or(false);
        present.get(id).filter(|_| still_open).cloned()
    }));
    Ok(taken_over)
}

/// What was on its way when the program ended: nothing is known of it, so it goes again, under the same id.
pub(crate) fn after_crash(connection: &Connection) -> Result<(), MirrorError> {
    connection.execute("UPDATE outbox SET state = 'pending' WHERE state = 'in_flight'", [])?;
    Ok(())
}

/// Lets go of what the server has had for long enough, in the database and in the spool.
pub(crate) fn prune(connection: &Connection, spool: &Spool, now: DateTime<Utc>) -> Result<(), MirrorError> {
    let before = timestamp(now - TimeDelta::days(JOURNAL_DAYS));
    connection.execute(
        "DELETE FROM outbox
         WHERE overlaid = 0 AND state IN ('applied', 'conflict', 'declined', 'withdrawn')
           AND coalesce(receipted_at, local_at) < ?1",
        [before],
    )?;
    let first_needed: i64 = connection.query_row(
        "SELECT min(coalesce((SELECT min(segment) FROM outbox), ?1),
                    coalesce((SELECT min(segment) FROM photo_file WHERE stored_on_server = 0), ?1))",
        [i64::MAX],
        |row| row.get(0),
    )?;
    spool.drop_before(u64::try_from(first_needed).unwrap_or(0))
}

/// Photo files without a row go, photos without a file are marked. Returns how many of each. After a rebuild nothing is
/// removed: the frame that named a file may be one of those that could not be read.
pub(crate) fn sweep_photos(
    connection: &Connection,
    photos: &PhotoFiles,
    after_rebuild: bool,
) -> Result<(u64, u32), MirrorError> {
    let mut statement = connection.prepare("SELECT DISTINCT name FROM photo_file")?;
    let known: BTreeSet<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut missing = 0;
    for name in &known {
        if !photos.path(name).exists() {
            missing += connection.execute(
                "UPDATE photo_file SET state = 'missing' WHERE name = ?1 AND state = 'kept' AND stored_on_server = 0",
                [name],
            )?;
            connection
                .execute("UPDATE photo_file SET state = 'freed' WHERE name = ?1 AND stored_on_server = 1", [name])?;
        }
    }
    let removed = if after_rebuild { 0 } else { photos.sweep(&known)? };
    Ok((removed, missing as u32))
}
