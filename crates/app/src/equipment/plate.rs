//! The nameplate: which fields it has, how they are written, where they come from.

use clara_contract::equipment::PlateField;
use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use serde_json::{Map, Value, json};

use super::item::Item;
use crate::error::{Error, Fault, Result};
use crate::field::spoken;
use crate::view::View;

/// Fields of every plate, in their order; components come after.
const COLUMNS: [(&str, &str); 5] = [
    ("manufacturer", "Manufacturer"),
    ("model_number", "Model number"),
    ("serial_number", "Serial number"),
    ("installation_date", "Installation date"),
    ("location_detail", "Location"),
];

/// Where a field of the plate is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    Column(&'static str),
    Component(String),
}

/// Where `field_key` is kept, if it can be typed on this item.
pub(super) fn place(item: &Item, field_key: &str) -> Result<Place> {
    let given = |fault| Error::Given { field: field_key.to_owned(), fault };
    match (field_key, &item.model) {
        ("manufacturer" | "model_number", Some(_)) => Err(given(Fault::FromCatalogue)),
        ("manufacturer", None) => Ok(Place::Column("manual_manufacturer")),
        ("model_number", None) => Ok(Place::Column("manual_model_number")),
        ("serial_number", _) => Ok(Place::Column("serial_number")),
        ("installation_date", _) => Ok(Place::Column("installation_date")),
        ("location_detail", _) => Ok(Place::Column("location_detail")),
        ("notes", _) => Ok(Place::Column("notes")),
        (other, _) => match other.strip_prefix("components.") {
            Some(key) if !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                Ok(Place::Component(key.to_owned()))
            }
            _ => Err(given(Fault::NoSuchField)),
        },
    }
}

/// What may be given as the reason why a field is empty.
pub(super) const REASONS: [&str; 3] = ["unreadable", "inaccessible", "not_present"];

/// The key under which the way a value was read is kept: one for each field, so that two people who fill two fields do
/// not get in each other's way.
pub(super) fn source_key(field_key: &str) -> String {
    format!("source:{field_key}")
}

/// Every required field and those with a value.
pub(super) fn fields(view: &View<'_>, item: &Item) -> Result<Vec<PlateField>> {
    let known = item.fields();
    let requirements = view.requirements()?;
    let hint = |key: &str| {
        let of_category = requirements.get(&item.category).into_iter().flatten();
        of_category.filter(|r| r.field_key == key).find_map(|r| r.hint.clone())
    };
    let metadata = item.record.json("metadata");
    let field = |key: &str, label: String, value: Option<String>| PlateField {
        source: metadata.get(source_key(key)).and_then(Value::as_str).filter(|_| value.is_some()).map(str::to_owned),
        required: item.captured.iter().any(|captured| captured.field_key == key),
        editable: place(item, key).is_ok(),
        reason: match value {
            Some(_) => None,
            None => metadata.get("not_captured").and_then(|r| r.get(key)).and_then(Value::as_str).map(str::to_owned),
        },
        hint: hint(key),
        field_key: key.to_owned(),
        label,
        value,
    };
    let mut plate: Vec<PlateField> =
        COLUMNS.into_iter().map(|(key, label)| field(key, label.to_owned(), known.get(key).and_then(spoken))).collect();
    let empty = Map::new();
    let components = item.record.json("components").as_object().unwrap_or(&empty);
    for captured in item.captured.iter().filter(|captured| captured.field_key.starts_with("components.")) {
        let key = captured.field_key.trim_start_matches("components.");
        plate.push(field(&captured.field_key, captured.label.clone(), components.get(key).and_then(spoken)));
    }
    for (key, value) in components {
        let key = format!("components.{key}");
        if plate.iter().all(|known| known.field_key != key) {
            plate.push(field(&key, words(&key), spoken(value)));
        }
    }
    Ok(plate)
}

/// `components.filter_size` in a person's words.
fn words(key: &str) -> String {
    let text = key.trim_start_matches("components.").replace('_', " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The change that writes a value, or takes it away.
pub(super) fn change(place: &Place, field_key: &str, value: &str, source: &str) -> Result<Value> {
    let value = value.trim();
    let given = |fault| Error::Given { field: field_key.to_owned(), fault };
    if !["typed", "scanned", "confirmed"].contains(&source) {
        return Err(given(Fault::NoSuchSource));
    }
    if *place == Place::Column("installation_date") && !value.is_empty() && value.parse::<chrono::NaiveDate>().is_err()
    {
        return Err(given(Fault::NotADate));
    }
    let kept = if value.is_empty() { Value::Null } else { Value::String(value.to_owned()) };
    let source = if value.is_empty() { Value::Null } else { Value::String(source.to_owned()) };
    let mut fields = match place {
        Place::Column(column) => json!({ *column: kept }),
        Place::Component(key) => json!({"components": { key.as_str(): kept }}),
    };
    fields["metadata"] = json!({ source_key(field_key): source });
    Ok(fields)
}

/// The category as an item of `entity` would have it where no model says.
pub(super) fn category_value(category: Category) -> Value {
    Value::String(category.word().to_owned())
}

/// The table of items.
pub(super) const ITEMS: Entity = Entity::EquipmentInventory;
