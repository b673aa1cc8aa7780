//! What screens read, one file for each table, and nothing of what they show is decided here.

pub mod capture;
pub mod conflicts;
pub mod equipment;
pub mod inspections;
pub mod jobs;
pub mod metrics;
pub mod models;
pub mod outbox;
pub mod people;
pub mod photos;
pub mod profile;
mod rows;
pub mod sync;
pub mod templates;
pub mod work;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde_json::Value;
use uuid::Uuid;

use crate::statement::uuid_at;

/// An id from a text column.
pub(crate) fn text_id<T: From<Uuid>>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    uuid_at(row, index).map(T::from)
}

/// An id from a text column that may be empty.
pub(crate) fn optional_id<T: From<Uuid>>(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<T>> {
    if row.get_ref(index)? == ValueRef::Null { Ok(None) } else { text_id(row, index).map(Some) }
}

/// A JSON document; null where there is none.
pub(crate) fn json(row: &Row<'_>, index: usize) -> rusqlite::Result<Value> {
    match row.get_ref(index)? {
        ValueRef::Text(text) => Ok(serde_json::from_slice(text).unwrap_or(Value::Null)),
        _ => Ok(Value::Null),
    }
}
