//! The first day of a laptop.

use clara_domain::mirror::Entity::{EquipmentModels, Locations};
use clara_sync::{Replica, SyncError};
use clara_tests::{Device, assert_same, ids};

use crate::found;

#[test]
fn a_first_sync_that_is_interrupted_again_and_again_goes_on_where_it_was() {
    let company = found();
    company.office(
        "INSERT INTO equipment_models (manufacturer_id, model_number, equipment_category)
         SELECT '10000000-0000-4000-8000-000000000001', 'M-' || n, 'hvac' FROM generate_series(1, 9000) n",
    );
    let mut ana = Device::enroll(&company, ids::ANA);
    let (mut tries, mut before) = (0, 0);
    loop {
        tries += 1;
        assert!(tries < 60, "it comes to an end");
        ana.patience = Some(4);
        let report = ana.try_sync();
        let rows = ana.rows(EquipmentModels).len();
        assert!(rows >= before, "progress never goes back");
        before = rows;
        match report.error {
            None => break,
            Some(SyncError::Stopped) => {
                ana.close();
                ana.open();
            }
            Some(other) => panic!("{other}"),
        }
    }
    assert!(tries > 5, "it was interrupted: {tries}");
    assert_eq!(ana.rows(EquipmentModels).len(), 9001);
    ana.patience = None;
    ana.sync();
    assert_same(&mut ana);
}

#[test]
fn what_changes_while_the_first_sync_goes_on_is_there_at_its_end() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.patience = Some(6);
    assert!(matches!(ana.try_sync().error, Some(SyncError::Stopped)));
    company.office(&format!("UPDATE locations SET access_notes = 'New code 4471' WHERE id = '{}'", ids::TOWER));
    company.office("DELETE FROM common_problems");
    ana.patience = None;
    ana.sync();
    assert_eq!(ana.value(Locations, ids::TOWER, "access_notes"), serde_json::json!("New code 4471"));
    assert_same(&mut ana);
}

#[test]
fn work_can_be_saved_and_sent_while_the_catalogue_still_comes_in() {
    let company = found();
    company.office(
        "INSERT INTO equipment_models (manufacturer_id, model_number, equipment_category)
         SELECT '10000000-0000-4000-8000-000000000001', 'M-' || n, 'hvac' FROM generate_series(1, 9000) n",
    );
    let mut ana = Device::enroll(&company, ids::ANA);
    loop {
        ana.patience = Some(3);
        assert!(matches!(ana.try_sync().error, Some(SyncError::Stopped)));
        if ana.rows(EquipmentModels).len() > 1_000 {
            break;
        }
    }
    assert!(ana.mirror().clone().state().unwrap().cursor.is_none(), "the first sync is not over");
    let inspection = ana.inspect(ids::ANAS_JOB, ids::item(1), "Early bird");
    ana.patience = Some(3);
    let _ = ana.try_sync();
    assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{inspection}'")), "1");
    ana.patience = None;
    ana.sync();
    assert_same(&mut ana);
}
