//! `clara equipment …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clara_app::App;
use clara_contract::equipment::{
    CaptureField, EquipmentRow, EquipmentSheet, JustifyField, ListEquipment, OpenEquipment,
};
use clara_domain::category::Category;
use clara_domain::{EquipmentId, LocationId};

use crate::arguments::Equipment;
use crate::error::Error;
use crate::output::{Output, table};

pub(crate) fn run(verb: &Equipment, app: &App, output: &Output) -> Result<ExitCode, Error> {
    let done = match verb {
        Equipment::List { text, category, location, gaps } => {
            let rows = app.list_equipment(ListEquipment {
                text: text.clone(),
                category: category_of(category.as_deref())?,
                location_id: location.map(LocationId),
                gaps_only: *gaps,
                limit: None,
            })?;
            output.answer(&rows, |rows| list(rows))
        }
        Equipment::Show { item } => {
            output.answer(&app.open_equipment(OpenEquipment { equipment_id: find(app, item)? })?, sheet)
        }
        Equipment::Capture { item, field, value, source } => {
            let request = CaptureField {
                equipment_id: find(app, item)?,
                field_key: field.clone(),
                value: value.clone(),
                source: source.clone(),
            };
            output.answer(&app.capture_field(request)?, sheet)
        }
        Equipment::Justify { item, field, reason } => {
            let request =
                JustifyField { equipment_id: find(app, item)?, field_key: field.clone(), reason: reason.clone() };
            output.answer(&app.justify_field(request)?, sheet)
        }
    };
    app.close();
    done
}

pub(crate) fn category_of(word: Option<&str>) -> Result<Option<Category>, Error> {
    let known = || Category::ALL.iter().map(|category| category.word()).collect::<Vec<_>>().join(", ");
    word.map(|word| word.parse().map_err(|_| Error::Given(format!("A category is one of {}.", known())))).transpose()
}

/// An item by id or by tag.
pub(crate) fn find(app: &App, given: &str) -> Result<EquipmentId, Error> {
    if let Ok(id) = given.parse() {
        return Ok(id);
    }
    let request = ListEquipment {
        text: Some(given.to_owned()),
        category: None,
        location_id: None,
        gaps_only: false,
        limit: None,
    };
    let rows = app.list_equipment(request)?;
    let named: Vec<&EquipmentRow> =
        rows.iter().filter(|row| row.tag.eq_ignore_ascii_case(given) && row.status == "active").collect();
    match (named.as_slice(), rows.as_slice()) {
        ([one], _) => Ok(one.equipment_id),
        ([], [one]) => Ok(one.equipment_id),
        ([], []) => Err(Error::Unclear {
            what: format!("No item on this laptop is called {given}."),
            next: "Look for it with `clara equipment list --text`.".into(),
        }),
        ([], several) => Err(unclear(given, &several.iter().collect::<Vec<_>>())),
        (several, _) => Err(unclear(given, several)),
    }
}

/// As many as a person picks from; more are looked for by more than a tag.
const CHOICES: usize = 12;

fn unclear(given: &str, several: &[&EquipmentRow]) -> Error {
    let mut next = "Give the id of the one meant:".to_owned();
    for row in several.iter().take(CHOICES) {
        let _ = write!(next, "\n  {}  {}, {}", row.equipment_id, row.tag, row.location_name);
    }
    if several.len() > CHOICES {
        let _ = write!(next, "\n  and {} more: `clara equipment list --text`", several.len() - CHOICES);
    }
    Error::Unclear { what: format!("{} items fit {given}.", several.len()), next }
}

fn list(rows: &[EquipmentRow]) -> String {
    let row = |item: &EquipmentRow| {
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            item.tag.clone(),
            item.category.word().replace('_', " "),
            said(&item.manufacturer),
            said(&item.model_number),
            said(&item.serial_number),
            item.location_name.clone(),
            said(&item.location_detail),
            format!("{} missing", item.capture.missing),
        ]
    };
    table(&rows.iter().map(row).collect::<Vec<_>>())
}

fn sheet(sheet: &EquipmentSheet) -> String {
    let mut text = format!("{}, {}\n", sheet.row.tag, sheet.row.location_name);
    let rows: Vec<Vec<String>> = sheet
        .plate
        .iter()
        .map(|field| {
            let value = field.value.clone().or_else(|| field.reason.as_ref().map(|reason| format!("({reason})")));
            let missing = if field.required { "missing" } else { "" };
            vec![field.label.clone(), value.unwrap_or_else(|| missing.into()), field.field_key.clone()]
        })
        .collect();
    text.push_str(&table(&rows));
    for visit in &sheet.history {
        let _ = writeln!(text, "{} {} {}", visit.date, visit.inspection_type, visit.summary);
    }
    text
}
