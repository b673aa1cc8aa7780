//! Which fields of an equipment item are captured, justified or missing, and what that makes in percent.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::row::Fields;

/// One required field of a category, a row of `capture_requirements`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requirement {
    /// `manufacturer`, `model_number`, `serial_number`, `location_detail`, `installation_date`, `photo`, or
    /// `components.<key>`.
    pub field_key: String,
    /// For a person.
    pub label: String,
    /// Its weight in the percentage.
    pub weight: i64,
    /// Where in the order of value it stands.
    pub position: i64,
    /// `{"components.drive": "belt"}`: required only where every named field has that value. Null: always.
    pub condition: Value,
    /// Where on the machine it is usually found.
    pub hint: Option<String>,
}

/// Where a required field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FieldState {
    /// Value present.
    Captured,
    /// No value, with a reason; counts as done.
    Justified,
    /// Required and empty.
    Missing,
}

/// One required field of one item, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FieldCapture {
    /// As in [`Requirement::field_key`].
    pub field_key: String,
    /// For a person.
    pub label: String,
    /// Its weight.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub weight: i64,
    /// Captured, justified or missing.
    pub state: FieldState,
    /// The reason, where justified: `unreadable`, `inaccessible`, `not_present`.
    pub reason: Option<String>,
    /// Where on the machine it is usually found.
    pub hint: Option<String>,
}

/// What is known of an item when its fields are judged.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// `equipment_inventory` columns; `manufacturer` and `model_number` already resolved from the model or from the
    /// manual columns; `components` as an object.
    pub fields: Fields,
    /// At least one photo of it.
    pub has_photo: bool,
}

impl Item {
    fn value(&self, key: &str) -> Option<&Value> {
        let value = match key.split_once('.') {
            Some((column, inner)) => self.fields.get(column)?.get(inner)?,
            None => self.fields.get(key)?,
        };
        let empty = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        (!empty).then_some(value)
    }

    /// The reason given for a field without a value, kept under `metadata.not_captured.<field_key>`.
    fn reason(&self, key: &str) -> Option<&str> {
        self.fields.get("metadata")?.get("not_captured")?.get(key)?.as_str()
    }
}

/// Judges every requirement that applies to the item, in the order of `position`.
pub fn judge(requirements: &[Requirement], item: &Item) -> Vec<FieldCapture> {
    let mut required: Vec<&Requirement> = requirements.iter().filter(|r| applies(r, item)).collect();
    required.sort_by_key(|r| r.position);
    required
        .into_iter()
        .map(|r| {
            let present = if r.field_key == "photo" { item.has_photo } else { item.value(&r.field_key).is_some() };
            let reason = item.reason(&r.field_key).map(str::to_owned);
            let state = match (present, &reason) {
                (true, _) => FieldState::Captured,
                (false, Some(_)) => FieldState::Justified,
                (false, None) => FieldState::Missing,
            };
            FieldCapture {
                field_key: r.field_key.clone(),
                label: r.label.clone(),
                weight: r.weight,
                state,
                reason: if present { None } else { reason },
                hint: r.hint.clone(),
            }
        })
        .collect()
}

fn applies(requirement: &Requirement, item: &Item) -> bool {
    match &requirement.condition {
        Value::Object(wanted) => wanted.iter().all(|(key, value)| item.value(key) == Some(value)),
        _ => true,
    }
}

/// Weight captured or justified over weight required, in percent; 100 where nothing is required.
pub fn completion_percentage(fields: &[FieldCapture]) -> f64 {
    let required: i64 = fields.iter().map(|f| f.weight).sum();
    let done: i64 = fields.iter().filter(|f| f.state != FieldState::Missing).map(|f| f.weight).sum();
    if required == 0 { 100.0 } else { done as f64 * 100.0 / required as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn requirement(field_key: &str, condition: Value) -> Requirement {
        Requirement {
            field_key: field_key.into(),
            label: field_key.into(),
            weight: 1,
            position: 0,
            condition,
            hint: None,
        }
    }

    fn item(fields: Value) -> Item {
        Item { fields: fields.as_object().cloned().unwrap_or_default(), has_photo: false }
    }

    #[test]
    fn captured_justified_and_missing_are_three_different_things() {
        let requirements = ["serial_number", "model_number", "photo"].map(|k| requirement(k, Value::Null));
        let fields = judge(
            &requirements,
            &item(json!({
                "serial_number": " ", "model_number": "AB-1",
                "metadata": {"not_captured": {"serial_number": "unreadable"}},
            })),
        );
        let states: Vec<_> = fields.iter().map(|f| f.state).collect();
        assert_eq!(states, [FieldState::Justified, FieldState::Captured, FieldState::Missing]);
        assert!((completion_percentage(&fields) - 200.0 / 3.0).abs() < 1e-9, "justified counts as done");
    }

    #[test]
    fn a_belt_size_is_required_only_of_a_belt_drive() {
        let requirements = [requirement("components.belt_size", json!({"components.drive": "belt"}))];
        assert!(judge(&requirements, &item(json!({"components": {"drive": "direct"}}))).is_empty());
        let belt = judge(&requirements, &item(json!({"components": {"drive": "belt"}})));
        assert_eq!(belt.first().map(|f| f.state), Some(FieldState::Missing));
    }
}
