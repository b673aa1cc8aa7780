//! The heavy reports: computed beforehand, true when computed, and nobody's but the office's.
#![allow(clippy::unwrap_used)]

mod support;

use chrono::{NaiveDate, Utc};
use clara_central::AdminError;
use clara_central::doctor::{Health, doctor};
use clara_central::reports::{refresh, reports};
use clara_central::seed_demo::seed_demo;
use clara_sync::CentralError;
use support::{ask, company, hire, laptop, psql};

const REPORTS: [&str; 3] = ["capture_completeness", "inspections_due", "open_deficiencies"];

/// How many rows a report and the truth do not have in common.
fn difference(database: &str, report: &str) -> String {
    psql(
        database,
        &format!(
            "SELECT count(*) FROM ((TABLE report.{report} EXCEPT ALL TABLE report.{report}_live)
             UNION ALL (TABLE report.{report}_live EXCEPT ALL TABLE report.{report})) d"
        ),
    )
}

fn today() -> NaiveDate {
    Utc::now().date_naive()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_equals_the_live_query_once_it_is_refreshed_and_not_before() {
    let admin = company("figures").await;
    seed_demo(&admin, today(), Utc::now()).await.unwrap();
    assert_ne!(difference("figures", "inspections_due"), "0", "the demo came after the migration");
    refresh(&admin).await.unwrap();
    for report in REPORTS {
        assert_eq!(difference("figures", report), "0", "{report}");
        assert_ne!(psql("figures", &format!("SELECT count(*) FROM report.{report}")), "0", "{report} says something");
    }

    let told = reports(&admin, today()).await.unwrap();
    let overdue: i64 = told.due.iter().map(|line| line.overdue).sum();
    let counted = psql(
        "figures",
        "SELECT count(*) FROM (SELECT DISTINCT ON (equipment_id, inspection_type) next_inspection_due AS due
         FROM inspection_records i JOIN equipment_inventory e ON e.id = i.equipment_id
         WHERE i.deleted_at IS NULL AND e.deleted_at IS NULL AND e.status = 'active'
         ORDER BY equipment_id, inspection_type, inspection_date DESC, i.created_at DESC, i.id DESC) d
         WHERE due < current_date",
    );
    assert_eq!(overdue.to_string(), counted);
    let open: i64 = told.deficiencies.iter().map(|line| line.open).sum();
    let counted = psql(
        "figures",
        "SELECT count(*) FROM inspection_records i, jsonb_array_elements(i.deficiencies) d
         WHERE i.deleted_at IS NULL AND d ->> 'status' = 'open'",
    );
    assert_eq!(open.to_string(), counted);

    // Another deficiency, found long ago: in the truth at once, in the report after the next refresh.
    psql(
        "figures",
        "INSERT INTO inspection_records (job_id, equipment_id, inspection_date, deficiencies)
         SELECT job_id, equipment_id, current_date - 400, '[{\"severity\": \"critical\", \"text\": \"Cracked\"}]'
         FROM job_equipment ORDER BY id LIMIT 1",
    );
    assert_eq!(difference("figures", "open_deficiencies"), "1");
    let before: i64 = told.deficiencies.iter().map(|line| line.over_90_days).sum();
    refresh(&admin).await.unwrap();
    assert_eq!(difference("figures", "open_deficiencies"), "0");
    let told = reports(&admin, today()).await.unwrap();
    assert_eq!(told.deficiencies.iter().map(|line| line.over_90_days).sum::<i64>(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_office_reads_touches_no_business_table() {
    let admin = company("plans").await;
    seed_demo(&admin, today(), Utc::now()).await.unwrap();
    refresh(&admin).await.unwrap();
    let plan = psql(
        "plans",
        "EXPLAIN SELECT equipment_category, count(*) FROM report.inspections_due
         WHERE next_inspection_due < current_date GROUP BY 1",
    );
    assert!(plan.contains("inspections_due") && !plan.contains("inspection_records"), "{plan}");
    let live = psql("plans", "EXPLAIN SELECT count(*) FROM report.inspections_due_live");
    assert!(live.contains("inspection_records"), "the comparison can fail: {live}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_and_the_office_read_reports_and_a_technician_does_not() {
    let admin = company("readers").await;
    seed_demo(&admin, today(), Utc::now()).await.unwrap();
    refresh(&admin).await.unwrap();
    for (email, role) in
        [("sam@example.com", "manager"), ("tess@example.com", "office_staff"), ("al@example.com", "admin")]
    {
        let login = laptop(&admin, hire("readers", email, role)).await;
        let told = reports(&login, today()).await.unwrap();
        assert!(!told.completeness.is_empty() && !told.due.is_empty(), "{role}");
        let refused = ask(&login, "SELECT report.refresh()::text").await;
        assert_eq!(refused, Err("42501".into()), "{role} reads, and computes nothing");
        assert_eq!(ask(&login, "SELECT location_id::text FROM report.inspections_due_live").await, Err("42501".into()));
    }
    let technician = laptop(&admin, hire("readers", "dana@example.com", "technician")).await;
    let refused = reports(&technician, today()).await.unwrap_err();
    assert!(
        matches!(&refused, AdminError::Central(CentralError::Refused { code, .. }) if code == "42501"),
        "{refused}"
    );
    for text in [
        "SELECT location_id::text FROM report.capture_completeness",
        "SELECT equipment_id::text FROM report.inspections_due",
        "SELECT location_id::text FROM report.open_deficiencies",
        "SELECT refreshed_at::text FROM report.freshness",
        "SELECT location_id::text FROM report.open_deficiencies_live",
    ] {
        assert_eq!(ask(&technician, text).await, Err("42501".into()), "{text}");
    }

    // The guard is a guard: `doctor` sees the mistake that it is there for.
    let health = |checks: Vec<clara_central::doctor::Check>| {
        checks.into_iter().find(|check| check.name == "reports are the office's").unwrap().health
    };
    assert_eq!(health(doctor(&admin).await.unwrap()), Health::Ok);
    psql("readers", "GRANT USAGE ON SCHEMA report TO clara_technician");
    assert_eq!(health(doctor(&admin).await.unwrap()), Health::Fail);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daily_round_refreshes_a_small_companys_reports_and_doctor_tells_the_age_of_old_ones() {
    let admin = company("rounds").await;
    seed_demo(&admin, today(), Utc::now()).await.unwrap();
    psql("rounds", "UPDATE report.freshness SET refreshed_at = now() - INTERVAL '3 days'");
    let age = |checks: Vec<clara_central::doctor::Check>| {
        checks.into_iter().find(|check| check.name == "reports").unwrap().health
    };
    assert_eq!(age(doctor(&admin).await.unwrap()), Health::Warn);
    psql("rounds", "UPDATE app.settings SET value = '\"2000-01-01\"' WHERE key = 'house_kept_on'");
    // Whoever touches a job on a new day wakes it.
    psql("rounds", "UPDATE jobs SET title = title || '.' WHERE id = (SELECT id FROM jobs ORDER BY id LIMIT 1)");
    assert_eq!(difference("rounds", "inspections_due"), "0");
    assert_eq!(age(doctor(&admin).await.unwrap()), Health::Ok);
}
