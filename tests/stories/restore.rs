//! The server is not what it was.

use clara_domain::mirror::Entity::{EquipmentInventory, InspectionRecords, ParkedOperations};
use clara_sync::{CentralError, Refusal, SyncError};
use clara_tests::{Company, Device, assert_same, ids};
use serde_json::json;
use uuid::Uuid;

#[test]
fn a_server_put_back_to_an_older_copy_after_fifty_operations_has_all_fifty_again() {
    let company = Company::found_alone();
    let mut ana = Device::enroll(&company, ids::ANA);
    let mut ben = Device::enroll(&company, ids::BEN);
    ana.sync();
    ben.sync();
    let backup = tempfile::tempdir().unwrap();
    let copy = backup.path().join("copy");
    company.cluster().cold_copy(&copy).unwrap();
    for device in [&mut ana, &mut ben] {
        device.reconnect();
    }

    let mut inspections = Vec::new();
    for n in 0..48_u128 {
        inspections.push(ana.inspect(ids::ANAS_JOB, ids::item(1 + n % 3), &format!("Number {n}")));
    }
    ana.change(EquipmentInventory, ids::item(1), json!({"serial_number": "SN-50"}));
    ana.change(EquipmentInventory, ids::item(2), json!({"components": {"belt_size": "A32"}}));
    ana.sync();
    ben.sync();
    assert_eq!(company.office("SELECT count(*) FROM sync.op"), "50");

    company.cluster().put_back(&copy).unwrap();
    for device in [&mut ana, &mut ben] {
        device.reconnect();
    }
    assert_eq!(company.office("SELECT count(*) FROM sync.op"), "0", "the backup knows none of them");
    // Somebody works on the restored server before any laptop is back.
    company
        .office(&format!("UPDATE equipment_inventory SET notes = 'after the restore' WHERE id = '{}'", ids::item(1)));

    let report = ana.sync();
    assert_eq!((report.replayed, report.duplicates), (50, 0), "the laptop gives back what the backup had lost");
    assert_eq!(company.office("SELECT count(*) FROM sync.op"), "50");
    for id in &inspections {
        assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "1");
    }
    assert_eq!(
        company.office(&format!(
            "SELECT serial_number || ' ' || notes FROM equipment_inventory WHERE id = '{}'",
            ids::item(1)
        )),
        "SN-50 after the restore"
    );
    ben.sync();
    ana.sync();
    assert!(ben.see(InspectionRecords, inspections[7]).is_some());
    assert_same(&mut ana);
    assert_same(&mut ben);
}

#[test]
fn a_laptop_that_only_read_heals_from_what_the_restore_took_back() {
    let company = Company::found_alone();
    let mut ben = Device::enroll(&company, ids::BEN);
    ben.sync();
    let backup = tempfile::tempdir().unwrap();
    let copy = backup.path().join("copy");
    company.cluster().cold_copy(&copy).unwrap();
    ben.reconnect();
    let change = |what: &str| {
        company.office(&format!("UPDATE equipment_inventory SET notes = '{what}' WHERE id = '{}'", ids::item(1)));
    };
    change("lost");
    company.office(&format!(
        "INSERT INTO equipment_inventory (location_id, manual_model_number) SELECT '{}', 'X' FROM generate_series(1, 20)",
        ids::TOWER
    ));
    ben.sync();
    assert_eq!(ben.rows(EquipmentInventory).len(), 23);
    company.cluster().put_back(&copy).unwrap();
    ben.reconnect();
    // As many changes as before, so that a count would come to the same version.
    change("kept");
    ben.sync();
    assert_eq!(ben.value(EquipmentInventory, ids::item(1), "notes"), json!("kept"));
    assert_same(&mut ben);
}

#[test]
fn work_on_what_the_restore_took_away_is_kept_until_its_maker_has_given_it_back() {
    let company = Company::found_alone();
    let (mut ana, mut ben) = (Device::enroll(&company, ids::ANA), Device::enroll(&company, ids::BEN));
    let mut mo = Device::enroll(&company, ids::MO);
    for device in [&mut ana, &mut ben, &mut mo] {
        device.sync();
    }
    let backup = tempfile::tempdir().unwrap();
    let copy = backup.path().join("copy");
    company.cluster().cold_copy(&copy).unwrap();
    for device in [&mut ana, &mut ben, &mut mo] {
        device.reconnect();
    }
    let pump = Uuid::now_v7();
    ana.add(EquipmentInventory, pump, pump, json!({"location_id": ids::TOWER, "manual_model_number": "New"}));
    ana.sync();
    ben.sync();
    assert!(ben.see(EquipmentInventory, pump).is_some(), "Ben has Ana's new pump");
    company.cluster().put_back(&copy).unwrap();
    for device in [&mut ana, &mut ben, &mut mo] {
        device.reconnect();
    }

    // Ben is back before Ana, with work on a pump that the server does not know any more.
    let inspection = ben.inspect(ids::BENS_JOB, pump, "Runs hot");
    let report = ben.sync();
    assert_eq!(report.receipts.get("rejected"), Some(&1), "{:?}", report.receipts);
    let refused = ben.mirror().read(|read| read.outbox()).unwrap();
    assert_eq!(refused.len(), 1, "it is seen, with its reason, and can be handed on");
    let refused = refused[0].operation.op_id;
    ben.save(|tx| tx.hand_over(refused));
    ben.sync();

    let accept = |mo: &mut Device| {
        mo.sync();
        let waiting = mo.rows(ParkedOperations);
        mo.change(ParkedOperations, waiting[0].id, json!({"decision": "accepted"}));
        mo.sync()
    };
    assert_eq!(accept(&mut mo).receipts.get("rejected"), Some(&1), "not before the pump is back");
    ana.sync();
    assert_eq!(company.office(&format!("SELECT count(*) FROM equipment_inventory WHERE id = '{pump}'")), "1");
    let refused = mo.mirror().read(|read| read.outbox()).unwrap();
    mo.save(|tx| tx.withdraw(refused[0].operation.op_id));
    assert_eq!(accept(&mut mo).receipts.get("applied"), Some(&1));
    assert_eq!(
        company.office(&format!("SELECT findings FROM inspection_records WHERE id = '{inspection}'")),
        "Runs hot"
    );
    for device in [&mut ana, &mut ben, &mut mo] {
        device.sync();
        device.sync();
        assert_same(device);
    }
}

#[test]
fn a_dump_in_another_cluster_is_refused_until_it_is_rebased_and_then_gets_the_journal() {
    let old = Company::found_alone();
    let mut ana = Device::enroll(&old, ids::ANA);
    ana.sync();
    let kept = ana.inspect(ids::ANAS_JOB, ids::item(1), "In the dump");
    ana.sync();
    let dump = dump(&old);
    let lost = ana.inspect(ids::ANAS_JOB, ids::item(2), "After the dump");
    ana.sync();

    let new = Company::found_empty_alone();
    load(&new, &dump);
    new.reuse_login(&old, &mut ana);
    let waiting = ana.inspect(ids::ANAS_JOB, ids::item(3), "While it was refused");
    let report = ana.try_sync();
    assert!(
        matches!(report.error, Some(SyncError::Refused(Refusal::NotRebased))),
        "nothing comes down from it: {:?}",
        report.error
    );
    clara_tests::block_on(clara_central::rebase::rebase(&new.admin())).unwrap();
    ana.sync();
    for id in [kept, lost, waiting] {
        assert_eq!(new.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "1");
    }
    assert_same(&mut ana);
}

#[test]
fn another_companys_server_gets_nothing_and_takes_nothing() {
    let ours = Company::found_alone();
    let theirs = Company::found_alone();
    let mut ana = Device::enroll(&ours, ids::ANA);
    ana.sync();
    ana.inspect(ids::ANAS_JOB, ids::item(1), "Ours");
    let before = ana.rows(EquipmentInventory);
    theirs.reuse_login(&ours, &mut ana);
    let report = ana.try_sync();
    // Where the login happens to exist there too, it is nobody's; where it is somebody's, the epoch gives it away.
    assert!(
        matches!(
            report.error,
            Some(SyncError::Refused(Refusal::AnotherDatabase) | SyncError::Central(CentralError::DeviceRefused(_)))
        ),
        "{:?}",
        report.error
    );
    assert_eq!(theirs.office("SELECT count(*) FROM sync.op"), "0");
    assert_eq!(ana.rows(EquipmentInventory), before);
    assert_eq!(ana.pending(), 1);
}

fn dump(company: &Company) -> Vec<u8> {
    company.pg_tool("pg_dump", &["--format=custom"], &[])
}

fn load(company: &Company, dump: &[u8]) {
    company.pg_tool("pg_restore", &["--exit-on-error", "--dbname", company.database()], dump);
}
