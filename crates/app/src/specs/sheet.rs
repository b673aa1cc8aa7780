use clara_contract::specs::{ModelSheet, OpenModel, SpecGroup};
use clara_domain::ModelId;
use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use serde_json::Value;

use super::{limits, problems};
use crate::app::Core;
use crate::error::{Error, Result};
use crate::field::{Record, spoken};

impl Core {
    /// A model's sheet.
    pub(crate) fn open_model(&self, request: OpenModel) -> Result<ModelSheet> {
        let id = request.model_id.uuid();
        self.open()?.read(|view| {
            let model = view.get(Entity::EquipmentModels, id)?.filter(|model| !model.gone());
            let model = model.ok_or(Error::NotHere("model"))?;
            let maker = view.follow(&model, "manufacturer_id", Entity::Manufacturers)?;
            let successor = view.follow(&model, "replacement_model_id", Entity::EquipmentModels)?;
            let installed = view.by(Entity::EquipmentInventory, "equipment_model_id", id)?;
            Ok(ModelSheet {
                model_id: request.model_id,
                model_number: model.word("model_number"),
                manufacturer: maker.as_ref().map(|maker| maker.word("name")).unwrap_or_default(),
                product_name: model.text("product_name"),
                category: model.known("equipment_category").unwrap_or(Category::Other),
                specs: groups(&model),
                limits: limits::of(view, id)?,
                years: years(&model),
                replaced_by: successor.as_ref().map(|model| ModelId(model.id)),
                replaced_by_number: successor.and_then(|model| model.text("model_number")),
                maintenance_notes: model.text("maintenance_notes"),
                data_source: model.text("data_source"),
                confidence: model.real("confidence_score"),
                problems: problems::of(view, id)?,
                in_our_care: crate::jobs::device::size(installed.len()),
                support_phone: maker.as_ref().and_then(|maker| maker.text("support_phone")),
                website: maker.as_ref().and_then(|maker| maker.text("website")),
            })
        })
    }
}

fn years(model: &Record) -> Option<String> {
    match (model.int("year_introduced"), model.int("year_discontinued")) {
        (Some(from), Some(to)) => Some(format!("{from} to {to}")),
        (Some(from), None) => Some(format!("since {from}")),
        (None, Some(to)) => Some(format!("until {to}")),
        (None, None) => None,
    }
}

/// Electrical, pressure, temperature, flow, physical; those that say something.
pub(crate) fn groups(model: &Record) -> Vec<SpecGroup> {
    let columns = [
        ("Electrical", "electrical_specs"),
        ("Pressure", "pressure_specs"),
        ("Temperature", "temperature_specs"),
        ("Flow", "flow_specs"),
        ("Physical", "physical_specs"),
    ];
    columns
        .into_iter()
        .filter_map(|(title, column)| {
            let specs = model.json(column).as_object()?;
            let lines: Vec<(String, String)> = specs.iter().filter_map(|(key, value)| line(key, value)).collect();
            (!lines.is_empty()).then(|| SpecGroup { title: title.into(), lines })
        })
        .collect()
}

/// A unit at the end of a key, and how it is written.
const UNITS: [(&str, &str); 22] = [
    ("psid", "psid"),
    ("psi", "psi"),
    ("psig", "psig"),
    ("gpm", "gpm"),
    ("rpm", "rpm"),
    ("cfm", "cfm"),
    ("hp", "hp"),
    ("kw", "kW"),
    ("btuh", "BTU/h"),
    ("btu", "BTU"),
    ("lbs", "lb"),
    ("lb", "lb"),
    ("f", "°F"),
    ("in", "in"),
    ("ft", "ft"),
    ("gal", "gal"),
    ("volts", "V"),
    ("vdc", "V DC"),
    ("amps", "A"),
    ("watts", "W"),
    ("microfarads", "µF"),
    ("ah", "Ah"),
];

/// `rated_gpm: 750` reads "Rated, 750 gpm".
fn line(key: &str, value: &Value) -> Option<(String, String)> {
    let said = spoken(value)?;
    let (stem, unit) = match key.rsplit_once('_') {
        Some((stem, tail)) => match UNITS.iter().find(|(known, _)| *known == tail) {
            Some((_, unit)) if value.is_number() => (stem, Some(*unit)),
            _ => (key, None),
        },
        None => (key, None),
    };
    let unit = unit.or(match key {
        "voltage" => Some("V"),
        "frequency" => Some("Hz"),
        _ if key.starts_with("amp_draw") => Some("A"),
        _ => None,
    });
    let mut letters = stem.chars();
    let label: String = letters.next()?.to_uppercase().chain(letters).collect();
    let said = match unit.filter(|_| value.is_number()) {
        Some(unit) => format!("{said} {unit}"),
        None => said,
    };
    Some((label.replace('_', " "), said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_spec_reads_as_a_person_would_say_it() {
        let said = |key: &str, value: Value| line(key, &value).map(|(label, value)| format!("{label}: {value}"));
        assert_eq!(said("rated_gpm", json!(750)).as_deref(), Some("Rated: 750 gpm"));
        assert_eq!(said("amp_draw_nominal", json!(17.8)).as_deref(), Some("Amp draw nominal: 17.8 A"));
        assert_eq!(said("filter_size", json!("16x25x4")).as_deref(), Some("Filter size: 16x25x4"));
        assert_eq!(said("fuse", Value::Null), None);
    }
}
