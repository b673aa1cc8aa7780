//! What exists only on this laptop, for the person to see.

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation, Receipt};
use clara_domain::{EquipmentId, JobId, LocationId, OpId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::optional_id;
use crate::error::MirrorError;
use crate::outbox::{self, Entry, OpState, entry_columns};
use crate::read::Read;
use crate::statement::Key;

/// One operation with what a person needs to know it by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutboxLine {
    /// As it will be, or was, sent.
    pub operation: Operation,
    /// Where it is.
    pub state: OpState,
    /// Its site left scope: it can be pushed and nothing else.
    pub sealed: bool,
    /// How often it was sent.
    pub attempts: i64,
    /// What the server said.
    pub receipt: Option<Receipt>,
    /// When.
    pub receipted_at: Option<DateTime<Utc>>,
    /// The site.
    pub location_id: Option<LocationId>,
    /// The site's name, if it is in the mirror.
    pub location_name: Option<String>,
    /// The job it belongs to.
    pub job_id: Option<JobId>,
    /// The item it is about.
    pub equipment_id: Option<EquipmentId>,
    /// The item's tag, or maker and model, if it is in the mirror.
    pub equipment_name: Option<String>,
    /// It can be taken back or corrected here.
    pub changeable: bool,
}

impl Read<'_> {
    /// Operations the server has not confirmed, oldest first: saved, on their way, parked, refused.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn outbox(&self) -> Result<Vec<OutboxLine>, MirrorError> {
        let mut lines = Vec::new();
        for state in [OpState::Pending, OpState::InFlight, OpState::Parked, OpState::Rejected] {
            lines.extend(self.outbox_in(state)?);
        }
        lines.sort_by_key(|line| line.operation.seq);
        Ok(lines)
    }

    /// Operations in one state, oldest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn outbox_in(&self, state: OpState) -> Result<Vec<OutboxLine>, MirrorError> {
        let entries: Vec<Entry> = {
            let mut statement = self.connection.prepare_cached(concat!(
                "SELECT ",
                entry_columns!(),
                " FROM outbox WHERE state = ?1 ORDER BY seq"
            ))?;
            statement.query_map([state], outbox::entry)?.collect::<Result<_, _>>()?
        };
        entries.into_iter().map(|entry| self.line(entry)).collect()
    }

    /// One operation.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn operation(&self, op_id: OpId) -> Result<Option<OutboxLine>, MirrorError> {
        outbox::get(self.connection, op_id)?.map(|entry| self.line(entry)).transpose()
    }

    /// The newest operation about a row, whatever its state.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn newest_operation_of(&self, row_id: Uuid) -> Result<Option<OutboxLine>, MirrorError> {
        let entry: Option<Entry> = {
            let mut statement = self.connection.prepare_cached(concat!(
                "SELECT ",
                entry_columns!(),
                " FROM outbox WHERE row_id = ?1 AND state <> 'withdrawn' ORDER BY seq DESC LIMIT 1"
            ))?;
            statement.query_map([Key::of(row_id)], outbox::entry)?.next().transpose()?
        };
        entry.map(|entry| self.line(entry)).transpose()
    }

    /// Everything that the server may lack, in order: for a rescue file.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn unsent_operations(&self) -> Result<Vec<Operation>, MirrorError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM outbox WHERE state IN ('pending', 'in_flight', 'parked', 'rejected') ORDER BY seq"
        ))?;
        let operations = statement.query_map([], |row| Ok(outbox::entry(row)?.operation))?;
        Ok(operations.collect::<Result<_, _>>()?)
    }

    fn line(&self, entry: Entry) -> Result<OutboxLine, MirrorError> {
        let operation = entry.operation;
        let fields = match (operation.kind, operation.entity.table()) {
            (OpKind::Insert, _) | (_, None) => operation.new.clone(),
            (_, Some(_)) => self.fields(operation.entity, operation.row_id)?.unwrap_or_default(),
        };
        let id = |name: &str| fields.get(name).and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
        let equipment_id = match operation.entity {
            Entity::EquipmentInventory => Some(operation.row_id),
            _ => id("equipment_id"),
        };
        let job_id = match operation.entity {
            Entity::Jobs => Some(operation.row_id),
            _ => id("job_id"),
        };
        let changeable = entry.state == OpState::Rejected || (entry.state == OpState::Pending && entry.attempts == 0);
        let equipment_id = equipment_id.map(EquipmentId);
        Ok(OutboxLine {
            location_name: self.location_name(entry.location_id)?,
            equipment_name: equipment_id.map(|id| self.equipment_name(id)).transpose()?.flatten(),
            location_id: entry.location_id.map(LocationId),
            job_id: job_id.map(JobId),
            equipment_id,
            operation,
            state: entry.state,
            sealed: entry.sealed,
            attempts: entry.attempts,
            receipt: entry.receipt,
            receipted_at: entry.receipted_at,
            changeable,
        })
    }

    fn location_name(&self, id: Option<Uuid>) -> Result<Option<String>, MirrorError> {
        let Some(id) = id else { return Ok(None) };
        let mut statement = self.connection.prepare_cached("SELECT location_name FROM locations WHERE id = ?1")?;
        let name: Option<Option<String>> = statement.query_map([Key::of(id)], |row| row.get(0))?.next().transpose()?;
        Ok(name.flatten())
    }

    /// Its tag, or its maker and model; none where the mirror does not have it.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn equipment_name(&self, id: EquipmentId) -> Result<Option<String>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT coalesce(json_extract(e.metadata, '$.tag'),
                 nullif(trim(coalesce(f.name, e.manual_manufacturer, '') || ' '
                     || coalesce(m.model_number, e.manual_model_number, '')), ''))
             FROM equipment_inventory e
             LEFT JOIN equipment_models m ON m.id = e.equipment_model_id
             LEFT JOIN manufacturers f ON f.id = m.manufacturer_id
             WHERE e.id = ?1",
        )?;
        let name: Option<Option<String>> =
            statement.query_map([Key::of(id.uuid())], |row| row.get(0))?.next().transpose()?;
        Ok(name.flatten())
    }

    /// The site of a job, without reading the whole of it.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn location_of_job(&self, id: JobId) -> Result<Option<LocationId>, MirrorError> {
        let mut statement = self.connection.prepare_cached("SELECT location_id FROM jobs WHERE id = ?1")?;
        let found: Option<Option<LocationId>> =
            statement.query_map([Key::of(id.uuid())], |row| optional_id(row, 0))?.next().transpose()?;
        Ok(found.flatten())
    }
}
