//! The things a person knows that exist only on this laptop: an inspection, a draft, fields of an item, a photo.
//! Everywhere the same things, and so the same count.

use std::collections::HashSet;

use clara_contract::sync::{WorkAction, WorkItem, WorkKind, WorkState};
use clara_domain::category::Role;
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation};
use clara_domain::row::Fields;
use clara_domain::{EquipmentId, JobId, PhotoId, UserId};
use clara_local::OpState;
use clara_local::table::outbox::OutboxLine;
use clara_local::table::photos::PhotoBytes;
use serde_json::Value;

use crate::conflicts::{parked, words};
use crate::equipment::item::Item;
use crate::error::Result;
use crate::field::{Record, stamp};
use crate::inspections::draft;
use crate::jobs::device::size;
use crate::view::View;

/// Waits for a person.
pub(crate) fn needs_you(state: WorkState) -> bool {
    matches!(state, WorkState::NeedsYou | WorkState::Parked | WorkState::Conflict)
}

/// Not on the server.
pub(crate) fn only_here(state: WorkState) -> bool {
    !matches!(state, WorkState::OnServer | WorkState::Conflict)
}

/// All of them, newest first.
pub(crate) fn items(view: &View<'_>) -> Result<Vec<WorkItem>> {
    let lines = view.read.outbox()?;
    let roots = |entity: Entity| -> HashSet<uuid::Uuid> {
        let of = lines.iter().filter(|line| line.operation.entity == entity && line.operation.kind == OpKind::Insert);
        of.map(|line| line.operation.root_id).collect()
    };
    let (inspections, new_items) = (roots(Entity::InspectionRecords), roots(Entity::EquipmentInventory));
    let mut items = Vec::new();
    for line in &lines {
        let operation = &line.operation;
        // What goes along with something else is not a thing of its own.
        let along = match operation.entity {
            Entity::PerformanceMetrics => true,
            Entity::DataCaptureLogs => inspections.contains(&operation.root_id),
            Entity::JobEquipment => new_items.contains(&operation.root_id),
            _ => false,
        };
        if !along {
            items.push(of_line(view, line)?);
        }
    }
    let drafts = draft::started(view, None)?;
    for draft in drafts {
        items.push(of_draft(view, &draft)?);
    }
    let listed: HashSet<uuid::Uuid> = lines.iter().map(|line| line.operation.row_id).collect();
    items.extend(photos(view, &listed)?);
    items.extend(decisions(view)?);
    items.sort_by(|a, b| b.saved_at.cmp(&a.saved_at));
    Ok(items)
}

fn of_line(view: &View<'_>, line: &OutboxLine) -> Result<WorkItem> {
    let operation = &line.operation;
    let state = match line.state {
        _ if line.sealed => WorkState::Sealed,
        OpState::InFlight => WorkState::Sending,
        OpState::Parked => WorkState::Parked,
        OpState::Rejected | OpState::Declined => WorkState::NeedsYou,
        OpState::Pending | OpState::Applied | OpState::Conflict | OpState::Withdrawn => WorkState::Saved,
    };
    let mut actions = Vec::new();
    if line.state == OpState::Rejected {
        actions.extend([WorkAction::HandToOffice, WorkAction::Edit, WorkAction::Retry]);
    }
    if line.changeable && operation.entity != Entity::InspectionRecords {
        actions.push(WorkAction::Withdraw);
    }
    if needs_you(state) || state == WorkState::Sealed {
        actions.push(WorkAction::Export);
    }
    let reason = line.receipt.as_ref().filter(|_| needs_you(state)).map(|receipt| {
        let code = receipt.code.as_deref().unwrap_or_default();
        match &receipt.message {
            Some(message) => message.clone(),
            None if line.state == OpState::Parked => parked::why(code),
            None => "The server cannot keep this as it is.".into(),
        }
    });
    let (kind, title, detail) = describe(view, line)?;
    Ok(WorkItem {
        id: operation.op_id.uuid(),
        kind,
        title,
        detail,
        state,
        saved_at: stamp(operation.local_at),
        reason,
        actions,
        job_id: line.job_id,
        equipment_id: line.equipment_id,
    })
}

fn describe(view: &View<'_>, line: &OutboxLine) -> Result<(WorkKind, String, String)> {
    let operation = &line.operation;
    let tag = line.equipment_name.clone().unwrap_or_else(|| "item".into());
    let place = line.location_name.clone().unwrap_or_default();
    let fields = || {
        let names: Vec<String> = changed(operation).into_iter().map(|name| words::field(&name)).collect();
        names.join(", ")
    };
    Ok(match (operation.entity, operation.kind) {
        (Entity::InspectionRecords, _) => {
            let what = operation.new.get("inspection_type").and_then(Value::as_str).unwrap_or("inspection");
            (WorkKind::Inspection, format!("{tag} {}", what.to_lowercase()), readings(&operation.new))
        }
        (Entity::EquipmentInventory, OpKind::Insert) => (WorkKind::Equipment, tag, format!("New item, {place}")),
        (Entity::EquipmentInventory, _) => (WorkKind::Equipment, tag, fields()),
        (Entity::Jobs, _) => (WorkKind::Job, capital(&words::thing(view, Entity::Jobs, operation.row_id)?), fields()),
        (Entity::Photos, OpKind::Delete) => (WorkKind::Photo, format!("Photo of {tag}"), "Taken off".into()),
        (Entity::Photos, _) => {
            let row = view.get(Entity::Photos, operation.row_id)?;
            (WorkKind::Photo, format!("Photo of {tag}"), row.map(|row| photo_words(&row)).unwrap_or_default())
        }
        (Entity::DataCaptureLogs, _) => (WorkKind::CaptureLog, format!("Capture log of {tag}"), place),
        (Entity::Conflicts | Entity::ParkedOperations, _) => (WorkKind::Decision, "Decision".into(), fields()),
        (entity, _) => (WorkKind::Other, capital(&words::thing(view, entity, operation.row_id)?), fields()),
    })
}

/// Names of what a person changed; how a value was read is no change of its own.
fn changed(operation: &Operation) -> Vec<String> {
    let mut names = Vec::new();
    for (column, value) in &operation.new {
        match (column.as_str(), value) {
            ("components", Value::Object(keys)) => names.extend(keys.keys().cloned()),
            ("metadata", Value::Object(keys)) => {
                names.extend(keys.keys().filter(|key| !key.starts_with("source:")).cloned());
            }
            _ => names.push(column.clone()),
        }
    }
    names
}

fn readings(new: &Fields) -> String {
    let count = new.get("measurements").and_then(Value::as_object).map_or(0, serde_json::Map::len);
    let out = new.get("metadata").and_then(|m| m.get("out_of_limits")).and_then(Value::as_u64).unwrap_or_default();
    let deficiencies = new.get("deficiencies").and_then(Value::as_array).map_or(0, Vec::len);
    let mut words = vec![plural(size(count), "reading", "readings")];
    if out > 0 {
        words.push(format!("{out} out of limits"));
    }
    if deficiencies > 0 {
        words.push(plural(size(deficiencies), "deficiency", "deficiencies"));
    }
    words.join(", ")
}

fn plural(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn of_draft(view: &View<'_>, draft: &draft::Draft) -> Result<WorkItem> {
    let item = Item::find(view, draft.equipment_id).ok();
    let progress = match &item {
        Some(item) => draft::progress(view, draft, item)?,
        None => None,
    };
    let detail = progress.map(|progress| format!("{} of {} answered", progress.answered.0, progress.answered.1));
    let tag = item.map_or_else(|| "Item".into(), |item| item.tag());
    Ok(WorkItem {
        id: draft.inspection_id.uuid(),
        kind: WorkKind::Draft,
        title: format!("{tag}, not completed"),
        detail: detail.unwrap_or_default(),
        state: WorkState::Saved,
        saved_at: stamp(draft.saved_at),
        reason: None,
        actions: vec![WorkAction::Edit, WorkAction::Withdraw],
        job_id: Some(draft.job_id),
        equipment_id: Some(draft.equipment_id),
    })
}

fn photo_words(row: &Record) -> String {
    let kilobytes = row.int("byte_count").unwrap_or_default().div_euclid(1024);
    match row.text("caption") {
        Some(caption) => format!("{caption}, {kilobytes} KB"),
        None => format!("{kilobytes} KB"),
    }
}

/// Photos whose row went up and whose bytes did not.
fn photos(view: &View<'_>, listed: &HashSet<uuid::Uuid>) -> Result<Vec<WorkItem>> {
    let mut items = Vec::new();
    let figures = view.read.sync_figures(chrono::DateTime::UNIX_EPOCH)?;
    if figures.photos_waiting + figures.photos_damaged == 0 {
        return Ok(items);
    }
    for row in view.all(Entity::Photos)? {
        if listed.contains(&row.id) || row.text("state").as_deref() == Some("stored") {
            continue;
        }
        let state = match view.read.photo(PhotoId(row.id))?.map(|photo| photo.bytes) {
            Some(PhotoBytes::Waiting) => WorkState::PhotoWaiting,
            Some(PhotoBytes::Damaged | PhotoBytes::Missing) => WorkState::NeedsYou,
            _ => continue,
        };
        let equipment = row.uuid("equipment_id").map(EquipmentId);
        let tag = match equipment {
            Some(id) => view.read.equipment_name(id)?,
            None => None,
        };
        let damaged = state == WorkState::NeedsYou;
        items.push(WorkItem {
            id: row.id,
            kind: WorkKind::Photo,
            title: format!("Photo of {}", tag.unwrap_or_else(|| "item".into())),
            detail: photo_words(&row),
            state,
            saved_at: row.word("created_at"),
            reason: damaged.then(|| "Its bytes on this laptop are damaged. Take it again.".into()),
            actions: if damaged { vec![WorkAction::Edit] } else { Vec::new() },
            job_id: row.uuid("job_id").map(JobId),
            equipment_id: equipment,
        });
    }
    Ok(items)
}

/// Conflicts that are mine, or anybody's for who sees all; and parked work for who decides.
fn decisions(view: &View<'_>) -> Result<Vec<WorkItem>> {
    let Some(profile) = view.read.profile()? else { return Ok(Vec::new()) };
    let deciding = profile.role != Role::Technician.word();
    let mine = |author: Option<UserId>| author == Some(profile.user);
    let mut items = Vec::new();
    for conflict in view.read.open_conflicts()? {
        if !(deciding || mine(conflict.author_id)) {
            continue;
        }
        let thing = match conflict.table_name.parse::<Entity>() {
            Ok(entity) => words::thing(view, entity, conflict.row_id)?,
            Err(_) => String::new(),
        };
        items.push(WorkItem {
            id: conflict.id.uuid(),
            kind: WorkKind::Decision,
            title: format!("{} of {thing}", words::field(&conflict.field)),
            detail: "Two people changed this field. Both values are kept.".into(),
            state: WorkState::Conflict,
            saved_at: conflict.created_at.unwrap_or_default(),
            reason: None,
            actions: Vec::new(),
            job_id: None,
            equipment_id: (conflict.table_name == Entity::EquipmentInventory.name())
                .then_some(EquipmentId(conflict.row_id)),
        });
    }
    if deciding {
        for waiting in view.read.parked(true)? {
            items.push(WorkItem {
                id: waiting.id,
                kind: WorkKind::Decision,
                title: format!("Work of {}", waiting.author.clone().unwrap_or_else(|| "a technician".into())),
                detail: parked::why(&waiting.reason),
                state: WorkState::Conflict,
                saved_at: waiting.received_at.unwrap_or_default(),
                reason: Some(parked::why(&waiting.reason)),
                actions: Vec::new(),
                job_id: None,
                equipment_id: None,
            });
        }
    }
    Ok(items)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
