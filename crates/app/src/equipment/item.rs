//! An installed item with what its model says, as every screen needs it.

use std::rc::Rc;

use clara_contract::equipment::EquipmentRow;
use clara_contract::jobs::CaptureCount;
use clara_domain::capture::{self, FieldCapture, FieldState};
use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_domain::{EquipmentId, LocationId};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::field::Record;
use crate::view::View;

/// One installed item.
pub(crate) struct Item {
    pub(crate) record: Rc<Record>,
    pub(crate) model: Option<Rc<Record>>,
    pub(crate) category: Category,
    pub(crate) manufacturer: Option<String>,
    pub(crate) model_number: Option<String>,
    /// Required fields, judged.
    pub(crate) captured: Vec<FieldCapture>,
}

impl Item {
    pub(crate) fn find(view: &View<'_>, id: EquipmentId) -> Result<Item> {
        let record = view.get(Entity::EquipmentInventory, id.uuid())?.filter(|record| !record.gone());
        Item::of(view, record.ok_or(Error::NotHere("item"))?)
    }

    pub(crate) fn of(view: &View<'_>, record: Rc<Record>) -> Result<Item> {
        let model = view.follow(&record, "equipment_model_id", Entity::EquipmentModels)?;
        let maker = match &model {
            Some(model) => view.follow(model, "manufacturer_id", Entity::Manufacturers)?,
            None => None,
        };
        let category = record
            .known("equipment_category")
            .or_else(|| model.as_ref()?.known("equipment_category"))
            .unwrap_or(Category::Other);
        let manufacturer = maker.and_then(|maker| maker.text("name")).or_else(|| record.text("manual_manufacturer"));
        let model_number =
            model.as_ref().and_then(|m| m.text("model_number")).or_else(|| record.text("manual_model_number"));
        let mut item = Item { record, model, category, manufacturer, model_number, captured: Vec::new() };
        item.judge(view)?;
        Ok(item)
    }

    fn judge(&mut self, view: &View<'_>) -> Result<()> {
        let requirements = view.requirements()?;
        let Some(required) = requirements.get(&self.category) else { return Ok(()) };
        let wants_photo = required.iter().any(|r| r.field_key == "photo");
        let has_photo = wants_photo && !view.by(Entity::Photos, "equipment_id", self.record.id)?.is_empty();
        self.captured = capture::judge(required, &capture::Item { fields: self.fields(), has_photo });
        Ok(())
    }

    /// Columns, with maker and model resolved.
    pub(crate) fn fields(&self) -> Fields {
        let mut fields = self.record.fields.clone();
        let value = |text: &Option<String>| text.clone().map_or(Value::Null, Value::String);
        fields.insert("manufacturer".into(), value(&self.manufacturer));
        fields.insert("model_number".into(), value(&self.model_number));
        fields
    }

    pub(crate) fn id(&self) -> EquipmentId {
        EquipmentId(self.record.id)
    }

    /// Its tag, or its maker and model, or its category.
    pub(crate) fn tag(&self) -> String {
        if let Some(tag) = self.record.json("metadata").get("tag").and_then(Value::as_str).filter(|t| !t.is_empty()) {
            return tag.to_owned();
        }
        match (&self.manufacturer, &self.model_number) {
            (Some(maker), Some(model)) => format!("{maker} {model}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => category_words(self.category).to_owned(),
        }
    }

    pub(crate) fn count(&self) -> CaptureCount {
        count(&self.captured)
    }

    /// Labels of fields missing.
    pub(crate) fn missing(&self) -> Vec<String> {
        self.captured.iter().filter(|f| f.state == FieldState::Missing).map(|f| f.label.clone()).collect()
    }

    pub(crate) fn row(&self, view: &View<'_>) -> Result<EquipmentRow> {
        let location = self.record.uuid("location_id").unwrap_or_else(Uuid::nil);
        let site = view.get(Entity::Locations, location)?;
        Ok(EquipmentRow {
            equipment_id: self.id(),
            tag: self.tag(),
            category: self.category,
            manufacturer: self.manufacturer.clone(),
            model_number: self.model_number.clone(),
            serial_number: self.record.text("serial_number"),
            location_id: LocationId(location),
            location_name: site.map(|site| site.word("location_name")).unwrap_or_default(),
            location_detail: self.record.text("location_detail"),
            status: self.record.text("status").unwrap_or_else(|| "active".into()),
            capture: self.count(),
        })
    }
}

/// Captured, justified, missing.
pub(crate) fn count(fields: &[FieldCapture]) -> CaptureCount {
    let mut count = CaptureCount::default();
    for field in fields {
        match field.state {
            FieldState::Captured => count.captured += 1,
            FieldState::Justified => count.justified += 1,
            FieldState::Missing => count.missing += 1,
        }
    }
    count
}

/// Adds one count to another.
pub(crate) fn join(total: &mut CaptureCount, one: CaptureCount) {
    total.captured += one.captured;
    total.justified += one.justified;
    total.missing += one.missing;
}

/// A category in a person's words.
pub(crate) fn category_words(category: Category) -> &'static str {
    match category {
        Category::FirePump => "Fire pump",
        Category::BackflowPreventer => "Backflow",
        Category::SprinklerHead => "Sprinkler",
        Category::FireExtinguisher => "Extinguisher",
        Category::FireAlarmPanel => "Alarm panel",
        Category::SmokeDetector => "Smoke detector",
        Category::Hvac => "HVAC unit",
        Category::Standpipe => "Standpipe",
        Category::Other => "Other equipment",
    }
}
