//! What a field of the map comes to for one line.

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::find::Found;
use super::map::{Field, Made, placeholders};
use super::step::{text_or_null, walk};

/// Under which ids are made from natural keys. Changing it would import everything a second time.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f0c_5c56_0c1b_4d0e_9d55_7a1c_2be3_41f6);

/// What a field may look at.
pub struct Context<'a> {
    /// The line.
    pub line: &'a Map<String, Value>,
    /// Ids of the records before it; none for one that was not made.
    pub ids: &'a HashMap<&'a str, Option<Uuid>>,
    /// Rows looked up for the batch.
    pub found: &'a Found,
}

/// An id that is the same for the same words.
pub fn id_of(kind: &str, parts: &[Value]) -> Uuid {
    let mut name = kind.as_bytes().to_vec();
    for part in parts {
        // A separator that no trimmed text ends with, so that ("a", "bc") and ("ab", "c") differ.
        name.push(0x1f);
        match part {
            Value::String(text) => name.extend_from_slice(text.as_bytes()),
            other => name.extend_from_slice(other.to_string().as_bytes()),
        }
    }
    Uuid::new_v5(&NAMESPACE, &name)
}

/// The value of a field.
///
/// # Errors
/// The reason, for the person who has to mend the file.
pub fn of(field: &Field, context: &Context<'_>) -> Result<Value, String> {
    match field {
        Field::Column(column) => cell(context.line, column),
        Field::Made(made) => walk(source(made, context)?, &made.then),
    }
}

fn source(made: &Made, context: &Context<'_>) -> Result<Value, String> {
    if let Some(column) = &made.column {
        return cell(context.line, column);
    }
    if let Some(value) = &made.value {
        return Ok(value.clone());
    }
    if let Some(text) = &made.text {
        return filled(text, context.line);
    }
    if let Some(name) = &made.record {
        return Ok(context.ids.get(name.as_str()).copied().flatten().map_or(Value::Null, |id| id.to_string().into()));
    }
    if let Some(object) = &made.object {
        let mut map = Map::new();
        for (key, field) in object {
            let value = of(field, context).map_err(|reason| format!("{key}: {reason}"))?;
            if !value.is_null() {
                map.insert(key.clone(), value);
            }
        }
        return Ok(if map.is_empty() { Value::Null } else { Value::Object(map) });
    }
    if let Some(list) = &made.list {
        let values: Vec<Value> = list.iter().map(|field| of(field, context)).collect::<Result<_, _>>()?;
        let values: Vec<Value> = values.into_iter().filter(|value| !value.is_null()).collect();
        return Ok(if values.is_empty() { Value::Null } else { Value::Array(values) });
    }
    if let Some(fields) = &made.first_of {
        for field in fields {
            let value = of(field, context)?;
            if !value.is_null() {
                return Ok(value);
            }
        }
        return Ok(Value::Null);
    }
    if let Some(parts) = &made.uuid_of {
        let parts: Vec<Value> = parts.iter().map(|field| of(field, context)).collect::<Result<_, _>>()?;
        return Ok(id_of("item", &parts).to_string().into());
    }
    match (&made.find, &made.by) {
        (Some(table), Some(by)) => match of(by, context)? {
            Value::Null => Ok(Value::Null),
            name => context.found.id(table, &spoken(&name)).map(|id| id.to_string().into()),
        },
        _ => Ok(Value::Null),
    }
}

/// A value as a person would say it.
pub fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cell(line: &Map<String, Value>, column: &str) -> Result<Value, String> {
    let found = line.get(column).or_else(|| {
        let mut steps = column.split('.');
        let first = line.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    });
    match found {
        Some(Value::String(text)) => {
            clara_domain::check_text(text).map_err(|bad| format!("{column}: {bad}"))?;
            Ok(text_or_null(text.trim()))
        }
        Some(value) => {
            clara_domain::check_json(value).map_err(|bad| format!("{column}: {bad}"))?;
            Ok(value.clone())
        }
        None => Ok(Value::Null),
    }
}

fn filled(text: &str, line: &Map<String, Value>) -> Result<Value, String> {
    let mut whole = text.to_owned();
    for name in placeholders(text) {
        let value = cell(line, name)?;
        if value.is_null() {
            return Ok(Value::Null);
        }
        whole = whole.replace(&format!("{{{name}}}"), &spoken(&value));
    }
    Ok(text_or_null(whole.trim()))
}
