//! The two copies of unsent work, brought together at start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::operation::{OpKind, Operation, Receipt};
use clara_domain::{DeviceId, InspectionId, OpId, PhotoId, UserId};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::Serialize;
use uuid::Uuid;

use crate::catch_up;
use crate::check::{parse_timestamp, timestamp};
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
pub(crate) struct Told {
    pub(crate) profile: Option<Profile>,
    pub(crate) operations: BTreeMap<OpId, (Operation, Option<Uuid>, bool, u64)>,
    pub(crate) receipts: BTreeMap<OpId, (Receipt, DateTime<Utc>)>,
    withdrawn: BTreeSet<OpId>,
    /// Refused operations that were given to the office, by the operation that says so.
    handed_over: BTreeMap<OpId, OpId>,
    pub(crate) photos: BTreeMap<PhotoId, (PhotoFrame, u64)>,
    pub(crate) stored: BTreeSet<PhotoId>,
    pub(crate) drafts: BTreeMap<InspectionId, DraftFrame>,
    pub(crate) removed: BTreeSet<InspectionId>,
    /// Part of a lane could not be read: what its last readable frame says of something may not be the last word.
    pub(crate) operations_damaged: bool,
    drafts_damaged: bool,
}

impl Told {
    pub(crate) fn by(contents: Contents) -> Self {
        let damaged = |lane: &str| contents.bad.iter().any(|bad| bad.segment.starts_with(lane));
        let mut told =
            Self { operations_damaged: damaged("operations"), drafts_damaged: damaged("drafts"), ..Self::default() };
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
                    if let Some(about) = crate::hand_over::about(&operation) {
                        told.handed_over.insert(about, operation.op_id);
                    }
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

    /// Drafts that were neither thrown away nor completed. The removal of a completed one may not have reached the disk;
    /// the operation it became has.
    pub(crate) fn open_drafts(&self) -> impl Iterator<Item = &DraftFrame> {
        let made: BTreeSet<Uuid> = self
            .operations
            .values()
            .filter(|(operation, ..)| operation.kind == OpKind::Insert)
            .map(|(operation, ..)| operation.row_id)
            .collect();
        self.drafts.values().filter(move |draft| !made.contains(&draft.id.uuid()))
    }

    fn is_handed_over(&self, op_id: OpId) -> bool {
        self.handed_over.get(&op_id).is_some_and(|by| !self.withdrawn.contains(by))
    }

    pub(crate) fn entry(&self, op_id: OpId) -> Option<(Entry, u64)> {
        let (operation, location_id, sealed, segment) = self.operations.get(&op_id)?.clone();
        let receipt = self.receipts.get(&op_id);
        let state = match receipt {
            _ if self.withdrawn.contains(&op_id) => OpState::Withdrawn,
            Some((receipt, _)) => match crate::settle::state_after(receipt.outcome) {
                OpState::Rejected if self.is_handed_over(op_id) => OpState::Parked,
                state => state,
            },
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
    for draft in told.open_drafts() {
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
                taken_over += u32::from(take_over_withdrawal(&tx, present, segment)?);
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

/// An operation that was taken back, which the database does not know yet. Returns whether it was so.
fn take_over_withdrawal(connection: &Connection, mut entry: Entry, segment: u64) -> Result<bool, MirrorError> {
    if !entry.state.is_unsent() {
        return Ok(false);
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
        if !told.receipts.contains_key(&op_id) {
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
        let taken_in_at = parse_timestamp(row.get_ref(4)?.as_str()?).unwrap_or_default();
        lacking.push(Frame::Photo(PhotoFrame {
            photo_id,
            location_id: row.get::<_, Option<String>>(1)?.and_then(|id| Uuid::parse_str(&id).ok()),
            sha256: row.get(2)?,
            byte_count: row.get::<_, i64>(3)?.max(0) as u64,
            taken_in_at,
        }));
    }
    Ok(lacking)
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

/// Lets go of what the server has had for long enough, in the database and in the spool.
pub(crate) fn prune(connection: &Connection, spool: &Spool, now: DateTime<Utc>) -> Result<(), MirrorError> {
    // By the server's clock: a laptop whose clock is a year ahead would drop what a server that was put back still needs.
    let contact: Option<String> = connection.query_row("SELECT last_contact_at FROM profile", [], |row| row.get(0))?;
    let now = contact.as_deref().and_then(parse_timestamp).map_or(now, |contact| contact.min(now));
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
