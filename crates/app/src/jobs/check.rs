use clara_contract::jobs::{CheckJobItem, JobSheet};
use clara_domain::category::JobStatus;
use clara_domain::mirror::Entity;
use serde_json::{Value, json};

use super::open::{find, sheet};
use super::row;
use crate::app::Core;
use crate::error::{Error, Result, Rule};

impl Core {
    /// Ticks or unticks a line of the checklist. Lines merge one by one: two people may tick at once.
    pub(crate) fn check_job_item(&self, request: CheckJobItem) -> Result<JobSheet> {
        let open = self.open()?;
        let item = open.read(|view| {
            let job = find(view, request.job_id)?;
            if matches!(row::status(&job), JobStatus::Completed | JobStatus::Cancelled) {
                return Err(Error::NotAllowed(Rule::JobClosed));
            }
            let items = job.json("checklist").as_array().cloned().unwrap_or_default();
            let wanted = |item: &Value| item.get("key").and_then(Value::as_str) == Some(request.key.as_str());
            items.into_iter().find(wanted).ok_or(Error::NotHere("line of the checklist"))
        })?;
        let Value::Object(mut item) = item else { return Err(Error::NotHere("line of the checklist")) };
        item.insert("done".into(), request.done.into());
        let id = request.job_id.uuid();
        open.change(self.now(), Entity::Jobs, id, id, json!({"checklist": {request.key: item}}))?;
        open.read(|view| sheet(view, request.job_id))
    }
}
