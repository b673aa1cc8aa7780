//! What the server refuses, and what goes on all the same.

use clara_central::enroll::{ClaimError, claim};
use clara_central::{Floor, Secret};
use clara_domain::mirror::Entity::{EquipmentInventory, InspectionRecords, ParkedOperations, PerformanceMetrics};
use clara_sync::{CentralError, SyncError};
use clara_tests::{Device, assert_same, ids};
use serde_json::json;
use uuid::Uuid;

use crate::found;

#[test]
fn one_poisoned_operation_in_ten_delays_nothing_else() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let mut good = Vec::new();
    for n in 0..40_u128 {
        if n % 10 == 3 {
            let id = Uuid::now_v7();
            // A date that does not exist: the laptop's column is text, the server's is a date.
            ana.add(
                InspectionRecords,
                id,
                id,
                json!({"job_id": ids::ANAS_JOB, "equipment_id": ids::item(1), "inspector_id": ids::ANA,
                       "inspection_date": "2026-03-02", "inspection_type": "annual", "passed": true,
                       "amends_inspection_id": Uuid::from_u128(n)}),
            );
        } else {
            good.push(ana.inspect(ids::ANAS_JOB, ids::item(1 + n % 3), "Good"));
        }
    }
    company.office(&format!("UPDATE equipment_inventory SET notes = 'fresh' WHERE id = '{}'", ids::item(2)));
    let report = ana.sync();
    assert_eq!(report.receipts.get("rejected"), Some(&4), "{:?}", report.receipts);
    assert_eq!(report.receipts.get("applied"), Some(&36), "{:?}", report.receipts);
    assert_eq!(ana.value(EquipmentInventory, ids::item(2), "notes"), json!("fresh"), "and downloads went on");
    for id in good {
        assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "1");
    }
}

#[test]
fn a_technician_cannot_write_a_business_table_other_than_through_push() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let writable = company.office(
        "SELECT string_agg(DISTINCT g.table_schema || '.' || g.table_name || ' ' || g.privilege_type, ', ')
         FROM information_schema.role_table_grants g
         WHERE g.grantee IN ('clara_technician', 'clara_manager', 'clara_office', 'clara_admin', 'PUBLIC')
           AND g.privilege_type <> 'SELECT' AND g.table_schema IN ('public', 'app', 'sync')",
    );
    assert_eq!(writable, "", "no laptop role has anything but SELECT on any table");
}

#[test]
fn a_job_of_somebody_elses_site_is_parked_and_not_applied() {
    let company = found();
    let mut ben = Device::enroll(&company, ids::BEN);
    ben.sync();
    let id = ben.inspect(ids::SCHOOL_JOB, ids::item(4), "I was never sent here");
    let report = ben.sync();
    assert_eq!(report.receipts.get("parked"), Some(&1), "{:?}", report.receipts);
    assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "0");
}

#[test]
fn a_completed_inspection_is_immutable() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let id = ana.inspect(ids::ANAS_JOB, ids::item(1), "As it was");
    ana.sync();
    ana.change(InspectionRecords, id, json!({"findings": "As it was not"}));
    let report = ana.sync();
    assert_eq!(report.receipts.get("rejected"), Some(&1), "{:?}", report.receipts);
    assert_eq!(company.office(&format!("SELECT findings FROM inspection_records WHERE id = '{id}'")), "As it was");
}

#[test]
fn refused_work_can_be_handed_to_the_office_and_waits_there_as_it_is() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    let mut mo = Device::enroll(&company, ids::MO);
    ana.sync();
    let id = ana.inspect(ids::ANAS_JOB, ids::item(1), "As it was");
    ana.sync();
    let refused = ana.change(InspectionRecords, id, json!({"findings": "As it should read"}));
    ana.sync();
    ana.save(|tx| tx.hand_over(refused));
    let report = ana.sync();
    assert_eq!(report.receipts.get("applied"), Some(&1), "{:?}", report.receipts);
    mo.sync();
    let waiting = mo.rows(ParkedOperations);
    assert_eq!(waiting.len(), 1);
    assert_eq!(mo.value(ParkedOperations, waiting[0].id, "payload")["new"]["findings"], json!("As it should read"));
    assert_eq!(mo.value(ParkedOperations, waiting[0].id, "reason"), json!("handed_over"));
    mo.change(ParkedOperations, waiting[0].id, json!({"decision": "declined", "decision_note": "Amend it"}));
    mo.sync();
    ana.sync();
    ana.sync();
    assert_eq!(ana.value(InspectionRecords, id, "findings"), json!("As it was"), "the server's version is back");
    assert_same(&mut ana);
    assert_same(&mut mo);
}

#[test]
fn a_copied_profile_is_found_out_and_stopped() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    // The same device and seq with another content: what a copied folder would send.
    ana.inspect(ids::ANAS_JOB, ids::item(1), "From the one");
    let mut twin = ana.mirror().clone();
    let mut batch = clara_sync::Replica::take_batch(&mut twin, 100, 1 << 18).unwrap();
    clara_sync::Replica::put_back(&mut twin, &[batch[0].op_id]).unwrap();
    ana.sync();
    batch[0].op_id = clara_domain::OpId(Uuid::now_v7());
    batch[0].row_id = Uuid::now_v7();
    let id = ana.id;
    let answer = clara_tests::block_on(clara_sync::Central::push(ana.central(), id, &batch));
    assert!(matches!(answer, Err(CentralError::DeviceRefused(_))), "{answer:?}");
}

#[test]
fn a_revoked_laptop_is_refused_and_keeps_its_work() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.inspect(ids::ANAS_JOB, ids::item(1), "Mine still");
    clara_tests::block_on(clara_central::revoke::revoke(
        &company.admin(),
        &clara_central::revoke::Revoke::Device(ana.id),
    ))
    .unwrap();
    let port = company.port();
    ana.reroute(port);
    let error = ana.try_sync().error.expect("the door is shut");
    // A pooler has one code for every login it does not take and for every server it cannot reach; all the same the
    // laptop knows that it was locked out, and does not go on trying.
    let refused = matches!(&error, SyncError::Central(CentralError::LoginRefused(_) | CentralError::DeviceRefused(_)));
    assert!(refused, "{error:?}");
    assert_eq!(ana.pending(), 1, "the work is still here");
}

#[test]
fn an_enrolment_that_has_run_out_says_so_and_not_that_the_server_is_away() {
    let company = found();
    let enrolment = company.enrolment(ids::ANA, company.port());
    company.office(&format!(
        "UPDATE sync.enrolment SET expires_at = now() - interval '1 minute' WHERE device_id = '{}'",
        enrolment.device_id.uuid()
    ));
    // The next enrolment withdraws it.
    company.enrolment(ids::BEN, company.port());
    let late = chrono::Utc::now() + chrono::TimeDelta::days(30);
    let password = Secret::random().unwrap();
    let answer = clara_tests::block_on(claim(&enrolment, &password, Floor::Safe, late));
    assert!(matches!(answer, Err(ClaimError::Expired)), "{:?}", answer.err());
    let state = "SELECT rolconnlimit || ' ' || (rolpassword LIKE 'SCRAM-SHA-256$%')
                 FROM pg_authid r JOIN app.login l ON l.role_name = r.rolname WHERE l.device_id =";
    let state = company.office(&format!("{state} '{}'", enrolment.device_id.uuid()));
    assert_eq!(state, "0 true", "nobody gets in by it");
}

/// The last step of the migration, on a login as it was ended before.
#[test]
fn a_login_that_was_ended_before_this_version_is_refused_as_those_that_are_ended_now() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let role = ana.central().server().role.clone();
    company.office(&format!(
        "ALTER ROLE \"{role}\" NOLOGIN PASSWORD NULL; REVOKE clara_technician FROM \"{role}\";
         UPDATE sync.device SET revoked_at = now() WHERE id = '{}';
         SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE usename = '{role}'",
        ana.id.uuid()
    ));
    let migration = include_str!("../../migrations/20261122160020_refuse_expired_enrolments_behind_a_pooler.sql");
    let (_, last) = migration.split_once("\nRESET ROLE;\n").unwrap();
    company.office(last);
    ana.reconnect();
    let error = ana.try_sync().error;
    assert!(
        matches!(error, Some(SyncError::Central(CentralError::LoginRefused(_) | CentralError::DeviceRefused(_)))),
        "{error:?}"
    );
}

#[test]
fn timings_go_up_and_are_not_anybodys_unsent_work() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let id = Uuid::now_v7();
    ana.add(PerformanceMetrics, id, id, json!({"function_name": "open_job", "duration_ms": 4.2, "success": true}));
    ana.sync();
    assert_eq!(company.office(&format!("SELECT function_name FROM performance_metrics WHERE id = '{id}'")), "open_job");
    assert_same(&mut ana);
}
