//! Reading a row's columns by name.

use chrono::{DateTime, NaiveDate, Utc};
use clara_domain::mirror::Entity;
use clara_domain::row::{Fields, Row};
use serde_json::Value;
use uuid::Uuid;

/// A mirrored row with its columns by name.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: Uuid,
    pub(crate) fields: Fields,
}

impl Record {
    pub(crate) fn of(entity: Entity, row: &Row) -> Record {
        let fields = entity.table().map(|table| row.fields(table)).unwrap_or_default();
        Record { id: row.id, fields }
    }

    /// A text that says something.
    pub(crate) fn text(&self, column: &str) -> Option<String> {
        text(self.fields.get(column)).map(str::to_owned)
    }

    /// A text, or nothing.
    pub(crate) fn word(&self, column: &str) -> String {
        self.text(column).unwrap_or_default()
    }

    pub(crate) fn uuid(&self, column: &str) -> Option<Uuid> {
        Uuid::parse_str(text(self.fields.get(column))?).ok()
    }

    pub(crate) fn int(&self, column: &str) -> Option<i64> {
        self.fields.get(column)?.as_i64()
    }

    pub(crate) fn count(&self, column: &str) -> Option<u32> {
        self.int(column)?.try_into().ok()
    }

    pub(crate) fn real(&self, column: &str) -> Option<f64> {
        self.fields.get(column)?.as_f64()
    }

    pub(crate) fn flag(&self, column: &str) -> Option<bool> {
        self.fields.get(column)?.as_bool()
    }

    pub(crate) fn json(&self, column: &str) -> &Value {
        self.fields.get(column).unwrap_or(&Value::Null)
    }

    pub(crate) fn date(&self, column: &str) -> Option<NaiveDate> {
        text(self.fields.get(column))?.parse().ok()
    }

    pub(crate) fn moment(&self, column: &str) -> Option<DateTime<Utc>> {
        text(self.fields.get(column))?.parse().ok()
    }

    /// One of the words of an enum.
    pub(crate) fn known<T: std::str::FromStr>(&self, column: &str) -> Option<T> {
        text(self.fields.get(column))?.parse().ok()
    }

    pub(crate) fn gone(&self) -> bool {
        text(self.fields.get("deleted_at")).is_some()
    }

    /// The texts of a JSON array.
    pub(crate) fn texts(&self, column: &str) -> Vec<String> {
        let items = self.json(column).as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| text(Some(item)).map(str::to_owned)).collect()
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.trim().is_empty())
}

/// A timestamp as both databases write it.
pub(crate) fn stamp(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// A date as both databases write it.
pub(crate) fn day(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}

/// A JSON value as a person reads it.
pub(crate) fn spoken(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(true) => Some("yes".into()),
        Value::Bool(false) => Some("no".into()),
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let words: Vec<String> = items.iter().filter_map(spoken).collect();
            (!words.is_empty()).then(|| words.join(", "))
        }
        Value::Number(number) => Some(number.as_f64().map_or_else(|| number.to_string(), figure)),
        Value::Object(map) => {
            let words: Vec<String> = map.iter().filter_map(|(k, v)| Some(format!("{k} {}", spoken(v)?))).collect();
            (!words.is_empty()).then(|| words.join(", "))
        }
    }
}

/// A number without the noise of its binary form: at most four decimals, none where it has none.
pub(crate) fn figure(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_a_person_would() {
        for (value, text) in [(5.0, "5"), (1.8, "1.8"), (2.0 - 1.8, "0.2"), (-0.000_01, "0"), (1234.5, "1234.5")] {
            assert_eq!(figure(value), text);
        }
    }
}
