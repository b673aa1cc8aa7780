use clara_contract::jobs::{CompleteJob, JobSheet};
use clara_domain::category::JobStatus;
use clara_domain::mirror::Entity;
use serde_json::json;

use super::open::{before_close, find, sheet};
use super::{device, row};
use crate::app::Core;
use crate::error::{Error, Result, Rule};
use crate::field::stamp;

impl Core {
    /// Closes a job. With gaps it closes too, with the reason kept beside them.
    pub(crate) fn complete_job(&self, request: CompleteJob) -> Result<JobSheet> {
        let open = self.open()?;
        let now = self.now();
        let reason = request.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        let (gaps, started) = open.read(|view| {
            let job = find(view, request.job_id)?;
            if matches!(row::status(&job), JobStatus::Completed | JobStatus::Cancelled) {
                return Err(Error::NotAllowed(Rule::JobClosed));
            }
            let devices = device::devices(view, request.job_id)?;
            Ok((before_close(&job, &devices), job.text("actual_start_time")))
        })?;
        if !gaps.is_empty() && reason.is_none() {
            return Err(Error::NotAllowed(Rule::GapsNeedReason(
                gaps.iter().map(|gap| gap.trim_end_matches('.').to_owned()).collect(),
            )));
        }
        let mut fields = json!({"job_status": JobStatus::Completed, "actual_end_time": stamp(now)});
        if started.is_none() {
            fields["actual_start_time"] = stamp(now).into();
        }
        if let Some(reason) = reason.filter(|_| !gaps.is_empty()) {
            fields["metadata"] = json!({"closed_with_gaps": {"reason": reason, "gaps": gaps}});
        }
        let id = request.job_id.uuid();
        open.change(now, Entity::Jobs, id, id, fields)?;
        open.read(|view| sheet(view, request.job_id))
    }
}
