//! A whole transaction as one message, so that it costs one round trip.
//!
//! With bound parameters, sqlx needs four (BEGIN, Parse, Bind, COMMIT), and over a mobile network round trips are what
//! a sync costs. PostgreSQL's simple protocol takes several statements at once but knows no parameters. So values stand
//! in the text, and this type is the only place where that happens: statements are `'static`, and the values are of
//! kinds whose spelling cannot end a literal: uuids, integers, snapshots (digits, colons, commas), and base64 for
//! everything else. There is no way to put a string in.
//!
//! Every message begins and commits its own transaction and names no prepared statement, which is what a pooler in
//! transaction mode needs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_sync::{CentralError, Cursor};
use futures_util::TryStreamExt as _;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Either};
use uuid::Uuid;

use crate::connect::{Connection, call_error};

/// The rows of each statement of a message, in order.
pub(crate) type Answers = Vec<Vec<PgRow>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Message {
    text: String,
    statements: usize,
}

impl Message {
    /// A transaction that reads one snapshot.
    pub(crate) fn snapshot() -> Self {
        Self { text: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;".to_owned(), statements: 0 }
    }

    /// A transaction that may write.
    pub(crate) fn write() -> Self {
        Self { text: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;".to_owned(), statements: 0 }
    }

    /// A piece of a statement.
    pub(crate) fn sql(mut self, piece: &'static str) -> Self {
        self.text.push_str(piece);
        self
    }

    /// A uuid literal.
    pub(crate) fn uuid(mut self, id: Uuid) -> Self {
        let mut buffer = Uuid::encode_buffer();
        self.text.push('\'');
        self.text.push_str(id.hyphenated().encode_lower(&mut buffer));
        self.text.push_str("'::uuid");
        self
    }

    /// A literal array of uuids.
    pub(crate) fn uuids(mut self, ids: &[Uuid]) -> Self {
        let mut buffer = Uuid::encode_buffer();
        self.text.push_str("'{");
        for (position, id) in ids.iter().enumerate() {
            if position > 0 {
                self.text.push(',');
            }
            self.text.push_str(id.hyphenated().encode_lower(&mut buffer));
        }
        self.text.push_str("}'::uuid[]");
        self
    }

    /// An integer.
    pub(crate) fn integer(mut self, number: i64) -> Self {
        // In brackets: a minus after a minus would begin a comment.
        self.text.push('(');
        self.text.push_str(&number.to_string());
        self.text.push(')');
        self
    }

    /// A snapshot literal; [`Cursor`] holds digits, colons and commas by construction.
    pub(crate) fn cursor(mut self, cursor: &Cursor) -> Self {
        self.text.push('\'');
        self.text.push_str(cursor.as_str());
        self.text.push_str("'::pg_snapshot");
        self
    }

    /// Any bytes.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.text.push_str("decode('");
        STANDARD.encode_string(bytes, &mut self.text);
        self.text.push_str("','base64')");
        self
    }

    /// A JSON document, already serialised.
    pub(crate) fn json(self, document: &[u8]) -> Self {
        self.sql("convert_from(").bytes(document).sql(",'UTF8')::jsonb")
    }

    /// Ends a statement.
    pub(crate) fn end(mut self) -> Self {
        self.text.push(';');
        self.statements += 1;
        self
    }

    /// Sends it and waits for all answers. After an error the connection is in the middle of a transaction, or gone:
    /// drop it.
    pub(crate) async fn send(mut self, connection: &mut Connection) -> Result<Answers, CentralError> {
        self.text.push_str("COMMIT");
        let mut answers: Answers = Vec::with_capacity(self.statements + 2);
        let mut rows = Vec::new();
        let mut stream = sqlx::raw_sql(AssertSqlSafe(self.text)).fetch_many(connection.outside_a_transaction());
        while let Some(step) = stream.try_next().await.map_err(call_error)? {
            match step {
                Either::Right(row) => rows.push(row),
                Either::Left(_) => answers.push(std::mem::take(&mut rows)),
            }
        }
        drop(stream);
        // BEGIN and COMMIT answer too.
        if answers.len() != self.statements + 2 {
            return Err(CentralError::Unreachable("the server's answer was cut".to_owned()));
        }
        answers.pop();
        answers.remove(0);
        Ok(answers)
    }

    #[cfg(test)]
    fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_end_its_literal() {
        let hostile = br#"[{"findings":"'); DROP TABLE jobs; --"}]"#;
        let message = Message::write().sql("SELECT sync.push(").uuid(Uuid::nil()).sql(",").json(hostile).sql(")").end();
        assert!(!message.text().contains("DROP"));
        assert_eq!(message.text().matches('\'').count(), 8, "four literals, each with its two quotes");
        let message = Message::snapshot().sql("SELECT 1 -").integer(-1).end();
        assert!(!message.text().contains("--"));
    }
}
