//! Ways around row security that need no right: functions that say what they saw, statistics, switches.

use crate::company::found;
use crate::session::Answer;
use crate::support::psql;

/// Tables with text of a site, and the column.
const TEXTS: &[(&str, &str)] = &[
    ("customers", "company_name"),
    ("customers", "notes"),
    ("locations", "location_name"),
    ("locations", "access_notes"),
    ("equipment_inventory", "serial_number"),
    ("jobs", "title"),
    ("job_equipment", "notes"),
    ("inspection_records", "findings"),
    ("data_capture_logs", "captured_fields #>> '{}'"),
    ("photos", "caption"),
    ("sync.conflict", "server #>> '{}'"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_tells_what_it_saw_is_never_shown_a_hidden_row() {
    let mut office = found("conditions").await;
    let (mut tried, mut wrong) = (0, Vec::new());
    for (table, column) in TEXTS {
        let statements: Vec<String> = [
            // The technician's own texts are numbers; a hidden one would be named in the error.
            format!("SELECT count(*)::text FROM {table} WHERE ({column})::integer = 1"),
            format!("SELECT count(*)::text FROM {table} WHERE 1 / (CASE WHEN {column} LIKE 'CANARY%' THEN 0 ELSE 1 END) = 1"),
            format!("SELECT count(*)::text FROM {table} WHERE ({column})::numeric > 0 OR random() < 2"),
            format!("SELECT count(*)::text FROM {table} t WHERE (t::text)::json IS NULL OR true"),
            format!("SELECT count(*)::text FROM {table} GROUP BY ({column})::integer"),
            format!("SELECT count(*)::text FROM {table} ORDER BY max(({column})::integer)"),
            format!("SELECT a.n::text FROM (SELECT count(*) n FROM {table} x JOIN (VALUES ('1')) v(w) ON v.w::integer = ({column})::integer) a"),
            format!("SELECT count(*)::text FROM {table} WHERE current_setting({column}, true) IS NULL"),
            format!("SELECT count(*)::text FROM {table} WHERE set_config('probe.x', coalesce({column}, ''), true) LIKE 'CANARY%'"),
            format!("SELECT count(*)::text FROM (SELECT {column} AS w FROM {table} ORDER BY 1 OFFSET 0) x WHERE w LIKE 'CANARY%'"),
            format!("SELECT count(*)::text FROM {table} TABLESAMPLE BERNOULLI (100) WHERE ({column})::integer = 1"),
        ]
        .into();
        for plan in [
            "",
            "SET LOCAL enable_seqscan = off; ",
            "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; ",
        ] {
            let statements: Vec<String> = statements.iter().map(|statement| format!("{plan}{statement}")).collect();
            for (statement, answer) in statements.iter().zip(office.sessions[0].1.try_each(&statements).await) {
                tried += 1;
                if format!("{answer:?}").contains("CANARY") || matches!(answer.code(), "22012") {
                    wrong.push(format!("{statement}: {answer:?}"));
                }
            }
        }
        // The same condition does tell where the row may be seen.
        let told = office.sessions[1].1.try_each(&statements[..1]).await;
        assert!(format!("{told:?}").contains("CANARY"), "{table}.{column}: the probe can tell: {told:?}");
    }
    println!("figure: rights, conditions that would tell | {tried} | {}", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_security_cannot_be_switched_off_and_statistics_show_no_value() {
    let mut office = found("switches").await;
    psql("switches", "CREATE STATISTICS pairs (mcv) ON title, job_number FROM jobs; ANALYZE");
    let seen = psql(
        "switches",
        "SELECT count(*) > 0 FROM pg_stats WHERE most_common_vals::text LIKE '%CANARY%' OR histogram_bounds::text LIKE '%CANARY%'",
    );
    assert_eq!(seen, "t", "there is something to hide");
    for (person, session) in office.sessions.iter_mut().filter(|(name, _)| *name != "backend") {
        let answers = session
            .try_each(&[
                "SET LOCAL row_security = off; SELECT count(*)::text FROM jobs".to_owned(),
                "SELECT count(*)::text FROM pg_stats WHERE schemaname IN ('public', 'sync') AND
                    (most_common_vals::text LIKE '%CANARY%' OR histogram_bounds::text LIKE '%CANARY%')"
                    .to_owned(),
                "SELECT count(*)::text FROM pg_stats_ext WHERE most_common_vals::text LIKE '%CANARY%'".to_owned(),
                "SELECT count(*)::text FROM pg_stats_ext_exprs".to_owned(),
            ])
            .await;
        let blind = if *person == "revoked" { "42P01" } else { "42501" };
        assert_eq!(answers[0].code(), blind, "{person}: an error, never a row: {answers:?}");
        for answer in &answers[1..] {
            assert_eq!(*answer, Answer::Rows(vec![vec!["0".to_owned()]]), "{person}");
        }
    }
}
