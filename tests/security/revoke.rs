//! A laptop is lost while it works: from the moment the office says so, nothing of it counts any more.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clara_central::enroll::Person;
use clara_central::revoke::{Revoke, revoke};
use clara_contract::{Code, Empty};
use clara_domain::UserId;
use clara_sync::{CentralError, SyncError};
use clara_tests::{Company, Device, block_on, ids};

use crate::figure::figure;

/// The promise.
const LAST_WORD: f64 = 5.0;

#[test]
fn after_revoke_under_load_the_last_statement_is_at_most_five_seconds_later() {
    let company = Company::found_alone();
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let laptops: Vec<Device> = (0..3).map(|_| Device::enroll(&company, ids::ANA)).collect();
    let mut ben = Device::enroll(&company, ids::BEN);
    ben.sync();
    let began = Instant::now();
    let (left, called, done) = std::thread::scope(|scope| {
        let busy: Vec<_> = laptops
            .into_iter()
            .map(|mut laptop| {
                let (stop, sent) = (&stop, &sent);
                scope.spawn(move || {
                    // Saves and syncs without a pause until it is refused, and goes on knocking for a while.
                    let mut refusals = 0;
                    while refusals < 20 && !stop.load(Ordering::SeqCst) {
                        laptop.inspect(ids::ANAS_JOB, ids::item(1), "Busy");
                        match laptop.try_sync().error {
                            None => drop(sent.fetch_add(1, Ordering::SeqCst)),
                            Some(_) => refusals += 1,
                        }
                    }
                    laptop
                })
            })
            .collect();
        while sent.load(Ordering::SeqCst) < 15 {
            assert!(began.elapsed() < Duration::from_secs(60), "the laptops are at work");
            std::thread::yield_now();
        }
        // By the server's clock, which also stamps the ledger.
        let called = company.office("SELECT clock_timestamp()");
        let ended = block_on(revoke(&company.admin(), &Revoke::Person(Person::Id(UserId(ids::ANA))))).unwrap();
        let done = company.office("SELECT clock_timestamp()");
        assert_eq!(ended.roles.len(), 3);
        assert_eq!(company.office("SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'clara_ana%'"), "0");
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::SeqCst);
        (busy.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>(), called, done)
    });

    let ana = ids::ANA;
    let seconds: f64 = company
        .office(&format!(
            "SELECT greatest(extract(epoch FROM max(at) - '{called}'::timestamptz), 0)::text FROM (
                SELECT received_at AS at FROM sync.op WHERE author = '{ana}'
                UNION ALL SELECT last_seen_at AT TIME ZONE 'UTC' FROM sync.device WHERE user_id = '{ana}'
                UNION ALL SELECT updated_at AT TIME ZONE 'UTC' FROM inspection_records WHERE inspector_id = '{ana}') t"
        ))
        .parse()
        .unwrap();
    println!("last accepted {seconds:.3} s after the call; the call took until {done}, begun {called}");
    let mut failures = Vec::new();
    if seconds > LAST_WORD {
        failures.push(format!("accepted {seconds} s later"));
    }
    let mut unsent = 0;
    for mut laptop in left {
        laptop.inspect(ids::ANAS_JOB, ids::item(1), "After the end");
        let pending = laptop.pending();
        unsent += pending;
        match laptop.try_sync().error {
            // And it is told why, so that it can lock what it holds.
            Some(SyncError::Central(CentralError::DeviceRefused(code))) if code == "device_revoked" => {}
            other => failures.push(format!("the door: {other:?}")),
        }
        if laptop.pending() != pending {
            failures.push(format!("{pending} unsent, then {}", laptop.pending()));
        }
    }
    assert!(unsent >= 3, "each kept what it could not hand in");
    ben.inspect(ids::BENS_JOB, ids::item(2), "Nobody else noticed");
    ben.sync();
    figure("last statement of a revoked laptop, ms after the call", (seconds * 1000.0) as u64 + 1, &failures);
}

#[test]
fn the_app_of_a_revoked_laptop_says_so_and_keeps_its_work() {
    let company = Company::found_alone();
    let folder = tempfile::tempdir().unwrap();
    let app = clara_app::App::new(clara_app::Options {
        profile: folder.path().to_owned(),
        keyring: clara_app::Keyring::Off,
        clock: std::sync::Arc::new(clara_app::WallClock),
        floor: clara_app::Floor::Safe,
        background: false,
    });
    app.enroll(clara_contract::session::Enroll {
        enrolment: company.enrolment(ids::ANA, company.port()).to_file(),
        device_name: "Lost".into(),
        passphrase: Some("riser room three".into()),
    })
    .unwrap();
    app.sync_now(Empty {}).unwrap();
    app.start_job(clara_contract::jobs::OpenJob { job_id: clara_domain::JobId(ids::ANAS_JOB) }).unwrap();
    // Timings of the app itself come and go beside a person's work.
    let work = || {
        let all = app.unsent_operations().unwrap();
        all.into_iter().filter(|op| op.entity != clara_domain::mirror::Entity::PerformanceMetrics).collect::<Vec<_>>()
    };
    let before = work();
    assert!(!before.is_empty());
    block_on(revoke(&company.admin(), &Revoke::Person(Person::Id(UserId(ids::ANA))))).unwrap();
    // The first contact finds the connection cut, and goes again by itself; the next one is told why.
    let failure = match app.sync_now(Empty {}).and_then(|_| app.sync_now(Empty {})).or_else(|_| app.sync_now(Empty {}))
    {
        Err(failure) => failure,
        Ok(status) => status.last_problem.expect("it says what is the matter"),
    };
    assert_eq!(failure.code, Code::LoginRefused, "{failure:?}");
    assert_eq!(work(), before, "nothing unsent is lost by a revocation");
}
