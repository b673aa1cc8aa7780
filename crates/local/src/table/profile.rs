//! Who this laptop is, and what the app remembers of the person's choices.

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::{DeviceId, UserId};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::check::timestamp;
use crate::error::MirrorError;
use crate::read::Read;
use crate::spool::{Frame, ProfileFrame};
use crate::statement::{Key, uuid_at};
use crate::write::WriteTx;

/// Who this laptop is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// This laptop's profile, as enrolled.
    pub device: DeviceId,
    /// The person.
    pub user: UserId,
    /// `user_role`.
    pub role: String,
}

pub(crate) fn profile(connection: &Connection) -> Result<Option<Profile>, MirrorError> {
    Ok(connection
        .prepare_cached("SELECT device_id, user_id, role FROM profile WHERE device_id IS NOT NULL")?
        .query_row([], |row| {
            Ok(Profile { device: DeviceId(uuid_at(row, 0)?), user: UserId(uuid_at(row, 1)?), role: row.get(2)? })
        })
        .optional()?)
}

fn frame(profile: Profile) -> Frame {
    Frame::Profile(ProfileFrame { device_id: profile.device.uuid(), user_id: profile.user.uuid(), role: profile.role })
}

/// What every segment of operations in the spool begins with.
pub(crate) fn heading(connection: &Connection) -> Result<Vec<Frame>, MirrorError> {
    Ok(profile(connection)?.map(frame).into_iter().collect())
}

pub(crate) fn put_profile(connection: &Connection, profile: &Profile) -> Result<(), MirrorError> {
    connection
        .prepare_cached(
            // The server counts each device by itself.
            "UPDATE profile SET highest_receipted_seq = CASE WHEN device_id IS NULL OR device_id = ?1
             THEN highest_receipted_seq ELSE 0 END, device_id = ?1, user_id = ?2, role = ?3",
        )?
        .execute(params![Key::of(profile.device.uuid()), Key::of(profile.user.uuid()), profile.role])?;
    Ok(())
}

impl WriteTx<'_, '_> {
    /// Says which device and person this profile is. Until then nothing but settings can be written.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    pub fn enroll(&mut self, profile: Profile) -> Result<(), MirrorError> {
        put_profile(self.tx.connection, &profile)?;
        self.tx.frames.push(frame(profile));
        Ok(())
    }

    /// Keeps a choice of the person under a key.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    pub fn set_setting(&mut self, key: &str, value: &Value) -> Result<(), MirrorError> {
        self.tx
            .connection
            .prepare_cached("INSERT OR REPLACE INTO setting (key, value) VALUES (?1, ?2)")?
            .execute(params![key, value.to_string()])?;
        Ok(())
    }

    /// Remembers that the person opened something.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    pub fn opened(&mut self, entity: Entity, id: Uuid) -> Result<(), MirrorError> {
        self.tx
            .connection
            .prepare_cached("INSERT OR REPLACE INTO recent (entity, row_id, opened_at) VALUES (?1, ?2, ?3)")?
            .execute(params![entity.name(), Key::of(id), timestamp(self.now)])?;
        Ok(())
    }
}

impl Read<'_> {
    /// Who this laptop is; none before enrolment.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn profile(&self) -> Result<Option<Profile>, MirrorError> {
        profile(self.connection)
    }

    /// A choice of the person.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn setting(&self, key: &str) -> Result<Option<Value>, MirrorError> {
        let text: Option<String> = self
            .connection
            .prepare_cached("SELECT value FROM setting WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| MirrorError::Unreadable("a setting"))).transpose()
    }

    /// What was opened last of a table, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn recent(&self, entity: Entity, limit: u32) -> Result<Vec<(Uuid, DateTime<Utc>)>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT row_id, opened_at FROM recent WHERE entity = ?1 ORDER BY opened_at DESC LIMIT ?2",
        )?;
        let rows = statement
            .query_map(params![entity.name(), limit], |row| Ok((uuid_at(row, 0)?, row.get::<_, String>(1)?)))?;
        let mut found = Vec::new();
        for row in rows {
            let (id, at) = row?;
            found.extend(crate::check::parse_timestamp(&at).map(|at| (id, at)));
        }
        Ok(found)
    }
}
