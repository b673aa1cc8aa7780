use clara_contract::equipment::{CaptureField, EquipmentSheet, JustifyField};
use clara_domain::row::Fields;
use serde_json::{Map, Value, json};

use super::item::Item;
use super::plate::{ITEMS, REASONS, change, place};
use crate::app::Core;
use crate::error::{Error, Fault, Result};
use crate::view::View;

impl Core {
    /// Writes one field of the plate.
    pub(crate) fn capture_field(&self, request: CaptureField) -> Result<EquipmentSheet> {
        let open = self.open()?;
        let id = request.equipment_id;
        let fields = open.read(|view| {
            let place = place(&Item::find(view, id)?, &request.field_key)?;
            change(&place, &request.field_key, &request.value, &request.source)
        })?;
        open.change(self.now(), ITEMS, id.uuid(), id.uuid(), fields)?;
        self.equipment_sheet(id)
    }

    /// Says why a field cannot be captured, or takes the reason away.
    pub(crate) fn justify_field(&self, request: JustifyField) -> Result<EquipmentSheet> {
        let open = self.open()?;
        let id = request.equipment_id;
        let given = |fault| Error::Given { field: request.field_key.clone(), fault };
        if request.reason.as_deref().is_some_and(|reason| !REASONS.contains(&reason)) {
            return Err(given(Fault::NoSuchReason));
        }
        open.write(self.now(), |write| {
            let reasons = {
                let read = write.read();
                let item = Item::find(&View::new(&read), id)?;
                if !item.captured.iter().any(|field| field.field_key == request.field_key) {
                    return Err(given(Fault::NoSuchField));
                }
                let known = item.record.json("metadata").get("not_captured").and_then(Value::as_object).cloned();
                let mut reasons: Map<String, Value> = known.unwrap_or_default();
                match &request.reason {
                    Some(reason) => reasons.insert(request.field_key.clone(), reason.clone().into()),
                    None => reasons.remove(&request.field_key),
                };
                reasons
            };
            let mut fields = Fields::new();
            fields.insert("metadata".into(), json!({"not_captured": reasons}));
            Ok(write.update(ITEMS, id.uuid(), id.uuid(), fields).map(drop)?)
        })?;
        self.equipment_sheet(id)
    }
}
