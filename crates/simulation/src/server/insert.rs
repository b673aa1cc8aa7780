//! New rows, table by table. All of one table that came in one push are judged against what was there before it.

use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Outcome};
use clara_domain::row::Fields;
use serde_json::{Value, json};
use uuid::Uuid;

use super::change::Actor;
use super::ledger::Verdict;
use super::policy::{Writer, rule};
use super::{Server, id_of, is_null, text};

/// The order in which a push takes new rows: parents before children.
pub(super) const ORDER: [Entity; 7] = [
    Entity::Jobs,
    Entity::EquipmentInventory,
    Entity::JobEquipment,
    Entity::InspectionRecords,
    Entity::DataCaptureLogs,
    Entity::Photos,
    Entity::PerformanceMetrics,
];

impl Server {
    /// All at once, save that what amends an inspection goes in after it.
    pub(super) fn insert_batch(&mut self, xid: u64, ops: &[Operation], who: &Actor) -> Vec<Verdict> {
        let amended = |op: &Operation| {
            if op.entity == Entity::InspectionRecords { id_of(&op.new, "amends_inspection_id") } else { None }
        };
        let mut verdicts: Vec<Verdict> = Vec::new();
        let mut left = ops.to_vec();
        while !left.is_empty() {
            let held = |op: &Operation, verdicts: &[Verdict]| {
                let behind = ops.iter().filter(|other| Some(other.row_id) == amended(op));
                let parked = |other: &Operation| {
                    let of = |verdict: &&Verdict| verdict.op_id == other.op_id;
                    verdicts.iter().find(of).filter(|verdict| verdict.outcome == Outcome::Parked)
                };
                behind.filter_map(parked).map(|verdict| verdict.location).next()
            };
            let waits = |op: &Operation| left.iter().any(|other| Some(other.row_id) == amended(op));
            let (mut first, mut later, mut made) = (Vec::new(), Vec::new(), Vec::new());
            for op in &left {
                match held(op, &verdicts) {
                    Some(site) => {
                        made.push(Verdict::refused(op.op_id, "parent_parked:amends_inspection_id", site));
                    }
                    None if waits(op) => later.push(op.clone()),
                    None => first.push(op.clone()),
                }
            }
            // Each amends another, in a ring.
            if first.is_empty() && made.is_empty() {
                first = std::mem::take(&mut later);
            }
            verdicts.extend(made);
            verdicts.extend(self.insert_rows(xid, &first, who));
            left = later;
        }
        verdicts
    }

    /// Judges all, then takes those without fault.
    fn insert_rows(&mut self, xid: u64, ops: &[Operation], who: &Actor) -> Vec<Verdict> {
        let judged: Vec<_> = ops.iter().map(|op| (op, self.judge_insert(op, who))).collect();
        judged
            .into_iter()
            .map(|(op, (site, fault))| match fault.or_else(|| self.fault_of_late(op)) {
                Some(fault) => Verdict::refused(op.op_id, &fault, site),
                None => self.take(xid, op, who, site),
            })
            .collect()
    }

    /// What only the table itself finds: the same key from an operation before it in the same push.
    fn fault_of_late(&self, op: &Operation) -> Option<String> {
        if op.entity != Entity::PerformanceMetrics && self.state.body(op.entity, op.row_id).is_some() {
            return Some("exists".to_owned());
        }
        self.fault_of_values(op.entity, op.row_id, &op.new)
    }

    fn missing(&self, field: &str, id: Option<Uuid>) -> Option<String> {
        Some(match id {
            None => format!("missing_value:{field}"),
            Some(id) if self.state.is_parked(id) => format!("parent_parked:{field}"),
            Some(_) => format!("missing_reference:{field}"),
        })
    }

    fn judge_insert(&self, op: &Operation, who: &Actor) -> (Option<Uuid>, Option<String>) {
        if let Some(fault) = self.fault_of_fields(op.entity, &op.new, true, who.sees_all) {
            return (None, Some(fault));
        }
        let new = &op.new;
        let there = self.state.body(op.entity, op.row_id).is_some();
        let exists = there.then(|| "exists".to_owned());
        let out = |site| (!self.may_write(who, site)).then(|| "out_of_scope".to_owned());
        match op.entity {
            Entity::Jobs | Entity::EquipmentInventory => {
                let stated = id_of(new, "location_id");
                let site = stated.filter(|id| self.state.body(Entity::Locations, *id).is_some());
                let fault = if op.entity == Entity::Jobs && !who.sees_all {
                    Some("not_allowed".to_owned())
                } else if site.is_none() {
                    self.missing("location_id", stated)
                } else {
                    let out = if op.entity == Entity::Jobs { None } else { out(site) };
                    out.or(exists).or_else(|| self.missing_values(op))
                };
                (site, fault)
            }
            Entity::JobEquipment | Entity::InspectionRecords | Entity::DataCaptureLogs => {
                self.judge_record(op, who, exists)
            }
            Entity::Photos => self.judge_photo(op, who, exists),
            _ => (None, self.missing_values(op)),
        }
    }

    fn judge_record(&self, op: &Operation, who: &Actor, exists: Option<String>) -> (Option<Uuid>, Option<String>) {
        let new = &op.new;
        let (job, item) = (id_of(new, "job_id"), id_of(new, "equipment_id"));
        let Some(site) = job.and_then(|id| self.state.fields(Entity::Jobs, id)).map(|row| id_of(row, "location_id"))
        else {
            return (None, self.missing("job_id", job));
        };
        let at = item.and_then(|id| self.state.fields(Entity::EquipmentInventory, id));
        if at.is_none() && (item.is_some() || op.entity == Entity::JobEquipment) {
            return (site, self.missing("equipment_id", item));
        }
        if let Some(amended) = id_of(new, "amends_inspection_id")
            && self.state.body(Entity::InspectionRecords, amended).is_none()
        {
            return (site, self.missing("amends_inspection_id", Some(amended)));
        }
        let signature = match op.entity {
            Entity::InspectionRecords => "inspector_id",
            Entity::DataCaptureLogs => "technician_id",
            _ => "",
        };
        if !who.sees_all && id_of(new, signature).is_some_and(|signed| signed != who.author) {
            return (site, Some(format!("not_yours:{signature}")));
        }
        if !self.may_write(who, site) {
            return (site, Some("out_of_scope".to_owned()));
        }
        let elsewhere = at.is_some_and(|row| id_of(row, "location_id") != site);
        if elsewhere && !who.sees_all && !who.deciding {
            return (site, Some("other_site:equipment_id".to_owned()));
        }
        (site, exists.or_else(|| self.missing_values(op)))
    }

    fn judge_photo(&self, op: &Operation, who: &Actor, exists: Option<String>) -> (Option<Uuid>, Option<String>) {
        let new = &op.new;
        let place = |entity, name: &str| {
            let id = id_of(new, name)?;
            id_of(self.state.fields(entity, id)?, "location_id")
        };
        let (inspection, job, item) = (id_of(new, "inspection_id"), id_of(new, "job_id"), id_of(new, "equipment_id"));
        let at_inspection = place(Entity::InspectionRecords, "inspection_id");
        let (at_job, at_item) = (place(Entity::Jobs, "job_id"), place(Entity::EquipmentInventory, "equipment_id"));
        let stated = id_of(new, "location_id").filter(|id| self.state.body(Entity::Locations, *id).is_some());
        let site = at_job.or(at_inspection).or(at_item).or(stated);
        let fault = if inspection.is_some() && at_inspection.is_none() && at_job.is_none() && at_item.is_none() {
            self.missing("inspection_id", inspection)
        } else if job.is_some() && at_job.is_none() {
            self.missing("job_id", job)
        } else if item.is_some() && at_item.is_none() {
            self.missing("equipment_id", item)
        } else if site.is_none() {
            self.missing("location_id", id_of(new, "location_id"))
        } else if text(Some(new), "sha256").is_none_or(|hash| hash.len() != 64) {
            Some("bad_value:sha256".to_owned())
        } else if !self.may_write(who, site) {
            Some("out_of_scope".to_owned())
        } else {
            let elsewhere = [at_inspection, at_item].into_iter().flatten().any(|at| Some(at) != site);
            let other_site =
                (elsewhere && !who.sees_all && !who.deciding).then(|| "other_site:equipment_id".to_owned());
            other_site.or(exists).or_else(|| self.missing_values(op))
        };
        (site, fault)
    }

    fn missing_values(&self, op: &Operation) -> Option<String> {
        let needed: &[&str] = match op.entity {
            Entity::Jobs => &["job_number", "customer_id", "job_type", "scheduled_date", "title"],
            Entity::InspectionRecords => &["inspection_date"],
            Entity::DataCaptureLogs => &["captured_fields"],
            Entity::Photos => &["mime", "byte_count"],
            Entity::PerformanceMetrics => &["function_name", "duration_ms", "success"],
            _ => &[],
        };
        needed.iter().find(|name| is_null(&op.new, name)).map(|name| format!("missing_value:{name}"))
    }

    fn take(&mut self, xid: u64, op: &Operation, who: &Actor, site: Option<Uuid>) -> Verdict {
        let mut row = op.new.clone();
        row.retain(|name, _| rule(op.entity, name).is_none_or(|rule| rule.inserted_by != Writer::Server));
        if op.entity == Entity::PerformanceMetrics {
            self.state.metrics.insert(op.row_id, row);
            return Verdict::applied(op.op_id, None, None);
        }
        for (name, value) in self.defaults(op, who, site) {
            if row.get(name).is_none_or(|given| given.is_null() && name.ends_with("_id")) {
                row.insert(name.to_owned(), value);
            }
        }
        let version = self.state.insert(xid, self.now, op.entity, op.row_id, row);
        Verdict::applied(op.op_id, Some(version), site)
    }

    fn defaults(&self, op: &Operation, who: &Actor, site: Option<Uuid>) -> Vec<(&'static str, Value)> {
        let author = json!(who.author);
        match op.entity {
            Entity::Jobs => vec![
                ("job_status", json!("scheduled")),
                ("priority", json!("normal")),
                ("checklist", json!([])),
                ("metadata", json!({})),
            ],
            Entity::EquipmentInventory => {
                vec![("status", json!("active")), ("components", json!({})), ("metadata", json!({}))]
            }
            Entity::InspectionRecords => vec![
                ("inspector_id", author),
                ("deficiencies", json!([])),
                ("measurements", json!({})),
                ("metadata", json!({})),
                ("photo_urls", self.urls_of(op.row_id, site)),
            ],
            Entity::DataCaptureLogs => vec![
                ("technician_id", author),
                ("missing_fields", json!([])),
                ("captured_at", Value::String(self.stamp())),
            ],
            Entity::Photos => {
                vec![("state", json!("waiting")), ("created_by", author), ("location_id", json!(site))]
            }
            _ => Vec::new(),
        }
    }

    /// Photos whose bytes were here before the record.
    fn urls_of(&self, inspection: Uuid, site: Option<Uuid>) -> Value {
        let is_its = |row: &Fields| {
            id_of(row, "inspection_id") == Some(inspection)
                && id_of(row, "location_id") == site
                && text(Some(row), "state").as_deref() == Some("stored")
                && is_null(row, "deleted_at")
        };
        let rows = self.state.rows(Entity::Photos, None).filter(|(_, body)| is_its(&body.fields));
        rows.filter_map(|(_, body)| Some(format!("clara-photo:{}", text(Some(&body.fields), "sha256")?))).collect()
    }
}
