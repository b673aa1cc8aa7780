use std::collections::BTreeMap;

use chrono::Utc;
use clara_domain::OpId;
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation, Outcome};
use clara_domain::row::Fields;
use clara_simulation::chance::Chance;
use clara_simulation::company;
use clara_simulation::server::fields;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::pair::{PEOPLE, Pair};

/// A few pushes, and what the office does in between.
pub struct Script {
    chance: Chance,
    number: u64,
}

/// A row as a laptop saw it once, with the versions of both sides.
type Seen = (Entity, Uuid, Fields, (i64, i64));

static SEQ: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(1);

impl Script {
    pub fn of(number: u64) -> Self {
        Self { chance: Chance::of(number, 0x5c21), number }
    }

    pub async fn play(&mut self, pair: &mut Pair, outcomes: &mut BTreeMap<String, u32>) {
        let laptop = self.chance.below(3);
        let mut seen: Vec<Seen> = Vec::new();
        for _ in 0..2 {
            seen.extend(self.look(pair));
        }
        // What the laptop saw may be out of date when it sends.
        for _ in 0..self.chance.below(4) {
            self.office(pair, &seen);
        }
        if self.chance.one_in(2) {
            let other = self.chance.below(3);
            let ops = self.operations(pair, other, &seen);
            self.send(pair, other, &ops, outcomes).await;
        }
        let ops = self.operations(pair, laptop, &seen);
        self.send(pair, laptop, &ops, outcomes).await;
        if self.chance.one_in(4) {
            self.send(pair, laptop, &ops, outcomes).await;
        }
    }

    async fn send(
        &mut self,
        pair: &mut Pair,
        laptop: usize,
        ops: &[(Operation, Operation)],
        outcomes: &mut BTreeMap<String, u32>,
    ) {
        if ops.is_empty() {
            return;
        }
        for receipt in pair.push(laptop, ops).await {
            let word = if receipt.duplicate { "duplicate".to_owned() } else { format!("{:?}", receipt.outcome) };
            *outcomes.entry(word).or_default() += 1;
            // What was refused is sometimes handed to the office.
            if receipt.outcome == Outcome::Rejected && !receipt.duplicate && self.chance.one_in(6) {
                let id = self.chance.uuid();
                let op = self.operation(
                    Entity::ParkedOperations,
                    id,
                    OpKind::Insert,
                    (0, 0),
                    json!({}),
                    json!({
                        "op_id": receipt.op_id, "table_name": "jobs", "row_id": id, "reason": "handed_over",
                    }),
                );
                Box::pin(self.send(pair, laptop, &[op], outcomes)).await;
            }
        }
    }

    fn some(&mut self, pair: &Pair, entity: Entity) -> Option<Uuid> {
        let ids: Vec<Uuid> = pair.model.state.rows(entity, None).map(|(id, _)| id).collect();
        let few = ids.len().min(4);
        if self.chance.one_in(3) { self.chance.pick(&ids).copied() } else { self.chance.pick(&ids[..few]).copied() }
    }

    /// Rows as they are now.
    fn look(&mut self, pair: &Pair) -> Vec<Seen> {
        let kinds = [
            Entity::EquipmentInventory,
            Entity::Jobs,
            Entity::JobEquipment,
            Entity::Photos,
            Entity::Locations,
            Entity::Conflicts,
            Entity::ParkedOperations,
            Entity::InspectionRecords,
        ];
        kinds
            .into_iter()
            .filter_map(|entity| {
                let id = self.some(pair, entity)?;
                let row = pair.model.state.fields(entity, id)?.clone();
                Some((entity, id, row, pair.versions(entity, id)))
            })
            .collect()
    }

    fn word(&mut self) -> String {
        format!("w{}", self.chance.below(50))
    }

    fn office(&mut self, pair: &mut Pair, seen: &[Seen]) {
        let Some((entity, id, row, _)) = self.chance.pick(seen).cloned() else { return };
        let word = self.word();
        let patch = match (entity, self.chance.below(5)) {
            (Entity::EquipmentInventory, 0) => json!({"serial_number": word}),
            (Entity::EquipmentInventory, 1) => json!({"components": {"drive": word, "belt": "A32"}}),
            (Entity::EquipmentInventory, 2) => json!({"notes": format!("Seen\n{word}")}),
            (Entity::EquipmentInventory | Entity::Photos, 3) => json!({"deleted_at": "2026-03-01T00:00:00.000000Z"}),
            (Entity::Jobs, 0) => json!({"title": word}),
            (Entity::Jobs, 1) => {
                json!({"assigned_technician_id": company::id(*self.chance.pick(&PEOPLE).unwrap())})
            }
            (Entity::Jobs, 2) => json!({"checklist": [{"key": "keys", "label": "Keys", "done": true, "by": word}]}),
            (Entity::Jobs, 3) => json!({"actual_end_time": "2026-03-02T13:00:00.000000Z"}),
            (Entity::Locations, _) => json!({"access_notes": format!("Ring once\n{word}")}),
            (Entity::Photos, 4) | (Entity::JobEquipment, 4) => return pair.delete(entity, id),
            _ => return,
        };
        if row.contains_key("row_id") || pair.model.state.body(entity, id).is_none() {
            return;
        }
        pair.office(entity, id, &fields(patch));
    }

    fn operation(
        &mut self,
        entity: Entity,
        row: Uuid,
        kind: OpKind,
        versions: (i64, i64),
        base: Value,
        new: Value,
    ) -> (Operation, Operation) {
        let op = Operation {
            op_id: OpId(self.chance.uuid()),
            seq: SEQ.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
            root_id: row,
            entity,
            row_id: row,
            kind,
            base_row_ver: versions.0,
            base: fields(base),
            new: fields(new),
            schema_version: 1,
            local_at: Utc::now(),
            clock_offset_ms: Some(5),
        };
        let theirs = Operation { base_row_ver: versions.1, ..op.clone() };
        (op, theirs)
    }

    /// Old values of what is changed, as a mirror keeps them.
    fn base_of(row: &Fields, new: &Value) -> Value {
        let mut base = Map::new();
        for (name, value) in new.as_object().unwrap() {
            let old = row.get(name).cloned().unwrap_or(Value::Null);
            let by_key = matches!(name.as_str(), "components" | "metadata" | "checklist");
            base.insert(
                name.clone(),
                match value {
                    Value::Object(keys) if by_key => {
                        let part = |key: &str| match &old {
                            Value::Object(object) => object.get(key).cloned().unwrap_or(Value::Null),
                            Value::Array(items) => {
                                items.iter().find(|item| item["key"] == key).cloned().unwrap_or(Value::Null)
                            }
                            _ => Value::Null,
                        };
                        Value::Object(keys.keys().map(|key| (key.clone(), part(key))).collect())
                    }
                    _ => old,
                },
            );
        }
        Value::Object(base)
    }

    fn operations(&mut self, pair: &Pair, laptop: usize, seen: &[Seen]) -> Vec<(Operation, Operation)> {
        let mut ops: Vec<(Operation, Operation)> = Vec::new();
        for _ in 0..1 + self.chance.below(5) {
            let made = if self.chance.one_in(3) { self.insert(pair, laptop) } else { self.change(pair, seen) };
            if let Some((mut ours, mut theirs)) = made {
                // The same record, by the name that it has on each side.
                theirs.row_id = pair.twin(theirs.row_id);
                theirs.root_id = pair.twin(theirs.root_id);
                if ours.row_id != theirs.row_id {
                    // The ledger compares content by content; each side has its own.
                    ours.root_id = ours.row_id;
                    theirs.root_id = theirs.row_id;
                }
                ops.push((ours, theirs));
            }
        }
        ops
    }

    fn change(&mut self, pair: &Pair, seen: &[Seen]) -> Option<(Operation, Operation)> {
        let (entity, id, row, versions) = self.chance.pick(seen).cloned()?;
        let word = self.word();
        let choice = self.chance.below(7);
        if choice == 6 && matches!(entity, Entity::Photos | Entity::JobEquipment | Entity::EquipmentInventory) {
            return Some(self.operation(entity, id, OpKind::Delete, versions, json!({}), json!({})));
        }
        let new = match (entity, choice) {
            (Entity::EquipmentInventory, 0) => json!({"serial_number": word}),
            (Entity::EquipmentInventory, 1) => json!({"components": {"drive": word}}),
            (Entity::EquipmentInventory, 2) => {
                json!({"components": {"belt": null, "motor": word}, "notes": format!("Seen\n{word}")})
            }
            (Entity::EquipmentInventory, 3) => json!({"status": "exploded"}),
            (Entity::EquipmentInventory, 4) => json!({"equipment_model_id": self.chance.uuid()}),
            (Entity::EquipmentInventory, _) => json!({"location_detail": word, "metadata": {"tag": "x"}}),
            (Entity::Jobs, 0) => json!({"title": word}),
            (Entity::Jobs, 1) => {
                json!({"checklist": {"keys": {"key": "keys", "label": "Keys", "done": true, "by": word}}})
            }
            (Entity::Jobs, 2) => json!({"checklist": {"new": {"key": "new", "label": word, "done": false}}}),
            (Entity::Jobs, 3) => {
                json!({"actual_end_time": format!("2026-03-02T1{}:00:00.000000Z", self.chance.below(9))})
            }
            (Entity::Jobs, 4) => json!({"job_number": word}),
            (Entity::Jobs, _) => json!({"job_status": "completed"}),
            (Entity::JobEquipment, _) => json!({"notes": word}),
            (Entity::Photos, _) => json!({"caption": word}),
            (Entity::Locations, 0) => json!({"address": word}),
            (Entity::Locations, _) => json!({"access_notes": format!("Ring twice\n{word}")}),
            (Entity::Conflicts, n) => {
                let choice = ["server", "client", "both", "none"][n % 4];
                json!({"resolution": choice})
            }
            (Entity::ParkedOperations, n) => {
                let choice = ["accepted", "declined", "accept"][n % 3];
                json!({"decision": choice})
            }
            (_, _) => json!({"findings": word}),
        };
        pair.model.state.body(entity, id)?;
        let base = Self::base_of(&row, &new);
        Some(self.operation(entity, id, OpKind::Update, versions, base, new))
    }

    fn insert(&mut self, pair: &Pair, laptop: usize) -> Option<(Operation, Operation)> {
        let (id, word) = (self.chance.uuid(), self.word());
        let job = self.some(pair, Entity::Jobs)?;
        let item = self.some(pair, Entity::EquipmentInventory)?;
        let site = company::site(self.chance.below(5));
        let me = company::id(PEOPLE[laptop]);
        let nowhere = if self.chance.one_in(8) { self.chance.uuid() } else { job };
        let (entity, new) = match self.chance.below(8) {
            0 => (Entity::EquipmentInventory, json!({"location_id": site, "notes": word})),
            1 => (Entity::JobEquipment, json!({"job_id": nowhere, "equipment_id": item})),
            2 | 3 => {
                let signed = if self.chance.one_in(8) { company::id(0xc1) } else { me };
                (
                    Entity::InspectionRecords,
                    json!({
                        "job_id": nowhere, "equipment_id": item, "inspector_id": signed, "inspection_date": "2026-03-02",
                        "findings": word, "passed": true, "measurements": {"psi": 10.5}, "deficiencies": [],
                    }),
                )
            }
            4 => (
                Entity::DataCaptureLogs,
                json!({
                    "job_id": job, "equipment_id": item, "technician_id": me, "captured_fields": ["a"],
                    "completion_percentage": 50.0,
                }),
            ),
            5 => (
                Entity::Photos,
                json!({
                    "equipment_id": item, "mime": "image/jpeg", "byte_count": 10, "caption": word,
                    "sha256": format!("{:064x}", id.as_u128()),
                }),
            ),
            6 => (
                Entity::Jobs,
                json!({
                    "job_number": if self.chance.one_in(4) { "J-1".to_owned() } else { format!("S-{}-{word}", self.number) },
                    "customer_id": company::id(0x2000), "location_id": site, "assigned_technician_id": me,
                    "job_type": "repair", "scheduled_date": "2026-03-09", "title": "Repair",
                }),
            ),
            _ => {
                let amended = self.some(pair, Entity::InspectionRecords)?;
                (
                    Entity::InspectionRecords,
                    json!({
                        "job_id": job, "inspector_id": me, "amends_inspection_id": amended,
                        "inspection_date": "2026-03-02", "findings": word,
                    }),
                )
            }
        };
        Some(self.operation(entity, id, OpKind::Insert, (0, 0), json!({}), new))
    }
}
