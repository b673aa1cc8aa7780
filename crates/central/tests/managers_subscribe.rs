//! What a manager's laptop holds, narrowed and widened by the office, seen from the logins.
#![allow(clippy::unwrap_used)]

mod support;

use clara_central::AdminError;
use clara_central::Server;
use clara_central::enroll::Person;
use clara_central::subscribe::{Subscription, subscribe};
use clara_domain::UserId;
use support::{ask, company, hire, laptop, psql};

/// Four sites: North and South name their region, East has it in its address, West lies elsewhere; a finished job at
/// North, an open one at West.
async fn with_sites(database: &str) -> (Server, UserId, Server) {
    let admin = company(database).await;
    psql(
        database,
        "INSERT INTO customers (id, company_name) VALUES (md5('c1')::uuid, 'Ash'), (md5('c2')::uuid, 'Birch');
         INSERT INTO locations (id, customer_id, location_name, address, metadata) VALUES
            (md5('north')::uuid, md5('c1')::uuid, 'North', '1 Elm Street, Westmere', '{\"region\": \"Port Alden\"}'),
            (md5('south')::uuid, md5('c1')::uuid, 'South', '2 Oak Street, Port Alden', '{\"region\": \"County\"}'),
            (md5('east')::uuid, md5('c1')::uuid, 'East', '3 Quay, port alden, OH', '{}'),
            (md5('west')::uuid, md5('c2')::uuid, 'West', '4 Hill, Newport Aldenville', '{}');
         INSERT INTO jobs (job_number, customer_id, location_id, job_type, job_status, scheduled_date, title)
         VALUES ('N', md5('c1')::uuid, md5('north')::uuid, 'inspection', 'completed', current_date - 100, 'Done'),
            ('W', md5('c2')::uuid, md5('west')::uuid, 'inspection', 'scheduled', current_date + 10, 'Open');
         INSERT INTO equipment_inventory (location_id, serial_number) SELECT id, location_name FROM locations;
         INSERT INTO photos (location_id, sha256, mime, byte_count) SELECT id, repeat('a', 64), 'image/jpeg', 1 FROM locations",
    );
    let manager = hire(database, "sam@example.com", "manager");
    let login = laptop(&admin, manager).await;
    (admin, manager, login)
}

/// Sites by location, equipment and photos; customers.
async fn seen(login: &Server) -> (String, String, String) {
    let of = async |text: &'static str| ask(login, text).await.unwrap().join(" ");
    let sites = of("SELECT location_name::text FROM locations ORDER BY 1").await;
    assert_eq!(of("SELECT serial_number::text FROM equipment_inventory ORDER BY 1").await, sites);
    let photos =
        of("SELECT l.location_name::text FROM photos p JOIN locations l ON l.id = p.location_id ORDER BY 1").await;
    assert_eq!(photos, sites);
    let told = of("SELECT l.location_name::text FROM sync.location_access a JOIN locations l ON l.id = a.location_id
                   WHERE a.state = 'granted' ORDER BY 1")
    .await;
    (sites, of("SELECT company_name::text FROM customers ORDER BY 1").await, told)
}

fn of_region(region: &str) -> Subscription {
    Subscription { regions: vec![region.to_owned()], window_days: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_named_by_the_site_or_found_in_its_address_by_whole_words() {
    let (admin, manager, login) = with_sites("regions").await;
    assert_eq!(seen(&login).await, ("East North South West".into(), "Ash Birch".into(), String::new()));
    let done = subscribe(&admin, &Person::Id(manager), &of_region(" port ALDEN ")).await.unwrap();
    assert_eq!((done.sites, done.of, done.narrowed), (2, 4, true));
    assert_eq!(seen(&login).await, ("East North".into(), "Ash".into(), "East North".into()));
    assert_eq!(
        ask(&login, "SELECT count(*)::text FROM sync.location_access WHERE state = 'revoked'").await,
        Ok(vec!["2".into()]),
        "the laptop is told what to let go, although it was never told that it had it"
    );

    // A site moves in, another is put right, a third is new.
    psql("regions", "UPDATE locations SET metadata = '{\"region\": \"Port Alden\"}' WHERE location_name = 'West'");
    psql("regions", "UPDATE locations SET address = '3 Quay, Lorain' WHERE location_name = 'East'");
    psql(
        "regions",
        "INSERT INTO locations (id, customer_id, location_name, address)
         VALUES (md5('new')::uuid, md5('c2')::uuid, 'New', '9 Pier, Port Alden');
         INSERT INTO equipment_inventory (location_id, serial_number) VALUES (md5('new')::uuid, 'New');
         INSERT INTO photos (location_id, sha256, mime, byte_count) VALUES (md5('new')::uuid, repeat('a', 64), 'image/jpeg', 1)",
    );
    assert_eq!(seen(&login).await, ("New North West".into(), "Ash Birch".into(), "New North West".into()));

    let done = subscribe(&admin, &Person::Id(manager), &Subscription::default()).await.unwrap();
    assert_eq!((done.sites, done.of, done.narrowed), (5, 5, false));
    assert_eq!(seen(&login).await.0, "East New North South West");
    assert_eq!(psql("regions", "SELECT sync.refresh_access()"), "0", "and the night takes nothing away");
    assert_eq!(seen(&login).await.0, "East New North South West");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_follows_everybodys_jobs_and_time() {
    let (admin, manager, login) = with_sites("windows").await;
    let wanted = Subscription { regions: vec![], window_days: Some(60) };
    subscribe(&admin, &Person::Id(manager), &wanted).await.unwrap();
    assert_eq!(seen(&login).await.0, "West");
    psql("windows", "UPDATE jobs SET scheduled_date = current_date - 50 WHERE job_number = 'N'");
    assert_eq!(seen(&login).await.0, "North West");
    psql(
        "windows",
        "UPDATE jobs SET job_status = 'cancelled', scheduled_date = current_date - 90 WHERE job_number = 'W'",
    );
    assert_eq!(seen(&login).await.0, "North");
    // Time alone: the same as if twenty days had passed.
    psql("windows", "UPDATE sync.subscription SET window_days = 30");
    assert_eq!(seen(&login).await.0, "North", "nobody has written anything yet");
    psql("windows", "UPDATE app.settings SET value = '\"2000-01-01\"' WHERE key = 'house_kept_on'");
    psql("windows", "UPDATE sync.device SET name = name");
    assert_eq!(seen(&login).await.0, "", "the daily round");
    let both = Subscription { regions: vec!["County".into(), "Port Alden".into()], window_days: Some(365) };
    subscribe(&admin, &Person::Id(manager), &both).await.unwrap();
    assert_eq!(seen(&login).await.0, "North", "of the regions, those with work");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_takes_no_authority_and_only_the_office_can_have_one() {
    let (admin, manager, login) = with_sites("authorities").await;
    subscribe(&admin, &Person::Id(manager), &of_region("County")).await.unwrap();
    assert_eq!(seen(&login).await.0, "South");
    assert_eq!(ask(&login, "SELECT app.sees_all()::text").await, Ok(vec!["true".into()]));
    // Work that belongs to no site is decided by whoever decides: it must not be hidden from everybody.
    psql(
        "authorities",
        "INSERT INTO sync.parked (op_id, device_id, table_name, row_id, reason, payload)
         SELECT gen_random_uuid(), id, 'jobs', gen_random_uuid(), 'handed_over', '{}' FROM sync.device LIMIT 1",
    );
    assert_eq!(ask(&login, "SELECT reason FROM sync.parked").await, Ok(vec!["handed_over".into()]));
    for text in [
        "SELECT app.subscribe(app.me(), NULL, NULL)::text",
        "DELETE FROM sync.subscription RETURNING user_id::text",
        "SELECT sync.restate_access(app.me())::text",
    ] {
        assert_eq!(ask(&login, text).await, Err("42501".into()), "{text}");
    }

    let technician = hire("authorities", "dana@example.com", "technician");
    let refused = subscribe(&admin, &Person::Id(technician), &of_region("County")).await;
    assert!(matches!(refused, Err(AdminError::SitesFollowJobs(_))), "{refused:?}");

    psql("authorities", &format!("UPDATE users SET role = 'technician' WHERE id = '{}'", manager.uuid()));
    assert_eq!(seen(&login).await.0, "", "what was seen as a manager is not seen as a technician");
    psql("authorities", &format!("UPDATE users SET role = 'manager' WHERE id = '{}'", manager.uuid()));
    assert_eq!(seen(&login).await.0, "South", "the subscription waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_who_was_given_a_job_and_loses_it_keeps_the_site() {
    let (_, manager, login) = with_sites("jobs").await;
    psql("jobs", &format!("UPDATE jobs SET assigned_technician_id = '{}' WHERE job_number = 'W'", manager.uuid()));
    psql("jobs", "UPDATE jobs SET assigned_technician_id = NULL WHERE job_number = 'W'");
    assert_eq!(
        ask(&login, "SELECT state::text FROM sync.location_access").await,
        Ok(vec!["granted".into()]),
        "a laptop that is told to let go of it would, and nothing would bring it back"
    );
    assert_eq!(seen(&login).await.0, "East North South West");
}
