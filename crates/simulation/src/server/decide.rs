//! Parked work, handed-over work, and what people decide about both and about conflicts.

use clara_domain::OpId;
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation, Outcome};
use clara_domain::row::Fields;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::change::Actor;
use super::document::{items_by_key, union_of};
use super::ledger::Verdict;
use super::{Server, id_of, is_null, text};

fn object(name: &str, value: Value) -> Fields {
    let mut fields = Map::new();
    fields.insert(name.to_owned(), value);
    fields
}

fn payload(operation: &Operation) -> Value {
    serde_json::to_value(operation).unwrap_or(Value::Null)
}

fn read(row: &Fields) -> Option<Operation> {
    serde_json::from_value(row.get("payload")?.clone()).ok()
}

impl Server {
    /// Keeps a parked operation where a manager finds it.
    pub(super) fn park(&mut self, xid: u64, op: &Operation, verdict: &Verdict, who: &Actor) {
        if verdict.outcome != Outcome::Parked {
            return;
        }
        let parent = verdict.field.as_ref().and_then(|field| id_of(&op.new, field));
        let site = verdict.location.or_else(|| {
            let mut waiting = self.state.rows(Entity::ParkedOperations, None).filter(|(_, row)| {
                let about = id_of(&row.fields, "row_id");
                is_null(&row.fields, "decision") && (about == Some(op.row_id) || (parent.is_some() && about == parent))
            });
            waiting.next().and_then(|(_, row)| id_of(&row.fields, "location_id"))
        });
        let reason = verdict.code.clone().unwrap_or_default();
        let id = self.chance.uuid();
        self.make_parked(xid, id, op, who.device.uuid(), who.author, site, &reason);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record")]
    fn make_parked(
        &mut self,
        xid: u64,
        id: Uuid,
        op: &Operation,
        device: Uuid,
        author: Uuid,
        site: Option<Uuid>,
        reason: &str,
    ) -> i64 {
        let row = super::fields(json!({
            "op_id": op.op_id, "device_id": device, "author_id": author, "location_id": site,
            "table_name": op.entity.name(), "row_id": op.row_id, "reason": reason, "payload": payload(op),
            "received_at": self.stamp(),
        }));
        self.state.insert(xid, self.now, Entity::ParkedOperations, id, row)
    }

    /// A refused operation that its author hands to the office.
    pub(super) fn hand_over(&mut self, xid: u64, op: &Operation, who: &Actor) -> Verdict {
        let missing = || Verdict::refused(op.op_id, "missing_reference:op_id", None);
        let line = id_of(&op.new, "op_id").and_then(|id| self.state.ledger.get(&OpId(id)).cloned());
        let Some(line) = line.filter(|line| line.author == who.author && line.receipt.outcome == Outcome::Rejected)
        else {
            return missing();
        };
        let refused = &line.operation;
        let of = |entity, ids: [Option<Uuid>; 2]| {
            ids.into_iter().flatten().find_map(|id| id_of(self.state.fields(entity, id)?, "location_id"))
        };
        let site = of(Entity::Jobs, [id_of(&refused.new, "job_id"), Some(refused.row_id)])
            .or_else(|| of(Entity::EquipmentInventory, [id_of(&refused.new, "equipment_id"), Some(refused.row_id)]))
            .or_else(|| {
                id_of(&refused.new, "location_id").filter(|id| self.state.body(Entity::Locations, *id).is_some())
            });
        let taken = self
            .state
            .rows(Entity::ParkedOperations, None)
            .any(|(_, row)| id_of(&row.fields, "op_id") == Some(refused.op_id.uuid()));
        if taken {
            return Verdict::refused(op.op_id, "exists", site);
        }
        let refused = refused.clone();
        let version = self.make_parked(xid, op.row_id, &refused, line.device.uuid(), line.author, site, "handed_over");
        Verdict::applied(op.op_id, Some(version), site)
    }

    /// Takes or declines parked work.
    pub(super) fn decide_parked(&mut self, xid: u64, op: &Operation, who: &Actor) -> Verdict {
        let refused = |fault: &str, site| Verdict::refused(op.op_id, fault, site);
        if !who.sees_all {
            return refused("not_allowed", None);
        }
        if let Some(fault) = self.fault_of_fields(op.entity, &op.new, false, true) {
            return refused(&fault, None);
        }
        let wanted = match op.new.get("decision").and_then(Value::as_str) {
            Some("accept" | "accepted") => "accepted",
            Some("decline" | "declined") => "declined",
            _ => return refused("bad_value:decision", None),
        };
        let Some(held) = self.state.fields(Entity::ParkedOperations, op.row_id).cloned() else {
            return refused("no_such_row", None);
        };
        let site = id_of(&held, "location_id");
        if let Some(decision) = text(Some(&held), "decision") {
            if decision == wanted {
                let version = self.state.version(Entity::ParkedOperations, op.row_id).map(|v| v.row_ver);
                return Verdict::applied(op.op_id, version, site);
            }
            return refused("already_decided", site);
        }
        let author = Actor {
            device: id_of(&held, "device_id").unwrap_or_default().into(),
            author: id_of(&held, "author_id").unwrap_or_default(),
            sees_all: id_of(&held, "author_id").is_some_and(|user| self.role(user) != "technician"),
            deciding: true,
        };
        let mut conflicts = Vec::new();
        if wanted == "accepted" {
            let Some(inner) = read(&held) else { return refused("bad_value:payload", site) };
            let verdict = self.apply_one(xid, &inner, &author);
            if verdict.is_refusal() {
                let fault = verdict.code.unwrap_or_default();
                let field = verdict.field.unwrap_or_default();
                let verdict = Verdict::refused(op.op_id, &format!("{fault}:{field}"), site);
                return Verdict { outcome: Outcome::Rejected, ..verdict };
            }
            conflicts = verdict.conflicts;
        }
        let patch = super::fields(json!({
            "decision": wanted, "decided_by": who.author, "decided_at": self.stamp(),
            "decision_note": op.new.get("decision_note"),
        }));
        let version = self.state.update(xid, self.now, Entity::ParkedOperations, op.row_id, &patch);
        if wanted == "accepted" {
            self.take_followers(xid, &author, who);
        } else if read(&held).is_some_and(|inner| inner.kind == OpKind::Insert) {
            self.decline_followers(xid, op, &held, who);
        }
        Verdict { conflicts, ..Verdict::applied(op.op_id, version, site) }
    }

    /// What had waited for accepted work follows it.
    fn take_followers(&mut self, xid: u64, author: &Actor, who: &Actor) {
        let mut waiting: Vec<(Uuid, Uuid, Operation)> = self
            .state
            .rows(Entity::ParkedOperations, None)
            .filter(|(_, row)| {
                id_of(&row.fields, "author_id") == Some(author.author)
                    && text(Some(&row.fields), "reason").as_deref() == Some("parent_parked")
                    && is_null(&row.fields, "decision")
            })
            .filter_map(|(id, row)| Some((id_of(&row.fields, "device_id")?, id, read(&row.fields)?)))
            .collect();
        waiting.sort_by_key(|(device, _, op)| (*device, op.seq));
        for (_, id, inner) in waiting {
            if !self.apply_one(xid, &inner, author).is_refusal() {
                let patch = super::fields(json!({
                    "decision": "accepted", "decided_by": who.author, "decided_at": self.stamp(),
                }));
                self.state.update(xid, self.now, Entity::ParkedOperations, id, &patch);
            }
        }
    }

    /// What waits for a row that was declined, and what in turn waits for that, is declined with it. Unless somebody else
    /// has parked the row again: then it may still come.
    fn decline_followers(&mut self, xid: u64, op: &Operation, held: &Fields, who: &Actor) {
        let (author, parent) = (id_of(held, "author_id"), id_of(held, "row_id").unwrap_or_default());
        if self.state.is_parked(parent) {
            return;
        }
        let mut waiting: Vec<(Uuid, Operation)> = self
            .state
            .rows(Entity::ParkedOperations, None)
            .filter(|(_, row)| {
                id_of(&row.fields, "author_id") == author
                    && text(Some(&row.fields), "reason").as_deref() == Some("parent_parked")
                    && is_null(&row.fields, "decision")
            })
            .filter_map(|(id, row)| Some((id, read(&row.fields)?)))
            .collect();
        let mut gone = vec![parent];
        while let Some(row) = gone.pop() {
            let name = row.to_string();
            let hangs = |inner: &Operation| {
                inner.row_id == row || inner.new.values().any(|value| value.as_str() == Some(name.as_str()))
            };
            let (declined, left) = waiting.into_iter().partition(|(_, inner)| hangs(inner));
            waiting = left;
            for (id, inner) in declined {
                gone.push(inner.row_id);
                let patch = super::fields(json!({
                    "decision": "declined", "decided_by": who.author, "decided_at": self.stamp(),
                    "decision_note": op.new.get("decision_note"),
                }));
                self.state.update(xid, self.now, Entity::ParkedOperations, id, &patch);
            }
        }
    }

    /// Chooses one of the two values of a conflict, or both.
    pub(super) fn resolve_conflict(&mut self, xid: u64, op: &Operation, who: &Actor) -> Verdict {
        let refused = |fault: &str, site| Verdict::refused(op.op_id, fault, site);
        if let Some(fault) = self.fault_of_fields(op.entity, &op.new, false, who.sees_all) {
            return refused(&fault, None);
        }
        let wanted = text(Some(&op.new), "resolution").unwrap_or_default();
        if !matches!(wanted.as_str(), "server" | "client" | "both") {
            return refused("bad_value:resolution", None);
        }
        let Some(held) = self.state.fields(Entity::Conflicts, op.row_id).cloned() else {
            return refused("no_such_row", None);
        };
        let site = id_of(&held, "location_id");
        if !self.may_write(who, site) {
            return refused("out_of_scope", site);
        }
        if !is_null(&held, "resolved_at") {
            if text(Some(&held), "resolution").as_deref() == Some(wanted.as_str()) {
                let version = self.state.version(Entity::Conflicts, op.row_id).map(|v| v.row_ver);
                return Verdict::applied(op.op_id, version, site);
            }
            return refused("already_decided", site);
        }
        let entity: Option<Entity> = text(Some(&held), "table_name").and_then(|name| name.parse().ok());
        let (Some(entity), Some(row)) = (entity, id_of(&held, "row_id")) else { return refused("gone", site) };
        let Some(current) = self.state.fields(entity, row).cloned() else { return refused("gone", site) };
        let field = text(Some(&held), "field").unwrap_or_default();
        let verdict = if field == "deleted_at" {
            if let Some(fault) = self.restore_or_delete(xid, &held, entity, row, &current, &wanted, who) {
                return refused(fault, site);
            }
            Verdict::applied(op.op_id, None, site)
        } else {
            let inner = choose(op, &held, entity, row, &current, &field, &wanted);
            let verdict = self.change_row(xid, &inner, who);
            if verdict.is_refusal() {
                return Verdict { location: site, row_ver: None, conflicts: Vec::new(), ..verdict };
            }
            verdict
        };
        let patch = super::fields(json!({
            "resolution": wanted, "resolved_by": who.author, "resolved_at": self.stamp(),
        }));
        let version = self.state.update(xid, self.now, Entity::Conflicts, op.row_id, &patch);
        let outcome = if verdict.outcome == Outcome::Merged { Outcome::Applied } else { verdict.outcome };
        Verdict { outcome, conflicts: verdict.conflicts, ..Verdict::applied(op.op_id, version, site) }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one decision")]
    fn restore_or_delete(
        &mut self,
        xid: u64,
        held: &Fields,
        entity: Entity,
        row: Uuid,
        current: &Fields,
        wanted: &str,
        who: &Actor,
    ) -> Option<&'static str> {
        if wanted == "both" {
            return Some("bad_value:resolution");
        }
        if !who.sees_all && entity != Entity::Photos {
            return Some("not_allowed");
        }
        let deleted = !is_null(held, wanted);
        if deleted == is_null(current, "deleted_at") {
            let value = if deleted { Value::String(self.stamp()) } else { Value::Null };
            self.state.update(xid, self.now, entity, row, &object("deleted_at", value));
        }
        None
    }
}

/// The edit that puts the chosen value in place. A third value that came meanwhile is a conflict again.
fn choose(
    op: &Operation,
    held: &Fields,
    entity: Entity,
    row: Uuid,
    current: &Fields,
    field: &str,
    wanted: &str,
) -> Operation {
    let side = |name: &str| held.get(name).cloned().unwrap_or(Value::Null);
    let (server, client) = (side("server"), side("client"));
    let both = union_of(&server, &client);
    let (column, part) = field.split_once('.').map_or((field, None), |(column, part)| (column, Some(part)));
    let mut stands = match part {
        None => current.get(column).cloned().unwrap_or(Value::Null),
        Some(part) => items_by_key(current.get(column)).get(part).cloned().unwrap_or(Value::Null),
    };
    if ![&server, &client, &both].contains(&&stands) {
        stands = if text(Some(held), "chosen").as_deref() == Some("server") { server.clone() } else { client.clone() };
    }
    let value = match wanted {
        "server" => server,
        "client" => client,
        _ => both,
    };
    let wrap = |value: Value| match part {
        None => object(column, value),
        Some(part) => object(column, Value::Object(object(part, value))),
    };
    Operation {
        root_id: row,
        entity,
        row_id: row,
        kind: OpKind::Update,
        base_row_ver: 0,
        base: wrap(stands),
        new: wrap(value),
        ..op.clone()
    }
}
