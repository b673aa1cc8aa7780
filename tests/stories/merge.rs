//! Several people change one thing.

use clara_domain::mirror::Entity::{Conflicts, EquipmentInventory, Jobs};
use clara_tests::{Device, assert_same, ids};
use serde_json::json;

use crate::found;

#[test]
fn two_technicians_and_the_office_edit_one_item_offline_and_all_end_equal() {
    let company = found();
    let (mut ana, mut ben) = (Device::enroll(&company, ids::ANA), Device::enroll(&company, ids::BEN));
    ana.sync();
    ben.sync();
    let pump = ids::item(1);

    ana.change(EquipmentInventory, pump, json!({"serial_number": "SN-1", "location_detail": "North wall"}));
    ana.change(EquipmentInventory, pump, json!({"components": {"belt_size": "B46"}}));
    ben.change(EquipmentInventory, pump, json!({"components": {"filter_size": "16x20x2"}, "notes": "Loud bearing"}));
    company.office(&format!(
        "UPDATE equipment_inventory SET location_detail = 'Door 0114', installation_date = '2019-05-01' WHERE id = '{pump}'"
    ));

    let first = ana.sync();
    assert_eq!(first.receipts.get("conflict"), Some(&1), "the place was changed by both: {:?}", first.receipts);
    ben.sync();
    ana.sync();

    assert_eq!(ana.value(EquipmentInventory, pump, "serial_number"), json!("SN-1"));
    assert_eq!(
        ana.value(EquipmentInventory, pump, "installation_date"),
        json!("2019-05-01"),
        "the office's field stays"
    );
    assert_eq!(
        ana.value(EquipmentInventory, pump, "components"),
        json!({"drive": "belt", "belt_size": "B46", "filter_size": "16x20x2"}),
        "keys of one object that different people filled"
    );
    assert_eq!(ana.value(EquipmentInventory, pump, "location_detail"), json!("North wall"), "seen on site wins");

    let conflicts = ana.rows(Conflicts);
    assert_eq!(conflicts.len(), 1, "one clash, one record");
    let clash = ana.see(Conflicts, conflicts[0].id).unwrap();
    assert_eq!(
        (&clash["field"], &clash["base"], &clash["server"], &clash["client"]),
        (&json!("location_detail"), &json!("Room 1"), &json!("Door 0114"), &json!("North wall")),
        "both values are kept, and what they had started from"
    );
    assert_same(&mut ana);
    assert_same(&mut ben);
}

#[test]
fn the_same_value_from_both_sides_is_no_conflict() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.change(EquipmentInventory, ids::item(1), json!({"serial_number": "SN-9"}));
    company.office(&format!("UPDATE equipment_inventory SET serial_number = 'SN-9' WHERE id = '{}'", ids::item(1)));
    ana.sync();
    assert!(ana.rows(Conflicts).is_empty());
    assert_same(&mut ana);
}

#[test]
fn the_office_wins_over_scheduling_and_ticks_of_a_checklist_meet() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.change(Jobs, ids::ANAS_JOB, json!({"job_status": "in_progress"}));
    ana.change(Jobs, ids::ANAS_JOB, json!({"checklist": {"keys": {"key": "keys", "label": "Keys", "done": true}}}));
    company.office(&format!(
        "UPDATE jobs SET scheduled_date = scheduled_date + 1,
         checklist = checklist || '[{{\"key\": \"badge\", \"label\": \"Badge\", \"done\": false}}]' WHERE id = '{}'",
        ids::ANAS_JOB
    ));
    ana.sync();
    assert_eq!(
        ana.value(Jobs, ids::ANAS_JOB, "checklist"),
        json!([{"key": "keys", "label": "Keys", "done": true}, {"key": "badge", "label": "Badge", "done": false}])
    );
    assert_eq!(ana.value(Jobs, ids::ANAS_JOB, "job_status"), json!("in_progress"));
    assert_same(&mut ana);
}

#[test]
fn a_conflict_decided_offline_puts_the_other_value_back_everywhere() {
    let company = found();
    let (mut ana, mut ben) = (Device::enroll(&company, ids::ANA), Device::enroll(&company, ids::BEN));
    ana.sync();
    ana.change(EquipmentInventory, ids::item(1), json!({"location_detail": "Mine"}));
    company.office(&format!("UPDATE equipment_inventory SET location_detail = 'Theirs' WHERE id = '{}'", ids::item(1)));
    ana.sync();
    let conflict = ana.rows(Conflicts)[0].id;

    ana.change(Conflicts, conflict, json!({"resolution": "server"}));
    ana.change(EquipmentInventory, ids::item(1), json!({"location_detail": "Theirs"}));
    ana.sync();
    ben.sync();
    assert_eq!(ben.value(EquipmentInventory, ids::item(1), "location_detail"), json!("Theirs"));
    assert_eq!(ana.value(Conflicts, conflict, "resolution"), json!("server"));
    assert_ne!(ana.value(Conflicts, conflict, "resolved_at"), json!(null));
    assert_same(&mut ana);
    assert_same(&mut ben);
}

#[test]
fn two_technicians_who_inspect_one_item_make_two_records() {
    let company = found();
    let (mut ana, mut ben) = (Device::enroll(&company, ids::ANA), Device::enroll(&company, ids::BEN));
    ana.sync();
    ben.sync();
    let hers = ana.inspect(ids::ANAS_JOB, ids::item(1), "Seal weeps");
    let his = ben.inspect(ids::BENS_JOB, ids::item(1), "Seal dry");
    ana.sync();
    ben.sync();
    ana.sync();
    for id in [hers, his] {
        assert!(ana.see(clara_domain::mirror::Entity::InspectionRecords, id).is_some());
    }
    assert!(ana.rows(Conflicts).is_empty());
    assert_same(&mut ana);
    assert_same(&mut ben);
}
