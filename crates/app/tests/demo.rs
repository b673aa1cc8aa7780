//! A technician's day in the demo company: real mirror, real files, no server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use clara_app::{App, File, Floor, Keyring, Options, SetClock};
use clara_contract::completeness::{CompletenessFilter, Drill};
use clara_contract::equipment::{CaptureField, JustifyField, ListEquipment, OpenEquipment};
use clara_contract::inspection::{
    CompleteInspection, Deficiency, DraftBody, InspectionSheet, ItemType, OpenInspection, SaveInspection,
};
use clara_contract::jobs::{CheckJobItem, CompleteJob, DeviceState, ListJobs, OpenJob};
use clara_contract::photos::{PhotoState, PhotoTarget};
use clara_contract::session::StartState;
use clara_contract::specs::{SearchSpecs, SpecScope};
use clara_contract::sync::{ListWork, WorkKind, WorkState};
use clara_contract::{Code, Empty};
use clara_domain::capture::FieldState;
use clara_domain::category::{JobStatus, Severity};
use clara_domain::limit::Verdict;
use clara_domain::{EquipmentId, JobId};

fn noon() -> DateTime<Utc> {
    "2026-11-18T17:00:00Z".parse().unwrap()
}

fn options(folder: &std::path::Path) -> Options {
    Options {
        profile: folder.to_owned(),
        keyring: Keyring::Off,
        clock: Arc::new(SetClock::new(noon())),
        floor: Floor::Safe,
        background: false,
    }
}

fn demo(folder: &std::path::Path) -> App {
    let app = App::new(options(folder));
    app.try_demo(Empty {}).unwrap();
    app
}

/// An open inspection job of today and an item of it that nobody has begun.
fn at_work(app: &App) -> (JobId, EquipmentId) {
    let jobs = app.list_jobs(ListJobs { status: None, mine: true, text: None, limit: None }).unwrap();
    for row in jobs.iter().filter(|job| matches!(job.status, JobStatus::Scheduled | JobStatus::InProgress)) {
        let sheet = app.open_job(OpenJob { job_id: row.job_id }).unwrap();
        if let Some(device) = sheet.devices.iter().find(|device| device.state == DeviceState::NotStarted) {
            return (row.job_id, device.equipment_id);
        }
    }
    panic!("the demo has no open job with an item to inspect");
}

fn open(app: &App, (job_id, equipment_id): (JobId, EquipmentId)) -> InspectionSheet {
    app.open_inspection(OpenInspection { job_id, equipment_id, template_id: None, amends: None }).unwrap()
}

/// Answers as a technician on a good day: in the middle of every limit.
fn good_answers(sheet: &InspectionSheet) -> DraftBody {
    let mut body = DraftBody { findings: "Clean and dry.".into(), ..DraftBody::default() };
    for item in sheet.sections.iter().flat_map(|section| &section.items) {
        let lows = [item.limits.min, item.limits.suspicious_min, item.limits.impossible_min];
        let highs = [item.limits.max, item.limits.suspicious_max, item.limits.impossible_max];
        let low = lows.into_iter().flatten().fold(f64::NEG_INFINITY, f64::max);
        let high = highs.into_iter().flatten().fold(f64::INFINITY, f64::min);
        let number = match (low.is_finite(), high.is_finite()) {
            (true, true) => (low + high) / 2.0,
            (true, false) => low + 1.13,
            (false, true) => high - 1.13,
            (false, false) => 40.3,
        };
        let answer = match item.item_type {
            ItemType::YesNo => "yes".to_owned(),
            ItemType::Choice => item.choices.first().cloned().unwrap_or_default(),
            ItemType::Number => format!("{number:.2}"),
            ItemType::Text => "K-4411".into(),
            ItemType::Date => "2026-08-01".into(),
            ItemType::Photo => {
                body.not_tested.insert(item.key.clone(), "no access".into());
                continue;
            }
            ItemType::Computed => continue,
        };
        body.answers.insert(item.key.clone(), answer);
        body.confirmed.push(item.key.clone());
    }
    body
}

fn picture(colour: [u8; 3]) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(640, 480, image::Rgb(colour)).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

#[test]
fn the_demo_opens_with_work_to_do_and_opens_again_as_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::new(options(folder.path()));
    assert!(matches!(app.start(Empty {}).unwrap().state, StartState::Fresh));
    let session = app.try_demo(Empty {}).unwrap();
    assert!(session.demo);
    let today = app.today(Empty {}).unwrap();
    assert_eq!(today.date, "2026-11-18");
    let now = today.now.expect("a job to go to");
    assert!(now.job.devices_total > 0 && !now.job.devices_words.is_empty());
    assert!(now.resume.is_some());

    let at = at_work(&app);
    let sheet = open(&app, at);
    app.save_inspection(SaveInspection { inspection_id: sheet.inspection_id, body: good_answers(&sheet) }).unwrap();
    app.close();
    drop(app);

    let again = App::new(options(folder.path()));
    let start = again.start(Empty {}).unwrap();
    assert!(matches!(start.state, StartState::Open));
    assert_eq!(start.session.unwrap().user_id, session.user_id);
    let back = open(&again, at);
    assert_eq!(back.inspection_id, sheet.inspection_id, "the same draft");
    assert_eq!(back.body, good_answers(&sheet), "every key of it");
}

#[test]
fn a_second_copy_on_the_same_profile_is_told_so_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = demo(folder.path());
    let second = App::new(options(folder.path()));
    let refused = second.start(Empty {}).unwrap_err();
    assert_eq!(refused.code, Code::SecondCopy);
    assert!(first.today(Empty {}).is_ok());
}

#[test]
fn an_inspection_is_drafted_judged_completed_and_then_never_changes() {
    let folder = tempfile::tempdir().unwrap();
    let app = demo(folder.path());
    let at = at_work(&app);
    let sheet = open(&app, at);
    assert!(!sheet.before_complete.is_empty(), "nothing is answered yet");
    assert_eq!(sheet.saved_at, None, "only looked at");
    assert!(app.list_work(ListWork::default()).unwrap().items.is_empty(), "looking at it is no work");
    let early = app.complete_inspection(CompleteInspection { inspection_id: sheet.inspection_id }).unwrap_err();
    assert_eq!(early.code, Code::NotAllowed);

    let mut body = good_answers(&sheet);
    body.deficiencies.push(Deficiency {
        id: uuid::Uuid::now_v7(),
        severity: Severity::Noncritical,
        text: "Sign faded".into(),
        action: Some("Replace the sign".into()),
        item_key: None,
    });
    let saved = app.save_inspection(SaveInspection { inspection_id: sheet.inspection_id, body }).unwrap();
    assert!(saved.before_complete.is_empty(), "{:?}", saved.before_complete);
    let verdicts: Vec<Verdict> = saved.sections.iter().flat_map(|s| &s.items).map(|item| item.verdict).collect();
    assert!(!verdicts.contains(&Verdict::Impossible));
    let work = app.list_work(ListWork::default()).unwrap().items;
    assert!(matches!(work.as_slice(), [one] if one.kind == WorkKind::Draft), "{work:?}");

    let target = PhotoTarget {
        equipment_id: None,
        job_id: None,
        inspection_id: Some(sheet.inspection_id),
        field_key: Some("photo".into()),
        caption: Some("Nameplate".into()),
    };
    let files = vec![
        File { name: "plate.png".into(), bytes: picture([200, 40, 40]) },
        File { name: "notes.txt".into(), bytes: b"not a picture".to_vec() },
        File { name: "gauge.png".into(), bytes: picture([40, 40, 200]) },
    ];
    let taken = app.take_photos(&target, files).unwrap();
    assert_eq!(taken.kept.len(), 2, "one bad file refuses only itself");
    assert_eq!(taken.refused.len(), 1);
    assert_eq!(taken.kept[0].state, PhotoState::Waiting);
    let (mime, bytes) = app.photo_bytes(taken.kept[0].photo_id, false).unwrap();
    assert_eq!((mime.as_str(), bytes.len() as u32), ("image/jpeg", taken.kept[0].byte_count));

    let done = app.complete_inspection(CompleteInspection { inspection_id: sheet.inspection_id }).unwrap();
    assert!(done.completion_percentage > 0.0);
    let shown = open(&app, at);
    assert!(shown.completed);
    assert_eq!(shown.photos.len(), 2);
    assert_eq!(shown.body.deficiencies.len(), 1);
    assert_eq!(shown.body.findings, "Clean and dry.");

    let late = app
        .save_inspection(SaveInspection { inspection_id: sheet.inspection_id, body: DraftBody::default() })
        .unwrap_err();
    assert_eq!(late.code, Code::NotAllowed);
    let twice = app.complete_inspection(CompleteInspection { inspection_id: sheet.inspection_id }).unwrap_err();
    assert_eq!(twice.code, Code::NotAllowed);

    let work = app.list_work(ListWork::default()).unwrap().items;
    let inspections = work.iter().filter(|item| item.kind == WorkKind::Inspection).count();
    let photos = work.iter().filter(|item| item.kind == WorkKind::Photo).count();
    assert_eq!((inspections, photos, work.len()), (1, 2, 3), "the log goes along with its inspection: {work:?}");
    assert!(work.iter().all(|item| item.state == WorkState::Saved));
    assert_eq!(app.sync_status(Empty {}).unwrap().only_here, 3, "the same count everywhere");

    let history = app.open_equipment(OpenEquipment { equipment_id: at.1 }).unwrap().history;
    assert!(history[0].saved_here && history[0].inspection_id == sheet.inspection_id);

    let amended = app
        .open_inspection(OpenInspection {
            job_id: at.0,
            equipment_id: at.1,
            template_id: None,
            amends: Some(sheet.inspection_id),
        })
        .unwrap();
    assert_ne!(amended.inspection_id, sheet.inspection_id);
    assert_eq!(amended.body.deficiencies.len(), 1, "an amendment begins with what was said");
}

#[test]
fn a_field_is_missing_then_justified_then_captured_and_the_percentage_follows() {
    let folder = tempfile::tempdir().unwrap();
    let app = demo(folder.path());
    let list = ListEquipment { text: None, category: None, location_id: None, gaps_only: true, limit: None };
    let rows = app.list_equipment(list).unwrap();
    let (row, field) = rows
        .iter()
        .find_map(|row| {
            let sheet = app.open_equipment(OpenEquipment { equipment_id: row.equipment_id }).unwrap();
            let field =
                sheet.fields.iter().find(|f| f.state == FieldState::Missing && f.field_key == "serial_number")?;
            Some((row.clone(), field.field_key.clone()))
        })
        .expect("a company with a missing serial number");
    let filter = CompletenessFilter { location_id: Some(row.location_id), ..CompletenessFilter::default() };
    let before = app.completeness(filter.clone()).unwrap();

    let id = row.equipment_id;
    let reason = Some("unreadable".to_owned());
    let justified = app.justify_field(JustifyField { equipment_id: id, field_key: field.clone(), reason }).unwrap();
    assert_eq!(justified.row.capture.missing, row.capture.missing - 1);
    assert_eq!(justified.row.capture.justified, row.capture.justified + 1);
    let between = app.completeness(filter.clone()).unwrap();
    assert!(between.percentage > before.percentage, "justified counts as done");

    let captured = app
        .capture_field(CaptureField {
            equipment_id: id,
            field_key: field.clone(),
            value: " SN-0042 ".into(),
            source: "typed".into(),
        })
        .unwrap();
    assert_eq!(captured.row.serial_number.as_deref(), Some("SN-0042"));
    assert_eq!(captured.row.capture.captured, row.capture.captured + 1);
    let plate = captured.plate.iter().find(|p| p.field_key == field).unwrap();
    assert_eq!((plate.source.as_deref(), &plate.reason), (Some("typed"), &None));
    assert!((app.completeness(filter).unwrap().percentage - between.percentage).abs() < 1e-9);

    let work = app.list_work(ListWork::default()).unwrap().items;
    assert_eq!(work.len(), 1, "two changes of one item that were never sent are one thing");

    let nul = CaptureField { equipment_id: id, field_key: field, value: "a\0b".into(), source: "typed".into() };
    let refused = app.capture_field(nul).unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), (Code::BadInput, Some("serial_number")));
}

#[test]
fn a_job_with_gaps_closes_only_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let app = demo(folder.path());
    let (job_id, _) = at_work(&app);
    let started = app.start_job(OpenJob { job_id }).unwrap();
    assert_eq!(started.job.status, JobStatus::InProgress);
    if let Some(item) = started.checklist.iter().find(|item| !item.done) {
        let ticked = app.check_job_item(CheckJobItem { job_id, key: item.key.clone(), done: true }).unwrap();
        assert!(ticked.checklist.iter().any(|line| line.key == item.key && line.done));
        assert_eq!(ticked.checklist.len(), started.checklist.len(), "the other lines stay");
    }
    assert!(!started.before_close.is_empty());
    let refused = app.complete_job(CompleteJob { job_id, reason: Some(" ".into()) }).unwrap_err();
    assert_eq!(refused.code, Code::NotAllowed);
    let closed = app.complete_job(CompleteJob { job_id, reason: Some("Tenant locked the riser room".into()) }).unwrap();
    assert_eq!(closed.job.status, JobStatus::Completed);
    assert!(closed.ended_at.is_some());
    assert!(app.complete_job(CompleteJob { job_id, reason: Some("again".into()) }).is_err());
}

#[test]
fn a_managers_numbers_open_into_the_rows_behind_them() {
    let folder = tempfile::tempdir().unwrap();
    let app = demo(folder.path());
    let page = app.completeness(CompletenessFilter::default()).unwrap();
    let cells = |category: &clara_contract::completeness::CategoryCompleteness| -> u32 {
        category.cells.iter().map(|cell| cell.count.missing).sum()
    };
    assert_eq!(page.total.missing, page.categories.iter().map(cells).sum::<u32>());
    assert_eq!(page.total.missing, page.sites.iter().map(|site| site.count.missing).sum::<u32>());
    let drill = Drill { filter: CompletenessFilter::default(), field_key: None, limit: Some(10_000) };
    let rows = app.drill_completeness(drill).unwrap();
    assert_eq!(page.total.missing as usize, rows.iter().map(|row| row.missing.len()).sum::<usize>());
    let csv = app.export_completeness(CompletenessFilter::default()).unwrap();
    let items: u32 = page.categories.iter().map(|category| category.items).sum();
    assert_eq!(csv.text.matches("\r\n").count() as u32, items + 1, "one line for each item and the head");
}

#[test]
fn half_a_model_number_with_look_alikes_finds_the_model_and_its_problems() {
    let folder = tempfile::tempdir().unwrap();
    let app = demo(folder.path());
    let search = |text: &str| {
        app.search_specs(SearchSpecs { text: text.into(), within: SpecScope::All, location_id: None, limit: None })
            .unwrap()
    };
    let some = search("a").models.first().cloned().or_else(|| search("1").models.first().cloned()).unwrap();
    let mangled: String = some
        .model_number
        .chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| match c {
            '0' => 'O',
            'O' => '0',
            '1' => 'l',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    let found = search(&mangled);
    assert!(found.models.iter().any(|model| model.model_id == some.model_id), "{mangled} for {}", some.model_number);
}

#[test]
fn what_is_called_by_name_is_the_same_as_what_is_called_in_rust() {
    let folder = tempfile::tempdir().unwrap();
    let app = demo(folder.path());
    let by_name = app.call("today", serde_json::json!({})).unwrap();
    assert_eq!(by_name, serde_json::to_value(app.today(Empty {}).unwrap()).unwrap());
    assert_eq!(app.call("nonsense", serde_json::json!({})).unwrap_err().code, Code::BadInput);
    assert_eq!(app.call("open_job", serde_json::json!({"job_id": 7})).unwrap_err().code, Code::BadInput);
    for command in clara_contract::COMMANDS {
        let answer = app.call(command, serde_json::json!({"nonsense": true}));
        assert!(!matches!(answer, Err(failure) if failure.message.contains("No command")), "{command} is there");
    }
}

#[test]
fn a_save_that_races_with_completion_is_in_the_record_or_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let app = demo(folder.path());
    let at = at_work(&app);
    let sheet = open(&app, at);
    let body = good_answers(&sheet);
    let save = |app: &App, findings: String| {
        let body = DraftBody { findings, ..body.clone() };
        app.save_inspection(SaveInspection { inspection_id: sheet.inspection_id, body })
    };
    save(&app, "0".into()).unwrap();
    let last_kept = std::thread::scope(|scope| {
        let saver = scope.spawn(|| {
            let mut kept = 0;
            for number in 1..200 {
                match save(&app, number.to_string()) {
                    Ok(_) => kept = number,
                    Err(failure) => {
                        assert_eq!(failure.code, Code::NotAllowed);
                        break;
                    }
                }
            }
            kept
        });
        app.complete_inspection(CompleteInspection { inspection_id: sheet.inspection_id }).unwrap();
        saver.join().unwrap()
    });
    let record = open(&app, at);
    assert!(record.completed, "no save brought a draft back");
    assert_eq!(record.body.findings, last_kept.to_string(), "the last acknowledged save is what was completed");
}
