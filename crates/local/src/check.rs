//! The door for values: what is saved here, PostgreSQL takes.

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};
use clara_domain::mirror::{Column, Entity, Kind, Table};
use clara_domain::row::{Cell, Fields};
use clara_domain::{BadValue, check_json, check_text};
use serde_json::Value;
use uuid::Uuid;

use crate::error::MirrorError;

/// A timestamp as both databases write it: UTC, microseconds.
pub fn timestamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Reads what [`timestamp`] wrote.
pub(crate) fn parse_timestamp(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}

/// The characters that PostgreSQL's `varchar` columns take, where a laptop writes them.
fn longest(entity: Entity, column: &str) -> Option<usize> {
    match (entity, column) {
        (Entity::EquipmentInventory, "manual_manufacturer" | "manual_model_number" | "serial_number")
        | (Entity::InspectionRecords, "inspection_type")
        | (Entity::Locations, "emergency_contact_name")
        | (Entity::Customers, "primary_contact_name" | "primary_contact_email") => Some(255),
        (Entity::EquipmentInventory, "location_detail")
        | (Entity::Jobs, "title")
        | (Entity::Locations, "location_name")
        | (Entity::Customers, "company_name") => Some(500),
        (Entity::Jobs, "job_number")
        | (Entity::Locations, "emergency_contact_phone")
        | (Entity::Customers, "primary_contact_phone") => Some(50),
        _ => None,
    }
}

/// Checks every field and brings it to the form both databases store.
pub(crate) fn checked(table: &Table, fields: &Fields) -> Result<Fields, MirrorError> {
    fields
        .iter()
        .map(|(name, value)| {
            let column = table.column(name).ok_or_else(|| bad_field(table.entity, name))?;
            Ok((name.clone(), checked_value(table.entity, column, value)?))
        })
        .collect()
}

/// Checks the fields of the table that is only appended to.
pub(crate) fn checked_loose(entity: Entity, fields: &Fields) -> Result<(), MirrorError> {
    fields.iter().try_for_each(|(name, value)| check_json(value).map_err(|reason| bad_value(entity, name, reason)))
}

fn bad_field(entity: Entity, field: &str) -> MirrorError {
    MirrorError::BadField { entity, field: field.to_owned() }
}

fn bad_value(entity: Entity, field: &str, reason: BadValue) -> MirrorError {
    MirrorError::BadValue { entity, field: field.to_owned(), reason }
}

fn checked_value(entity: Entity, column: &Column, value: &Value) -> Result<Value, MirrorError> {
    let wrong_kind = || bad_field(entity, column.name);
    let wrong = |reason| bad_value(entity, column.name, reason);
    if value.is_null() {
        return Ok(Value::Null);
    }
    let text = || value.as_str().ok_or_else(wrong_kind);
    match column.kind {
        Kind::Text | Kind::Enum => {
            let text = text()?;
            check_text(text).map_err(wrong)?;
            let length = text.chars().count();
            match longest(entity, column.name) {
                Some(limit) if length > limit => Err(wrong(BadValue::TooLong { bytes: length, limit })),
                _ => Ok(value.clone()),
            }
        }
        Kind::Uuid => {
            let id = Uuid::parse_str(text()?).map_err(|_| wrong_kind())?;
            Ok(Value::String(id.as_hyphenated().to_string()))
        }
        Kind::Json => {
            check_json(value).map_err(wrong)?;
            Ok(value.clone())
        }
        Kind::Date => {
            let date = NaiveDate::parse_from_str(text()?, "%Y-%m-%d").map_err(|_| wrong_kind())?;
            four_digit_year(date.format("%Y-%m-%d").to_string(), 10).ok_or_else(wrong_kind)
        }
        Kind::Time => {
            let time = NaiveTime::parse_from_str(text()?, "%H:%M:%S").map_err(|_| wrong_kind())?;
            no_leap_second(time).ok_or_else(wrong_kind)?;
            Ok(Value::String(time.format("%H:%M:%S").to_string()))
        }
        Kind::Timestamp => {
            let at = parse_timestamp(text()?).ok_or_else(wrong_kind)?;
            no_leap_second(at.time()).ok_or_else(wrong_kind)?;
            four_digit_year(timestamp(at), 27).ok_or_else(wrong_kind)
        }
        Kind::Int => {
            let number = value.as_i64().ok_or_else(wrong_kind)?;
            if column.name != "byte_count" && i32::try_from(number).is_err() {
                return Err(wrong(BadValue::NumberRange));
            }
            Ok(value.clone())
        }
        Kind::Real => {
            let number = value.as_f64().ok_or_else(wrong_kind)?;
            let limit = match column.name {
                "latitude" => 90.0,
                "longitude" => 180.0,
                _ => f64::MAX,
            };
            if !number.is_finite() || number.abs() > limit {
                return Err(wrong(BadValue::NumberRange));
            }
            Ok(Cell::Real(number).to_json(Kind::Real))
        }
        Kind::Bool => value.as_bool().map(Value::Bool).ok_or_else(wrong_kind),
    }
}

/// SQLite compares dates as text, which is right for four digits only. PostgreSQL has no year 0.
fn four_digit_year(text: String, length: usize) -> Option<Value> {
    (text.len() == length && !text.starts_with('-') && !text.starts_with("0000")).then_some(Value::String(text))
}

/// 23:59:60 is a time to chrono; PostgreSQL makes the next minute of it.
fn no_leap_second(time: NaiveTime) -> Option<()> {
    (time.nanosecond() < 1_000_000_000).then_some(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(entity: Entity, fields: Value) -> Result<Fields, MirrorError> {
        checked(entity.table().unwrap(), fields.as_object().unwrap())
    }

    #[test]
    fn a_value_that_the_server_would_refuse_for_ever_is_refused_at_save() {
        let equipment = Entity::EquipmentInventory;
        for (field, value) in [
            ("serial_number", json!("a\0b")),
            ("serial_number", json!("x".repeat(256))),
            ("serial_number", json!(5)),
            ("installation_date", json!("2026-02-30")),
            ("installation_date", json!("12026-02-01")),
            ("installation_date", json!("0000-02-01")),
            ("equipment_model_id", json!("not a uuid")),
            ("no_such_column", json!(1)),
            ("id", json!("x")),
        ] {
            assert!(check(equipment, json!({ field: value })).is_err(), "{field} {value}");
        }
        assert!(check(Entity::Photos, json!({"latitude": 90.5})).is_err());
        assert!(check(Entity::Photos, json!({"taken_at": "2026-12-31T23:59:60Z"})).is_err());
        assert!(check(Entity::Photos, json!({"width": 1_i64 << 40})).is_err());
        assert!(check(Entity::Photos, json!({"byte_count": 1_i64 << 40})).is_ok());
    }

    #[test]
    fn values_are_brought_to_the_form_that_both_sides_store() {
        let fields = check(
            Entity::Jobs,
            json!({
                "actual_start_time": "2026-11-22T09:41:00-05:00",
                "customer_id": "00000000-0000-0000-0000-00000000000A",
                "duration_estimate_minutes": 90,
            }),
        )
        .unwrap();
        assert_eq!(fields["actual_start_time"], "2026-11-22T14:41:00.000000Z");
        assert_eq!(fields["customer_id"], "00000000-0000-0000-0000-00000000000a");
    }
}
