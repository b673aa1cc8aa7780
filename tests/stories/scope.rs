//! Who holds what: sites come and go.

use clara_domain::mirror::Entity::{
    DataCaptureLogs, EquipmentInventory, InspectionRecords, JobEquipment, Jobs, Locations, ParkedOperations,
};
use clara_tests::{Device, assert_same, ids};
use serde_json::json;

use crate::found;

#[test]
fn a_technician_holds_their_sites_and_nothing_else() {
    let company = found();
    let mut ben = Device::enroll(&company, ids::BEN);
    ben.sync();
    let sites: Vec<_> = ben.rows(Locations).into_iter().map(|row| row.id).collect();
    assert_eq!(sites, [ids::TOWER]);
    assert_eq!(ben.rows(EquipmentInventory).len(), 3);
    assert_same(&mut ben);
}

#[test]
fn a_new_job_brings_the_site_with_its_whole_history() {
    let company = found();
    let mut ben = Device::enroll(&company, ids::BEN);
    company.office(&format!(
        "INSERT INTO inspection_records (job_id, equipment_id, inspection_date, passed, findings)
         VALUES ('{}', '{}', '2025-01-02', true, 'Old news')",
        ids::SCHOOL_JOB,
        ids::item(4)
    ));
    ben.sync();
    assert!(ben.see(Locations, ids::SCHOOL).is_none());
    company.office(&format!(
        "UPDATE jobs SET assigned_technician_id = '{}' WHERE id = '{}'",
        ids::BEN,
        ids::SCHOOL_JOB
    ));
    ben.sync();
    assert!(ben.see(Locations, ids::SCHOOL).is_some());
    assert!(ben.see(EquipmentInventory, ids::item(5)).is_some(), "rows older than the cursor come with the site");
    let old = ben
        .rows(InspectionRecords)
        .into_iter()
        .filter(|row| ben.value(InspectionRecords, row.id, "findings") == json!("Old news"));
    assert_eq!(old.count(), 1);
    assert_same(&mut ben);
}

#[test]
fn a_job_reassigned_while_edited_offline_leaves_nothing_but_sealed_work_and_the_manager_accepts_it() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    let mut ben = Device::enroll(&company, ids::BEN);
    let mut mo = Device::enroll(&company, ids::MO);
    ana.sync();
    ben.sync();
    mo.sync();

    let inspection = ana.inspect(ids::SCHOOL_JOB, ids::item(4), "Canary-7731: seal weeps");
    company.office(&format!(
        "UPDATE jobs SET assigned_technician_id = '{}' WHERE id = '{}'",
        ids::BEN,
        ids::SCHOOL_JOB
    ));

    let report = ana.sync();
    assert_eq!(report.receipts.get("parked"), Some(&1), "kept by the server, not refused: {:?}", report.receipts);
    for entity in [Locations, Jobs, EquipmentInventory, InspectionRecords, JobEquipment, DataCaptureLogs] {
        assert!(
            ana.rows(entity).iter().all(|row| {
                let site = if entity == Locations { json!(row.id) } else { ana.value(entity, row.id, "location_id") };
                site != json!(ids::SCHOOL)
            }),
            "nothing of the school is left in {entity}"
        );
    }

    ben.sync();
    assert!(ben.see(Locations, ids::SCHOOL).is_some(), "the new technician has the site");
    mo.sync();
    let parked = mo.rows(ParkedOperations);
    assert_eq!(parked.len(), 1, "the manager sees what waits");
    assert_eq!(mo.value(ParkedOperations, parked[0].id, "author_id"), json!(ids::ANA));
    mo.change(ParkedOperations, parked[0].id, json!({"decision": "accepted"}));
    mo.sync();
    ben.sync();
    let accepted = ben.see(InspectionRecords, inspection).expect("the accepted inspection reaches the new technician");
    assert_eq!(accepted["inspector_id"], json!(ids::ANA), "its author is kept");
    ana.sync();
    assert_eq!(ana.pending(), 0);
    for device in [&mut ana, &mut ben, &mut mo] {
        assert_same(device);
    }
}

#[test]
fn work_saved_for_a_site_that_is_taken_away_before_the_sync_is_never_dropped() {
    let company = found();
    let mut ben = Device::enroll(&company, ids::BEN);
    ben.sync();
    company.office(&format!("UPDATE jobs SET assigned_technician_id = NULL WHERE id = '{}'", ids::BENS_JOB));
    let mut reach_nobody = ben;
    let port = company.port();
    // The pull that takes the site away comes first; the work is saved while the lid is down in between.
    let inspection = reach_nobody.inspect(ids::BENS_JOB, ids::item(2), "Found before I knew");
    reach_nobody.reroute(port);
    reach_nobody.sync();
    assert_eq!(reach_nobody.pending(), 0, "it went out");
    assert_eq!(
        company.office(&format!("SELECT count(*) FROM sync.parked WHERE row_id = '{inspection}' AND decision IS NULL")),
        "1",
        "and waits for a manager"
    );
    assert_same(&mut reach_nobody);
}

#[test]
fn a_manager_holds_all_sites() {
    let company = found();
    let mut mo = Device::enroll(&company, ids::MO);
    mo.sync();
    assert_eq!(mo.rows(Locations).len(), 3);
    assert_eq!(mo.rows(EquipmentInventory).len(), 9);
    assert_same(&mut mo);
}

#[test]
fn a_technician_who_becomes_a_manager_holds_all_sites_at_the_next_sync_and_loses_them_again() {
    let company = found();
    let mut ben = Device::enroll(&company, ids::BEN);
    ben.sync();
    company.office(&format!("UPDATE users SET role = 'manager' WHERE id = '{}'", ids::BEN));
    ben.sync();
    assert_eq!(ben.rows(Locations).len(), 3);
    assert_same(&mut ben);
    company.office(&format!("UPDATE users SET role = 'technician' WHERE id = '{}'", ids::BEN));
    ben.sync();
    assert_eq!(ben.rows(Locations).len(), 1);
    assert_same(&mut ben);
}
