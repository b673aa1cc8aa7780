//! A model's own limits, as its nameplate or its manual states them.

use clara_contract::specs::SpecLimit;
use clara_domain::mirror::Entity;
use uuid::Uuid;

use crate::error::Result;
use crate::field::{Record, figure};
use crate::view::View;

/// The limits of a model, by label.
pub(crate) fn of(view: &View<'_>, model: Uuid) -> Result<Vec<SpecLimit>> {
    let mut limits: Vec<SpecLimit> = view
        .by(Entity::SpecLimits, "equipment_model_id", model)?
        .iter()
        .map(|record| SpecLimit {
            item_key: record.word("item_key"),
            label: record.word("label"),
            allowed: range(record, "limit_min", "limit_max"),
            likely: range(record, "suspicious_min", "suspicious_max"),
            possible: range(record, "impossible_min", "impossible_max"),
            source: record.word("limit_source"),
        })
        .collect();
    limits.sort_by(|a, b| (&a.label, &a.item_key).cmp(&(&b.label, &b.item_key)));
    Ok(limits)
}

fn range(record: &Record, low: &str, high: &str) -> Option<String> {
    words(record.real(low), record.real(high), record.text("unit").as_deref())
}

/// "110 to 154 psi", "at least 2 psid", "at most 175 psi".
fn words(low: Option<f64>, high: Option<f64>, unit: Option<&str>) -> Option<String> {
    let said = match (low, high) {
        (Some(low), Some(high)) => format!("{} to {}", figure(low), figure(high)),
        (Some(low), None) => format!("at least {}", figure(low)),
        (None, Some(high)) => format!("at most {}", figure(high)),
        (None, None) => return None,
    };
    Some(unit.map_or_else(|| said.clone(), |unit| format!("{said} {unit}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_reads_as_a_person_would_say_it() {
        assert_eq!(words(Some(110.0), Some(154.0), Some("psi")).as_deref(), Some("110 to 154 psi"));
        assert_eq!(words(Some(2.0), None, Some("psid")).as_deref(), Some("at least 2 psid"));
        assert_eq!(words(None, Some(0.5), None).as_deref(), Some("at most 0.5"));
        assert_eq!(words(None, None, Some("psi")), None);
    }
}
