use clara_contract::equipment::{AddEquipment, EquipmentSheet};
use clara_domain::EquipmentId;
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use serde_json::{Value, json};

use super::item::Item;
use super::plate::{ITEMS, category_value};
use crate::app::Core;
use crate::clock::new_id;
use crate::error::{Error, Result, Rule};

impl Core {
    /// A new item found on site. Where it stands in for another, both are linked and the old one is marked replaced.
    pub(crate) fn add_equipment(&self, request: AddEquipment) -> Result<EquipmentSheet> {
        let open = self.open()?;
        let now = self.now();
        let id = EquipmentId(new_id());
        let root = id.uuid();
        open.read(|view| {
            view.get(Entity::Locations, request.location_id.uuid())?.ok_or(Error::NotHere("site"))?;
            let here = |location: Option<uuid::Uuid>| location == Some(request.location_id.uuid());
            if let Some(job) = request.job_id {
                let job = view.get(Entity::Jobs, job.uuid())?.ok_or(Error::NotHere("job"))?;
                if !here(job.uuid("location_id")) {
                    return Err(Error::NotAllowed(Rule::OtherSite));
                }
            }
            if let Some(old) = request.replaces
                && !here(Item::find(view, old)?.record.uuid("location_id"))
            {
                return Err(Error::NotAllowed(Rule::OtherSite));
            }
            if let Some(model) = request.model_id {
                view.get(Entity::EquipmentModels, model.uuid())?.ok_or(Error::NotHere("model"))?;
            }
            Ok(())
        })?;
        let said = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
        let mut fields: Fields = Fields::new();
        let mut put = |column: &str, value: Value| {
            if !value.is_null() {
                fields.insert(column.to_owned(), value);
            }
        };
        put("location_id", json!(request.location_id));
        put("equipment_model_id", json!(request.model_id));
        put("equipment_category", category_value(request.category));
        if request.model_id.is_none() {
            put("manual_manufacturer", json!(said(&request.manual_manufacturer)));
            put("manual_model_number", json!(said(&request.manual_model_number)));
        }
        put("serial_number", json!(said(&request.serial_number)));
        put("location_detail", json!(said(&request.location_detail)));
        put("replacement_of_equipment_id", json!(request.replaces));
        put("status", json!("active"));
        put("components", json!({}));
        put("metadata", said(&request.tag).map_or_else(|| json!({}), |tag| json!({"tag": tag})));
        open.write(now, |write| {
            write.insert(ITEMS, root, root, fields)?;
            if let Some(job) = request.job_id {
                let link = json!({"job_id": job, "equipment_id": id});
                let Value::Object(link) = link else { return Err(Error::Bug("a link that is no object")) };
                write.insert(Entity::JobEquipment, new_id(), root, link)?;
            }
            if let Some(old) = request.replaces {
                let mut retired = Fields::new();
                retired.insert("status".into(), json!("replaced"));
                retired.insert("replaced_by_equipment_id".into(), json!(id));
                // Behind the new item in its own queue: the server must know it before the old one points to it.
                write.update(ITEMS, old.uuid(), root, retired)?;
            }
            Ok(())
        })?;
        self.equipment_sheet(id)
    }
}
