//! A manager decides about work that waits, and what hangs on it goes the same way.

use clara_domain::mirror::Entity::{InspectionRecords, ParkedOperations, Photos};
use clara_local::OpState;
use clara_tests::{Company, Device, assert_same, ids};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::found;

/// The school is Ben's from now on.
fn take_school_from(company: &Company) {
    company.office(&format!(
        "UPDATE jobs SET assigned_technician_id = '{}' WHERE id = '{}'",
        ids::BEN,
        ids::SCHOOL_JOB
    ));
}

/// A photo of which nothing but its inspection says where it belongs.
fn picture(device: &mut Device, inspection: Uuid) -> Uuid {
    let id = Uuid::now_v7();
    let fields = json!({"inspection_id": inspection, "caption": "Seal", "sha256": "ab".repeat(32), "mime": "image/jpeg",
                        "byte_count": 3, "width": 10, "height": 10});
    device.add(Photos, id, inspection, fields);
    id
}

fn amend(device: &mut Device, inspection: Uuid, findings: &str) -> Uuid {
    let id = Uuid::now_v7();
    let fields = json!({
        "job_id": ids::SCHOOL_JOB, "equipment_id": ids::item(4), "inspector_id": ids::ANA,
        "inspection_date": "2026-03-02", "inspection_type": "annual", "passed": false, "findings": findings,
        "amends_inspection_id": inspection,
    });
    device.add(InspectionRecords, id, id, fields);
    id
}

/// The parked operation about a row.
fn parked(company: &Company, row: Uuid) -> Uuid {
    company
        .office(&format!("SELECT id FROM sync.parked WHERE row_id = '{row}' ORDER BY received_at LIMIT 1"))
        .parse()
        .unwrap()
}

fn undecided(company: &Company) -> String {
    company.office("SELECT count(*) FROM sync.parked WHERE decision IS NULL")
}

/// Of all that is not settled.
fn states(device: &Device) -> Vec<OpState> {
    device.mirror().read(|read| read.outbox()).unwrap().into_iter().map(|line| line.state).collect()
}

#[test]
fn declining_an_inspection_declines_all_that_hangs_on_it_and_nothing_else() {
    let company = found();
    let (mut ana, mut mo) = (Device::enroll(&company, ids::ANA), Device::enroll(&company, ids::MO));
    ana.sync();
    mo.sync();

    let inspection = ana.inspect(ids::SCHOOL_JOB, ids::item(4), "Seal weeps");
    let photo = picture(&mut ana, inspection);
    // Between the photo and its change: a change of what was saved last is drawn into it.
    picture(&mut ana, inspection);
    ana.change(Photos, photo, json!({"caption": "Seal, from below"}));
    let amended = amend(&mut ana, inspection, "Seal weeps badly");
    picture(&mut ana, amended);
    let other = ana.inspect(ids::SCHOOL_JOB, ids::item(5), "Another matter");
    let kept = picture(&mut ana, other);
    take_school_from(&company);
    let report = ana.sync();
    assert_eq!(report.receipts.get("parked"), Some(&8), "{:?}", report.receipts);

    mo.sync();
    let decision = parked(&company, inspection);
    mo.change(ParkedOperations, decision, json!({"decision": "declined", "decision_note": "Wrong building"}));
    mo.sync();
    assert_eq!(undecided(&company), "2", "the other inspection and its photo still wait");
    let declined = company.office(
        "SELECT string_agg(DISTINCT decision || ' by ' || decided_by || ': ' || decision_note, ', '), count(*)
         FROM sync.parked WHERE decision IS NOT NULL",
    );
    assert_eq!(declined, format!("declined by {}: Wrong building|6", ids::MO));

    ana.sync();
    let mine = ana.rows(ParkedOperations);
    let told = mine.iter().filter(|row| ana.value(ParkedOperations, row.id, "decision") == json!("declined"));
    assert_eq!(told.count(), 6, "the author reads of each");
    assert_eq!(states(&ana), [OpState::Parked; 2], "and has nothing of it waiting");
    let declined = ana.mirror().read(|read| read.outbox_in(OpState::Declined)).unwrap();
    assert_eq!(declined.len(), 6, "what was declined is kept all the same");
    assert!(ana.see(InspectionRecords, inspection).is_none() && ana.see(InspectionRecords, other).is_none());

    let decision = parked(&company, other);
    mo.change(ParkedOperations, decision, json!({"decision": "accepted"}));
    mo.sync();
    assert_eq!(undecided(&company), "0");
    assert_eq!(company.office("SELECT string_agg(id::text, ',') FROM photos"), kept.to_string());
    ana.sync();
    assert_same(&mut ana);
    mo.sync();
    assert_same(&mut mo);
}

#[test]
fn accepting_an_inspection_brings_all_that_hangs_on_it_in_the_order_of_its_making() {
    let company = found();
    let (mut ana, mut mo) = (Device::enroll(&company, ids::ANA), Device::enroll(&company, ids::MO));
    ana.sync();
    mo.sync();
    let inspection = ana.inspect(ids::SCHOOL_JOB, ids::item(4), "Seal weeps");
    let photo = picture(&mut ana, inspection);
    // Between the photo and its change: a change of what was saved last is drawn into it.
    picture(&mut ana, inspection);
    ana.change(Photos, photo, json!({"caption": "Seal, from below"}));
    let amended = amend(&mut ana, inspection, "Seal weeps badly");
    let again = amend(&mut ana, amended, "Seal is gone");
    let last = picture(&mut ana, again);
    take_school_from(&company);
    let report = ana.sync();
    assert_eq!(report.receipts.get("parked"), Some(&7), "{:?}", report.receipts);

    mo.sync();
    let decision = parked(&company, inspection);
    mo.change(ParkedOperations, decision, json!({"decision": "accepted"}));
    mo.sync();
    assert_eq!(undecided(&company), "0");
    assert_eq!(
        company.office(&format!("SELECT caption FROM photos WHERE id = '{photo}'")),
        "Seal, from below",
        "the change came after what it changes"
    );
    let chain = company.office(&format!(
        "SELECT i.findings || ' < ' || a.findings || ' < ' || b.findings || ' with ' || p.id
         FROM inspection_records i JOIN inspection_records a ON a.amends_inspection_id = i.id
         JOIN inspection_records b ON b.amends_inspection_id = a.id JOIN photos p ON p.inspection_id = b.id
         WHERE i.id = '{inspection}' AND i.inspector_id = '{}'",
        ids::ANA
    ));
    assert_eq!(chain, format!("Seal weeps < Seal weeps badly < Seal is gone with {last}"));
    ana.sync();
    assert_same(&mut ana);
    mo.sync();
    assert_same(&mut mo);
}

#[test]
fn an_inspection_and_its_amendments_go_up_in_one_push() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let inspection = ana.inspect(ids::SCHOOL_JOB, ids::item(4), "First look");
    let second = amend(&mut ana, inspection, "Second look");
    let third = amend(&mut ana, second, "Third look");
    let refused = Uuid::now_v7();
    // Of an inspection that nobody knows: refused, and what amends it with it.
    let stray = amend(&mut ana, refused, "Of nothing");
    amend(&mut ana, stray, "Of what was refused");
    let report = ana.sync();
    assert_eq!(report.receipts.get("applied"), Some(&3), "{:?}", report.receipts);
    assert_eq!(report.receipts.get("rejected"), Some(&2), "and what amends what was refused: {:?}", report.receipts);
    for (id, amends) in [(second, inspection), (third, second)] {
        assert_eq!(ana.value(InspectionRecords, id, "amends_inspection_id"), json!(amends));
        assert_eq!(
            company.office(&format!("SELECT amends_inspection_id FROM inspection_records WHERE id = '{id}'")),
            amends.to_string()
        );
    }
    assert_eq!(ana.value(InspectionRecords, inspection, "amends_inspection_id"), Value::Null);
}
