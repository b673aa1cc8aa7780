//! The main job, told on real parts: mirror, go offline, inspect, clash with the office, come back, reconcile, compare.

use std::process::ExitCode;

use clara_app::{App, File};
use clara_contract::Empty;
use clara_contract::conflicts::{Keep, ResolveConflict};
use clara_contract::equipment::{CaptureField, EquipmentSheet, OpenEquipment};
use clara_contract::inspection::{
    CompleteInspection, Deficiency, DraftBody, InspectionSheet, ItemType, OpenInspection, SaveInspection,
};
use clara_contract::jobs::{DeviceState, JobSheet, ListJobs, OpenJob};
use clara_contract::photos::{PhotoTarget, PhotoTile};
use clara_contract::sync::WorkOffline;
use clara_domain::EquipmentId;
use clara_domain::category::{JobStatus, Severity};
use clara_domain::mirror::Entity;
use clara_domain::operation::Operation;
use uuid::Uuid;

use super::compare;
use super::stage::Stage;
use crate::error::Error;
use crate::output::Output;

/// What the technician did offline.
pub(super) struct Acknowledged {
    pub(super) operations: Vec<Operation>,
    pub(super) inspection: InspectionSheet,
    pub(super) photos: Vec<PhotoTile>,
}

pub(super) fn tell(stage: &Stage, output: &Output) -> Result<ExitCode, Error> {
    let technician = stage.open(&stage.technician)?;
    let manager = stage.open(&stage.manager)?;
    let (dana, sam) = (&stage.technician.name, &stage.manager.name);

    output.note(&format!("{dana}'s laptop mirrors its jobs, sites, equipment, history and specs."));
    sync(&technician)?;
    sync(&manager)?;
    let (job, item) = something_to_inspect(&technician)?;

    output.note(&format!("{dana} goes offline, to {} at {}.", job.job.title, job.site.name));
    technician.work_offline(WorkOffline { offline: true })?;
    technician.start_job(OpenJob { job_id: job.job.job_id })?;
    let (inspection, photos) = inspect(&technician, &job, item)?;
    write(&technician, item, "location_detail", "Behind the loading dock, left of the riser")?;
    write(&technician, item, "serial_number", "DEMO-0042")?;
    let mut operations = technician.unsent_operations()?;
    operations.retain(|operation| operation.entity != Entity::PerformanceMetrics);
    output.note(&format!(
        "{dana} completes {} of {}: {} operations acknowledged, all only on this laptop.",
        inspection.template_name,
        inspection.tag,
        operations.len()
    ));

    output.note(&format!("{sam} edits the same item in the office meanwhile."));
    write(&manager, item, "location_detail", "Dock 3, ground floor")?;
    write(&manager, item, "components.bracket", "wall")?;
    sync(&manager)?;

    output.note(&format!("{dana} comes back and reconciles."));
    technician.work_offline(WorkOffline { offline: false })?;
    sync(&technician)?;
    sync(&manager)?;
    clash(&technician, item, output)?;
    sync(&technician)?;
    sync(&manager)?;
    merged(&technician, item)?;

    let acknowledged = Acknowledged { operations, inspection, photos };
    let outcome = compare::both_sides(stage, &acknowledged, &technician, &manager)?;
    technician.close();
    manager.close();
    output.answer(&outcome, compare::say)?;
    match outcome.difference {
        0 => Ok(ExitCode::SUCCESS),
        count => Err(Error::Story(format!("Both sides must be equal and {count} things differ."))),
    }
}

fn sync(app: &App) -> Result<(), Error> {
    match app.sync_now(Empty {})?.last_problem {
        Some(problem) => Err(problem.into()),
        None => Ok(()),
    }
}

/// A job that is open, and an item of it that nobody has begun; one with readings, if there is one.
fn something_to_inspect(app: &App) -> Result<(JobSheet, EquipmentId), Error> {
    let rows = app.list_jobs(ListJobs { status: None, mine: true, text: None, limit: None })?;
    let mut found: Option<(usize, JobSheet, EquipmentId)> = None;
    for row in rows.iter().filter(|row| matches!(row.status, JobStatus::Scheduled | JobStatus::InProgress)) {
        let sheet = app.open_job(OpenJob { job_id: row.job_id })?;
        for device in sheet.devices.iter().filter(|device| device.state == DeviceState::NotStarted) {
            let opened = open(app, &sheet, device.equipment_id)?;
            let numbers = items(&opened).filter(|item| item.item_type == ItemType::Number).count();
            if found.as_ref().is_none_or(|(most, ..)| numbers > *most) {
                found = Some((numbers, sheet.clone(), device.equipment_id));
            }
        }
        if found.as_ref().is_some_and(|(numbers, ..)| *numbers > 2) {
            break;
        }
    }
    let (_, sheet, item) =
        found.ok_or_else(|| Error::Story("nothing is left to inspect in this folder's demo".into()))?;
    Ok((sheet, item))
}

fn open(app: &App, job: &JobSheet, equipment_id: EquipmentId) -> Result<InspectionSheet, Error> {
    let request = OpenInspection { job_id: job.job.job_id, equipment_id, template_id: None, amends: None };
    Ok(app.open_inspection(request)?)
}

fn items(sheet: &InspectionSheet) -> impl Iterator<Item = &clara_contract::inspection::ItemSheet> {
    sheet.sections.iter().flat_map(|section| &section.items)
}

/// Readings like those of the last visit, what they prove wrong and a faded sign, two photos; saved at every step, as a
/// person would.
fn inspect(app: &App, job: &JobSheet, item: EquipmentId) -> Result<(InspectionSheet, Vec<PhotoTile>), Error> {
    let sheet = open(app, job, item)?;
    let inspection_id = sheet.inspection_id;
    let mut body = DraftBody { findings: "Inspected in the demo.".into(), ..DraftBody::default() };
    for item in items(&sheet) {
        let bound = |low: bool| {
            let limits = &item.limits;
            let bounds = match low {
                true => [limits.min, limits.suspicious_min, limits.impossible_min],
                false => [limits.max, limits.suspicious_max, limits.impossible_max],
            };
            bounds.into_iter().flatten().reduce(if low { f64::max } else { f64::min })
        };
        let answer = match item.item_type {
            ItemType::YesNo => "yes".to_owned(),
            ItemType::Choice => item.choices.first().cloned().unwrap_or_default(),
            ItemType::Text => "K-4411".into(),
            ItemType::Date => chrono::Utc::now().date_naive().to_string(),
            ItemType::Number => match (bound(true), bound(false)) {
                _ if item.last.is_some() => item.last.clone().unwrap_or_default(),
                (Some(low), Some(high)) => format!("{:.1}", (low + high) / 2.0),
                (Some(low), None) => format!("{:.1}", low + 1.0),
                (None, Some(high)) => format!("{:.1}", high - 1.0),
                (None, None) => "40".into(),
            },
            ItemType::Photo => {
                body.not_tested.insert(item.key.clone(), "inaccessible".into());
                continue;
            }
            ItemType::Computed => continue,
        };
        body.answers.insert(item.key.clone(), answer);
        body.confirmed.push(item.key.clone());
        app.save_inspection(SaveInspection { inspection_id, body: body.clone() })?;
    }
    let judged = open(app, job, item)?;
    for item in items(&judged) {
        if let Some(proposed) = &item.proposed {
            body.deficiencies.push(Deficiency {
                id: Uuid::now_v7(),
                severity: proposed.severity,
                text: proposed.text.clone(),
                action: proposed.action.clone(),
                item_key: Some(item.key.clone()),
            });
        }
    }
    body.deficiencies.push(Deficiency {
        id: Uuid::now_v7(),
        severity: Severity::Noncritical,
        text: "Sign faded".into(),
        action: Some("Replace the sign".into()),
        item_key: None,
    });
    app.save_inspection(SaveInspection { inspection_id, body })?;
    let target = PhotoTarget {
        equipment_id: None,
        job_id: None,
        inspection_id: Some(inspection_id),
        field_key: Some("photo".into()),
        caption: Some("Nameplate and gauge".into()),
    };
    let pictures = clara_demo::pictures(chrono::Utc::now().date_naive());
    let files = pictures.into_iter().take(2).enumerate();
    let files = files.map(|(n, picture)| File { name: format!("{n}.png"), bytes: picture.bytes }).collect();
    let taken = app.take_photos(&target, files)?;
    if taken.kept.len() != 2 {
        return Err(Error::Story(format!("two photos were taken and {} kept", taken.kept.len())));
    }
    let complete = open(app, job, item)?;
    app.complete_inspection(CompleteInspection { inspection_id })?;
    Ok((complete, taken.kept))
}

fn write(app: &App, item: EquipmentId, field: &str, value: &str) -> Result<(), Error> {
    let request =
        CaptureField { equipment_id: item, field_key: field.into(), value: value.into(), source: "typed".into() };
    app.capture_field(request)?;
    Ok(())
}

fn item(app: &App, equipment_id: EquipmentId) -> Result<EquipmentSheet, Error> {
    Ok(app.open_equipment(OpenEquipment { equipment_id })?)
}

/// The clash must be on record with both values; the technician puts the office's value back.
fn clash(app: &App, item: EquipmentId, output: &Output) -> Result<(), Error> {
    let cards = app.list_conflicts(Empty {})?;
    let card = cards
        .iter()
        .find(|card| card.resolution.is_none() && card.server.as_deref() == Some("Dock 3, ground floor"))
        .ok_or_else(|| Error::Story(format!("the clash on {item} is not on record")))?;
    if card.client.as_deref() != Some("Behind the loading dock, left of the riser") {
        return Err(Error::Story("the laptop's value is not in the conflict".into()));
    }
    output.note(&format!("{}: both values are kept. {}", card.title, card.why));
    app.resolve_conflict(ResolveConflict { conflict_id: card.conflict_id, keep: Keep::Server, value: None })?;
    Ok(())
}

/// Fields that only one of the two had changed are there from both.
fn merged(app: &App, id: EquipmentId) -> Result<(), Error> {
    let sheet = item(app, id)?;
    let value =
        |key: &str| sheet.plate.iter().find(|field| field.field_key == key).and_then(|field| field.value.clone());
    let wanted =
        [("serial_number", "DEMO-0042"), ("components.bracket", "wall"), ("location_detail", "Dock 3, ground floor")];
    for (key, wanted) in wanted {
        if value(key).as_deref() != Some(wanted) {
            return Err(Error::Story(format!("{key} is {:?} and not {wanted:?} after the merge", value(key))));
        }
    }
    Ok(())
}
