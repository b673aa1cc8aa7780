use clara_contract::equipment::{EquipmentRow, ListEquipment};
use clara_domain::mirror::Entity;
use clara_local::fold::fold;

use super::item::Item;
use crate::app::Core;
use crate::error::Result;
use crate::jobs::device::size;

/// Rows of a list that asks for no number of its own.
const LIMIT: u32 = 200;

impl Core {
    /// Items by what can be read of them.
    pub(crate) fn list_equipment(&self, request: ListEquipment) -> Result<Vec<EquipmentRow>> {
        let wanted: Vec<String> = request
            .text
            .as_deref()
            .unwrap_or_default()
            .split_whitespace()
            .map(fold)
            .filter(|w| !w.is_empty())
            .collect();
        self.open()?.read(|view| {
            let mut records = match request.location_id {
                Some(location) => view.by(Entity::EquipmentInventory, "location_id", location.uuid())?,
                None => view.all(Entity::EquipmentInventory)?,
            };
            // What was replaced is found by its name and is in nobody's way otherwise.
            let gone = |status: Option<String>| matches!(status.as_deref(), Some("replaced" | "removed"));
            records.retain(|record| !wanted.is_empty() || !gone(record.text("status")));
            let mut rows = Vec::new();
            for record in records {
                if request
                    .category
                    .is_some_and(|c| record.text("equipment_category").is_some_and(|word| word != c.word()))
                {
                    continue;
                }
                let item = Item::of(view, record)?;
                if request.category.is_some_and(|category| category != item.category) {
                    continue;
                }
                let row = item.row(view)?;
                if (request.gaps_only && row.capture.missing == 0) || !matches(&row, &wanted) {
                    continue;
                }
                rows.push(row);
                if size(rows.len()) >= request.limit.unwrap_or(LIMIT) {
                    break;
                }
            }
            rows.sort_by(|a, b| (&a.location_name, a.category, &a.tag).cmp(&(&b.location_name, b.category, &b.tag)));
            Ok(rows)
        })
    }
}

/// Every word somewhere in what is known of it, look-alike letters forgiven.
fn matches(row: &EquipmentRow, wanted: &[String]) -> bool {
    let texts = [
        Some(&row.tag),
        row.serial_number.as_ref(),
        row.manufacturer.as_ref(),
        row.model_number.as_ref(),
        row.location_detail.as_ref(),
        Some(&row.location_name),
    ];
    let texts: Vec<String> = texts.into_iter().flatten().map(|text| fold(text)).collect();
    wanted.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
}
