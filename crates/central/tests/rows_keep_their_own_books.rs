//! What the database does by itself: versions, times, tombstones, partitions, the site of a record.
#![allow(clippy::unwrap_used)]

mod support;

use clara_central::partitions::{detach_partition, make_partitions};
use clara_central::rebase::rebase;
use support::{company, psql};

const SITE: &str = "INSERT INTO customers (id, company_name) VALUES ('00000000-0000-0000-0000-0000000000c1', 'Ash');
    INSERT INTO locations (id, customer_id, location_name, address) VALUES
        ('00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000c1', 'North', '1 High St'),
        ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-0000000000c1', 'South', '2 Low Rd');
    INSERT INTO jobs (id, job_number, customer_id, location_id, job_type, scheduled_date, title) VALUES
        ('00000000-0000-0000-0000-0000000000b1', 'J-1', '00000000-0000-0000-0000-0000000000c1',
         '00000000-0000-0000-0000-0000000000a1', 'inspection', '2026-01-05', 'Visit');
    INSERT INTO inspection_records (id, job_id, inspection_date) VALUES
        ('00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000b1', '2024-12-31')";

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_changes_something_is_counted_and_dated_and_one_that_changes_nothing_is_only_stamped() {
    company("stamps").await;
    psql("stamps", SITE);
    psql("stamps", "UPDATE customers SET updated_at = '2020-01-01'");
    let read = || psql("stamps", "SELECT row_ver || ' ' || cx || ' ' || updated_at FROM customers");
    let (before, parts) = (read(), |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>());
    psql("stamps", "UPDATE customers SET company_name = company_name");
    let (a, b) = (parts(&before), parts(&read()));
    assert_eq!((a.first(), a.get(2)), (b.first(), b.get(2)), "version and time stay");
    assert_ne!(a.get(1), b.get(1), "the transaction does not");

    psql("stamps", "UPDATE customers SET company_name = 'Ember', row_ver = 1, cx = '5'");
    let c = parts(&read());
    let version = |parts: &[String]| parts.first().unwrap().parse::<i64>().unwrap();
    assert!(version(&c) > version(&b), "nobody sets a version back");
    assert_ne!(c.get(1).map(String::as_str), Some("5"));
    assert_eq!(
        psql("stamps", "SELECT updated_at > now() AT TIME ZONE 'UTC' - INTERVAL '1 minute' FROM customers"),
        "t"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_row_leaves_a_tombstone_and_one_that_moves_to_another_year_does_not() {
    company("tombs").await;
    psql("tombs", SITE);
    let before: i64 = psql("tombs", "SELECT row_ver FROM inspection_records").parse().unwrap();
    psql("tombs", "UPDATE inspection_records SET inspection_date = '2026-01-01'");
    assert_eq!(psql("tombs", "SELECT count(*) FROM sync.tombstone"), "0");
    assert_eq!(psql("tombs", "SELECT tableoid::regclass FROM inspection_records"), "inspection_records_2026");
    assert!(psql("tombs", "SELECT row_ver FROM inspection_records").parse::<i64>().unwrap() > before);

    psql("tombs", "DELETE FROM inspection_records");
    assert_eq!(
        psql("tombs", "SELECT table_name || ' ' || row_id || ' ' || location_id FROM sync.tombstone"),
        "inspection_records 00000000-0000-0000-0000-0000000000d1 00000000-0000-0000-0000-0000000000a1"
    );
    let refused = support::cluster().psql("tombs", "TRUNCATE inspection_records");
    assert!(refused.is_err());
    assert!(support::cluster().psql("tombs", "TRUNCATE inspection_records_2026").is_err(), "nor a part of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_follow_their_job_to_the_site_that_the_office_corrects() {
    company("moves").await;
    psql("moves", SITE);
    psql("moves", "INSERT INTO photos (job_id, location_id, sha256, mime, byte_count) VALUES
        ('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000a2', repeat('a', 64), 'image/jpeg', 1)");
    let sites = || psql("moves", "SELECT r.location_id || ' ' || p.location_id FROM inspection_records r, photos p");
    let (north, south) = ("00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000a2");
    assert_eq!(sites(), format!("{north} {north}"), "the job decides, not the writer");
    psql("moves", &format!("UPDATE jobs SET location_id = '{south}'"));
    assert_eq!(sites(), format!("{south} {south}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_takes_the_category_of_its_model() {
    company("categories").await;
    psql("categories", SITE);
    psql(
        "categories",
        "INSERT INTO manufacturers (name) VALUES ('M');
         INSERT INTO equipment_models (manufacturer_id, model_number, equipment_category) SELECT id, 'X', 'standpipe' FROM manufacturers;
         INSERT INTO equipment_inventory (location_id, equipment_model_id)
            SELECT '00000000-0000-0000-0000-0000000000a1', id FROM equipment_models",
    );
    assert_eq!(psql("categories", "SELECT equipment_category FROM equipment_inventory"), "standpipe");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_without_a_partition_is_held_and_gets_one_without_any_row_being_touched() {
    let admin = company("years").await;
    psql("years", SITE);
    psql("years", "INSERT INTO inspection_records (job_id, inspection_date) VALUES
        ('00000000-0000-0000-0000-0000000000b1', '2011-03-04'), ('00000000-0000-0000-0000-0000000000b1', '9999-01-01');
        INSERT INTO performance_metrics (function_name, duration_ms, success, recorded_at) VALUES ('f', 1, true, '2023-05-05')");
    let stamps = || psql("years", "SELECT id || ' ' || row_ver || ' ' || cx FROM inspection_records ORDER BY id");
    let before = stamps();
    assert_eq!(psql("years", "SELECT count(*) FROM inspection_records_default"), "2");
    assert_eq!(make_partitions(&admin).await.unwrap(), 2);
    assert_eq!(make_partitions(&admin).await.unwrap(), 0);
    assert_eq!(psql("years", "SELECT count(*) FROM inspection_records_2011"), "1");
    assert_eq!(
        psql("years", "SELECT inspection_date FROM inspection_records_default"),
        "9999-01-01",
        "a clock far off makes no partitions"
    );
    assert_eq!(psql("years", "SELECT count(*) FROM performance_metrics_2023_05"), "1");
    assert_eq!(stamps(), before);
    assert_eq!(psql("years", "SELECT count(*) FROM sync.tombstone"), "0");
    assert!(support::cluster().psql("years", "TRUNCATE inspection_records_2011").is_err());

    detach_partition(&admin, "inspection_records_2011").await.unwrap();
    assert_eq!(psql("years", "SELECT count(*) FROM inspection_records"), "2");
    assert_eq!(psql("years", "SELECT count(*) FROM sync.tombstone"), "1", "mirrors let go of it too");
    assert!(detach_partition(&admin, "users").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_job_makes_the_partitions_that_time_has_made_necessary() {
    company("time").await;
    let next =
        psql("time", "SELECT 'inspection_records_' || to_char(now() AT TIME ZONE 'UTC' + INTERVAL '1 year', 'YYYY')");
    psql("time", &format!("ALTER TABLE inspection_records DETACH PARTITION {next}; DROP TABLE {next}"));
    psql("time", SITE);
    assert_eq!(psql("time", &format!("SELECT to_regclass('{next}') IS NOT NULL")), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebase_stamps_every_row_anew_at_its_version_and_begins_an_epoch() {
    let admin = company("rebases").await;
    psql("rebases", SITE);
    // As a restored dump would have it: stamps of another cluster, far in the future of this one.
    psql(
        "rebases",
        "SET session_replication_role = replica; UPDATE customers SET cx = '99999999999';
        UPDATE jobs SET cx = '99999999999'; UPDATE inspection_records SET cx = '99999999999'",
    );
    let state = || {
        psql(
            "rebases",
            "SELECT c.row_ver || ' ' || j.row_ver || ' ' || i.row_ver || ' ' || c.updated_at || ' ' || j.updated_at
        FROM customers c, jobs j, inspection_records i",
        )
    };
    let (before, epoch) = (state(), psql("rebases", "SELECT id FROM sync.epoch"));
    let fresh = rebase(&admin).await.unwrap();
    assert_eq!(state(), before, "versions and times stay, or every laptop would fetch everything");
    assert_ne!(fresh.to_string(), epoch);
    assert_eq!(psql("rebases", "SELECT id FROM sync.epoch"), fresh.to_string());
    assert_eq!(
        psql("rebases", "SELECT bool_and(cx < pg_snapshot_xmax(pg_current_snapshot())) FROM (SELECT cx FROM customers
            UNION ALL SELECT cx FROM jobs UNION ALL SELECT cx FROM inspection_records UNION ALL SELECT cx FROM locations) v"),
        "t"
    );
}
