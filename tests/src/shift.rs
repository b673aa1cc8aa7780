//! A technician's shift on a real mirror: seeded steps, each one save or one answer of a server that is only imagined.
//! What happens to its files is told by `storage/`.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Outcome, Receipt};
use clara_domain::row::{Fields, Row};
use clara_domain::{DeviceId, EquipmentId, InspectionId, JobId, LocationId, PhotoId, UserId};
use clara_local::table::photos::PhotoBytes;
use clara_local::{
    DataKey, DraftSave, Entropy, Mirror, MirrorError, OpenError, OpenReport, Options, PhotoNew, Profile,
};
use clara_sync::{Cursor, Hello, Pull, Replica, ReplicaError, TableRows, Tombstone};
use serde_json::{Value, json};
use uuid::Uuid;

pub use crate::chance::Chance;

const ME: u128 = 0xa1;
const CUSTOMER: u128 = 0xc1;
const SITE: u128 = 0x51;
const OTHER_SITE: u128 = 0x52;
const JOB: u128 = 0x10;
/// The item that every shift begins with.
pub const PUMP: Uuid = Uuid::from_u128(0xe1);

/// Ids and nonces from a seed, so that a run that is killed and one that is not make the same operations.
struct Seeded(Chance);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        bytes.copy_from_slice(&self.0.bytes(bytes.len()));
        Ok(())
    }
}

/// The key of every shift's profile.
pub fn key() -> DataKey {
    DataKey::from_bytes([42; 32])
}

/// What a profile of a shift is opened with: like the app's, with segments and ballast of a size that a test meets the
/// end of.
pub fn options() -> Options {
    Options {
        ballast_bytes: 1 << 14,
        low_space_bytes: 1 << 14,
        segment_bytes: 48 << 10,
        readers: 1,
        ..Options::default()
    }
}

/// The imagined time of a step: three quarters of an hour for each.
pub fn time(step: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default()
        + TimeDelta::minutes(45 * i64::try_from(step).unwrap_or(0))
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

fn row(entity: Entity, id: Uuid, row_ver: i64, values: Value) -> Option<Row> {
    entity.table().map(|table| Row::from_fields(table, id, row_ver, &fields(values)))
}

fn cursor(at: u64) -> Option<Cursor> {
    format!("{at}:{at}:").parse().ok()
}

/// Why a step did not come about.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A save failed.
    #[error("the save failed")]
    Save(#[from] MirrorError),
    /// The mirror's side of a sync failed.
    #[error("the sync failed")]
    Sync(#[from] ReplicaError),
    /// The profile did not open again in mid-shift.
    #[error("the profile did not open")]
    Open(#[from] OpenError),
}

impl StepError {
    /// The disk is full.
    pub fn is_full_disk(&self) -> bool {
        matches!(
            self,
            Self::Save(MirrorError::DiskFull) | Self::Sync(ReplicaError::DiskFull) | Self::Open(OpenError::DiskFull)
        )
    }
}

/// What a step of a shift does. Where there is nothing to do it to, it drafts or edits instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Deed {
    Draft,
    Complete,
    Discard,
    Edit,
    AddItem,
    Photo,
    Withdraw,
    Receipts,
    Pull,
    PhotoArrives,
    Backup,
    FreePhotos,
    Reopen,
}

impl Deed {
    /// How many there are.
    pub const COUNT: usize = 13;

    /// What a step of a seed does.
    pub fn of(seed: u64, step: u64) -> Self {
        Self::drawn(&mut Chance::of(seed, step))
    }

    fn drawn(chance: &mut Chance) -> Self {
        match chance.below(100) {
            0..20 => Self::Draft,
            20..32 => Self::Complete,
            32..36 => Self::Discard,
            36..54 => Self::Edit,
            54..60 => Self::AddItem,
            60..72 => Self::Photo,
            72..77 => Self::Withdraw,
            77..85 => Self::Receipts,
            85..93 => Self::Pull,
            93..95 => Self::PhotoArrives,
            95..97 => Self::Backup,
            97 => Self::FreePhotos,
            _ => Self::Reopen,
        }
    }
}

/// A shift under way.
pub struct Shift {
    folder: PathBuf,
    seed: u64,
    mirror: Option<Mirror>,
}

impl Shift {
    /// Opens the profile. `from` is the step it goes on with; ids and nonces follow from it and the seed.
    ///
    /// # Errors
    /// As [`Mirror::open`].
    pub fn open(folder: &Path, seed: u64, from: u64) -> Result<(Self, OpenReport), OpenError> {
        let entropy = Box::new(Seeded(Chance::of(!seed, from)));
        Self::open_with(folder, seed, from, Options { entropy, ..options() })
    }

    /// Opens the profile with chosen options.
    ///
    /// # Errors
    /// As [`Mirror::open`].
    pub fn open_with(folder: &Path, seed: u64, from: u64, options: Options) -> Result<(Self, OpenReport), OpenError> {
        let opened = Mirror::open_with(folder, &key(), time(from), options)?;
        Ok((Self { folder: folder.to_owned(), seed, mirror: Some(opened.mirror) }, opened.report))
    }

    /// The mirror.
    ///
    /// # Errors
    /// [`MirrorError::Stopped`] where it did not open again.
    pub fn mirror(&self) -> Result<&Mirror, MirrorError> {
        self.mirror.as_ref().ok_or(MirrorError::Stopped)
    }

    /// Enrolls and fetches the first rows, if that has not been done.
    ///
    /// # Errors
    /// Where something of it is not saved.
    pub fn found(&mut self) -> Result<(), StepError> {
        let mut mirror = self.mirror()?.clone();
        if mirror.read(|r| r.profile())?.is_none() {
            let profile = Profile { device: DeviceId(id(0xd1)), user: UserId(id(ME)), role: "technician".to_owned() };
            mirror.write(time(0), |tx| tx.enroll(profile))?;
        }
        if let Some(from) = cursor(100)
            && mirror.state()?.cursor.is_none()
        {
            mirror.begin_first_sync(&from)?;
            for (entity, row) in site_rows(SITE, 1) {
                mirror.apply_page(entity, &[row], true)?;
            }
            mirror.end_first_sync()?;
        }
        Ok(())
    }

    /// One step. What it saved is durable when this returns.
    ///
    /// # Errors
    /// Where it was not saved; then nothing of it is.
    pub fn step(&mut self, step: u64) -> Result<(), StepError> {
        let mut chance = Chance::of(self.seed, step);
        match Deed::drawn(&mut chance) {
            Deed::Draft => self.draft(&mut chance, step),
            Deed::Complete => self.complete(&mut chance, step),
            Deed::Discard => self.discard(&mut chance, step),
            Deed::Edit => self.edit(&mut chance, step),
            Deed::AddItem => self.add_item(&mut chance, step),
            Deed::Photo => self.photo(&mut chance, step),
            Deed::Withdraw => self.withdraw(&mut chance, step),
            Deed::Receipts => self.receipts(&mut chance, step),
            Deed::Pull => self.pull(&mut chance, step),
            Deed::PhotoArrives => self.photo_arrives(step),
            Deed::Backup => Ok(self.mirror()?.backup_daily(time(step)).map(|_| ())?),
            Deed::FreePhotos => Ok(self.mirror()?.write(time(step), |tx| tx.free_photos(u64::MAX)).map(|_| ())?),
            Deed::Reopen => self.reopen(step),
        }
    }

    fn drafts(&self) -> Result<Vec<clara_local::Draft>, MirrorError> {
        let mut drafts = self.mirror()?.read(|r| r.drafts(None))?;
        drafts.sort_by_key(|draft| draft.id);
        Ok(drafts)
    }

    fn draft(&self, chance: &mut Chance, step: u64) -> Result<(), StepError> {
        let drafts = self.drafts()?;
        let fresh = InspectionId(chance.id());
        let at = chance.below(drafts.len() + 2);
        let save = DraftSave {
            id: drafts.get(at).map_or(fresh, |draft| draft.id),
            job_id: JobId(id(JOB)),
            equipment_id: EquipmentId(PUMP),
            template_id: None,
            body: json!({ "psi": chance.below(200), "findings": chance.text(2500), "step": step }),
        };
        Ok(self.mirror()?.write(time(step), |tx| tx.save_draft(save)).map(|_| ())?)
    }

    fn complete(&self, chance: &mut Chance, step: u64) -> Result<(), StepError> {
        let drafts = self.drafts()?;
        let Some(draft) = drafts.get(chance.below(drafts.len())) else { return self.draft(chance, step) };
        let inspection = draft.id.uuid();
        let record = fields(json!({
            "job_id": id(JOB), "equipment_id": PUMP, "inspector_id": id(ME), "inspection_date": "2026-09-21",
            "passed": chance.one_in(2), "findings": chance.text(600), "measurements": { "psi": draft.body["psi"] },
        }));
        let done = json!({ "job_status": if chance.one_in(2) { "completed" } else { "in_progress" } });
        Ok(self
            .mirror()?
            .write(time(step), |tx| {
                tx.remove_draft(draft.id)?;
                tx.insert(Entity::InspectionRecords, inspection, inspection, record)?;
                tx.update(Entity::Jobs, id(JOB), id(JOB), fields(done))
            })
            .map(|_| ())?)
    }

    fn discard(&self, chance: &mut Chance, step: u64) -> Result<(), StepError> {
        let drafts = self.drafts()?;
        let Some(draft) = drafts.get(chance.below(drafts.len())) else { return self.draft(chance, step) };
        Ok(self.mirror()?.write(time(step), |tx| tx.remove_draft(draft.id)).map(|_| ())?)
    }

    fn edit(&self, chance: &mut Chance, step: u64) -> Result<(), StepError> {
        let values = json!({
            "serial_number": format!("SN-{step}"), "notes": chance.text(400),
            "components": { "belt_size": chance.text(6) },
        });
        Ok(self
            .mirror()?
            .write(time(step), |tx| tx.update(Entity::EquipmentInventory, PUMP, PUMP, fields(values)))
            .map(|_| ())?)
    }

    fn add_item(&self, chance: &mut Chance, step: u64) -> Result<(), StepError> {
        let item = chance.id();
        let values = json!({
            "location_id": id(SITE), "equipment_category": "fire_pump", "serial_number": format!("NEW-{step}"),
            "notes": chance.text(900),
        });
        Ok(self
            .mirror()?
            .write(time(step), |tx| tx.insert(Entity::EquipmentInventory, item, item, fields(values)))
            .map(|_| ())?)
    }

    fn photo(&self, chance: &mut Chance, step: u64) -> Result<(), StepError> {
        let photo = chance.id();
        let draft = self.drafts()?.first().map(|draft| draft.id);
        let size = if chance.one_in(6) { 300_000 } else { 500 + chance.below(20_000) };
        let (bytes, thumbnail) = (chance.bytes(size), chance.bytes(300));
        let values = json!({ "job_id": id(JOB), "equipment_id": PUMP, "inspection_id": draft, "mime": "image/jpeg" });
        let mut values = fields(values);
        values.retain(|_, value| !value.is_null());
        let root_id = draft.map_or(photo, |draft| draft.uuid());
        Ok(self
            .mirror()?
            .write(time(step), |tx| {
                tx.attach_photo(PhotoNew {
                    id: PhotoId(photo),
                    root_id,
                    fields: values,
                    bytes: &bytes,
                    thumbnail: &thumbnail,
                })
            })
            .map(|_| ())?)
    }

    fn withdraw(&self, chance: &mut Chance, step: u64) -> Result<(), StepError> {
        let lines = self.mirror()?.read(|r| r.outbox())?;
        let lines: Vec<_> = lines.into_iter().filter(|line| line.changeable).collect();
        let Some(line) = lines.get(chance.below(lines.len())) else { return self.edit(chance, step) };
        Ok(self.mirror()?.write(time(step), |tx| tx.withdraw(line.operation.op_id)).map(|_| ())?)
    }

    fn receipts(&self, chance: &mut Chance, step: u64) -> Result<(), StepError> {
        let mut mirror = self.mirror()?.clone();
        let batch = mirror.take_batch(1 + chance.below(4), 256 << 10)?;
        let answer = |operation: &Operation, chance: &mut Chance| {
            let refused = chance.one_in(6);
            Receipt {
                op_id: operation.op_id,
                outcome: if refused { Outcome::Rejected } else { Outcome::Applied },
                duplicate: false,
                row_ver: None,
                applied_xid: (!refused).then(|| (1000 + step * 10).to_string()),
                code: refused.then(|| "bad_value".to_owned()),
                field: None,
                message: None,
                conflicts: Vec::new(),
            }
        };
        let receipts: Vec<Receipt> = batch.iter().map(|operation| answer(operation, chance)).collect();
        mirror.settle(&receipts, time(step))?;
        Ok(())
    }

    fn pull(&self, chance: &mut Chance, step: u64) -> Result<(), StepError> {
        let Some(snapshot) = cursor(1001 + step * 10) else { return Ok(()) };
        let mut mirror = self.mirror()?.clone();
        let mut rows = Vec::new();
        let version = i64::try_from(step).unwrap_or(0) + 10;
        let pump = json!({
            "location_id": id(SITE), "equipment_category": "fire_pump", "serial_number": format!("OFFICE-{step}"),
            "status": "active", "components": { "drive": "belt" },
        });
        rows.extend(row(Entity::EquipmentInventory, PUMP, version, pump).map(|row| (Entity::EquipmentInventory, row)));
        let many = if chance.one_in(4) { 120 } else { 4 };
        for _ in 0..many {
            let item = json!({
                "location_id": id(SITE), "equipment_category": "valve", "serial_number": chance.text(20),
                "status": "active", "notes": chance.text(300),
            });
            let item = row(Entity::EquipmentInventory, chance.id(), version, item);
            rows.extend(item.map(|row| (Entity::EquipmentInventory, row)));
        }
        // What the server has of photos, it shows: from then on their bytes here may go.
        for photo in mirror.read(|r| r.photos_of_job(JobId(id(JOB))))? {
            if photo.bytes == PhotoBytes::Both
                && let Some(mut values) = mirror.read(|r| r.fields(Entity::Photos, photo.id.uuid()))?
            {
                values.insert("state".to_owned(), Value::from("stored"));
                rows.extend(
                    row(Entity::Photos, photo.id.uuid(), version, Value::Object(values))
                        .map(|row| (Entity::Photos, row)),
                );
            }
        }
        let other = LocationId(id(OTHER_SITE));
        let known = mirror.read(|r| r.row(Entity::Locations, other.uuid()))?.is_some();
        let (mut granted, mut revoked) = (Vec::new(), Vec::new());
        if known && chance.one_in(2) {
            revoked.push(other);
        } else if !known && chance.one_in(2) {
            granted.push(other);
            rows.extend(site_rows(OTHER_SITE, version));
        }
        let gone = mirror.read(|r| r.all(Entity::EquipmentInventory))?;
        let tombstones = gone
            .iter()
            .filter(|row| row.row_ver > 10 && row.id != PUMP)
            .take(usize::from(chance.one_in(3)))
            .map(|row| Tombstone { entity: Entity::EquipmentInventory, id: row.id })
            .collect();
        let rows = rows.into_iter().map(|(entity, row)| TableRows { entity, rows: vec![row] }).collect();
        mirror.apply_pull(&Pull { hello: hello(snapshot, step), granted, revoked, rows, tombstones })?;
        Ok(())
    }

    fn photo_arrives(&self, step: u64) -> Result<(), StepError> {
        let mut mirror = self.mirror()?.clone();
        if let Some(photo) = mirror.next_photo(&[])? {
            mirror.photo_stored(photo.id)?;
        } else {
            mirror.write(time(step), |tx| tx.set_setting("language", &json!("en")))?;
        }
        Ok(())
    }

    fn reopen(&mut self, step: u64) -> Result<(), StepError> {
        self.mirror = None;
        // Not the ids of a process that begins at this step.
        let entropy = Box::new(Seeded(Chance::of(!self.seed ^ 1, step)));
        let (again, _) = Self::open_with(&self.folder, self.seed, step, Options { entropy, ..options() })?;
        *self = again;
        Ok(())
    }
}

fn site_rows(site: u128, version: i64) -> Vec<(Entity, Row)> {
    let own = site == SITE;
    let (job, pump) = (if own { id(JOB) } else { id(site + 0x1000) }, if own { PUMP } else { id(site + 0x2000) });
    let rows = [
        (Entity::Users, id(ME), json!({ "full_name": "Ana Reyes", "role": "technician", "is_active": true })),
        (Entity::Customers, id(CUSTOMER), json!({ "company_name": "Harborview Towers" })),
        (
            Entity::Locations,
            id(site),
            json!({ "customer_id": id(CUSTOMER), "location_name": format!("Tower {site:x}"), "address": "1 Quay St" }),
        ),
        (
            Entity::Jobs,
            job,
            json!({
                "job_number": format!("J-{site:x}"), "customer_id": id(CUSTOMER), "location_id": id(site),
                "assigned_technician_id": id(ME), "job_type": "inspection", "job_status": "scheduled",
                "priority": "normal", "scheduled_date": "2026-09-21", "title": "Annual", "metadata": {},
                "checklist": [{ "key": "valve", "label": "Valve open", "done": false }],
            }),
        ),
        (
            Entity::EquipmentInventory,
            pump,
            json!({
                "location_id": id(site), "equipment_category": "fire_pump", "serial_number": "SN-1",
                "status": "active", "components": { "belt_size": "4L340", "drive": "belt" },
            }),
        ),
    ];
    rows.into_iter().filter_map(|(entity, id, values)| Some((entity, row(entity, id, version, values)?))).collect()
}

fn hello(snapshot: Cursor, step: u64) -> Hello {
    Hello {
        system_identifier: "7".to_owned(),
        incarnation: 1,
        epoch: id(0xee),
        earlier_epochs: Vec::new(),
        server_version_num: 150_020,
        in_recovery: false,
        schema_version: clara_domain::operation::SCHEMA_VERSION,
        min_client: 1,
        server_now: time(step),
        snapshot,
        user_id: UserId(id(ME)),
        role: "technician".to_owned(),
        highest_seq: 0,
        device_known: true,
    }
}
