//! What becomes of one row: pure functions, no database.

use clara_domain::mirror::{Column, Entity, Table};
use clara_domain::operation::{OpKind, Operation};
use clara_domain::row::{Fields, Row};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::check::timestamp;

/// An operation whose values lie over the server's row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Overlaid {
    pub(crate) operation: Operation,
    /// The site, for the column that the server fills by itself.
    pub(crate) location_id: Option<Uuid>,
}

/// The row as the person sees it: the server's, with unsent work over it in the order in which it was saved. None where
/// there is neither.
pub(crate) fn compose(table: &Table, id: Uuid, server: Option<(i64, &Fields)>, work: &[Overlaid]) -> Option<Row> {
    let row_ver = server.map_or(0, |(row_ver, _)| row_ver);
    let mut fields = server.map(|(_, fields)| fields.clone());
    for Overlaid { operation, location_id } in work {
        match (operation.kind, &mut fields) {
            (OpKind::Insert, None) => fields = Some(inserted(table, operation, *location_id)),
            (OpKind::Insert | OpKind::Update, Some(fields)) => lay_over(table, fields, &operation.new),
            (OpKind::Delete, Some(fields)) => {
                if table.column("deleted_at").is_some() {
                    fields.insert("deleted_at".to_owned(), Value::String(timestamp(operation.local_at)));
                }
            }
            // The row it was about is not here (yet): nothing to lay it over.
            (OpKind::Update | OpKind::Delete, None) => {}
        }
    }
    fields.map(|fields| Row::from_fields(table, id, row_ver, &fields))
}

/// A new row, with what the server will fill in by itself.
fn inserted(table: &Table, operation: &Operation, location_id: Option<Uuid>) -> Fields {
    let mut fields = operation.new.clone();
    let mut fill = |name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|_| table.column(name).is_some())
            && fields.get(name).is_none_or(Value::is_null)
        {
            fields.insert(name.to_owned(), value);
        }
    };
    fill("location_id", location_id.map(|id| Value::String(id.to_string())));
    let now = Value::String(timestamp(operation.local_at));
    fill("created_at", Some(now.clone()));
    fill("updated_at", Some(now));
    match table.entity {
        Entity::Photos => fill("state", Some("waiting".into())),
        Entity::EquipmentInventory => fill("status", Some("active".into())),
        Entity::Jobs => fill("job_status", Some("scheduled".into())),
        _ => {}
    }
    fields
}

/// Lays new values over a row.
pub(crate) fn lay_over(table: &Table, fields: &mut Fields, new: &Fields) {
    for (name, value) in new {
        let by_key = table.column(name).is_some_and(Column::merges_by_key);
        let value = match value {
            Value::Object(keys) if by_key => patched(name, fields.get(name), keys),
            other => other.clone(),
        };
        fields.insert(name.clone(), value);
    }
}

/// Changed keys laid over a document. `checklist` is an array whose items are told apart by their `key`.
fn patched(column: &str, current: Option<&Value>, keys: &Map<String, Value>) -> Value {
    match current {
        Some(Value::Array(items)) => patched_items(items, keys),
        Some(Value::Object(object)) => {
            let mut object = object.clone();
            for (key, value) in keys {
                if value.is_null() {
                    object.remove(key);
                } else {
                    object.insert(key.clone(), value.clone());
                }
            }
            Value::Object(object)
        }
        _ if column == "checklist" => patched_items(&[], keys),
        _ => Value::Object(keys.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect()),
    }
}

fn patched_items(items: &[Value], keys: &Map<String, Value>) -> Value {
    let mut items = items.to_vec();
    for (key, value) in keys {
        let at = items.iter().position(|item| key_of(item) == Some(key));
        match (at, value.is_null()) {
            (Some(at), true) => {
                items.remove(at);
            }
            (Some(at), false) => {
                if let Some(item) = items.get_mut(at) {
                    *item = value.clone();
                }
            }
            (None, false) => items.push(value.clone()),
            (None, true) => {}
        }
    }
    Value::Array(items)
}

fn key_of(item: &Value) -> Option<&str> {
    item.get("key").and_then(Value::as_str)
}

/// The old value of one key of a document; null where there is none.
fn old_key(current: Option<&Value>, key: &str) -> Value {
    match current {
        Some(Value::Object(object)) => object.get(key).cloned().unwrap_or(Value::Null),
        Some(Value::Array(items)) => {
            items.iter().find(|item| key_of(item) == Some(key)).cloned().unwrap_or(Value::Null)
        }
        _ => Value::Null,
    }
}

/// Base and new values of exactly what differs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Change {
    pub(crate) base: Fields,
    pub(crate) new: Fields,
}

/// What of `wanted` (already checked) differs from the row. A field set to what it is already is no change: sent, it
/// could only make a conflict where there is none. None where a column that merges by key is given no object.
pub(crate) fn difference(table: &Table, current: &Fields, wanted: &Fields) -> Option<Change> {
    let mut change = Change::default();
    for (name, value) in wanted {
        let old = current.get(name);
        if table.column(name).is_some_and(Column::merges_by_key) {
            let (mut base, mut new) = (Map::new(), Map::new());
            for (key, value) in value.as_object()? {
                let old = old_key(old, key);
                if old != *value {
                    base.insert(key.clone(), old);
                    new.insert(key.clone(), value.clone());
                }
            }
            if !new.is_empty() {
                change.base.insert(name.clone(), Value::Object(base));
                change.new.insert(name.clone(), Value::Object(new));
            }
        } else if old.unwrap_or(&Value::Null) != value {
            change.base.insert(name.clone(), old.cloned().unwrap_or(Value::Null));
            change.new.insert(name.clone(), value.clone());
        }
    }
    Some(change)
}

/// A later change of the same row drawn into an earlier one that was never sent. None where that would leave nothing to
/// send: then the two stay apart.
pub(crate) fn coalesced(table: &Table, into: OpKind, first: &Change, second: &Change) -> Option<Change> {
    let mut merged = first.clone();
    match into {
        OpKind::Insert => {
            lay_over(table, &mut merged.new, &second.new);
            Some(merged)
        }
        OpKind::Delete => None,
        OpKind::Update => {
            for (name, value) in &second.new {
                let base = second.base.get(name).unwrap_or(&Value::Null);
                match (value, merged.new.get_mut(name), merged.base.get_mut(name)) {
                    (Value::Object(keys), Some(Value::Object(new)), Some(Value::Object(old)))
                        if table.column(name).is_some_and(Column::merges_by_key) =>
                    {
                        for (key, value) in keys {
                            if !new.contains_key(key) {
                                old.insert(key.clone(), base.get(key).cloned().unwrap_or(Value::Null));
                            }
                            new.insert(key.clone(), value.clone());
                        }
                        // A key that is back where it began was not changed.
                        let back: Vec<String> =
                            new.iter().filter(|(k, v)| old.get(*k) == Some(v)).map(|(k, _)| k.clone()).collect();
                        for key in back {
                            new.remove(&key);
                            old.remove(&key);
                        }
                    }
                    _ => {
                        if !merged.base.contains_key(name) {
                            merged.base.insert(name.clone(), base.clone());
                        }
                        merged.new.insert(name.clone(), value.clone());
                    }
                }
            }
            let back: Vec<String> = merged
                .new
                .iter()
                .filter(|(name, value)| {
                    let empty = value.as_object().is_some_and(Map::is_empty)
                        && table.column(name).is_some_and(Column::merges_by_key);
                    empty || merged.base.get(*name) == Some(value)
                })
                .map(|(name, _)| name.clone())
                .collect();
            for name in back {
                merged.new.remove(&name);
                merged.base.remove(&name);
            }
            (!merged.new.is_empty()).then_some(merged)
        }
    }
}

/// A later change of the same row when an earlier one is taken back: where it started from the earlier one's value, it
/// now starts from what that one had started from.
pub(crate) fn rebased(table: &Table, later: &Change, taken_back: &Change) -> Change {
    let mut change = later.clone();
    for (name, base) in &mut change.base {
        let (Some(was_new), Some(was_base)) = (taken_back.new.get(name), taken_back.base.get(name)) else { continue };
        match (&mut *base, was_new, was_base) {
            (Value::Object(keys), Value::Object(new), Value::Object(old))
                if table.column(name).is_some_and(Column::merges_by_key) =>
            {
                for (key, value) in keys {
                    if new.get(key) == Some(value) {
                        *value = old.get(key).cloned().unwrap_or(Value::Null);
                    }
                }
            }
            (base, new, old) if base == new => *base = old.clone(),
            _ => {}
        }
    }
    change
}
