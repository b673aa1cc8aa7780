//! The one way onto the wire. It dials, proves the server, logs in, and from then on stands between the database driver
//! and the line: every message that the server sends is looked at before the driver sees it.
//!
//! Administrators' work goes through the driver (sqlx), which speaks to the gate over a private local end and to nobody
//! else. It never learns the password, it does no TLS, and it cannot be told to reserve more memory than [`border`]
//! allows. A laptop needs no driver: its messages go through [`Wire`], past the same border.

mod attach;
mod border;
mod carry;
mod dial;
mod log_in;
mod prove;
mod wire;

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clara_sync::CentralError;
use sqlx::postgres::PgConnection;
use tokio::task::JoinHandle;

use crate::connect::{Server, call_error};

pub(crate) use wire::Wire;

/// How long a goodbye may take. The server notices a line that is gone without one.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// An open gate. Dropping it hangs up.
#[derive(Debug)]
pub(crate) struct Gate {
    refusal: Refusal,
    carrier: JoinHandle<()>,
    /// The carrier's socket, to hang up also while nobody drives the runtime that the carrier lives in.
    line: TcpStream,
}

impl Gate {
    /// Reaches the server, proves it, logs in, and attaches a driver.
    ///
    /// # Errors
    /// [`CentralError`]: `NotProven` before anything was sent that is worth knowing.
    pub(crate) async fn open(server: &Server) -> Result<(Self, PgConnection), CentralError> {
        let (line, handle) = dial::dial(&server.host, server.port).await?;
        let mut line = prove::prove(line, &server.host, &server.ca_pem).await?;
        let greeting = log_in::log_in(&mut line, server).await?;
        let (connection, driver) = attach::attach(&server.database, &greeting).await?;
        let refusal = Refusal::default();
        let carrier = tokio::spawn(carry::carry(line, driver, refusal.clone()));
        Ok((Self { refusal, carrier, line: handle }, connection))
    }

    /// What it may have refused to let through.
    pub(crate) fn refusal(&self) -> Refusal {
        self.refusal.clone()
    }

    /// Waits until the driver's last words are on the line.
    pub(crate) async fn close(mut self) {
        // Best effort: the line is hung up either way.
        let _ = tokio::time::timeout(GOODBYE_LIMIT, &mut self.carrier).await;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.carrier.abort();
        // It may be gone already.
        let _ = self.line.shutdown(Shutdown::Both);
    }
}

/// Why a gate has closed, if it closed by itself. The driver only sees that its connection has ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal(Arc<OnceLock<border::Breach>>);

impl Refusal {
    fn because(&self, breach: border::Breach) {
        // The first one closes the gate; there is no second.
        let _ = self.0.set(breach);
    }

    /// What an error of the driver means, in the light of what happened at the gate.
    pub(crate) fn explain(&self, error: sqlx::Error) -> CentralError {
        match (call_error(error), self.0.get()) {
            (CentralError::Unreachable(_), Some(breach)) => CentralError::Unreachable(breach.to_string()),
            (meaning, _) => meaning,
        }
    }
}
