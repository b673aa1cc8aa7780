//! `clara inspection …`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clara_app::{App, File};
use clara_contract::inspection::{
    CompleteInspection, CompletedInspection, DraftBody, InspectionSheet, OpenInspection, SaveInspection,
};
use clara_contract::jobs::OpenJob;
use clara_contract::photos::{PhotoTarget, TakenIn};
use clara_domain::InspectionId;
use serde::Serialize;

use crate::arguments::{Inspection, InspectionInput, InspectionOf};
use crate::device::word;
use crate::error::Error;
use crate::output::{Output, table};
use crate::{equipment, job, profile};

pub(crate) fn run(verb: &Inspection, app: &App, output: &Output) -> Result<ExitCode, Error> {
    let done = match verb {
        Inspection::Show(of) => output.answer(&open(app, of)?, say),
        Inspection::Save(input) => {
            let (sheet, photos) = save(app, input)?;
            output.answer(&Saved { sheet, photos }, |saved| say(&saved.sheet))
        }
        Inspection::Complete(input) => {
            let (sheet, photos) = save(app, input)?;
            let completed = app.complete_inspection(CompleteInspection { inspection_id: sheet.inspection_id })?;
            output.answer(&Completed { completed, photos }, |done| {
                let passed = match done.completed.passed {
                    Some(true) => "passed",
                    Some(false) => "not passed",
                    None => "not decided: something was not tested",
                };
                format!("Completed, {passed}. {}% of its fields are captured.", done.completed.completion_percentage)
            })
        }
    };
    app.close();
    done
}

#[derive(Serialize)]
struct Saved {
    #[serde(flatten)]
    sheet: InspectionSheet,
    photos: TakenIn,
}

#[derive(Serialize)]
struct Completed {
    #[serde(flatten)]
    completed: CompletedInspection,
    photos: TakenIn,
}

fn open(app: &App, of: &InspectionOf) -> Result<InspectionSheet, Error> {
    let job_id = job::find(app, &of.job)?;
    // Every site has an FP-1: the job's own is meant.
    let devices = app.open_job(OpenJob { job_id })?.devices;
    let at_the_job = devices.iter().find(|device| device.tag.eq_ignore_ascii_case(&of.equipment));
    let request = OpenInspection {
        job_id,
        equipment_id: match at_the_job {
            Some(device) => device.equipment_id,
            None => equipment::find(app, &of.equipment)?,
        },
        template_id: of.template,
        amends: of.amends.map(InspectionId),
    };
    Ok(app.open_inspection(request)?)
}

/// Saves what was given, photos first: an inspection that asks for one is complete only with it.
fn save(app: &App, input: &InspectionInput) -> Result<(InspectionSheet, TakenIn), Error> {
    let sheet = open(app, &input.of)?;
    let target = PhotoTarget {
        equipment_id: None,
        job_id: None,
        inspection_id: Some(sheet.inspection_id),
        field_key: Some("photo".into()),
        caption: None,
    };
    let files: Vec<File> = input.photo.iter().map(file).collect::<Result<_, Error>>()?;
    let photos = match files.is_empty() {
        true => TakenIn { kept: Vec::new(), refused: Vec::new() },
        false => app.take_photos(&target, files)?,
    };
    if let Some(path) = &input.file {
        let body: DraftBody = serde_json::from_str(&profile::read(path)?)
            .map_err(|error| Error::Given(format!("{} is no draft: {error}.", path.display())))?;
        app.save_inspection(SaveInspection { inspection_id: sheet.inspection_id, body })?;
    }
    Ok((open(app, &input.of)?, photos))
}

fn file(path: &PathBuf) -> Result<File, Error> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let bytes = std::fs::read(path).map_err(Error::file(Path::new(path)))?;
    Ok(File { name, bytes })
}

fn say(sheet: &InspectionSheet) -> String {
    let mut rows = Vec::new();
    for section in &sheet.sections {
        rows.push(vec![section.title.clone()]);
        for item in &section.items {
            let answer = sheet.body.answers.get(&item.key).or(item.value.as_ref()).cloned().unwrap_or_default();
            rows.push(vec![
                format!("  {}", item.key),
                item.label.clone(),
                format!("{answer} {}", item.unit.as_deref().unwrap_or_default()).trim().to_owned(),
                word(&item.verdict),
                item.verdict_words.clone(),
            ]);
        }
    }
    format!("{} {}\n{}{}", sheet.tag, sheet.template_name, table(&rows), sheet.before_complete.join("\n"))
}
