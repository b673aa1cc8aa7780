//! The list of what exists only on this laptop, a page at a time: each page is one statement, and what it costs depends on
//! the page alone. A month without a network is thousands of lines.

use chrono::{DateTime, Utc};
use clara_domain::operation::Operation;
use clara_domain::{EquipmentId, JobId, LocationId, OpId, PhotoId};
use rusqlite::{Row, params};
use serde::Serialize;
use uuid::Uuid;

use super::optional_id;
use super::outbox::OutboxLine;
use crate::check::parse_timestamp;
use crate::error::MirrorError;
use crate::outbox::{self, OpState, entry_columns};
use crate::read::Read;
use crate::statement::Key;

/// One line, with what is needed to name it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkLine {
    /// The operation.
    pub line: OutboxLine,
    /// The number of the job that it changes.
    pub job_number: Option<String>,
    /// Of the photo that it takes or changes.
    pub caption: Option<String>,
    /// Bytes of that photo.
    pub byte_count: Option<i64>,
}

/// A photo whose row went up and whose bytes did not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhotoLine {
    /// Which.
    pub id: PhotoId,
    /// The bytes on this laptop cannot be sent: it has to be taken again.
    pub damaged: bool,
    /// What it shows.
    pub caption: Option<String>,
    /// Its bytes.
    pub byte_count: Option<i64>,
    /// When its row was made.
    pub created_at: Option<String>,
    /// The job it belongs to.
    pub job_id: Option<JobId>,
    /// The item it shows.
    pub equipment_id: Option<EquipmentId>,
    /// The item's tag, or maker and model, if it is in the mirror.
    pub equipment_name: Option<String>,
}

/// How many lines there are in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WorkFigures {
    /// Operations.
    pub operations: u32,
    /// Of these, parked or refused, and not sealed.
    pub need_a_person: u32,
    /// Photos whose row went up and whose bytes did not.
    pub photos: u32,
    /// Of these, to be taken again.
    pub photos_damaged: u32,
    /// The oldest of all that.
    pub oldest: Option<DateTime<Utc>>,
}

/// What goes along with something else is no line of its own: timings, the log of an inspection that is in the list itself,
/// the place of a new item on its job.
macro_rules! a_line_of_its_own {
    () => {
        "o.entity <> 'performance_metrics'
         AND NOT (o.entity = 'data_capture_logs' AND EXISTS (SELECT 1 FROM outbox i WHERE i.root_id = o.root_id
             AND i.entity = 'inspection_records' AND i.kind = 'insert'
             AND i.state IN ('pending', 'in_flight', 'parked', 'rejected')))
         AND NOT (o.entity = 'job_equipment' AND EXISTS (SELECT 1 FROM outbox i WHERE i.root_id = o.root_id
             AND i.entity = 'equipment_inventory' AND i.kind = 'insert'
             AND i.state IN ('pending', 'in_flight', 'parked', 'rejected')))"
    };
}

/// State by state, so that each comes out of the index in its order and no further than the page.
macro_rules! some_of {
    ($state:literal, $order:literal) => {
        concat!(
            "SELECT * FROM (SELECT ",
            entry_columns!(),
            " FROM outbox o WHERE o.state = '",
            $state,
            "' AND ",
            a_line_of_its_own!(),
            " ORDER BY o.seq ",
            $order,
            " LIMIT ?1)"
        )
    };
}

/// What of an operation names a row: a new one says so itself, any other is looked up.
macro_rules! page {
    ($order:literal) => {
        concat!(
            "WITH page AS MATERIALIZED (",
            some_of!("pending", $order),
            " UNION ALL ",
            some_of!("in_flight", $order),
            " UNION ALL ",
            some_of!("parked", $order),
            " UNION ALL ",
            some_of!("rejected", $order),
            " UNION ALL SELECT ",
            entry_columns!(),
            " FROM outbox WHERE op_id = ?2 AND state IN ('pending', 'in_flight', 'parked', 'rejected')
             ), named AS (
                 SELECT ",
            entry_columns!("p."),
            ",
                     CASE WHEN p.entity = 'equipment_inventory' THEN p.row_id
                         WHEN p.kind = 'insert' THEN json_extract(p.new, '$.equipment_id')
                         ELSE coalesce(f.equipment_id, i.equipment_id, c.equipment_id, q.equipment_id) END AS equipment,
                     CASE WHEN p.entity = 'jobs' THEN p.row_id
                         WHEN p.kind = 'insert' THEN json_extract(p.new, '$.job_id')
                         ELSE coalesce(f.job_id, i.job_id, c.job_id, q.job_id) END AS job,
                     f.caption, f.byte_count
                 FROM page p
                 LEFT JOIN photos f ON p.entity = 'photos' AND f.id = p.row_id
                 LEFT JOIN inspection_records i ON p.entity = 'inspection_records' AND i.id = p.row_id
                 LEFT JOIN data_capture_logs c ON p.entity = 'data_capture_logs' AND c.id = p.row_id
                 LEFT JOIN job_equipment q ON p.entity = 'job_equipment' AND q.id = p.row_id
             )
             SELECT ",
            entry_columns!("n."),
            ", n.equipment, n.job, n.caption, n.byte_count, l.location_name, j.job_number,
                 coalesce(json_extract(e.metadata, '$.tag'),
                     nullif(trim(coalesce(m.name, e.manual_manufacturer, '') || ' '
                         || coalesce(x.model_number, e.manual_model_number, '')), ''))
             FROM named n
             LEFT JOIN locations l ON l.id = n.location_id
             LEFT JOIN jobs j ON n.entity = 'jobs' AND j.id = n.row_id
             LEFT JOIN equipment_inventory e ON e.id = n.equipment
             LEFT JOIN equipment_models x ON x.id = e.equipment_model_id
             LEFT JOIN manufacturers m ON m.id = x.manufacturer_id
             ORDER BY n.seq"
        )
    };
}

/// Only what no line of the outbox stands for already.
macro_rules! photos_without_a_line {
    () => {
        " FROM photo_file b JOIN photos p ON p.id = b.photo_id
         WHERE b.stored_on_server = 0 AND b.state IN ('kept', 'damaged', 'missing')
             AND p.deleted_at IS NULL AND coalesce(p.state, '') <> 'stored'
             AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = b.photo_id
                 AND o.state IN ('pending', 'in_flight', 'parked', 'rejected'))"
    };
}

const OLDEST: &str = page!("");
const NEWEST: &str = page!("DESC");

const FIGURES: &str = concat!(
    "SELECT count(*), coalesce(sum(o.sealed = 0 AND o.state IN ('parked', 'rejected')), 0), min(o.local_at)
     FROM outbox o WHERE o.state IN ('pending', 'in_flight', 'parked', 'rejected') AND ",
    a_line_of_its_own!()
);

const PHOTOS: &str = concat!(
    "WITH page AS (SELECT p.id, b.state <> 'kept' AS damaged, p.caption, p.byte_count, p.created_at, p.job_id, p.equipment_id",
    photos_without_a_line!(),
    " ORDER BY b.taken_in_at LIMIT ?1)
     SELECT p.id, p.damaged, p.caption, p.byte_count, p.created_at, p.job_id, p.equipment_id,
         coalesce(json_extract(e.metadata, '$.tag'),
             nullif(trim(coalesce(m.name, e.manual_manufacturer, '') || ' '
                 || coalesce(x.model_number, e.manual_model_number, '')), ''))
     FROM page p
     LEFT JOIN equipment_inventory e ON e.id = p.equipment_id
     LEFT JOIN equipment_models x ON x.id = e.equipment_model_id
     LEFT JOIN manufacturers m ON m.id = x.manufacturer_id"
);

const PHOTO_FIGURES: &str =
    concat!("SELECT count(*), coalesce(sum(b.state <> 'kept'), 0), min(p.created_at)", photos_without_a_line!());

impl Read<'_> {
    /// At most `limit` lines of each state, the oldest or the newest of it, and `also` that one, wherever it stands; in the
    /// order of their saving.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn work(&self, limit: u32, newest: bool, also: Option<OpId>) -> Result<Vec<WorkLine>, MirrorError> {
        let mut statement = self.connection.prepare_cached(if newest { NEWEST } else { OLDEST })?;
        let lines = statement.query_map(params![limit, also.map(|id| Key::of(id.uuid()))], work_line)?;
        let mut lines = lines.collect::<Result<Vec<_>, _>>()?;
        // The one that was asked for beside the page may stand on it.
        lines.dedup_by_key(|one| one.line.operation.seq);
        Ok(lines)
    }

    /// At most `limit` photos whose row went up and whose bytes did not, oldest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn work_photos(&self, limit: u32) -> Result<Vec<PhotoLine>, MirrorError> {
        let mut statement = self.connection.prepare_cached(PHOTOS)?;
        let lines = statement.query_map([limit], |row| {
            Ok(PhotoLine {
                id: super::text_id(row, 0)?,
                damaged: row.get(1)?,
                caption: row.get(2)?,
                byte_count: row.get(3)?,
                created_at: row.get(4)?,
                job_id: optional_id(row, 5)?,
                equipment_id: optional_id(row, 6)?,
                equipment_name: row.get(7)?,
            })
        })?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// How many lines there are, without reading them.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn work_figures(&self) -> Result<WorkFigures, MirrorError> {
        let at = |text: Option<String>| text.as_deref().and_then(parse_timestamp);
        let mut figures = self.connection.prepare_cached(FIGURES)?.query_row([], |row| {
            let (operations, need_a_person) = (row.get(0)?, row.get(1)?);
            Ok(WorkFigures { operations, need_a_person, oldest: at(row.get(2)?), ..WorkFigures::default() })
        })?;
        self.connection.prepare_cached(PHOTO_FIGURES)?.query_row([], |row| {
            figures.photos = row.get(0)?;
            figures.photos_damaged = row.get(1)?;
            figures.oldest = [figures.oldest, at(row.get(2)?)].into_iter().flatten().min();
            Ok(())
        })?;
        Ok(figures)
    }
}

fn work_line(row: &Row<'_>) -> rusqlite::Result<WorkLine> {
    let entry = outbox::entry(row)?;
    let never_sent = entry.state == OpState::Pending && entry.attempts == 0;
    let operation: Operation = entry.operation;
    // A value that is no id names nothing.
    let id = |index: usize| -> rusqlite::Result<Option<Uuid>> {
        Ok(row.get::<_, Option<String>>(index)?.and_then(|text| Uuid::parse_str(&text).ok()))
    };
    Ok(WorkLine {
        caption: row.get(22)?,
        byte_count: row.get(23)?,
        job_number: row.get(25)?,
        line: OutboxLine {
            equipment_id: id(20)?.map(EquipmentId),
            job_id: id(21)?.map(JobId),
            location_name: row.get(24)?,
            equipment_name: row.get(26)?,
            location_id: entry.location_id.map(LocationId),
            operation,
            state: entry.state,
            sealed: entry.sealed,
            attempts: entry.attempts,
            receipt: entry.receipt,
            receipted_at: entry.receipted_at,
            changeable: entry.state == OpState::Rejected || never_sent,
        },
    })
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
