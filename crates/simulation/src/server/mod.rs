//! A model of the server, written from the protocol: what the laptops' real code is tried against. It is no mock of the
//! code under test, and a test of this package compares it with a real PostgreSQL.

mod audit;
mod change;
mod decide;
mod document;
mod insert;
mod ledger;
mod merge;
mod office;
mod photos;
pub mod policy;
mod pull;
mod push;
mod scope;
mod state;

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_sync::{CentralError, Cursor};
use serde_json::Value;
use uuid::Uuid;

use crate::chance::Chance;
use crate::control::Control;

pub use ledger::{LedgerLine, Verdict};
pub use office::Slow;
pub use scope::Sight;
pub use state::{Body, Device, State, Version};

/// What PostgreSQL calls a row that is not to be had in time.
pub(crate) const LOCKED: &str = "55P03";

/// The server: its database, and what is not in the database.
#[derive(Debug)]
pub struct Server {
    /// What a backup holds.
    pub state: State,
    /// Its clock.
    pub now: DateTime<Utc>,
    /// Another number after every start.
    pub incarnation: i64,
    /// The cluster.
    pub system_identifier: String,
    /// The cluster that the epoch was made for.
    pub epoch_of: String,
    /// It is a standby.
    pub in_recovery: bool,
    /// The oldest program that may pull.
    pub min_client: i32,
    /// A column that laptops know and this server does not (yet).
    pub lacks_column: Option<(Entity, &'static str)>,
    /// What is broken on purpose.
    pub broken: Option<Control>,
    /// Found by the server itself while it worked.
    pub violations: Vec<String>,
    /// The highest transaction number that any laptop was told of; for a control that hides a restore.
    pub highest_told: u64,
    /// How often it has moved to another cluster.
    pub moves: u64,
    pub(crate) chance: Chance,
}

impl Server {
    /// An empty one.
    pub fn new(now: DateTime<Utc>, seed: u64) -> Self {
        let mut chance = Chance::of(seed, 0x5e72);
        Self {
            state: State::new(chance.uuid()),
            now,
            incarnation: 1,
            system_identifier: "7000000000000000001".to_owned(),
            epoch_of: "7000000000000000001".to_owned(),
            in_recovery: false,
            min_client: 1,
            lacks_column: None,
            broken: None,
            violations: Vec::new(),
            highest_told: 0,
            moves: 0,
            chance,
        }
    }

    pub(crate) fn is_broken(&self, control: Control) -> bool {
        self.broken == Some(control)
    }

    pub(crate) fn stamp(&self) -> String {
        clara_local::timestamp(self.now)
    }

    /// The snapshot of now.
    pub fn snapshot(&self) -> Cursor {
        let next = self.state.next_xid;
        let running: Vec<String> = self.state.running.keys().map(u64::to_string).collect();
        let first = self.state.running.keys().next().copied().unwrap_or(next);
        let text = if self.is_broken(Control::TimestampCursor) {
            format!("{next}:{next}:")
        } else {
            format!("{first}:{next}:{}", running.join(","))
        };
        snapshot(&text)
    }

    /// A new transaction's number.
    pub(crate) fn begin(&mut self) -> u64 {
        let xid = self.state.next_xid;
        self.state.next_xid += 1;
        // No two transactions happen at one moment, in whichever history.
        self.now += chrono::TimeDelta::microseconds(1);
        xid
    }

    /// Whether the person may log in.
    pub fn is_active(&self, user: Uuid) -> bool {
        let Some(person) = self.state.fields(Entity::Users, user) else { return false };
        person.get("is_active") == Some(&Value::Bool(true)) && is_null(person, "deleted_at")
    }

    pub(crate) fn admit(&self, user: Uuid) -> Result<(), CentralError> {
        if self.is_active(user) {
            Ok(())
        } else {
            Err(CentralError::DeviceRefused("this login belongs to nobody any more".to_owned()))
        }
    }

    /// The role of a person.
    pub fn role(&self, user: Uuid) -> String {
        text(self.state.fields(Entity::Users, user), "role").unwrap_or_default()
    }

    pub(crate) fn sees_all(&self, user: Uuid) -> bool {
        self.is_active(user) && self.role(user) != "technician"
    }
}

/// A snapshot that is known to be well formed.
pub(crate) fn snapshot(text: &str) -> Cursor {
    match text.parse() {
        Ok(cursor) => cursor,
        Err(_) => unreachable!("the model writes snapshots as they are read: {text}"),
    }
}

pub(crate) fn is_null(fields: &Fields, name: &str) -> bool {
    fields.get(name).is_none_or(Value::is_null)
}

pub(crate) fn text(fields: Option<&Fields>, name: &str) -> Option<String> {
    fields?.get(name)?.as_str().map(str::to_owned)
}

pub(crate) fn id_of(fields: &Fields, name: &str) -> Option<Uuid> {
    fields.get(name)?.as_str().and_then(|id| Uuid::parse_str(id).ok())
}

/// Column values from a JSON object.
pub fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}
