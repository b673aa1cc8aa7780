use std::rc::Rc;

use clara_contract::jobs::{CheckItem, JobSheet, OpenJob};
use clara_domain::JobId;
use clara_domain::category::JobStatus;
use clara_domain::mirror::Entity;
use serde_json::Value;

use super::device::{self, Device};
use super::row;
use crate::app::Core;
use crate::error::{Error, Result};
use crate::field::Record;
use crate::view::View;

impl Core {
    /// A job with all a technician needs at the door.
    pub(crate) fn open_job(&self, request: OpenJob) -> Result<JobSheet> {
        self.open()?.read(|view| sheet(view, request.job_id))
    }
}

pub(super) fn find(view: &View<'_>, id: JobId) -> Result<Rc<Record>> {
    view.get(Entity::Jobs, id.uuid())?.filter(|job| !job.gone()).ok_or(Error::NotHere("job"))
}

pub(super) fn sheet(view: &View<'_>, id: JobId) -> Result<JobSheet> {
    let job = find(view, id)?;
    let devices = device::devices(view, id)?;
    let sheets = devices.iter().map(|device| device.sheet(view)).collect::<Result<_>>()?;
    Ok(JobSheet {
        job: row::row(view, &job, &devices)?,
        description: job.text("description"),
        special_instructions: job.text("special_instructions"),
        site: row::site(view, &job)?,
        devices: sheets,
        checklist: checklist(&job),
        started_at: job.text("actual_start_time"),
        ended_at: job.text("actual_end_time"),
        before_close: if row::status(&job) == JobStatus::Completed { Vec::new() } else { before_close(&job, &devices) },
        gaps: device::gaps(&devices),
    })
}

/// The job's own checklist, as the office or another program wrote it.
pub(super) fn checklist(job: &Record) -> Vec<CheckItem> {
    let items = job.json("checklist").as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| {
            let say = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
            let key = say("key")?;
            let done = ["done", "completed", "checked"].iter().any(|word| item.get(word) == Some(&Value::Bool(true)));
            Some(CheckItem { label: say("label").or_else(|| say("item")).unwrap_or_else(|| key.clone()), key, done })
        })
        .collect()
}

/// What keeps a job from closing without a reason.
pub(super) fn before_close(job: &Record, devices: &[Device]) -> Vec<String> {
    let mut lines = Vec::new();
    for device in devices {
        let tag = device.item.tag();
        if device.draft.is_some() {
            lines.push(format!("{tag} is started and not completed."));
        } else if device.record.is_none() && job.text("job_type").as_deref() == Some("inspection") {
            lines.push(format!("{tag} is not inspected."));
        }
        let missing = device.item.missing();
        if !missing.is_empty() {
            lines.push(format!("{tag} has no {}.", missing.join(", ").to_lowercase()));
        }
    }
    for item in checklist(job).into_iter().filter(|item| !item.done) {
        lines.push(format!("Not ticked: {}.", item.label));
    }
    lines
}
