use clara_contract::Empty;
use clara_contract::conflicts::{DecideParked, ParkedCard};
use clara_domain::category::Role;
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use serde_json::{Value, json};
use uuid::Uuid;

use super::words;
use crate::app::Core;
use crate::error::{Error, Result, Rule};
use crate::field::Record;
use crate::view::View;

impl Core {
    /// Work that the server keeps for a manager's decision; undecided first, oldest first.
    pub(crate) fn list_parked(&self, _request: Empty) -> Result<Vec<ParkedCard>> {
        self.open()?.read(|view| {
            let mut rows = view.all(Entity::ParkedOperations)?;
            rows.sort_by_key(|row| (row.text("decision").is_some(), row.text("received_at")));
            rows.iter().map(|row| card(view, row)).collect()
        })
    }

    /// Accepts or declines parked work.
    pub(crate) fn decide_parked(&self, request: DecideParked) -> Result<Vec<ParkedCard>> {
        let open = self.open()?;
        if !matches!(open.role(), Role::Manager | Role::Admin | Role::OfficeStaff) {
            return Err(Error::NotAllowed(Rule::ManagerOnly));
        }
        open.read(|view| {
            let row = view.get(Entity::ParkedOperations, request.id)?.ok_or(Error::NotHere("work"))?;
            match row.text("decision") {
                Some(_) => Err(Error::NotAllowed(Rule::AlreadyDecided)),
                None => Ok(()),
            }
        })?;
        let mut fields = Fields::new();
        fields.insert("decision".into(), json!(if request.accept { "accepted" } else { "declined" }));
        if let Some(note) = request.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty()) {
            fields.insert("decision_note".into(), json!(note));
        }
        open.write(self.now(), |write| {
            Ok(write.update(Entity::ParkedOperations, request.id, request.id, fields).map(drop)?)
        })?;
        self.list_parked(Empty {})
    }
}

fn card(view: &View<'_>, row: &Record) -> Result<ParkedCard> {
    let author = view.follow(row, "author_id", Entity::Users)?;
    let entity = row.known::<Entity>("table_name");
    let payload = row.json("payload");
    let new = payload.get("new").and_then(Value::as_object).cloned().unwrap_or_default();
    Ok(ParkedCard {
        id: row.id,
        title: title(view, entity, row.uuid("row_id"), &new)?,
        author: author.map(|user| user.word("full_name")).unwrap_or_default(),
        why: why(&row.word("reason")),
        received_at: row.word("received_at"),
        lines: lines(view, &new)?,
        decision: row.text("decision"),
    })
}

/// "Inspection of E-14": what it is about is not in the mirror as a row yet.
fn title(view: &View<'_>, entity: Option<Entity>, row: Option<Uuid>, new: &Fields) -> Result<String> {
    let Some(entity) = entity else { return Ok("Work".into()) };
    let item = new.get("equipment_id").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
    let text = match (item, row) {
        (Some(item), _) => {
            format!("{} of {}", words::noun(entity), words::thing(view, Entity::EquipmentInventory, item)?)
        }
        (None, Some(row)) => words::thing(view, entity, row)?,
        (None, None) => words::noun(entity).into(),
    };
    let mut letters = text.chars();
    Ok(letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect()))
}

fn lines(view: &View<'_>, new: &Fields) -> Result<Vec<(String, String)>> {
    let mut lines = Vec::new();
    for (name, value) in new.iter().filter(|(name, _)| *name != "metadata") {
        if let Some(text) = words::value(view, value)? {
            lines.push((words::field(name), text));
        }
    }
    Ok(lines)
}

/// Why it waits, by the server's word for it.
pub(crate) fn why(reason: &str) -> String {
    match reason {
        "out_of_scope" => "The site is no longer this technician's. The work was done before that was known.".into(),
        "other_site" => "The item belongs to another site than the job.".into(),
        "parent_parked" => "It belongs to something that waits for a decision, and waits with it.".into(),
        "handed_over" => "The server could not keep it as it is. Its technician asks the office to decide.".into(),
        "" => "It waits for a decision.".into(),
        other => format!("It waits for a decision ({}).", other.replace('_', " ")),
    }
}
