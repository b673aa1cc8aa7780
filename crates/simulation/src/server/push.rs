//! The one way in which a laptop writes: every operation is judged by itself, and what became of it is in the ledger.

use std::collections::BTreeMap;

use clara_domain::DeviceId;
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation, Outcome, Receipt};
use clara_sync::CentralError;
use serde_json::json;
use uuid::Uuid;

use super::change::Actor;
use super::insert::ORDER;
use super::ledger::Verdict;
use super::{LOCKED, Server, id_of};
use crate::control::Control;

/// The number and the measured clock are the laptop's business and may differ when an operation is sent again.
fn content(operation: &Operation) -> Operation {
    Operation { seq: 0, clock_offset_ms: None, ..operation.clone() }
}

impl Server {
    /// Takes operations; one receipt each.
    pub fn push(&mut self, user: Uuid, device: DeviceId, ops: &[Operation]) -> Result<Vec<Receipt>, CentralError> {
        let refuse = |code: &str| Err(CentralError::DeviceRefused(code.to_owned()));
        let known = self.state.devices.get(&device).cloned();
        let Some(laptop) = known.filter(|laptop| laptop.user == user && self.is_active(user)) else {
            return refuse("device_unknown");
        };
        if laptop.revoked {
            return refuse("device_revoked");
        }
        if laptop.cloned {
            return refuse("device_cloned");
        }
        if self.in_recovery {
            return Err(CentralError::Refused { code: "25006".to_owned(), message: "read only".to_owned() });
        }
        if ops.iter().any(|op| self.is_about_locked(op)) {
            return Err(CentralError::Busy(LOCKED.to_owned()));
        }
        if self.is_clone(device, ops) {
            let xid = self.begin();
            self.mark_cloned(xid, device);
            return refuse("device_cloned");
        }
        let xid = self.begin();
        let who = Actor { device, author: user, sees_all: self.sees_all(user), deciding: false };
        let mut receipts = Vec::new();
        let mut batch = Vec::new();
        for op in ops {
            match self.replayed(op, xid) {
                Some(receipt) => receipts.push(receipt),
                None => batch.push(op.clone()),
            }
        }
        batch.sort_by_key(|op| op.seq);
        let verdicts = self.judge(xid, &batch, &who);
        for op in &batch {
            if let Some(verdict) = verdicts.iter().find(|verdict| verdict.op_id == op.op_id) {
                receipts.push(self.enter(op, verdict.clone(), device, user, xid));
            }
        }
        Ok(receipts)
    }

    fn is_clone(&self, device: DeviceId, ops: &[Operation]) -> bool {
        if self.is_broken(Control::CloneUndetected) || self.is_broken(Control::LedgerOff) {
            return false;
        }
        let taken = |op: &Operation| self.state.places.get(&(device, op.seq)).is_some_and(|other| *other != op.op_id);
        let twice = |op: &Operation| ops.iter().any(|other| other.seq == op.seq && other.op_id != op.op_id);
        ops.iter().any(|op| taken(op) || twice(op))
    }

    fn mark_cloned(&mut self, xid: u64, device: DeviceId) {
        if let Some(laptop) = self.state.devices.get_mut(&device) {
            laptop.cloned = true;
        }
        // What others see of the device does not change, but its row does.
        self.state.update(xid, self.now, Entity::Devices, device.uuid(), &super::fields(json!({})));
    }

    /// The stored answer, where the operation came before.
    fn replayed(&self, op: &Operation, xid: u64) -> Option<Receipt> {
        if self.is_broken(Control::LedgerOff) || self.is_broken(Control::DuplicateUndetected) {
            return None;
        }
        let line = self.state.ledger.get(&op.op_id)?;
        if content(&line.operation) != content(op) {
            let refused = Verdict::refused(op.op_id, "op_changed", None);
            return Some(Receipt {
                op_id: op.op_id,
                outcome: refused.outcome,
                duplicate: false,
                row_ver: None,
                applied_xid: None,
                code: refused.code,
                field: None,
                message: None,
                conflicts: Vec::new(),
            });
        }
        let mut receipt = Receipt { duplicate: true, ..line.receipt.clone() };
        // From before a dump was loaded into a younger cluster it would lie in the future.
        receipt.applied_xid = receipt.applied_xid.map(|text| match text.parse::<u64>() {
            Ok(applied) if applied < xid => text,
            _ => xid.to_string(),
        });
        Some(receipt)
    }

    fn judge(&mut self, xid: u64, batch: &[Operation], who: &Actor) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> = Vec::new();
        for entity in ORDER {
            let group: Vec<Operation> =
                batch.iter().filter(|op| op.kind == OpKind::Insert && op.entity == entity).cloned().collect();
            if !group.is_empty() {
                let made = self.insert_batch(xid, &group, who);
                for verdict in &made {
                    if let Some(op) = group.iter().find(|op| op.op_id == verdict.op_id) {
                        self.park(xid, op, verdict, who);
                    }
                }
                verdicts.extend(made);
            }
        }
        let mut seen: BTreeMap<Uuid, i64> = BTreeMap::new();
        for verdict in &verdicts {
            if let (Some(op), Some(version)) = (batch.iter().find(|op| op.op_id == verdict.op_id), verdict.row_ver) {
                seen.insert(op.row_id, version);
            }
        }
        for op in batch {
            if verdicts.iter().any(|verdict| verdict.op_id == op.op_id) {
                continue;
            }
            let verdict = if op.kind == OpKind::Insert && op.entity == Entity::ParkedOperations {
                self.hand_over(xid, op, who)
            } else if op.kind == OpKind::Insert {
                Verdict::refused(op.op_id, "not_allowed", None)
            } else {
                let mut op = op.clone();
                // The laptop's own earlier operation moved the version: that is no change by others.
                if let Some(version) = seen.get(&op.row_id) {
                    op.base_row_ver = *version;
                }
                let verdict = self.apply_one(xid, &op, who);
                if let (Outcome::Applied, Some(version)) = (verdict.outcome, verdict.row_ver) {
                    seen.insert(op.row_id, version);
                }
                self.park(xid, &op, &verdict, who);
                verdict
            };
            verdicts.push(verdict);
        }
        verdicts
    }

    /// One operation, whatever it is.
    pub(super) fn apply_one(&mut self, xid: u64, op: &Operation, who: &Actor) -> Verdict {
        if op.kind == OpKind::Insert {
            let mut made = self.insert_batch(xid, std::slice::from_ref(op), who);
            return made.pop().unwrap_or_else(|| Verdict::refused(op.op_id, "unknown_kind", None));
        }
        match op.entity {
            Entity::Conflicts => self.resolve_conflict(xid, op, who),
            Entity::ParkedOperations => self.decide_parked(xid, op, who),
            _ => self.change_row(xid, op, who),
        }
    }

    fn is_about_locked(&self, op: &Operation) -> bool {
        if self.state.running.is_empty() {
            return false;
        }
        let about = |entity| self.state.fields(entity, op.row_id).and_then(|row| id_of(row, "row_id"));
        let inner = match op.entity {
            Entity::Conflicts => about(Entity::Conflicts),
            Entity::ParkedOperations => about(Entity::ParkedOperations),
            _ => None,
        };
        self.is_locked(op.row_id) || inner.is_some_and(|row| self.is_locked(row))
    }

    /// Whether an open transaction holds a row.
    pub(super) fn is_locked(&self, row: Uuid) -> bool {
        self.state.running.values().any(|open| open.changes.iter().any(|(_, id, _)| *id == row))
    }
}
