//! A table of the catalogue that came later: limits per model, and laptops and servers of different ages.

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity::{self, InspectionRecords, SpecLimits};
use clara_domain::operation::{Operation, Receipt};
use clara_domain::row::Row;
use clara_domain::{OpId, PhotoId};
use clara_local::Mirror;
use clara_sync::{
    Bookmark, Bucket, Changed, Cursor, Environment, Hello, PendingPhoto, Progress, Pull, Repair, Replica, ReplicaError,
    ReplicaState, RowKey, Wish, sync_once,
};
use clara_tests::{Company, Device, assert_same, block_on, ids};
use serde_json::json;
use uuid::Uuid;

use crate::found;

const PUMP: &str = "11000000-0000-4000-8000-000000000001";
const CREATED: &str = include_str!("../../migrations/20261122120010_create_spec_limits.sql");

/// Compares both sides and tells what had to be put right.
fn audit(device: &mut Device) -> Vec<Repair> {
    let report = device.try_sync_with(Wish { audit: true, ..Wish::default() });
    assert!(report.error.is_none(), "{:?}", report.error);
    report.repairs.expect("an audit was made")
}

fn limit(company: &Company, key: &str, low: f64) -> Uuid {
    let id = company.office(&format!(
        "INSERT INTO spec_limits (equipment_model_id, item_key, label, unit, limit_min, limit_source)
         VALUES ('{PUMP}', '{key}', 'Net', 'psi', {low}, 'Nameplate') RETURNING id"
    ));
    id.lines().next().unwrap().parse().unwrap()
}

#[test]
fn a_models_limits_reach_laptops_like_the_rest_of_the_catalogue() {
    let company = found();
    let (first, second) = (limit(&company, "churn_net_psi", 100.0), limit(&company, "peak_net_psi", 65.0));
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    assert_eq!(ana.value(SpecLimits, first, "limit_min"), json!(100.0));
    assert_eq!(ana.value(SpecLimits, first, "limit_source"), json!("Nameplate"));
    company.office(&format!("UPDATE spec_limits SET limit_max = 140 WHERE id = '{first}'"));
    company.office(&format!("DELETE FROM spec_limits WHERE id = '{second}'"));
    let report = ana.sync();
    assert_eq!(report.rows, 1, "only what changed travels");
    assert_eq!(ana.value(SpecLimits, first, "limit_max"), json!(140.0));
    assert!(ana.see(SpecLimits, second).is_none(), "a hard delete leaves a tombstone");
    assert_same(&mut ana);
    assert!(audit(&mut ana).is_empty(), "and both sides hash the same");
}

#[test]
fn laptops_cannot_write_the_catalogue() {
    let company = found();
    let id = limit(&company, "churn_net_psi", 100.0);
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.change(SpecLimits, id, json!({"limit_min": 1.0}));
    let report = ana.sync();
    assert_eq!(report.receipts.get("rejected"), Some(&1), "{:?}", report.receipts);
    assert_eq!(company.office("SELECT limit_min FROM spec_limits"), "100");
}

/// A mirror that has just learnt the table and holds nothing of it yet: what the local migration leaves behind.
struct JustUpdated {
    mirror: Mirror,
    learning: bool,
}

impl Replica for JustUpdated {
    fn state(&mut self) -> Result<ReplicaState, ReplicaError> {
        let mut state = self.mirror.state()?;
        if self.learning {
            state.bookmarks.push(Bookmark { entity: SpecLimits, after: None, rows: 0, done: false });
        }
        Ok(state)
    }
    fn end_first_sync(&mut self) -> Result<(), ReplicaError> {
        self.learning = false;
        self.mirror.end_first_sync()
    }
    fn meet(&mut self, hello: &Hello, now: DateTime<Utc>) -> Result<(), ReplicaError> {
        self.mirror.meet(hello, now)
    }
    fn begin_first_sync(&mut self, from: &Cursor) -> Result<(), ReplicaError> {
        self.mirror.begin_first_sync(from)
    }
    fn apply_page(&mut self, entity: Entity, rows: &[Row], last: bool) -> Result<Changed, ReplicaError> {
        self.mirror.apply_page(entity, rows, last)
    }
    fn apply_pull(&mut self, pull: &Pull) -> Result<Changed, ReplicaError> {
        self.mirror.apply_pull(pull)
    }
    fn take_batch(&mut self, operations: usize, bytes: usize) -> Result<Vec<Operation>, ReplicaError> {
        self.mirror.take_batch(operations, bytes)
    }
    fn settle(&mut self, receipts: &[Receipt], now: DateTime<Utc>) -> Result<Changed, ReplicaError> {
        self.mirror.settle(receipts, now)
    }
    fn put_back(&mut self, operations: &[OpId]) -> Result<(), ReplicaError> {
        self.mirror.put_back(operations)
    }
    fn put_back_all(&mut self) -> Result<u32, ReplicaError> {
        self.mirror.put_back_all()
    }
    fn begin_reconcile(&mut self, known_seq: i64) -> Result<u32, ReplicaError> {
        self.mirror.begin_reconcile(known_seq)
    }
    fn end_reconcile(&mut self, cursor: &Cursor, now: DateTime<Utc>) -> Result<(), ReplicaError> {
        self.mirror.end_reconcile(cursor, now)
    }
    fn next_photo(&mut self, skip: &[PhotoId]) -> Result<Option<PendingPhoto>, ReplicaError> {
        self.mirror.next_photo(skip)
    }
    fn photo_chunk(&mut self, photo: PhotoId, number: i32) -> Result<Vec<u8>, ReplicaError> {
        self.mirror.photo_chunk(photo, number)
    }
    fn photo_stored(&mut self, photo: PhotoId) -> Result<(), ReplicaError> {
        self.mirror.photo_stored(photo)
    }
    fn photo_unwanted(&mut self, photo: PhotoId) -> Result<(), ReplicaError> {
        self.mirror.photo_unwanted(photo)
    }
    fn photo_damaged(&mut self, photo: PhotoId) -> Result<(), ReplicaError> {
        self.mirror.photo_damaged(photo)
    }
    fn buckets(&mut self, entity: Entity) -> Result<Vec<Bucket>, ReplicaError> {
        self.mirror.buckets(entity)
    }
    fn bucket_keys(&mut self, entity: Entity, buckets: &[i16]) -> Result<Vec<RowKey>, ReplicaError> {
        self.mirror.bucket_keys(entity, buckets)
    }
    fn repair(&mut self, entity: Entity, rows: &[Row], gone: &[Uuid]) -> Result<Changed, ReplicaError> {
        self.mirror.repair(entity, rows, gone)
    }
    fn audited(&mut self, repairs: &[Repair], now: DateTime<Utc>) -> Result<(), ReplicaError> {
        self.mirror.audited(repairs, now)
    }
}

struct World;

impl Environment for World {
    fn now(&mut self) -> DateTime<Utc> {
        Utc::now()
    }
    fn progress(&mut self, _: Progress) {}
    fn stopped(&mut self) -> bool {
        false
    }
}

#[test]
fn a_laptop_that_learns_the_table_fetches_rows_that_are_older_than_its_cursor() {
    let company = found();
    let id = limit(&company, "churn_net_psi", 100.0);
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.sync();
    // As it was before the update: in step, past the row, without it.
    ana.mirror().clone().repair(SpecLimits, &[], &[id]).unwrap();
    ana.sync();
    assert!(ana.see(SpecLimits, id).is_none(), "no difference brings it");

    let mut updated = JustUpdated { mirror: ana.mirror().clone(), learning: true };
    let report = block_on(sync_once(&mut updated, ana.central(), Wish::default(), &mut World));
    assert!(report.error.is_none() && !updated.learning, "{:?}", report.error);
    assert_eq!(ana.value(SpecLimits, id, "limit_min"), json!(100.0));
    assert_eq!(report.repairs, None, "learnt, not repaired");
    assert_same(&mut ana);
}

/// The server as it was before the table: without it, and with nobody speaking of it.
fn back_to_yesterday(company: &Company) {
    company.office(
        "DO $$ BEGIN EXECUTE regexp_replace(pg_get_functiondef('sync.changed(pg_snapshot)'::regprocedure),
            ',\\s*CASE WHEN EXISTS \\(SELECT FROM public\\.spec_limits t.*?THEN ''spec_limits'' END', ''); END $$;
         DROP FUNCTION sync.pull(uuid, pg_snapshot); DROP TABLE spec_limits; DELETE FROM sync.schema WHERE version >= 2",
    );
    assert!(
        !company.office("SELECT pg_get_functiondef('sync.changed(pg_snapshot)'::regprocedure)").contains("spec_limits")
    );
}

#[test]
fn a_new_laptop_works_with_a_server_of_yesterday_and_learns_the_table_when_the_server_does() {
    let company = found();
    back_to_yesterday(&company);
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let inspection = ana.inspect(ids::ANAS_JOB, ids::item(1), "On an old server");
    let report = ana.sync();
    assert_eq!(report.receipts.get("applied"), Some(&1));
    assert!(audit(&mut ana).is_empty(), "the audit passes over what the server does not have");
    assert_eq!(ana.value(InspectionRecords, inspection, "findings"), json!("On an old server"));
    assert_same(&mut ana);

    company.office(&format!("BEGIN; {CREATED} COMMIT;"));
    let id = limit(&company, "churn_net_psi", 100.0);
    ana.sync();
    assert_eq!(ana.value(SpecLimits, id, "limit_min"), json!(100.0), "the server's update needs nothing of the laptop");
    assert_same(&mut ana);
}

#[test]
fn a_laptop_of_yesterday_passes_over_a_table_that_only_the_server_knows() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    // To a server of tomorrow, today's laptop is yesterday's.
    company.office(
        "ALTER FUNCTION sync.changed(pg_snapshot) RENAME TO changed_today;
         CREATE FUNCTION sync.changed(since pg_snapshot) RETURNS text LANGUAGE sql STABLE
             AS $$ SELECT concat_ws(' ', 'drones', sync.changed_today(since)) $$;
         GRANT EXECUTE ON FUNCTION sync.changed(pg_snapshot) TO clara_technician;
         INSERT INTO sync.tombstone (table_name, row_id) VALUES ('drones', gen_random_uuid());
         INSERT INTO sync.schema (version, min_client) SELECT max(version) + 1, 1 FROM sync.schema;
         UPDATE equipment_inventory SET notes = 'Still heard'",
    );
    let inspection = ana.inspect(ids::ANAS_JOB, ids::item(1), "From an old laptop");
    let report = ana.sync();
    assert_eq!(report.receipts.get("applied"), Some(&1));
    assert!(ana.see(InspectionRecords, inspection).is_some());
    assert_eq!(ana.value(Entity::EquipmentInventory, ids::item(1), "notes"), json!("Still heard"));
    assert!(audit(&mut ana).is_empty());
    assert_same(&mut ana);
}
