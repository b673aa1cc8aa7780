//! The network does its worst.

use std::time::Duration;

use clara_cluster::{Cut, Direction};
use clara_domain::mirror::Entity::{EquipmentInventory, InspectionRecords, Jobs};
use clara_sync::{CentralError, SyncError};
use clara_tests::{Device, assert_same, ids};
use serde_json::json;

use crate::found;

#[test]
fn a_reply_that_is_lost_after_the_commit_is_asked_for_again_and_nothing_happens_twice() {
    let company = found();
    let cut = Cut::start(company.port()).unwrap();
    let mut ana = Device::enroll_through(&company, ids::ANA, cut.port());
    ana.sync();
    let inspection = ana.inspect(ids::ANAS_JOB, ids::item(1), "Once");

    // How many bytes an identical push brings back is not known beforehand: let the answers through one byte at a time
    // further, until one run loses the answer of the push itself.
    let mut duplicates = 0;
    for bytes in (0..6_000).step_by(150) {
        cut.cut_after(Direction::ToClient, bytes);
        duplicates += ana.try_sync().duplicates;
        if ana.pending() == 0 {
            break;
        }
    }
    cut.heal();
    ana.sync();
    assert_eq!(
        company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{inspection}'")),
        "1",
        "it took effect once"
    );
    assert_eq!(
        company.office(&format!("SELECT count(*) FROM sync.op WHERE payload ->> 'row_id' = '{inspection}'")),
        "1"
    );
    assert!(duplicates >= 1, "at least one run lost the reply of a committed push");
    assert_same(&mut ana);
}

#[test]
fn a_cut_at_any_byte_of_a_sync_loses_nothing_and_the_next_sync_goes_through_by_itself() {
    let company = found();
    let cut = Cut::start(company.port()).unwrap();
    let mut ana = Device::enroll_through(&company, ids::ANA, cut.port());
    ana.sync();
    let mut inspections = Vec::new();
    for (n, bytes) in (0..9_000).step_by(600).enumerate() {
        inspections.push(ana.inspect(ids::ANAS_JOB, ids::item(1 + n as u128 % 3), &format!("Visit {n}")));
        let direction = if n % 2 == 0 { Direction::ToServer } else { Direction::ToClient };
        cut.cut_after(direction, bytes);
        let _ = ana.try_sync();
        cut.heal();
        ana.sync();
        assert_eq!(ana.pending(), 0, "cut after {bytes} bytes");
    }
    for id in inspections {
        assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "1");
    }
    assert_same(&mut ana);
}

#[test]
fn without_a_server_the_sync_says_unreachable_and_the_work_stays() {
    let company = found();
    let cut = Cut::start(company.port()).unwrap();
    let mut ana = Device::enroll_through(&company, ids::ANA, cut.port());
    ana.sync();
    cut.refuse();
    ana.inspect(ids::ANAS_JOB, ids::item(1), "In the cellar");
    let report = ana.try_sync();
    let error = report.error.expect("there is no server");
    assert!(matches!(error, SyncError::Central(CentralError::Unreachable(_))), "{error:?}");
    assert!(error.passes_by_itself());
    assert_eq!(ana.pending(), 1);
    cut.heal();
    ana.sync();
    assert_eq!(ana.pending(), 0);
}

#[test]
fn a_server_that_crashes_in_the_middle_is_met_again_and_nothing_is_lost() {
    let company = clara_tests::Company::found_alone();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let mut inspections = Vec::new();
    for round in 0..3 {
        for n in 1..=3 {
            inspections.push(ana.inspect(ids::ANAS_JOB, ids::item(n), &format!("Round {round}")));
        }
        company.cluster().stop_immediate().unwrap();
        assert!(ana.try_sync().error.is_some_and(|error| error.passes_by_itself()));
        company.cluster().start_again().unwrap();
        ana.sync();
    }
    assert_eq!(company.office("SELECT count(*) FROM inspection_records WHERE findings LIKE 'Round%'"), "9");
    assert_eq!(inspections.len(), 9);
    assert_same(&mut ana);
}

#[test]
fn a_program_that_was_killed_between_send_and_receipt_sends_again_under_the_same_id() {
    let company = found();
    let cut = Cut::start(company.port()).unwrap();
    let mut ana = Device::enroll_through(&company, ids::ANA, cut.port());
    ana.sync();
    ana.change(Jobs, ids::ANAS_JOB, json!({"job_status": "in_progress"}));
    // Taken for sending, and then the process is gone.
    let mut mirror = ana.mirror().clone();
    let taken = clara_sync::Replica::take_batch(&mut mirror, 100, 1 << 18).unwrap();
    assert_eq!(taken.len(), 1);
    drop(mirror);
    ana.close();
    ana.open();
    ana.sync();
    assert_eq!(
        company.office(&format!("SELECT count(*) FROM sync.op WHERE op_id = '{}'", taken[0].op_id)),
        "1",
        "the id is the one made at save"
    );
    assert_same(&mut ana);
}

#[test]
fn a_slow_writer_of_the_office_is_not_skipped() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    // A transaction that began before the pull and commits after it: its rows are older than everything pulled.
    let slow = std::thread::scope(|threads| {
        let slow = threads.spawn(|| {
            company.office(&format!(
                "BEGIN; UPDATE equipment_inventory SET notes = 'slow' WHERE id = '{}'; SELECT pg_sleep(1.5); COMMIT",
                ids::item(1)
            ))
        });
        std::thread::sleep(Duration::from_millis(500));
        company.office(&format!("UPDATE equipment_inventory SET notes = 'quick' WHERE id = '{}'", ids::item(2)));
        ana.sync();
        assert_eq!(ana.value(EquipmentInventory, ids::item(2), "notes"), json!("quick"), "pulls do not wait for it");
        slow.join().unwrap()
    });
    drop(slow);
    ana.sync();
    assert_eq!(ana.value(EquipmentInventory, ids::item(1), "notes"), json!("slow"));
    assert_same(&mut ana);
}

#[test]
fn an_idle_sync_is_small() {
    let company = found();
    let cut = Cut::start(company.port()).unwrap();
    let mut ana = Device::enroll_through(&company, ids::ANA, cut.port());
    ana.sync();
    ana.sync();
    cut.count_anew();
    let report = ana.sync();
    let traffic = cut.traffic();
    assert_eq!(report.rows, 0);
    assert_eq!(traffic.connections, 0, "the connection is kept");
    assert!(traffic.to_client < 2_000, "nothing happened, and that is short: {traffic:?}");
    assert_eq!(ana.rows(InspectionRecords).len(), 3);
}
