//! Reading a pack: what is outside the seal by anybody, what is inside with the key, and as much of it as is whole.
//! Nothing of it is carried out.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use clara_local::{DraftFrame, UnsentOperation};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::frame::{self, Kind};
use super::pack::{Counts, FORMAT, MARK, PackHeader, PackPhoto};
use super::{Identity, RescueError};

/// What anybody can see of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outside {
    /// Its format.
    pub format: u32,
    /// The fingerprint of the key that opens it.
    pub recipient: String,
    /// The file's size.
    pub bytes: u64,
}

/// One thing of a pack, in the order in which it stands there.
#[derive(Debug)]
pub enum Part {
    /// Always the first.
    Header(Box<PackHeader>),
    /// An operation.
    Operation(Box<UnsentOperation>),
    /// A draft.
    Draft(Box<DraftFrame>),
    /// A photo; its chunks follow.
    Photo(PackPhoto),
    /// Bytes of the photo before it.
    Chunk(Vec<u8>),
    /// The laptop could not read the photo before it to its end.
    Lacking,
    /// Always the last: the pack is whole.
    End(Counts),
}

/// Reads the one line outside the seal.
///
/// # Errors
/// [`RescueError::NotAPack`], [`RescueError::Newer`].
pub fn look(path: &Path) -> Result<Outside, RescueError> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    outside(&mut BufReader::new(file), bytes)
}

fn outside(input: &mut impl BufRead, bytes: u64) -> Result<Outside, RescueError> {
    let mut line = Vec::new();
    input.take(200).read_until(b'\n', &mut line)?;
    let line = std::str::from_utf8(&line).map_err(|_| RescueError::NotAPack)?;
    let mut words = line.strip_suffix('\n').ok_or(RescueError::NotAPack)?.split(' ');
    let (mark, format, recipient) = (words.next(), words.next(), words.next());
    let format = format.and_then(|format| format.parse().ok()).filter(|_| mark == Some(MARK));
    match (format, recipient) {
        (Some(FORMAT), Some(recipient)) => Ok(Outside { format: FORMAT, recipient: recipient.to_owned(), bytes }),
        (Some(format), _) if format > FORMAT => Err(RescueError::Newer(format)),
        _ => Err(RescueError::NotAPack),
    }
}

/// An open pack.
pub struct Reader {
    input: BufReader<age::stream::StreamReader<BufReader<File>>>,
    ended: bool,
}

impl Reader {
    /// Opens a pack.
    ///
    /// # Errors
    /// [`RescueError::OtherKey`] names the key that is needed.
    pub fn open(path: &Path, identity: &Identity) -> Result<Reader, RescueError> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut input = BufReader::new(file);
        let outside = outside(&mut input, bytes)?;
        let opened = identity.open_from(input).map_err(|error| match error {
            RescueError::OtherKey(_) => RescueError::OtherKey(outside.recipient),
            other => other,
        })?;
        Ok(Reader { input: BufReader::with_capacity(64 << 10, opened), ended: false })
    }

    /// The next thing; none after the end.
    ///
    /// # Errors
    /// [`RescueError::Damaged`] where the pack is cut off or changed; what came before is as it was written.
    pub fn next_part(&mut self) -> Result<Option<Part>, RescueError> {
        if self.ended {
            return Ok(None);
        }
        loop {
            // A file that ends without its last frame was cut off at a lucky place.
            let (kind, body) =
                frame::next(&mut self.input).map_err(|_| RescueError::Damaged)?.ok_or(RescueError::Damaged)?;
            let part = match kind {
                Kind::Filler => continue,
                Kind::Header => Part::Header(read(&body)?),
                Kind::Operation => Part::Operation(read(&body)?),
                Kind::Draft => Part::Draft(read(&body)?),
                Kind::Photo => Part::Photo(read(&body)?),
                Kind::Chunk => Part::Chunk(body),
                Kind::Lacking => Part::Lacking,
                Kind::End => {
                    self.ended = true;
                    Part::End(read(&body)?)
                }
            };
            return Ok(Some(part));
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, RescueError> {
    serde_json::from_slice(body).map_err(|_| RescueError::Damaged)
}

/// All that a pack holds, but for the bytes of its photos.
#[derive(Debug, Default, Serialize)]
pub struct Shown {
    /// None where not even that could be read.
    pub header: Option<PackHeader>,
    /// In the order in which they were saved.
    pub operations: Vec<UnsentOperation>,
    /// Inspections that were not completed.
    pub drafts: Vec<DraftFrame>,
    /// Photos whose bytes are in it and are what they should be.
    pub photos: Vec<PackPhoto>,
    /// Photos whose bytes are not whole.
    pub photos_lacking: Vec<PackPhoto>,
    /// The pack was read to its end and holds what it says.
    pub whole: bool,
}

/// A photo, and what has come of it so far: its digest and its length.
type Came = (PackPhoto, Sha256, u64);

impl Shown {
    /// No more bytes of this photo follow.
    fn settle(&mut self, came: Option<Came>) {
        let Some((photo, digest, bytes)) = came else { return };
        let whole = bytes == photo.byte_count && hex(&digest.finalize()) == photo.sha256;
        let list = if whole { &mut self.photos } else { &mut self.photos_lacking };
        list.push(photo);
    }
}

/// Reads a pack as far as it goes. `keep` gets each photo's bytes as they come; nothing else is done with them.
///
/// # Errors
/// Where not even the seal can be opened, or `keep` fails. A pack that is damaged later gives what is before.
pub fn show(
    path: &Path,
    identity: &Identity,
    mut keep: impl FnMut(&PackPhoto, &[u8]) -> std::io::Result<()>,
) -> Result<Shown, RescueError> {
    let mut reader = Reader::open(path, identity)?;
    let mut shown = Shown::default();
    let mut current: Option<Came> = None;
    loop {
        let part = match reader.next_part() {
            Ok(part) => part,
            Err(RescueError::Damaged) => {
                shown.settle(current);
                return Ok(shown);
            }
            Err(other) => return Err(other),
        };
        if !matches!(part, Some(Part::Chunk(_))) {
            shown.settle(current.take());
        }
        match part {
            None => return Ok(shown),
            Some(Part::Header(header)) => shown.header = Some(*header),
            Some(Part::Operation(operation)) => shown.operations.push(*operation),
            Some(Part::Draft(draft)) => shown.drafts.push(*draft),
            Some(Part::Photo(photo)) => current = Some((photo, Sha256::new(), 0)),
            Some(Part::Chunk(chunk)) => {
                let Some((photo, digest, bytes)) = current.as_mut() else { return Err(RescueError::Damaged) };
                keep(photo, &chunk)?;
                digest.update(&chunk);
                *bytes += chunk.len() as u64;
            }
            Some(Part::Lacking) => {}
            Some(Part::End(counts)) => {
                let found = shown.photos.len() + shown.photos_lacking.len();
                shown.whole = (counts.operations, counts.drafts, counts.photos)
                    == (shown.operations.len() as u32, shown.drafts.len() as u32, found as u32)
                    && counts.photos_lacking as usize == shown.photos_lacking.len();
            }
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
