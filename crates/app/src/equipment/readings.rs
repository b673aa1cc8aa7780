//! What the gauges of an item showed when they were last read, each with its day: the yearly flow test and the weekly
//! run read different ones.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use clara_contract::equipment::LastReading;
use clara_domain::mirror::Entity;
use uuid::Uuid;

use crate::error::Result;
use crate::field::{Record, spoken};
use crate::view::View;

/// Numbers, newest visit first, in the order of its template. `visits` are newest first.
pub(super) fn of(view: &View<'_>, visits: &[Rc<Record>]) -> Result<Vec<LastReading>> {
    let mut templates: BTreeMap<Uuid, Vec<Rc<Record>>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut readings = Vec::new();
    for visit in visits {
        let (Some(measured), Some(template)) = (visit.json("measurements").as_object(), visit.uuid("template_id"))
        else {
            continue;
        };
        let items = match templates.entry(template) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let mut items = view.by(Entity::TemplateItems, "template_id", template)?;
                items.retain(|item| matches!(item.word("item_type").as_str(), "number" | "computed"));
                items.sort_by_key(|item| item.int("position"));
                place.insert(items)
            }
        };
        for item in items {
            let key = item.word("item_key");
            let Some(value) = measured.get(&key).and_then(spoken) else { continue };
            if seen.insert(key) {
                readings.push(LastReading {
                    label: item.word("label"),
                    value,
                    unit: item.text("unit"),
                    date: visit.word("inspection_date"),
                    inspection_type: visit.word("inspection_type"),
                });
            }
        }
    }
    Ok(readings)
}
