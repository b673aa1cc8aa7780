//! A manager's laptop, narrowed to what its person looks after, and widened again.

use clara_central::enroll::Person;
use clara_central::subscribe::{Subscribed, Subscription, subscribe};
use clara_domain::UserId;
use clara_domain::mirror::Entity::{
    Customers, DataCaptureLogs, EquipmentInventory, InspectionRecords, JobEquipment, Jobs, Locations, Photos,
};
use clara_tests::{Company, Device, assert_same, block_on, ids};
use uuid::Uuid;

use crate::found;

fn narrow(company: &Company, wanted: &Subscription) -> Subscribed {
    block_on(subscribe(&company.admin(), &Person::Id(UserId(ids::MO)), wanted)).unwrap()
}

fn street(name: &str) -> Subscription {
    Subscription { regions: vec![name.to_owned()], window_days: None }
}

fn sites(device: &Device) -> Vec<Uuid> {
    device.rows(Locations).into_iter().map(|row| row.id).collect()
}

#[test]
fn a_narrowed_manager_lets_go_of_the_other_sites_and_gets_them_back_whole() {
    let company = found();
    company.office(
        "INSERT INTO customers (id, company_name) VALUES (md5('other')::uuid, 'Other');
        UPDATE locations SET customer_id = md5('other')::uuid WHERE location_name = 'Mall'",
    );
    let mut mo = Device::enroll(&company, ids::MO);
    mo.sync();
    assert_eq!(sites(&mo), [ids::TOWER, ids::SCHOOL, ids::MALL]);
    let before: Vec<_> = [Customers, Jobs, EquipmentInventory, InspectionRecords].map(|table| mo.rows(table)).into();

    let done = narrow(&company, &street("Hill Road"));
    assert_eq!((done.sites, done.of), (1, 3));
    mo.sync();
    assert_eq!(sites(&mo), [ids::SCHOOL]);
    assert_eq!(mo.rows(Customers).len(), 1);
    for table in [Jobs, EquipmentInventory, JobEquipment, InspectionRecords, DataCaptureLogs, Photos] {
        assert!(
            mo.rows(table).iter().all(|row| mo.value(table, row.id, "location_id") == serde_json::json!(ids::SCHOOL)),
            "nothing of the others is left in {table}"
        );
    }
    assert_same(&mut mo);

    // What changes elsewhere does not reach this laptop; what changes at the school does.
    company.office("UPDATE equipment_inventory SET notes = 'Touched'");
    mo.sync();
    assert_eq!(mo.rows(EquipmentInventory).len(), 3);
    assert_same(&mut mo);

    narrow(&company, &Subscription::default());
    mo.sync();
    assert_eq!(sites(&mo), [ids::TOWER, ids::SCHOOL, ids::MALL]);
    for (table, rows) in [Customers, Jobs, EquipmentInventory, InspectionRecords].into_iter().zip(before) {
        let ids = |rows: &[clara_domain::row::Row]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(&mo.rows(table)), ids(&rows), "{table} with its whole history");
    }
    assert_same(&mut mo);
}

#[test]
fn a_laptop_enrolled_after_it_was_narrowed_takes_only_those_sites() {
    let company = found();
    narrow(&company, &street("Hill Road"));
    let mut mo = Device::enroll(&company, ids::MO);
    mo.sync();
    assert_eq!(sites(&mo), [ids::SCHOOL]);
    // A site is put into the region: it comes, whatever its age.
    company
        .office(&format!("UPDATE locations SET metadata = '{{\"region\": \"hill road\"}}' WHERE id = '{}'", ids::MALL));
    mo.sync();
    assert_eq!(sites(&mo), [ids::SCHOOL, ids::MALL]);
    assert_eq!(mo.rows(EquipmentInventory).len(), 6);
    assert_same(&mut mo);
}

#[test]
fn work_of_a_manager_for_a_site_that_was_narrowed_away_takes_effect_and_leaves_the_laptop() {
    let company = found();
    let mut mo = Device::enroll(&company, ids::MO);
    mo.sync();
    // Offline, while the office narrows.
    let inspection = mo.inspect(ids::ANAS_JOB, ids::item(1), "Seen on the way");
    narrow(&company, &street("Hill Road"));
    let report = mo.sync();
    assert_eq!(report.receipts.get("applied"), Some(&1), "a manager may still do it: {:?}", report.receipts);
    assert_eq!(
        company.office(&format!("SELECT findings FROM inspection_records WHERE id = '{inspection}'")),
        "Seen on the way"
    );
    mo.sync();
    assert_eq!((sites(&mo), mo.pending()), (vec![ids::SCHOOL], 0));
    assert!(mo.see(InspectionRecords, inspection).is_none());
    assert_same(&mut mo);
}

#[test]
fn a_narrowed_manager_lets_go_of_the_customer_whom_a_kept_site_has_left_and_an_unnarrowed_one_does_not() {
    let company = found();
    company.office(
        "INSERT INTO customers (id, company_name) VALUES (md5('other')::uuid, 'Other'), (md5('new')::uuid, 'New');
        UPDATE locations SET customer_id = md5('other')::uuid WHERE location_name = 'School'",
    );
    let customers = |mo: &mut Device| mo.rows(Customers).len();
    let moves_to = |customer: &str| {
        let id = ids::SCHOOL;
        company.office(&format!("UPDATE locations SET customer_id = md5('{customer}')::uuid WHERE id = '{id}'"));
    };
    let mut mo = Device::enroll(&company, ids::MO);
    mo.sync();
    assert_eq!(customers(&mut mo), 3);
    moves_to("new");
    mo.sync();
    assert_eq!(customers(&mut mo), 3, "who sees all sees customers without a site too");

    narrow(&company, &street("Hill Road"));
    mo.sync();
    assert_eq!((sites(&mo), customers(&mut mo)), (vec![ids::SCHOOL], 1));
    // No site leaves, and still one customer is no longer theirs.
    moves_to("other");
    let report = mo.sync();
    assert!(report.repairs.is_none(), "and no audit was needed for it");
    let left: Vec<_> = mo.rows(Customers).iter().map(|row| mo.value(Customers, row.id, "company_name")).collect();
    assert_eq!(left, ["Other"]);
    assert_same(&mut mo);
}
