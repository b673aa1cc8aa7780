//! `clara job …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clara_app::App;
use clara_contract::jobs::{CheckJobItem, CompleteJob, JobRow, JobSheet, ListJobs, OpenJob};
use clara_domain::JobId;

use crate::arguments::Job;
use crate::device::word;
use crate::error::Error;
use crate::output::{Output, table};

pub(crate) fn run(verb: &Job, app: &App, output: &Output) -> Result<ExitCode, Error> {
    let done = match verb {
        Job::List { status, mine, text } => {
            let status = match status.as_deref().map(str::parse) {
                Some(Ok(status)) => Some(status),
                Some(Err(_)) => {
                    return Err(Error::Given("--status is scheduled, in_progress, completed or cancelled.".into()));
                }
                None => None,
            };
            let rows = app.list_jobs(ListJobs { status, mine: *mine, text: text.clone(), limit: None })?;
            output.answer(&rows, |rows| list(rows))
        }
        Job::Show { job } => output.answer(&app.open_job(OpenJob { job_id: find(app, job)? })?, sheet),
        Job::Start { job } => output.answer(&app.start_job(OpenJob { job_id: find(app, job)? })?, sheet),
        Job::Check { job, key, undo } => {
            let request = CheckJobItem { job_id: find(app, job)?, key: key.clone(), done: !undo };
            output.answer(&app.check_job_item(request)?, sheet)
        }
        Job::Complete { job, reason } => {
            let request = CompleteJob { job_id: find(app, job)?, reason: reason.clone() };
            output.answer(&app.complete_job(request)?, sheet)
        }
    };
    app.close();
    done
}

/// A job by id or by number.
pub(crate) fn find(app: &App, given: &str) -> Result<JobId, Error> {
    if let Ok(id) = given.parse() {
        return Ok(id);
    }
    let rows = app.list_jobs(ListJobs { status: None, mine: false, text: Some(given.to_owned()), limit: None })?;
    let mut named = rows.iter().filter(|row| row.job_number.eq_ignore_ascii_case(given));
    match (named.next(), rows.as_slice()) {
        (Some(row), _) => Ok(row.job_id),
        (None, [one]) => Ok(one.job_id),
        (None, []) => Err(Error::Unclear {
            what: format!("No job on this laptop is called {given}."),
            next: "Look for it with `clara job list --text`.".into(),
        }),
        (None, several) => {
            let numbers: Vec<&str> = several.iter().take(12).map(|row| row.job_number.as_str()).collect();
            Err(Error::Unclear {
                what: format!("{} jobs fit {given}.", several.len()),
                next: format!("Give the number of the one meant: {}.", numbers.join(", ")),
            })
        }
    }
}

fn list(rows: &[JobRow]) -> String {
    let row = |job: &JobRow| {
        vec![
            job.job_number.clone(),
            job.scheduled_date.clone(),
            job.scheduled_time.clone().unwrap_or_default(),
            word(&job.status),
            job.title.clone(),
            job.location_name.clone(),
            format!("{}/{}", job.devices_done, job.devices_total),
            format!("{} missing", job.capture.missing),
        ]
    };
    table(&rows.iter().map(row).collect::<Vec<_>>())
}

fn sheet(sheet: &JobSheet) -> String {
    let mut text = format!(
        "{} {}\n{}, {}\n{}\n",
        sheet.job.job_number,
        sheet.job.title,
        sheet.site.name,
        sheet.site.address,
        word(&sheet.job.status)
    );
    for note in sheet.site.safety_note.iter().chain(&sheet.site.access_notes) {
        let _ = writeln!(text, "! {note}");
    }
    let rows: Vec<Vec<String>> = sheet
        .devices
        .iter()
        .map(|device| {
            vec![
                device.tag.clone(),
                word(&device.state),
                device.place.clone(),
                if device.missing.is_empty() {
                    String::new()
                } else {
                    format!("missing {}", device.missing.join(", "))
                },
            ]
        })
        .collect();
    text.push_str(&table(&rows));
    for item in &sheet.checklist {
        let _ = writeln!(text, "[{}] {} ({})", if item.done { "x" } else { " " }, item.label, item.key);
    }
    text
}
