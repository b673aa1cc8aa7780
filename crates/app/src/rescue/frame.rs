//! What is inside the seal: frames of `kind u8 ‖ length u32 ‖ body ‖ SHA-256`, little-endian; the digest covers all that
//! is before it. The seal already proves each 64 KiB; a digest of its own also finds what was wrong before sealing.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// Longer than any body that is written; a length beyond it is damage.
const LONGEST: usize = 64 << 20;
const HEAD: usize = 5;
const DIGEST: usize = 32;
/// The seal works in pieces of this size, and a piece that is cut off is lost whole.
const PIECE: u64 = 64 << 10;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Header,
    Operation,
    Draft,
    Photo,
    Chunk,
    /// The photo before it could not be read to its end.
    Lacking,
    /// Nothing: fills a piece up, so that a pack that is cut off later still gives everything before.
    Filler,
    End,
}

impl Kind {
    const LETTERS: [(Kind, u8); 8] = [
        (Kind::Header, b'H'),
        (Kind::Operation, b'O'),
        (Kind::Draft, b'D'),
        (Kind::Photo, b'P'),
        (Kind::Chunk, b'C'),
        (Kind::Lacking, b'L'),
        (Kind::Filler, b'F'),
        (Kind::End, b'E'),
    ];

    fn letter(self) -> u8 {
        Self::LETTERS.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, letter)| *letter)
    }
}

/// Writes frames and knows how many bytes they came to.
pub(super) struct Frames<W> {
    pub(super) out: W,
    written: u64,
}

impl<W: Write> Frames<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, written: 0 }
    }

    pub(super) fn put(&mut self, kind: Kind, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut head = [kind.letter(), 0, 0, 0, 0];
        head[1..].copy_from_slice(&length.to_le_bytes());
        let digest = Sha256::new().chain_update(head).chain_update(body).finalize();
        self.out.write_all(&head)?;
        self.out.write_all(body)?;
        self.out.write_all(&digest)?;
        self.written += (HEAD + body.len() + DIGEST) as u64;
        Ok(())
    }

    /// Fills the present piece of the seal.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        let overhead = (HEAD + DIGEST) as u64;
        let mut room = PIECE - self.written % PIECE;
        if room < overhead {
            room += PIECE;
        }
        self.put(Kind::Filler, &vec![0; (room - overhead) as usize])
    }
}

/// The next frame; none at the end of the file, an error where there is less or other than a frame.
pub(super) fn next(input: &mut impl Read) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut head = [0; HEAD];
    match input.read(&mut head[..1])? {
        0 => return Ok(None),
        _ => input.read_exact(&mut head[1..])?,
    }
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let [letter, length @ ..] = head;
    let (kind, _) = Kind::LETTERS.iter().find(|(_, known)| *known == letter).ok_or_else(bad)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(bad());
    }
    // Not more at once than arrives: the length is the file's word.
    let mut body = Vec::new();
    let got = input.by_ref().take(length as u64).read_to_end(&mut body)?;
    let mut digest = [0; DIGEST];
    input.read_exact(&mut digest)?;
    let whole = Sha256::new().chain_update(head).chain_update(&body).finalize();
    if got != length || whole.as_slice() != digest {
        return Err(bad());
    }
    Ok(Some((*kind, body)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_was_touched_anywhere_is_no_frame() {
        let mut frames = Frames::new(Vec::new());
        frames.put(Kind::Operation, b"belt 4L340").unwrap();
        let whole = frames.out;
        assert_eq!(next(&mut whole.as_slice()).unwrap(), Some((Kind::Operation, b"belt 4L340".to_vec())));
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 1;
            assert!(next(&mut bent.as_slice()).is_err(), "byte {at}");
            if at > 0 {
                assert!(next(&mut &whole[..at]).is_err(), "cut at {at}");
            }
        }
    }

    #[test]
    fn a_filler_ends_at_the_border_of_a_piece_wherever_it_begins() {
        for before in [0, 1, 65_480, 65_499, 65_500, 70_000] {
            let mut frames = Frames::new(Vec::new());
            frames.put(Kind::Draft, &vec![1; before]).unwrap();
            frames.fill().unwrap();
            assert_eq!(frames.out.len() as u64 % PIECE, 0, "{before}");
        }
    }
}
