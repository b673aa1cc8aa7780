//! What the office looks at and puts away: reports, photos.

use std::process::ExitCode;

use chrono::Utc;
use clara_central::photo_store::{Folder, Moved, bring_back, move_out, read, verify};
use clara_central::reports::{Reports, reports};
use clara_central::{AdminError, Server};
use clara_domain::PhotoId;

use crate::arguments::PhotosVerb;
use crate::error::Error;
use crate::output::{Output, table};

pub(super) async fn report(admin: &Server, output: &Output) -> Result<ExitCode, Error> {
    let found = reports(admin, Utc::now().date_naive()).await?;
    output.answer(&found, said)
}

fn said(found: &Reports) -> String {
    let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    let mut rows = vec![row(&["Month", "Category", "Items", "Complete", "Captured"])];
    rows.extend(found.completeness.iter().map(|line| {
        vec![
            line.month.format("%Y-%m").to_string(),
            line.category.clone(),
            line.items.to_string(),
            line.complete.to_string(),
            format!("{:.0}%", line.percent),
        ]
    }));
    let completeness = table(&rows);
    let mut rows = vec![row(&["Category", "Overdue", "Longest, days", "Due in 30 days"])];
    rows.extend(found.due.iter().map(|line| {
        vec![
            line.category.clone(),
            line.overdue.to_string(),
            line.longest_days.to_string(),
            line.within_30_days.to_string(),
        ]
    }));
    let due = table(&rows);
    let mut rows = vec![row(&["Severity", "Open", "Over 30 days", "Over 90 days"])];
    rows.extend(found.deficiencies.iter().map(|line| {
        vec![line.severity.clone(), line.open.to_string(), line.over_30_days.to_string(), line.over_90_days.to_string()]
    }));
    format!(
        "As of {}.\n\nCapture completeness\n{completeness}\nInspections due\n{due}\nOpen deficiencies\n{}",
        found.refreshed_at.format("%Y-%m-%d %H:%M UTC"),
        table(&rows)
    )
}

pub(super) async fn photos(verb: &PhotosVerb, admin: &Server, output: &Output) -> Result<ExitCode, Error> {
    let open = |folder: &std::path::Path| Folder::open(folder).map_err(AdminError::from);
    match verb {
        PhotosVerb::MoveOut { folder, days } => {
            let moved = move_out(admin, &mut open(folder)?, *days).await?;
            output.answer(&moved, |moved| told(moved, "moved out of the database"))
        }
        PhotosVerb::BringBack { folder } => {
            let moved = bring_back(admin, &mut open(folder)?).await?;
            output.answer(&moved, |moved| told(moved, "put back into the database"))
        }
        PhotosVerb::Verify { folder } => {
            let kept = verify(admin, &mut open(folder)?).await?;
            output.answer(&kept, |kept| {
                format!(
                    "{} photos in the database and {} in the folder have the right hash; {} do not.",
                    kept.in_database,
                    kept.in_store,
                    kept.damaged.len()
                )
            })?;
            Ok(if kept.damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        PhotosVerb::Read { photo, folder, out } => {
            let Some(bytes) = read(admin, &mut open(folder)?, PhotoId(*photo)).await? else {
                return Err(Error::Given("Neither the database nor the folder has that photo's bytes.".into()));
            };
            std::fs::write(out, &bytes).map_err(Error::file(out))?;
            output.answer(&bytes.len(), |count| format!("{count} bytes written."))
        }
    }
}

fn told(moved: &Moved, done: &str) -> String {
    let mut text = format!("{} photos, {} bytes, {done}.", moved.photos, moved.bytes);
    if !moved.damaged.is_empty() {
        text.push_str(&format!(" {} stayed: their bytes are not what their rows say.", moved.damaged.len()));
    }
    text
}
