//! What happened to every operation, in the transaction of the effect.

use clara_domain::mirror::Entity;
use clara_domain::operation::{ConflictNote, Operation, Outcome, Receipt};
use clara_domain::{DeviceId, OpId};
use uuid::Uuid;

use super::Server;
use crate::control::Control;

/// One line of the ledger.
#[derive(Debug, Clone)]
pub struct LedgerLine {
    /// As it came.
    pub operation: Operation,
    /// From where.
    pub device: DeviceId,
    /// From whom.
    pub author: Uuid,
    /// The answer.
    pub receipt: Receipt,
}

/// What became of one operation.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Which.
    pub op_id: OpId,
    /// In effect, waiting or refused.
    pub outcome: Outcome,
    /// Why.
    pub code: Option<String>,
    /// About which field.
    pub field: Option<String>,
    /// The row's version after it.
    pub row_ver: Option<i64>,
    /// The site.
    pub location: Option<Uuid>,
    /// What was recorded.
    pub conflicts: Vec<ConflictNote>,
}

impl Verdict {
    pub(crate) fn applied(op_id: OpId, row_ver: Option<i64>, location: Option<Uuid>) -> Self {
        let (code, field) = (None, None);
        Self { op_id, outcome: Outcome::Applied, code, field, row_ver, location, conflicts: Vec::new() }
    }

    /// `fault` is a code, and a field after a colon.
    pub(crate) fn refused(op_id: OpId, fault: &str, location: Option<Uuid>) -> Self {
        let (code, field) = fault.split_once(':').map_or((fault, None), |(code, field)| (code, Some(field)));
        let outcome = match code {
            "out_of_scope" | "other_site" | "parent_parked" => Outcome::Parked,
            _ => Outcome::Rejected,
        };
        let field = field.filter(|field| !field.is_empty()).map(str::to_owned);
        Self { op_id, outcome, code: Some(code.to_owned()), field, row_ver: None, location, conflicts: Vec::new() }
    }

    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.outcome, Outcome::Parked | Outcome::Rejected)
    }
}

impl Server {
    /// Writes a line and answers the receipt.
    pub(super) fn enter(
        &mut self,
        operation: &Operation,
        verdict: Verdict,
        device: DeviceId,
        author: Uuid,
        xid: u64,
    ) -> Receipt {
        let op_id = operation.op_id;
        let verdict_site = verdict.location;
        let effective = matches!(verdict.outcome, Outcome::Applied | Outcome::Merged | Outcome::Conflict);
        let receipt = Receipt {
            op_id,
            outcome: verdict.outcome,
            duplicate: false,
            row_ver: verdict.row_ver,
            applied_xid: effective.then(|| xid.to_string()),
            code: verdict.code,
            field: verdict.field,
            message: None,
            conflicts: verdict.conflicts,
        };
        if effective {
            if let Some(fault) = self.fault_of_authority(operation, author, verdict_site) {
                self.violations.push(fault);
            }
            let times = self.state.effects.entry(op_id).or_default();
            *times += 1;
            if *times > 1 {
                self.violations.push(format!("I3: operation {op_id} took effect {times} times"));
            }
        }
        if self.is_broken(Control::LedgerOff) {
            return receipt;
        }
        let place = (device, operation.seq);
        if let Some(other) = self.state.places.get(&place)
            && *other != op_id
        {
            self.violations.push(format!("I3: two operations have place {} in the history of {device}", operation.seq));
        }
        self.state.places.insert(place, op_id);
        if !self.state.ledger.contains_key(&op_id) {
            self.state.by_row.entry(operation.row_id).or_default().push(op_id);
        }
        let line = LedgerLine { operation: operation.clone(), device, author, receipt: receipt.clone() };
        self.state.ledger.insert(op_id, line);
        receipt
    }

    /// I4, the other way round: nobody wrote at a site that is not theirs.
    fn fault_of_authority(&self, op: &Operation, author: Uuid, site: Option<Uuid>) -> Option<String> {
        let own_job = op.entity == Entity::Jobs
            && self.state.fields(Entity::Jobs, op.row_id).and_then(|row| super::id_of(row, "assigned_technician_id"))
                == Some(author);
        let exempt = matches!(op.entity, Entity::ParkedOperations | Entity::PerformanceMetrics);
        let allowed = exempt || own_job || self.sees_all(author) || self.state.holds(author, site);
        (!allowed).then(|| format!("I4: {author} wrote {} at a site that is not theirs", op.entity))
    }

    /// Operations about a row, in the order in which they came.
    pub(super) fn lines_of(&self, row: Uuid) -> impl DoubleEndedIterator<Item = &LedgerLine> {
        let ids = self.state.by_row.get(&row).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| self.state.ledger.get(id))
    }

    /// Who last wrote a field through a push.
    pub(super) fn last_author(&self, row: Uuid, field: &str) -> Option<Uuid> {
        let column = field.split('.').next().unwrap_or(field);
        self.lines_of(row)
            .rev()
            .find(|line| {
                matches!(line.receipt.outcome, Outcome::Applied | Outcome::Merged | Outcome::Conflict)
                    && line.operation.new.contains_key(column)
            })
            .map(|line| line.author)
    }

    /// Whether somebody else has written the row since the laptop looked at it.
    pub(super) fn changed_by_others(&self, op: &Operation, device: DeviceId, version: i64) -> bool {
        if version == op.base_row_ver {
            return false;
        }
        let own = self
            .lines_of(op.row_id)
            .filter(|line| line.device == device && line.receipt.row_ver.is_some())
            .max_by_key(|line| line.operation.seq)
            .and_then(|line| line.receipt.row_ver.filter(|_| line.receipt.outcome == Outcome::Applied));
        own != Some(version)
    }

    pub(super) fn is_tombstone(&self, entity: Entity, id: Uuid) -> bool {
        self.state.tombstones.contains_key(&(entity, id))
    }
}
