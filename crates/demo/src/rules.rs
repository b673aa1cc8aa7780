//! What every company starts with: which fields must be captured, and what an inspection asks.
//!
//! Conventions of `template_items` that the columns do not show by themselves:
//! - `condition` is an object; the item is asked only where every named field has that value. `components.<key>`
//!   means the equipment, a plain key means another item of the same template.
//! - `choices` of a `choice` is an array of texts. Of a `computed` it is the formula,
//!   `{"op": "minus" | "percent_of" | "percent_drop", "of": [item_key, item_key]}`: the first minus the second, the
//!   first in percent of the second, or by how many percent of the first the second is lower.
//! - `yes_no` items are worded so that "no" is the answer that fails.
//! - `deficiency` is what to propose when the item fails: `{"severity", "text", "action"}`. With
//!   `"cannot_complete": true` the failure ends the test: neither passed nor failed.

use std::collections::BTreeMap;

use clara_domain::capture;
use clara_domain::category::{Category, Severity};
use clara_domain::mirror::Entity;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::book::{Book, embedded, id};

/// A template as its file has it.
#[derive(Deserialize)]
pub(crate) struct Template {
    pub(crate) key: String,
    name: String,
    #[serde(rename = "type")]
    pub(crate) inspection_type: String,
    standard: String,
    edition: String,
    pub(crate) frequency: String,
    sections: Vec<Section>,
    #[serde(skip, default)]
    pub(crate) category: Option<Category>,
}

#[derive(Deserialize)]
struct Section {
    name: String,
    items: Vec<Item>,
}

/// One thing to answer, read or photograph.
#[derive(Deserialize)]
pub(crate) struct Item {
    pub(crate) key: String,
    label: String,
    #[serde(rename = "type", default = "yes_no")]
    pub(crate) item_type: String,
    bounds: Option<String>,
    unit: Option<String>,
    #[serde(default)]
    pub(crate) optional: bool,
    pub(crate) choices: Option<Vec<String>>,
    pub(crate) formula: Option<Formula>,
    #[serde(default)]
    pub(crate) limit: Range,
    impossible: Option<Range>,
    suspicious: Option<Range>,
    source: Option<String>,
    why: String,
    pub(crate) when: Option<BTreeMap<String, String>>,
    pub(crate) deficiency: Option<Proposal>,
}

fn yes_no() -> String {
    "yes_no".to_owned()
}

/// A lowest and a highest value, each optional.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Range(pub(crate) Option<f64>, pub(crate) Option<f64>);

/// How a computed item comes from two others.
#[derive(Deserialize, Serialize)]
pub(crate) struct Formula {
    op: Op,
    of: [String; 2],
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Minus,
    PercentOf,
    PercentDrop,
}

impl Formula {
    /// The value, if both operands are there.
    pub(crate) fn value(&self, operand: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let [first, second] = [operand(&self.of[0])?, operand(&self.of[1])?];
        Some(match self.op {
            Op::Minus => first - second,
            Op::PercentOf => first * 100.0 / second,
            Op::PercentDrop => (first - second) * 100.0 / first,
        })
    }
}

/// The deficiency to propose when an item fails.
#[derive(Deserialize, Serialize)]
pub(crate) struct Proposal {
    pub(crate) severity: Severity,
    pub(crate) text: String,
    pub(crate) action: String,
    /// Failing it ends the test without a result: not a pass, and not a fail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cannot_complete: bool,
}

#[derive(Deserialize)]
struct Bounds {
    unit: String,
    #[serde(default)]
    impossible: Range,
    #[serde(default)]
    suspicious: Range,
}

#[derive(Deserialize)]
struct Requirement {
    field: String,
    label: String,
    hint: String,
    #[serde(default)]
    hints: BTreeMap<Category, String>,
    #[serde(default)]
    only: Vec<Category>,
    #[serde(default)]
    except: Vec<Category>,
    #[serde(default)]
    condition: Value,
}

impl Template {
    /// Its items in the order in which they are asked.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections.iter().flat_map(|section| &section.items)
    }
}

/// Every template, by category.
pub(crate) fn templates() -> Vec<Template> {
    let files = [
        (Category::FirePump, include_str!("../data/templates/fire_pump.json")),
        (Category::BackflowPreventer, include_str!("../data/templates/backflow_preventer.json")),
        (Category::SprinklerHead, include_str!("../data/templates/sprinkler_head.json")),
        (Category::FireExtinguisher, include_str!("../data/templates/fire_extinguisher.json")),
        (Category::FireAlarmPanel, include_str!("../data/templates/fire_alarm_panel.json")),
        (Category::SmokeDetector, include_str!("../data/templates/smoke_detector.json")),
        (Category::Hvac, include_str!("../data/templates/hvac.json")),
        (Category::Standpipe, include_str!("../data/templates/standpipe.json")),
        (Category::Other, include_str!("../data/templates/other.json")),
    ];
    let mut all = Vec::new();
    for (category, text) in files {
        for mut template in embedded::<Vec<Template>>(category.word(), text) {
            template.category = Some(category);
            all.push(template);
        }
    }
    all
}

/// The id of the template with that key.
pub(crate) fn template_id(key: &str) -> uuid::Uuid {
    id(Entity::Templates, key)
}

/// Adds templates, items and capture requirements.
pub(crate) fn add(book: &mut Book, templates: &[Template], requirements: &Requirements) {
    let bounds: BTreeMap<String, Bounds> = embedded("bounds.json", include_str!("../data/bounds.json"));
    for template in templates {
        add_template(book, template, &bounds);
    }
    requirements.add(book);
}

fn add_template(book: &mut Book, template: &Template, bounds: &BTreeMap<String, Bounds>) {
    let template_id = book.add(
        Entity::Templates,
        &template.key,
        json!({
            "template_key": template.key,
            "name": template.name,
            "equipment_category": template.category,
            "inspection_type": template.inspection_type,
            "standard": template.standard,
            "edition": template.edition,
            "revision": 1,
            "frequency": template.frequency,
            "is_active": true,
        }),
    );
    let mut position = 0;
    for section in &template.sections {
        for item in &section.items {
            position += 10;
            let known = item.bounds.as_deref().map(|name| match bounds.get(name) {
                Some(known) => known,
                None => panic!("{}: no bounds are called {name}", item.key),
            });
            let impossible = item.impossible.or(known.map(|b| b.impossible)).unwrap_or_default();
            let suspicious = item.suspicious.or(known.map(|b| b.suspicious)).unwrap_or_default();
            let unit = item.unit.as_ref().or(known.map(|b| &b.unit)).filter(|unit| !unit.is_empty());
            book.add(
                Entity::TemplateItems,
                &format!("{}/{}", template.key, item.key),
                json!({
                    "template_id": template_id,
                    "item_key": item.key,
                    "section": section.name,
                    "position": position,
                    "label": item.label,
                    "item_type": item.item_type,
                    "unit": unit,
                    "is_required": !item.optional,
                    "choices": item.formula.as_ref().map(|f| json!(f)).or(item.choices.as_ref().map(|c| json!(c))),
                    "limit_min": item.limit.0,
                    "limit_max": item.limit.1,
                    "impossible_min": impossible.0,
                    "impossible_max": impossible.1,
                    "suspicious_min": suspicious.0,
                    "suspicious_max": suspicious.1,
                    "limit_source": item.source,
                    "why": item.why,
                    "condition": item.when,
                    "deficiency": item.deficiency,
                }),
            );
        }
    }
}

/// The capture requirements by category.
pub(crate) struct Requirements(BTreeMap<Category, Vec<capture::Requirement>>);

impl Requirements {
    pub(crate) fn new() -> Requirements {
        let entries: Vec<Requirement> = embedded("requirements.json", include_str!("../data/requirements.json"));
        let of = |category: Category| {
            entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.only.is_empty() || entry.only.contains(&category))
                .filter(|(_, entry)| !entry.except.contains(&category))
                .map(|(index, entry)| capture::Requirement {
                    field_key: entry.field.clone(),
                    label: entry.label.clone(),
                    weight: 1,
                    position: (index as i64 + 1) * 10,
                    condition: entry.condition.clone(),
                    hint: Some(entry.hints.get(&category).unwrap_or(&entry.hint).clone()),
                })
                .collect()
        };
        Requirements(Category::ALL.iter().map(|&category| (category, of(category))).collect())
    }

    /// What is required of that category.
    pub(crate) fn of(&self, category: Category) -> &[capture::Requirement] {
        self.0.get(&category).map_or(&[], Vec::as_slice)
    }

    fn add(&self, book: &mut Book) {
        for (category, requirements) in &self.0 {
            for requirement in requirements {
                book.add(
                    Entity::CaptureRequirements,
                    &format!("{category}/{}", requirement.field_key),
                    json!({
                        "equipment_category": category,
                        "field_key": requirement.field_key,
                        "label": requirement.label,
                        "weight": requirement.weight,
                        "position": requirement.position,
                        "condition": requirement.condition,
                        "hint": requirement.hint,
                    }),
                );
            }
        }
    }
}
