//! One job as lists show it.

use clara_contract::jobs::{JobRow, Site};
use clara_domain::category::JobStatus;
use clara_domain::mirror::Entity;
use clara_domain::{JobId, LocationId};
use uuid::Uuid;

use super::device::{self, Device};
use crate::error::Result;
use crate::field::Record;
use crate::view::View;

/// A row of the list.
pub(crate) fn row(view: &View<'_>, job: &Record, devices: &[Device]) -> Result<JobRow> {
    let site = view.follow(job, "location_id", Entity::Locations)?;
    let customer = view.follow(job, "customer_id", Entity::Customers)?;
    let technician = view.follow(job, "assigned_technician_id", Entity::Users)?;
    let done = devices.iter().filter(|device| device::done(device.state())).count();
    let mut saved_here = view.unsent(job.id)?;
    for device in devices {
        saved_here = saved_here
            || device.draft.is_some()
            || view.unsent(device.item.record.id)?
            || device.record.as_ref().map_or(Ok(false), |record| view.unsent(record.id))?;
    }
    Ok(JobRow {
        job_id: JobId(job.id),
        job_number: job.word("job_number"),
        title: job.word("title"),
        location_id: LocationId(job.uuid("location_id").unwrap_or_else(Uuid::nil)),
        location_name: site.map(|site| site.word("location_name")).unwrap_or_default(),
        customer_name: customer.map(|customer| customer.word("company_name")).unwrap_or_default(),
        job_type: job.word("job_type"),
        status: status(job),
        priority: job.text("priority").unwrap_or_else(|| "normal".into()),
        scheduled_date: job.word("scheduled_date"),
        scheduled_time: job.text("scheduled_time").map(|time| time.chars().take(5).collect()),
        duration_minutes: job.count("duration_estimate_minutes"),
        technician: technician.and_then(|user| user.text("full_name")),
        devices_words: device::words(devices),
        devices_total: device::size(devices.len()),
        devices_done: device::size(done),
        capture: device::capture(devices),
        saved_here,
    })
}

pub(crate) fn status(job: &Record) -> JobStatus {
    job.known("job_status").unwrap_or(JobStatus::Scheduled)
}

/// A site as the technician meets it.
pub(crate) fn site(view: &View<'_>, job: &Record) -> Result<Site> {
    let location = job.uuid("location_id").unwrap_or_else(Uuid::nil);
    let site = view.get(Entity::Locations, location)?;
    let text = |column: &str| site.as_ref().and_then(|site| site.text(column));
    let metadata = |key: &str| {
        let value = site.as_ref()?.json("metadata").get(key)?.as_str()?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    };
    Ok(Site {
        location_id: LocationId(location),
        name: text("location_name").unwrap_or_default(),
        address: text("address").unwrap_or_default(),
        safety_note: metadata("safety_note"),
        access_notes: lines(text("access_notes")),
        contact: text("emergency_contact_name"),
        contact_phone: text("emergency_contact_phone"),
    })
}

/// One line each.
pub(crate) fn lines(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// In the order of work: by day, then hour, then number.
pub(crate) fn order(job: &Record) -> (String, String, String) {
    let time = job.text("scheduled_time").unwrap_or_else(|| "99".into());
    (job.word("scheduled_date"), time, job.word("job_number"))
}
