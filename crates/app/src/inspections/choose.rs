//! Which template an inspection begins with, and which others fit.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::NaiveDate;
use clara_contract::inspection::TemplateChoice;
use clara_domain::mirror::Entity;
use uuid::Uuid;

use super::judge::Last;
use crate::equipment::item::Item;
use crate::error::Result;
use crate::field::Record;
use crate::view::View;

/// Templates of the item's category, best first.
pub(super) fn fitting(view: &View<'_>, item: &Item, job: &Record, last: Option<&Record>) -> Result<Vec<Rc<Record>>> {
    let mut templates: Vec<(i64, Rc<Record>)> = view
        .all(Entity::Templates)?
        .into_iter()
        .filter(|template| template.flag("is_active") != Some(false))
        .filter(|template| template.text("equipment_category").as_deref() == Some(item.category.word()))
        .map(|template| (fitness(&template, item, job, last), template))
        .collect();
    templates.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.word("name").cmp(&y.word("name"))));
    Ok(templates.into_iter().map(|(_, template)| template).collect())
}

/// How well a template fits: what the item is counts most, then what the job is called, then what was done last time.
fn fitness(template: &Record, item: &Item, job: &Record, last: Option<&Record>) -> i64 {
    let key = template.word("template_key");
    let parts: Vec<&str> = key.split('_').collect();
    let components = item.record.json("components").as_object();
    let kinds = components.into_iter().flatten().filter_map(|(_, value)| value.as_str());
    let of_kind = kinds.filter(|kind| {
        let kind = kind.to_lowercase();
        kind.len() > 1 && (parts.contains(&kind.as_str()) || (kind.contains('_') && key.contains(&kind)))
    });
    let mut fitness = 100 * i64::try_from(of_kind.count()).unwrap_or_default();
    let title = format!("{} {}", job.word("title"), job.word("description")).to_lowercase();
    let asked = |words: &str| words.to_lowercase().split_whitespace().filter(|word| title.contains(*word)).count();
    fitness += 5 * i64::try_from(asked(&template.word("inspection_type"))).unwrap_or_default();
    if title.contains(&template.word("frequency").to_lowercase()) {
        fitness += 20;
    }
    if last.is_some_and(|last| last.uuid("template_id") == Some(template.id)) {
        fitness += 10;
    }
    // Where nothing tells, the yearly visit is the one that is asked for most.
    if template.text("frequency").as_deref() == Some("annual") {
        fitness += 1;
    }
    fitness
}

/// The list for the screen.
pub(super) fn choices(templates: &[Rc<Record>], current: Uuid) -> Vec<TemplateChoice> {
    let choice = |template: &Rc<Record>| TemplateChoice {
        template_id: template.id,
        name: template.word("name"),
        current: template.id == current,
    };
    templates.iter().map(choice).collect()
}

/// "NFPA 25, 2023, rev 3".
pub(super) fn source(template: &Record) -> String {
    let mut words: Vec<String> = [template.text("standard"), template.text("edition")].into_iter().flatten().collect();
    words.extend(template.int("revision").map(|revision| format!("rev {revision}")));
    words.join(", ")
}

/// The day of a record as it is kept.
pub(super) fn day_of(record: &Record) -> Option<NaiveDate> {
    record.date("inspection_date")
}

/// What each item read when it was last asked, from visits in any order.
pub(super) fn last_readings(visits: &[Rc<Record>]) -> BTreeMap<String, Last> {
    let mut visits: Vec<&Rc<Record>> = visits.iter().collect();
    visits.sort_by_key(|visit| (day_of(visit), visit.id));
    let mut readings = BTreeMap::new();
    for visit in visits {
        for (key, value) in visit.json("measurements").as_object().into_iter().flatten() {
            readings.insert(key.clone(), Last { value: value.clone(), day: day_of(visit) });
        }
    }
    readings
}
