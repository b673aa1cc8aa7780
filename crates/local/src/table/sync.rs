//! How far this laptop and the server are apart.

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::mirror::Entity;
use serde::Serialize;

use crate::check::{parse_timestamp, timestamp};
use crate::error::MirrorError;
use crate::read::Read;
use crate::replica;

/// The figures of the sync screen and its light.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SyncFigures {
    /// The catalogue can be searched by its index; until then each search reads the whole of it.
    pub search_ready: bool,
    /// A server was met.
    pub met: bool,
    /// The first sync is done.
    pub mirrored: bool,
    /// Rows so far and tables done, while the first sync goes on.
    pub first_sync: Option<FirstSync>,
    /// Saved, not sent.
    pub pending: u32,
    /// Sent, nothing known.
    pub in_flight: u32,
    /// Kept by the server for a decision.
    pub parked: u32,
    /// Refused.
    pub rejected: u32,
    /// Of all these, sealed.
    pub sealed: u32,
    /// Conflicts without a decision.
    pub conflicts: u32,
    /// Inspections being filled in.
    pub drafts: u32,
    /// Photos whose bytes the server lacks.
    pub photos_waiting: u32,
    /// Their bytes.
    pub photo_bytes_waiting: u64,
    /// Photos to take again.
    pub photos_damaged: u32,
    /// The oldest change the server has not confirmed.
    pub oldest_unsent_at: Option<DateTime<Utc>>,
    /// The newest receipt.
    pub last_receipt_at: Option<DateTime<Utc>>,
    /// When rows last came down, by the server's clock.
    pub last_pull_at: Option<DateTime<Utc>>,
    /// When the server last answered, by its clock.
    pub last_contact_at: Option<DateTime<Utc>>,
    /// When both sides were last compared.
    pub audited_at: Option<DateTime<Utc>>,
    /// Server clock minus laptop clock.
    pub clock_offset_ms: Option<i64>,
    /// Operations the server confirmed in the last seven days.
    pub on_server_week: u32,
    /// Of these, photos.
    pub photos_on_server_week: u32,
}

/// How far the first sync is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirstSync {
    /// Tables done.
    pub tables_done: u32,
    /// Tables in all.
    pub tables: u32,
    /// Rows so far.
    pub rows: u64,
    /// The table that comes in now.
    pub now: Option<Entity>,
    /// Jobs, sites and equipment are here: work can start.
    pub can_start: bool,
}

/// What an audit put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairLine {
    /// The table.
    pub entity: String,
    /// Rows fetched again.
    pub refetched: u32,
    /// Rows taken away.
    pub purged: u32,
    /// When.
    pub repaired_at: Option<DateTime<Utc>>,
}

impl Read<'_> {
    /// All figures at once; `now` bounds the last seven days.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn sync_figures(&self, now: DateTime<Utc>) -> Result<SyncFigures, MirrorError> {
        let mut figures = SyncFigures { first_sync: self.first_sync()?, ..SyncFigures::default() };
        self.profile_figures(&mut figures)?;
        self.outbox_figures(&mut figures, now)?;
        let mut statement = self.connection.prepare_cached(
            "SELECT (SELECT count(*) FROM conflicts WHERE resolved_at IS NULL AND resolution IS NULL),
                 (SELECT count(*) FROM inspection_draft),
                 (SELECT count(*) FROM photo_file WHERE stored_on_server = 0 AND state = 'kept'),
                 (SELECT coalesce(sum(byte_count), 0) FROM photo_file WHERE stored_on_server = 0 AND state = 'kept'),
                 (SELECT count(*) FROM photo_file WHERE stored_on_server = 0 AND state <> 'kept')",
        )?;
        let mut rows = statement.query([])?;
        if let Some(row) = rows.next()? {
            figures.conflicts = row.get(0)?;
            figures.drafts = row.get(1)?;
            figures.photos_waiting = row.get(2)?;
            figures.photo_bytes_waiting = u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0);
            figures.photos_damaged = row.get(4)?;
        }
        Ok(figures)
    }

    fn profile_figures(&self, figures: &mut SyncFigures) -> Result<(), MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT epoch IS NOT NULL, cursor IS NOT NULL, last_pull_at, last_contact_at, audited_at, clock_offset_ms,
                 search_built
             FROM profile",
        )?;
        let mut rows = statement.query([])?;
        if let Some(row) = rows.next()? {
            let at = |index| {
                Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(index)?.as_deref().and_then(parse_timestamp))
            };
            figures.met = row.get(0)?;
            figures.mirrored = row.get(1)?;
            figures.last_pull_at = at(2)?;
            figures.last_contact_at = at(3)?;
            figures.audited_at = at(4)?;
            figures.clock_offset_ms = row.get(5)?;
            figures.search_ready = row.get(6)?;
        }
        Ok(())
    }

    fn outbox_figures(&self, figures: &mut SyncFigures, now: DateTime<Utc>) -> Result<(), MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT state, count(*), sum(sealed), min(local_at), max(receipted_at) FROM outbox GROUP BY state",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (state, count): (crate::OpState, u32) = (row.get(0)?, row.get(1)?);
            match state {
                crate::OpState::Pending => figures.pending = count,
                crate::OpState::InFlight => figures.in_flight = count,
                crate::OpState::Parked => figures.parked = count,
                crate::OpState::Rejected => figures.rejected = count,
                _ => {}
            }
            if state.is_unsent() {
                figures.sealed += row.get::<_, u32>(2)?;
                let oldest = row.get::<_, Option<String>>(3)?.as_deref().and_then(parse_timestamp);
                figures.oldest_unsent_at = [figures.oldest_unsent_at, oldest].into_iter().flatten().min();
            }
            let receipt = row.get::<_, Option<String>>(4)?.as_deref().and_then(parse_timestamp);
            figures.last_receipt_at = figures.last_receipt_at.max(receipt);
        }
        let week = timestamp(now - TimeDelta::days(7));
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*), coalesce(sum(entity = 'photos' AND kind = 'insert'), 0) FROM outbox
             WHERE state IN ('applied', 'conflict') AND receipted_at >= ?1 AND entity <> 'performance_metrics'",
        )?;
        let mut rows = statement.query([week])?;
        if let Some(row) = rows.next()? {
            figures.on_server_week = row.get(0)?;
            figures.photos_on_server_week = row.get(1)?;
        }
        Ok(())
    }

    fn first_sync(&self) -> Result<Option<FirstSync>, MirrorError> {
        let bookmarks = replica::bookmarks(self.connection)?;
        if bookmarks.is_empty() {
            return Ok(None);
        }
        let done = |entity: Entity| bookmarks.iter().any(|b| b.entity == entity && b.done);
        Ok(Some(FirstSync {
            tables_done: bookmarks.iter().filter(|b| b.done).count() as u32,
            tables: bookmarks.len() as u32,
            rows: bookmarks.iter().map(|b| u64::try_from(b.rows).unwrap_or(0)).sum(),
            now: bookmarks.iter().find(|b| !b.done).map(|b| b.entity),
            can_start: [
                Entity::Locations,
                Entity::Jobs,
                Entity::EquipmentInventory,
                Entity::JobEquipment,
                Entity::TemplateItems,
                Entity::CaptureRequirements,
            ]
            .into_iter()
            .all(done),
        }))
    }

    /// What audits put right, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn repairs(&self, limit: u32) -> Result<Vec<RepairLine>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT entity, refetched, purged, repaired_at FROM repair_log ORDER BY id DESC LIMIT ?1",
        )?;
        let lines = statement.query_map([limit], |row| {
            Ok(RepairLine {
                entity: row.get(0)?,
                refetched: row.get(1)?,
                purged: row.get(2)?,
                repaired_at: parse_timestamp(&row.get::<_, String>(3)?),
            })
        })?;
        Ok(lines.collect::<Result<_, _>>()?)
    }
}
