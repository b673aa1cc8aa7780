//! Inspections being filled in. Saved at every change, durable twice like everything else.

use chrono::{DateTime, Utc};
use clara_domain::{EquipmentId, InspectionId, JobId};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::check::{parse_timestamp, timestamp};
use crate::error::MirrorError;
use crate::read::Read;
use crate::spool::{DraftFrame, Frame};
use crate::statement::{Key, uuid_at};
use crate::write::WriteTx;

/// One draft.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Draft {
    /// The inspection it will become.
    pub id: InspectionId,
    /// Its job.
    pub job_id: JobId,
    /// What is inspected.
    pub equipment_id: EquipmentId,
    /// By which template.
    pub template_id: Option<Uuid>,
    /// The app's document.
    pub body: Value,
    /// First saved.
    pub started_at: DateTime<Utc>,
    /// Last saved.
    pub saved_at: DateTime<Utc>,
    /// Its site left this person's scope: it is kept, and shown only as something that exists on this laptop alone.
    pub sealed: bool,
}

/// What a draft is saved from.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftSave {
    /// The inspection it will become.
    pub id: InspectionId,
    /// Its job.
    pub job_id: JobId,
    /// What is inspected.
    pub equipment_id: EquipmentId,
    /// By which template.
    pub template_id: Option<Uuid>,
    /// The app's document.
    pub body: Value,
}

macro_rules! draft_columns {
    () => {
        "id, job_id, equipment_id, template_id, body, started_at, saved_at, sealed, location_id"
    };
}

fn draft(row: &Row<'_>) -> rusqlite::Result<(Draft, Option<Uuid>)> {
    let unreadable =
        |index| rusqlite::Error::InvalidColumnType(index, "inspection_draft".to_owned(), rusqlite::types::Type::Text);
    let at = |index| parse_timestamp(row.get_ref(index)?.as_str()?).ok_or_else(|| unreadable(index));
    let optional =
        |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(index)?.and_then(|id| Uuid::parse_str(&id).ok()));
    let draft = Draft {
        id: InspectionId(uuid_at(row, 0)?),
        job_id: JobId(uuid_at(row, 1)?),
        equipment_id: EquipmentId(uuid_at(row, 2)?),
        template_id: optional(3)?,
        body: serde_json::from_str(row.get_ref(4)?.as_str()?).map_err(|_| unreadable(4))?,
        started_at: at(5)?,
        saved_at: at(6)?,
        sealed: row.get(7)?,
    };
    Ok((draft, optional(8)?))
}

fn frame(draft: Draft, location_id: Option<Uuid>) -> Frame {
    Frame::Draft(DraftFrame {
        id: draft.id,
        job_id: draft.job_id.uuid(),
        equipment_id: draft.equipment_id.uuid(),
        template_id: draft.template_id,
        location_id,
        body: draft.body,
        started_at: draft.started_at,
        saved_at: draft.saved_at,
    })
}

/// The drafts that a new segment of the spool begins with.
pub(crate) fn open_frames(connection: &Connection) -> Result<Vec<Frame>, MirrorError> {
    let mut statement = connection.prepare_cached(concat!("SELECT ", draft_columns!(), " FROM inspection_draft"))?;
    let frames = statement.query_map([], draft)?.map(|found| found.map(|(draft, location)| frame(draft, location)));
    Ok(frames.collect::<Result<_, _>>()?)
}

/// Puts a draft back from the spool.
pub(crate) fn restore(connection: &Connection, frame: &DraftFrame) -> Result<(), MirrorError> {
    let body = serde_json::to_string(&frame.body).map_err(|_| MirrorError::Unreadable("a draft"))?;
    connection
        .prepare_cached(
            "INSERT INTO inspection_draft
                 (id, job_id, equipment_id, template_id, location_id, body, started_at, saved_at)
             VALUES (:id, :job_id, :equipment_id, :template_id, :location_id, :body, :started_at, :saved_at)
             ON CONFLICT (id) DO UPDATE SET
                 job_id = excluded.job_id, equipment_id = excluded.equipment_id, template_id = excluded.template_id,
                 location_id = excluded.location_id, body = excluded.body, saved_at = excluded.saved_at",
        )?
        .execute(named_params! {
            ":id": Key::of(frame.id.uuid()),
            ":job_id": Key::of(frame.job_id),
            ":equipment_id": Key::of(frame.equipment_id),
            ":template_id": frame.template_id.map(Key::of),
            ":location_id": frame.location_id.map(Key::of),
            ":body": body,
            ":started_at": timestamp(frame.started_at),
            ":saved_at": timestamp(frame.saved_at),
        })?;
    Ok(())
}

/// Removes a draft. Returns whether it was there.
pub(crate) fn remove(connection: &Connection, id: InspectionId) -> Result<bool, MirrorError> {
    Ok(connection.prepare_cached("DELETE FROM inspection_draft WHERE id = ?1")?.execute([Key::of(id.uuid())])? > 0)
}

pub(crate) fn exists(connection: &Connection, id: InspectionId) -> Result<bool, MirrorError> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM inspection_draft WHERE id = ?1)")?
        .query_row([Key::of(id.uuid())], |row| row.get(0))?)
}

impl WriteTx<'_, '_> {
    /// Saves a draft as it stands now. The first save sets when it was begun.
    ///
    /// # Errors
    /// [`MirrorError::BadValue`] where PostgreSQL would refuse something in it for ever.
    pub fn save_draft(&mut self, save: DraftSave) -> Result<(), MirrorError> {
        let entity = clara_domain::mirror::Entity::InspectionRecords;
        clara_domain::check_json(&save.body).map_err(|reason| MirrorError::BadValue {
            entity,
            field: "body".to_owned(),
            reason,
        })?;
        let connection = self.tx.connection;
        let started_at = self.read().draft(save.id)?.map_or(self.now, |draft| draft.started_at);
        let location_id = connection
            .prepare_cached(
                "SELECT coalesce((SELECT location_id FROM jobs WHERE id = ?1),
                                 (SELECT location_id FROM equipment_inventory WHERE id = ?2))",
            )?
            .query_row([Key::of(save.job_id.uuid()), Key::of(save.equipment_id.uuid())], |row| {
                row.get::<_, Option<String>>(0)
            })?
            .and_then(|id| Uuid::parse_str(&id).ok());
        let draft = Draft {
            id: save.id,
            job_id: save.job_id,
            equipment_id: save.equipment_id,
            template_id: save.template_id,
            body: save.body,
            started_at,
            saved_at: self.now,
            sealed: false,
        };
        let frame = frame(draft, location_id);
        if let Frame::Draft(draft) = &frame {
            restore(connection, draft)?;
        }
        self.tx.frames.push(frame);
        Ok(())
    }

    /// Removes a draft: it was completed (in the same transaction) or thrown away.
    ///
    /// # Errors
    /// [`MirrorError::NoDraft`].
    pub fn remove_draft(&mut self, id: InspectionId) -> Result<(), MirrorError> {
        if !remove(self.tx.connection, id)? {
            return Err(MirrorError::NoDraft(id));
        }
        self.tx.frames.push(Frame::DraftRemoved { id });
        Ok(())
    }
}

impl Read<'_> {
    /// One draft.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn draft(&self, id: InspectionId) -> Result<Option<Draft>, MirrorError> {
        Ok(self
            .connection
            .prepare_cached(concat!("SELECT ", draft_columns!(), " FROM inspection_draft WHERE id = ?1"))?
            .query_row([Key::of(id.uuid())], draft)
            .optional()?
            .map(|(draft, _)| draft))
    }

    /// Every draft, or those of a job, last saved first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn drafts(&self, job: Option<JobId>) -> Result<Vec<Draft>, MirrorError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            draft_columns!(),
            " FROM inspection_draft WHERE ?1 IS NULL OR job_id = ?1 ORDER BY saved_at DESC, id"
        ))?;
        let drafts = statement
            .query_map([job.map(|job| Key::of(job.uuid()))], draft)?
            .map(|found| found.map(|(draft, _)| draft));
        Ok(drafts.collect::<Result<_, _>>()?)
    }
}
