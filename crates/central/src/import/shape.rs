//! What the tables take, read from the database itself, so that a bad value is refused with its own reason before it is
//! sent and spoils a batch.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;
use sqlx::Row as _;
use uuid::Uuid;

use super::map::ColumnMap;
use super::table::target;
use super::value::spoken;
use crate::connect::{Connection, Mode, call_error, sql};
use crate::error::AdminError;

const COLUMNS: &str = "SELECT a.attname::text AS name, t.typname::text AS type,
    CASE WHEN t.typname = 'varchar' AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS max_length,
    a.attnotnull AND NOT a.atthasdef AS required,
    (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) AS words
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = to_regclass('public.' || $1) AND a.attnum > 0 AND NOT a.attisdropped";

#[derive(Debug)]
struct Column {
    kind: String,
    max_length: Option<i32>,
    required: bool,
    words: Option<Vec<String>>,
}

/// Columns of every table that a map fills.
#[derive(Debug)]
pub struct Shape(HashMap<String, HashMap<String, Column>>);

impl Shape {
    /// Reads the tables and checks the map's columns against them.
    pub async fn read(connection: &mut Connection, map: &ColumnMap) -> Result<Self, AdminError> {
        let mut tables = HashMap::new();
        let mut tx = connection.begin(Mode::Snapshot).await?;
        for record in &map.records {
            let mut columns = HashMap::new();
            for row in tx.fetch_all(sql(COLUMNS).bind(record.into.clone())).await? {
                let column = Column {
                    kind: row.try_get("type").map_err(call_error)?,
                    max_length: row.try_get("max_length").map_err(call_error)?,
                    required: row.try_get("required").map_err(call_error)?,
                    words: row.try_get("words").map_err(call_error)?,
                };
                columns.insert(row.try_get::<String, _>("name").map_err(call_error)?, column);
            }
            tables.insert(record.into.clone(), columns);
        }
        tx.rollback().await?;
        for record in &map.records {
            let known = target(&record.into).map(|target| target.columns).unwrap_or_default();
            if let Some(unknown) = record.fields.keys().find(|column| !known.contains(&column.as_str())) {
                return Err(AdminError::Map(format!("{} has no column {unknown:?} to import into", record.into)));
            }
        }
        Ok(Self(tables))
    }

    /// The value as the column takes it.
    ///
    /// # Errors
    /// The reason why it does not.
    pub fn fit(&self, table: &str, name: &str, value: Value) -> Result<Value, String> {
        let Some(column) = self.0.get(table).and_then(|columns| columns.get(name)) else {
            return Err(format!("{table} has no column {name}"));
        };
        if value.is_null() {
            return if column.required { Err(format!("{name} is empty")) } else { Ok(value) };
        }
        let no = |what: &str| Err(format!("{name}: {:?} is not {what}", spoken(&value)));
        let said = match &value {
            Value::Array(_) | Value::Object(_) if column.kind == "jsonb" => {
                clara_domain::check_json(&value).map_err(|bad| format!("{name}: {bad}"))?;
                return Ok(value);
            }
            Value::Array(_) | Value::Object(_) => {
                return Err(format!("{name} takes one value, not a list or an object"));
            }
            other => spoken(other),
        };
        if let Some(words) = &column.words {
            return if words.contains(&said) {
                Ok(said.into())
            } else {
                Err(format!("{name}: {said:?} is not one of {}", words.join(", ")))
            };
        }
        match column.kind.as_str() {
            "varchar" | "text" => {
                clara_domain::check_text(&said).map_err(|bad| format!("{name}: {bad}"))?;
                let length = said.chars().count();
                match column.max_length {
                    Some(limit) if usize::try_from(limit).is_ok_and(|limit| length > limit) => {
                        Err(format!("{name} is {length} characters long, at most {limit} fit"))
                    }
                    _ => Ok(said.into()),
                }
            }
            "int4" => match said.parse::<i32>() {
                Ok(number) => Ok(number.into()),
                // Spreadsheets write 3 as 3.0.
                Err(_) => match said.strip_suffix(".0").and_then(|whole| whole.parse::<i32>().ok()) {
                    Some(number) => Ok(number.into()),
                    None => no("a whole number"),
                },
            },
            "float8" | "numeric" => match said.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(number.into()),
                _ => no("a number"),
            },
            "bool" if value.is_boolean() => Ok(value),
            "bool" => no("yes or no; add the step boolean"),
            "date" if NaiveDate::parse_from_str(&said, "%Y-%m-%d").is_ok() => Ok(value),
            "date" => no("a date like 2026-03-31"),
            "time" if said.parse::<NaiveTime>().is_ok() || NaiveTime::parse_from_str(&said, "%H:%M").is_ok() => {
                Ok(value)
            }
            "time" => no("a time like 08:30"),
            "timestamp" if said.replacen(' ', "T", 1).parse::<NaiveDateTime>().is_ok() => Ok(value),
            "timestamp" => no("a time like 2026-03-31T08:30:00"),
            "uuid" if said.parse::<Uuid>().is_ok() => Ok(value),
            "uuid" => no("an id"),
            _ => Ok(value),
        }
    }
}
