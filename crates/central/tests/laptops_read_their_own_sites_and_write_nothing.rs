//! Roles, grants and row security, seen from the logins.
#![allow(clippy::unwrap_used)]

mod support;

use clara_central::Server;
use clara_domain::UserId;
use support::{ask, ask_on, company, hire, laptop, psql};

/// Two customers, three sites, a job at each. Dana works at North, Kofi at South, nobody at West.
async fn two_technicians(database: &str) -> (Server, UserId, UserId) {
    let admin = company(database).await;
    let dana = hire(database, "dana@example.com", "technician");
    let kofi = hire(database, "kofi@example.com", "technician");
    psql(
        database,
        &format!(
            "INSERT INTO customers (id, company_name) VALUES (md5('c1')::uuid, 'Ash'), (md5('c2')::uuid, 'Birch');
             INSERT INTO locations (id, customer_id, location_name, address) VALUES
                (md5('north')::uuid, md5('c1')::uuid, 'North', 'n'), (md5('south')::uuid, md5('c1')::uuid, 'South', 's'),
                (md5('west')::uuid, md5('c2')::uuid, 'West', 'w');
             INSERT INTO jobs (id, job_number, customer_id, location_id, assigned_technician_id, job_type, scheduled_date, title)
             SELECT md5('job' || location_name)::uuid, location_name, customer_id, id,
                CASE location_name WHEN 'North' THEN '{}'::uuid WHEN 'South' THEN '{}'::uuid END,
                'inspection', current_date, 'Visit' FROM locations;
             INSERT INTO equipment_inventory (id, location_id, serial_number) SELECT md5('e' || id)::uuid, id, location_name FROM locations;
             INSERT INTO job_equipment (job_id, equipment_id) SELECT j.id, e.id FROM jobs j JOIN equipment_inventory e USING (location_id);
             INSERT INTO inspection_records (job_id, inspection_date) SELECT id, current_date FROM jobs;
             INSERT INTO data_capture_logs (job_id, captured_fields) SELECT id, '[]' FROM jobs;
             INSERT INTO photos (job_id, location_id, sha256, mime, byte_count) SELECT id, location_id, repeat('a', 64), 'image/jpeg', 1 FROM jobs",
            dana.uuid(),
            kofi.uuid()
        ),
    );
    (admin, dana, kofi)
}

/// Which sites the rows of every scoped table belong to, as this login sees them.
async fn sites(server: &Server) -> Vec<Vec<String>> {
    let mut seen = Vec::new();
    let mut connection = server.connect().await.unwrap();
    for text in [
        "SELECT location_name::text FROM locations ORDER BY 1",
        "SELECT job_number::text FROM jobs ORDER BY 1",
        "SELECT serial_number::text FROM equipment_inventory ORDER BY 1",
        "SELECT l.location_name::text FROM job_equipment q JOIN locations l ON l.id = q.location_id ORDER BY 1",
        "SELECT l.location_name::text FROM inspection_records q JOIN locations l ON l.id = q.location_id ORDER BY 1",
        "SELECT l.location_name::text FROM data_capture_logs q JOIN locations l ON l.id = q.location_id ORDER BY 1",
        "SELECT l.location_name::text FROM photos q JOIN locations l ON l.id = q.location_id ORDER BY 1",
    ] {
        seen.push(ask_on(&mut connection, text).await.unwrap());
    }
    seen
}

fn everywhere(sites: &[&str]) -> Vec<Vec<String>> {
    vec![sites.iter().map(|site| (*site).to_owned()).collect(); 7]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_technician_sees_the_sites_of_the_work_at_hand_and_a_manager_sees_all() {
    let (admin, dana, kofi) = two_technicians("scopes").await;
    let (dana_server, kofi_server) = (laptop(&admin, dana).await, laptop(&admin, kofi).await);
    let manager = laptop(&admin, hire("scopes", "sam@example.com", "manager")).await;
    let office = laptop(&admin, hire("scopes", "tess@example.com", "office_staff")).await;
    assert_eq!(sites(&dana_server).await, everywhere(&["North"]));
    assert_eq!(sites(&kofi_server).await, everywhere(&["South"]));
    assert_eq!(sites(&manager).await, everywhere(&["North", "South", "West"]));
    assert_eq!(sites(&office).await, everywhere(&["North", "South", "West"]));
    assert_eq!(ask(&dana_server, "SELECT company_name::text FROM customers").await, Ok(vec!["Ash".into()]));

    psql(
        "scopes",
        &format!("UPDATE jobs SET assigned_technician_id = '{}' WHERE job_number IN ('North', 'West')", kofi.uuid()),
    );
    assert_eq!(sites(&dana_server).await, everywhere(&[]));
    assert_eq!(sites(&kofi_server).await, everywhere(&["North", "South", "West"]));
    assert_eq!(
        ask(&dana_server, "SELECT state::text FROM sync.location_access").await,
        Ok(vec!["revoked".into()]),
        "the laptop learns what it must let go, and nothing of others"
    );

    psql("scopes", &format!("UPDATE users SET is_active = false WHERE id = '{}'", kofi.uuid()));
    assert_eq!(sites(&kofi_server).await, everywhere(&[]), "whoever has left sees nothing");
    assert_eq!(ask(&kofi_server, "SELECT full_name::text FROM users").await, Ok(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn access_ends_with_the_window_and_comes_back_with_it() {
    let (admin, dana, _) = two_technicians("windows").await;
    let server = laptop(&admin, dana).await;
    psql(
        "windows",
        "UPDATE jobs SET job_status = 'completed', scheduled_date = current_date - 40 WHERE job_number = 'North'",
    );
    assert_eq!(sites(&server).await, everywhere(&["North"]), "just finished: still there to look back");
    psql("windows", "UPDATE app.settings SET value = '30' WHERE key = 'access_window_days'");
    assert_eq!(psql("windows", "SELECT sync.refresh_access()"), "1");
    assert_eq!(sites(&server).await, everywhere(&[]));
    psql("windows", "UPDATE app.settings SET value = '60' WHERE key = 'access_window_days'");
    assert_eq!(psql("windows", "SELECT sync.refresh_access()"), "1");
    assert_eq!(psql("windows", "SELECT sync.refresh_access()"), "0");
    assert_eq!(sites(&server).await, everywhere(&["North"]));
    psql("windows", "UPDATE jobs SET deleted_at = now() WHERE job_number = 'North'");
    assert_eq!(sites(&server).await, everywhere(&[]), "a deleted job gives nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_alone_ends_access_on_the_next_day_that_anybody_works() {
    let (admin, dana, _) = two_technicians("times").await;
    let server = laptop(&admin, dana).await;
    psql(
        "times",
        "UPDATE jobs SET job_status = 'completed', scheduled_date = current_date - 40 WHERE job_number = 'North';
         INSERT INTO sync.tombstone (table_name, row_id, deleted_at) VALUES
            ('jobs', md5('old')::uuid, now() - INTERVAL '181 days'), ('jobs', md5('new')::uuid, now())",
    );
    // Ten days later, as far as the window can tell.
    psql("times", "UPDATE app.settings SET value = '30' WHERE key = 'access_window_days'");
    psql("times", "UPDATE sync.device SET last_seen_at = now()");
    assert_eq!(sites(&server).await, everywhere(&["North"]), "today's round is done");
    psql("times", "UPDATE app.settings SET value = '\"2026-01-01\"' WHERE key = 'house_kept_on'");
    psql("times", "UPDATE sync.device SET last_seen_at = now()");
    assert_eq!(sites(&server).await, everywhere(&[]));
    assert_eq!(psql("times", "SELECT row_id = md5('new')::uuid FROM sync.tombstone"), "t", "the old one has gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reasons_taken_away_at_the_same_moment_leave_no_access() {
    let (admin, dana, _) = two_technicians("reasons").await;
    let server = laptop(&admin, dana).await;
    psql("reasons", "INSERT INTO jobs (job_number, customer_id, location_id, assigned_technician_id, job_type, scheduled_date, title)
        SELECT 'North 2', customer_id, location_id, assigned_technician_id, job_type, scheduled_date, title FROM jobs WHERE job_number = 'North'");
    let mut first = admin.connect().await.unwrap();
    let mut tx = first.begin(clara_central::Mode::Write).await.unwrap();
    tx.execute(clara_central::connect::sql("UPDATE jobs SET assigned_technician_id = NULL WHERE job_number = 'North'"))
        .await
        .unwrap();
    let second = tokio::task::spawn_blocking(|| {
        psql("reasons", "UPDATE jobs SET assigned_technician_id = NULL WHERE job_number = 'North 2'");
    });
    // The second waits for the first, which shows in the server's own list of waiting sessions.
    loop {
        let waiting = psql(
            "reasons",
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'reasons'",
        );
        if waiting == "1" || second.is_finished() {
            break;
        }
    }
    tx.commit().await.unwrap();
    second.await.unwrap();
    assert_eq!(sites(&server).await, everywhere(&[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_of_a_person_writes_any_table_and_secrets_stay_hidden() {
    let (admin, dana, _) = two_technicians("writes").await;
    let mut servers = vec![laptop(&admin, dana).await];
    for (email, role) in [("sam@x", "manager"), ("tess@x", "office_staff"), ("ravi@x", "admin")] {
        servers.push(laptop(&admin, hire("writes", email, role)).await);
    }
    let denied = Err("42501".to_owned());
    for server in &servers {
        let mut connection = server.connect().await.unwrap();
        for text in [
            "UPDATE jobs SET title = 'x'",
            "INSERT INTO customers (company_name) VALUES ('x')",
            "DELETE FROM inspection_records",
            "UPDATE locations SET access_notes = 'x' WHERE false",
            "INSERT INTO sync.location_access (user_id, location_id, state) SELECT app.me(), md5('west')::uuid, 'granted'",
            "UPDATE app.login SET user_id = user_id",
            "SELECT secret_hash FROM sync.enrolment",
            "SELECT payload FROM sync.op",
            "SELECT role_name::text FROM app.login",
            "SELECT email::text FROM users",
            "SELECT password_hash::text FROM users",
            "SELECT function_name::text FROM performance_metrics",
            "SELECT id::text FROM inspection_records_default",
            "CREATE TEMP TABLE t (x int)",
            "CREATE TABLE public.t (x int)",
            "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "SELECT lo_create(0)::text",
            "SELECT sync.rebase()::text",
            "SELECT app.make_partitions()::text",
            "SELECT app.enroll(app.me(), app.me(), 'x', 'SCRAM-SHA-256$', '', now())::text",
            "SELECT sync.refresh_access()::text",
            "SET ROLE clara_owner",
            "SET ROLE clara_sync",
            "SELECT version::text FROM clara.migration",
        ] {
            assert_eq!(ask_on(&mut connection, text).await, denied, "{} {text}", server.role);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_ours_forces_row_security_or_holds_nothing_of_customers() {
    company("forced").await;
    let open = psql(
        "forced",
        "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ('public', 'app', 'sync') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
           AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY c.oid::regclass::text",
    );
    assert_eq!(
        open, "app.settings\nsync.epoch\nsync.field_policy\nsync.schema",
        "a new table needs a policy or a reason"
    );
    let public = psql(
        "forced",
        "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('public', 'app', 'sync') AND has_function_privilege('public', p.oid, 'EXECUTE')",
    );
    assert_eq!(public, "", "whatever may be executed was granted to somebody");
    let unpinned = psql(
        "forced",
        "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('public', 'app', 'sync') AND p.prosecdef
           AND NOT coalesce(array_to_string(p.proconfig, ' '), '') LIKE '%search_path=%'",
    );
    assert_eq!(unpinned, "", "a definer function without a search path obeys its caller's");
    let powerful = psql(
        "forced",
        "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('public', 'app', 'sync') AND pg_get_userbyid(p.proowner) NOT IN ('clara_owner', 'clara_sync')",
    );
    assert_eq!(powerful, "", "a function of a superuser");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_companys_own_service_reads_and_writes_as_it_always_did() {
    let (admin, dana, _) = two_technicians("service").await;
    psql("service", "CREATE ROLE service_login LOGIN PASSWORD 'service' IN ROLE clara_backend");
    let service =
        Server { role: "service_login".into(), password: clara_central::Secret::new("service"), ..admin.clone() };
    assert_eq!(ask(&service, "SELECT count(*)::text FROM jobs").await, Ok(vec!["3".into()]));
    let office = "UPDATE jobs SET title = 'Moved' WHERE job_number = 'North' RETURNING title::text";
    assert_eq!(ask(&service, office).await, Ok(vec!["Moved".into()]));
    let hired = "INSERT INTO users (email, full_name, role, password_hash) VALUES ('new@x', 'New', 'technician', 'h') RETURNING email::text";
    assert_eq!(ask(&service, hired).await, Ok(vec!["new@x".into()]));
    let made = "INSERT INTO jobs (job_number, customer_id, location_id, assigned_technician_id, job_type, scheduled_date, title)
        SELECT 'New', customer_id, id, (SELECT id FROM users WHERE email = 'new@x'), 'repair', current_date, 't'
        FROM locations WHERE location_name = 'West' RETURNING job_number::text";
    assert_eq!(ask(&service, made).await, Ok(vec!["New".into()]), "triggers write what the service may not");
    assert_eq!(psql("service", "SELECT count(*) FROM sync.location_access"), "3");
    let gone = "DELETE FROM data_capture_logs RETURNING 'gone'";
    assert_eq!(ask(&service, gone).await.unwrap().len(), 3);
    assert_eq!(ask(&service, "TRUNCATE jobs").await, Err("42501".into()));
    assert_eq!(ask(&service, "SELECT secret_hash FROM sync.enrolment").await, Err("42501".into()));
    assert!(!dana.uuid().is_nil());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_technicians_delta_walks_the_index_of_stamps_under_row_security() {
    let (admin, dana, _) = two_technicians("plans").await;
    psql(
        "plans",
        "INSERT INTO jobs (job_number, customer_id, location_id, job_type, scheduled_date, title)
         SELECT location_name || n, customer_id, id, 'inspection', current_date, 'b' FROM locations, generate_series(1, 3000) n;
         ANALYZE jobs",
    );
    let server = laptop(&admin, dana).await;
    let plan = ask(
        &server,
        "EXPLAIN (COSTS OFF) SELECT id FROM jobs WHERE cx >= pg_snapshot_xmin(pg_current_snapshot())
            AND NOT pg_visible_in_snapshot(cx, pg_current_snapshot())",
    )
    .await
    .unwrap()
    .join("\n");
    assert!(plan.contains("using jobs_cx") && plan.contains("Index Cond: (cx >="), "{plan}");
}
