//! Rows that go to another site, and rows that go for good: laptops learn of both by the next pull, and not by an audit.

use clara_central::enroll::Person;
use clara_central::subscribe::{Subscription, subscribe};
use clara_domain::mirror::Entity::{
    Conflicts, Customers, DataCaptureLogs, EquipmentInventory, InspectionRecords, JobEquipment, Jobs, Locations, Photos,
};
use clara_domain::{InspectionId, JobId, UserId};
use clara_tests::{Company, Device, assert_same, block_on, ids};
use serde_json::json;
use uuid::Uuid;

use crate::found;

/// A laptop that has had its first audit; the next one is due in a day.
fn settled(company: &Company, person: Uuid) -> Device {
    let mut device = Device::enroll(company, person);
    device.sync();
    device.sync();
    device
}

/// Fetches what changed, without any comparison of both sides.
fn pull(device: &mut Device) {
    let report = device.sync();
    assert!(report.repairs.is_none(), "nothing was audited: {:?}", report.repairs);
}

fn subscribe_to(company: &Company, street: &str) {
    let wanted = Subscription { regions: vec![street.to_owned()], window_days: None };
    block_on(subscribe(&company.admin(), &Person::Id(UserId(ids::MO)), &wanted)).unwrap();
}

fn sites(device: &Device) -> Vec<Uuid> {
    device.rows(Locations).into_iter().map(|row| row.id).collect()
}

fn move_job(company: &Company, job: Uuid, site: Uuid) {
    company.office(&format!("UPDATE jobs SET location_id = '{site}' WHERE id = '{job}'"));
}

#[test]
fn a_job_that_the_office_moves_to_another_site_takes_its_records_there_on_every_laptop() {
    let company = found();
    let (mut ana, mut ben, mut mo) =
        (settled(&company, ids::ANA), settled(&company, ids::BEN), settled(&company, ids::MO));
    let records = ben.rows(InspectionRecords).len();
    assert_eq!((records, ben.rows(JobEquipment).len()), (3, 3), "Ben sees what was done at his site, whoever did it");

    // The tower is Ana's by this job alone, and Ben's by another.
    move_job(&company, ids::ANAS_JOB, ids::MALL);
    pull(&mut ana);
    assert_eq!(sites(&ana), [ids::SCHOOL, ids::MALL], "the new site has come and the old one has left");
    assert_eq!(ana.value(Jobs, ids::ANAS_JOB, "location_id"), json!(ids::MALL));
    assert_eq!(ana.rows(InspectionRecords).len(), records, "with what was recorded under it");
    assert!(ana.see(EquipmentInventory, ids::item(7)).is_some());
    assert!(ana.see(EquipmentInventory, ids::item(1)).is_none());

    pull(&mut ben);
    assert_eq!(sites(&ben), [ids::TOWER]);
    assert!(ben.see(Jobs, ids::ANAS_JOB).is_none(), "it is none of Ben's sites any more");
    for table in [InspectionRecords, JobEquipment, DataCaptureLogs, Photos] {
        assert!(ben.rows(table).is_empty(), "and nothing of it is left in {table}");
    }
    pull(&mut mo);
    assert_eq!(mo.value(Jobs, ids::ANAS_JOB, "location_id"), json!(ids::MALL), "who holds both sites keeps it");
    for device in [&mut ana, &mut ben, &mut mo] {
        assert_same(device);
    }

    // There and back while nobody looks, and back for one who did look.
    move_job(&company, ids::ANAS_JOB, ids::TOWER);
    pull(&mut ben);
    assert!(ben.see(Jobs, ids::ANAS_JOB).is_some());
    move_job(&company, ids::ANAS_JOB, ids::SCHOOL);
    move_job(&company, ids::ANAS_JOB, ids::MALL);
    move_job(&company, ids::ANAS_JOB, ids::TOWER);
    for device in [&mut ana, &mut ben, &mut mo] {
        pull(device);
        assert_eq!(device.value(Jobs, ids::ANAS_JOB, "location_id"), json!(ids::TOWER));
        assert_eq!(device.rows(InspectionRecords).len(), records);
        assert_same(device);
    }
}

#[test]
fn a_job_that_moves_out_of_a_managers_region_leaves_and_one_that_moves_in_comes() {
    let company = found();
    let mut mo = settled(&company, ids::MO);
    subscribe_to(&company, "Quay Street");
    pull(&mut mo);
    assert_eq!(sites(&mo), [ids::TOWER]);
    assert!(mo.see(Jobs, ids::ANAS_JOB).is_some() && mo.see(Jobs, ids::SCHOOL_JOB).is_none());
    move_job(&company, ids::ANAS_JOB, ids::MALL);
    move_job(&company, ids::SCHOOL_JOB, ids::TOWER);
    pull(&mut mo);
    assert!(mo.see(Jobs, ids::ANAS_JOB).is_none() && mo.see(Jobs, ids::SCHOOL_JOB).is_some());
    assert!(mo.rows(InspectionRecords).is_empty());
    assert_same(&mut mo);
}

#[test]
fn a_managers_laptop_lets_go_of_sites_at_the_pull_after_it_was_narrowed() {
    let company = found();
    company.office(
        "INSERT INTO customers (id, company_name) VALUES (md5('other')::uuid, 'Other');
        UPDATE locations SET customer_id = md5('other')::uuid WHERE location_name = 'Mall'",
    );
    let mut mo = settled(&company, ids::MO);
    assert_eq!((sites(&mo).len(), mo.rows(Customers).len()), (3, 2));
    subscribe_to(&company, "Hill Road");
    pull(&mut mo);
    assert_eq!((sites(&mo), mo.rows(Customers).len()), (vec![ids::SCHOOL], 1));
    assert_same(&mut mo);
    block_on(subscribe(&company.admin(), &Person::Id(UserId(ids::MO)), &Subscription::default())).unwrap();
    pull(&mut mo);
    assert_eq!((sites(&mo).len(), mo.rows(Customers).len()), (3, 2));
    // Whoever mirrors all keeps a site at which nothing is to be done any more.
    company.office(&format!(
        "UPDATE jobs SET job_status = 'completed', scheduled_date = '2020-01-01' WHERE id = '{}'",
        ids::SCHOOL_JOB
    ));
    pull(&mut mo);
    assert_eq!(sites(&mo).len(), 3);
    assert_same(&mut mo);
}

#[test]
fn an_item_that_is_carried_to_another_site_leaves_the_laptops_of_the_old_one() {
    let company = found();
    let (mut ana, mut ben) = (settled(&company, ids::ANA), settled(&company, ids::BEN));
    company.office(&format!(
        "UPDATE equipment_inventory SET location_id = '{}' WHERE id = '{}'",
        ids::SCHOOL,
        ids::item(2)
    ));
    pull(&mut ana);
    pull(&mut ben);
    assert_eq!(ana.value(EquipmentInventory, ids::item(2), "location_id"), json!(ids::SCHOOL));
    assert!(ben.see(EquipmentInventory, ids::item(2)).is_none());
    assert_same(&mut ana);
    assert_same(&mut ben);
    // And is thrown away there.
    company.office(&format!(
        "DELETE FROM inspection_records; DELETE FROM job_equipment; DELETE FROM equipment_inventory WHERE id = '{}'",
        ids::item(2)
    ));
    pull(&mut ana);
    pull(&mut ben);
    assert!(ana.see(EquipmentInventory, ids::item(2)).is_none());
    assert_same(&mut ana);
    assert_same(&mut ben);
}

#[test]
fn an_inspection_under_way_goes_on_when_its_job_is_moved() {
    let company = found();
    let mut ana = settled(&company, ids::ANA);
    let id = InspectionId(Uuid::now_v7());
    let save = |findings: &str| clara_local::DraftSave {
        id,
        job_id: JobId(ids::ANAS_JOB),
        equipment_id: clara_domain::EquipmentId(ids::item(1)),
        template_id: None,
        body: json!({"findings": findings}),
    };
    ana.save(|tx| tx.save_draft(save("Half way")));
    move_job(&company, ids::ANAS_JOB, ids::MALL);
    pull(&mut ana);
    assert_eq!(sites(&ana), [ids::SCHOOL, ids::MALL]);
    let drafts = ana.mirror().read(|read| read.drafts(Some(JobId(ids::ANAS_JOB)))).unwrap();
    assert_eq!(drafts.len(), 1);
    assert!(!drafts[0].sealed, "its job is still Ana's");
    assert_eq!(drafts[0].body, json!({"findings": "Half way"}));
}

#[test]
fn a_site_that_the_office_deletes_is_gone_from_every_laptop_with_all_that_hung_on_it() {
    let company = found();
    let shed = Uuid::from_u128(0x30000000_0000_4000_8000_000000000004);
    company.office(&format!(
        "INSERT INTO locations (id, customer_id, location_name, address)
         SELECT '{shed}', id, 'Shed', '4 Hill Road' FROM customers;
         INSERT INTO equipment_inventory (location_id, manual_model_number) VALUES ('{shed}', 'X');
         INSERT INTO jobs (job_number, customer_id, location_id, assigned_technician_id, job_type, scheduled_date, title)
         SELECT 'J-9', id, '{shed}', '{}', 'inspection', current_date, 'Shed' FROM customers;",
        ids::ANA
    ));
    subscribe_to(&company, "Hill Road");
    let (mut ana, mut ben, mut mo) =
        (settled(&company, ids::ANA), settled(&company, ids::BEN), settled(&company, ids::MO));
    assert_eq!(sites(&mo), [ids::SCHOOL, shed]);
    assert!(sites(&ana).contains(&shed) && !sites(&ben).contains(&shed));
    company.office(&format!(
        "BEGIN; DELETE FROM jobs WHERE location_id = '{shed}'; DELETE FROM equipment_inventory WHERE location_id = '{shed}';
         DELETE FROM locations WHERE id = '{shed}'; COMMIT"
    ));
    for device in [&mut ana, &mut ben, &mut mo] {
        pull(device);
        assert!(!sites(device).contains(&shed));
        assert_same(device);
    }
}

#[test]
fn a_site_that_is_deleted_leaves_the_laptop_of_a_manager_who_holds_all() {
    let company = found();
    let mut mo = settled(&company, ids::MO);
    company.office(&format!(
        "DELETE FROM equipment_inventory WHERE location_id = '{0}'; DELETE FROM locations WHERE id = '{0}'",
        ids::MALL
    ));
    pull(&mut mo);
    assert_eq!(sites(&mo), [ids::TOWER, ids::SCHOOL]);
    assert_same(&mut mo);
}

#[test]
fn a_conflict_that_the_office_deletes_is_gone_from_its_authors_laptop_too() {
    let company = found();
    let (mut ana, mut ben) = (settled(&company, ids::ANA), settled(&company, ids::BEN));
    ana.change(EquipmentInventory, ids::item(1), json!({"location_detail": "North wall"}));
    company.office(&format!("UPDATE equipment_inventory SET location_detail = 'Door' WHERE id = '{}'", ids::item(1)));
    pull(&mut ana);
    pull(&mut ben);
    assert_eq!((ana.rows(Conflicts).len(), ben.rows(Conflicts).len()), (1, 1));
    // The tower leaves Ana's scope; she goes on seeing what became of her own work.
    company.office(&format!("UPDATE jobs SET assigned_technician_id = NULL WHERE id = '{}'", ids::ANAS_JOB));
    pull(&mut ana);
    assert_eq!((sites(&ana), ana.rows(Conflicts).len()), (vec![ids::SCHOOL], 1));
    company.office("DELETE FROM sync.conflict");
    pull(&mut ana);
    pull(&mut ben);
    assert_eq!((ana.rows(Conflicts).len(), ben.rows(Conflicts).len()), (0, 0));
    assert_same(&mut ana);
    assert_same(&mut ben);
}

#[test]
fn what_waits_for_a_decision_goes_along_with_the_row_it_is_about() {
    let company = found();
    let (mut ana, mut ben) = (settled(&company, ids::ANA), settled(&company, ids::BEN));
    // A clash about an item at the tower, and an inspection of it that the office has to decide about.
    let pump = ids::item(1);
    ana.change(EquipmentInventory, pump, json!({"location_detail": "North wall"}));
    company.office(&format!("UPDATE equipment_inventory SET location_detail = 'Door 0114' WHERE id = '{pump}'"));
    ben.inspect(ids::BENS_JOB, ids::item(2), "Runs hot");
    company.office(&format!("UPDATE jobs SET assigned_technician_id = NULL WHERE id = '{}'", ids::BENS_JOB));
    assert_eq!(ana.sync().receipts.get("conflict"), Some(&1));
    assert_eq!(ben.sync().receipts.get("parked"), Some(&1));
    let sites_of =
        |table: &str| company.office(&format!("SELECT string_agg(location_id::text, ' ') FROM sync.{table}"));
    assert_eq!((sites_of("conflict"), sites_of("parked")), (ids::TOWER.to_string(), ids::TOWER.to_string()));

    // All of it goes to the school, and Ana goes there too.
    company.office(&format!(
        "UPDATE equipment_inventory SET location_id = '{school}' WHERE id = '{pump}';
         UPDATE jobs SET location_id = '{school}' WHERE id IN ('{}', '{}')",
        ids::ANAS_JOB,
        ids::BENS_JOB,
        school = ids::SCHOOL,
    ));
    assert_eq!((sites_of("conflict"), sites_of("parked")), (ids::SCHOOL.to_string(), ids::SCHOOL.to_string()));
    pull(&mut ana);
    assert_eq!(sites(&ana), [ids::SCHOOL], "the tower is nobody's work any more");
    let clash = ana.rows(Conflicts);
    assert_eq!(clash.len(), 1);
    ana.change(Conflicts, clash[0].id, json!({"resolution": "server"}));
    let report = ana.sync();
    assert_eq!(report.receipts.get("applied"), Some(&1), "it is Ana's item as before: {:?}", report.receipts);
    ana.sync();
    assert_eq!(ana.value(EquipmentInventory, pump, "location_detail"), json!("Door 0114"));
    assert_same(&mut ana);
}
