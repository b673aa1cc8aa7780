//! The office holds what a laptop wants.

use std::time::Duration;

use clara_domain::mirror::Entity::{EquipmentInventory, InspectionRecords, Jobs};
use clara_sync::{CentralError, SyncError};
use clara_tests::{Company, Device, assert_same, ids};
use serde_json::json;

use crate::figure::{figure, scaled};
use crate::found;
use crate::office::{Office, a_laptop_waits_for_a_lock, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

fn hold(office: &mut Office, item: u128) {
    office.run("BEGIN");
    office.run(&format!(
        "UPDATE equipment_inventory SET metadata = '{{\"held\": {item}}}' WHERE id = '{}'",
        ids::item(item)
    ));
}

fn there(company: &Company, sql: &str) -> u64 {
    company.office(sql).parse().unwrap()
}

/// Row 39 and invariant 6: one row is locked for as long as somebody in the office looks at it. Its own work waits; all
/// other work goes up, and everything comes down.
#[test]
fn a_row_that_the_office_has_locked_holds_up_its_own_work_and_nothing_else() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let mut office = Office::of(&company);
    hold(&mut office, 1);
    ana.change(EquipmentInventory, ids::item(1), json!({"notes": "Waits"}));
    let mut others = Vec::new();
    for n in 0..60 {
        others.push(ana.inspect(ids::ANAS_JOB, ids::item(1 + n % 3), "Does not wait"));
    }
    ana.change(EquipmentInventory, ids::item(2), json!({"notes": "Does not wait"}));
    ana.change(EquipmentInventory, ids::item(1), json!({"notes": "Waits behind it"}));
    // Somebody else's change, which must come down.
    company.office(&format!("UPDATE jobs SET title = 'Come down' WHERE id = '{}'", ids::ANAS_JOB));

    let error = ana.try_sync().error.expect("something had to wait");
    assert!(matches!(&error, SyncError::Central(CentralError::Busy(code)) if code == "55P03"), "{error:?}");
    assert!(error.passes_by_itself());
    let arrived = there(&company, "SELECT count(*) FROM inspection_records WHERE findings = 'Does not wait'");
    let blocked = others.len() as u64 - arrived;
    let came_down = ana.value(Jobs, ids::ANAS_JOB, "title") == json!("Come down");
    let note = company.office(&format!("SELECT notes FROM equipment_inventory WHERE id = '{}'", ids::item(2)));
    assert!(ana.pending() > 0, "the work on the locked row is kept");

    office.run("COMMIT");
    ana.sync();
    assert_eq!(ana.pending(), 0);
    assert_eq!(
        company.office(&format!("SELECT notes FROM equipment_inventory WHERE id = '{}'", ids::item(1))),
        "Waits behind it",
        "in the order in which they were saved"
    );
    ana.sync();
    assert_same(&mut ana);
    assert!(came_down, "what others changed comes down all the same");
    assert_eq!(note, "Does not wait");
    figure("a_row_that_the_office_has_locked_holds_up_its_own_work_and_nothing_else", 61, blocked);
}

/// Row 39: the server gives up a statement that takes too long.
#[test]
fn a_statement_that_takes_too_long_is_tried_again_later_and_not_refused() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let role = ana.central().server().role.clone();
    company.office(&format!(
        "ALTER ROLE \"{role}\" SET lock_timeout = '0'; ALTER ROLE \"{role}\" SET statement_timeout = '700ms'"
    ));
    ana.reconnect();
    let rounds = scaled(3, 40);
    for round in 0..rounds {
        let mut office = Office::of(&company);
        hold(&mut office, 1);
        ana.change(EquipmentInventory, ids::item(1), json!({"notes": format!("Long {round}")}));
        let error = ana.try_sync().error.expect("it took too long");
        assert!(matches!(&error, SyncError::Central(CentralError::Busy(code)) if code == "57014"), "{error:?}");
        assert_eq!(ana.pending(), 1);
        office.run("ROLLBACK");
        ana.sync();
        assert_eq!(ana.pending(), 0);
    }
    assert_same(&mut ana);
    figure("a_statement_that_takes_too_long_is_tried_again_later_and_not_refused", rounds, 0);
}

/// Row 39: the office and a laptop want two rows, each the one that the other has.
#[test]
fn a_deadlock_with_the_office_ends_and_both_sides_changes_are_there() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let deadlocks = || there(&company, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    let rounds = scaled(6, 60);
    let (mut met, mut changes) = (0_u64, 0);
    for round in 0..rounds {
        let mut office = Office::of(&company);
        // Two changes of one row go the long way, one by one and in the order of the outbox: first 1, then 2.
        for item in [1, 1, 2, 2] {
            let field = ["notes", "location_detail"][usize::from(changes % 2 == 0)];
            changes += 1;
            ana.change(EquipmentInventory, ids::item(item), json!({field: format!("Laptop {round} {changes}")}));
        }
        hold(&mut office, 2);
        let (report, state) = std::thread::scope(|threads| {
            let syncing = threads.spawn(|| ana.try_sync());
            wait_until("the laptop waits for the second row", PATIENCE, || a_laptop_waits_for_a_lock(&company));
            office.start(&format!(
                "UPDATE equipment_inventory SET metadata = '{{\"office\": {round}}}' WHERE id = '{}'",
                ids::item(1)
            ));
            let state = office.end().1;
            office.start("COMMIT");
            office.end();
            (syncing.join().unwrap(), state)
        });
        if let Some(error) = &report.error {
            assert!(error.passes_by_itself(), "{error:?}");
        }
        met += u64::from(state == "40P01");
        if matches!(&report.error, Some(SyncError::Central(CentralError::Busy(code))) if code == "40P01") {
            met += 1;
        }
        ana.sync();
        assert_eq!(ana.pending(), 0);
    }
    assert!(met > 0 || deadlocks() > 0, "no deadlock came about");
    ana.sync();
    assert_same(&mut ana);
    let last = company.office(&format!(
        "SELECT string_agg(concat_ws(' ', notes, location_detail), ' ' ORDER BY id) FROM equipment_inventory WHERE id IN ('{}', '{}')",
        ids::item(1),
        ids::item(2)
    ));
    assert_eq!(last.matches(&format!("Laptop {}", rounds - 1)).count(), 4, "{last}");
    println!("    {} deadlocks", deadlocks());
    figure("a_deadlock_with_the_office_ends_and_both_sides_changes_are_there", rounds, 0);
}

/// Row 11: a transaction that stays open for long, here and in another database of the server, holds nothing up; its
/// rows arrive when it ends.
#[test]
fn a_transaction_that_stays_open_holds_up_no_download_and_its_rows_arrive_at_its_end() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let mut elsewhere = Office::in_database(&company, "postgres");
    elsewhere.run("BEGIN");
    elsewhere.run("SELECT pg_current_xact_id()");
    let mut failures = 0;
    let rounds = scaled(20, 300);
    for round in 0..rounds {
        let mut slow = Office::of(&company);
        slow.run("BEGIN");
        slow.run(&format!("UPDATE equipment_inventory SET notes = 'slow {round}' WHERE id = '{}'", ids::item(1)));
        slow.run("SAVEPOINT inner_one");
        slow.run(&format!(
            "INSERT INTO inspection_records (job_id, equipment_id, inspector_id, inspection_date, passed, findings)
             VALUES ('{}', '{}', '{}', current_date, true, 'slow {round}')",
            ids::ANAS_JOB,
            ids::item(1),
            ids::ANA
        ));
        company
            .office(&format!("UPDATE equipment_inventory SET notes = 'quick {round}' WHERE id = '{}'", ids::item(2)));
        ana.inspect(ids::ANAS_JOB, ids::item(3), "Meanwhile");
        ana.sync();
        failures += u64::from(ana.value(EquipmentInventory, ids::item(2), "notes") != json!(format!("quick {round}")));
        assert_ne!(ana.value(EquipmentInventory, ids::item(1), "notes"), json!(format!("slow {round}")));
        slow.run("COMMIT");
        ana.sync();
        failures += u64::from(ana.value(EquipmentInventory, ids::item(1), "notes") != json!(format!("slow {round}")));
    }
    let slow_ones = ana
        .rows(InspectionRecords)
        .iter()
        .filter(|row| {
            row.fields(InspectionRecords.table().unwrap())["findings"]
                .as_str()
                .is_some_and(|text| text.starts_with("slow"))
        })
        .count();
    assert_eq!(slow_ones as u64, rounds);
    elsewhere.run("COMMIT");
    assert_same(&mut ana);
    figure("a_transaction_that_stays_open_holds_up_no_download_and_its_rows_arrive_at_its_end", rounds, failures);
}
