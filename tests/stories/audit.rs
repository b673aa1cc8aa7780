//! Both sides compared and healed.

use clara_domain::mirror::Entity::{EquipmentInventory, EquipmentModels};
use clara_sync::Wish;
use clara_tests::{Device, assert_same, ids};
use serde_json::json;

use crate::found;

const AUDIT: Wish = Wish { audit: true, photos: true };

#[test]
fn writes_that_bypass_every_trigger_are_found_and_healed_row_by_row() {
    let company = found();
    company.office(
        "INSERT INTO equipment_models (manufacturer_id, model_number, equipment_category)
         SELECT '10000000-0000-4000-8000-000000000001', 'M-' || n, 'hvac' FROM generate_series(1, 3000) n",
    );
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    // The first audit is due after the first sync; the next one in a day.
    ana.sync();
    company.office(&format!(
        "SET session_replication_role = replica;
         UPDATE equipment_inventory SET notes = 'behind the triggers', row_ver = row_ver + 7 WHERE id = '{}';
         DELETE FROM equipment_models WHERE model_number = 'M-17';",
        ids::item(1)
    ));
    ana.sync();
    assert_eq!(ana.value(EquipmentInventory, ids::item(1), "notes"), json!(null), "a cursor cannot see it");

    let report = ana.try_sync_with(AUDIT);
    assert!(report.error.is_none(), "{:?}", report.error);
    let repairs = report.repairs.expect("an audit ran");
    let counts: Vec<_> = repairs.iter().map(|r| (r.entity, r.refetched, r.purged)).collect();
    assert_eq!(counts, [(EquipmentInventory, 1, 0), (EquipmentModels, 0, 1)], "two rows, not two tables");
    assert_same(&mut ana);
}

#[test]
fn an_audit_of_equal_sides_finds_nothing_and_spares_unsent_work() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let report = ana.try_sync_with(AUDIT);
    assert_eq!(report.repairs.as_deref(), Some(&[][..]));
    assert_same(&mut ana);
}
