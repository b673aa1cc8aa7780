use clara_contract::jobs::{JobRow, ListJobs};
use clara_domain::JobId;
use clara_domain::category::JobStatus;
use clara_domain::mirror::Entity;

use super::{device, row};
use crate::app::Core;
use crate::error::Result;

/// Rows of a list that asks for no number of its own.
const LIMIT: u32 = 200;

impl Core {
    /// Jobs in the order of work.
    pub(crate) fn list_jobs(&self, request: ListJobs) -> Result<Vec<JobRow>> {
        let open = self.open()?;
        let me = open.session.user_id.uuid();
        let wanted = request.text.as_deref().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
        open.read(|view| {
            let mut jobs = view.all(Entity::Jobs)?;
            jobs.retain(|job| request.status.is_none_or(|status| row::status(job) == status));
            jobs.retain(|job| !request.mine || job.uuid("assigned_technician_id") == Some(me));
            jobs.sort_by_cached_key(|job| row::order(job));
            // What is to be done in the order of work; then what was done, newest first.
            let (open, mut done): (Vec<_>, Vec<_>) = jobs
                .into_iter()
                .partition(|job| matches!(row::status(job), JobStatus::Scheduled | JobStatus::InProgress));
            done.reverse();
            let mut rows = Vec::new();
            for job in open.into_iter().chain(done) {
                if let Some(wanted) = &wanted {
                    let site = view.follow(&job, "location_id", Entity::Locations)?;
                    let customer = view.follow(&job, "customer_id", Entity::Customers)?;
                    let site = site.map(|site| site.word("location_name")).unwrap_or_default();
                    let customer = customer.map(|customer| customer.word("company_name")).unwrap_or_default();
                    let text = format!("{} {} {site} {customer}", job.word("job_number"), job.word("title"));
                    if !text.to_lowercase().contains(wanted) {
                        continue;
                    }
                }
                rows.push(row::row(view, &job, &device::devices(view, JobId(job.id))?)?);
                if device::size(rows.len()) >= request.limit.unwrap_or(LIMIT) {
                    break;
                }
            }
            Ok(rows)
        })
    }
}
