use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text of a `pg_current_snapshot()`: which transactions the mirror has seen. Digits, colons and commas only, by
/// construction, whatever a server or a file says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Cursor {
    text: String,
    xmin: u64,
    xmax: u64,
    in_progress: Vec<u64>,
}

/// Not the text of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a snapshot: it must read xmin:xmax:xip,…")]
pub struct BadCursor;

impl Cursor {
    /// Whether the snapshot contains the effects of a committed transaction. Aborted ones count as contained, as in
    /// `pg_visible_in_snapshot`.
    pub fn contains(&self, xid: u64) -> bool {
        xid < self.xmin || (xid < self.xmax && self.in_progress.binary_search(&xid).is_err())
    }

    /// The first transaction id not yet handed out when the snapshot was taken.
    pub fn xmax(&self) -> u64 {
        self.xmax
    }

    /// As PostgreSQL wrote it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;
    fn from_str(text: &str) -> Result<Self, BadCursor> {
        // A standby can report thousands of running transactions; a megabyte is no snapshot of a real cluster.
        if text.len() > 1 << 20 {
            return Err(BadCursor);
        }
        let mut parts = text.split(':');
        let (Some(xmin), Some(xmax), Some(xip), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(BadCursor);
        };
        let number = |digits: &str| -> Result<u64, BadCursor> {
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(BadCursor);
            }
            digits.parse().map_err(|_| BadCursor)
        };
        let (xmin, xmax) = (number(xmin)?, number(xmax)?);
        let in_progress =
            if xip.is_empty() { Vec::new() } else { xip.split(',').map(number).collect::<Result<Vec<_>, _>>()? };
        let ordered = in_progress.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        if xmin > xmax || !ordered || in_progress.iter().any(|xid| *xid < xmin || *xid >= xmax) {
            return Err(BadCursor);
        }
        Ok(Self { text: text.to_owned(), xmin, xmax, in_progress })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> String {
        cursor.text
    }
}

impl TryFrom<String> for Cursor {
    type Error = BadCursor;
    fn try_from(text: String) -> Result<Self, BadCursor> {
        text.parse()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_still_running_at_the_snapshot_is_not_contained_although_later_ones_are() {
        let cursor: Cursor = "10:20:12,15".parse().unwrap();
        assert!(cursor.contains(9) && cursor.contains(10) && cursor.contains(14) && cursor.contains(19));
        assert!(!cursor.contains(12) && !cursor.contains(15) && !cursor.contains(20) && !cursor.contains(99));
    }

    #[test]
    fn nothing_but_a_snapshot_parses() {
        for text in ["", "1:2", "1:2:3:4", "2:1:", "a:2:", "1:5:9", "1:5:3,2", "1:5:'; drop", "-1:5:", "1:5:,"] {
            assert_eq!(text.parse::<Cursor>(), Err(BadCursor), "{text:?}");
        }
    }
}
