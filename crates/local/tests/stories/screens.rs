use chrono::NaiveDate;
use clara_domain::capture::FieldState;
use clara_domain::mirror::Entity;
use clara_domain::{EquipmentId, InspectionId, JobId, UserId};
use clara_local::table::capture::{CaptureFilter, Dimension};
use clara_local::table::equipment::EquipmentFilter;
use clara_local::table::jobs::JobFilter;
use clara_sync::Replica;
use serde_json::json;

use crate::desk::*;

#[test]
fn a_day_shows_its_jobs_with_what_is_done_and_what_is_only_here() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let day = NaiveDate::from_ymd_opt(2026, 9, 21).unwrap();
    let jobs = || mirror.read(|r| r.jobs_of(Some(UserId(id(ME))), day, day)).unwrap();
    let before = jobs().remove(0);
    assert_eq!((before.equipment_total, before.equipment_inspected, before.drafts, before.only_here), (1, 0, 0, false));
    assert_eq!((before.location_name.as_str(), before.customer_name.as_str()), ("Tower 51", "Harborview Towers"));
    draft(&mirror, 0x99, json!({}));
    assert_eq!(jobs()[0].drafts, 1);
    complete(&mirror, 0x99);
    write(&mirror, |tx| tx.update(Entity::Jobs, id(JOB), id(JOB), fields(json!({"job_status": "in_progress"}))));
    let after = jobs().remove(0);
    assert_eq!((after.equipment_inspected, after.drafts, after.only_here), (1, 0, true));
    assert!(mirror.read(|r| r.jobs_of(Some(UserId(id(0xbad))), day, day)).unwrap().is_empty());
    let by_text =
        |text| mirror.read(|r| r.jobs(&JobFilter { text: Some(text), ..JobFilter::default() })).unwrap().len();
    assert_eq!((by_text("harbor"), by_text("%"), by_text("J_10")), (1, 0, 0));
}

#[test]
fn a_job_page_has_its_site_and_every_item_with_its_last_visit() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    draft(&mirror, 0x98, json!({}));
    complete(&mirror, 0x98);
    draft(&mirror, 0x99, json!({}));
    let page = mirror.read(|r| r.job(JobId(id(JOB)))).unwrap().unwrap();
    assert_eq!(page.site.unwrap().access_notes.as_deref(), Some("Key at SECURITYDESK"));
    let item = &page.equipment[0];
    assert_eq!(item.equipment.last_inspected.as_deref(), Some("2026-09-21"));
    assert_eq!(
        (item.passed, item.inspection_id, item.draft_id),
        (Some(true), Some(InspectionId(id(0x98))), Some(InspectionId(id(0x99))))
    );
    let history = mirror.read(|r| r.history(EquipmentId(id(PUMP)), 10)).unwrap();
    assert!(history[0].only_here && history[0].inspector.as_deref() == Some("Ana Reyes"));
    let day = NaiveDate::from_ymd_opt(2026, 9, 21).unwrap();
    assert!(
        mirror.read(|r| r.last_before(EquipmentId(id(PUMP)), day, None)).unwrap().is_none(),
        "today is not last time"
    );
    let found = mirror
        .read(|r| r.equipment_list(&EquipmentFilter { text: Some("fp1 tower"), ..EquipmentFilter::default() }))
        .unwrap();
    assert_eq!(found.len(), 1, "its tag is FP-1");
}

#[test]
fn completeness_counts_captured_justified_and_missing_by_site_job_technician_and_category() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let requirements: Vec<_> = [("serial_number", 2), ("components.belt_size", 1), ("installation_date", 1), ("photo", 1)]
        .iter()
        .zip(1..)
        .map(|((key, weight), n)| row(Entity::CaptureRequirements, n, 1, json!({
            "equipment_category": "fire_pump", "field_key": key, "label": key, "weight": weight, "position": n,
            "condition": if *key == "components.belt_size" { json!({"components.drive": "belt"}) } else { json!(null) },
        })))
        .collect();
    mirror.apply_pull(&pull("110:110:", vec![(Entity::CaptureRequirements, requirements)])).unwrap();
    edit(&mirror, PUMP, json!({"metadata": {"not_captured": {"installation_date": "unreadable"}}}));
    let states: Vec<_> =
        mirror.read(|r| r.capture_of(EquipmentId(id(PUMP)))).unwrap().iter().map(|f| f.state).collect();
    assert_eq!(states, [FieldState::Captured, FieldState::Captured, FieldState::Justified, FieldState::Missing]);
    for (dimension, name) in [
        (Dimension::Site, "Tower 51"),
        (Dimension::Category, "fire_pump"),
        (Dimension::Job, "J-10"),
        (Dimension::Technician, "Ana Reyes"),
    ] {
        let groups = mirror.read(|r| r.completeness_by(dimension, &CaptureFilter::default())).unwrap();
        assert_eq!(groups.len(), 1);
        let totals = groups[0].totals;
        assert_eq!((groups[0].name.as_str(), totals.captured, totals.justified, totals.missing), (name, 2, 1, 1));
        assert!((totals.percentage() - 80.0).abs() < 1e-9);
    }
    let none = mirror
        .read(|r| {
            r.completeness_by(
                Dimension::Site,
                &CaptureFilter { job: Some(JobId(id(0xbad))), ..CaptureFilter::default() },
            )
        })
        .unwrap();
    assert!(none.is_empty());
}

#[test]
fn the_sync_figures_say_what_is_only_here() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"notes": "n"}));
    draft(&mirror, 0x99, json!({}));
    let figures = mirror.read(|r| r.sync_figures(later(60))).unwrap();
    assert_eq!((figures.pending, figures.drafts, figures.on_server_week), (1, 1, 0));
    assert_eq!(figures.oldest_unsent_at, Some(now()));
    let line = mirror.read(|r| r.outbox()).unwrap().remove(0);
    assert_eq!(
        (line.equipment_name.as_deref(), line.location_name.as_deref(), line.changeable),
        (Some("FP-1"), Some("Tower 51"), true)
    );
    push(&mut mirror, "150");
    let figures = mirror.read(|r| r.sync_figures(later(60))).unwrap();
    assert_eq!((figures.pending, figures.on_server_week, figures.last_receipt_at), (0, 1, Some(later(60))));
}
