//! Jobs, their site and their equipment.

use chrono::NaiveDate;
use clara_domain::{CustomerId, EquipmentId, InspectionId, JobId, LocationId, UserId};
use rusqlite::{OptionalExtension, Row, named_params, params};
use serde::Serialize;
use serde_json::Value;

use super::equipment::{Equipment, equipment_columns, equipment_from};
use super::{json, optional_id, text_id};
use crate::error::MirrorError;
use crate::read::Read;
use crate::statement::Key;

/// One job in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobLine {
    /// Which.
    pub id: JobId,
    /// Its number.
    pub job_number: String,
    /// Its title.
    pub title: String,
    /// Its site.
    pub location_id: LocationId,
    /// The site's name.
    pub location_name: String,
    /// Its customer.
    pub customer_id: Option<CustomerId>,
    /// The customer's name.
    pub customer_name: String,
    /// Who does it.
    pub technician_id: Option<UserId>,
    /// Their name.
    pub technician: Option<String>,
    /// `job_type`.
    pub job_type: String,
    /// `job_status`.
    pub job_status: String,
    /// `job_priority`.
    pub priority: String,
    /// `YYYY-MM-DD`.
    pub scheduled_date: String,
    /// `HH:MM:SS`.
    pub scheduled_time: Option<String>,
    /// Planned.
    pub duration_minutes: Option<i64>,
    /// RFC 3339.
    pub started_at: Option<String>,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// Items of the job.
    pub equipment_total: u32,
    /// Of these, inspected in this job.
    pub equipment_inspected: u32,
    /// Inspections being filled in.
    pub drafts: u32,
    /// Something of the job itself is only on this laptop.
    pub only_here: bool,
}

/// A job with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobPage {
    /// The job.
    pub line: JobLine,
    /// What is to be done.
    pub description: Option<String>,
    /// What to mind.
    pub special_instructions: Option<String>,
    /// An array of items with `key`.
    pub checklist: Value,
    /// Whatever else.
    pub metadata: Value,
    /// The site.
    pub site: Option<Site>,
    /// Its items, in the order in which they were listed.
    pub equipment: Vec<JobEquipment>,
}

/// A site with its customer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Site {
    /// Which.
    pub id: LocationId,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// Where it is.
    pub latitude: Option<f64>,
    /// Where it is.
    pub longitude: Option<f64>,
    /// How to get in.
    pub access_notes: Option<String>,
    /// Whom to call.
    pub contact_name: Option<String>,
    /// Their number.
    pub contact_phone: Option<String>,
    /// Whatever else.
    pub metadata: Value,
    /// Its customer.
    pub customer_id: Option<CustomerId>,
    /// The customer's name.
    pub customer_name: String,
    /// Whom to call there.
    pub customer_contact_name: Option<String>,
    /// Their number.
    pub customer_contact_phone: Option<String>,
}

/// An item of a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobEquipment {
    /// The item.
    pub equipment: Equipment,
    /// What to mind with it in this job.
    pub notes: Option<String>,
    /// Its newest inspection in this job.
    pub inspection_id: Option<InspectionId>,
    /// How that ended.
    pub passed: Option<bool>,
    /// The draft being filled in for it in this job.
    pub draft_id: Option<InspectionId>,
}

macro_rules! job_columns {
    () => {
        "SELECT j.id, j.job_number, j.title, j.location_id, l.location_name, j.customer_id, c.company_name,
             j.assigned_technician_id, u.full_name, j.job_type, j.job_status, j.priority, j.scheduled_date,
             j.scheduled_time, j.duration_estimate_minutes, j.actual_start_time, j.actual_end_time,
             (SELECT count(DISTINCT je.equipment_id) FROM job_equipment je
                  WHERE je.job_id = j.id AND je.deleted_at IS NULL),
             (SELECT count(DISTINCT i.equipment_id) FROM inspection_records i
                  WHERE i.job_id = j.id AND i.deleted_at IS NULL),
             (SELECT count(*) FROM inspection_draft d WHERE d.job_id = j.id AND d.sealed = 0),
             EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = j.id
                 AND o.state IN ('pending', 'in_flight', 'parked', 'rejected')),
             j.description, j.special_instructions, j.checklist, j.metadata
         FROM jobs j
         LEFT JOIN locations l ON l.id = j.location_id
         LEFT JOIN customers c ON c.id = j.customer_id
         LEFT JOIN users u ON u.id = j.assigned_technician_id "
    };
}

fn line(row: &Row<'_>) -> rusqlite::Result<JobLine> {
    let text = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(index)?.unwrap_or_default());
    Ok(JobLine {
        id: text_id(row, 0)?,
        job_number: text(1)?,
        title: text(2)?,
        location_id: text_id(row, 3)?,
        location_name: text(4)?,
        customer_id: optional_id(row, 5)?,
        customer_name: text(6)?,
        technician_id: optional_id(row, 7)?,
        technician: row.get(8)?,
        job_type: text(9)?,
        job_status: text(10)?,
        priority: text(11)?,
        scheduled_date: text(12)?,
        scheduled_time: row.get(13)?,
        duration_minutes: row.get(14)?,
        started_at: row.get(15)?,
        ended_at: row.get(16)?,
        equipment_total: row.get(17)?,
        equipment_inspected: row.get(18)?,
        drafts: row.get(19)?,
        only_here: row.get(20)?,
    })
}

/// Which jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct JobFilter<'f> {
    /// Whose; everybody's if absent.
    pub technician: Option<UserId>,
    /// Scheduled on this day or later.
    pub from: Option<NaiveDate>,
    /// Scheduled on this day or earlier.
    pub to: Option<NaiveDate>,
    /// `job_status`.
    pub status: Option<&'f str>,
    /// At a site.
    pub location: Option<LocationId>,
    /// In number, title, site or customer.
    pub text: Option<&'f str>,
    /// At most; 500 if absent.
    pub limit: Option<u32>,
}

impl Read<'_> {
    /// Jobs by day and time.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn jobs(&self, filter: &JobFilter<'_>) -> Result<Vec<JobLine>, MirrorError> {
        let like = filter.text.map(|text| {
            let escaped: String = text
                .chars()
                .flat_map(|c| if matches!(c, '%' | '_' | '\\') { vec!['\\', c] } else { vec![c] })
                .collect();
            format!("%{escaped}%")
        });
        let mut statement = self.connection.prepare_cached(concat!(
            job_columns!(),
            "WHERE j.deleted_at IS NULL
                 AND (:technician IS NULL OR j.assigned_technician_id = :technician)
                 AND (:from IS NULL OR j.scheduled_date >= :from) AND (:to IS NULL OR j.scheduled_date <= :to)
                 AND (:status IS NULL OR j.job_status = :status)
                 AND (:location IS NULL OR j.location_id = :location)
                 AND (:text IS NULL OR j.job_number LIKE :text ESCAPE '\\' OR j.title LIKE :text ESCAPE '\\'
                      OR l.location_name LIKE :text ESCAPE '\\' OR c.company_name LIKE :text ESCAPE '\\')
             ORDER BY j.scheduled_date, j.scheduled_time, j.job_number LIMIT :limit"
        ))?;
        let lines = statement.query_map(
            named_params! {
                ":technician": filter.technician.map(|id| Key::of(id.uuid())),
                ":from": filter.from.map(|day| day.to_string()),
                ":to": filter.to.map(|day| day.to_string()),
                ":status": filter.status,
                ":location": filter.location.map(|id| Key::of(id.uuid())),
                ":text": like,
                ":limit": filter.limit.unwrap_or(500),
            },
            line,
        )?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// A technician's jobs (everybody's if absent) between two days, both included.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn jobs_of(
        &self,
        technician: Option<UserId>,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<JobLine>, MirrorError> {
        self.jobs(&JobFilter { technician, from: Some(from), to: Some(to), ..JobFilter::default() })
    }

    /// One job with site, customer and items.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn job(&self, id: JobId) -> Result<Option<JobPage>, MirrorError> {
        let found = self
            .connection
            .prepare_cached(concat!(job_columns!(), "WHERE j.id = ?1 AND j.deleted_at IS NULL"))?
            .query_row([Key::of(id.uuid())], |row| {
                Ok(JobPage {
                    line: line(row)?,
                    description: row.get(21)?,
                    special_instructions: row.get(22)?,
                    checklist: json(row, 23)?,
                    metadata: json(row, 24)?,
                    site: None,
                    equipment: Vec::new(),
                })
            })
            .optional()?;
        let Some(mut page) = found else { return Ok(None) };
        page.site = self.site(page.line.location_id)?;
        page.equipment = self.equipment_of_job(id)?;
        Ok(Some(page))
    }

    /// One site with its customer.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn site(&self, id: LocationId) -> Result<Option<Site>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT l.id, l.location_name, l.address, l.latitude, l.longitude, l.access_notes, l.emergency_contact_name,
                 l.emergency_contact_phone, l.metadata, l.customer_id, c.company_name, c.primary_contact_name,
                 c.primary_contact_phone
             FROM locations l LEFT JOIN customers c ON c.id = l.customer_id
             WHERE l.id = ?1 AND l.deleted_at IS NULL",
        )?;
        Ok(statement.query_row([Key::of(id.uuid())], site).optional()?)
    }

    /// Every site, by name.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn sites(&self) -> Result<Vec<Site>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT l.id, l.location_name, l.address, l.latitude, l.longitude, l.access_notes, l.emergency_contact_name,
                 l.emergency_contact_phone, l.metadata, l.customer_id, c.company_name, c.primary_contact_name,
                 c.primary_contact_phone
             FROM locations l LEFT JOIN customers c ON c.id = l.customer_id
             WHERE l.deleted_at IS NULL ORDER BY l.location_name, l.id",
        )?;
        Ok(statement.query_map([], site)?.collect::<Result<_, _>>()?)
    }

    /// The items of a job.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn equipment_of_job(&self, id: JobId) -> Result<Vec<JobEquipment>, MirrorError> {
        let mut statement = self.connection.prepare_cached(concat!(
            equipment_columns!(),
            ", je.notes,
               (SELECT i.id FROM inspection_records i WHERE i.equipment_id = e.id AND i.job_id = ?1
                    AND i.deleted_at IS NULL ORDER BY i.inspection_date DESC, i.created_at DESC, i.id DESC LIMIT 1),
               (SELECT i.passed FROM inspection_records i WHERE i.equipment_id = e.id AND i.job_id = ?1
                    AND i.deleted_at IS NULL ORDER BY i.inspection_date DESC, i.created_at DESC, i.id DESC LIMIT 1),
               (SELECT d.id FROM inspection_draft d WHERE d.equipment_id = e.id AND d.job_id = ?1 AND d.sealed = 0
                    ORDER BY d.saved_at DESC LIMIT 1)
             FROM job_equipment je JOIN equipment_inventory e ON e.id = je.equipment_id ",
            equipment_from!(),
            " WHERE je.job_id = ?1 AND je.deleted_at IS NULL AND e.deleted_at IS NULL
             GROUP BY e.id ORDER BY je.created_at, e.location_detail, e.id"
        ))?;
        let items = statement.query_map(params![Key::of(id.uuid())], |row| {
            let next = Equipment::COLUMNS;
            Ok(JobEquipment {
                equipment: Equipment::from_row(row)?,
                notes: row.get(next)?,
                inspection_id: optional_id(row, next + 1)?,
                passed: row.get(next + 2)?,
                draft_id: optional_id(row, next + 3)?,
            })
        })?;
        Ok(items.collect::<Result<_, _>>()?)
    }

    /// The open jobs an item belongs to, next first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn open_jobs_of_equipment(&self, id: EquipmentId) -> Result<Vec<JobId>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT j.id, j.scheduled_date FROM job_equipment je JOIN jobs j ON j.id = je.job_id
             WHERE je.equipment_id = ?1 AND je.deleted_at IS NULL AND j.deleted_at IS NULL
                 AND j.job_status IN ('scheduled', 'in_progress')
             ORDER BY j.job_status = 'in_progress' DESC, j.scheduled_date",
        )?;
        Ok(statement.query_map([Key::of(id.uuid())], |row| text_id(row, 0))?.collect::<Result<_, _>>()?)
    }
}

fn site(row: &Row<'_>) -> rusqlite::Result<Site> {
    Ok(Site {
        id: text_id(row, 0)?,
        name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        address: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        latitude: row.get(3)?,
        longitude: row.get(4)?,
        access_notes: row.get(5)?,
        contact_name: row.get(6)?,
        contact_phone: row.get(7)?,
        metadata: json(row, 8)?,
        customer_id: optional_id(row, 9)?,
        customer_name: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
        customer_contact_name: row.get(11)?,
        customer_contact_phone: row.get(12)?,
    })
}
