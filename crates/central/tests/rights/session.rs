//! One login's session, in which everything can be tried and nothing stays.

use clara_central::connect::{Connection, Mode, Server};
use sqlx::{AssertSqlSafe, Row as _};

/// What a statement came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The rows, each as its columns' text.
    Rows(Vec<Vec<String>>),
    /// SQLSTATE and what the server said.
    Refused(String, String),
}

impl Answer {
    /// The SQLSTATE, or `ok`.
    pub fn code(&self) -> &str {
        match self {
            Answer::Rows(_) => "ok",
            Answer::Refused(code, _) => code,
        }
    }

    /// Whether the server did not find this login entitled to it.
    pub fn is_denied(&self) -> bool {
        self.code() == "42501"
    }

    /// The only value, where there is one.
    pub fn value(&self) -> Option<&str> {
        match self {
            Answer::Rows(rows) => rows.first().and_then(|row| row.first()).map(String::as_str),
            Answer::Refused(..) => None,
        }
    }
}

/// A connection as somebody, inside one transaction that is never committed.
pub struct Session {
    connection: Connection,
}

impl Session {
    /// Connects.
    pub async fn of(server: &Server) -> Session {
        Session { connection: server.connect().await.unwrap() }
    }

    /// Tries statements one after the other, each undone before the next.
    pub async fn try_each(&mut self, statements: &[String]) -> Vec<Answer> {
        let mut tx = self.connection.begin(Mode::Write).await.unwrap();
        let raw = tx.raw();
        let mut answers = Vec::with_capacity(statements.len());
        plain(raw, "SAVEPOINT before").await;
        for statement in statements {
            // In one message with what undoes the one before: there are tens of thousands.
            let answer = plain(raw, &format!("ROLLBACK TO before; {statement}")).await;
            assert_ne!(answer.code(), "lost", "{statement}: {answer:?}");
            answers.push(answer);
        }
        plain(raw, "ROLLBACK").await;
        plain(raw, "BEGIN").await;
        tx.rollback().await.unwrap();
        // `raw` has left the connection in doubt, and everything it did has been answered: nothing is on the wire.
        answers
    }

    /// One statement after the other in one open transaction that is left as it is: what a thief would do.
    pub async fn hold(mut self, statements: &[&str]) -> (Connection, Vec<Answer>) {
        let mut answers = Vec::new();
        let mut tx = self.connection.begin(Mode::Write).await.unwrap();
        let raw = tx.raw();
        for statement in statements {
            answers.push(plain(raw, statement).await);
        }
        // The transaction's guard would undo it with the next use of the connection, which never comes.
        std::mem::forget(tx);
        (self.connection, answers)
    }

    /// Outside a transaction, as a few statements want it.
    pub async fn alone(&mut self, statement: &str) -> Answer {
        let mut tx = self.connection.begin(Mode::Write).await.unwrap();
        let raw = tx.raw();
        plain(raw, "ROLLBACK").await;
        let answer = plain(raw, statement).await;
        plain(raw, "BEGIN").await;
        tx.rollback().await.unwrap();
        answer
    }
}

async fn plain(raw: &mut sqlx::postgres::PgConnection, text: &str) -> Answer {
    match sqlx::raw_sql(AssertSqlSafe(text.to_owned())).fetch_all(raw).await {
        Ok(rows) => Answer::Rows(
            rows.iter()
                .map(|row| {
                    // Whatever its type, as the server writes it.
                    (0..row.len())
                        .map(|n| row.try_get_raw(n).unwrap().as_str().unwrap_or_default().to_owned())
                        .collect()
                })
                .collect(),
        ),
        Err(sqlx::Error::Database(error)) => {
            Answer::Refused(error.code().unwrap_or_default().into_owned(), error.message().to_owned())
        }
        Err(other) => Answer::Refused("lost".to_owned(), other.to_string()),
    }
}
