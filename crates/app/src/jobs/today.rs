use std::rc::Rc;

use clara_contract::Empty;
use clara_contract::jobs::{JobRow, NextDay, NowJob, Resume, Today};
use clara_domain::JobId;
use clara_domain::category::{JobStatus, Role};
use clara_domain::mirror::Entity;

use super::device::{self, Device};
use super::row;
use crate::app::Core;
use crate::equipment::item::category_words;
use crate::error::Result;
use crate::field::{Record, day};
use crate::sync::work;
use crate::view::View;

/// Lines of "only on this laptop" on the first screen.
const AT_MOST: usize = 6;
/// Lines of each state that are looked at for them.
const NEWEST: u32 = 50;

impl Core {
    /// The first screen.
    pub(crate) fn today(&self, _request: Empty) -> Result<Today> {
        let open = self.open()?;
        let date = day(self.date());
        let me = open.session.user_id.uuid();
        let everybody = open.role() != Role::Technician;
        let sync = self.status()?;
        open.read(|view| {
            let mut jobs = view.all(Entity::Jobs)?;
            jobs.retain(|job| everybody || job.uuid("assigned_technician_id") == Some(me));
            jobs.retain(|job| row::status(job) != JobStatus::Cancelled);
            jobs.sort_by_cached_key(|job| row::order(job));
            let unfinished = |job: &Rc<Record>| row::status(job) != JobStatus::Completed;
            let due = |job: &Rc<Record>| job.word("scheduled_date") <= date;
            let now = jobs
                .iter()
                .filter(|job| row::status(job) == JobStatus::InProgress)
                .max_by_key(|job| job.text("actual_start_time"))
                .or_else(|| jobs.iter().find(|job| unfinished(job) && due(job)))
                .cloned();
            let next_date = jobs.iter().map(|job| job.word("scheduled_date")).find(|scheduled| *scheduled > date);
            let next_day = next_date.map(|next| NextDay {
                jobs: device::size(jobs.iter().filter(|job| job.word("scheduled_date") == next).count()),
                date: next,
            });
            let mut later: Vec<JobRow> = Vec::new();
            for job in &jobs {
                let today = job.word("scheduled_date") == date || (unfinished(job) && due(job));
                if today && now.as_ref().is_none_or(|now| now.id != job.id) {
                    later.push(row::row(view, job, &device::devices(view, JobId(job.id))?)?);
                }
            }
            let mut gaps_here = None;
            let now = match now {
                Some(job) => {
                    let devices = device::devices(view, JobId(job.id))?;
                    gaps_here = device::gaps(&devices);
                    Some(now_job(view, &job, &devices)?)
                }
                None => None,
            };
            let page = work::Page { limit: NEWEST, newest: true, also: None };
            let items = work::list(view, page)?.items;
            let (needs_you, only_here): (Vec<_>, Vec<_>) =
                items.into_iter().partition(|item| work::needs_you(item.state));
            Ok(Today {
                date: date.clone(),
                now,
                later,
                next_day,
                only_here: only_here.into_iter().filter(|item| work::only_here(item.state)).take(AT_MOST).collect(),
                needs_you,
                gaps_here,
                sync,
            })
        })
    }
}

fn now_job(view: &View<'_>, job: &Record, devices: &[Device]) -> Result<NowJob> {
    let site = row::site(view, job)?;
    let mut notes: Vec<String> = site.safety_note.into_iter().collect();
    notes.extend(row::lines(job.text("special_instructions")));
    notes.extend(site.access_notes);
    Ok(NowJob {
        job: row::row(view, job, devices)?,
        address: site.address,
        notes,
        started_at: job.text("actual_start_time"),
        devices: device::progress(devices),
        resume: resume(devices),
    })
}

/// The draft touched last, else the first item that is not done.
fn resume(devices: &[Device]) -> Option<Resume> {
    let draft = devices
        .iter()
        .filter(|device| device.record.is_none())
        .filter_map(|device| Some((device, device.draft.as_ref()?.saved_at)))
        .max_by_key(|(_, saved_at)| *saved_at)
        .map(|(device, _)| device);
    let next = draft.or_else(|| devices.iter().find(|device| !device::done(device.state())))?;
    Some(Resume {
        equipment_id: next.item.id(),
        tag: next.item.tag(),
        what: category_words(next.item.category).to_lowercase(),
        draft: draft.is_some(),
    })
}
