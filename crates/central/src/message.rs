//! A whole transaction as one message, so that it costs one round trip.
//!
//! A driver needs four (BEGIN, Parse, Bind, COMMIT), and over a mobile network round trips are what a sync costs. Short
//! values stand in the text, and this type is the only place where that happens: statements are `'static`, and the
//! values are of kinds whose spelling cannot end a literal: uuids, integers and snapshots (digits, colons, commas).
//! There is no way to put a string in. Documents and bytes travel beside the text, as parameters; then everything is
//! sent in one flight of the extended protocol, with one Sync at its end.
//!
//! Every message begins and commits its own transaction and names no prepared statement, which is what a pooler in
//! transaction mode needs.

use std::time::Duration;

use clara_sync::{CentralError, Cursor};
use uuid::Uuid;

use crate::client::CALL_LIMIT;
use crate::gate::Wire;
use crate::reply::Replies;

/// Bytes a second below which a line is as good as dead.
const SLOWEST: usize = 8 * 1024;

/// The server gives up a statement of a laptop before the laptop gives up the server, after [`CALL_LIMIT`]. Were it the
/// other way round, a laptop would take the line for cut, and send the same work in the same way for ever; told by the
/// server, it sends less at once. The server's clock runs from Parse on, while the document is still under way: what a
/// slow line needs for it comes on top, or nothing long would ever arrive over one.
const OWN_LIMIT: &str = "SELECT set_config('statement_timeout',(CASE t WHEN 0 THEN 12000 ELSE least(t,12000) END+";
const OWN_LIMIT_ENDS: &str = ")::bigint::text,true) FROM (SELECT 1000*extract(epoch FROM current_setting('statement_timeout')::interval) AS t) s";

/// The rows of each statement of a message, in order.
pub(crate) type Answers = Vec<Replies>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Message {
    begin: &'static str,
    writes: bool,
    statements: Vec<Statement>,
    /// Being written.
    open: Statement,
    /// Values come as the server holds them, not as text.
    binary: bool,
    /// Rows of all answers together.
    at_most: usize,
}

#[derive(Debug, Default)]
struct Statement {
    text: String,
    parameters: Vec<Parameter>,
}

#[derive(Debug)]
struct Parameter {
    /// 1 for bytes, 0 for text.
    format: i16,
    value: Vec<u8>,
}

impl Message {
    /// A transaction that reads one snapshot.
    pub(crate) fn snapshot() -> Self {
        Self::beginning("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    /// A transaction that may write.
    pub(crate) fn write() -> Self {
        Self { writes: true, ..Self::beginning("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE") }
    }

    fn beginning(begin: &'static str) -> Self {
        Self {
            begin,
            writes: false,
            statements: Vec::new(),
            open: Statement::default(),
            binary: false,
            at_most: usize::MAX,
        }
    }

    /// A piece of a statement.
    pub(crate) fn sql(mut self, piece: &'static str) -> Self {
        self.open.text.push_str(piece);
        self
    }

    /// A uuid literal.
    pub(crate) fn uuid(mut self, id: Uuid) -> Self {
        let mut buffer = Uuid::encode_buffer();
        self.open.text.push('\'');
        self.open.text.push_str(id.hyphenated().encode_lower(&mut buffer));
        self.open.text.push_str("'::uuid");
        self
    }

    /// A literal array of uuids.
    pub(crate) fn uuids(mut self, ids: &[Uuid]) -> Self {
        let mut buffer = Uuid::encode_buffer();
        self.open.text.push_str("'{");
        for (position, id) in ids.iter().enumerate() {
            if position > 0 {
                self.open.text.push(',');
            }
            self.open.text.push_str(id.hyphenated().encode_lower(&mut buffer));
        }
        self.open.text.push_str("}'::uuid[]");
        self
    }

    /// An integer.
    pub(crate) fn integer(mut self, number: i64) -> Self {
        // In brackets: a minus after a minus would begin a comment.
        self.open.text.push('(');
        self.open.text.push_str(&number.to_string());
        self.open.text.push(')');
        self
    }

    /// A snapshot literal; [`Cursor`] holds digits, colons and commas by construction.
    pub(crate) fn cursor(mut self, cursor: &Cursor) -> Self {
        self.open.text.push('\'');
        self.open.text.push_str(cursor.as_str());
        self.open.text.push_str("'::pg_snapshot");
        self
    }

    /// Any bytes.
    pub(crate) fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.parameter(1, bytes.into()).sql("::bytea")
    }

    /// A JSON document, already serialised.
    pub(crate) fn json(self, document: Vec<u8>) -> Self {
        self.parameter(0, document).sql("::jsonb")
    }

    fn parameter(mut self, format: i16, value: Vec<u8>) -> Self {
        self.open.parameters.push(Parameter { format, value });
        self.open.text.push('$');
        self.open.text.push_str(&self.open.parameters.len().to_string());
        self
    }

    /// Has the values of the answer sent as the server holds them.
    pub(crate) fn binary(mut self) -> Self {
        self.binary = true;
        self
    }

    /// Gives up, with [`CentralError::TooMuch`], where the answers have more rows than this.
    pub(crate) fn at_most(mut self, rows: usize) -> Self {
        self.at_most = rows;
        self
    }

    /// Ends a statement.
    pub(crate) fn end(mut self) -> Self {
        self.statements.push(std::mem::take(&mut self.open));
        self
    }

    /// Sends it and waits for all answers, as long as something comes: there is a limit to each silence, longer by what a
    /// slow line needs to carry the question. After an error the connection is in the middle of a transaction, or gone:
    /// drop it.
    pub(crate) async fn send(mut self, wire: &mut Wire) -> Result<Answers, CentralError> {
        if self.writes {
            self.statements.insert(0, self.own_limit());
        }
        // BEGIN and COMMIT answer too.
        let (before, expected) = (1 + usize::from(self.writes), self.statements.len() + 2);
        let mut room = self.at_most;
        let flight = self.flight();
        let mut limit = CALL_LIMIT + Duration::from_secs((flight.len() / SLOWEST) as u64);
        match tokio::time::timeout(limit, wire.say(&flight)).await {
            Ok(said) => said?,
            Err(_) => return Err(CentralError::Unreachable("no answer in time".to_owned())),
        }
        drop(flight);
        let mut answers = Answers::with_capacity(expected);
        let mut rows = Replies::default();
        loop {
            let (kind, body) = wire.hear(limit).await?;
            limit = CALL_LIMIT;
            match kind {
                b'D' => {
                    room = room.checked_sub(1).ok_or(CentralError::TooMuch)?;
                    rows.take(body).ok_or_else(cut)?;
                }
                b'C' => answers.push(std::mem::take(&mut rows)),
                // An error has ended the call by now, so the transaction is over.
                b'Z' if body == b"I" => break,
                // What a row looks like, and that what was sent has been understood.
                b'T' | b'1' | b'2' | b'n' | b'N' | b'S' | b'A' => {}
                _ => return Err(cut()),
            }
        }
        if answers.len() != expected {
            return Err(cut());
        }
        answers.pop();
        answers.drain(..before);
        Ok(answers)
    }

    fn own_limit(&self) -> Statement {
        let bytes: usize = self
            .statements
            .iter()
            .flat_map(|statement| &statement.parameters)
            .map(|parameter| parameter.value.len())
            .sum();
        let text = format!("{OWN_LIMIT}{}{OWN_LIMIT_ENDS}", bytes.saturating_mul(1000) / SLOWEST);
        Statement { text, parameters: Vec::new() }
    }

    fn flight(self) -> Vec<u8> {
        if self.binary || self.statements.iter().any(|statement| !statement.parameters.is_empty()) {
            return self.extended();
        }
        let mut text = self.begin.as_bytes().to_vec();
        for statement in &self.statements {
            text.push(b';');
            text.extend_from_slice(statement.text.as_bytes());
        }
        text.extend_from_slice(b";COMMIT\0");
        let mut flight = Vec::with_capacity(text.len() + 5);
        frame(&mut flight, b'Q', &[&text]);
        flight
    }

    /// Parse, Bind, Execute for each statement, and one Sync: after an error the server passes over the rest.
    fn extended(self) -> Vec<u8> {
        let plain = |text: &str| Statement { text: text.to_owned(), parameters: Vec::new() };
        let statements =
            std::iter::once(plain(self.begin)).chain(self.statements).chain(std::iter::once(plain("COMMIT")));
        let mut flight = Vec::new();
        for Statement { text, parameters } in statements {
            // Unnamed, and no types: the server knows them from the casts.
            frame(&mut flight, b'P', &[b"\0", text.as_bytes(), b"\0\0\0"]);
            let count = i16::try_from(parameters.len()).unwrap_or(i16::MAX).to_be_bytes();
            let formats: Vec<u8> = parameters.iter().flat_map(|parameter| parameter.format.to_be_bytes()).collect();
            let lengths: Vec<[u8; 4]> = parameters.iter().map(|parameter| length(parameter.value.len())).collect();
            let mut pieces: Vec<&[u8]> = vec![b"\0\0", &count, &formats, &count];
            for (length, parameter) in lengths.iter().zip(&parameters) {
                pieces.extend([&length[..], &parameter.value]);
            }
            pieces.push(if self.binary { b"\0\x01\0\x01" } else { b"\0\0" });
            frame(&mut flight, b'B', &pieces);
            frame(&mut flight, b'E', &[b"\0", &[0; 4]]);
        }
        frame(&mut flight, b'S', &[]);
        flight
    }

    #[cfg(test)]
    fn text(&self) -> String {
        self.statements.iter().map(|statement| statement.text.as_str()).collect()
    }
}

fn frame(flight: &mut Vec<u8>, kind: u8, pieces: &[&[u8]]) {
    let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
    flight.reserve(bytes + 5);
    flight.push(kind);
    flight.extend_from_slice(&length(bytes + 4));
    pieces.iter().for_each(|piece| flight.extend_from_slice(piece));
}

/// All that is sent is far shorter.
fn length(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes).unwrap_or(i32::MAX).to_be_bytes()
}

fn cut() -> CentralError {
    CentralError::Unreachable("the server's answer was cut or garbled".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_end_its_literal() {
        let hostile = br#"[{"findings":"'); DROP TABLE jobs; --"}]"#;
        let push = || Message::write().sql("SELECT sync.push(").uuid(Uuid::nil()).sql(",");
        let message = push().json(hostile.to_vec()).sql(",").bytes(b"'".to_vec()).sql(")").end();
        assert!(!message.text().contains("DROP"));
        assert_eq!(message.text().matches('\'').count(), 2, "one literal with its two quotes");
        assert!(message.text().contains("$1::jsonb,$2::bytea"));
        let message = Message::snapshot().sql("SELECT 1 -").integer(-1).end();
        assert!(!message.text().contains("--"));
    }

    #[test]
    fn messages_lie_end_to_end_with_the_lengths_they_say() {
        let plain = Message::snapshot().sql("SELECT 1").end();
        let flight = Message::write().sql("SELECT ").bytes(vec![7; 300]).end().sql("SELECT 2").end();
        for (message, kinds) in [(plain, "Q"), (flight, "PBEPBEPBEPBES")] {
            let bytes = message.flight();
            let (mut rest, mut found) = (bytes.as_slice(), String::new());
            while let Some((head, after)) = rest.split_first_chunk::<5>() {
                found.push(head[0].into());
                let length = u32::from_be_bytes(*head.last_chunk().unwrap()) as usize;
                rest = after.get(length - 4..).unwrap();
            }
            assert_eq!((found.as_str(), rest.len()), (kinds, 0));
        }
    }
}
