//! What must always hold, each rule by the number it has in the protocol.

use std::collections::{BTreeMap, BTreeSet};

use clara_domain::OpId;
use clara_domain::mirror::{Column, Entity, Scope, TABLES, Table};
use clara_domain::operation::{ConflictNote, OpKind, Operation, Outcome};
use clara_domain::row::{Cell, Fields, Row};
use clara_local::{Mirror, MirrorError, OpState, OutboxLine};
use clara_sync::{Cursor, Replica};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::laptop::Laptop;
use crate::server::{Body, Server};

fn part<'v>(fields: &'v Fields, column: &str, key: &str) -> &'v Value {
    const NULL: &Value = &Value::Null;
    match fields.get(column) {
        Some(Value::Object(object)) => object.get(key).unwrap_or(NULL),
        Some(Value::Array(items)) => {
            items.iter().find(|item| item.get("key").and_then(Value::as_str) == Some(key)).unwrap_or(NULL)
        }
        _ => NULL,
    }
}

/// I5: whatever an operation overwrote that its author had not seen, and whatever of it did not come to stand, is in a
/// conflict record; and it changed nothing else.
pub fn nothing_lost(op: &Operation, before: &Fields, after: &Fields, notes: &[ConflictNote]) -> Option<String> {
    let noted = |field: &str, server: &Value, client: &Value| {
        notes.iter().any(|note| note.field == field && note.server == *server && note.client == *client)
    };
    let mut judged: Vec<(String, &Value, &Value, &Value, &Value)> = Vec::new();
    const NULL: &Value = &Value::Null;
    for (column, new) in &op.new {
        let (was, is) = (before.get(column).unwrap_or(NULL), after.get(column).unwrap_or(NULL));
        match new {
            Value::Object(parts) if by_key(column) => {
                for (key, new) in parts {
                    let base = part(&op.base, column, key);
                    judged.push((
                        format!("{column}.{key}"),
                        base,
                        part(before, column, key),
                        new,
                        part(after, column, key),
                    ));
                }
            }
            _ => judged.push((column.clone(), op.base.get(column).unwrap_or(NULL), was, new, is)),
        }
    }
    for (field, base, was, new, is) in judged {
        let overwrote = is != was && was != base && was != new;
        let not_taken = is != new;
        if (overwrote || not_taken) && !noted(&field, was, new) {
            return Some(format!(
                "I5: {field} of {} was {was}, {new} came over {base}, and {is} stands unrecorded",
                op.entity
            ));
        }
    }
    let allowed = ["updated_at", "deleted_at", "location_id", "equipment_category"];
    let strange = after
        .iter()
        .find(|(name, value)| {
            !op.new.contains_key(*name) && !allowed.contains(&name.as_str()) && before.get(*name) != Some(value)
        })
        .map(|(name, _)| name);
    strange.map(|name| format!("I5: an operation about other fields changed {name} of {}", op.entity))
}

fn by_key(column: &str) -> bool {
    matches!(column, "components" | "measurements" | "checklist" | "metadata")
}

/// Unsent work as it lies over rows, by row.
type Over = BTreeMap<(Entity, Uuid), Vec<Operation>>;

/// I1 and I4: the mirror equals what its person may see at the cursor, plus the overlay of unsent work. `lenient`: an
/// audit has fetched rows that are newer than the cursor.
pub fn mirror_is_true(server: &Server, laptop: &Laptop, lenient: bool) -> Result<(), String> {
    let mirror = laptop.mirror()?;
    let state = mirror.clone().state().map_err(|error| error.to_string())?;
    let (Some(cursor), Some(known)) = (state.cursor, state.server) else { return Ok(()) };
    // Put back, or the person's role changed, after the laptop last heard of it: its cursor speaks of another history.
    let elsewhere = (known.incarnation, known.epoch) != (server.incarnation, server.state.epoch);
    if lenient && (elsewhere || known.role != server.role(laptop.user)) {
        return Ok(());
    }
    let over = overlay(mirror)?;
    let sight = server.sight(laptop.user, Some(&cursor));
    let now = lenient.then(|| server.sight(laptop.user, None));
    for table in TABLES {
        let here = mirror.read::<_, MirrorError>(|read| read.all(table.entity)).map_err(|error| error.to_string())?;
        let mut expected: BTreeMap<Uuid, &Body> = BTreeMap::new();
        for (id, body) in server.state.rows(table.entity, Some(&cursor)) {
            if sight.row(table, id, body) {
                expected.insert(id, body);
            }
        }
        let newest: BTreeMap<Uuid, &Body> = match &now {
            Some(sight) => server
                .state
                .rows(table.entity, None)
                .filter(|(id, body)| sight.row(table, *id, body))
                .map(|(id, body)| (id, &**body))
                .collect(),
            None => BTreeMap::new(),
        };
        let mut found = BTreeSet::new();
        for row in &here {
            found.insert(row.id);
            judge_row(table, row, &expected, &newest, &over, &cursor)?;
        }
        let missing = expected.keys().find(|id| {
            let may_be_gone = lenient && !newest.contains_key(id);
            !found.contains(*id) && !may_be_gone
        });
        if let Some(id) = missing {
            return Err(format!("I1: {} {id} is on the server at {cursor} and not in the mirror", table.name));
        }
    }
    Ok(())
}

fn judge_row(
    table: &Table,
    row: &Row,
    expected: &BTreeMap<Uuid, &Body>,
    newest: &BTreeMap<Uuid, &Body>,
    over: &Over,
    cursor: &Cursor,
) -> Result<(), String> {
    let (at_cursor, now) = (expected.get(&row.id).copied(), newest.get(&row.id).copied());
    let candidates: Vec<&Body> = [at_cursor, now].into_iter().flatten().collect();
    match over.get(&(table.entity, row.id)) {
        None if candidates.iter().any(|body| same(&body.row, row)) => Ok(()),
        None if candidates.is_empty() => {
            let rule = if table.scope == Scope::Global { "I1" } else { "I4" };
            Err(format!("{rule}: {} {} is in the mirror and not in its person's scope at {cursor}", table.name, row.id))
        }
        None => {
            let theirs: Vec<String> = candidates.iter().map(|body| difference(table, row, &body.row)).collect();
            Err(format!("I1: {} {} differs from the server at {cursor}: {}", table.name, row.id, theirs.join("; ")))
        }
        Some(work) => {
            // Where the server had no such row at the cursor, the work lies over nothing: also where it has one by now.
            let fetched = now.map(|body| composed(table, row, Some(&body.fields), work));
            let all = [Some(composed(table, row, at_cursor.map(|body| &body.fields), work)), fetched];
            let wrong: Option<Vec<String>> = all.into_iter().flatten().collect();
            wrong.map_or(Ok(()), |wrong| {
                Err(format!("I1: {} {} under unsent work: {}", table.name, row.id, wrong.join("; ")))
            })
        }
    }
}

/// An audit or a pull may bring the same version with another spelling of nothing.
fn same(server: &Row, here: &Row) -> bool {
    server.row_ver == here.row_ver && server.cells == here.cells
}

fn difference(table: &Table, here: &Row, server: &Row) -> String {
    let cells = here.cells.iter().zip(&server.cells).zip(table.columns);
    let differing: Vec<String> = cells
        .filter(|((ours, theirs), _)| ours != theirs)
        .map(|((ours, theirs), column)| format!("{} is {} and not {}", column.name, word(ours), word(theirs)))
        .collect();
    format!("version {} and not {}, {}", here.row_ver, server.row_ver, differing.join(", "))
}

fn word(cell: &Cell) -> String {
    match cell {
        Cell::Null => "empty".to_owned(),
        Cell::Int(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => format!("{text:?}"),
    }
}

/// What is wrong with a row that has work over it; nothing where it shows the server's values under the work's.
fn composed(table: &Table, row: &Row, server: Option<&Fields>, work: &[Operation]) -> Option<String> {
    let shown = row.fields(table);
    let mut whole: Map<String, Value> = Map::new();
    let mut parts: BTreeMap<(String, String), Value> = BTreeMap::new();
    let mut deleted = false;
    for op in work {
        deleted |= op.kind == OpKind::Delete;
        for (name, value) in &op.new {
            match value {
                Value::Object(keys) if by_key(name) => {
                    parts.extend(keys.iter().map(|(key, value)| ((name.clone(), key.clone()), value.clone())));
                }
                _ => {
                    whole.insert(name.clone(), value.clone());
                }
            }
        }
    }
    for (name, value) in &whole {
        if shown.get(name) != Some(value) && table.column(name).is_some() && !parts.keys().any(|(of, _)| of == name) {
            return Some(format!("{name} does not show what was saved last"));
        }
    }
    for ((name, key), value) in &parts {
        if part(&shown, name, key) != value {
            return Some(format!("{name}.{key} does not show what was saved last"));
        }
    }
    let server = server?;
    let inserted = work.iter().any(|op| op.kind == OpKind::Insert);
    table
        .columns
        .iter()
        .filter(|column| !(whole.contains_key(column.name) || deleted && column.name == "deleted_at"))
        .filter(|column| !(inserted && matches!(column.name, "created_at" | "updated_at" | "location_id" | "state")))
        .find(|column| !untouched(column, &shown, server, &parts))
        .map(|column| format!("{} does not show the server's value", column.name))
}

fn untouched(column: &Column, shown: &Fields, server: &Fields, parts: &BTreeMap<(String, String), Value>) -> bool {
    if !parts.keys().any(|(name, _)| name == column.name) {
        return shown.get(column.name) == server.get(column.name);
    }
    let keys: BTreeSet<&str> = match server.get(column.name) {
        Some(Value::Object(object)) => object.keys().map(String::as_str).collect(),
        Some(Value::Array(items)) => items.iter().filter_map(|item| item.get("key")?.as_str()).collect(),
        _ => BTreeSet::new(),
    };
    keys.into_iter()
        .filter(|key| !parts.contains_key(&(column.name.to_owned(), (*key).to_owned())))
        .all(|key| part(shown, column.name, key) == part(server, column.name, key))
}

fn overlay(mirror: &Mirror) -> Result<Over, String> {
    let lines = mirror.read::<_, MirrorError>(|read| read.outbox()).map_err(|error| error.to_string())?;
    let mut over = Over::new();
    for line in lines {
        if !line.sealed && line.operation.entity.table().is_some() {
            over.entry((line.operation.entity, line.operation.row_id)).or_default().push(line.operation);
        }
    }
    Ok(over)
}

/// I6: operations that wait although nothing holds them back: after a sync without an error only those may that a decision
/// in its last pull has freed, and the next sync takes them. `locked`: what waits for a row that somebody on the server
/// holds; it holds up what belongs to it, and nothing else.
pub fn waiting_for_nothing(laptop: &Laptop, locked: &[OpId]) -> Result<BTreeSet<OpId>, String> {
    let (lines, drafts) = laptop
        .mirror()?
        .read::<_, MirrorError>(|read| {
            let drafts: BTreeSet<Uuid> = read.drafts(None)?.into_iter().map(|draft| draft.id.uuid()).collect();
            Ok((read.outbox()?, drafts))
        })
        .map_err(|error| error.to_string())?;
    if let Some(line) = lines.iter().find(|line| line.state == OpState::InFlight) {
        return Err(format!("I8: operation {} is in flight after its sync", line.operation.seq));
    }
    let mut held: BTreeSet<Uuid> = lines
        .iter()
        .filter(|line| {
            matches!(line.state, OpState::Parked | OpState::Rejected) || locked.contains(&line.operation.op_id)
        })
        .flat_map(|line| [line.operation.root_id, line.operation.row_id])
        .chain(drafts)
        .collect();
    let mut waiting = BTreeSet::new();
    for line in lines.iter().filter(|line| line.state == OpState::Pending) {
        let mut refers =
            line.operation.new.values().filter_map(Value::as_str).filter_map(|id| Uuid::parse_str(id).ok());
        if held.contains(&line.operation.root_id) || refers.any(|id| held.contains(&id)) {
            held.insert(line.operation.root_id);
            held.insert(line.operation.row_id);
        } else {
            waiting.insert(line.operation.op_id);
        }
    }
    Ok(waiting)
}

/// I2: what was acknowledged is on the server, or on the laptop with its reason.
pub fn nothing_acknowledged_is_lost(server: &Server, laptop: &Laptop, strict: bool) -> Result<(), String> {
    let mirror = laptop.mirror()?;
    let fail = |error: MirrorError| error.to_string();
    let here: BTreeSet<_> = mirror
        .read::<_, MirrorError>(|read| read.unsent_operations())
        .map_err(fail)?
        .into_iter()
        .map(|operation| operation.op_id)
        .collect();
    for op_id in laptop.acked.iter().filter(|op_id| !here.contains(op_id) && !laptop.taken_back.contains(op_id)) {
        if server.state.ledger.contains_key(op_id) || server.is_broken(crate::Control::LedgerOff) {
            continue;
        }
        let line = mirror.read::<_, MirrorError>(|read| read.operation(*op_id)).map_err(fail)?;
        match line.map(|line| line.state) {
            None => return Err(format!("I2: the acknowledged operation {op_id} is nowhere")),
            // A server that was put back has not yet been given it again.
            Some(OpState::Applied | OpState::Conflict) if strict => {
                return Err(format!("I2: the laptop holds {op_id} for done, and the server does not know it"));
            }
            // Nobody took it back: then it was to hand work over, and that work is in other hands or still here.
            Some(OpState::Withdrawn) => {
                let about = mirror.read::<_, MirrorError>(|read| read.operation(*op_id)).map_err(fail)?.and_then(about);
                let safe = |op: OpId| {
                    let line = mirror.read::<_, MirrorError>(|read| read.operation(op)).map_err(fail)?;
                    let state = line.map(|line| line.state);
                    let to_be_given_again = !strict && matches!(state, Some(OpState::Applied | OpState::Conflict));
                    let known = here.contains(&op) || laptop.taken_back.contains(&op) || has_effect(server, op);
                    Ok::<_, String>(known || to_be_given_again)
                };
                if !about.map_or(Ok(false), safe)? {
                    return Err(format!("I2: {op_id} was withdrawn, and by nobody"));
                }
            }
            Some(_) => {}
        }
    }
    for (id, body) in &laptop.drafts {
        let draft = mirror.read::<_, MirrorError>(|read| read.draft(*id)).map_err(fail)?;
        if draft.as_ref().map(|draft| &draft.body) != Some(body) {
            return Err(format!("I2: the draft {id} is not as it was last acknowledged"));
        }
    }
    Ok(())
}

/// Which refused operation this one gives to the office.
fn about(line: OutboxLine) -> Option<OpId> {
    let handing = line.operation.entity == Entity::ParkedOperations && line.operation.kind == OpKind::Insert;
    line.operation.new.get("op_id").filter(|_| handing)?.as_str()?.parse().ok()
}

/// Whether the server took an operation, or the office has it.
fn has_effect(server: &Server, op_id: OpId) -> bool {
    let line = server.state.ledger.get(&op_id);
    line.is_some_and(|line| line.receipt.outcome != Outcome::Rejected) || held(server, op_id).is_some()
}

/// The office's record of an operation that waits for a decision, or waited.
fn held(server: &Server, op_id: OpId) -> Option<&Body> {
    let text = op_id.to_string();
    let mut records = server.state.rows(Entity::ParkedOperations, None);
    records.find(|(_, row)| row.fields.get("op_id").and_then(Value::as_str) == Some(&text)).map(|(_, row)| &**row)
}

/// I8, after everything has come to rest: no photo waits, no bytes stay behind that a row on the server waits for, and
/// whatever is said to wait for the office's decision is before the office.
pub fn nothing_waits_for_ever(server: &Server, laptop: &Laptop) -> Result<(), String> {
    let mirror = laptop.mirror()?;
    let waiting = mirror.clone().state().map_err(|error| error.to_string())?.photos_waiting;
    if waiting > 0 {
        return Err(format!("I8: {waiting} photos still wait"));
    }
    let unsent = mirror.hand_out_unsent().map_err(|error| error.to_string())?;
    for photo in unsent.photos {
        let row = server.state.fields(Entity::Photos, photo.photo_id.uuid());
        if row.is_some_and(|row| row.get("state").and_then(Value::as_str) == Some("waiting")) {
            return Err(format!("I8: the row of photo {} waits for bytes that do not come", photo.photo_id));
        }
    }
    let parked = mirror.read::<_, MirrorError>(|read| read.outbox_in(OpState::Parked));
    let lines = mirror.read::<_, MirrorError>(|read| read.outbox()).map_err(|error| error.to_string())?;
    let handed: Vec<OpId> = lines.into_iter().filter_map(about).collect();
    for line in parked.map_err(|error| error.to_string())? {
        let op_id = line.operation.op_id;
        let open = held(server, op_id).is_some_and(|row| row.fields.get("decision").is_none_or(Value::is_null));
        if !open && !handed.contains(&op_id) {
            return Err(format!("I8: {op_id} waits for a decision that nobody is asked for"));
        }
    }
    Ok(())
}

/// I7: what the server calls stored has the hash of its row.
pub fn photos_are_whole(server: &Server) -> Result<(), String> {
    for (id, body) in server.state.rows(Entity::Photos, None) {
        let text = |name: &str| body.fields.get(name).and_then(Value::as_str);
        if text("state") == Some("stored")
            && text("sha256") != Some(clara_local::sha256_hex(&server.photo_bytes(id)).as_str())
        {
            return Err(format!("I7: photo {id} is stored with other bytes than its hash says"));
        }
    }
    Ok(())
}
