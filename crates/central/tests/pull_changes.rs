//! Pulling: every committed row once, whatever commits in whatever order; scope; what nothing costs.
#![allow(clippy::unwrap_used)]

mod company;

use std::collections::BTreeSet;

use clara_central::{Connection, Mode, PgCentral, Server, connect::sql};
use clara_domain::mirror::{Entity, TABLES};
use clara_domain::row::Cell;
use clara_sync::{Bucket, Central, CentralError, Cursor, PullRequest, RowKey};
use company::{ANNA, BEN, Company, Laptop, MARA, id, job, pump, rows, site};
use sha2::{Digest, Sha256};
use sqlx::Row as _;
use uuid::Uuid;

async fn everything(laptop: &mut Laptop, entity: Entity, limit: u32) -> Vec<clara_domain::row::Row> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = laptop.central.page(entity, after, limit).await.unwrap();
        after = page.rows.last().map(|row| row.id);
        all.extend(page.rows);
        if page.last {
            return all;
        }
    }
}

#[tokio::test]
async fn every_table_can_be_paged_pulled_and_audited_by_a_technician_and_a_manager() {
    let company = Company::open().await;
    for person in [ANNA, MARA] {
        let mut laptop = company.laptop(person);
        laptop.cursor().await;
        for table in TABLES {
            let rows = everything(&mut laptop, table.entity, 2).await;
            assert!(rows.iter().all(|row| row.cells.len() == table.columns.len()), "{}", table.name);
            let (_, buckets) = laptop.central.buckets(table.entity).await.unwrap();
            assert_eq!(buckets.iter().map(|b| b.count).sum::<i64>(), rows.len() as i64, "{}", table.name);
        }
        let from_the_beginning: Cursor = "1:1:".parse().unwrap();
        let pull = laptop.pull(&from_the_beginning).await;
        for table in TABLES {
            let pulled: BTreeSet<Uuid> = rows(&pull, table.entity).into_iter().map(|(id, _)| id).collect();
            let paged: BTreeSet<Uuid> = everything(&mut laptop, table.entity, 100).await.iter().map(|r| r.id).collect();
            assert_eq!(pulled, paged, "{}", table.name);
        }
    }
    let mut anna = company.laptop(ANNA);
    let sites = everything(&mut anna, Entity::Locations, 100).await;
    assert_eq!(sites.iter().map(|row| row.id).collect::<Vec<_>>(), [site(1), site(2)]);
    assert!(anna.central.page(Entity::PerformanceMetrics, None, 1).await.is_err(), "it is not mirrored");
}

#[tokio::test]
async fn values_arrive_in_the_mirrors_spelling() {
    let company = Company::open().await;
    company.sql(
        r#"UPDATE jobs SET scheduled_date = '2026-11-22', scheduled_time = '08:30', actual_start_time = '2026-11-22 08:31:02.5',
            duration_estimate_minutes = 90, metadata = '{"a": {"b c": "d, e: \"f\""}}' WHERE job_number = 'J-1';
           UPDATE locations SET latitude = 43.65107, longitude = -79.347015 WHERE location_name = 'Site 1'"#,
    );
    let mut anna = company.laptop(ANNA);
    let rows = anna.central.rows(Entity::Jobs, &[job(1), job(3)]).await.unwrap();
    assert_eq!(rows.len(), 1, "another technician's job is not there");
    let cell = |name: &str| rows[0].cells[Entity::Jobs.table().unwrap().position(name).unwrap()].clone();
    assert_eq!(cell("scheduled_date"), Cell::Text("2026-11-22".into()));
    assert_eq!(cell("scheduled_time"), Cell::Text("08:30:00".into()));
    assert_eq!(cell("actual_start_time"), Cell::Text("2026-11-22T08:31:02.500000Z".into()));
    assert_eq!(cell("duration_estimate_minutes"), Cell::Int(90));
    assert_eq!(cell("metadata"), Cell::Text(r#"{"a":{"b c":"d, e: \"f\""}}"#.into()));
    assert_eq!(cell("job_type"), Cell::Text("inspection".into()));
    assert_eq!(cell("deleted_at"), Cell::Null);
    let places = anna.central.rows(Entity::Locations, &[site(1)]).await.unwrap();
    let latitude = Entity::Locations.table().unwrap().position("latitude").unwrap();
    assert_eq!(places[0].cells[latitude], Cell::Real(43.65107));
    let people = anna.central.rows(Entity::Users, &[anna.person]).await.unwrap();
    let active = Entity::Users.table().unwrap().position("is_active").unwrap();
    assert_eq!(people[0].cells[active], Cell::Int(1));
}

#[tokio::test]
async fn one_call_brings_to_the_letter_what_a_server_of_yesterday_is_asked_for_table_by_table() {
    let company = Company::open().await;
    company.sql(
        r#"UPDATE jobs SET title = E'tab\there, \\t and \\N', description = '\N', special_instructions = '',
            metadata = '{"a\tb": "c: \"\\\" 消防", "n": [1.0, 1.00]}', scheduled_time = '08:30' WHERE job_number = 'J-1';
           UPDATE jobs SET title = '\E', description = NULL, special_instructions = ' ', metadata = '{"n": 1.00}'
           WHERE job_number = 'J-2';
           UPDATE locations SET latitude = 43.65107, access_notes = E'two\nlines\t' WHERE location_name = 'Site 1'"#,
    );
    let mut mara = company.laptop(MARA);
    mara.cursor().await;
    let from_the_beginning: Cursor = "1:1:".parse().unwrap();
    let in_order = |pull: clara_sync::Pull| {
        let mut tables = pull.rows;
        tables.iter_mut().for_each(|table| table.rows.sort_by_key(|row| row.id));
        let mut tombstones: Vec<_> = pull.tombstones.into_iter().map(|gone| (gone.entity, gone.id)).collect();
        tombstones.sort();
        (tables, tombstones)
    };
    let in_one = in_order(mara.pull(&from_the_beginning).await);
    company.sql("DROP FUNCTION sync.pull(uuid, pg_snapshot); DELETE FROM sync.schema WHERE version = 3");
    let request = PullRequest { device: mara.device, cursor: from_the_beginning.clone() };
    assert!(mara.central.pull(&request).await.is_err(), "it was one call of that function");
    // Put back to yesterday, the server is asked as yesterday, on the next line.
    let by_table = in_order(mara.pull(&from_the_beginning).await);
    assert!(by_table.0.len() >= 9, "{} tables", by_table.0.len());
    assert_eq!(in_one, by_table);
}

#[tokio::test]
async fn a_change_is_pulled_once_and_then_there_is_nothing() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let before = anna.cursor().await;
    company.sql("UPDATE equipment_inventory SET notes = 'new' WHERE serial_number IN ('SN-1', 'SN-3')");
    let pull = anna.pull(&before).await;
    assert_eq!(pull.rows.len(), 1);
    let changed = rows(&pull, Entity::EquipmentInventory);
    assert_eq!(changed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [pump(1)], "and nothing of another's site");
    let nothing = anna.pull(&pull.hello.snapshot).await;
    assert!(
        nothing.rows.is_empty()
            && nothing.granted.is_empty()
            && nothing.revoked.is_empty()
            && nothing.tombstones.is_empty()
    );
}

/// Writes in a transaction that commits when told.
async fn slow_writer(company: &Company) -> Connection {
    company.admin().connect().await.unwrap()
}

#[tokio::test]
async fn a_slow_writer_loses_nothing_with_snapshots_and_loses_rows_with_timestamps() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    company.sql("CREATE TABLE naive (id uuid, at timestamptz); GRANT SELECT ON naive TO clara_technician");
    let mut cursor = anna.cursor().await;
    let mut naive_cursor = "-infinity".to_owned();
    let (mut by_snapshot, mut by_time) = (Vec::new(), BTreeSet::new());

    let mut slow = slow_writer(&company).await;
    let mut early = slow.begin(Mode::Write).await.unwrap();
    let write = sql("UPDATE equipment_inventory SET notes = 'slow' WHERE id = $1").bind(pump(1));
    assert_eq!(early.execute(write).await.unwrap(), 1);
    early.execute(sql("INSERT INTO naive VALUES ($1, now())").bind(pump(1))).await.unwrap();
    // A later transaction commits first.
    company.sql("UPDATE equipment_inventory SET notes = 'fast' WHERE serial_number = 'SN-2'");
    company.sql(&format!("INSERT INTO naive VALUES ('{}', now())", pump(2)));

    let mut look = async |anna: &mut Laptop, cursor: &mut Cursor| {
        let pull = anna.pull(cursor).await;
        by_snapshot.extend(rows(&pull, Entity::EquipmentInventory).into_iter().map(|(id, _)| id));
        *cursor = pull.hello.snapshot;
        let seen = company.sql(&format!("SELECT id, at FROM naive WHERE at > '{naive_cursor}' ORDER BY at"));
        for line in seen.lines() {
            let (row, at) = line.split_once('|').unwrap();
            by_time.insert(row.parse::<Uuid>().unwrap());
            naive_cursor = at.to_owned();
        }
    };
    look(&mut anna, &mut cursor).await;
    early.commit().await.unwrap();
    look(&mut anna, &mut cursor).await;
    look(&mut anna, &mut cursor).await;

    assert_eq!(by_snapshot, [pump(2), pump(1)], "each once, in the order of the commits");
    assert_eq!(by_time, BTreeSet::from([pump(2)]), "the row of the slow writer is lost for ever");
}

#[tokio::test]
async fn writers_that_stay_open_hold_nobody_up_and_rolled_back_ones_leave_no_trace() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let before = anna.cursor().await;
    let (mut one, mut two) = (slow_writer(&company).await, slow_writer(&company).await);
    // Transaction numbers are the cluster's, so a writer in another database counts too.
    let elsewhere = Server { database: "postgres".to_owned(), ..company.admin() };
    let mut three = elsewhere.connect().await.unwrap();
    let mut foreign = three.begin(Mode::Write).await.unwrap();
    foreign.execute(sql("SELECT pg_current_xact_id()::text")).await.unwrap();
    let mut open = one.begin(Mode::Write).await.unwrap();
    open.execute(sql("UPDATE jobs SET title = 'never' WHERE job_number = 'J-2'")).await.unwrap();
    let mut undone = two.begin(Mode::Write).await.unwrap();
    undone.execute(sql("UPDATE jobs SET title = 'undone' WHERE job_number = 'J-1'")).await.unwrap();
    company.sql("UPDATE equipment_inventory SET notes = 'x' WHERE serial_number = 'SN-1'");
    let first = anna.pull(&before).await;
    assert_eq!(rows(&first, Entity::EquipmentInventory).len(), 1);
    undone.rollback().await.unwrap();
    open.rollback().await.unwrap();
    foreign.rollback().await.unwrap();
    let second = anna.pull(&first.hello.snapshot).await;
    assert!(second.rows.is_empty());
}

#[tokio::test]
async fn a_grant_brings_the_whole_subtree_whatever_its_age_and_a_revocation_takes_it() {
    let company = Company::open().await;
    let (mut anna, mut ben) = (company.laptop(ANNA), company.laptop(BEN));
    let inspection = ben.inspection(3);
    ben.push_one(&inspection).await;
    let (before_anna, before_ben) = (anna.cursor().await, ben.cursor().await);
    company.sql(&format!("UPDATE jobs SET assigned_technician_id = '{}' WHERE job_number = 'J-3'", anna.person));

    let pull = anna.pull(&before_anna).await;
    assert_eq!(pull.granted, [site(3).into()]);
    let ids = |entity| rows(&pull, entity).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(Entity::Locations), [site(3)]);
    assert_eq!(ids(Entity::Jobs), [job(3)]);
    assert_eq!(ids(Entity::EquipmentInventory), [pump(3)]);
    assert_eq!(ids(Entity::InspectionRecords), [inspection.row_id]);
    assert_eq!(ids(Entity::Customers), [id("c3")]);
    let order: Vec<_> = pull.rows.iter().map(|t| t.entity).collect();
    let position = |entity| order.iter().position(|e| *e == entity);
    assert!(
        position(Entity::Customers) < position(Entity::Locations)
            && position(Entity::Locations) < position(Entity::Jobs)
    );

    let gone = ben.pull(&before_ben).await;
    assert_eq!(gone.revoked, [site(3).into()]);
    assert!(gone.rows.is_empty(), "nothing of a site that is no longer his: {:?}", gone.rows);
}

#[tokio::test]
async fn a_hard_delete_travels_as_a_tombstone_to_those_who_had_the_row() {
    let company = Company::open().await;
    let (mut anna, mut ben) = (company.laptop(ANNA), company.laptop(BEN));
    let (before_anna, before_ben) = (anna.cursor().await, ben.cursor().await);
    company.sql("DELETE FROM equipment_inventory WHERE serial_number = 'SN-1'");
    let pull = anna.pull(&before_anna).await;
    let gone: Vec<_> = pull.tombstones.iter().map(|t| (t.entity, t.id)).collect();
    assert_eq!(gone, [(Entity::EquipmentInventory, pump(1))]);
    assert!(ben.pull(&before_ben).await.tombstones.is_empty());
}

#[tokio::test]
async fn a_pull_with_nothing_new_costs_one_round_trip_and_under_six_hundred_bytes() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let cursor = anna.cursor().await;
    let cut = clara_cluster::Cut::start(company.cluster().port()).unwrap();
    let mut server = company.server("anna", "anna");
    server.port = cut.port();
    let mut central = PgCentral::new(server);
    let request = PullRequest { device: anna.device, cursor };
    central.pull(&request).await.unwrap();
    cut.count_anew();
    central.pull(&request).await.unwrap();
    let cost = cut.traffic();
    assert_eq!(cost.round_trips, 1, "{cost:?}");
    assert!(cost.to_server + cost.to_client < 600, "TLS included: {cost:?}");
}

#[tokio::test]
async fn a_server_restored_from_a_dump_is_not_pulled_from_until_it_is_rebased() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let before = anna.central.hello(anna.device).await.unwrap();
    company.sql("UPDATE sync.epoch SET system_identifier = '1'");
    let request = PullRequest { device: anna.device, cursor: before.snapshot.clone() };
    let refusal = anna.central.pull(&request).await.unwrap_err();
    assert!(matches!(&refusal, CentralError::Refused { code, .. } if code == "needs_rebase"), "{refusal:?}");
    let inspection = anna.inspection(1);
    assert_eq!(anna.push(&[inspection]).await.len(), 1, "a push is never refused");
    clara_central::rebase::rebase(&company.admin()).await.unwrap();
    let pull = anna.pull(&before.snapshot).await;
    assert_ne!(pull.hello.epoch, before.epoch);
    assert_eq!(pull.hello.earlier_epochs, [before.epoch]);
    assert_eq!(pull.hello.highest_seq, 1);
}

#[tokio::test]
async fn buckets_of_the_server_equal_those_that_a_laptop_computes() {
    let company = Company::open().await;
    let mut mara = company.laptop(MARA);
    company.sql(
        "INSERT INTO equipment_inventory (id, location_id) SELECT gen_random_uuid(),
            '00000000-0000-4000-8000-000000000101' FROM generate_series(1, 3000)",
    );
    let rows = everything(&mut mara, Entity::EquipmentInventory, 1000).await;
    let mut expected: Vec<Bucket> = (0..256).map(|bucket| Bucket { bucket, count: 0, sum: 0, xor: 0 }).collect();
    for row in &rows {
        let digest = Sha256::digest(format!("{}:{}", row.id, row.row_ver));
        let hash = i64::from_be_bytes(digest[..8].try_into().unwrap());
        let bucket = &mut expected[row.id.as_bytes()[0] as usize];
        bucket.count += 1;
        bucket.sum = bucket.sum.wrapping_add(hash);
        bucket.xor ^= hash;
    }
    expected.retain(|bucket| bucket.count > 0);
    let (_, buckets) = mara.central.buckets(Entity::EquipmentInventory).await.unwrap();
    assert_eq!(buckets, expected);

    let mut expected: Vec<RowKey> = rows
        .iter()
        .filter(|row| [0, 7].contains(&row.id.as_bytes()[0]))
        .map(|row| RowKey { id: row.id, row_ver: row.row_ver })
        .collect();
    expected.sort();
    assert_eq!(mara.central.bucket_keys(Entity::EquipmentInventory, &[0, 7]).await.unwrap(), expected);
}

#[tokio::test]
async fn after_an_error_the_next_call_connects_again() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    anna.cursor().await;
    company.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'anna' AND datname = current_database()");
    let lost = anna.central.hello(anna.device).await.unwrap_err();
    assert!(matches!(lost, CentralError::Unreachable(_)), "{lost:?}");
    anna.central.hello(anna.device).await.unwrap();
}

#[tokio::test]
async fn the_office_learns_how_much_is_only_on_a_laptop() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let stranger = company.laptop(BEN).device;
    anna.central.report_unsent(anna.device, 7, Some(company::at("2026-11-20T08:00:00Z"))).await.unwrap();
    anna.central.report_unsent(stranger, 9, None).await.unwrap();
    let told =
        company.sql("SELECT unsent_count, oldest_unsent_at, last_seen_at IS NOT NULL FROM sync.device ORDER BY id");
    assert_eq!(told, "7|2026-11-20 08:00:00|t\n||f\n||f");
    let version = company.version("sync.device", anna.device.0);
    anna.central.report_unsent(anna.device, 7, Some(company::at("2026-11-20T08:00:00Z"))).await.unwrap();
    assert_eq!(company.version("sync.device", anna.device.0), version, "saying the same again is no news for others");
    let mut connection = company.server("mara", "mara").connect().await.unwrap();
    let mut tx = connection.begin(Mode::Snapshot).await.unwrap();
    let row = tx.fetch_one(sql("SELECT count(*) AS n FROM sync.device")).await.unwrap();
    assert_eq!(row.get::<i64, _>("n"), 3);
    tx.rollback().await.unwrap();
}
