//! The server's schema is newer or older than the program.

use clara_domain::mirror::Entity::{EquipmentInventory, Jobs};
use clara_sync::{Refusal, SyncError};
use clara_tests::{Device, assert_same, ids};
use serde_json::json;

use crate::figure::figure;
use crate::found;

/// Row 25: a newer server takes the work of a program that it hands no rows to any more, and says why.
#[test]
fn a_server_that_wants_a_newer_program_takes_work_and_photos_and_gives_no_rows() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    company.office("UPDATE sync.schema SET min_client = 99");
    company.office(&format!("UPDATE jobs SET title = 'For newer eyes' WHERE id = '{}'", ids::ANAS_JOB));
    for round in 0..5 {
        let id = ana.inspect(ids::ANAS_JOB, ids::item(1), &format!("From an old program {round}"));
        let error = ana.try_sync().error.expect("it says that it is too old");
        assert!(matches!(error, SyncError::Refused(Refusal::ProgramTooOld)), "{error:?}");
        assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "1");
        assert_eq!(ana.pending(), 0);
    }
    assert_eq!(ana.value(Jobs, ids::ANAS_JOB, "title"), json!("Annual"));
    // The update arrives.
    company.office("UPDATE sync.schema SET min_client = 1");
    ana.sync();
    assert_same(&mut ana);
    figure("a_server_that_wants_a_newer_program_takes_work_and_photos_and_gives_no_rows", 5, 0);
}

/// Row 25: columns, keys and a table that the program does not know survive its edits.
#[test]
fn what_only_a_newer_server_knows_survives_an_edit_by_an_older_program() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    company.office(&format!(
        "ALTER TABLE equipment_inventory ADD COLUMN warranty_until date;
         ALTER TABLE jobs ADD COLUMN crew jsonb NOT NULL DEFAULT '[]';
         CREATE TABLE drones (id uuid PRIMARY KEY);
         UPDATE equipment_inventory SET warranty_until = '2031-01-01', metadata = '{{\"of_tomorrow\": 1}}';
         UPDATE jobs SET crew = '[\"Ana\"]' WHERE id = '{}'",
        ids::ANAS_JOB
    ));
    let rounds = 5_u64;
    for round in 0..rounds {
        ana.sync();
        ana.change(
            EquipmentInventory,
            ids::item(1),
            json!({"notes": format!("Edited {round}"), "metadata": {"of_today": round}}),
        );
        ana.change(Jobs, ids::ANAS_JOB, json!({"metadata": {"of_today": round}}));
        let report = ana.sync();
        assert_eq!(report.receipts.get("applied"), Some(&2), "{:?}", report.receipts);
        let kept = company.office(&format!(
            "SELECT e.warranty_until || ' ' || (e.metadata -> 'of_tomorrow') || ' ' || (e.metadata -> 'of_today') || ' ' || (j.crew ->> 0)
             FROM equipment_inventory e, jobs j WHERE e.id = '{}' AND j.id = '{}'",
            ids::item(1),
            ids::ANAS_JOB
        ));
        assert_eq!(kept, format!("2031-01-01 1 {round} Ana"));
    }
    assert_same(&mut ana);
    figure("what_only_a_newer_server_knows_survives_an_edit_by_an_older_program", rounds, 0);
}
