//! People and their laptops.

use chrono::{DateTime, Utc};
use clara_domain::{DeviceId, UserId};
use serde::Serialize;

use super::{optional_id, text_id};
use crate::check::parse_timestamp;
use crate::error::MirrorError;
use crate::read::Read;

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// Name.
    pub full_name: String,
    /// `user_role`.
    pub role: String,
    /// Works here.
    pub is_active: bool,
}

/// One laptop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Laptop {
    /// Which.
    pub id: DeviceId,
    /// Whose.
    pub user_id: Option<UserId>,
    /// Its name.
    pub name: Option<String>,
    /// Version of the program on it.
    pub app_version: Option<String>,
    /// When the server last heard of it.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// What it said it had not sent.
    pub unsent_count: i64,
    /// The oldest of that.
    pub oldest_unsent_at: Option<DateTime<Utc>>,
}

impl Read<'_> {
    /// Everybody, by name.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn people(&self) -> Result<Vec<Person>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, full_name, role, is_active FROM users WHERE deleted_at IS NULL ORDER BY full_name, id",
        )?;
        let people = statement.query_map([], |row| {
            Ok(Person {
                id: text_id(row, 0)?,
                full_name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                role: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                is_active: row.get::<_, Option<bool>>(3)?.unwrap_or(true),
            })
        })?;
        Ok(people.collect::<Result<_, _>>()?)
    }

    /// The laptops that are in use, silent ones first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn laptops(&self) -> Result<Vec<Laptop>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, user_id, name, app_version, last_seen_at, unsent_count, oldest_unsent_at
             FROM devices WHERE revoked_at IS NULL ORDER BY last_seen_at, id",
        )?;
        let laptops = statement.query_map([], |row| {
            let at = |index| {
                Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(index)?.as_deref().and_then(parse_timestamp))
            };
            Ok(Laptop {
                id: text_id(row, 0)?,
                user_id: optional_id(row, 1)?,
                name: row.get(2)?,
                app_version: row.get(3)?,
                last_seen_at: at(4)?,
                unsent_count: row.get::<_, Option<i64>>(5)?.unwrap_or(0),
                oldest_unsent_at: at(6)?,
            })
        })?;
        Ok(laptops.collect::<Result<_, _>>()?)
    }
}
