//! What the server answered to one statement, as it came over the wire.

use std::ops::Range;

/// Values of one answer, at most. A null is four bytes on the wire and six times as many here, so the limit of bytes alone
/// would let a server that sends nothing but nulls fill the memory. The largest pull has less than a million.
const MOST_VALUES: usize = 4 << 20;

/// The rows of one answer, in one piece of memory.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    bytes: Vec<u8>,
    /// Where the values of all rows lie, one row after the other; none for a null.
    values: Vec<Option<Range<usize>>>,
    /// Where in `values` each row ends.
    ends: Vec<usize>,
}

/// A row. Its values are text as the server spells it, or bytes where the message asked for those.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply<'a> {
    bytes: &'a [u8],
    values: &'a [Option<Range<usize>>],
}

impl Replies {
    /// Takes in the body of a row's message; none where that is not one, or where there is no end to them.
    pub(crate) fn take(&mut self, body: &[u8]) -> Option<()> {
        let (count, mut rest) = body.split_first_chunk::<2>()?;
        let start = self.bytes.len() + (body.len() - rest.len());
        let of_row = rest.len();
        if self.values.len() > MOST_VALUES {
            return None;
        }
        for _ in 0..u16::from_be_bytes(*count) {
            let (length, after) = rest.split_first_chunk::<4>()?;
            rest = after;
            let value = match i32::from_be_bytes(*length) {
                -1 => None,
                length => {
                    let length = usize::try_from(length).ok()?;
                    let at = start + (of_row - rest.len());
                    rest = rest.get(length..)?;
                    Some(at..at + length)
                }
            };
            self.values.push(value);
        }
        self.bytes.extend_from_slice(body);
        self.ends.push(self.values.len());
        rest.is_empty().then_some(())
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { replies: self, row: 0 }
    }

    pub(crate) fn first(&self) -> Option<Reply<'_>> {
        self.iter().next()
    }
}

/// Row by row.
#[derive(Debug)]
pub(crate) struct Iter<'a> {
    replies: &'a Replies,
    row: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Reply<'a>;

    fn next(&mut self) -> Option<Reply<'a>> {
        let Replies { bytes, values, ends } = self.replies;
        let end = *ends.get(self.row)?;
        let start = self.row.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
        self.row += 1;
        Some(Reply { bytes, values: values.get(start..end)? })
    }
}

impl<'a> IntoIterator for &'a Replies {
    type Item = Reply<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> Reply<'a> {
    /// A value: the outer none is a column that is not there, the inner one a null.
    pub(crate) fn value(self, position: usize) -> Option<Option<&'a [u8]>> {
        match self.values.get(position)? {
            None => Some(None),
            Some(range) => self.bytes.get(range.clone()).map(Some),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_apart_into_the_values_they_were_made_of() {
        let mut replies = Replies::default();
        assert!(replies.first().is_none());
        replies.take(&[0, 2, 0, 0, 0, 3, b'o', b'n', b'e', 255, 255, 255, 255]).unwrap();
        replies.take(&[0, 1, 0, 0, 0, 0]).unwrap();
        let rows: Vec<_> = replies.iter().collect();
        assert_eq!(rows.len(), 2);
        assert_eq!([rows[0].value(0), rows[0].value(1), rows[0].value(2)], [Some(Some(&b"one"[..])), Some(None), None]);
        assert_eq!([rows[1].value(0), rows[1].value(1)], [Some(Some(&b""[..])), None]);
    }

    #[test]
    fn a_row_that_says_it_is_longer_or_shorter_than_it_is_is_refused() {
        for body in [&[][..], &[0], &[0, 1], &[0, 1, 0, 0, 0, 2, b'x'], &[0, 0, 1], &[0, 1, 255, 255, 255, 254]] {
            assert!(Replies::default().take(body).is_none(), "{body:?}");
        }
    }
}
