//! A thief with a live session holds on to everything it may, and the office shuts the door all the same.

use std::time::{Duration, Instant};

use clara_central::enroll::Person;
use clara_central::revoke::{Revoke, revoke};
use clara_domain::UserId;

use crate::company::{enrolled, found, k};
use crate::session::Session;
use crate::support::psql;

/// The promise of `docs/operations.md`.
const SHUT_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_that_holds_locks_in_an_open_transaction_is_revoked_within_seconds() {
    let office = found("holds").await;
    let own = office.devices[0];
    for (n, held) in [
        // The laptop's own row, by the lock that every push takes.
        vec![format!("SELECT sync.push('{own}', '[]')::text")],
        // Its own login.
        vec!["ALTER ROLE CURRENT_USER PASSWORD 'mine'".to_owned()],
        vec!["ALTER ROLE CURRENT_USER SET work_mem = '1GB'".to_owned()],
        vec![
            format!("SELECT sync.report_unsent('{own}', 3, now())::text"),
            "ALTER ROLE CURRENT_USER PASSWORD 'mine'".to_owned(),
        ],
    ]
    .into_iter()
    .enumerate()
    {
        // Enrolled anew each time: the last round has ended the login.
        let server =
            if n == 0 { office.technician.clone() } else { crate::company::claimed(&office.admin, "0a").await.1 };
        let device = psql("holds", &format!("SELECT device_id FROM app.login WHERE role_name = '{}'", server.role));
        let mut statements =
            vec!["SET idle_in_transaction_session_timeout = 0".to_owned(), "SET statement_timeout = 0".to_owned()];
        statements.extend(held.iter().map(|text| text.replace(&own.to_string(), &device)));
        let texts: Vec<&str> = statements.iter().map(String::as_str).collect();
        let (thief, answers) = Session::of(&server).await.hold(&texts).await;
        assert!(answers.iter().all(|answer| answer.code() == "ok"), "{answers:?}");

        let began = Instant::now();
        let whose = Revoke::Person(Person::Id(UserId(k("0a", 1))));
        let revoked = tokio::time::timeout(SHUT_WITHIN, revoke(&office.admin, &whose)).await;
        let revoked = revoked.unwrap_or_else(|_| panic!("{held:?} holds the office up")).unwrap();
        println!("figure: revoked while it holds locks, ms | {} | 0", began.elapsed().as_millis());
        assert_eq!(revoked.roles.len(), 1);
        assert!(server.connect().await.is_err(), "the door is shut");
        assert_eq!(
            psql("holds", &format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}'", server.role)),
            "0"
        );
        assert_eq!(
            psql("holds", &format!("SELECT revoked_at IS NOT NULL FROM sync.device WHERE id = '{device}'")),
            "t"
        );
        drop(thief);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_that_holds_a_lock_by_name_does_not_keep_the_office_from_enrolling() {
    let office = found("names").await;
    let (thief, answers) = Session::of(&office.technician)
        .await
        .hold(&[
            "SET idle_in_transaction_session_timeout = 0",
            "SELECT pg_advisory_lock(hashtextextended('clara enroll', 0))::text",
            "SELECT count(*)::text FROM jobs",
        ])
        .await;
    assert!(answers.iter().all(|answer| answer.code() == "ok"), "{answers:?}");
    let made = tokio::time::timeout(SHUT_WITHIN, enrolled(&office.admin, "0c")).await;
    assert!(made.is_ok(), "the office enrolls");
    drop(thief);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_cannot_hold_the_laptop_of_another_person() {
    let office = found("others").await;
    let own = office.devices[0];
    let push = format!("SELECT sync.push('{own}', '[]')::text");
    // A manager sees the ids of all laptops.
    let (thief, answers) =
        Session::of(&office.manager).await.hold(&["SET idle_in_transaction_session_timeout = 0", &push]).await;
    assert_eq!(answers[1].value(), Some(r#"{"refused": "device_unknown"}"#));
    let mut technician = Session::of(&office.technician).await;
    let pushed = tokio::time::timeout(SHUT_WITHIN, technician.try_each(std::slice::from_ref(&push))).await;
    assert_eq!(pushed.expect("the push waits for nobody")[0].value(), Some(r#"{"receipts": []}"#));
    let whose = Revoke::Person(Person::Id(UserId(k("0a", 1))));
    let revoked = tokio::time::timeout(SHUT_WITHIN, revoke(&office.admin, &whose)).await;
    assert!(revoked.is_ok_and(|done| done.is_ok()), "and the office shuts the door");
    drop(thief);
}
