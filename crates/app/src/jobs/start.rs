use clara_contract::jobs::{JobSheet, OpenJob};
use clara_domain::category::JobStatus;
use clara_domain::mirror::Entity;
use serde_json::json;

use super::open::{find, sheet};
use super::row;
use crate::app::Core;
use crate::error::{Error, Result, Rule};
use crate::field::stamp;

impl Core {
    /// Work begins. A job that goes on already is left as it is.
    pub(crate) fn start_job(&self, request: OpenJob) -> Result<JobSheet> {
        let open = self.open()?;
        let now = self.now();
        let status = open.read(|view| Ok(row::status(&*find(view, request.job_id)?)))?;
        match status {
            JobStatus::Completed | JobStatus::Cancelled => return Err(Error::NotAllowed(Rule::JobClosed)),
            JobStatus::InProgress => {}
            JobStatus::Scheduled => {
                let id = request.job_id.uuid();
                open.change(
                    now,
                    Entity::Jobs,
                    id,
                    id,
                    json!({
                        "job_status": JobStatus::InProgress,
                        "actual_start_time": stamp(now),
                    }),
                )?;
            }
        }
        open.read(|view| sheet(view, request.job_id))
    }
}
