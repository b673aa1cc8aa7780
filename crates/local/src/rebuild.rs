//! A new database, filled with what the spool holds.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::Serialize;

use crate::check::timestamp;
use crate::draft;
use crate::error::MirrorError;
use crate::outbox;
use crate::overlay;
use crate::photo_file::PhotoFiles;
use crate::spool::{BadFrame, Contents, PhotoFrame};
use crate::statement::Key;
use crate::table::profile::put_profile;
use crate::told::Told;

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
