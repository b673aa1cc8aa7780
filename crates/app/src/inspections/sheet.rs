//! An inspection with all that its screen shows.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::NaiveDate;
use clara_contract::inspection::{Deficiency, DraftBody, InspectionSheet};
use clara_domain::category::Severity;
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use serde_json::Value;
use uuid::Uuid;

use super::choose::{choices, day_of, fitting, last_readings, source};
use super::draft::Draft;
use super::judge::{Last, Visit, next_due};
use super::template;
use crate::equipment::item::Item;
use crate::error::{Error, Result, Rule};
use crate::field::{Record, day, spoken, stamp};
use crate::photos::tile;
use crate::specs::problems;
use crate::view::View;

/// What an inspection is judged by.
pub(crate) struct Opened {
    pub(super) template: Rc<Record>,
    pub(super) items: Vec<template::Item>,
    equipment: Fields,
    pub(super) last: Option<Rc<Record>>,
    readings: BTreeMap<String, Last>,
    photos: BTreeMap<String, u32>,
}

impl Opened {
    /// None where the draft's template is not on this laptop.
    pub(crate) fn of(view: &View<'_>, draft: &Draft, item: &Item) -> Result<Option<Opened>> {
        let Some(template_id) = draft.template_id else { return Ok(None) };
        let Some(template) = view.get(Entity::Templates, template_id)? else { return Ok(None) };
        let visits = earlier_visits(view, item, Some(draft))?;
        Opened::with(view, template, draft.inspection_id.uuid(), item, &visits).map(Some)
    }

    fn with(
        view: &View<'_>,
        template: Rc<Record>,
        inspection: Uuid,
        item: &Item,
        earlier: &[Rc<Record>],
    ) -> Result<Opened> {
        let rows = view.by(Entity::TemplateItems, "template_id", template.id)?;
        let mut items: Vec<template::Item> = rows.iter().map(|row| template::Item::read(row)).collect();
        items.sort_by_key(|item| item.position);
        if let Some(model) = &item.model {
            for own in view.by(Entity::SpecLimits, "equipment_model_id", model.id)? {
                items.iter_mut().for_each(|item| item.limited_by(&own));
            }
        }
        let mut photos = BTreeMap::new();
        for photo in super::photos_of(view, inspection.into())? {
            *photos.entry(photo.word("field_key")).or_insert(0) += 1;
        }
        let last = newest(earlier);
        Ok(Opened { template, items, equipment: item.fields(), last, readings: last_readings(earlier), photos })
    }

    pub(super) fn visit<'a>(&'a self, body: &'a DraftBody, today: NaiveDate) -> Visit<'a> {
        Visit {
            items: &self.items,
            body,
            equipment: &self.equipment,
            last: &self.readings,
            photos: &self.photos,
            today,
        }
    }
}

/// Completed visits other than this one and the one it amends.
fn earlier_visits(view: &View<'_>, item: &Item, draft: Option<&Draft>) -> Result<Vec<Rc<Record>>> {
    let amended = draft.and_then(|draft| draft.amends).map(|id| id.uuid());
    let own = draft.map(|draft| draft.inspection_id.uuid());
    let mut visits = view.by(Entity::InspectionRecords, "equipment_id", item.record.id)?;
    visits.retain(|visit| Some(visit.id) != amended && Some(visit.id) != own);
    Ok(visits)
}

fn newest(visits: &[Rc<Record>]) -> Option<Rc<Record>> {
    visits.iter().max_by_key(|visit| (day_of(visit), visit.id)).cloned()
}

/// The newest completed visit before this one.
pub(super) fn last_visit(view: &View<'_>, item: &Item, draft: Option<&Draft>) -> Result<Option<Rc<Record>>> {
    Ok(newest(&earlier_visits(view, item, draft)?))
}

/// The job of an inspection.
pub(super) fn job(view: &View<'_>, id: Uuid) -> Result<Rc<Record>> {
    view.get(Entity::Jobs, id)?.filter(|job| !job.gone()).ok_or(Error::NotHere("job"))
}

/// The sheet of a draft.
pub(super) fn of_draft(view: &View<'_>, draft: &Draft, today: NaiveDate) -> Result<InspectionSheet> {
    let item = Item::find(view, draft.equipment_id)?;
    let opened = Opened::of(view, draft, &item)?.ok_or(Error::NotAllowed(Rule::NoTemplate))?;
    let visit = opened.visit(&draft.body, today);
    let (sections, before_complete) = (visit.sections(), visit.before_complete());
    let frequency = opened.template.word("frequency");
    let mut sheet = frame(view, &opened, &item, draft.job_id.uuid(), draft.inspection_id.uuid())?;
    sheet.sections = sections;
    sheet.before_complete = before_complete;
    sheet.body = draft.body.clone();
    sheet.saved_at = draft.touched().then(|| stamp(draft.saved_at));
    sheet.proposed_due = next_due(&frequency, today).map(day);
    Ok(sheet)
}

/// The sheet of a completed inspection: read only.
pub(super) fn of_record(view: &View<'_>, record: &Rc<Record>) -> Result<InspectionSheet> {
    let equipment = record.uuid("equipment_id").ok_or(Error::NotHere("item"))?;
    let item = Item::find(view, equipment.into())?;
    let job_id = record.uuid("job_id").ok_or(Error::NotHere("job"))?;
    let template = match view.follow(record, "template_id", Entity::Templates)? {
        Some(template) => template,
        None => {
            let job = job(view, job_id)?;
            let best = fitting(view, &item, &job, None)?.into_iter().next();
            best.ok_or(Error::NotAllowed(Rule::NoTemplate))?
        }
    };
    let mut earlier = view.by(Entity::InspectionRecords, "equipment_id", item.record.id)?;
    earlier.retain(|visit| visit.id != record.id && day_of(visit) < day_of(record));
    let opened = Opened::with(view, template, record.id, &item, &earlier)?;
    let body = body_of(record);
    let day_done = day_of(record).unwrap_or_default();
    let sections = opened.visit(&body, day_done).sections();
    let mut sheet = frame(view, &opened, &item, job_id, record.id)?;
    sheet.sections = sections;
    sheet.body = body;
    sheet.saved_at = record.text("created_at");
    sheet.completed = true;
    Ok(sheet)
}

fn frame(view: &View<'_>, opened: &Opened, item: &Item, job_id: Uuid, inspection: Uuid) -> Result<InspectionSheet> {
    let job = job(view, job_id)?;
    let site = view.follow(&item.record, "location_id", Entity::Locations)?;
    let templates = fitting(view, item, &job, opened.last.as_deref())?;
    let mut photos = Vec::new();
    for photo in super::photos_of(view, inspection.into())? {
        photos.push(tile::tile(view, &photo)?);
    }
    Ok(InspectionSheet {
        inspection_id: inspection.into(),
        job_id: job_id.into(),
        equipment_id: item.id(),
        tag: item.tag(),
        category: item.category,
        manufacturer: item.manufacturer.clone(),
        model_number: item.model_number.clone(),
        location_name: site.map(|site| site.word("location_name")).unwrap_or_default(),
        template_name: opened.template.word("name"),
        template_source: source(&opened.template),
        templates: choices(&templates, opened.template.id),
        sections: Vec::new(),
        body: DraftBody::default(),
        photos,
        capture: item.count(),
        last_visit: opened.last.as_ref().and_then(|last| last.text("inspection_date")),
        saved_at: None,
        completed: false,
        proposed_due: None,
        problems: match &item.model {
            Some(model) => problems::of(view, model.id)?,
            None => Vec::new(),
        },
        before_complete: Vec::new(),
    })
}

/// What was entered, read back from a completed inspection: to be shown, or to be amended.
pub(super) fn body_of(record: &Record) -> DraftBody {
    let metadata = record.json("metadata");
    let words = |key: &str| -> BTreeMap<String, String> {
        metadata.get(key).and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
    };
    let kept = record.json("measurements").as_object().cloned().unwrap_or_default();
    let answers = kept.iter().filter_map(|(key, value)| Some((key.clone(), spoken(value)?))).collect();
    DraftBody {
        answers,
        not_tested: words("not_tested"),
        confirmed: metadata.get("confirmed").and_then(|v| serde_json::from_value(v.clone()).ok()).unwrap_or_default(),
        findings: record.word("findings"),
        recommendations: record.word("recommendations"),
        deficiencies: record.json("deficiencies").as_array().into_iter().flatten().filter_map(deficiency).collect(),
        next_due: record.text("next_inspection_due"),
        override_passed: metadata.get("override").and_then(|o| o.get("passed")).and_then(Value::as_bool),
        override_reason: metadata
            .get("override")
            .and_then(|o| o.get("reason"))
            .and_then(Value::as_str)
            .map(str::to_owned),
    }
}

/// A deficiency as kept; other programs write plain texts or other severities there.
fn deficiency(value: &Value) -> Option<Deficiency> {
    if let Some(text) = value.as_str() {
        let severity = Severity::Noncritical;
        return Some(Deficiency { id: Uuid::nil(), severity, text: text.to_owned(), action: None, item_key: None });
    }
    let say = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Deficiency {
        id: say("id").and_then(|id| Uuid::parse_str(&id).ok()).unwrap_or_else(Uuid::nil),
        severity: say("severity").and_then(|word| word.parse().ok()).unwrap_or(Severity::Noncritical),
        text: say("text").or_else(|| say("description"))?,
        action: say("action"),
        item_key: say("item_key"),
    })
}
