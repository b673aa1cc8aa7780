//! Completed inspections.

use chrono::NaiveDate;
use clara_domain::{EquipmentId, InspectionId, JobId, UserId};
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{json, optional_id, text_id};
use crate::error::MirrorError;
use crate::read::Read;
use crate::statement::Key;

/// One inspection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Which.
    pub id: InspectionId,
    /// In which job.
    pub job_id: Option<JobId>,
    /// Of what.
    pub equipment_id: Option<EquipmentId>,
    /// By whom.
    pub inspector_id: Option<UserId>,
    /// Their name.
    pub inspector: Option<String>,
    /// By which template.
    pub template_id: Option<Uuid>,
    /// It amends another.
    pub amends: Option<InspectionId>,
    /// `YYYY-MM-DD`.
    pub inspection_date: String,
    /// What was done.
    pub inspection_type: Option<String>,
    /// How it ended.
    pub passed: Option<bool>,
    /// In words.
    pub findings: Option<String>,
    /// An array.
    pub deficiencies: Value,
    /// In words.
    pub recommendations: Option<String>,
    /// Item key to reading.
    pub measurements: Value,
    /// An array of references.
    pub photo_urls: Value,
    /// `YYYY-MM-DD`.
    pub next_inspection_due: Option<String>,
    /// Whatever else.
    pub metadata: Value,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// The server has not confirmed it.
    pub only_here: bool,
}

macro_rules! inspection_columns {
    () => {
        "SELECT i.id, i.job_id, i.equipment_id, i.inspector_id, u.full_name, i.template_id, i.amends_inspection_id,
             i.inspection_date, i.inspection_type, i.passed, i.findings, i.deficiencies, i.recommendations,
             i.measurements, i.photo_urls, i.next_inspection_due, i.metadata, i.created_at,
             EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = i.id
                 AND o.state IN ('pending', 'in_flight', 'parked', 'rejected'))
         FROM inspection_records i LEFT JOIN users u ON u.id = i.inspector_id "
    };
}

fn inspection(row: &Row<'_>) -> rusqlite::Result<Inspection> {
    Ok(Inspection {
        id: text_id(row, 0)?,
        job_id: optional_id(row, 1)?,
        equipment_id: optional_id(row, 2)?,
        inspector_id: optional_id(row, 3)?,
        inspector: row.get(4)?,
        template_id: optional_id(row, 5)?,
        amends: optional_id(row, 6)?,
        inspection_date: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
        inspection_type: row.get(8)?,
        passed: row.get(9)?,
        findings: row.get(10)?,
        deficiencies: json(row, 11)?,
        recommendations: row.get(12)?,
        measurements: json(row, 13)?,
        photo_urls: json(row, 14)?,
        next_inspection_due: row.get(15)?,
        metadata: json(row, 16)?,
        created_at: row.get(17)?,
        only_here: row.get(18)?,
    })
}

impl Read<'_> {
    /// One inspection.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn inspection(&self, id: InspectionId) -> Result<Option<Inspection>, MirrorError> {
        Ok(self
            .connection
            .prepare_cached(concat!(inspection_columns!(), "WHERE i.id = ?1 AND i.deleted_at IS NULL"))?
            .query_row([Key::of(id.uuid())], inspection)
            .optional()?)
    }

    /// The inspections of an item, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn history(&self, id: EquipmentId, limit: u32) -> Result<Vec<Inspection>, MirrorError> {
        let mut statement = self.connection.prepare_cached(concat!(
            inspection_columns!(),
            "WHERE i.equipment_id = ?1 AND i.deleted_at IS NULL
             ORDER BY i.inspection_date DESC, i.created_at DESC, i.id DESC LIMIT ?2"
        ))?;
        Ok(statement.query_map(params![Key::of(id.uuid()), limit], inspection)?.collect::<Result<_, _>>()?)
    }

    /// The last visit before a day: what stands beside today's readings. With a template, the last one made by any
    /// revision of it.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn last_before(
        &self,
        id: EquipmentId,
        day: NaiveDate,
        template_key: Option<&str>,
    ) -> Result<Option<Inspection>, MirrorError> {
        Ok(self
            .connection
            .prepare_cached(concat!(
                inspection_columns!(),
                "WHERE i.equipment_id = ?1 AND i.inspection_date < ?2 AND i.deleted_at IS NULL
                     AND (?3 IS NULL OR i.template_id IN (SELECT t.id FROM inspection_templates t
                          WHERE t.template_key = ?3))
                 ORDER BY i.inspection_date DESC, i.created_at DESC, i.id DESC LIMIT 1"
            ))?
            .query_row(params![Key::of(id.uuid()), day.to_string(), template_key], inspection)
            .optional()?)
    }

    /// The inspections of a job, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn inspections_of_job(&self, id: JobId) -> Result<Vec<Inspection>, MirrorError> {
        let mut statement = self.connection.prepare_cached(concat!(
            inspection_columns!(),
            "WHERE i.job_id = ?1 AND i.deleted_at IS NULL ORDER BY i.created_at DESC, i.id DESC"
        ))?;
        Ok(statement.query_map([Key::of(id.uuid())], inspection)?.collect::<Result<_, _>>()?)
    }

    /// The amendments of an inspection, oldest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn amendments(&self, id: InspectionId) -> Result<Vec<Inspection>, MirrorError> {
        let mut statement = self.connection.prepare_cached(concat!(
            inspection_columns!(),
            "WHERE i.amends_inspection_id = ?1 AND i.deleted_at IS NULL ORDER BY i.created_at, i.id"
        ))?;
        Ok(statement.query_map([Key::of(id.uuid())], inspection)?.collect::<Result<_, _>>()?)
    }
}
