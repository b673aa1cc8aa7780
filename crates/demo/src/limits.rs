//! What a model says of its own readings, taken from the specs that it has: a share of a rated value, with its source.

use std::collections::BTreeMap;

use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use serde::Deserialize;
use serde_json::json;

use crate::book::{Book, embedded, id};
use crate::catalog::{MADE, Model};

/// A spec by name, and by how much it is multiplied.
#[derive(Deserialize)]
struct Share(String, f64);

#[derive(Default, Deserialize)]
struct Range(Option<Share>, Option<Share>);

#[derive(Deserialize)]
struct Rule {
    key: String,
    label: String,
    unit: String,
    #[serde(default)]
    limit: Range,
    #[serde(default)]
    suspicious: Range,
    source: String,
}

/// How limits follow from specs, by category.
pub(crate) struct SpecLimits(BTreeMap<Category, Vec<Rule>>);

impl SpecLimits {
    pub(crate) fn new() -> SpecLimits {
        SpecLimits(embedded("limits.json", include_str!("../data/limits.json")))
    }

    /// Adds those limits of a model for which it has the specs.
    pub(crate) fn add(&self, book: &mut Book, model: &Model) {
        for rule in model.category.iter().filter_map(|category| self.0.get(category)).flatten() {
            let value = |share: &Option<Share>| {
                let share = share.as_ref()?;
                model.number(&share.0).map(|spec| (spec * share.1 * 100.0).round() / 100.0)
            };
            let [low, high] = [&rule.limit.0, &rule.limit.1].map(value);
            let [unlikely_low, unlikely_high] = [&rule.suspicious.0, &rule.suspicious.1].map(value);
            if [low, high, unlikely_low, unlikely_high].iter().all(Option::is_none) {
                continue;
            }
            book.add(
                Entity::SpecLimits,
                &format!("{}/{}", model.key(), rule.key),
                json!({
                    "equipment_model_id": id(Entity::EquipmentModels, &model.key()),
                    "item_key": rule.key,
                    "label": rule.label,
                    "unit": rule.unit,
                    "limit_min": low,
                    "limit_max": high,
                    "suspicious_min": unlikely_low,
                    "suspicious_max": unlikely_high,
                    "limit_source": rule.source,
                    "created_at": MADE,
                    "updated_at": MADE,
                }),
            );
        }
    }
}
