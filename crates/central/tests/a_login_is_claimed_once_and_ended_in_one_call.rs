//! Enrolment, claim, revocation.
#![allow(clippy::unwrap_used)]

mod support;

use chrono::{Duration, Utc};
use clara_central::connect::{Floor, Mode, Secret, Server, sql};
use clara_central::doctor::{Health, doctor};
use clara_central::enroll::{ClaimError, Enroll, Person, claim, enroll};
use clara_central::revoke::{Revoke, revoke};
use clara_cluster::PgBouncer;
use clara_sync::CentralError;
use support::{ask, cluster, company, enrolment, hire, laptop, psql};

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_claims_its_login_and_the_same_file_opens_nothing_the_second_time() {
    let admin = company("claims").await;
    let dana = hire("claims", "dana@example.com", "technician");
    let file = enrolment(&admin, dana).await;

    let before = file.server(file.secret.clone(), Floor::Safe);
    assert_eq!(ask(&before, "SELECT id::text FROM users").await, Ok(vec![]), "nobody before the claim");

    let password = Secret::random().unwrap();
    let server = claim(&file, &password, Floor::Safe, Utc::now()).await.unwrap();
    assert_eq!(ask(&server, "SELECT full_name::text FROM users").await, Ok(vec!["dana@example.com".into()]));

    let thief = Secret::random().unwrap();
    let error = claim(&file, &thief, Floor::Safe, Utc::now()).await.unwrap_err();
    assert_eq!(error.code(), "enrolment_used");
    let again = claim(&file, &password, Floor::Safe, Utc::now()).await;
    assert!(again.is_ok(), "the laptop that missed the answer asks again and is let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_laptops_that_hold_the_same_file_at_the_same_moment_one_gets_in() {
    let admin = company("races").await;
    let dana = hire("races", "dana@example.com", "technician");
    let file = enrolment(&admin, dana).await;
    let (a, b) = (Secret::random().unwrap(), Secret::random().unwrap());
    let (first, second) =
        tokio::join!(claim(&file, &a, Floor::Safe, Utc::now()), claim(&file, &b, Floor::Safe, Utc::now()));
    let outcomes = [first.map(|_| ()), second.map(|_| ())];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(ClaimError::Used))), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_that_came_too_late_is_refused_and_the_next_one_withdraws_it() {
    let admin = company("late").await;
    let dana = hire("late", "dana@example.com", "technician");
    let ask_short = Enroll {
        person: Person::Email("DANA@example.com".into()),
        device_name: "old".into(),
        valid_for: Some(Duration::seconds(-1)),
        address: None,
    };
    let file = enroll(&admin, &ask_short, Utc::now()).await.unwrap();
    let password = Secret::random().unwrap();
    assert_eq!(claim(&file, &password, Floor::Safe, Utc::now()).await.unwrap_err().code(), "enrolment_expired");

    enrolment(&admin, dana).await;
    let error = file.server(file.secret.clone(), Floor::Safe).connect().await.unwrap_err();
    assert!(matches!(error, CentralError::LoginRefused(_)), "{error:?}");
    assert_eq!(claim(&file, &password, Floor::Safe, Utc::now()).await.unwrap_err().code(), "enrolment_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_a_person_ends_every_laptop_and_every_live_session() {
    let admin = company("revokes").await;
    let dana = hire("revokes", "dana@example.com", "technician");
    let kofi = hire("revokes", "kofi@example.com", "technician");
    let (first, second, other) = (laptop(&admin, dana).await, laptop(&admin, dana).await, laptop(&admin, kofi).await);
    assert_ne!(first.role, second.role, "each laptop has a login of its own");

    let mut live = first.connect().await.unwrap();
    let mut tx = live.begin(Mode::Write).await.unwrap();
    let revoked = revoke(&admin, &Revoke::Person(Person::Id(dana))).await.unwrap();
    assert_eq!((revoked.roles.len(), revoked.sessions), (2, 1));

    let error = tx.fetch_one(sql("SELECT 1")).await.unwrap_err();
    assert!(matches!(error, CentralError::Unreachable(_)), "the live session is cut: {error:?}");
    for server in [&first, &second] {
        assert_eq!(told(server).await, "device_revoked");
    }
    assert_eq!(ask(&other, "SELECT app.my_role()::text").await, Ok(vec!["technician".into()]), "nobody else noticed");
    assert_eq!(psql("revokes", "SELECT count(*) FROM sync.device WHERE revoked_at IS NOT NULL"), "2");

    let new = laptop(&admin, dana).await;
    assert_eq!(ask(&new, "SELECT app.me()::text").await, Ok(vec![dana.uuid().to_string()]));
    assert!(![&first.role, &second.role].contains(&&new.role), "the ended logins may still be asked for");
    assert_eq!(told(&first).await, "device_revoked", "also after another laptop was enrolled");
    psql(
        "revokes",
        "UPDATE sync.device SET revoked_at = revoked_at - interval '13 months' WHERE revoked_at IS NOT NULL",
    );
    let newest = laptop(&admin, dana).await;
    assert!([&first.role, &second.role].contains(&&newest.role), "a year later an ended login is used again");
}

/// What a laptop that knocks is told: that its access was ended, or only that the login is refused.
async fn told(server: &Server) -> String {
    match server.connect().await {
        Err(CentralError::DeviceRefused(code)) => code,
        Err(CentralError::LoginRefused(_)) => "refused".into(),
        other => panic!("{:?}", other.map(drop)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_login_that_the_office_has_ended_is_told_so_directly_and_through_a_pooler() {
    let admin = company("tells").await;
    let tess = hire("tells", "tess@example.com", "technician");
    let server = laptop(&admin, tess).await;
    let pooler = PgBouncer::start(cluster(), 5).unwrap();
    let ways = |server: &Server| [server.clone(), Server { port: pooler.port(), ..server.clone() }];
    for way in ways(&server) {
        assert!(way.connect().await.is_ok());
        let wrong = Server { password: Secret::new("not this one"), ..way };
        assert_eq!(told(&wrong).await, "refused", "a wrong password");
    }
    // What an administrator may do to a login without ending anybody's access.
    let role = &server.role;
    psql("tells", &format!("ALTER ROLE {role} VALID UNTIL '2020-01-01'"));
    assert_eq!(told(&server).await, "refused", "it has expired");
    psql("tells", &format!("ALTER ROLE {role} VALID UNTIL 'infinity' NOLOGIN"));
    assert_eq!(told(&server).await, "refused", "it is switched off");
    let verifier = psql("tells", &format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'"));
    psql("tells", &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    assert_eq!(told(&server).await, "refused", "it is not there, as in a cluster that was made anew");
    psql("tells", &format!("CREATE ROLE {role} LOGIN PASSWORD '{verifier}'; GRANT clara_technician TO {role}"));
    assert!(server.connect().await.is_ok(), "all of that can be put right");

    revoke(&admin, &Revoke::Person(Person::Id(tess))).await.unwrap();
    for way in ways(&server) {
        assert_eq!(told(&way).await, "device_revoked");
        let stranger = Server { password: Secret::new("not this one"), ..way };
        assert_eq!(told(&stranger).await, "device_revoked", "no password is needed to hear it, and none opens");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_laptop_is_revoked_alone() {
    let admin = company("loses").await;
    let dana = hire("loses", "dana@example.com", "manager");
    let lost = enrolment(&admin, dana).await;
    let kept = laptop(&admin, dana).await;
    let lost_server = claim(&lost, &Secret::random().unwrap(), Floor::Safe, Utc::now()).await.unwrap();
    revoke(&admin, &Revoke::Device(lost.device_id)).await.unwrap();
    assert!(lost_server.connect().await.is_err());
    assert_eq!(ask(&kept, "SELECT app.sees_all()::text").await, Ok(vec!["true".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_a_healthy_company_healthy_and_says_what_is_wrong_with_a_sick_one() {
    let admin = company("doctors").await;
    let checks = doctor(&admin).await.unwrap();
    let sick: Vec<_> = checks.iter().filter(|check| check.health != Health::Ok && check.name != "durability").collect();
    assert!(sick.is_empty(), "{sick:?}");
    assert!(!cluster().host().is_empty());

    psql(
        "doctors",
        "ALTER TABLE jobs NO FORCE ROW LEVEL SECURITY; GRANT UPDATE ON jobs TO clara_technician;
         ALTER DATABASE doctors SET timezone = 'America/Toronto'; UPDATE sync.epoch SET system_identifier = '1';
         INSERT INTO customers (id, company_name) VALUES ('00000000-0000-0000-0000-000000000001', 'c');
         INSERT INTO locations (id, customer_id, location_name, address)
            VALUES ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 'l', 'a');
         INSERT INTO jobs (id, job_number, customer_id, location_id, job_type, scheduled_date, title) VALUES
            ('00000000-0000-0000-0000-000000000003', 'J', '00000000-0000-0000-0000-000000000001',
             '00000000-0000-0000-0000-000000000002', 'inspection', '2017-05-05', 't');
         INSERT INTO inspection_records (job_id, inspection_date) VALUES ('00000000-0000-0000-0000-000000000003', '2017-05-05');",
    );
    let checks = doctor(&admin).await.unwrap();
    let found = |name: &str| checks.iter().find(|check| check.name == name).unwrap();
    for name in ["forced row security", "laptop roles cannot write", "time zone", "epoch"] {
        assert_eq!(found(name).health, Health::Fail, "{name}");
        assert!(found(name).advice.is_some(), "{name}");
    }
    assert_eq!(found("forced row security").found, "jobs");
    assert_eq!(found("default partitions").found, "inspection_records_default");
}
