//! The only way to PostgreSQL in this program: through the gate, and nothing outside a transaction.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use clara_sync::CentralError;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Connection as _, Executor as _, Transaction};
use zeroize::Zeroizing;

use crate::gate::{Gate, Refusal, Wire};

/// How long a server may take to answer a connection attempt, TLS and login included.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// A password or one-time secret. It is wiped from memory when dropped and never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes it over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// 32 random bytes as hexadecimal text.
    ///
    /// # Errors
    /// Where the operating system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self(Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Which PostgreSQL versions are good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Floor {
    /// Those in which row-level security holds: 14.25, 15.20, 16.16, 17.12, 18.7 and later.
    #[default]
    Safe,
    /// For development: any version, where the server is on this machine.
    AnyOnLoopback,
}

/// Everything needed to reach one database as one role.
#[derive(Debug, Clone)]
pub struct Server {
    /// Name or address; the server's certificate must be made out to it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database.
    pub database: String,
    /// The company's certificate authority, as PEM.
    pub ca_pem: String,
    /// Login role.
    pub role: String,
    /// Its password.
    pub password: Secret,
    /// Which versions are accepted.
    pub floor: Floor,
}

impl Server {
    /// Connects, proves the server, logs in, and refuses a server in whose version row-level security leaks.
    ///
    /// # Errors
    /// [`CentralError`], of every kind.
    pub async fn connect(&self) -> Result<Connection, CentralError> {
        let (gate, raw) = match tokio::time::timeout(CONNECT_LIMIT, Gate::open(self)).await {
            Ok(opened) => opened?,
            Err(_) => return Err(CentralError::Unreachable("no answer in time".to_owned())),
        };
        let version = raw.server_version_num().and_then(|version| i32::try_from(version).ok()).unwrap_or(0);
        let connection = Connection { raw, gate, version, in_doubt: false };
        if !self.accepts(version) {
            connection.close().await;
            return Err(CentralError::ServerTooOld(version));
        }
        Ok(connection)
    }

    /// The same for a laptop, which needs no driver.
    pub(crate) async fn open(&self) -> Result<Wire, CentralError> {
        let wire = match tokio::time::timeout(CONNECT_LIMIT, Wire::open(self)).await {
            Ok(opened) => opened?,
            Err(_) => return Err(CentralError::Unreachable("no answer in time".to_owned())),
        };
        let version = wire.server_version_num();
        if !self.accepts(version) {
            wire.close().await;
            return Err(CentralError::ServerTooOld(version));
        }
        Ok(wire)
    }

    fn accepts(&self, version: i32) -> bool {
        is_safe(version) || (self.floor == Floor::AnyOnLoopback && self.is_loopback())
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Whether row-level security holds in a version, given as `server_version_num`. Below these, an upsert reads every
/// row in spite of the policies.
pub fn is_safe(version: i32) -> bool {
    let (major, minor) = (version / 10_000, version % 10_000);
    match major {
        ..=13 => false,
        14 => minor >= 25,
        15 => minor >= 20,
        16 => minor >= 16,
        17 => minor >= 12,
        18 => minor >= 7,
        _ => true,
    }
}

/// How a transaction reads and whether it may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `READ COMMITTED`, may write.
    Write,
    /// `REPEATABLE READ READ ONLY`: every statement sees the same snapshot.
    Snapshot,
}

/// A connection to a proven server. All it can do is begin a transaction.
#[derive(Debug)]
pub struct Connection {
    raw: PgConnection,
    gate: Gate,
    version: i32,
    in_doubt: bool,
}

impl Connection {
    /// `server_version_num`.
    pub fn server_version_num(&self) -> i32 {
        self.version
    }

    /// A call that was dropped half-way (a timeout, a cancelled task) leaves answers on the wire that the next question
    /// would take for its own. Such a connection must be replaced; so must one that was lost.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`CentralError::Unreachable`] where the connection is lost or in doubt.
    pub async fn begin(&mut self, mode: Mode) -> Result<SyncTx<'_>, CentralError> {
        if self.in_doubt {
            return Err(CentralError::Unreachable("the last call was broken off; connect again".to_owned()));
        }
        let begin = match mode {
            Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            Mode::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        let refusal = self.gate.refusal();
        let tx = watch(&mut self.in_doubt, &refusal, self.raw.begin_with(begin)).await?;
        Ok(SyncTx { tx, refusal, in_doubt: &mut self.in_doubt })
    }

    /// Says goodbye. The server notices a dropped connection too, only later.
    pub async fn close(self) {
        // Best effort: the connection is gone either way.
        let _ = self.raw.close().await;
        self.gate.close().await;
    }

    /// For statements that PostgreSQL refuses inside a transaction (`CREATE DATABASE`) and for the migrator, both of
    /// which go straight to the server, never through a pooler.
    pub(crate) fn outside_a_transaction(&mut self) -> &mut PgConnection {
        &mut self.raw
    }
}

/// A statement that is never cached nor named, as pooled connections need it.
///
/// Neither its parameters nor its columns may have a type of our own or a rare one (an enum, `xid8`, `pg_snapshot`):
/// sqlx would ask the server about the type between parsing and binding, and the question takes the place of the
/// unnamed statement. Cast to text: `role::text`, `$1::text::pg_snapshot`.
pub fn sql(text: &'static str) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(text).persistent(false)
}

/// A transaction: the one thing that can carry a statement.
#[derive(Debug)]
pub struct SyncTx<'c> {
    tx: Transaction<'c, Postgres>,
    refusal: Refusal,
    in_doubt: &'c mut bool,
}

impl SyncTx<'_> {
    /// Runs a statement; how many rows it touched.
    ///
    /// # Errors
    /// [`CentralError`], by SQLSTATE.
    pub async fn execute(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<u64, CentralError> {
        let done = watch(self.in_doubt, &self.refusal, self.tx.execute(query.persistent(false))).await?;
        Ok(done.rows_affected())
    }

    /// Every row.
    ///
    /// # Errors
    /// [`CentralError`], by SQLSTATE.
    pub async fn fetch_all(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, CentralError> {
        watch(self.in_doubt, &self.refusal, self.tx.fetch_all(query.persistent(false))).await
    }

    /// The only row.
    ///
    /// # Errors
    /// [`CentralError`], by SQLSTATE; [`CentralError::Refused`] where there is none.
    pub async fn fetch_one(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<PgRow, CentralError> {
        watch(self.in_doubt, &self.refusal, self.tx.fetch_one(query.persistent(false))).await
    }

    /// The row, if there is one.
    ///
    /// # Errors
    /// [`CentralError`], by SQLSTATE.
    pub async fn fetch_optional(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Option<PgRow>, CentralError> {
        watch(self.in_doubt, &self.refusal, self.tx.fetch_optional(query.persistent(false))).await
    }

    /// The connection inside the transaction, for `COPY` and streams; errors go through [`call_error`]. From here to
    /// the end of the transaction the connection counts as in doubt, since nobody sees how the calls ended.
    pub fn raw(&mut self) -> &mut PgConnection {
        *self.in_doubt = true;
        &mut self.tx
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`CentralError`]; after [`CentralError::Unreachable`] nobody knows whether it happened.
    pub async fn commit(self) -> Result<(), CentralError> {
        watch(self.in_doubt, &self.refusal, self.tx.commit()).await
    }

    /// Undoes it.
    ///
    /// # Errors
    /// [`CentralError`] where the connection is lost; then the server undoes it by itself.
    pub async fn rollback(self) -> Result<(), CentralError> {
        watch(self.in_doubt, &self.refusal, self.tx.rollback()).await
    }
}

/// Marks the connection as in doubt for as long as the call is under way, and for good where the connection was lost.
async fn watch<T>(
    in_doubt: &mut bool,
    refusal: &Refusal,
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, CentralError> {
    *in_doubt = true;
    let result = call.await.map_err(|error| refusal.explain(error));
    *in_doubt = matches!(result, Err(CentralError::Unreachable(_)));
    result
}

/// What an error of a call means to the engine: by variant and SQLSTATE, never by text.
pub fn call_error(error: sqlx::Error) -> CentralError {
    match error {
        sqlx::Error::Database(error) => database_error(error.as_ref()),
        sqlx::Error::Io(error) => CentralError::Unreachable(error.kind().to_string()),
        sqlx::Error::Tls(_) => CentralError::Unreachable("the encrypted connection broke".to_owned()),
        sqlx::Error::Protocol(_) => CentralError::Unreachable("the server's answer was cut or garbled".to_owned()),
        sqlx::Error::WorkerCrashed => CentralError::Unreachable("the connection is closed".to_owned()),
        sqlx::Error::RowNotFound => refused("no_row", "a row was expected"),
        sqlx::Error::ColumnNotFound(column) => refused("no_column", &format!("column {column} is missing")),
        sqlx::Error::ColumnIndexOutOfBounds { .. } => refused("no_column", "a column is missing"),
        sqlx::Error::ColumnDecode { index, .. } => refused("decode", &format!("column {index} has another type")),
        sqlx::Error::Decode(_) => refused("decode", "a value has another type"),
        sqlx::Error::Encode(_) => refused("encode", "a value cannot be sent"),
        sqlx::Error::TypeNotFound { type_name } => refused("no_type", &format!("type {type_name} is missing")),
        _ => refused("client", "the database client failed"),
    }
}

fn refused(code: &str, message: &str) -> CentralError {
    CentralError::Refused { code: code.to_owned(), message: message.to_owned() }
}

fn database_error(error: &dyn sqlx::error::DatabaseError) -> CentralError {
    let code = error.code().unwrap_or_default().into_owned();
    server_error(code, || error.message().to_owned(), || names(error))
}

/// What a refusal of the server means, by SQLSTATE. Its own sentence can quote customer data (22: bad values, 23: keys),
/// so for those only names are told.
pub(crate) fn server_error(
    code: String,
    sentence: impl FnOnce() -> String,
    names: impl FnOnce() -> String,
) -> CentralError {
    match (code.get(..2).unwrap_or_default(), code.as_str()) {
        ("28", _) => CentralError::LoginRefused(code),
        // The server has ended the connection: what became of the call is unknown.
        (_, "57P01" | "57P02" | "57P05" | "25P03" | "25P04") | ("08", _) => CentralError::Unreachable(code),
        ("53" | "57", _) | (_, "40001" | "40P01" | "55P03") => CentralError::Busy(code),
        ("42" | "CL" | "3D" | "0A" | "XX" | "25", _) => CentralError::Refused { code, message: sentence() },
        _ => CentralError::Refused { code, message: names() },
    }
}

fn names(error: &dyn sqlx::error::DatabaseError) -> String {
    let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() else {
        return String::new();
    };
    let mut words = Vec::new();
    for (what, name) in [
        ("table", error.table()),
        ("column", error.column()),
        ("constraint", error.constraint()),
        ("type", error.data_type()),
        ("routine", error.routine()),
    ] {
        if let Some(name) = name {
            words.push(format!("{what} {name}"));
        }
    }
    words.join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_which_row_security_leaks_are_refused_and_the_fixed_ones_are_not() {
        for (fixed, leaking) in
            [(140_025, 140_024), (150_020, 150_019), (160_016, 160_015), (170_012, 170_011), (180_007, 180_006)]
        {
            assert!(is_safe(fixed) && !is_safe(leaking), "{fixed}");
        }
        assert!(!is_safe(130_099) && !is_safe(0) && is_safe(190_000));
    }

    #[test]
    fn a_secret_never_reaches_a_log() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_ne!(Secret::random().unwrap().expose(), Secret::random().unwrap().expose());
    }
}
