//! Timings of the app's own functions.

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use rusqlite::params;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::check::timestamp;
use crate::error::MirrorError;
use crate::statement::{Key, uuid_at};
use crate::write::WriteTx;

/// One timing.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricNew {
    /// Which function.
    pub function_name: String,
    /// How long it took.
    pub duration_ms: f64,
    /// Whether it did what was asked.
    pub success: bool,
    /// Why not, in a word; no customer data.
    pub error_message: Option<String>,
    /// More about it; no customer data.
    pub metadata: Value,
    /// When it ended.
    pub recorded_at: DateTime<Utc>,
}

impl WriteTx<'_, '_> {
    /// Keeps a timing on the laptop.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    pub fn metric(&mut self, metric: &MetricNew) -> Result<(), MirrorError> {
        let id = self.new_id()?;
        self.tx
            .connection
            .prepare_cached(
                "INSERT INTO metric (id, function_name, duration_ms, success, error_message, metadata, recorded_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                Key::of(id),
                metric.function_name,
                metric.duration_ms,
                metric.success,
                metric.error_message,
                metric.metadata.to_string(),
                timestamp(metric.recorded_at),
            ])?;
        Ok(())
    }

    /// Turns timings into operations, oldest first; they go with the next push. Returns how many.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    pub fn send_metrics(&mut self, limit: u32) -> Result<u32, MirrorError> {
        let rows: Vec<(Uuid, Fields)> = {
            let mut statement = self.tx.connection.prepare_cached(
                "SELECT id, function_name, duration_ms, success, error_message, metadata, recorded_at
                 FROM metric ORDER BY recorded_at LIMIT ?1",
            )?;
            let rows = statement.query_map([limit], |row| {
                let metadata: String = row.get(5)?;
                let mut fields = Fields::new();
                let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
                put("function_name", json!(row.get::<_, String>(1)?));
                put("duration_ms", json!(row.get::<_, f64>(2)?));
                put("success", json!(row.get::<_, bool>(3)?));
                put("error_message", json!(row.get::<_, Option<String>>(4)?));
                put("metadata", serde_json::from_str(&metadata).unwrap_or(Value::Null));
                put("recorded_at", json!(row.get::<_, String>(6)?));
                Ok((uuid_at(row, 0)?, fields))
            })?;
            rows.collect::<Result<_, _>>()?
        };
        for (id, fields) in &rows {
            self.insert(Entity::PerformanceMetrics, *id, *id, fields.clone())?;
            self.tx.connection.prepare_cached("DELETE FROM metric WHERE id = ?1")?.execute([Key::of(*id)])?;
        }
        Ok(rows.len() as u32)
    }
}
