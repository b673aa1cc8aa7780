use clara_contract::Empty;
use clara_contract::conflicts::{ConflictCard, Keep, ResolveConflict};
use clara_domain::mirror::Entity;
use clara_domain::operation::Side;
use clara_domain::row::Fields;
use serde_json::json;

use super::list::{both, chosen};
use crate::app::Core;
use crate::error::{Error, Fault, Result, Rule};

impl Core {
    /// Decides a conflict: the value that was not chosen can be put back, or both joined.
    pub(crate) fn resolve_conflict(&self, request: ResolveConflict) -> Result<Vec<ConflictCard>> {
        let open = self.open()?;
        let id = request.conflict_id.uuid();
        let row = open.read(|view| {
            let row = view.get(Entity::Conflicts, id)?.ok_or(Error::NotHere("conflict"))?;
            Ok((*row).clone())
        })?;
        if row.text("resolution").is_some() {
            return Err(Error::NotAllowed(Rule::AlreadyDecided));
        }
        let standing = match chosen(&row) {
            Side::Client => "client",
            Side::Server => "server",
        };
        // The server puts the chosen value back itself, so that a third value that came meanwhile is not overwritten.
        // A text of both that a person wrote is an edit like any other, laid over the value that stands.
        let (word, text) = match request.keep {
            Keep::Client => ("client", None),
            Keep::Server => ("server", None),
            Keep::Both => {
                let text = request.value.filter(|text| !text.trim().is_empty()).or_else(|| both(&row));
                (standing, Some(text.ok_or(Error::Given { field: "value".into(), fault: Fault::Empty })?))
            }
        };
        let target = (row.known::<Entity>("table_name"), row.uuid("row_id"), row.text("field"));
        let (Some(entity), Some(target), Some(field)) = target else { return Err(Error::NotHere("conflict")) };
        open.write(self.now(), |write| {
            if let Some(text) = text {
                let mut fields = Fields::new();
                match field.split_once('.') {
                    Some((column, key)) => fields.insert(column.to_owned(), json!({ key: text })),
                    None => fields.insert(field.clone(), json!(text)),
                };
                write.update(entity, target, target, fields)?;
            }
            let mut decision = Fields::new();
            decision.insert("resolution".into(), json!(word));
            Ok(write.update(Entity::Conflicts, id, id, decision).map(drop)?)
        })?;
        self.list_conflicts(Empty {})
    }
}
