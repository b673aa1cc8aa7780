//! The migrated database against the schema that programs of the company were written for. `expected/` holds the facts of
//! that schema as PostgreSQL states them: columns in their order with type, nullness and default, enum words, indexes,
//! constraints, and the two partitions that it names.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;

use support::{company, psql};
use uuid::Uuid;

const TABLES: [&str; 12] = [
    "manufacturers",
    "equipment_models",
    "common_problems",
    "customers",
    "locations",
    "equipment_inventory",
    "jobs",
    "job_equipment",
    "inspection_records",
    "users",
    "data_capture_logs",
    "performance_metrics",
];

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// What the document has and the database lacks, or has otherwise.
fn missing(expected: &str, found: &str) -> Vec<String> {
    let found: BTreeSet<String> = lines(found).into_iter().collect();
    lines(expected).into_iter().filter(|line| !found.contains(line)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_stands_in_its_place_with_its_type_and_default_and_additions_come_behind() {
    company("columns").await;
    let found = psql(
        "columns",
        "SELECT c.relname || '.' || a.attname || ' | ' || format_type(a.atttypid, a.atttypmod) || ' | '
            || CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END || ' | ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
         LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0
         ORDER BY c.relname, a.attnum",
    );
    let (expected, found) = (lines(include_str!("expected/columns.txt")), lines(&found));
    for table in TABLES {
        let of = |all: &[String]| -> Vec<String> {
            all.iter().filter(|line| line.starts_with(&format!("{table}."))).cloned().collect()
        };
        let (expected, found) = (of(&expected), of(&found));
        assert!(!expected.is_empty(), "{table}");
        assert_eq!(found.get(..expected.len()), Some(expected.as_slice()), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_enum_has_its_words_in_their_order() {
    company("enums").await;
    let found = psql(
        "enums",
        "SELECT t.typname || ' | ' || string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
         FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
         WHERE t.typnamespace = 'public'::regnamespace GROUP BY t.typname",
    );
    assert_eq!(missing(include_str!("expected/enums.txt"), &found), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_index_and_constraint_is_there_under_its_name() {
    company("indexes").await;
    let found = psql(
        "indexes",
        "SELECT i.relname || ' | ' || pg_get_indexdef(i.oid)
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
         WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition",
    );
    assert_eq!(missing(include_str!("expected/indexes.txt"), &found), Vec::<String>::new());
    let found = psql(
        "indexes",
        "SELECT c.conrelid::regclass || ' | ' || pg_get_constraintdef(c.oid)
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
         WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition",
    );
    assert_eq!(missing(include_str!("expected/constraints.txt"), &found), Vec::<String>::new());
    let found = psql(
        "indexes",
        "SELECT c.relname || ' | ' || pg_get_expr(c.relpartbound, c.oid) FROM pg_class c
         WHERE c.relispartition AND c.relkind = 'r'",
    );
    assert_eq!(missing(include_str!("expected/partitions.txt"), &found), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_foreign_key_of_every_table_can_be_followed_by_an_index() {
    company("foreign_keys").await;
    let unindexed = psql(
        "foreign_keys",
        "SELECT c.conrelid::regclass || ' ' || pg_get_constraintdef(c.oid) FROM pg_constraint c
         JOIN pg_class t ON t.oid = c.conrelid
         WHERE c.contype = 'f' AND NOT t.relispartition AND t.relnamespace IN ('public'::regnamespace, 'app'::regnamespace, 'sync'::regnamespace)
           AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL AND i.indkey[0] = c.conkey[1])",
    );
    assert_eq!(unindexed, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_insert_and_the_three_common_queries_run_as_they_are_written() {
    company("queries").await;
    psql(
        "queries",
        "INSERT INTO manufacturers (name, website) VALUES
    ('Carrier', 'https://www.carrier.com'),
    ('Daikin', 'https://www.daikin.com'),
    ('Peerless Pump', 'https://www.peerlesspump.com');",
    );
    let job = Uuid::now_v7();
    psql(
        "queries",
        &format!(
            "INSERT INTO equipment_models (manufacturer_id, model_number, product_name, equipment_category, electrical_specs)
             SELECT id, 'FTXS12WVJU9', 'Quaternity', 'hvac', '{{\"voltage\": 208.0}}' FROM manufacturers WHERE name = 'Daikin';
             INSERT INTO customers (company_name) VALUES ('Ash');
             INSERT INTO locations (customer_id, location_name, address) SELECT id, 'North', '1 High St' FROM customers;
             INSERT INTO jobs (id, job_number, customer_id, location_id, job_type, scheduled_date, title)
             SELECT '{job}', 'J-1', customer_id, id, 'inspection', current_date, 'Visit' FROM locations;
             INSERT INTO equipment_inventory (location_id, equipment_model_id, serial_number, components)
             SELECT l.id, m.id, 'S-1', '{{\"filter_size\": \"16x25x4\"}}' FROM locations l, equipment_models m;
             INSERT INTO equipment_inventory (location_id) SELECT id FROM locations;
             INSERT INTO job_equipment (job_id, equipment_id) SELECT '{job}', id FROM equipment_inventory;
             INSERT INTO inspection_records (job_id, equipment_id, inspection_date, passed)
             SELECT '{job}', id, DATE '2024-05-01' + n, n = 1 FROM equipment_inventory, generate_series(0, 1) n
             WHERE serial_number = 'S-1'"
        ),
    );
    let specifications = psql(
        "queries",
        "SELECT
    m.name as manufacturer,
    em.model_number,
    em.product_name,
    em.electrical_specs,
    em.pressure_specs,
    em.temperature_specs,
    em.physical_specs
FROM equipment_models em
JOIN manufacturers m ON em.manufacturer_id = m.id
WHERE em.model_number = 'FTXS12WVJU9'
  AND m.name = 'Daikin'
  AND em.deleted_at IS NULL;",
    );
    assert!(
        specifications.starts_with("Daikin|FTXS12WVJU9|Quaternity|{\"voltage\": 208.0}|{}|{}|{}"),
        "{specifications}"
    );

    // A program passes $job_id as a parameter of its driver.
    let with_job = |query: &str| psql("queries", &query.replace("$job_id", &format!("'{job}'")));
    let history = with_job(
        "SELECT
    ei.*,
    em.model_number,
    m.name as manufacturer,
    json_agg(
        json_build_object(
            'date', ir.inspection_date,
            'findings', ir.findings,
            'passed', ir.passed
        ) ORDER BY ir.inspection_date DESC
    ) as inspection_history
FROM equipment_inventory ei
LEFT JOIN equipment_models em ON ei.equipment_model_id = em.id
LEFT JOIN manufacturers m ON em.manufacturer_id = m.id
LEFT JOIN inspection_records ir ON ei.id = ir.equipment_id
WHERE ei.location_id = (SELECT location_id FROM jobs WHERE id = $job_id)
  AND ei.deleted_at IS NULL
GROUP BY ei.id, em.model_number, m.name;",
    );
    assert_eq!(history.lines().filter(|line| line.contains("|active|")).count(), 2, "{history}");
    let known = history.lines().find(|line| line.contains("|S-1|")).unwrap();
    let visits = known.find("\"date\" : \"2024-05-02\"").zip(known.find("\"date\" : \"2024-05-01\""));
    assert!(visits.is_some_and(|(later, earlier)| later < earlier), "both visits, the latest first: {known}");

    let completeness = with_job(
        "SELECT
    COUNT(*) as total_equipment,
    SUM(CASE WHEN serial_number IS NOT NULL THEN 1 ELSE 0 END) as with_serial,
    SUM(CASE WHEN components->>'filter_size' IS NOT NULL THEN 1 ELSE 0 END) as with_filter_size
FROM equipment_inventory ei
JOIN job_equipment je ON ei.id = je.equipment_id
WHERE je.job_id = $job_id
  AND ei.deleted_at IS NULL;",
    );
    assert_eq!(completeness, "2|1|1");
}
