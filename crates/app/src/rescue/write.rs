//! Writing a pack: streamed, aside, and moved into place once it is whole and on the disk.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clara_local::{PhotoChunks, PhotoFrame, Unsent};
use serde::Serialize;

use super::frame::{Frames, Kind};
use super::pack::{Counts, FORMAT, MARK, PackHeader, PackPhoto, SUFFIX};
use super::{Recipient, RescueError};
use crate::vault::make_private_folder;

/// How a pack's name ends until it is whole.
pub(super) const UNFINISHED: &str = "new";

/// A pack that was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Made {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What it says of itself.
    pub header: PackHeader,
    /// What is in it: photos that could not be read are known only here and at its end.
    pub counts: Counts,
}

/// Writes a pack into a folder. `photos` none: operations and drafts alone, for a disk that is almost full.
pub(super) fn write(
    folder: &Path,
    recipient: &Recipient,
    mut header: PackHeader,
    unsent: &Unsent,
    photos: Option<&PhotoChunks>,
) -> Result<Made, RescueError> {
    let frames: &[PhotoFrame] = if photos.is_some() { &unsent.photos } else { &[] };
    header.counts = Counts {
        operations: unsent.operations.len() as u32,
        drafts: unsent.drafts.len() as u32,
        photos: frames.len() as u32,
        photo_bytes: frames.iter().map(|photo| photo.byte_count).sum(),
        photos_lacking: 0,
    };
    make_private_folder_if_new(folder)?;
    let path = free_name(folder, &header);
    let aside = path.with_extension(UNFINISHED);
    let written = write_to(&aside, recipient, &header, unsent, photos.map(|chunks| (chunks, frames)));
    let counts = written.inspect_err(|_| {
        // Half a pack is worth nothing, and on a full disk its space is.
        let _already_gone = fs::remove_file(&aside);
    })?;
    fs::rename(&aside, &path)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    let bytes = fs::metadata(&path)?.len();
    Ok(Made { path, bytes, header, counts })
}

/// A stick or a folder of the person's keeps the rights it has.
fn make_private_folder_if_new(folder: &Path) -> io::Result<()> {
    if folder.is_dir() { Ok(()) } else { make_private_folder(folder) }
}

fn write_to(
    aside: &Path,
    recipient: &Recipient,
    header: &PackHeader,
    unsent: &Unsent,
    photos: Option<(&PhotoChunks, &[PhotoFrame])>,
) -> Result<Counts, RescueError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = BufWriter::new(options.open(aside)?);
    writeln!(file, "{MARK} {FORMAT} {}", header.recipient)?;
    let mut frames = Frames::new(recipient.seal_into(file)?);
    frames.put(Kind::Header, &json(header)?)?;
    for operation in &unsent.operations {
        frames.put(Kind::Operation, &json(operation)?)?;
    }
    for draft in &unsent.drafts {
        frames.put(Kind::Draft, &json(draft)?)?;
    }
    let mut counts = header.counts;
    if let Some((chunks, photos)) = photos {
        // Photos are most of a pack: where it is cut off in them, everything typed is still in the pieces before.
        frames.fill()?;
        for photo in photos {
            if !put_photo(&mut frames, chunks, photo)? {
                frames.put(Kind::Lacking, photo.photo_id.to_string().as_bytes())?;
                counts.photos_lacking += 1;
            }
        }
    }
    frames.put(Kind::End, &json(&counts)?)?;
    let mut file = frames.out.finish()?;
    file.flush()?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(counts)
}

/// False where the laptop cannot read its bytes: the pack goes on with the others.
fn put_photo<W: Write>(frames: &mut Frames<W>, chunks: &PhotoChunks, photo: &PhotoFrame) -> Result<bool, RescueError> {
    let about = PackPhoto {
        photo_id: photo.photo_id,
        sha256: photo.sha256.clone(),
        byte_count: photo.byte_count,
        taken_in_at: photo.taken_in_at,
    };
    frames.put(Kind::Photo, &json(&about)?)?;
    for number in 0.. {
        match chunks.chunk(&photo.sha256, number) {
            Ok(Some(chunk)) => frames.put(Kind::Chunk, &chunk)?,
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(%error, "a photo could not be put into the rescue pack");
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, RescueError> {
    serde_json::to_vec(value).map_err(|_| RescueError::Seal)
}

/// `<moment> <person> <laptop>.clara-rescue`, with a number where there is one already: no pack replaces another.
fn free_name(folder: &Path, header: &PackHeader) -> PathBuf {
    let plain = |text: &str| -> String {
        let kept: String = text.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { ' ' }).collect();
        kept.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(40).collect()
    };
    let moment = header.made_at.format("%Y-%m-%d %H%M");
    let stem = format!("{moment} {} {}", plain(&header.full_name), plain(&header.device_name));
    let named = |number: u32| match number {
        1 => folder.join(format!("{stem}.{SUFFIX}")),
        _ => folder.join(format!("{stem} {number}.{SUFFIX}")),
    };
    (1..1000).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(1000))
}
