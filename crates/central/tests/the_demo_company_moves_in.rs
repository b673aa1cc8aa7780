//! The demo company and the rules that every company starts with.
#![allow(clippy::unwrap_used)]

mod support;

use chrono::{Days, NaiveDate, Utc};
use clara_central::enroll::{Enroll, Person, enroll};
use clara_central::seed_demo::{seed_demo, seed_rules};
use support::{ask, company, laptop, psql};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_loaded_once_and_on_another_day_moves_its_dates_and_adds_nothing() {
    let admin = company("demo").await;
    let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
    let first = seed_demo(&admin, today, Utc::now()).await.unwrap();
    for table in ["users", "locations", "jobs", "equipment_inventory", "inspection_records", "equipment_models"] {
        assert!(first.written.get(table).is_some_and(|count| *count > 0), "{table}: {:?}", first.written);
    }
    let again = seed_demo(&admin, today, Utc::now()).await.unwrap();
    assert!(again.written.is_empty(), "{:?}", again.written);

    let size = || {
        psql(
            "demo",
            "SELECT (SELECT count(*) FROM inspection_records) || ' ' || (SELECT count(*) FROM jobs)
        || ' ' || (SELECT count(*) FROM equipment_inventory)",
        )
    };
    let before = size();
    let tomorrow = seed_demo(&admin, today.checked_add_days(Days::new(1)).unwrap(), Utc::now()).await.unwrap();
    assert!(tomorrow.written.get("jobs").is_some_and(|count| *count > 0), "{:?}", tomorrow.written);
    assert_eq!(size(), before);
    assert_eq!(psql("demo", "SELECT count(*) FROM inspection_records_default"), "0");

    let dana = first.people.iter().find(|person| person.login == "tech_dana").unwrap();
    let by_mail =
        Enroll { person: Person::Email(dana.email.clone()), device_name: "d".into(), valid_for: None, address: None };
    let file = enroll(&admin, &by_mail, Utc::now()).await.unwrap();
    assert_eq!(file.company, clara_demo::COMPANY);
    let server = laptop(&admin, file.user_id).await;
    let jobs: u64 = ask(&server, "SELECT count(*)::text FROM jobs").await.unwrap().first().unwrap().parse().unwrap();
    let all: u64 = psql("demo", "SELECT count(*) FROM jobs").parse().unwrap();
    assert!(jobs > 0 && jobs < all, "a technician has work, and not everybody's: {jobs} of {all}");
    let stored = psql("demo", "SELECT count(*) FROM photos p WHERE p.state = 'stored' AND p.sha256 <> coalesce((
        SELECT encode(sha256(string_agg(c.bytes, '' ORDER BY c.number)), 'hex') FROM sync.photo_chunk c WHERE c.photo_id = p.id), '')");
    assert_eq!(stored, "0", "every stored photo has its bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_are_there_from_the_start_and_what_a_company_makes_of_them_stays() {
    let admin = company("starts").await;
    assert_ne!(psql("starts", "SELECT count(*) FROM template_items"), "0");
    assert_eq!(psql("starts", "SELECT count(DISTINCT equipment_category) FROM capture_requirements"), "9");
    psql("starts", "UPDATE capture_requirements SET weight = 77");
    assert_eq!(seed_rules(&admin, Utc::now()).await.unwrap(), 0);
    assert_eq!(psql("starts", "SELECT DISTINCT weight FROM capture_requirements"), "77");
}
