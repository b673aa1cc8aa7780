//! Work that takes the server too long, and news that are too much for one pull.

use clara_domain::mirror::Entity::{EquipmentInventory, EquipmentModels, InspectionRecords, Jobs, Locations};
use clara_sync::{CentralError, SyncError};
use clara_tests::{Company, Device, assert_same, ids};
use serde_json::json;

use crate::found;

/// More rows than one pull brings.
const FLOOD: usize = 20_500;

/// Whoever writes this item waits.
fn slow_down(company: &Company, item: u128, seconds: f64) {
    company.office(&format!(
        "CREATE FUNCTION public.linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$;
         CREATE TRIGGER linger BEFORE UPDATE ON equipment_inventory FOR EACH ROW
             WHEN (NEW.id = '{}') EXECUTE FUNCTION public.linger();
         GRANT EXECUTE ON FUNCTION public.linger() TO PUBLIC",
        ids::item(item)
    ));
}

fn speed_up(company: &Company) {
    company.office("DROP TRIGGER linger ON equipment_inventory");
}

fn gave_up(error: Option<SyncError>) -> bool {
    matches!(error, Some(SyncError::Central(CentralError::Busy(code))) if code == "57014")
}

#[test]
fn one_operation_that_takes_the_server_too_long_waits_alone() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let role = ana.central().server().role.clone();
    company.office(&format!("ALTER ROLE \"{role}\" SET statement_timeout = '1500ms'"));
    ana.reconnect();
    slow_down(&company, 2, 30.0);
    for n in 0..110 {
        ana.inspect(ids::ANAS_JOB, ids::item(1 + n % 3), "Quick");
        if n == 60 {
            ana.change(EquipmentInventory, ids::item(2), json!({"notes": "Slow"}));
        }
    }
    ana.change(EquipmentInventory, ids::item(3), json!({"notes": "Quick"}));
    company.office(&format!("UPDATE jobs SET title = 'Come down' WHERE id = '{}'", ids::ANAS_JOB));
    let report = ana.try_sync();
    assert!(gave_up(report.error), "and the laptop says so");
    assert_eq!(ana.pending(), 1, "all others are there");
    assert_eq!(company.office("SELECT count(*) FROM inspection_records WHERE findings = 'Quick'"), "110");
    assert_eq!(ana.rows(InspectionRecords).iter().filter(|row| row.row_ver > 0).count(), 113, "and seen to be there");
    assert!(gave_up(ana.try_sync().error), "it is tried each time");
    speed_up(&company);
    ana.sync();
    assert_eq!(ana.pending(), 0);
    assert_same(&mut ana);
}

/// With the limits that every login gets.
#[test]
fn a_laptop_outwaits_the_servers_own_limit_and_so_learns_that_it_was_the_work_and_not_the_line() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    slow_down(&company, 2, 120.0);
    ana.change(EquipmentInventory, ids::item(2), json!({"notes": "Slow"}));
    let report = ana.try_sync();
    assert!(gave_up(report.error), "not a line that was cut");
    assert_eq!(ana.pending(), 1);
    speed_up(&company);
    ana.sync();
    assert_same(&mut ana);
}

#[test]
fn an_import_of_the_office_that_is_too_much_for_one_pull_comes_bit_by_bit_with_all_that_came_with_it() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.sync();
    company.office(&format!(
        "BEGIN;
         INSERT INTO equipment_models (manufacturer_id, model_number, equipment_category)
         SELECT '10000000-0000-4000-8000-000000000001', 'M-' || n, 'hvac' FROM generate_series(1, {FLOOD}) n;
         UPDATE jobs SET title = 'With the import' WHERE id = '{}';
         DELETE FROM job_equipment;
         UPDATE jobs SET assigned_technician_id = '{}' WHERE id = '{}';
         COMMIT",
        ids::ANAS_JOB,
        ids::BEN,
        ids::SCHOOL_JOB
    ));
    // What is saved here meanwhile goes up first, and stays to be seen.
    let inspection = ana.inspect(ids::ANAS_JOB, ids::item(1), "Before the flood");
    let report = ana.sync();
    assert!(report.repairs.is_none(), "nothing was broken: {:?}", report.repairs);
    assert_eq!(ana.rows(EquipmentModels).len(), FLOOD + 1);
    assert_eq!(ana.value(Jobs, ids::ANAS_JOB, "title"), json!("With the import"));
    assert!(ana.see(InspectionRecords, inspection).is_some());
    assert!(ana.see(Locations, ids::SCHOOL).is_none(), "a site that left meanwhile has left");
    assert_same(&mut ana);
    // From here on it is differences again.
    company.office(&format!("UPDATE jobs SET title = 'After it' WHERE id = '{}'", ids::ANAS_JOB));
    let report = ana.sync();
    assert!(report.rows <= 2, "{} rows", report.rows);
    assert_eq!(ana.value(Jobs, ids::ANAS_JOB, "title"), json!("After it"));
}

#[test]
fn a_new_site_with_more_history_than_one_pull_brings_comes_whole_and_also_after_a_cut() {
    let company = found();
    let mut ben = Device::enroll(&company, ids::BEN);
    ben.sync();
    ben.sync();
    company.office(&format!(
        "INSERT INTO equipment_inventory (location_id, manual_model_number)
         SELECT '{}', 'X-' || n FROM generate_series(1, {FLOOD}) n",
        ids::SCHOOL
    ));
    ben.sync();
    assert_eq!(ben.rows(EquipmentInventory).len(), 3, "it is not Ben's yet");
    company.office(&format!(
        "UPDATE jobs SET assigned_technician_id = '{}' WHERE id = '{}'",
        ids::BEN,
        ids::SCHOOL_JOB
    ));
    // The lid closes before the end.
    ben.patience = Some(7);
    assert!(matches!(ben.try_sync().error, Some(SyncError::Stopped)));
    ben.patience = None;
    ben.sync();
    assert_eq!(ben.rows(EquipmentInventory).len(), FLOOD + 6);
    assert!(ben.see(Locations, ids::SCHOOL).is_some());
    assert_same(&mut ben);
}
