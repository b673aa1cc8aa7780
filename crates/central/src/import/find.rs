//! Rows that are in the database already, looked up by the name people use for them.

use std::collections::HashMap;

use clara_sync::CentralError;
use serde_json::{Map, Value};
use sqlx::Row as _;
use uuid::Uuid;

use super::map::{ColumnMap, Field};
use super::value::{self, Context, spoken};
use crate::connect::{SyncTx, call_error, sql};

/// The question for a table: names in `$1`, rows of name and ids out. None for a table that has no such name.
pub fn question(table: &str) -> Option<&'static str> {
    Some(match table {
        "users" => {
            "SELECT w.name, array_agg(t.id) AS ids FROM unnest($1::text[]) w(name)
             JOIN public.users t ON lower(t.email) = lower(w.name) AND t.deleted_at IS NULL GROUP BY w.name"
        }
        "manufacturers" => {
            "SELECT w.name, array_agg(t.id) AS ids FROM unnest($1::text[]) w(name)
             JOIN public.manufacturers t ON t.name = w.name AND t.deleted_at IS NULL GROUP BY w.name"
        }
        "equipment_models" => {
            "SELECT w.name, array_agg(t.id) AS ids FROM unnest($1::text[]) w(name)
             JOIN public.equipment_models t ON t.model_number = w.name AND t.deleted_at IS NULL GROUP BY w.name"
        }
        "customers" => {
            "SELECT w.name, array_agg(t.id) AS ids FROM unnest($1::text[]) w(name)
             JOIN public.customers t ON t.company_name = w.name AND t.deleted_at IS NULL GROUP BY w.name"
        }
        "locations" => {
            "SELECT w.name, array_agg(t.id) AS ids FROM unnest($1::text[]) w(name)
             JOIN public.locations t ON t.location_name = w.name AND t.deleted_at IS NULL GROUP BY w.name"
        }
        "equipment_inventory" => {
            "SELECT w.name, array_agg(t.id) AS ids FROM unnest($1::text[]) w(name)
             JOIN public.equipment_inventory t ON t.serial_number = w.name AND t.deleted_at IS NULL GROUP BY w.name"
        }
        "jobs" => {
            "SELECT w.name, array_agg(t.id) AS ids FROM unnest($1::text[]) w(name)
             JOIN public.jobs t ON t.job_number = w.name AND t.deleted_at IS NULL GROUP BY w.name"
        }
        _ => return None,
    })
}

/// What was looked up for a batch.
#[derive(Debug, Default)]
pub struct Found(HashMap<(String, String), Vec<Uuid>>);

impl Found {
    /// The one row of that name.
    pub fn id(&self, table: &str, name: &str) -> Result<Uuid, String> {
        match self.0.get(&(table.to_owned(), name.to_owned())).map(Vec::as_slice) {
            Some([id]) => Ok(*id),
            Some([_, _, ..]) => Err(format!("{name:?} names more than one row of {table}")),
            _ => Err(format!("{table} has no {name:?}")),
        }
    }

    /// Looks up every name that these lines ask for.
    pub async fn look_up(
        tx: &mut SyncTx<'_>,
        map: &ColumnMap,
        lines: &[(u64, Map<String, Value>)],
    ) -> Result<Found, CentralError> {
        let mut found = Found::default();
        let mut wanted: HashMap<&str, Vec<String>> = HashMap::new();
        let (nothing, no_ids) = (Found::default(), HashMap::new());
        for record in &map.records {
            for field in record.fields.values().chain(&record.key).chain(&record.when) {
                field.walk(&mut |field| {
                    let Field::Made(made) = field else { return };
                    let (Some(table), Some(by)) = (&made.find, &made.by) else { return };
                    for (_, line) in lines {
                        let context = Context { line, ids: &no_ids, found: &nothing };
                        // A name that cannot be read is reported when the line itself is.
                        if let Ok(name) = value::of(by, &context)
                            && !name.is_null()
                        {
                            wanted.entry(table).or_default().push(spoken(&name));
                        }
                    }
                });
            }
        }
        for (table, mut names) in wanted {
            names.sort();
            names.dedup();
            let Some(text) = question(table) else { continue };
            for row in tx.fetch_all(sql(text).bind(names)).await? {
                let name: String = row.try_get("name").map_err(call_error)?;
                let ids: Vec<Uuid> = row.try_get("ids").map_err(call_error)?;
                found.0.insert((table.to_owned(), name), ids);
            }
        }
        Ok(found)
    }
}
