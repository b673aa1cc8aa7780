use std::borrow::Borrow;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::frame::{Frame, encode, is_whole, read_segment};
use crate::entropy::Entropy;
use crate::error::MirrorError;
use crate::files::sync_folder;

/// One row of segments, of which the last is written.
pub(super) struct Lane {
    name: &'static str,
    segment_bytes: u64,
    number: u64,
    length: u64,
    file: File,
    /// An append failed and could not be undone: what follows the last good frame is not known.
    torn: bool,
}

/// When an append is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Before it returns.
    Now,
    /// With the next one that is, or when the operating system likes.
    SomeTime,
}

/// Where a lane ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    number: u64,
    length: u64,
}

/// Number and path of every segment of a lane, in order.
pub(super) fn segments(folder: &Path, name: &str) -> Result<Vec<(u64, PathBuf)>, MirrorError> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|file| file.to_str())
            .and_then(|file| file.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(".seg")?.parse().ok());
        found.extend(number.map(|number| (number, path)));
    }
    found.sort();
    Ok(found)
}

fn path_of(folder: &Path, name: &str, number: u64) -> PathBuf {
    folder.join(format!("{name}-{number:08}.seg"))
}

/// Removes segments up to and including a number.
pub(super) fn remove_through(folder: &Path, name: &str, through: u64) -> Result<(), MirrorError> {
    let mut removed = false;
    for (number, path) in segments(folder, name)? {
        if number <= through {
            std::fs::remove_file(path)?;
            removed = true;
        }
    }
    if removed {
        sync_folder(folder)?;
    }
    Ok(())
}

/// The first segment that is not whole, down to the last frame.
pub(super) fn first_damaged(folder: &Path, name: &str) -> Result<Option<u64>, MirrorError> {
    for (number, path) in segments(folder, name)? {
        if !is_whole(&path)? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

fn create(folder: &Path, name: &str, number: u64) -> Result<File, MirrorError> {
    let file = OpenOptions::new().write(true).create_new(true).open(path_of(folder, name, number))?;
    sync_folder(folder)?;
    Ok(file)
}

impl Lane {
    pub(super) fn open(
        folder: &Path,
        name: &'static str,
        segment_bytes: u64,
        key: &[u8; 32],
    ) -> Result<Self, MirrorError> {
        let Some((number, path)) = segments(folder, name)?.pop() else {
            let file = create(folder, name, 1)?;
            return Ok(Self { name, segment_bytes, number: 1, length: 0, file, torn: false });
        };
        // Nothing is appended after damage: a reader could take new frames for part of it.
        if !read_segment(&path, key)?.1.is_empty() {
            let file = create(folder, name, number + 1)?;
            return Ok(Self { name, segment_bytes, number: number + 1, length: 0, file, torn: false });
        }
        let mut file = OpenOptions::new().write(true).open(&path)?;
        let length = file.seek(SeekFrom::End(0))?;
        Ok(Self { name, segment_bytes, number, length, file, torn: false })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn is_full(&self) -> bool {
        self.torn || self.length >= self.segment_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn begin_next(&mut self, folder: &Path) -> Result<(), MirrorError> {
        // A number that a failed attempt left behind is passed over.
        let mut number = self.number + 1;
        while path_of(folder, self.name, number).exists() {
            number += 1;
        }
        self.file = create(folder, self.name, number)?;
        (self.number, self.length, self.torn) = (number, 0, false);
        Ok(())
    }

    pub(super) fn append<F: Borrow<Frame>>(
        &mut self,
        key: &[u8; 32],
        frames: &[F],
        reach: Reach,
        entropy: &mut dyn Entropy,
    ) -> Result<Mark, MirrorError> {
        let mark = Mark { number: self.number, length: self.length };
        let mut bytes = Vec::new();
        encode(&mut bytes, key, frames, entropy)?;
        let written = self.file.write_all(&bytes).and_then(|()| match reach {
            Reach::Now => self.file.sync_data(),
            Reach::SomeTime => Ok(()),
        });
        if let Err(error) = written {
            self.torn = true;
            // If it cannot be undone the next save begins a new segment, and a reader skips the torn frame.
            let _ = self.take_back(mark);
            return Err(error.into());
        }
        self.length += bytes.len() as u64;
        Ok(mark)
    }

    /// What was to reach the disk some time, does so now.
    pub(super) fn sync(&self) -> Result<(), MirrorError> {
        Ok(self.file.sync_data()?)
    }

    pub(super) fn take_back(&mut self, mark: Mark) -> Result<(), MirrorError> {
        if mark.number != self.number {
            return Err(MirrorError::Stopped);
        }
        self.file.set_len(mark.length)?;
        self.file.seek(SeekFrom::Start(mark.length))?;
        self.file.sync_data()?;
        (self.length, self.torn) = (mark.length, false);
        Ok(())
    }
}
