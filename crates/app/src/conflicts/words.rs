//! What a changed row is called, and its fields, in a person's words.

use clara_domain::mirror::Entity;
use serde_json::Value;
use uuid::Uuid;

use crate::equipment::item::Item;
use crate::error::Result;
use crate::field::spoken;
use crate::view::View;

/// "FP-1", "job 1042", "Dunmore Mall".
pub(crate) fn thing(view: &View<'_>, entity: Entity, row: Uuid) -> Result<String> {
    let Some(record) = view.get(entity, row)? else { return Ok(noun(entity).into()) };
    let tag_of = |id: Option<Uuid>| -> Result<Option<String>> {
        let Some(id) = id else { return Ok(None) };
        match view.get(Entity::EquipmentInventory, id)? {
            Some(item) => Ok(Some(Item::of(view, item)?.tag())),
            None => Ok(None),
        }
    };
    Ok(match entity {
        Entity::EquipmentInventory => Item::of(view, record)?.tag(),
        Entity::Jobs => format!("job {}", record.word("job_number")),
        Entity::Locations => record.word("location_name"),
        Entity::Customers => record.word("company_name"),
        Entity::InspectionRecords | Entity::DataCaptureLogs | Entity::Photos => {
            let what = noun(entity);
            match tag_of(record.uuid("equipment_id"))? {
                Some(tag) => format!("{what} of {tag}"),
                None => what.into(),
            }
        }
        _ => noun(entity).into(),
    })
}

/// What a row of a table is called.
pub(crate) fn noun(entity: Entity) -> &'static str {
    match entity {
        Entity::EquipmentInventory => "item",
        Entity::Jobs => "job",
        Entity::JobEquipment => "item of a job",
        Entity::Locations => "site",
        Entity::Customers => "customer",
        Entity::InspectionRecords => "inspection",
        Entity::DataCaptureLogs => "capture log",
        Entity::Photos => "photo",
        Entity::Conflicts | Entity::ParkedOperations => "decision",
        _ => "entry",
    }
}

/// `components.filter_size` is "Filter size".
pub(crate) fn field(name: &str) -> String {
    let known = match name {
        "location_detail" => "Location",
        "access_notes" => "Access notes",
        "job_status" => "Status",
        "manual_manufacturer" => "Manufacturer",
        "manual_model_number" => "Model number",
        "assigned_technician_id" => "Technician",
        _ => "",
    };
    if !known.is_empty() {
        return known.into();
    }
    let name = name.rsplit('.').next().unwrap_or(name).trim_end_matches("_id").replace(['_', ':'], " ");
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A value, with ids as what they stand for.
pub(crate) fn value(view: &View<'_>, value: &Value) -> Result<Option<String>> {
    if let Some(id) = value.as_str().and_then(|text| Uuid::parse_str(text).ok()) {
        for entity in [Entity::Users, Entity::EquipmentInventory, Entity::Locations, Entity::Jobs] {
            if let Some(record) = view.get(entity, id)? {
                return Ok(Some(match entity {
                    Entity::Users => record.word("full_name"),
                    _ => thing(view, entity, id)?,
                }));
            }
        }
    }
    Ok(spoken(value))
}
