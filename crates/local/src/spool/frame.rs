//! `"CLSF" ‖ length u32 ‖ CRC32C u32 ‖ nonce ‖ ciphertext ‖ tag`, little-endian; the length counts from the nonce on and
//! the CRC covers it and everything after it. The CRC tells damage from a wrong key; the mark lets a reader find the next
//! frame after a damaged one. What is sealed is one thing as a JSON object, or all that one save wrote as an array of them:
//! of a save, a torn write leaves everything or nothing.

use std::borrow::Borrow;
use std::path::Path;

use chrono::{DateTime, Utc};
use clara_domain::operation::{Operation, Receipt};
use clara_domain::{InspectionId, OpId, PhotoId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::entropy::Entropy;
use crate::error::MirrorError;
use crate::seal;

const MARK: [u8; 4] = *b"CLSF";
const HEAD: usize = 12;
/// One save is a batch of small documents; more than this is a damaged length.
const MAX_FRAME: usize = 16 << 20;
const ABOUT: &[u8] = b"spool frame 1";

/// One thing that must survive the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum Frame {
    /// Who this laptop is; opens every segment of operations.
    Profile(ProfileFrame),
    /// A saved change; a later frame of the same operation replaces it and what was answered to it.
    Operation {
        /// As it will be sent.
        operation: Operation,
        /// Its site.
        location_id: Option<Uuid>,
        /// Its site is out of scope.
        #[serde(default)]
        sealed: bool,
    },
    /// What the server answered.
    Receipt {
        /// The answer.
        receipt: Receipt,
        /// When it was stored.
        at: DateTime<Utc>,
    },
    /// Taken back by the person, or replaced by a corrected one.
    Withdrawn {
        /// Which.
        op_id: OpId,
    },
    /// The bytes of a photo were taken in, or are to be sent again.
    Photo(PhotoFrame),
    /// The server has the bytes of a photo.
    PhotoStored {
        /// Which.
        photo_id: PhotoId,
    },
    /// A draft as it stands now.
    Draft(DraftFrame),
    /// A draft was completed or thrown away.
    DraftRemoved {
        /// Which.
        id: InspectionId,
    },
}

/// Who this laptop is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileFrame {
    /// The device.
    pub device_id: Uuid,
    /// The person.
    pub user_id: Uuid,
    /// `user_role`.
    pub role: String,
}

/// What is needed to find a photo's bytes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhotoFrame {
    /// The row.
    pub photo_id: PhotoId,
    /// Its site.
    pub location_id: Option<Uuid>,
    /// Of the bytes.
    pub sha256: String,
    /// Their number.
    pub byte_count: u64,
    /// When they were taken in.
    pub taken_in_at: DateTime<Utc>,
}

/// One draft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DraftFrame {
    /// The inspection it will become.
    pub id: InspectionId,
    /// Its job.
    pub job_id: Uuid,
    /// What is inspected.
    pub equipment_id: Uuid,
    /// By which template.
    pub template_id: Option<Uuid>,
    /// Its site.
    pub location_id: Option<Uuid>,
    /// The app's document.
    pub body: Value,
    /// First saved.
    pub started_at: DateTime<Utc>,
    /// Last saved.
    pub saved_at: DateTime<Utc>,
}

impl Frame {
    pub(crate) fn is_draft(&self) -> bool {
        matches!(self, Self::Draft(_) | Self::DraftRemoved { .. })
    }
}

/// A place in a spool that could not be read; everything before and after it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadFrame {
    /// The segment's file name.
    pub segment: String,
    /// Where in the file it begins.
    pub offset: u64,
    /// How many bytes were skipped.
    pub bytes: u64,
    /// The frame is whole, and does not open with the profile's key.
    pub sealed_otherwise: bool,
}

/// Appends to a buffer what one save wrote: one frame, unless it is longer than a reader would believe.
pub(crate) fn encode<F: Borrow<Frame>>(
    out: &mut Vec<u8>,
    key: &[u8; 32],
    frames: &[F],
    entropy: &mut dyn Entropy,
) -> Result<(), MirrorError> {
    let unreadable = |_| MirrorError::Unreadable("a spool frame");
    let plain = match frames {
        [] => return Ok(()),
        [one] => serde_json::to_vec(one.borrow()),
        several => serde_json::to_vec(&several.iter().map(Borrow::borrow).collect::<Vec<_>>()),
    }
    .map_err(unreadable)?;
    if plain.len() > MAX_FRAME / 2 && frames.len() > 1 {
        let (first, second) = frames.split_at(frames.len() / 2);
        encode(out, key, first, entropy)?;
        return encode(out, key, second, entropy);
    }
    let mut nonce = [0; seal::NONCE];
    entropy.fill(&mut nonce)?;
    let sealed = seal::seal(key, nonce, ABOUT, &plain).map_err(|_| MirrorError::Unreadable("a spool frame"))?;
    let length = u32::try_from(sealed.len()).map_err(|_| MirrorError::Unreadable("a spool frame"))?.to_le_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), &sealed);
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&length);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&sealed);
    Ok(())
}

enum Step {
    Frames(Vec<Frame>, usize),
    /// Whole, but not opened (`true`) or opened and not understood.
    Unread(usize, bool),
    Bad,
}

/// What is sealed in the frame that the bytes begin with, if it is whole.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let (length, crc) = (number(4)? as usize, number(8)?);
    if !bytes.starts_with(&MARK) || length > MAX_FRAME {
        return None;
    }
    let (sealed, length_bytes) = (bytes.get(HEAD..HEAD + length)?, bytes.get(4..8)?);
    (crc32c::crc32c_append(crc32c::crc32c(length_bytes), sealed) == crc).then_some(sealed)
}

fn step(bytes: &[u8], key: &[u8; 32]) -> Step {
    let Some(sealed) = whole(bytes) else { return Step::Bad };
    let length = HEAD + sealed.len();
    let Ok(plain) = seal::open(key, ABOUT, sealed) else { return Step::Unread(length, true) };
    let frames = match plain.first() {
        Some(b'[') => serde_json::from_slice(&plain),
        _ => serde_json::from_slice(&plain).map(|frame| vec![frame]),
    };
    frames.map_or(Step::Unread(length, false), |frames| Step::Frames(frames, length))
}

/// Whether every frame of a segment is whole, told by the CRCs alone: fast enough for every start. A missing file is.
pub(crate) fn is_whole(path: &Path) -> Result<bool, MirrorError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        match whole(rest) {
            Some(sealed) => rest = rest.get(HEAD + sealed.len()..).unwrap_or_default(),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Every readable frame of a buffer, and the places between them.
pub(crate) fn decode(bytes: &[u8], key: &[u8; 32], segment: &str) -> (Vec<Frame>, Vec<BadFrame>) {
    let (mut frames, mut bad, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let place = |bytes: usize, sealed_otherwise| BadFrame {
            segment: segment.to_owned(),
            offset: at as u64,
            bytes: bytes as u64,
            sealed_otherwise,
        };
        match step(rest, key) {
            Step::Frames(read, length) => {
                frames.extend(read);
                at += length;
            }
            Step::Unread(length, sealed_otherwise) => {
                bad.push(place(length, sealed_otherwise));
                at += length;
            }
            Step::Bad => {
                // A mark inside a damaged frame may be chance; a frame counts only with its CRC.
                let next = (1..rest.len())
                    .filter(|from| rest.get(*from..).is_some_and(|tail| tail.starts_with(&MARK)))
                    .find(|from| rest.get(*from..).is_some_and(|tail| !matches!(step(tail, key), Step::Bad)))
                    .unwrap_or(rest.len());
                bad.push(place(next, false));
                at += next;
            }
        }
    }
    (frames, bad)
}

/// Reads one segment; a missing one is empty.
pub(crate) fn read_segment(path: &Path, key: &[u8; 32]) -> Result<(Vec<Frame>, Vec<BadFrame>), MirrorError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(error.into()),
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(decode(&bytes, key, &name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [5; 32];

    fn frame(number: u128) -> Frame {
        Frame::Withdrawn { op_id: OpId(Uuid::from_u128(number)) }
    }

    fn encoded(count: u128) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut starts) = (Vec::new(), Vec::new());
        for number in 0..count {
            starts.push(bytes.len());
            encode(&mut bytes, &KEY, &[frame(number)], &mut OsEntropy).unwrap();
        }
        (bytes, starts)
    }

    proptest! {
        #[test]
        fn any_damage_costs_the_frames_it_touches_and_no_other(
            flips in proptest::collection::vec((0usize..10_000, 1u8..=255), 1..6),
        ) {
            let (mut bytes, starts) = encoded(12);
            let mut touched = std::collections::BTreeSet::new();
            for (at, flip) in flips {
                let at = at % bytes.len();
                bytes[at] ^= flip;
                touched.insert(starts.iter().rposition(|start| *start <= at).unwrap() as u128);
            }
            let (frames, bad) = decode(&bytes, &KEY, "s");
            let expected: Vec<Frame> = (0..12).filter(|n| !touched.contains(n)).map(frame).collect();
            // Two flips of one byte may cancel out, then a touched frame is whole.
            let kept: Vec<&Frame> = expected.iter().filter(|f| frames.contains(f)).collect();
            prop_assert_eq!(kept.len(), expected.len());
            if frames.len() < 12 {
                prop_assert!(!bad.is_empty(), "what was skipped has a name");
            }
        }

        #[test]
        fn a_torn_end_costs_only_the_last_frame(cut in 1usize..2000) {
            let (bytes, starts) = encoded(8);
            let cut = bytes.len() - (cut % bytes.len());
            let (frames, _) = decode(&bytes[..cut], &KEY, "s");
            let whole = starts.iter().skip(1).filter(|start| **start <= cut).count() + usize::from(cut == bytes.len());
            prop_assert_eq!(frames, (0..whole as u128).map(frame).collect::<Vec<_>>());
        }

        #[test]
        fn rubbish_is_never_a_frame(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let (frames, bad) = decode(&bytes, &KEY, "s");
            prop_assert!(frames.is_empty());
            prop_assert_eq!(bad.iter().map(|b| b.bytes).sum::<u64>(), bytes.len() as u64);
        }
    }

    #[test]
    fn a_torn_save_is_absent_and_never_half_there() {
        let mut bytes = Vec::new();
        encode(&mut bytes, &KEY, &[frame(1)], &mut OsEntropy).unwrap();
        let first = bytes.len();
        encode(&mut bytes, &KEY, &[frame(2), frame(3), frame(4)], &mut OsEntropy).unwrap();
        assert_eq!(decode(&bytes, &KEY, "s").0, (1..=4).map(frame).collect::<Vec<_>>());
        for cut in first..bytes.len() {
            assert_eq!(decode(&bytes[..cut], &KEY, "s").0, [frame(1)], "cut at {cut}");
        }
    }

    #[test]
    fn a_save_longer_than_a_frame_may_be_is_still_read_back() {
        let receipt = |number: u128| Frame::Receipt {
            receipt: serde_json::from_value(serde_json::json!({
                "op_id": Uuid::from_u128(number), "outcome": "applied", "message": "m".repeat(3 << 20),
            }))
            .unwrap(),
            at: DateTime::UNIX_EPOCH,
        };
        let save: Vec<Frame> = (0..8).map(receipt).collect();
        let mut bytes = Vec::new();
        encode(&mut bytes, &KEY, &save, &mut OsEntropy).unwrap();
        let (frames, bad) = decode(&bytes, &KEY, "s");
        assert!(frames == save && bad.is_empty());
    }

    #[test]
    fn a_whole_frame_under_another_key_is_told_from_a_damaged_one() {
        let (bytes, _) = encoded(1);
        let (frames, bad) = decode(&bytes, &[6; 32], "s");
        assert!(frames.is_empty() && bad.len() == 1 && bad[0].sealed_otherwise);
    }
}
