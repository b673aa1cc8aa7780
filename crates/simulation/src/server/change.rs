//! Changes of rows that exist, one operation at a time under the row's lock.

use clara_domain::DeviceId;
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation, Outcome, Side};
use clara_domain::row::Fields;
use serde_json::{Value, json};
use uuid::Uuid;

use super::document::keys;
use super::ledger::Verdict;
use super::policy::{Writer, rule};
use super::{Server, id_of, is_null};
use crate::control::Control;
use crate::invariant;

/// In whose name operations take effect.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    pub(super) device: DeviceId,
    pub(super) author: Uuid,
    pub(super) sees_all: bool,
    /// A person who sees all sites has accepted what was out of the author's scope.
    pub(super) deciding: bool,
}

impl Server {
    /// Whether the author may write at a site.
    pub(super) fn may_write(&self, who: &Actor, site: Option<Uuid>) -> bool {
        who.sees_all || who.deciding || self.is_broken(Control::AuthorityOff) || self.state.holds(who.author, site)
    }

    /// The first field that cannot be taken, with the reason.
    pub(super) fn fault_of_fields(
        &self,
        entity: Entity,
        fields: &Fields,
        insertion: bool,
        all: bool,
    ) -> Option<String> {
        keys(fields).into_iter().find_map(|name| {
            let lacking = self.lacks_column.is_some_and(|(of, column)| of == entity && column == name);
            let Some(rule) = rule(entity, &name).filter(|_| !lacking) else {
                return Some(format!("unknown_field:{name}"));
            };
            match if insertion { rule.inserted_by } else { rule.updated_by } {
                Writer::Nobody => Some(format!("not_writable:{name}")),
                Writer::Office if !all => Some(format!("not_writable:{name}")),
                _ => None,
            }
        })
    }

    /// What the types and constraints of the tables refuse.
    pub(super) fn fault_of_values(&self, entity: Entity, id: Uuid, fields: &Fields) -> Option<String> {
        let words = |name: &str| -> Option<&'static [&'static str]> {
            Some(match (entity, name) {
                (Entity::Jobs, "job_status") => &["scheduled", "in_progress", "completed", "cancelled"],
                (Entity::Jobs, "priority") => &["low", "normal", "high", "urgent"],
                (Entity::Jobs, "job_type") => &["inspection", "maintenance", "repair", "installation", "emergency"],
                (Entity::EquipmentInventory, "status") => &["active", "inactive", "replaced", "removed"],
                _ => return None,
            })
        };
        let bad_word = keys(fields).into_iter().find(|name| {
            let given = fields.get(name).and_then(Value::as_str);
            given.is_some_and(|given| words(name).is_some_and(|words| !words.contains(&given)))
        });
        if let Some(name) = bad_word {
            return Some(format!("bad_value:{name}"));
        }
        let refers: &[(&str, Entity)] = match entity {
            Entity::Jobs => &[("customer_id", Entity::Customers), ("assigned_technician_id", Entity::Users)],
            Entity::EquipmentInventory => &[
                ("equipment_model_id", Entity::EquipmentModels),
                ("replacement_of_equipment_id", Entity::EquipmentInventory),
                ("replaced_by_equipment_id", Entity::EquipmentInventory),
            ],
            Entity::InspectionRecords => &[("template_id", Entity::Templates)],
            _ => &[],
        };
        for (name, to) in refers {
            if id_of(fields, name).is_some_and(|id| self.state.body(*to, id).is_none()) {
                return Some(format!("missing_reference:{name}"));
            }
        }
        if entity == Entity::Jobs
            && let Some(number) = fields.get("job_number").and_then(Value::as_str)
            && self
                .state
                .rows(Entity::Jobs, None)
                .any(|(other, row)| other != id && row.fields.get("job_number").and_then(Value::as_str) == Some(number))
        {
            return Some("bad_value:job_number".to_owned());
        }
        None
    }

    /// A row that exists is changed or deleted.
    pub(super) fn change_row(&mut self, xid: u64, op: &Operation, who: &Actor) -> Verdict {
        let refused = |fault: &str, site| Verdict::refused(op.op_id, fault, site);
        match op.entity {
            Entity::InspectionRecords => return refused("immutable", None),
            Entity::Jobs | Entity::EquipmentInventory | Entity::JobEquipment | Entity::Photos | Entity::Locations => {}
            _ => return refused("not_allowed", None),
        }
        let deletion = op.kind == OpKind::Delete;
        if deletion && (op.entity == Entity::Locations || (op.entity != Entity::Photos && !who.sees_all)) {
            return refused("not_allowed", None);
        }
        if !deletion && let Some(fault) = self.fault_of_fields(op.entity, &op.new, false, who.sees_all) {
            return refused(&fault, None);
        }
        let Some(current) = self.state.fields(op.entity, op.row_id).cloned() else {
            let fault = if self.state.is_parked(op.row_id) {
                "parent_parked"
            } else if self.is_tombstone(op.entity, op.row_id) {
                "gone"
            } else {
                "no_such_row"
            };
            return refused(fault, None);
        };
        let version = self.state.version(op.entity, op.row_id).map_or(0, |version| version.row_ver);
        let site = if op.entity == Entity::Locations { Some(op.row_id) } else { id_of(&current, "location_id") };
        let own_job = op.entity == Entity::Jobs && id_of(&current, "assigned_technician_id") == Some(who.author);
        if !self.may_write(who, site) && !own_job {
            return refused("out_of_scope", site);
        }
        let others = self.changed_by_others(op, who.device, version);
        if deletion {
            return self.delete_row(xid, op, who, &current, others);
        }
        if let Some(fault) = self.fault_of_values(op.entity, op.row_id, &op.new) {
            return refused(&fault, None);
        }
        let mut merged = self.merge(xid, op, who, &current);
        if let Some(to) = id_of(&merged.patch, "location_id")
            && self.state.body(Entity::Locations, to).is_none()
        {
            return refused("missing_reference:location_id", site);
        }
        if !is_null(&current, "deleted_at") && !merged.patch.is_empty() {
            let was = current.get("deleted_at").cloned().unwrap_or(Value::Null);
            merged.notes.push(self.clash_with_delete(xid, op, who, site, Side::Client, [&was, &Value::Null]));
            merged.patch.insert("deleted_at".to_owned(), Value::Null);
        }
        let mut row_ver = version;
        if !merged.patch.is_empty() {
            row_ver = self.state.update(xid, self.now, op.entity, op.row_id, &merged.patch).unwrap_or(version);
        }
        if let Some(after) = self.state.fields(op.entity, op.row_id)
            && let Some(fault) = invariant::nothing_lost(op, &current, after, &merged.notes)
        {
            self.violations.push(fault);
        }
        let outcome = match (merged.notes.is_empty(), others) {
            (false, _) => Outcome::Conflict,
            (true, true) => Outcome::Merged,
            (true, false) => Outcome::Applied,
        };
        Verdict { outcome, conflicts: merged.notes, ..Verdict::applied(op.op_id, Some(row_ver), site) }
    }

    fn delete_row(&mut self, xid: u64, op: &Operation, who: &Actor, current: &Fields, others: bool) -> Verdict {
        let site = id_of(current, "location_id");
        let version = self.state.version(op.entity, op.row_id).map(|version| version.row_ver);
        let stamp = Value::String(self.stamp());
        if !is_null(current, "deleted_at") {
            return Verdict::applied(op.op_id, version, site);
        }
        if others {
            let note = self.clash_with_delete(xid, op, who, site, Side::Server, [&Value::Null, &stamp]);
            let applied = Verdict::applied(op.op_id, version, site);
            return Verdict { outcome: Outcome::Conflict, conflicts: vec![note], ..applied };
        }
        let patch = super::fields(json!({"deleted_at": stamp}));
        let version = self.state.update(xid, self.now, op.entity, op.row_id, &patch);
        Verdict::applied(op.op_id, version, site)
    }
}
