//! Where a message ends.

/// Cuts a stream of one direction into messages.
#[derive(Debug)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    /// The next message has no type: the first one of a client.
    bare: bool,
}

/// One message: its type, or 0, and all its bytes with the header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) bytes: Vec<u8>,
    header: usize,
}

impl Frame {
    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(self.header..).unwrap_or_default()
    }
}

impl Frames {
    pub(super) fn new(bare: bool) -> Frames {
        Frames { bytes: Vec::new(), bare }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message.
    pub(super) fn next(&mut self) -> Option<Frame> {
        let kind_bytes = usize::from(!self.bare);
        let header = kind_bytes + 4;
        let length: [u8; 4] = self.bytes.get(kind_bytes..header)?.try_into().ok()?;
        let end = kind_bytes + usize::try_from(u32::from_be_bytes(length)).ok()?.max(4);
        if self.bytes.len() < end {
            return None;
        }
        let rest = self.bytes.split_off(end);
        let bytes = std::mem::replace(&mut self.bytes, rest);
        let kind = if self.bare { 0 } else { bytes.first().copied().unwrap_or_default() };
        self.bare = false;
        Some(Frame { kind, bytes, header })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_at_its_message_borders_however_it_arrives() {
        let stream = b"\0\0\0\x08\0\x03\0\0Q\0\0\0\x09TEST\0X\0\0\0\x04";
        for piece in 1..stream.len() {
            let mut frames = Frames::new(true);
            let mut seen = Vec::new();
            for part in stream.chunks(piece) {
                frames.add(part);
                while let Some(frame) = frames.next() {
                    seen.push((frame.kind, frame.body().to_vec()));
                }
            }
            assert_eq!(seen, [(0, b"\0\x03\0\0".to_vec()), (b'Q', b"TEST\0".to_vec()), (b'X', vec![])]);
        }
    }
}
