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

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_sync::{CentralError, Cursor};
use futures_util::TryStreamExt as _;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Either};
use uuid::Uuid;

use crate::client::CALL_LIMIT;
use crate::connect::Connection;

/// Bytes a second below which a line is as good as dead.
const SLOWEST: usize = 8 * 1024;

/// The rows of each statement of a message, in order.
pub(crate) type Answers = Vec<Vec<PgRow>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Message {
    text: String,
    statements: usize,
    /// What one row of the answer may take on a slow line, beyond a silence.
    row_limit: Duration,
}

impl Message {
    /// A transaction that reads one snapshot.
    pub(crate) fn snapshot() -> Self {
        Self {
            text: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;".to_owned(),
            statements: 0,
            row_limit: Duration::ZERO,
        }
    }

    /// A transaction that may write.
    pub(crate) fn write() -> Self {
        Self {
            text: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;".to_owned(),
            statements: 0,
            row_limit: Duration::ZERO,
        }
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

    /// The answer holds a row of so many bytes.
    pub(crate) fn awaits(mut self, bytes: usize) -> Self {
        self.row_limit = Duration::from_secs((bytes / SLOWEST) as u64);
        self
    }

    /// Ends a statement.
    pub(crate) fn end(mut self) -> Self {
        self.text.push(';');
        self.statements += 1;
        self
    }

    /// Sends it and waits for all answers, as long as something comes: there is a limit to each silence, longer by what a
    /// slow line needs to carry the question, or one chunk of a photo back. After an error the connection is in the
    /// middle of a transaction, or gone: drop it.
    pub(crate) async fn send(mut self, connection: &mut Connection) -> Result<Answers, CentralError> {
        self.text.push_str("COMMIT");
        let mut limit = CALL_LIMIT + Duration::from_secs((self.text.len() / SLOWEST) as u64);
        let mut answers: Answers = Vec::with_capacity(self.statements + 2);
        let mut rows = Vec::new();
        let refusal = connection.refusal();
        let mut stream = sqlx::raw_sql(AssertSqlSafe(self.text)).fetch_many(connection.outside_a_transaction());
        loop {
            let step = tokio::time::timeout(limit, stream.try_next()).await;
            let step = step.map_err(|_| CentralError::Unreachable("no answer in time".to_owned()))?;
            let Some(step) = step.map_err(|error| refusal.explain(error))? else { break };
            limit = CALL_LIMIT + self.row_limit;
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
