//! The things a person knows that exist only on this laptop: an inspection, a draft, fields of an item, a photo.
//! Everywhere the same things, and so the same count.

use chrono::{DateTime, Utc};
use clara_contract::sync::{WorkAction, WorkItem, WorkKind, WorkList, WorkState};
use clara_domain::category::Role;
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation};
use clara_domain::row::Fields;
use clara_domain::{EquipmentId, OpId};
use clara_local::OpState;
use clara_local::table::conflicts::{Conflict, Parked};
use clara_local::table::work::{PhotoLine, WorkLine};
use serde_json::Value;

use crate::conflicts::{parked, words};
use crate::equipment::item::Item;
use crate::error::Result;
use crate::field::stamp;
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

/// The server does not have what the work is about: most often it was put back to an older copy.
const LACKING: &str = "The server does not have what this is about, or not any more. It is complete and safe on this \
     laptop. When the other is there again, this goes out by itself; or hand it to the office.";

/// Lines of one kind on a page, where nobody asked for more: more than anybody reads at once.
pub(crate) const PAGE: u32 = 200;

/// Which of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    /// Lines of each state.
    pub(crate) limit: u32,
    /// The newest instead of the oldest.
    pub(crate) newest: bool,
    /// This one in any case.
    pub(crate) also: Option<OpId>,
}

impl Page {
    /// What comes next, oldest first: the order in which it goes.
    pub(crate) fn of(limit: Option<u32>, also: Option<uuid::Uuid>) -> Page {
        Page { limit: limit.unwrap_or(PAGE), newest: false, also: also.map(OpId) }
    }
}

/// A page of them, newest first, and how many there are beside it.
pub(crate) fn list(view: &View<'_>, page: Page) -> Result<WorkList> {
    let figures = view.read.work_figures()?;
    let mut items = Vec::new();
    for line in view.read.work(page.limit, page.newest, page.also)? {
        items.push(of_line(view, &line)?);
    }
    items.extend(view.read.work_photos(page.limit)?.into_iter().map(of_photo));
    let all = (figures.operations + figures.photos) as usize;
    let more = u32::try_from(all.saturating_sub(items.len())).unwrap_or(u32::MAX);
    // Those are few, and on every page.
    for draft in draft::started(view, None)? {
        items.push(of_draft(view, &draft)?);
    }
    items.extend(decisions(view)?);
    items.sort_by(|a, b| b.saved_at.cmp(&a.saved_at));
    Ok(WorkList { items, more })
}

/// What the light counts: the same things, without reading them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    pub(crate) only_here: u32,
    pub(crate) needs_you: u32,
    pub(crate) oldest: Option<DateTime<Utc>>,
}

/// Of everything, without any line of it.
pub(crate) fn counted(view: &View<'_>) -> Result<Counted> {
    let figures = view.read.work_figures()?;
    let drafts = draft::started(view, None)?;
    let decisions = open_decisions(view)?;
    Ok(Counted {
        only_here: figures.operations + figures.photos + size(drafts.len()),
        needs_you: figures.need_a_person
            + figures.photos_damaged
            + size(decisions.conflicts.len() + decisions.parked.len()),
        oldest: figures.oldest.into_iter().chain(drafts.iter().map(|draft| draft.saved_at)).min(),
    })
}

fn of_line(view: &View<'_>, named: &WorkLine) -> Result<WorkItem> {
    let line = &named.line;
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
            _ if matches!(code, "missing_reference" | "no_such_row") => LACKING.into(),
            Some(message) => message.clone(),
            None if line.state == OpState::Parked => parked::why(code),
            None => "The server cannot keep this as it is.".into(),
        }
    });
    let (kind, title, detail) = describe(view, named)?;
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

fn describe(view: &View<'_>, named: &WorkLine) -> Result<(WorkKind, String, String)> {
    let line = &named.line;
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
        (Entity::Jobs, _) => {
            let title = named.job_number.as_ref().map_or_else(|| "Job".into(), |number| format!("Job {number}"));
            (WorkKind::Job, title, fields())
        }
        (Entity::Photos, OpKind::Delete) => (WorkKind::Photo, format!("Photo of {tag}"), "Taken off".into()),
        (Entity::Photos, _) => {
            let words = named.byte_count.map(|bytes| photo_words(named.caption.as_deref(), bytes));
            (WorkKind::Photo, format!("Photo of {tag}"), words.unwrap_or_default())
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

fn photo_words(caption: Option<&str>, bytes: i64) -> String {
    let kilobytes = bytes.div_euclid(1024);
    match caption {
        Some(caption) => format!("{caption}, {kilobytes} KB"),
        None => format!("{kilobytes} KB"),
    }
}

/// A photo whose row went up and whose bytes did not.
fn of_photo(line: PhotoLine) -> WorkItem {
    WorkItem {
        id: line.id.uuid(),
        kind: WorkKind::Photo,
        title: format!("Photo of {}", line.equipment_name.unwrap_or_else(|| "item".into())),
        detail: photo_words(line.caption.as_deref(), line.byte_count.unwrap_or_default()),
        state: if line.damaged { WorkState::NeedsYou } else { WorkState::PhotoWaiting },
        saved_at: line.created_at.unwrap_or_default(),
        reason: line.damaged.then(|| "Its bytes on this laptop are damaged. Take it again.".into()),
        actions: if line.damaged { vec![WorkAction::Edit] } else { Vec::new() },
        job_id: line.job_id,
        equipment_id: line.equipment_id,
    }
}

/// What waits for this person's word.
#[derive(Default)]
struct Decisions {
    conflicts: Vec<Conflict>,
    parked: Vec<Parked>,
}

/// Conflicts that are mine, or anybody's for who sees all; and parked work for who decides.
fn open_decisions(view: &View<'_>) -> Result<Decisions> {
    let Some(profile) = view.read.profile()? else { return Ok(Decisions::default()) };
    let deciding = profile.role != Role::Technician.word();
    let mut conflicts = view.read.open_conflicts()?;
    conflicts.retain(|conflict| deciding || conflict.author_id == Some(profile.user));
    Ok(Decisions { conflicts, parked: if deciding { view.read.parked(true)? } else { Vec::new() } })
}

fn decisions(view: &View<'_>) -> Result<Vec<WorkItem>> {
    let waiting = open_decisions(view)?;
    let mut items = Vec::new();
    for conflict in waiting.conflicts {
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
    for waiting in waiting.parked {
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
    Ok(items)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
