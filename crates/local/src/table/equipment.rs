//! Things installed at sites.

use clara_domain::{EquipmentId, LocationId, ModelId};
use rusqlite::{OptionalExtension, Row, named_params};
use serde::Serialize;
use serde_json::Value;

use super::{json, optional_id, text_id};
use crate::error::MirrorError;
use crate::fold::fold;
use crate::read::Read;
use crate::statement::Key;

/// One item with its model and last visit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Equipment {
    /// Which.
    pub id: EquipmentId,
    /// Its site.
    pub location_id: LocationId,
    /// The site's name.
    pub location_name: String,
    /// Where at the site.
    pub location_detail: Option<String>,
    /// The catalogue's model.
    pub model_id: Option<ModelId>,
    /// The catalogue's number, or the one typed.
    pub model_number: Option<String>,
    /// The catalogue's maker, or the one typed.
    pub manufacturer: Option<String>,
    /// The model's trade name.
    pub product_name: Option<String>,
    /// Its own category, or its model's.
    pub category: Option<String>,
    /// Its serial number.
    pub serial_number: Option<String>,
    /// `YYYY-MM-DD`.
    pub installation_date: Option<String>,
    /// `equipment_status`.
    pub status: String,
    /// What it replaced.
    pub replacement_of: Option<EquipmentId>,
    /// What replaced it.
    pub replaced_by: Option<EquipmentId>,
    /// Component details.
    pub components: Value,
    /// Notes.
    pub notes: Option<String>,
    /// Tag, reasons for fields not captured, sources.
    pub metadata: Value,
    /// `YYYY-MM-DD` of the newest inspection.
    pub last_inspected: Option<String>,
    /// How that ended.
    pub last_passed: Option<bool>,
    /// Photos of it.
    pub photos: u32,
    /// Something of it is only on this laptop.
    pub only_here: bool,
}

macro_rules! equipment_columns {
    () => {
        "SELECT e.id, e.location_id, s.location_name, e.location_detail, e.equipment_model_id,
             coalesce(m.model_number, e.manual_model_number), coalesce(f.name, e.manual_manufacturer), m.product_name,
             coalesce(e.equipment_category, m.equipment_category), e.serial_number, e.installation_date, e.status,
             e.replacement_of_equipment_id, e.replaced_by_equipment_id, e.components, e.notes, e.metadata,
             (SELECT i.inspection_date FROM inspection_records i WHERE i.equipment_id = e.id AND i.deleted_at IS NULL
                  ORDER BY i.inspection_date DESC, i.id DESC LIMIT 1),
             (SELECT i.passed FROM inspection_records i WHERE i.equipment_id = e.id AND i.deleted_at IS NULL
                  ORDER BY i.inspection_date DESC, i.id DESC LIMIT 1),
             (SELECT count(*) FROM photos p WHERE p.equipment_id = e.id AND p.deleted_at IS NULL),
             EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = e.id
                 AND o.state IN ('pending', 'in_flight', 'parked', 'rejected'))"
    };
}
pub(crate) use equipment_columns;

macro_rules! equipment_from {
    () => {
        "LEFT JOIN equipment_models m ON m.id = e.equipment_model_id
         LEFT JOIN manufacturers f ON f.id = m.manufacturer_id
         LEFT JOIN locations s ON s.id = e.location_id"
    };
}
pub(crate) use equipment_from;

impl Equipment {
    /// Columns that [`Equipment::from_row`] reads.
    pub(crate) const COLUMNS: usize = 21;

    pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: text_id(row, 0)?,
            location_id: text_id(row, 1)?,
            location_name: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
            location_detail: row.get(3)?,
            model_id: optional_id(row, 4)?,
            model_number: row.get(5)?,
            manufacturer: row.get(6)?,
            product_name: row.get(7)?,
            category: row.get(8)?,
            serial_number: row.get(9)?,
            installation_date: row.get(10)?,
            status: row.get::<_, Option<String>>(11)?.unwrap_or_else(|| "active".to_owned()),
            replacement_of: optional_id(row, 12)?,
            replaced_by: optional_id(row, 13)?,
            components: json(row, 14)?,
            notes: row.get(15)?,
            metadata: json(row, 16)?,
            last_inspected: row.get(17)?,
            last_passed: row.get(18)?,
            photos: row.get(19)?,
            only_here: row.get(20)?,
        })
    }
}

/// Which items.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EquipmentFilter<'f> {
    /// At a site.
    pub location: Option<LocationId>,
    /// `equipment_category`.
    pub category: Option<&'f str>,
    /// In tag, serial, maker, model or place; case, dashes and look-alikes forgiven.
    pub text: Option<&'f str>,
    /// At most; 500 if absent.
    pub limit: Option<usize>,
}

impl Read<'_> {
    /// One item.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn equipment(&self, id: EquipmentId) -> Result<Option<Equipment>, MirrorError> {
        Ok(self
            .connection
            .prepare_cached(concat!(
                equipment_columns!(),
                " FROM equipment_inventory e ",
                equipment_from!(),
                " WHERE e.id = ?1 AND e.deleted_at IS NULL"
            ))?
            .query_row([Key::of(id.uuid())], Equipment::from_row)
            .optional()?)
    }

    /// The items at a site, by place.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn equipment_at(&self, location: LocationId) -> Result<Vec<Equipment>, MirrorError> {
        self.equipment_list(&EquipmentFilter { location: Some(location), ..EquipmentFilter::default() })
    }

    /// Items by site and place.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn equipment_list(&self, filter: &EquipmentFilter<'_>) -> Result<Vec<Equipment>, MirrorError> {
        let mut statement = self.connection.prepare_cached(concat!(
            equipment_columns!(),
            " FROM equipment_inventory e ",
            equipment_from!(),
            " WHERE e.deleted_at IS NULL AND (:location IS NULL OR e.location_id = :location)
                  AND (:category IS NULL OR coalesce(e.equipment_category, m.equipment_category) = :category)
              ORDER BY s.location_name, e.location_detail, e.id"
        ))?;
        let mut rows = statement.query(named_params! {
            ":location": filter.location.map(|id| Key::of(id.uuid())),
            ":category": filter.category,
        })?;
        let wanted: Vec<String> =
            filter.text.unwrap_or_default().split_whitespace().map(fold).filter(|word| !word.is_empty()).collect();
        let limit = filter.limit.unwrap_or(500);
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let item = Equipment::from_row(row)?;
            if wanted.iter().all(|word| item.mentions(word)) {
                found.push(item);
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }
}

impl Equipment {
    fn mentions(&self, folded: &str) -> bool {
        let tag = self.metadata.get("tag").and_then(Value::as_str);
        let texts = [
            tag,
            self.serial_number.as_deref(),
            self.manufacturer.as_deref(),
            self.model_number.as_deref(),
            self.product_name.as_deref(),
            self.location_detail.as_deref(),
            Some(self.location_name.as_str()),
        ];
        texts.into_iter().flatten().any(|text| fold(text).contains(folded))
    }
}
