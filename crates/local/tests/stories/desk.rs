//! A laptop profile in a folder of its own, and what a server would say to it.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Outcome, Receipt};
use clara_domain::row::{Fields, Row};
use clara_domain::{DeviceId, EquipmentId, InspectionId, JobId, LocationId, OpId, UserId};
use clara_local::{DataKey, DraftSave, Mirror, MirrorError, Opened, Options, Profile, WriteTx};
use clara_sync::{Cursor, Hello, Pull, Replica, TableRows};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

pub const SITE: u128 = 0x51;
pub const OTHER_SITE: u128 = 0x52;
pub const CUSTOMER: u128 = 0xc1;
pub const JOB: u128 = 0x10;
pub const PUMP: u128 = 0xe1;
pub const OTHER_PUMP: u128 = 0xe2;
pub const ME: u128 = 0xa1;

pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

pub fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

pub fn fields(value: Value) -> Fields {
    value.as_object().unwrap().clone()
}

pub fn row(entity: Entity, number: u128, row_ver: i64, values: Value) -> Row {
    Row::from_fields(entity.table().unwrap(), id(number), row_ver, &fields(values))
}

/// A profile on disk; the mirror may be closed and opened again.
pub struct Desk {
    pub folder: TempDir,
    pub key: DataKey,
}

pub fn small() -> Options {
    Options { ballast_bytes: 1 << 16, low_space_bytes: 1 << 16, ..Options::default() }
}

impl Desk {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), key: DataKey::from_bytes([42; 32]) }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn try_open(&self) -> Result<Opened, clara_local::OpenError> {
        Mirror::open_with(self.path(), &self.key, now(), small())
    }

    pub fn opened(&self) -> Opened {
        self.try_open().unwrap()
    }

    /// Opens, enrolled.
    pub fn open(&self) -> Mirror {
        let mirror = self.opened().mirror;
        if mirror.read(|r| r.profile()).unwrap().is_none() {
            write(&mirror, |tx| {
                tx.enroll(Profile { device: DeviceId(id(0xd1)), user: UserId(id(ME)), role: "technician".into() })
            });
        }
        mirror
    }

    /// Opens with one site, a job and a pump on it, as after a first sync at snapshot 100.
    pub fn at_work(&self) -> Mirror {
        let mut mirror = self.open();
        mirror.begin_first_sync(&cursor("100:100:")).unwrap();
        for (entity, rows) in site_rows(SITE, PUMP, JOB) {
            mirror.apply_page(entity, &rows, true).unwrap();
        }
        mirror.end_first_sync().unwrap();
        mirror
    }

    /// A copy of some of the profile's files as they are now.
    pub fn snapshot(&self, what: &str) -> Snapshot {
        let copy = tempfile::tempdir().unwrap();
        for path in files_of(self.path(), what) {
            std::fs::copy(self.path().join(&path), copy.path().join(path.file_name().unwrap())).unwrap();
        }
        Snapshot { copy, what: what.to_owned() }
    }

    /// Puts a copy back, as if what came after had never reached the disk.
    pub fn put_back(&self, snapshot: &Snapshot) {
        for path in files_of(self.path(), &snapshot.what) {
            std::fs::remove_file(self.path().join(path)).unwrap();
        }
        let folder = if snapshot.what == "spool" { self.path().join("spool") } else { self.path().to_owned() };
        for entry in std::fs::read_dir(snapshot.copy.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
}

pub struct Snapshot {
    copy: TempDir,
    what: String,
}

fn files_of(profile: &Path, what: &str) -> Vec<PathBuf> {
    match what {
        "spool" => std::fs::read_dir(profile.join("spool"))
            .unwrap()
            .map(|entry| PathBuf::from("spool").join(entry.unwrap().file_name()))
            .collect(),
        _ => ["mirror.db", "mirror.db-wal"].iter().map(PathBuf::from).filter(|f| profile.join(f).exists()).collect(),
    }
}

pub fn site_rows(site: u128, pump: u128, job: u128) -> Vec<(Entity, Vec<Row>)> {
    vec![
        (
            Entity::Users,
            vec![row(Entity::Users, ME, 1, json!({"full_name": "Ana Reyes", "role": "technician", "is_active": true}))],
        ),
        (Entity::Customers, vec![row(Entity::Customers, CUSTOMER, 1, json!({"company_name": "Harborview Towers"}))]),
        (
            Entity::Locations,
            vec![row(
                Entity::Locations,
                site,
                1,
                json!({
                    "customer_id": id(CUSTOMER), "location_name": format!("Tower {site:x}"), "address": "1 Quay St",
                    "access_notes": "Key at SECURITYDESK",
                }),
            )],
        ),
        (
            Entity::Jobs,
            vec![row(
                Entity::Jobs,
                job,
                1,
                json!({
                    "job_number": format!("J-{job:x}"), "customer_id": id(CUSTOMER), "location_id": id(site),
                    "assigned_technician_id": id(ME), "job_type": "inspection", "job_status": "scheduled",
                    "priority": "normal", "scheduled_date": "2026-09-21", "title": "Annual",
                    "checklist": [{"key": "valve", "label": "Valve open", "done": false}], "metadata": {},
                }),
            )],
        ),
        (
            Entity::EquipmentInventory,
            vec![row(
                Entity::EquipmentInventory,
                pump,
                4,
                json!({
                    "location_id": id(site), "equipment_category": "fire_pump", "serial_number": "SN-1",
                    "status": "active", "components": {"belt_size": "4L340", "drive": "belt"}, "metadata": {"tag": "FP-1"},
                }),
            )],
        ),
        (
            Entity::JobEquipment,
            vec![row(
                Entity::JobEquipment,
                job + 0x1000,
                1,
                json!({
                    "job_id": id(job), "equipment_id": id(pump), "location_id": id(site),
                }),
            )],
        ),
    ]
}

pub fn write<T>(mirror: &Mirror, act: impl FnOnce(&mut WriteTx<'_, '_>) -> Result<T, MirrorError>) -> T {
    mirror.write(now(), act).unwrap().0
}

/// Changes fields of a pump.
pub fn edit(mirror: &Mirror, pump: u128, values: Value) -> Option<OpId> {
    write(mirror, |tx| tx.update(Entity::EquipmentInventory, id(pump), id(pump), fields(values)))
}

/// A new item at the site.
pub fn add_pump(mirror: &Mirror, pump: u128, serial: &str) -> OpId {
    write(mirror, |tx| {
        tx.insert(
            Entity::EquipmentInventory,
            id(pump),
            id(pump),
            fields(json!({
                "location_id": id(SITE), "equipment_category": "fire_pump", "serial_number": serial,
            })),
        )
    })
}

pub fn draft(mirror: &Mirror, inspection: u128, body: Value) {
    write(mirror, |tx| {
        tx.save_draft(DraftSave {
            id: InspectionId(id(inspection)),
            job_id: JobId(id(JOB)),
            equipment_id: EquipmentId(id(PUMP)),
            template_id: None,
            body,
        })
    });
}

/// Completes a draft.
pub fn complete(mirror: &Mirror, inspection: u128) -> OpId {
    write(mirror, |tx| {
        tx.remove_draft(InspectionId(id(inspection)))?;
        tx.insert(
            Entity::InspectionRecords,
            id(inspection),
            id(inspection),
            fields(json!({
                "job_id": id(JOB), "equipment_id": id(PUMP), "inspector_id": id(ME),
                "inspection_date": "2026-09-21", "passed": true, "findings": "RUNSQUIET",
            })),
        )
    })
}

pub fn value(mirror: &Mirror, entity: Entity, number: u128, field: &str) -> Value {
    let fields = mirror.read(|r| r.fields(entity, id(number))).unwrap();
    fields.map_or(Value::Null, |fields| fields[field].clone())
}

pub fn serial(mirror: &Mirror, pump: u128) -> Value {
    value(mirror, Entity::EquipmentInventory, pump, "serial_number")
}

pub fn cursor(text: &str) -> Cursor {
    text.parse().unwrap()
}

pub fn hello(snapshot: &str) -> Hello {
    Hello {
        system_identifier: "7".into(),
        incarnation: 1,
        epoch: id(0xee),
        earlier_epochs: Vec::new(),
        server_version_num: 150_020,
        in_recovery: false,
        schema_version: 1,
        min_client: 1,
        server_now: now(),
        snapshot: cursor(snapshot),
        user_id: UserId(id(ME)),
        role: "technician".into(),
        highest_seq: 0,
        device_known: true,
    }
}

pub fn pull(snapshot: &str, rows: Vec<(Entity, Vec<Row>)>) -> Pull {
    let rows = rows.into_iter().map(|(entity, rows)| TableRows { entity, rows }).collect();
    Pull { hello: hello(snapshot), granted: Vec::new(), revoked: Vec::new(), rows, tombstones: Vec::new() }
}

pub fn site(number: u128) -> LocationId {
    LocationId(id(number))
}

pub fn batch(mirror: &mut Mirror) -> Vec<Operation> {
    mirror.take_batch(100, 256 * 1024).unwrap()
}

pub fn receipt(op_id: OpId, outcome: Outcome, xid: Option<&str>) -> Receipt {
    Receipt {
        op_id,
        outcome,
        duplicate: false,
        row_ver: None,
        applied_xid: xid.map(str::to_owned),
        code: None,
        field: None,
        message: None,
        conflicts: Vec::new(),
    }
}

/// Sends all that may go and has it applied in a transaction.
pub fn push(mirror: &mut Mirror, xid: &str) -> Vec<Operation> {
    let sent = batch(mirror);
    let receipts: Vec<Receipt> = sent.iter().map(|o| receipt(o.op_id, Outcome::Applied, Some(xid))).collect();
    mirror.settle(&receipts, later(60)).unwrap();
    sent
}

/// Everything a person with the key could read from the database.
pub fn everything_in(desk: &Desk) -> String {
    let connection = rusqlite::Connection::open(desk.path().join("mirror.db")).unwrap();
    let key: String = desk.key.expose().iter().map(|b| format!("{b:02x}")).collect();
    connection.pragma_update(None, "key", format!("x'{key}'")).unwrap();
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'outbox'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(tables.len() > 20);
    let mut text = String::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let width = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for at in 0..width {
                match row.get_ref(at).unwrap() {
                    rusqlite::types::ValueRef::Text(t) | rusqlite::types::ValueRef::Blob(t) => {
                        text.push_str(&String::from_utf8_lossy(t));
                    }
                    other => text.push_str(&format!("{other:?}")),
                }
                text.push('\n');
            }
        }
    }
    text
}
