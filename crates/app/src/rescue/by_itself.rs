//! Packs that nobody asked for: before a newer program opens the work, and when the disk is almost full. When the server
//! refuses the laptop, is a matter of sync.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use clara_local::{DataKey, Mirror, OpenError, Opened, PhotoChunks, Unsent};

use super::RescueError;
use super::make::{Cause, KEPT, Maker, SHELF, header, put_on_shelf, tell};
use super::pack::Occasion;
use super::write::Made;
use crate::session::profile::{Folder, Profile};
use crate::vault::{Key, Vault, write_private};

/// Below this much free space a pack is made, once.
const LOW: u64 = 256 << 20;
/// Once there is this much again, the next low disk gets another: a disk that hovers at the border makes no pack at each turn.
const FINE: u64 = 512 << 20;
/// What a pack leaves free in any case: saves and the database need it more.
const RESERVE: u64 = 160 << 20;
/// Packs kept where space is short: the new one, and one from before, which may hold photos that did not fit into it.
const KEPT_ON_LOW_DISK: usize = 2;

/// In the shelf: a pack was made for this low disk.
const MADE_ON_LOW_DISK: &str = "low-disk";
/// In the shelf: operations are in a pack and not yet marked as handed out.
const HANDING_OUT: &str = "handing-out";
/// In the profile's folder: the version of the program that opened it last.
const OPENED_BY: &str = "opened-by";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Opens the mirror. Where another version of the program did so last, or the schema is an older one, what is unsent goes
/// into a pack before anything is changed. That it fails is no reason not to open: the disk may be full.
pub(crate) fn before_update(
    folder: &Folder,
    profile: &Profile,
    vault: &Vault,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Opened, OpenError> {
    let data_key = DataKey::from_bytes(*key.bytes());
    let opened_by = folder.root().join(OPENED_BY);
    let other_version = fs::read_to_string(&opened_by).ok().as_deref() != Some(VERSION);
    let handing_out = folder.root().join(SHELF).join(HANDING_OUT);
    let opened = Mirror::open_after(&folder.mirror(), &data_key, now, |migrates| {
        if profile.server.is_some() && (migrates || other_version) {
            match pack(folder, profile, vault, &data_key, &handing_out, now) {
                Ok(None) => {}
                Ok(Some(made)) => tell(Cause::ByItself(Occasion::Update), &Ok(made)),
                Err(error) => tell(Cause::ByItself(Occasion::Update), &Err(error)),
            }
        }
    })?;
    // What is in that pack must not be changed by a later save: the server would come to know it with two contents.
    if handing_out.exists() && opened.mirror.hand_out_unsent().is_ok() {
        let _marked_again_at_the_next_start = fs::remove_file(&handing_out);
    }
    if other_version && let Err(error) = write_private(&opened_by, VERSION.as_bytes()) {
        tracing::warn!(%error, "the program's version was not noted");
    }
    Ok(opened)
}

/// From the second copy: the database is of another program still.
fn pack(
    folder: &Folder,
    profile: &Profile,
    vault: &Vault,
    key: &DataKey,
    handing_out: &Path,
    now: DateTime<Utc>,
) -> Result<Option<Made>, RescueError> {
    let Some(recipient) = vault.recipient() else { return Ok(None) };
    let unsent = Unsent::from_spool(&folder.mirror(), key)?;
    if unsent.is_empty() {
        return Ok(None);
    }
    let shelf = folder.root().join(SHELF);
    let chunks = PhotoChunks::open(&folder.mirror(), key)?;
    let photo_bytes = unsent.photos.iter().map(|photo| photo.byte_count).sum();
    let chunks = room_for(&shelf, photo_bytes)?.then_some(&chunks);
    write_private(handing_out, b"")?;
    let header = header(profile, &recipient, &unsent, Cause::ByItself(Occasion::Update), now);
    put_on_shelf(&shelf, &recipient, header, &unsent, chunks, KEPT).map(Some)
}

/// Whether a pack with so many bytes of photos leaves what saves need.
fn room_for(shelf: &Path, photo_bytes: u64) -> std::io::Result<bool> {
    let place = if shelf.is_dir() { shelf } else { shelf.parent().unwrap_or(shelf) };
    // A hundredth for frames and the seal.
    Ok(clara_local::free_space(place)? >= RESERVE.saturating_add(photo_bytes).saturating_add(photo_bytes / 100))
}

impl Maker {
    /// Once for each time that the disk gets low. Photos go in where there is room for them.
    pub(crate) fn make_on_low_disk(&self) {
        let shelf = self.shelf();
        let made = shelf.join(MADE_ON_LOW_DISK);
        match clara_local::free_space(&self.folder) {
            Ok(free) if free >= FINE && made.exists() => {
                let _tried_again_at_the_next_turn = fs::remove_file(&made);
            }
            Ok(free) if free < LOW && !made.exists() => {
                let Ok(unsent) = self.mirror.hand_out_unsent() else { return };
                if unsent.is_empty() {
                    return;
                }
                let photo_bytes = unsent.photos.iter().map(|photo| photo.byte_count).sum();
                let photos = room_for(&shelf, photo_bytes).unwrap_or(false);
                let cause = Cause::ByItself(Occasion::LowDisk);
                let done = self.make_with(cause, None, photos, KEPT_ON_LOW_DISK);
                tell(cause, &done);
                // Without room for it, another try at every turn would be one at the last bytes, again and again.
                if done.is_ok() || clara_local::free_space(&self.folder).is_ok_and(|free| free < RESERVE) {
                    let _made_again_at_worst = write_private(&made, b"");
                }
            }
            _ => {}
        }
    }
}
