//! `init` and `migrate`.
#![allow(clippy::unwrap_used)]

mod support;

use clara_central::AdminError;
use clara_central::init::init;
use clara_central::migrate::{latest, migrate, pending};
use support::{admin, company, psql};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_init_finds_everything_there_and_only_the_name_is_new() {
    let server = admin("inits");
    let first = init(&server, "Ash").await.unwrap();
    assert!(first.created && first.migrated.applied.last() == Some(&latest()) && first.rules_added > 0);
    let second = init(&server, "Ash & Ember").await.unwrap();
    assert!(!second.created && second.migrated.applied.is_empty() && second.rules_added == 0, "{second:?}");
    assert_eq!(psql("inits", "SELECT value #>> '{}' FROM app.settings WHERE key = 'company'"), "Ash & Ember");
    assert_eq!(psql("inits", "SHOW timezone"), "UTC");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_would_have_to_be_quoted_is_refused() {
    for name in ["", "Clara", "1st", "a-b", "x\"; DROP DATABASE postgres", "é", &"a".repeat(64)] {
        let error = init(&admin(name), "x").await.unwrap_err();
        assert!(matches!(error, AdminError::BadName(_)), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_companies_share_a_server_and_not_their_people() {
    let (one, other) = (company("firsts").await, company("seconds").await);
    let dana = support::hire("firsts", "dana@example.com", "manager");
    let server = support::laptop(&one, dana).await;
    let elsewhere = clara_central::Server { database: "seconds".into(), ..server.clone() };
    psql("seconds", "INSERT INTO customers (company_name) VALUES ('Secret')");
    assert_eq!(support::ask(&elsewhere, "SELECT company_name::text FROM customers").await, Ok(vec![]));
    let namesake = support::hire("seconds", "dana@example.com", "manager");
    let theirs = support::laptop(&other, namesake).await;
    assert_ne!(theirs.role, server.role);
    assert_eq!(support::ask(&theirs, "SELECT company_name::text FROM customers").await, Ok(vec!["Secret".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_newer_or_was_changed_by_hand_is_left_alone() {
    let server = company("newer").await;
    assert_eq!(pending(&server).await.unwrap(), Vec::<i64>::new());
    assert_eq!(migrate(&server).await.unwrap().applied, Vec::<i64>::new());

    psql("newer", "CREATE TABLE kept AS SELECT * FROM clara.migration;
        INSERT INTO clara.migration (version, description, success, checksum, execution_time) VALUES (99991231000000, 'later', true, '', 0)");
    let error = migrate(&server).await.unwrap_err();
    assert!(matches!(error, AdminError::NewerDatabase(99_991_231_000_000)), "{error}");

    psql(
        "newer",
        "DELETE FROM clara.migration WHERE version = 99991231000000;
        UPDATE clara.migration SET checksum = 'x' WHERE version = 20261122000300",
    );
    let error = migrate(&server).await.unwrap_err();
    assert!(matches!(error, AdminError::ChangedMigration(20_261_122_000_300)), "{error}");
}
