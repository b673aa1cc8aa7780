use std::rc::Rc;

use clara_contract::equipment::{EquipmentSheet, OpenEquipment, Visit};
use clara_domain::category::JobStatus;
use clara_domain::mirror::Entity;
use clara_domain::{EquipmentId, JobId};

use super::item::Item;
use super::{plate, readings};
use crate::app::Core;
use crate::error::Result;
use crate::field::Record;
use crate::photos::tile;
use crate::specs::{limits, problems, sheet};
use crate::view::View;

impl Core {
    /// An item with its plate, specs, problems, photos and history.
    pub(crate) fn open_equipment(&self, request: OpenEquipment) -> Result<EquipmentSheet> {
        self.equipment_sheet(request.equipment_id)
    }

    pub(super) fn equipment_sheet(&self, id: EquipmentId) -> Result<EquipmentSheet> {
        self.open()?.read(|view| {
            let item = Item::find(view, id)?;
            let mut visits = view.by(Entity::InspectionRecords, "equipment_id", id.uuid())?;
            visits.sort_by_key(|visit| std::cmp::Reverse((visit.date("inspection_date"), visit.id)));
            let mut photos = view.by(Entity::Photos, "equipment_id", id.uuid())?;
            photos.sort_by_key(|photo| std::cmp::Reverse(photo.id));
            Ok(EquipmentSheet {
                row: item.row(view)?,
                model_id: item.model.as_ref().map(|model| model.id.into()),
                product_name: item.model.as_ref().and_then(|model| model.text("product_name")),
                plate: plate::fields(view, &item)?,
                fields: item.captured.clone(),
                specs: item.model.as_ref().map(|model| sheet::groups(model)).unwrap_or_default(),
                limits: match &item.model {
                    Some(model) => limits::of(view, model.id)?,
                    None => Vec::new(),
                },
                data_source: item.model.as_ref().and_then(|model| model.text("data_source")),
                problems: match &item.model {
                    Some(model) => problems::of(view, model.id)?,
                    None => Vec::new(),
                },
                photos: photos.iter().map(|photo| tile::tile(view, photo)).collect::<Result<_>>()?,
                last_readings: readings::of(view, &visits)?,
                history: history(view, &visits)?,
                job_id: open_job(view, id)?,
                replaced: item.record.uuid("replacement_of_equipment_id").map(EquipmentId),
                replaced_by: item.record.uuid("replaced_by_equipment_id").map(EquipmentId),
                notes: item.record.text("notes"),
                saved_here: view.unsent(id.uuid())?,
            })
        })
    }
}

/// Visits in their order.
fn history(view: &View<'_>, visits: &[Rc<Record>]) -> Result<Vec<Visit>> {
    visits
        .iter()
        .map(|record| {
            let inspector = view.follow(record, "inspector_id", Entity::Users)?;
            Ok(Visit {
                inspection_id: record.id.into(),
                date: record.word("inspection_date"),
                inspection_type: record.word("inspection_type"),
                passed: record.flag("passed"),
                summary: summary(record),
                inspector: inspector.and_then(|user| user.text("full_name")),
                saved_here: view.unsent(record.id)?,
                amends: record.uuid("amends_inspection_id").map(Into::into),
            })
        })
        .collect()
}

/// The visit in one sentence.
pub(crate) fn summary(record: &Record) -> String {
    let deficiencies = record.json("deficiencies").as_array().map_or(0, Vec::len);
    let readings = record.json("measurements").as_object().map_or(0, serde_json::Map::len);
    let first = record.json("deficiencies").get(0);
    let said = first.and_then(|one| one.get("text").or_else(|| one.get("description")).or(Some(one))?.as_str());
    match (said, deficiencies, record.text("findings")) {
        (Some(text), 1, _) => text.to_owned(),
        (Some(text), more, _) => format!("{text}, and {} more", more - 1),
        (None, _, Some(findings)) => findings.lines().next().unwrap_or_default().to_owned(),
        (None, _, None) if readings > 0 => format!("{readings} readings"),
        (None, _, None) => String::new(),
    }
}

/// An open job the item belongs to: the one under way, else the next.
fn open_job(view: &View<'_>, id: EquipmentId) -> Result<Option<JobId>> {
    let mut jobs: Vec<Rc<Record>> = Vec::new();
    for link in view.by(Entity::JobEquipment, "equipment_id", id.uuid())? {
        jobs.extend(view.follow(&link, "job_id", Entity::Jobs)?.filter(|job| !job.gone()));
    }
    let status = |job: &Record| job.known("job_status").unwrap_or(JobStatus::Scheduled);
    jobs.retain(|job| matches!(status(job), JobStatus::Scheduled | JobStatus::InProgress));
    jobs.sort_by_key(|job| (status(job) != JobStatus::InProgress, job.word("scheduled_date")));
    Ok(jobs.first().map(|job| JobId(job.id)))
}
