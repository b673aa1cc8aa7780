//! What the server may send once a driver listens. The driver reserves whatever a message says it is long, so the length
//! is judged here, before the message is passed on.

/// A row, or a piece of a copy. The largest that this program asks for is a chunk of a photo as text (350 KB) or the
/// receipts of a batch whose every field was in conflict (a few MB).
const ROW_LIMIT: u32 = 64 << 20;
/// An error quotes the statement and where in a function it happened.
const ERROR_LIMIT: u32 = 1 << 20;
/// The columns of a row; the parameters of a statement.
const SHAPE_LIMIT: u32 = 512 << 10;
/// Everything else: the end of a command, a setting, a notice.
const WORD_LIMIT: u32 = 64 << 10;
/// All that comes between two moments in which the server waits for a question. The largest is a pull after a whole
/// catalogue was replaced.
const ANSWER_LIMIT: u64 = 1 << 30;

/// What made the gate close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Breach {
    /// No such message, or not at this time.
    #[error("it sent a message that has no place here (kind {0})")]
    Unknown(u8),
    /// A length that no message of its kind has.
    #[error("it announced a message of {length} bytes (kind {kind}), which is not to be believed")]
    Length {
        /// Its first byte.
        kind: u8,
        /// What it said.
        length: u32,
    },
    /// Messages without end.
    #[error("its answer had no end")]
    Endless,
}

/// Where in the stream of messages the line is.
#[derive(Debug, Default)]
pub(super) struct Border {
    header: [u8; 5],
    /// How much of the header is there.
    have: usize,
    /// How much of the message is still to come.
    left: usize,
    /// Bytes of this answer.
    answer: u64,
}

impl Border {
    /// Looks at the next bytes of the server. Those that break a rule must not be passed on.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Breach> {
        self.answer += bytes.len() as u64;
        if self.answer > ANSWER_LIMIT {
            return Err(Breach::Endless);
        }
        while !bytes.is_empty() {
            let body = self.left.min(bytes.len());
            self.left -= body;
            bytes = bytes.get(body..).unwrap_or_default();
            let head = (self.header.len() - self.have).min(bytes.len());
            let (taken, rest) = bytes.split_at(head);
            if let Some(place) = self.header.get_mut(self.have..self.have + head) {
                place.copy_from_slice(taken);
            }
            self.have += head;
            bytes = rest;
            if self.have == self.header.len() {
                self.have = 0;
                self.left = self.judge()?;
            }
        }
        Ok(())
    }

    fn judge(&mut self) -> Result<usize, Breach> {
        let [kind, length @ ..] = self.header;
        let length = u32::from_be_bytes(length);
        let limit = match kind {
            b'D' | b'd' => ROW_LIMIT,
            b'E' => ERROR_LIMIT,
            b'T' | b't' => SHAPE_LIMIT,
            b'C' | b'S' | b'N' | b'A' | b'G' | b'H' => WORD_LIMIT,
            b'Z' => 5,
            b'1' | b'2' | b'3' | b'I' | b'n' | b's' | b'c' => 4,
            _ => return Err(Breach::Unknown(kind)),
        };
        if !(4..=limit).contains(&length) {
            return Err(Breach::Length { kind, length });
        }
        if kind == b'Z' {
            self.answer = 0;
        }
        // At most 64 MiB.
        Ok(usize::try_from(length - 4).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&(u32::try_from(body.len()).unwrap() + 4).to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn an_answer_passes_however_it_is_cut_into_pieces() {
        let answer: Vec<u8> = [
            message(b'T', &[7; 300]),
            message(b'D', &[9; 1000]),
            message(b'D', b""),
            message(b'C', b"SELECT 2\0"),
            message(b'n', b""),
            message(b'Z', b"I"),
        ]
        .concat();
        for piece in 1..=answer.len() {
            let mut border = Border::default();
            answer.chunks(piece).for_each(|bytes| border.pass(bytes).unwrap());
            assert_eq!((border.have, border.left), (0, 0), "in pieces of {piece}");
        }
    }

    #[test]
    fn a_length_is_judged_with_its_last_byte_and_before_anything_behind_it() {
        for (bytes, breach) in [
            (&[b'D', 127, 255, 255, 255][..], Breach::Length { kind: b'D', length: 0x7fff_ffff }),
            (&[b'D', 0, 0, 0, 3], Breach::Length { kind: b'D', length: 3 }),
            (&[b'Z', 0, 0, 0, 6], Breach::Length { kind: b'Z', length: 6 }),
            (&[b'R', 0, 0, 0, 8], Breach::Unknown(b'R')),
            (b"HTTP/", Breach::Length { kind: b'H', length: u32::from_be_bytes(*b"TTP/") }),
        ] {
            let mut border = Border::default();
            border.pass(&message(b'C', b"BEGIN\0")).unwrap();
            let (head, last) = bytes.split_at(4);
            border.pass(head).unwrap();
            assert_eq!(border.pass(last), Err(breach));
        }
    }

    #[test]
    fn rows_without_end_are_ended_and_many_answers_are_not() {
        let row = message(b'D', &vec![0; 1 << 20]);
        let mut border = Border::default();
        let taken = (0..2000).take_while(|_| border.pass(&row).is_ok()).count();
        assert_eq!(taken, 1023);
        let mut border = Border::default();
        for _ in 0..2000 {
            border.pass(&row).unwrap();
            border.pass(&message(b'Z', b"I")).unwrap();
        }
    }
}
