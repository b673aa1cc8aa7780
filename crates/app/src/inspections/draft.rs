//! A draft as the app keeps it: the whole of what was entered, saved at every change.

use chrono::{DateTime, Utc};
use clara_contract::inspection::DraftBody;
use clara_domain::{EquipmentId, InspectionId, JobId};
use clara_local::DraftSave;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::sheet::Opened;
use crate::equipment::item::Item;
use crate::error::{Error, Result};
use crate::field::Record;
use crate::view::View;

/// An inspection that is not completed.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) inspection_id: InspectionId,
    pub(crate) job_id: JobId,
    pub(crate) equipment_id: EquipmentId,
    pub(crate) template_id: Option<Uuid>,
    pub(crate) amends: Option<InspectionId>,
    pub(crate) body: DraftBody,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) saved_at: DateTime<Utc>,
}

/// The document in the mirror's column.
#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(default)]
    amends: Option<InspectionId>,
    #[serde(default)]
    body: DraftBody,
}

impl Draft {
    pub(crate) fn of(local: clara_local::Draft) -> Draft {
        // A document of a newer program that this one cannot read shows as empty, and is replaced only by a save.
        let document =
            serde_json::from_value(local.body).unwrap_or(Document { amends: None, body: DraftBody::default() });
        Draft {
            inspection_id: local.id,
            job_id: local.job_id,
            equipment_id: local.equipment_id,
            template_id: local.template_id,
            amends: document.amends,
            body: document.body,
            started_at: local.started_at,
            saved_at: local.saved_at,
        }
    }

    pub(crate) fn save(&self) -> Result<DraftSave> {
        let document = Document { amends: self.amends, body: self.body.clone() };
        Ok(DraftSave {
            id: self.inspection_id,
            job_id: self.job_id,
            equipment_id: self.equipment_id,
            template_id: self.template_id,
            body: serde_json::to_value(document).map_err(Error::Request)?,
        })
    }

    /// Something was entered. An inspection that was only looked at is nothing that a person would miss.
    pub(crate) fn touched(&self) -> bool {
        self.amends.is_some() || self.body != DraftBody::default()
    }
}

/// One draft.
pub(crate) fn find(view: &View<'_>, id: InspectionId) -> Result<Option<Draft>> {
    Ok(view.read.draft(id)?.map(Draft::of))
}

/// Drafts of a job that have something in them, or photos.
pub(crate) fn of_job(view: &View<'_>, job: JobId) -> Result<Vec<Draft>> {
    started(view, Some(job))
}

/// Every draft that has something in it.
pub(crate) fn started(view: &View<'_>, job: Option<JobId>) -> Result<Vec<Draft>> {
    let mut drafts = Vec::new();
    for local in view.read.drafts(job)?.into_iter().filter(|draft| !draft.sealed) {
        let draft = Draft::of(local);
        if draft.touched() || super::photos_of(view, draft.inspection_id)?.next().is_some() {
            drafts.push(draft);
        }
    }
    Ok(drafts)
}

/// How far a draft is.
pub(crate) struct Progress {
    pub(crate) answered: (u32, u32),
    pub(crate) out_of_limits: u32,
}

/// How far a draft is; none where its template is not here.
pub(crate) fn progress(view: &View<'_>, draft: &Draft, item: &Item) -> Result<Option<Progress>> {
    let Some(opened) = Opened::of(view, draft, item)? else { return Ok(None) };
    let visit = opened.visit(&draft.body, draft.saved_at.date_naive());
    Ok(Some(Progress { answered: visit.answered(), out_of_limits: visit.out_of_limits() }))
}

/// Readings out of limits, as counted when the inspection was completed.
pub(crate) fn out_of_limits_kept(record: &Record) -> u32 {
    let count = record.json("metadata").get("out_of_limits").and_then(Value::as_u64).unwrap_or_default();
    u32::try_from(count).unwrap_or(u32::MAX)
}
