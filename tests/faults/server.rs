//! The server crashes, has no room, or restarts.

use std::time::Duration;

use clara_cluster::{Direction, Verdict, script};
use clara_domain::mirror::Entity::EquipmentInventory;
use clara_sync::{CentralError, SyncError};
use clara_tests::{Company, assert_same, ids};
use serde_json::json;

use crate::behind_a_proxy;
use crate::figure::{figure, scaled};
use crate::office::{Office, a_laptop_waits_for_a_lock, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

/// Row 7: the server crashes before a batch arrives, in the middle of it, and after it was committed and before its
/// answer left; again and again.
#[test]
fn the_server_crashes_around_and_inside_a_batch_and_every_operation_is_there_once() {
    let company = Company::found_alone();
    let (proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    let mut crashes = 0;
    let mut inspections: u64 = 0;
    for round in 0..scaled(4, 60) {
        for moment in 0..3 {
            for n in 0..20 {
                ana.inspect(ids::ANAS_JOB, ids::item(1 + n % 3), "Through a crash");
                inspections += 1;
            }
            ana.change(EquipmentInventory, ids::item(1), json!({"notes": format!("{round} {moment}")}));
            proxy.count_anew();
            let report = std::thread::scope(|threads| {
                let syncing = match moment {
                    // It has the batch in its hands, and never sees it.
                    0 => {
                        proxy.follow(script::to_query("sync.push(", Verdict::Stall));
                        let syncing = threads.spawn(|| ana.try_sync());
                        assert!(proxy.wait_for(PATIENCE, |seen| seen.faults > 0));
                        company.cluster().stop_immediate().unwrap();
                        proxy.heal();
                        syncing
                    }
                    // It waits for a lock in the middle of the batch.
                    1 => {
                        let mut office = Office::of(&company);
                        office.run("BEGIN");
                        office.run(&format!(
                            "UPDATE equipment_inventory SET metadata = '{{}}' WHERE id = '{}'",
                            ids::item(1)
                        ));
                        let syncing = threads.spawn(|| ana.try_sync());
                        wait_until("the batch waits for the office", PATIENCE, || a_laptop_waits_for_a_lock(&company));
                        company.cluster().stop_immediate().unwrap();
                        syncing
                    }
                    // It has committed, and its answer is on the way.
                    _ => {
                        let mut pushed = false;
                        proxy.follow(Box::new(move |message| {
                            pushed |= message.asks("sync.push(");
                            if pushed && message.direction == Direction::ToClient && message.has_done("COMMIT") {
                                Verdict::Stall
                            } else {
                                Verdict::Pass
                            }
                        }));
                        let syncing = threads.spawn(|| ana.try_sync());
                        assert!(proxy.wait_for(PATIENCE, |seen| seen.faults > 0));
                        company.cluster().stop_immediate().unwrap();
                        proxy.cut();
                        syncing
                    }
                };
                syncing.join().unwrap()
            });
            crashes += 1;
            let error = report.error.expect("the server was gone");
            assert!(error.passes_by_itself(), "moment {moment}: {error:?}");
            proxy.heal();
            company.cluster().start_again().unwrap();
            // All of it or nothing, and all of it only where it had been committed.
            let committed = if moment == 2 { inspections + crashes } else { inspections + crashes - 21 };
            assert_eq!(company.office("SELECT count(*) FROM sync.op"), committed.to_string(), "moment {moment}");
            ana.sync();
            assert_eq!(ana.pending(), 0);
        }
    }
    let there = |sql: &str| company.office(sql).parse::<u64>().unwrap();
    assert_eq!(
        there("SELECT count(*) FROM inspection_records WHERE findings = 'Through a crash'"),
        inspections,
        "each of them, and each once"
    );
    assert_eq!(there("SELECT count(*) FROM sync.op"), inspections + crashes);
    assert_same(&mut ana);
    figure("the_server_crashes_around_and_inside_a_batch_and_every_operation_is_there_once", crashes, 0);
}

/// Row 39: no connection is left, for the role, for the database, or in the whole server.
#[test]
fn a_server_without_a_free_connection_is_busy_and_the_work_goes_when_there_is_one() {
    let company = Company::found_alone();
    let (_proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    let role = ana.central().server().role.clone();
    let mut refused = 0;
    for limit in 0..3 {
        // The connection in hand would do.
        ana.reconnect();
        wait_until("the server has noticed that the laptop left", PATIENCE, || {
            company.office(&format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'")) == "0"
        });
        ana.inspect(ids::ANAS_JOB, ids::item(1), "No room");
        let mut crowd = Vec::new();
        match limit {
            0 => drop(company.office(&format!("ALTER ROLE \"{role}\" CONNECTION LIMIT 0"))),
            1 => drop(company.office("ALTER DATABASE clara CONNECTION LIMIT 0")),
            _ => {
                company.office("ALTER SYSTEM SET max_connections = 6");
                company.cluster().restart().unwrap();
                // Three of the six are kept for superusers, of whom these are.
                for _ in 0..3 {
                    crowd.push(Office::of(&company));
                }
                for session in &mut crowd {
                    session.run("SELECT 1");
                }
            }
        }
        for _ in 0..3 {
            let error = ana.try_sync().error.expect("there is no room");
            assert!(
                matches!(&error, SyncError::Central(CentralError::Busy(code)) if code == "53300"),
                "limit {limit}: {error:?}"
            );
            assert!(error.passes_by_itself());
            refused += 1;
        }
        assert_eq!(ana.pending(), 1, "the work waits");
        drop(crowd);
        match limit {
            0 => drop(company.office(&format!("ALTER ROLE \"{role}\" CONNECTION LIMIT 2"))),
            1 => drop(company.office("ALTER DATABASE clara CONNECTION LIMIT -1")),
            _ => {}
        }
        wait_until("the work goes", PATIENCE, || ana.try_sync().error.is_none());
        assert_eq!(ana.pending(), 0);
    }
    assert_same(&mut ana);
    figure("a_server_without_a_free_connection_is_busy_and_the_work_goes_when_there_is_one", refused, 0);
}

/// Row 38: the server ends a session that was silent too long; the laptop that wakes up asks anew and loses nothing.
#[test]
fn a_session_that_the_server_ended_meanwhile_is_replaced_without_a_word() {
    let company = crate::found();
    let (_proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    let role = ana.central().server().role.clone();
    let rounds = scaled(5, 50);
    let mut ended = 0;
    for round in 0..rounds {
        ana.sync();
        let id = ana.inspect(ids::ANAS_JOB, ids::item(1), &format!("After a sleep {round}"));
        let gone: u64 = company
            .office(&format!(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = '{role}'"
            ))
            .parse()
            .unwrap();
        ended += gone;
        let mut tries = 0;
        while let Some(error) = ana.try_sync().error {
            assert!(error.passes_by_itself(), "{error:?}");
            tries += 1;
            assert!(tries < 3, "it goes on asking a dead connection");
        }
        assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "1");
    }
    figure("a_session_that_the_server_ended_meanwhile_is_replaced_without_a_word", ended, 0);
}
