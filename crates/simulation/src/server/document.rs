//! JSON documents that merge by key, and values as PostgreSQL orders them.

use serde_json::{Map, Value, json};

/// Keys in the order in which `jsonb` keeps them.
pub(crate) fn keys(object: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<String> = object.keys().cloned().collect();
    keys.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    keys
}

/// A checklist as an object by the key of its items; an object as it is.
pub(crate) fn items_by_key(items: Option<&Value>) -> Map<String, Value> {
    match items {
        Some(Value::Object(object)) => object.clone(),
        Some(Value::Array(items)) => {
            items.iter().filter_map(|item| Some((item.get("key")?.as_str()?.to_owned(), item.clone()))).collect()
        }
        _ => Map::new(),
    }
}

/// Changed items in their old places, new ones at the end; null takes one out.
pub(crate) fn put_items(items: Option<&Value>, changed: &Map<String, Value>) -> Value {
    let old = items.and_then(Value::as_array).cloned().unwrap_or_default();
    let known = items_by_key(items);
    let mut whole: Vec<Value> = old
        .into_iter()
        .map(|item| {
            let key = item.get("key").and_then(Value::as_str).map(str::to_owned);
            key.and_then(|key| changed.get(&key).cloned()).unwrap_or(item)
        })
        .collect();
    let mut new: Vec<&String> = changed.keys().filter(|key| !known.contains_key(*key)).collect();
    new.sort();
    whole.extend(new.into_iter().filter_map(|key| changed.get(key).cloned()));
    whole.retain(|item| !item.is_null());
    Value::Array(whole)
}

/// Changed keys in a document; null takes one out.
pub(crate) fn put_keys(document: &Map<String, Value>, changed: &Map<String, Value>) -> Value {
    let mut whole = document.clone();
    for (key, value) in changed {
        if value.is_null() {
            whole.remove(key);
        } else {
            whole.insert(key.clone(), value.clone());
        }
    }
    Value::Object(whole)
}

/// Both of two texts or lists, without what they share twice.
pub(crate) fn union_of(server: &Value, client: &Value) -> Value {
    let empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    if empty(server) {
        return client.clone();
    }
    if empty(client) {
        return server.clone();
    }
    match (server, client) {
        (Value::String(server), Value::String(client)) => {
            let lines =
                |text: &str| text.split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect::<Vec<_>>();
            let known = lines(server);
            let added: Vec<String> = lines(client).into_iter().filter(|line| !known.contains(line)).collect();
            if added.is_empty() { json!(server) } else { json!(format!("{server}\n{}", added.join("\n"))) }
        }
        (Value::Array(server), Value::Array(client)) => {
            let mut both = server.clone();
            both.extend(client.iter().filter(|item| !server.contains(item)).cloned());
            Value::Array(both)
        }
        _ => client.clone(),
    }
}

/// Whether one value is greater than another of its kind.
pub(crate) fn greater(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() > b.as_f64(),
        (Value::String(a), Value::String(b)) => a > b,
        _ => false,
    }
}
