//! Photo bytes on disk. SQLCipher does not cover files, so each is encrypted by itself, in chunks, so that one chunk can
//! be read without the others. `"CLPH1\0\0\0" ‖ prefix (16) ‖ byte count u64`, then chunks of 256 KiB, each with its tag;
//! a chunk's nonce is the file's random prefix and its number, and the header is bound to every chunk.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use clara_sync::MAX_CHUNK_BYTES;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::entropy::Entropy;
use crate::error::MirrorError;
use crate::files::{make_folder, write_whole};
use crate::key::{DataKey, hex, hmac_sha256};

const MAGIC: &[u8; 8] = b"CLPH1\0\0\0";
const HEAD: usize = 32;
const TAG: usize = 16;
const SUFFIX: &str = "photo";

/// The folder of photo files and its keys.
pub(crate) struct PhotoFiles {
    folder: PathBuf,
    key: Zeroizing<[u8; 32]>,
    name_key: Zeroizing<[u8; 32]>,
}

/// Lower-case hex of the SHA-256 of some bytes.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

impl PhotoFiles {
    pub(crate) fn open(profile: &Path, key: &DataKey) -> Result<Self, MirrorError> {
        let folder = profile.join("photos");
        make_folder(&folder)?;
        Ok(Self { folder, key: key.derive("photo"), name_key: key.derive("photo name") })
    }

    /// The file's name follows from its content, but says nothing of it without the key.
    pub(crate) fn name(&self, sha256: &str) -> String {
        hex(hmac_sha256(&self.name_key, sha256.as_bytes()).get(..20).unwrap_or_default())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension(SUFFIX)
    }

    /// Stores bytes. Returns whether the file is new; the same bytes again are kept once.
    pub(crate) fn put(&self, name: &str, bytes: &[u8], entropy: &mut dyn Entropy) -> Result<bool, MirrorError> {
        let path = self.path(name);
        if path.exists() && self.whole(name).is_ok_and(|present| present.as_slice() == bytes) {
            return Ok(false);
        }
        let mut head = Vec::with_capacity(HEAD);
        head.extend_from_slice(MAGIC);
        let mut prefix = [0u8; 16];
        entropy.fill(&mut prefix)?;
        head.extend_from_slice(&prefix);
        head.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        let mut out = head.clone();
        out.reserve(bytes.len() + TAG * (bytes.len() / MAX_CHUNK_BYTES + 1));
        let cipher = XChaCha20Poly1305::new(&(*self.key).into());
        for (number, chunk) in bytes.chunks(MAX_CHUNK_BYTES).enumerate() {
            let sealed = cipher
                .encrypt(&nonce(&prefix, number as u64), Payload { msg: chunk, aad: &head })
                .map_err(|_| MirrorError::Unreadable("a photo"))?;
            out.extend_from_slice(&sealed);
        }
        write_whole(&path, &out)?;
        Ok(true)
    }

    /// One chunk; none past the end. An error where the file is missing or not what was written.
    pub(crate) fn chunk(&self, name: &str, number: u64) -> Result<Option<Vec<u8>>, MirrorError> {
        let mut file = File::open(self.path(name))?;
        let (head, prefix, length) = read_head(&mut file)?;
        self.chunk_of(&mut file, &head, &prefix, length, number)
    }

    /// All bytes.
    pub(crate) fn whole(&self, name: &str) -> Result<Vec<u8>, MirrorError> {
        let mut file = File::open(self.path(name))?;
        let (head, prefix, length) = read_head(&mut file)?;
        let on_disk = file.metadata()?.len();
        if length > on_disk {
            return Err(MirrorError::Unreadable("a photo"));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        let mut number = 0;
        while let Some(chunk) = self.chunk_of(&mut file, &head, &prefix, length, number)? {
            bytes.extend_from_slice(&chunk);
            number += 1;
        }
        Ok(bytes)
    }

    fn chunk_of(
        &self,
        file: &mut File,
        head: &[u8; HEAD],
        prefix: &[u8; 16],
        length: u64,
        number: u64,
    ) -> Result<Option<Vec<u8>>, MirrorError> {
        let size = MAX_CHUNK_BYTES as u64;
        let from = number.saturating_mul(size);
        if from >= length {
            return Ok(None);
        }
        let plain = size.min(length - from) as usize;
        file.seek(SeekFrom::Start(HEAD as u64 + number * (size + TAG as u64)))?;
        let mut sealed = vec![0u8; plain + TAG];
        file.read_exact(&mut sealed)?;
        let cipher = XChaCha20Poly1305::new(&(*self.key).into());
        let chunk = cipher
            .decrypt(&nonce(prefix, number), Payload { msg: sealed.as_slice(), aad: head })
            .map_err(|_| MirrorError::Unreadable("a photo"))?;
        Ok(Some(chunk))
    }

    /// Removes files that no row knows, and what a crash left half-written. Returns how many.
    pub(crate) fn sweep(&self, known: &BTreeSet<String>) -> Result<u64, MirrorError> {
        let mut removed = 0;
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let kept = path.extension().is_some_and(|suffix| suffix == SUFFIX) && known.contains(&name);
            if !kept && path.is_file() {
                std::fs::remove_file(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn nonce(prefix: &[u8; 16], number: u64) -> XNonce {
    let mut nonce = [0u8; 24];
    nonce.iter_mut().zip(prefix.iter().copied().chain(number.to_le_bytes())).for_each(|(to, from)| *to = from);
    XNonce::from(nonce)
}

fn read_head(file: &mut File) -> Result<([u8; HEAD], [u8; 16], u64), MirrorError> {
    let mut head = [0u8; HEAD];
    file.read_exact(&mut head)?;
    let damaged = || MirrorError::Unreadable("a photo");
    let (magic, rest) = head.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (prefix, length) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
    let length = u64::from_le_bytes(length.try_into().map_err(|_| damaged())?);
    if magic != MAGIC {
        return Err(damaged());
    }
    let prefix = *prefix;
    Ok((head, prefix, length))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    #[test]
    fn a_photo_comes_back_chunk_by_chunk_and_any_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let files = PhotoFiles::open(folder.path(), &DataKey::from_bytes([1; 32])).unwrap();
        let bytes: Vec<u8> = (0..MAX_CHUNK_BYTES * 2 + 777).map(|i| (i * 31 % 251) as u8).collect();
        let name = files.name(&sha256_hex(&bytes));
        assert!(files.put(&name, &bytes, &mut OsEntropy).unwrap());
        assert!(!files.put(&name, &bytes, &mut OsEntropy).unwrap(), "the same bytes are kept once");
        let chunks: Vec<Vec<u8>> = (0..3).map(|n| files.chunk(&name, n).unwrap().unwrap()).collect();
        assert_eq!(chunks.concat(), bytes);
        assert_eq!(files.chunk(&name, 3).unwrap(), None);
        assert_eq!(files.whole(&name).unwrap(), bytes);

        let stored = std::fs::read(files.path(&name)).unwrap();
        assert!(!stored.windows(32).any(|w| w == &bytes[..32]), "no plain bytes on disk");
        for at in [0, 9, 25, 40, HEAD + MAX_CHUNK_BYTES + TAG + 5, stored.len() - 1] {
            let mut bent = stored.clone();
            bent[at] ^= 1;
            std::fs::write(files.path(&name), &bent).unwrap();
            assert!(files.whole(&name).map_or(true, |read| read != bytes), "byte {at}");
        }
        std::fs::write(files.path(&name), &stored[..stored.len() - 1]).unwrap();
        assert!(files.whole(&name).is_err(), "a cut file is noticed");
    }

    #[test]
    fn the_sweep_leaves_what_has_a_row_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let files = PhotoFiles::open(folder.path(), &DataKey::from_bytes([1; 32])).unwrap();
        for name in ["kept", "orphan"] {
            files.put(name, b"bytes", &mut OsEntropy).unwrap();
        }
        std::fs::write(files.path("half").with_extension("new"), b"half").unwrap();
        assert_eq!(files.sweep(&BTreeSet::from(["kept".to_owned()])).unwrap(), 2);
        assert!(files.path("kept").exists() && !files.path("orphan").exists());
    }
}
