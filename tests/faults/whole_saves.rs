//! What one save has written to one aggregate arrives at others together or not at all.

use clara_domain::mirror::Entity::{DataCaptureLogs, EquipmentInventory, InspectionRecords};
use clara_domain::operation::MAX_BATCH_OPS;
use clara_domain::row::Fields;
use clara_tests::{Device, assert_same, ids};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::figure::figure;
use crate::found;
use crate::office::Office;

fn fields(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

/// A completed inspection and its log, as the app saves them.
fn complete(ana: &mut Device) -> Uuid {
    let (id, log) = (Uuid::now_v7(), Uuid::now_v7());
    let visit = json!({"job_id": ids::ANAS_JOB, "equipment_id": ids::item(1)});
    let (mut record, mut about) = (fields(visit.clone()), fields(visit));
    record.extend(fields(json!({
        "inspector_id": ids::ANA, "inspection_date": "2026-03-02", "inspection_type": "annual", "passed": true,
    })));
    about.extend(fields(json!({
        "technician_id": ids::ANA, "captured_fields": [id], "missing_fields": [], "completion_percentage": 100.0,
    })));
    ana.save(|tx| {
        tx.insert(InspectionRecords, id, id, record)?;
        tx.insert(DataCaptureLogs, log, id, about)
    });
    id
}

/// Whether another laptop sees of this inspection the record, and the log.
fn seen(ben: &Device, id: Uuid) -> (bool, bool) {
    let about = json!([id]);
    let table = DataCaptureLogs.table().unwrap();
    let logged = ben.rows(DataCaptureLogs).iter().any(|row| row.fields(table).get("captured_fields") == Some(&about));
    (ben.see(InspectionRecords, id).is_some(), logged)
}

/// Row 6: the sync ends between two batches.
#[test]
fn a_save_of_two_rows_at_the_end_of_a_batch_is_seen_by_others_whole_or_not_at_all() {
    let company = found();
    let (mut ana, mut ben) = (Device::enroll(&company, ids::ANA), Device::enroll(&company, ids::BEN));
    ana.sync();
    ben.sync();
    for n in 1..MAX_BATCH_OPS {
        ana.inspect(ids::ANAS_JOB, ids::item(1 + n as u128 % 3), "One row");
    }
    let id = complete(&mut ana);
    let all = ana.pending();

    // The lid closes after each step of a sync in turn; one of them is between two batches.
    let (mut between, mut halves) = (0, 0);
    for steps in 1..12 {
        ana.patience = Some(steps);
        let _cut_short = ana.try_sync();
        between += u64::from(ana.pending() > 0 && ana.pending() < all);
        ben.sync();
        let (record, log) = seen(&ben, id);
        halves += u64::from(record != log);
    }
    ana.patience = None;
    ana.sync();
    ben.sync();
    assert_eq!(seen(&ben, id), (true, true));
    assert_same(&mut ben);
    figure("a_save_of_two_rows_at_the_end_of_a_batch_is_seen_by_others_whole_or_not_at_all", between, halves);
}

#[test]
fn a_save_larger_than_a_batch_goes_all_the_same() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let root = Uuid::now_v7();
    let visit = fields(json!({
        "job_id": ids::ANAS_JOB, "equipment_id": ids::item(1), "captured_fields": [], "missing_fields": [],
        "completion_percentage": 1.0,
    }));
    ana.save(|tx| {
        for _ in 0..MAX_BATCH_OPS * 2 + 7 {
            tx.insert(DataCaptureLogs, Uuid::now_v7(), root, visit.clone())?;
        }
        Ok(())
    });
    ana.sync();
    assert_eq!(ana.pending(), 0);
    ana.sync();
    assert_same(&mut ana);
}

/// Row 39: one row of a save is locked.
#[test]
fn a_save_of_which_the_office_holds_one_row_waits_whole_and_all_else_goes() {
    let company = found();
    let (mut ana, mut ben) = (Device::enroll(&company, ids::ANA), Device::enroll(&company, ids::BEN));
    ana.sync();
    ben.sync();
    let part = fields(json!({"notes": "Replaced"}));
    ana.save(|tx| {
        tx.update(EquipmentInventory, ids::item(1), ids::item(1), part.clone())?;
        tx.update(EquipmentInventory, ids::item(2), ids::item(1), part)
    });
    let other = ana.inspect(ids::ANAS_JOB, ids::item(3), "Does not wait");

    let mut office = Office::of(&company);
    office.run("BEGIN");
    office.run(&format!("SELECT 1 FROM equipment_inventory WHERE id = '{}' FOR UPDATE", ids::item(2)));
    let error = ana.try_sync().error.expect("something had to wait");
    assert!(error.passes_by_itself(), "{error:?}");
    ben.sync();
    let notes = |device: &Device| [1, 2].map(|item| device.value(EquipmentInventory, ids::item(item), "notes"));
    let halves = notes(&ben).iter().filter(|note| !note.is_null()).count() as u64;
    assert!(ben.see(InspectionRecords, other).is_some(), "all else goes");
    office.run("COMMIT");
    ana.sync();
    ben.sync();
    assert_eq!(ana.pending(), 0);
    assert_eq!(notes(&ben), [json!("Replaced"), json!("Replaced")]);
    figure("a_save_of_which_the_office_holds_one_row_waits_whole_and_all_else_goes", 1, halves);
}
