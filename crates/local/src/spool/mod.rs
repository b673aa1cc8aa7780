//! The second copy of unsent work. A destroyed database loses nothing: what it held beyond the server's data is read
//! back from here.
//!
//! Two lanes of append-only segments in the profile's `spool` folder. `operations` keeps every operation until 35 days
//! after its receipt. `drafts` keeps the newest version of each draft: when a segment is full, the drafts that are still
//! open are written to the next one and the full one goes.
//!
//! Each save appends its frames with one write and one fsync, and only then commits the database. A crash between the two
//! leaves work in the spool that nobody was promised; the next start takes it over. So the spool is never behind the
//! database, unless it was damaged.

mod frame;
mod lane;

use std::path::{Path, PathBuf};

use clara_domain::InspectionId;
use clara_domain::operation::OpKind;
use zeroize::Zeroizing;

pub(crate) use frame::read_segment;
pub use frame::{BadFrame, DraftFrame, Frame, PhotoFrame, ProfileFrame};
pub(crate) use lane::Mark;

use crate::entropy::Entropy;
use crate::error::MirrorError;
use crate::files::make_folder;
use crate::key::DataKey;
use lane::{Lane, Reach};

/// Everything readable in a spool, oldest first within each lane, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) operations: Vec<(u64, Frame)>,
    pub(crate) drafts: Vec<Frame>,
    pub(crate) bad: Vec<BadFrame>,
}

/// The open spool of a profile.
pub(crate) struct Spool {
    profile: PathBuf,
    data_key: DataKey,
    key: Zeroizing<[u8; 32]>,
    folder: PathBuf,
    operations: Lane,
    drafts: Lane,
}

/// Where both lanes ended before an append.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    operations: Option<Mark>,
    drafts: Option<Mark>,
}

fn folder_of(profile: &Path) -> PathBuf {
    profile.join("spool")
}

fn key_of(key: &DataKey) -> Zeroizing<[u8; 32]> {
    key.derive("spool")
}

impl Spool {
    pub(crate) fn open(profile: &Path, key: &DataKey, segment_bytes: u64) -> Result<Self, MirrorError> {
        let data_key = key.clone();
        let (folder, key) = (folder_of(profile), key_of(key));
        make_folder(&folder)?;
        let operations = Lane::open(&folder, "operations", segment_bytes, &key)?;
        let drafts = Lane::open(&folder, "drafts", segment_bytes, &key)?;
        Ok(Self { profile: profile.to_owned(), data_key, key, folder, operations, drafts })
    }

    /// Makes room for a save: begins new segments where the present ones are full. `heading` opens a segment of
    /// operations, `drafts` are those still open. Returns the segment that operations will go to.
    pub(crate) fn prepare(
        &mut self,
        heading: impl FnOnce() -> Result<Vec<Frame>, MirrorError>,
        drafts: impl FnOnce() -> Result<Vec<Frame>, MirrorError>,
        entropy: &mut dyn Entropy,
    ) -> Result<u64, MirrorError> {
        if self.operations.is_full() || self.operations.is_empty() {
            let frames = heading()?;
            if self.operations.is_full() {
                self.operations.begin_next(&self.folder)?;
            }
            self.operations.append(&self.key, &frames, Reach::Now, entropy)?;
        }
        if self.drafts.is_full() {
            let frames = drafts()?;
            let full = self.drafts.number();
            self.drafts.begin_next(&self.folder)?;
            self.drafts.append(&self.key, &frames, Reach::Now, entropy)?;
            lane::remove_through(&self.folder, "drafts", full)?;
        }
        Ok(self.operations.number())
    }

    /// The segment that operations go to now.
    pub(crate) fn segment(&self) -> u64 {
        self.operations.number()
    }

    /// Appends and syncs. On an error nothing is appended.
    pub(crate) fn append(&mut self, frames: &[Frame], entropy: &mut dyn Entropy) -> Result<Marks, MirrorError> {
        let (drafts, operations): (Vec<&Frame>, Vec<&Frame>) = frames.iter().partition(|frame| frame.is_draft());
        let mut marks = Marks { operations: None, drafts: None };
        // That a draft was completed is told by the operation it became, which is durable before this returns: the word
        // that it is gone may reach the disk later. Both readers of the spool go by the operation.
        let made = |id: InspectionId| {
            operations.iter().any(|frame| {
                matches!(frame, Frame::Operation { operation, .. }
                    if operation.kind == OpKind::Insert && operation.row_id == id.uuid())
            })
        };
        let later = drafts.iter().all(|frame| matches!(frame, Frame::DraftRemoved { id } if made(*id)));
        let reach = if later { Reach::SomeTime } else { Reach::Now };
        if !operations.is_empty() {
            marks.operations = Some(self.operations.append(&self.key, &operations, Reach::Now, entropy)?);
        }
        if !drafts.is_empty() {
            match self.drafts.append(&self.key, &drafts, reach, entropy) {
                Ok(mark) => marks.drafts = Some(mark),
                Err(error) => {
                    self.take_back(marks)?;
                    return Err(error);
                }
            }
        }
        Ok(marks)
    }

    /// Undoes an append whose transaction did not commit.
    pub(crate) fn take_back(&mut self, marks: Marks) -> Result<(), MirrorError> {
        if let Some(mark) = marks.operations {
            self.operations.take_back(mark)?;
        }
        if let Some(mark) = marks.drafts {
            self.drafts.take_back(mark)?;
        }
        Ok(())
    }

    /// The operations of the segments from one on, further back where an older one is damaged, and all drafts. Returns the
    /// first segment that was read.
    pub(crate) fn since(&self, segment: u64) -> Result<(u64, Contents), MirrorError> {
        let damaged = lane::first_damaged(&self.folder, "operations")?;
        let first = damaged.map_or(segment, |damaged| damaged.min(segment));
        Ok((first, read_from(&self.profile, &self.data_key, first)?))
    }

    /// Removes the segments of operations before `first_needed`.
    pub(crate) fn drop_before(&self, first_needed: u64) -> Result<(), MirrorError> {
        // The operations that tell of completed drafts may go with them: from here on the other lane has to say it.
        self.drafts.sync()?;
        let through = first_needed.min(self.operations.number()).saturating_sub(1);
        lane::remove_through(&self.folder, "operations", through)
    }
}

/// Reads a whole spool, whatever state it is in.
pub(crate) fn read_all(profile: &Path, key: &DataKey) -> Result<Contents, MirrorError> {
    read_from(profile, key, 0)
}

fn read_from(profile: &Path, key: &DataKey, first: u64) -> Result<Contents, MirrorError> {
    let (folder, key) = (folder_of(profile), key_of(key));
    let mut contents = Contents::default();
    for (number, path) in lane::segments(&folder, "operations")?.into_iter().filter(|(number, _)| *number >= first) {
        let (frames, bad) = read_segment(&path, &key)?;
        contents.operations.extend(frames.into_iter().map(|frame| (number, frame)));
        contents.bad.extend(bad);
    }
    for (_, path) in lane::segments(&folder, "drafts")? {
        let (frames, bad) = read_segment(&path, &key)?;
        contents.drafts.extend(frames);
        contents.bad.extend(bad);
    }
    Ok(contents)
}

/// Whether the key opens any frame; none where there is no whole frame to try it on.
pub(crate) fn key_fits(profile: &Path, key: &DataKey) -> Result<Option<bool>, MirrorError> {
    let (folder, key) = (folder_of(profile), key_of(key));
    let mut tried = None;
    for lane in ["operations", "drafts"] {
        for (_, path) in lane::segments(&folder, lane)? {
            let (frames, bad) = read_segment(&path, &key)?;
            if !frames.is_empty() {
                return Ok(Some(true));
            }
            if bad.iter().any(|bad| bad.sealed_otherwise) {
                tried = Some(false);
            }
        }
    }
    Ok(tried)
}
