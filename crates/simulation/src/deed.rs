//! What people do on their laptops, through the mirror's own door for writing.

use clara_domain::mirror::Entity;
use clara_domain::operation::OpKind;
use clara_domain::row::Row;
use clara_domain::{InspectionId, OpId, PhotoId};
use clara_local::{DraftSave, Mirror, MirrorError, OpState, PhotoNew, WriteTx};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chance::Chance;
use crate::company;
use crate::server::{fields, policy};
use crate::story::Deed;

/// What a save was made of.
#[derive(Debug, Default)]
pub struct Done {
    /// Acknowledged, if the save is.
    pub saved: Vec<(OpId, Entity, OpKind, Uuid)>,
    /// Taken back, or replaced by others.
    pub taken_back: Vec<OpId>,
    /// The draft as it now is; none where it was removed.
    pub draft: Option<(InspectionId, Option<Value>)>,
}

impl Done {
    fn operation(op_id: Option<OpId>, entity: Entity, kind: OpKind, row: Uuid) -> Self {
        Self { saved: op_id.map(|op_id| (op_id, entity, kind, row)).into_iter().collect(), ..Self::default() }
    }
}

/// A person at a laptop.
pub struct Person<'m> {
    /// Whose.
    pub user: Uuid,
    /// What they see.
    pub mirror: &'m Mirror,
    /// What they choose by.
    pub chance: Chance,
}

/// A save that is ready to be made.
pub type Save = Box<dyn FnOnce(&mut WriteTx<'_, '_>) -> Result<Done, MirrorError>>;

fn id_at(row: &Row, entity: Entity, column: &str) -> Option<Uuid> {
    row.fields(entity.table()?).get(column)?.as_str().and_then(|id| Uuid::parse_str(id).ok())
}

impl Person<'_> {
    fn any(&mut self, entity: Entity) -> Option<Row> {
        let rows = self.mirror.read::<_, MirrorError>(|read| read.all(entity)).ok()?;
        self.chance.pick(&rows).cloned()
    }

    /// One of the few that people come back to, so that they meet.
    fn favourite(&mut self, entity: Entity) -> Option<Row> {
        let rows = self.mirror.read::<_, MirrorError>(|read| read.all(entity)).ok()?;
        let few = rows.len().min(3);
        if self.chance.one_in(3) { self.chance.pick(&rows).cloned() } else { self.chance.pick(&rows[..few]).cloned() }
    }

    /// The one that was made last, so that a row is met at both of its ends.
    fn newest(&self, entity: Entity) -> Option<Row> {
        let made = |row: &Row| Some(row.fields(entity.table()?).get("created_at")?.as_str()?.to_owned());
        let rows = self.mirror.read::<_, MirrorError>(|read| read.all(entity)).ok()?;
        rows.into_iter().max_by_key(|row| (made(row), row.id))
    }

    fn word(&mut self) -> String {
        format!("w{}", self.chance.below(1000))
    }

    fn update(row: Uuid, entity: Entity, values: Value) -> Save {
        Box::new(move |tx| {
            let op = tx.update(entity, row, row, fields(values))?;
            Ok(Done::operation(op, entity, OpKind::Update, row))
        })
    }

    fn insert(row: Uuid, entity: Entity, root: Uuid, values: Value) -> Save {
        Box::new(move |tx| {
            let op = tx.insert(entity, row, root, fields(values))?;
            Ok(Done::operation(Some(op), entity, OpKind::Insert, row))
        })
    }

    fn is_manager(&self) -> bool {
        self.user == company::id(company::MANAGER)
    }

    /// What there is to do, if there is anything.
    pub fn plan(&mut self, deed: Deed) -> Option<Save> {
        match deed {
            Deed::EditItem => self.edit_item(),
            Deed::EditParts => {
                let row = self.favourite(Entity::EquipmentInventory)?.id;
                let key = *self.chance.pick(&["drive", "belt", "motor"])?;
                let value = if self.chance.one_in(5) { Value::Null } else { json!(self.word()) };
                let column = if self.chance.one_in(4) { "metadata" } else { "components" };
                Some(Self::update(row, Entity::EquipmentInventory, json!({column: {key: value}})))
            }
            Deed::NewItem => {
                let (site, row) = (self.any(Entity::Locations)?.id, self.chance.uuid());
                let values = json!({"location_id": site, "manual_model_number": self.word(), "notes": "New"});
                Some(Self::insert(row, Entity::EquipmentInventory, row, values))
            }
            Deed::Inspect => self.inspect(),
            Deed::Amend => {
                let record = self.any(Entity::InspectionRecords)?;
                let (job, row) = (id_at(&record, Entity::InspectionRecords, "job_id")?, self.chance.uuid());
                let values = json!({
                    "job_id": job, "inspector_id": self.user, "amends_inspection_id": record.id,
                    "inspection_date": "2026-03-04", "findings": self.word(),
                });
                Some(Self::insert(row, Entity::InspectionRecords, row, values))
            }
            Deed::Photo => self.photo(),
            Deed::Caption => {
                let row = self.favourite(Entity::Photos)?.id;
                let caption = self.word();
                Some(Self::update(row, Entity::Photos, json!({"caption": caption})))
            }
            Deed::DropPhoto => Some(Self::delete(self.favourite(Entity::Photos)?.id, Entity::Photos)),
            Deed::Tick => {
                let row = self.favourite(Entity::Jobs)?.id;
                let done = self.chance.one_in(2);
                let item = json!({"key": "keys", "label": "Keys", "done": done, "by": self.word()});
                Some(Self::update(row, Entity::Jobs, json!({"checklist": {"keys": item}})))
            }
            Deed::WorkJob => self.work_job(),
            Deed::SiteNotes => {
                let row = self.favourite(Entity::Locations)?.id;
                let notes = format!("Ring twice\n{}", self.word());
                Some(Self::update(row, Entity::Locations, json!({"access_notes": notes})))
            }
            Deed::LinkItem => {
                let job = self.any(Entity::Jobs)?;
                let item = self.any(Entity::EquipmentInventory)?.id;
                let row = self.chance.uuid();
                Some(Self::insert(row, Entity::JobEquipment, job.id, json!({"job_id": job.id, "equipment_id": item})))
            }
            Deed::LinkNotes => {
                let row = self.favourite(Entity::JobEquipment)?.id;
                let notes = self.word();
                Some(Self::update(row, Entity::JobEquipment, json!({"notes": notes})))
            }
            Deed::Metric => {
                let row = self.chance.uuid();
                let values = json!({"function_name": "sync", "duration_ms": 12.5, "success": true});
                Some(Self::insert(row, Entity::PerformanceMetrics, row, values))
            }
            Deed::NewJob | Deed::PlanJob | Deed::DropRow => self.manage(deed),
            Deed::Resolve => {
                let row = self.favourite(Entity::Conflicts)?.id;
                let choice = *self.chance.pick(&["server", "client", "both"])?;
                Some(Self::update(row, Entity::Conflicts, json!({"resolution": choice})))
            }
            Deed::Decide => {
                let manager = self.is_manager();
                let row = self.favourite(Entity::ParkedOperations).filter(|_| manager)?.id;
                let choice = *self.chance.pick(&["accepted", "accepted", "declined"])?;
                Some(Self::update(row, Entity::ParkedOperations, json!({"decision": choice})))
            }
            Deed::TakeBack | Deed::SendAgain | Deed::HandOver => self.look_again(deed),
            Deed::Draft => self.draft(),
            Deed::DropDraft => {
                let drafts = self.mirror.read::<_, MirrorError>(|read| read.drafts(None)).ok()?;
                let id = self.chance.pick(&drafts)?.id;
                Some(Box::new(move |tx| {
                    tx.remove_draft(id)?;
                    Ok(Done { draft: Some((id, None)), ..Done::default() })
                }))
            }
            Deed::Poison => self.poison(),
        }
    }

    fn delete(row: Uuid, entity: Entity) -> Save {
        Box::new(move |tx| {
            let op = tx.delete(entity, row, row)?;
            Ok(Done::operation(Some(op), entity, OpKind::Delete, row))
        })
    }

    fn edit_item(&mut self) -> Option<Save> {
        let row = self.favourite(Entity::EquipmentInventory)?.id;
        let word = self.word();
        let values = match self.chance.below(5) {
            0 => json!({"serial_number": word}),
            1 => json!({"notes": format!("Seen\n{word}")}),
            2 => json!({"location_detail": word}),
            3 => json!({"status": if self.chance.one_in(2) { "active" } else { "inactive" }}),
            _ => json!({"serial_number": word, "location_detail": "Roof"}),
        };
        Some(Self::update(row, Entity::EquipmentInventory, values))
    }

    fn work_job(&mut self) -> Option<Save> {
        let row = self.favourite(Entity::Jobs)?.id;
        let values = match self.chance.below(3) {
            0 => json!({"job_status": "in_progress", "actual_start_time": "2026-03-02T08:00:00.000000Z"}),
            1 => json!({"job_status": "completed",
                "actual_end_time": format!("2026-03-02T1{}:00:00.000000Z", self.chance.below(9))}),
            _ => json!({"metadata": {"parking": self.word()}}),
        };
        Some(Self::update(row, Entity::Jobs, values))
    }

    fn inspect(&mut self) -> Option<Save> {
        let job = self.favourite(Entity::Jobs)?;
        let item = self.any(Entity::EquipmentInventory)?.id;
        let drafts = self.mirror.read::<_, MirrorError>(|read| read.drafts(None)).ok()?;
        // Most inspections complete a draft.
        let draft = self.chance.pick(&drafts).map(|draft| draft.id);
        let (id, log) = (draft.map_or_else(|| self.chance.uuid(), |id| id.uuid()), self.chance.uuid());
        let (user, findings) = (self.user, self.word());
        let with_log = self.chance.one_in(2);
        Some(Box::new(move |tx| {
            let record = json!({
                "job_id": job.id, "equipment_id": item, "inspector_id": user, "inspection_date": "2026-03-02",
                "inspection_type": "annual", "passed": true, "findings": findings,
                "measurements": {"psi": 101.5}, "deficiencies": [],
            });
            let entity = Entity::InspectionRecords;
            let mut done = Done::default();
            if let Some(draft) = draft {
                tx.remove_draft(draft)?;
                done.draft = Some((draft, None));
            }
            let op = tx.insert(entity, id, id, fields(record))?;
            done.saved.push((op, entity, OpKind::Insert, id));
            if with_log {
                let row = json!({
                    "job_id": job.id, "equipment_id": item, "technician_id": user,
                    "captured_fields": ["serial_number"], "missing_fields": [], "completion_percentage": 100.0,
                });
                let op = tx.insert(Entity::DataCaptureLogs, log, id, fields(row))?;
                done.saved.push((op, Entity::DataCaptureLogs, OpKind::Insert, log));
            }
            Ok(done)
        }))
    }

    fn draft(&mut self) -> Option<Save> {
        let job = self.any(Entity::Jobs)?;
        let item = self.any(Entity::EquipmentInventory)?.id;
        let drafts = self.mirror.read::<_, MirrorError>(|read| read.drafts(None)).ok()?;
        let known = if self.chance.one_in(2) { self.chance.pick(&drafts).cloned() } else { None };
        let id = known.as_ref().map_or_else(|| InspectionId(self.chance.uuid()), |draft| draft.id);
        let (job_id, equipment_id) =
            known.map_or((job.id.into(), item.into()), |draft| (draft.job_id, draft.equipment_id));
        let body = json!({"findings": self.word()});
        Some(Box::new(move |tx| {
            tx.save_draft(DraftSave { id, job_id, equipment_id, template_id: None, body: body.clone() })?;
            Ok(Done { draft: Some((id, Some(body))), ..Done::default() })
        }))
    }

    fn photo(&mut self) -> Option<Save> {
        let item = self.any(Entity::EquipmentInventory)?.id;
        let drafts = self.mirror.read::<_, MirrorError>(|read| read.drafts(None)).ok()?;
        let inspection = if self.chance.one_in(3) { self.chance.pick(&drafts).map(|draft| draft.id) } else { None };
        let id = self.chance.uuid();
        // Most fit in one piece; a few need two.
        let length = if self.chance.one_in(16) { 270_000 } else { 40 + self.chance.below(200) };
        let mut bytes = vec![0_u8; length];
        let first = self.chance.next().to_le_bytes();
        bytes.iter_mut().zip(first.iter().cycle()).for_each(|(to, from)| *to = *from);
        let caption = self.word();
        Some(Box::new(move |tx| {
            let mut row = json!({"equipment_id": item, "mime": "image/jpeg", "caption": caption});
            if let (Some(inspection), Some(row)) = (inspection, row.as_object_mut()) {
                row.insert("inspection_id".to_owned(), json!(inspection));
            }
            let photo =
                PhotoNew { id: PhotoId(id), root_id: id, fields: fields(row), bytes: &bytes, thumbnail: &bytes[..8] };
            let op = tx.attach_photo(photo)?;
            Ok(Done::operation(Some(op), Entity::Photos, OpKind::Insert, id))
        }))
    }

    fn manage(&mut self, deed: Deed) -> Option<Save> {
        if !self.is_manager() {
            return None;
        }
        match deed {
            Deed::NewJob => {
                let (site, row) = (self.any(Entity::Locations)?.id, self.chance.uuid());
                let who = company::id(*self.chance.pick(&company::PEOPLE[..3])?);
                let values = json!({
                    "job_number": format!("M-{}", row.as_u128() % 1_000_000_007), "customer_id": company::id(0x2000),
                    "location_id": site, "assigned_technician_id": who, "job_type": "repair",
                    "scheduled_date": "2026-03-09", "title": "Repair",
                });
                Some(Self::insert(row, Entity::Jobs, row, values))
            }
            Deed::PlanJob => {
                let row = self.favourite(Entity::Jobs)?.id;
                let who = company::id(*self.chance.pick(&company::PEOPLE[..3])?);
                let values = if self.chance.one_in(2) {
                    json!({"assigned_technician_id": who})
                } else {
                    json!({"title": self.word(), "priority": "high"})
                };
                Some(Self::update(row, Entity::Jobs, values))
            }
            _ => {
                let entity = *self.chance.pick(&[Entity::Jobs, Entity::EquipmentInventory, Entity::JobEquipment])?;
                let row = if self.chance.one_in(2) { self.newest(entity) } else { self.any(entity) };
                Some(Self::delete(row?.id, entity))
            }
        }
    }

    /// What was refused, or never sent, is looked at again.
    fn look_again(&mut self, deed: Deed) -> Option<Save> {
        let lines = self.mirror.read::<_, MirrorError>(|read| read.outbox()).ok()?;
        let fits: Vec<_> = lines
            .into_iter()
            .filter(|line| match deed {
                Deed::TakeBack => line.changeable,
                _ => line.state == OpState::Rejected,
            })
            .collect();
        let line = self.chance.pick(&fits)?.clone();
        let op_id = line.operation.op_id;
        let (root, row) = (line.operation.root_id, line.operation.row_id);
        Some(Box::new(move |tx| {
            let before = open_of(tx, root, row)?;
            let mut done = Done::default();
            match deed {
                Deed::TakeBack => tx.withdraw(op_id)?,
                Deed::HandOver => {
                    let op = tx.hand_over(op_id)?;
                    let row = tx.read().operation(op)?.map_or_else(|| op.uuid(), |line| line.operation.row_id);
                    done.saved.push((op, Entity::ParkedOperations, OpKind::Insert, row));
                }
                _ => {
                    tx.send_again(op_id, fields(json!({})))?;
                }
            }
            let after = open_of(tx, root, row)?;
            done.taken_back =
                before.iter().filter(|(op, ..)| !after.iter().any(|(a, ..)| a == op)).map(|b| b.0).collect();
            done.saved.extend(after.into_iter().filter(|(op, ..)| !before.iter().any(|(b, ..)| b == op)));
            Ok(done)
        }))
    }

    /// Something that the mirror takes and the server never will.
    fn poison(&mut self) -> Option<Save> {
        let item = self.favourite(Entity::EquipmentInventory)?.id;
        let (row, nowhere) = (self.chance.uuid(), self.chance.uuid());
        Some(match self.chance.below(5) {
            0 => Self::update(item, Entity::EquipmentInventory, json!({"status": "exploded"})),
            1 => Self::update(item, Entity::EquipmentInventory, json!({"equipment_model_id": nowhere})),
            2 => {
                let job = self.favourite(Entity::Jobs)?.id;
                let forbidden = "job_number";
                debug_assert!(policy::rule(Entity::Jobs, forbidden).is_some());
                Self::update(job, Entity::Jobs, json!({forbidden: self.word()}))
            }
            3 => {
                let record = self.any(Entity::InspectionRecords)?.id;
                let findings = self.word();
                Self::update(record, Entity::InspectionRecords, json!({"findings": findings}))
            }
            _ => {
                let values = json!({"job_id": nowhere, "inspection_date": "2026-03-02", "inspector_id": self.user});
                Self::insert(row, Entity::InspectionRecords, row, values)
            }
        })
    }
}

type Line = (OpId, Entity, OpKind, Uuid);

/// What of an aggregate, and about a row, can still be altered.
fn open_of(tx: &WriteTx<'_, '_>, root: Uuid, row: Uuid) -> Result<Vec<Line>, MirrorError> {
    let lines = tx.read().outbox()?;
    Ok(lines
        .into_iter()
        .filter(|line| line.operation.root_id == root || [root, row].contains(&line.operation.row_id))
        .map(|line| (line.operation.op_id, line.operation.entity, line.operation.kind, line.operation.row_id))
        .collect())
}
