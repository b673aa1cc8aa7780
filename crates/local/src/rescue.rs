//! What would be lost with this laptop, for a rescue pack: from the mirror, or from the spool alone where the mirror is
//! ruined.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use clara_domain::PhotoId;
use clara_domain::operation::{Operation, Receipt};
use rusqlite::Row;
use rusqlite::config::DbConfig;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::check::parse_timestamp;
use crate::draft;
use crate::error::{MirrorError, OpenError};
use crate::key::DataKey;
use crate::lock::lock;
use crate::mirror::Mirror;
use crate::open::{Opened, Options, make_private};
use crate::outbox::{self, Entry, OpState, entry_columns};
use crate::photo_file::PhotoFiles;
use crate::spool::{self, DraftFrame, Frame, PhotoFrame};
use crate::statement::uuid_at;
use crate::table::profile::{Profile, profile};
use crate::told::Told;
use crate::{migrate, settings};

/// Everything of a profile that the server may not have.
#[derive(Debug, Clone, Default)]
pub struct Unsent {
    /// Whose it is.
    pub profile: Option<Profile>,
    /// Operations in the order in which they were saved.
    pub operations: Vec<UnsentOperation>,
    /// Inspections that were not completed.
    pub drafts: Vec<DraftFrame>,
    /// Photos whose bytes are here and, as far as this laptop knows, nowhere else.
    pub photos: Vec<PhotoFrame>,
    /// It was read from the spool alone.
    pub from_spool: bool,
    /// Places in the spool that could not be read.
    pub bad_frames: u32,
}

/// One operation and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnsentOperation {
    /// As it is in the outbox.
    pub operation: Operation,
    /// Where it is on its way.
    pub state: OpState,
    /// Its site.
    pub location_id: Option<Uuid>,
    /// Its site is out of scope.
    pub sealed: bool,
    /// What the server said, where it did.
    pub receipt: Option<Receipt>,
}

impl From<Entry> for UnsentOperation {
    fn from(entry: Entry) -> Self {
        Self {
            operation: entry.operation,
            state: entry.state,
            location_id: entry.location_id,
            sealed: entry.sealed,
            receipt: entry.receipt,
        }
    }
}

impl Unsent {
    /// Nothing would be lost.
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty() && self.photos.is_empty() && !self.operations.iter().any(|one| one.state.is_unsent())
    }

    /// From the second copy alone: no database is opened and no lock is taken. Operations that a save has replaced since
    /// are as the last readable frame tells them.
    ///
    /// # Errors
    /// Where the folder cannot be read; a damaged spool gives what can be read of it.
    pub fn from_spool(folder: &Path, key: &DataKey) -> Result<Self, MirrorError> {
        let contents = spool::read_all(folder, key)?;
        let bad_frames = u32::try_from(contents.bad.len()).unwrap_or(u32::MAX);
        let told = Told::by(contents);
        let mut operations: Vec<UnsentOperation> = told
            .operations
            .keys()
            .filter_map(|op_id| told.entry(*op_id))
            .map(|(entry, _)| entry.into())
            .filter(|one: &UnsentOperation| belongs(one.state))
            .collect();
        operations.sort_by_key(|one| one.operation.seq);
        // A photo that was taken off again before anybody had it has an operation, and that was taken back.
        let taken_off: BTreeSet<Uuid> = told
            .operations
            .keys()
            .filter_map(|op_id| told.entry(*op_id))
            .filter(|(entry, _)| entry.state == OpState::Withdrawn)
            .map(|(entry, _)| entry.operation.row_id)
            .collect();
        let waits =
            |photo: &PhotoFrame| !told.stored.contains(&photo.photo_id) && !taken_off.contains(&photo.photo_id.uuid());
        let photos = told.photos.values().filter(|(photo, _)| waits(photo));
        Ok(Self {
            profile: told.profile.clone(),
            operations,
            drafts: told.open_drafts().cloned().collect(),
            photos: photos.map(|(photo, _)| photo.clone()).collect(),
            from_spool: true,
            bad_frames,
        })
    }

    /// Operations that the app itself would not send yet: photos of an inspection that is still a draft.
    pub fn waits_for_a_draft(&self, operation: &Operation) -> bool {
        let drafts: BTreeSet<String> = self.drafts.iter().map(|draft| draft.id.to_string()).collect();
        operation.new.get("inspection_id").and_then(|id| id.as_str()).is_some_and(|id| drafts.contains(id))
    }
}

/// A conflict is on the server, but whoever reads the pack wants to see it.
fn belongs(state: OpState) -> bool {
    state.is_unsent() || state == OpState::Conflict
}

/// Bytes that a program may still write to the disk of a folder.
///
/// # Errors
/// Where the system does not say.
pub fn free_space(folder: &Path) -> std::io::Result<u64> {
    fs4::available_space(folder)
}

impl Mirror {
    /// Opens the profile in a folder. `before` is called while the profile is held and nothing of it was changed yet, and told
    /// whether a migration comes: what [`Unsent::from_spool`] gives then is what is there.
    ///
    /// # Errors
    /// As [`Mirror::open`].
    pub fn open_after(
        folder: &Path,
        key: &DataKey,
        now: DateTime<Utc>,
        before: impl FnOnce(bool),
    ) -> Result<Opened, OpenError> {
        make_private(folder)?;
        let held = lock(folder)?;
        let path = folder.join("mirror.db");
        if path.exists() {
            let version = settings::connect(&path, key).and_then(|connection| {
                // Looked at only: a database that turns out to be damaged is kept aside as it was found, log and all.
                connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
                migrate::version(&connection)
            });
            before(version.is_ok_and(|version| version < migrate::newest()));
        }
        Self::open_held(held, folder, key, now, Options::default())
    }

    /// Everything that the server may not have. What is handed out here may reach the server by another way, so from now
    /// on it counts as sent: a later save no longer changes it but follows it. Otherwise the server would come to know
    /// one operation with two contents. Photos of a draft are not sent by anybody before the draft is completed.
    ///
    /// # Errors
    /// Where the mirror cannot be read or written; see [`Unsent::from_spool`].
    pub fn hand_out_unsent(&self) -> Result<Unsent, MirrorError> {
        let (unsent, _) = self.transact(|tx| {
            tx.connection.execute(
                "UPDATE outbox SET attempts = 1 WHERE state = 'pending' AND attempts = 0
                     AND (waits_for IS NULL OR waits_for NOT IN (SELECT id FROM inspection_draft))",
                [],
            )?;
            let mut unsent = Unsent { profile: profile(tx.connection)?, ..Unsent::default() };
            let mut statement = tx.connection.prepare_cached(concat!(
                "SELECT ",
                entry_columns!(),
                " FROM outbox WHERE state IN ('pending', 'in_flight', 'parked', 'rejected', 'conflict') ORDER BY seq"
            ))?;
            let entries = statement.query_map([], outbox::entry)?;
            unsent.operations = entries.map(|entry| entry.map(Into::into)).collect::<Result<_, _>>()?;
            let frames = draft::open_frames(tx.connection)?;
            unsent.drafts.extend(frames.into_iter().filter_map(|frame| match frame {
                Frame::Draft(draft) => Some(draft),
                _ => None,
            }));
            let mut statement = tx.connection.prepare_cached(
                "SELECT photo_id, location_id, sha256, byte_count, taken_in_at FROM photo_file
                 WHERE stored_on_server = 0 AND state = 'kept' ORDER BY taken_in_at, photo_id",
            )?;
            unsent.photos = statement.query_map([], photo)?.collect::<Result<_, _>>()?;
            Ok::<_, MirrorError>(unsent)
        })?;
        Ok(unsent)
    }
}

fn photo(row: &Row<'_>) -> rusqlite::Result<PhotoFrame> {
    let site: Option<String> = row.get(1)?;
    let taken: String = row.get(4)?;
    Ok(PhotoFrame {
        photo_id: PhotoId(uuid_at(row, 0)?),
        location_id: site.and_then(|id| Uuid::parse_str(&id).ok()),
        sha256: row.get(2)?,
        byte_count: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
        taken_in_at: parse_timestamp(&taken).unwrap_or(DateTime::<Utc>::UNIX_EPOCH),
    })
}

/// The bytes of a profile's photos, chunk by chunk, without its database.
pub struct PhotoChunks(PhotoFiles);

impl std::fmt::Debug for PhotoChunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PhotoChunks(..)")
    }
}

impl PhotoChunks {
    /// Of the profile in a folder.
    ///
    /// # Errors
    /// Where the folder cannot be used.
    pub fn open(folder: &Path, key: &DataKey) -> Result<Self, MirrorError> {
        PhotoFiles::open(folder, key).map(Self)
    }

    /// A chunk of the photo with this hash; none past the end.
    ///
    /// # Errors
    /// Where the file is missing or is not what was written.
    pub fn chunk(&self, sha256: &str, number: u64) -> Result<Option<Vec<u8>>, MirrorError> {
        self.0.chunk(&self.0.name(sha256), number)
    }
}
