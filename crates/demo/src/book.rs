//! Rows under construction: one list per mirrored table, kept in the order of the tables.

use chrono::{Duration, FixedOffset, NaiveDate, NaiveTime};
use clara_domain::mirror::{Entity, TABLES};
use clara_domain::row::Row;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

/// The name space of every id made here. Changing it gives every demo row a new identity.
const NAMESPACE: Uuid = Uuid::from_u128(0x6c61_7261_6669_5e1d_8d65_6d6f_0000_0001);

/// The id of the row of `entity` that `key` names, the same on every day and every machine.
pub(crate) fn id(entity: Entity, key: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{entity}/{key}").as_bytes())
}

/// A date as the mirror writes it.
pub(crate) fn date(day: NaiveDate) -> String {
    day.format("%Y-%m-%d").to_string()
}

/// An embedded file, read.
///
/// Panics on a broken file: it is part of the program, and the tests read every one of them.
pub(crate) fn embedded<T: DeserializeOwned>(name: &str, text: &str) -> T {
    match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => panic!("the embedded file {name} is broken: {error}"),
    }
}

/// Every mirrored table with the rows it has so far.
pub(crate) struct Book {
    rows: Vec<(Entity, Vec<Row>)>,
    /// The company's wall clock. The hour that summer time shifts does not matter to a demo.
    zone: FixedOffset,
}

impl Book {
    pub(crate) fn new(zone: FixedOffset) -> Book {
        Book { rows: TABLES.iter().map(|table| (table.entity, Vec::new())).collect(), zone }
    }

    /// A moment of the company's wall clock as the mirror writes it: UTC with microseconds.
    pub(crate) fn moment(&self, day: NaiveDate, minutes_past_midnight: i64) -> String {
        let wall = day.and_time(NaiveTime::MIN) + Duration::minutes(minutes_past_midnight);
        let utc = wall - Duration::seconds(i64::from(self.zone.local_minus_utc()));
        utc.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
    }

    /// Adds the row that `key` names and answers its id. Columns that `fields` does not name are NULL.
    ///
    /// Panics on a column that the table does not have: `from_fields` would drop it without a word.
    pub(crate) fn add(&mut self, entity: Entity, key: &str, fields: Value) -> Uuid {
        let id = id(entity, key);
        let Some(table) = entity.table() else { panic!("{entity} is not mirrored") };
        let Value::Object(fields) = fields else { panic!("a row of {entity} must be an object") };
        if let Some(stray) = fields.keys().find(|name| table.column(name).is_none()) {
            panic!("{entity} has no column {stray}");
        }
        if let Some((_, rows)) = self.rows.iter_mut().find(|(e, _)| *e == entity) {
            rows.push(Row::from_fields(table, id, 1, &fields));
        }
        id
    }

    /// The tables that have rows, parents first.
    pub(crate) fn into_rows(self) -> Vec<(Entity, Vec<Row>)> {
        self.rows.into_iter().filter(|(_, rows)| !rows.is_empty()).collect()
    }
}
