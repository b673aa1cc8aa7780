//! Making packs on the laptop, when a person asks; when it is made without, is in [`super::by_itself`].

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clara_contract::Empty;
use clara_contract::rescue::{RescueFile, RescueMade, RescueState};
use clara_contract::sync::SavedFile;
use clara_local::{DataKey, Mirror, PhotoChunks, Unsent};
use uuid::Uuid;

use super::pack::{Counts, FORMAT, Occasion, PackHeader, Reason, SUFFIX};
use super::write::{Made, UNFINISHED, write};
use super::{Recipient, RescueError};
use crate::app::Core;
use crate::clock::Clock;
use crate::error::{Error, Result, Rule};
use crate::field::stamp;
use crate::session::profile::Profile;
use crate::vault::{Key, Vault};

/// The folder in the profile for packs that nobody chose a place for.
pub(super) const SHELF: &str = "rescue";
/// Packs kept in the profile. An older one goes only after a newer one is whole, and a newer one holds all that is still
/// unsent of the older.
pub(super) const KEPT: usize = 5;

/// Why a pack is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Asked,
    Revoked,
    Recovered,
    ByItself(Occasion),
}

/// All that is needed to make packs of one profile.
pub(crate) struct Maker {
    pub(crate) folder: PathBuf,
    pub(crate) profile: Profile,
    pub(crate) vault: Vault,
    pub(crate) key: Key,
    pub(crate) mirror: Mirror,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Maker {
    /// Where packs are kept that nobody chose a place for.
    pub(crate) fn shelf(&self) -> PathBuf {
        self.folder.join(SHELF)
    }

    /// Makes a pack of everything that the server may not have.
    pub(crate) fn make(&self, cause: Cause, out: Option<&Path>) -> std::result::Result<Made, RescueError> {
        self.make_with(cause, out, true, KEPT)
    }

    /// `photos` false: what was typed alone, for a disk that is almost full. `kept`: how many packs stay on the shelf.
    pub(super) fn make_with(
        &self,
        cause: Cause,
        out: Option<&Path>,
        photos: bool,
        kept: usize,
    ) -> std::result::Result<Made, RescueError> {
        let recipient = self.vault.recipient().ok_or(RescueError::NoRecipient)?;
        let store = self.mirror.folder();
        let data_key = DataKey::from_bytes(*self.key.bytes());
        let unsent = match self.mirror.hand_out_unsent() {
            Ok(unsent) => unsent,
            // What the mirror held and cannot give any more was written a second time beside it.
            Err(error) => {
                tracing::warn!(%error, "the mirror cannot be read: the rescue pack is made from the spool");
                Unsent::from_spool(store, &data_key)?
            }
        };
        let chunks = PhotoChunks::open(store, &data_key)?;
        let header = header(&self.profile, &recipient, &unsent, cause, self.clock.now());
        let chunks = photos.then_some(&chunks);
        match out {
            Some(folder) => write(folder, &recipient, header, &unsent, chunks),
            None => put_on_shelf(&self.shelf(), &recipient, header, &unsent, chunks, kept),
        }
    }

    /// The same by itself, where there is anything to lose. Nobody waits for it, and it must not fail what it goes with.
    pub(crate) fn make_by_itself(&self, cause: Cause) {
        if !self.mirror.hand_out_unsent().is_ok_and(|unsent| unsent.is_empty()) {
            tell(cause, &self.make(cause, None));
        }
    }

    /// Takes the key away from everybody at this laptop; false where it stays, because nobody else has it.
    pub(crate) fn lock_away(&self) -> bool {
        match self.vault.lock_away(self.clock.now()) {
            Ok(true) => {
                tracing::warn!("the office has ended this laptop's access: the work was locked");
                true
            }
            Ok(false) => {
                tracing::warn!("the work was not locked: it is not sealed to the company's recovery key");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "the work was not locked");
                false
            }
        }
    }

    /// A key for the server to keep, where it keeps none for this laptop.
    pub(crate) fn new_lock_key(&self) -> Option<Key> {
        let made = self.vault.new_lock_key(&self.key, self.profile.device_id);
        made.inspect_err(|error| tracing::warn!(%error, "no lock key was made")).ok().flatten()
    }

    pub(crate) fn lock_key_is_kept(&self) {
        if let Err(error) = self.vault.lock_key_is_kept() {
            tracing::warn!(%error, "it could not be noted that the server keeps the lock key");
        }
    }

    /// The company's key as the server tells it. A new one replaces the old one: packs from now on need the new.
    pub(crate) fn learn(&self, recipient: &str) {
        learn(&self.vault, &self.key, recipient);
    }
}

/// Keeps the data key under the company's recovery key too. Not worth failing what it goes with: the next start tries
/// again.
pub(crate) fn learn(vault: &Vault, key: &Key, recipient: &str) {
    let Some(recipient) = Recipient::parse(recipient) else {
        tracing::warn!("the server's recovery key is none");
        return;
    };
    match vault.seal_for_recovery(key, &recipient) {
        Ok(true) => {
            tracing::info!(recipient = recipient.fingerprint(), "the key is kept for the office's recovery key too")
        }
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "the key could not be kept for the office's recovery key"),
    }
}

pub(super) fn tell(cause: Cause, made: &std::result::Result<Made, RescueError>) {
    match made {
        Ok(made) => tracing::info!(
            ?cause,
            operations = made.counts.operations,
            photos = made.counts.photos,
            "a rescue pack was made"
        ),
        Err(error) => tracing::warn!(%error, ?cause, "no rescue pack was made"),
    }
}

pub(super) fn header(
    profile: &Profile,
    recipient: &Recipient,
    unsent: &Unsent,
    cause: Cause,
    made_at: DateTime<Utc>,
) -> PackHeader {
    let (reason, occasion) = match cause {
        Cause::Asked => (Reason::Asked, None),
        Cause::Revoked => (Reason::Revoked, None),
        Cause::Recovered => (Reason::Recovered, None),
        Cause::ByItself(occasion) => (Reason::Asked, Some(occasion)),
    };
    PackHeader {
        format: FORMAT,
        id: Uuid::now_v7(),
        made_at,
        reason,
        occasion,
        app_version: env!("CARGO_PKG_VERSION").into(),
        user_id: profile.user_id,
        full_name: profile.full_name.clone(),
        // What the store says: the ledger counts by it.
        device_id: unsent.profile.as_ref().map_or(profile.device_id, |known| known.device),
        device_name: profile.device_name.clone(),
        company: profile.company.clone(),
        server: profile.server.as_ref().map(|at| format!("{}/{}", at.host, at.database)).unwrap_or_default(),
        recipient: recipient.fingerprint(),
        from_spool: unsent.from_spool,
        bad_frames: unsent.bad_frames,
        counts: Counts::default(),
        draft_ids: unsent.drafts.iter().map(|draft| draft.id.uuid()).collect(),
    }
}

/// Packs in a folder, newest first. Their names begin with the moment.
fn packs(shelf: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(shelf).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut packs: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == SUFFIX)).collect();
    let made = |path: &PathBuf| fs::metadata(path).and_then(|about| about.modified()).ok();
    packs.sort_by_key(|path| std::cmp::Reverse((made(path), path.clone())));
    packs
}

/// Writes a pack among those that the profile keeps. Older ones go only once it is whole and on the disk.
pub(super) fn put_on_shelf(
    shelf: &Path,
    recipient: &Recipient,
    header: PackHeader,
    unsent: &Unsent,
    chunks: Option<&PhotoChunks>,
    kept: usize,
) -> std::result::Result<Made, RescueError> {
    sweep(shelf);
    let made = write(shelf, recipient, header, unsent, chunks)?;
    let others = packs(shelf).into_iter().filter(|path| *path != made.path);
    for old in others.skip(kept.saturating_sub(1)) {
        match fs::remove_file(&old) {
            Ok(()) => tracing::info!(pack = ?old.file_name(), "an old rescue pack was removed"),
            Err(error) => tracing::warn!(%error, "an old rescue pack could not be removed"),
        }
    }
    Ok(made)
}

/// Half packs of a program that was ended while it made them.
fn sweep(shelf: &Path) {
    for entry in fs::read_dir(shelf).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|end| end == UNFINISHED) {
            let _a_later_one_tries_again = fs::remove_file(entry.path());
        }
    }
}

/// The packs of a profile's folder, newest first.
pub(crate) fn kept(profile: &Path) -> Vec<RescueFile> {
    let files = packs(&profile.join(SHELF)).into_iter().filter_map(|path| {
        let about = fs::metadata(&path).ok()?;
        let made_at = stamp(DateTime::<Utc>::from(about.modified().ok()?));
        Some(RescueFile { file: saved(&path), made_at, byte_count: about.len() })
    });
    files.collect()
}

fn saved(path: &Path) -> SavedFile {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    SavedFile { name, path: path.display().to_string() }
}

impl Made {
    /// As a person is told of it.
    pub(crate) fn told(&self) -> RescueMade {
        RescueMade {
            made_at: stamp(self.header.made_at),
            byte_count: self.bytes,
            operations: self.counts.operations,
            drafts: self.counts.drafts,
            photos: self.counts.photos - self.counts.photos_lacking,
            photos_lacking: self.counts.photos_lacking,
            file: saved(&self.path),
        }
    }
}

impl Core {
    /// Makes a pack now.
    pub(crate) fn make_rescue(&self, _request: Empty) -> Result<RescueMade> {
        self.make_rescue_into(None)
    }

    /// Makes a pack now, in a folder of the caller's choice.
    pub(crate) fn make_rescue_into(&self, out: Option<&Path>) -> Result<RescueMade> {
        let open = self.open()?;
        let maker = open.maker.as_ref().ok_or(Error::NotAllowed(Rule::Demo))?;
        Ok(maker.make(Cause::Asked, out)?.told())
    }

    /// Whether a pack can be made, and the last one that was.
    pub(crate) fn rescue_state(&self, _request: Empty) -> Result<RescueState> {
        let open = self.open()?;
        let Some(maker) = &open.maker else {
            return Ok(RescueState { ready: false, last: None, kept: Vec::new() });
        };
        let kept = kept(&maker.folder);
        Ok(RescueState { ready: maker.vault.recipient().is_some(), last: kept.first().cloned(), kept })
    }
}
