//! What becomes of an operation on the server, and that it happens once.
#![allow(clippy::unwrap_used)]

mod company;

use clara_domain::mirror::Entity;
use clara_domain::operation::Outcome;
use clara_sync::CentralError;
use company::{ANNA, BEN, Company, MARA, id, job, pump, site, told, user};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn an_inspection_with_its_log_and_photo_takes_effect_in_one_push() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let inspection = anna.inspection(1);
    let photo = Uuid::now_v7();
    let batch = [
        anna.insert(Entity::Photos, photo, json!({
            "inspection_id": inspection.row_id, "job_id": job(1), "equipment_id": pump(1), "location_id": site(1),
            "sha256": "ab".repeat(32), "mime": "image/jpeg", "byte_count": 10, "taken_at": "2026-11-22T09:00:00.000000Z",
        })),
        inspection.clone(),
        anna.insert(Entity::DataCaptureLogs, Uuid::now_v7(), json!({
            "job_id": job(1), "equipment_id": pump(1), "technician_id": user(ANNA), "captured_fields": ["serial_number"],
            "missing_fields": [], "completion_percentage": 100.0, "captured_at": "2026-11-22T09:30:00Z",
        })),
        anna.insert(Entity::PerformanceMetrics, Uuid::now_v7(), json!({
            "function_name": "inspection.complete", "duration_ms": 4.5, "success": true,
        })),
    ];
    let receipts = anna.push(&batch).await;
    assert!(receipts.iter().all(|r| told(r) == (Outcome::Applied, None) && r.applied_xid.is_some()), "{receipts:?}");
    assert_eq!(receipts[1].row_ver, Some(company.version("inspection_records", inspection.row_id)));
    let row = company.sql(
        "SELECT i.inspector_id = j.assigned_technician_id, i.location_id = j.location_id, i.measurements,
            i.photo_urls, p.created_by = i.inspector_id, p.state
         FROM inspection_records i JOIN jobs j ON j.id = i.job_id JOIN photos p ON p.inspection_id = i.id",
    );
    assert_eq!(row, r#"t|t|{"churn_psi": 128.5}|[]|t|waiting"#);
    assert_eq!(company.sql("SELECT count(*) FROM performance_metrics"), "1");
    assert_eq!(company.sql("SELECT string_agg(outcome, ',') FROM sync.op"), "applied,applied,applied,applied");
}

#[tokio::test]
async fn an_operation_sent_again_gets_its_old_receipt_and_no_second_effect() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let mut inspection = anna.inspection(1);
    let refused = anna.insert(Entity::InspectionRecords, Uuid::now_v7(), json!({"job_id": job(1), "bogus": 1}));
    let first = anna.push(&[inspection.clone(), refused.clone()]).await;
    // The measured clock is not part of what was said.
    inspection.clock_offset_ms = Some(99);
    let again = anna.push(&[inspection.clone(), refused]).await;
    for (first, again) in first.iter().zip(&again) {
        assert!(again.duplicate && !first.duplicate);
        assert_eq!(&clara_domain::operation::Receipt { duplicate: false, ..again.clone() }, first);
    }
    assert_eq!(company.sql("SELECT count(*) FROM inspection_records"), "1");
    inspection.new.insert("findings".into(), json!("changed after it was sent"));
    let changed = anna.push_one(&inspection).await;
    assert_eq!(told(&changed), (Outcome::Rejected, Some("op_changed")));
}

#[tokio::test]
async fn a_push_sent_twice_at_the_same_time_takes_effect_once() {
    let company = Company::open().await;
    let (mut anna, mut copy) = (company.laptop(ANNA), company.laptop(ANNA));
    let batch: Vec<_> = (0..20).map(|_| anna.inspection(1)).collect();
    let (one, two) = tokio::join!(anna.try_push(&batch), copy.try_push(&batch));
    let duplicates = |receipts: &[clara_domain::operation::Receipt]| receipts.iter().filter(|r| r.duplicate).count();
    assert_eq!(duplicates(&one.unwrap()) + duplicates(&two.unwrap()), 20, "one of them found the other's receipts");
    assert_eq!(company.sql("SELECT count(*) FROM inspection_records"), "20");
}

#[tokio::test]
async fn one_place_in_history_with_two_contents_is_a_copied_laptop_and_nothing_of_it_is_taken() {
    let company = Company::open().await;
    let (mut anna, mut copy) = (company.laptop(ANNA), company.laptop(ANNA));
    let original = anna.inspection(1);
    anna.push_one(&original).await;
    let theirs = [copy.inspection(1), copy.inspection(1)];
    let refusal = copy.try_push(&theirs).await.unwrap_err();
    assert!(matches!(&refusal, CentralError::DeviceRefused(code) if code == "device_cloned"), "{refusal:?}");
    assert_eq!(company.sql("SELECT count(*) FROM inspection_records"), "1");
    let more = [anna.inspection(1)];
    assert!(anna.try_push(&more).await.is_err(), "nobody can tell which of the two is the original");
    assert_eq!(company.sql("SELECT count(*) FROM sync.device WHERE cloned_at IS NOT NULL"), "1");
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_by_name_and_holds_up_nothing_else() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let mut deep = json!(1);
    for _ in 0..64 {
        deep = json!([deep]);
    }
    let mut bad = |change: serde_json::Value| {
        let mut operation = anna.inspection(1);
        for (name, value) in change.as_object().unwrap() {
            operation.new.insert(name.clone(), value.clone());
        }
        operation
    };
    let cases = [
        (bad(json!({"bogus": 1})), "unknown_field", Some("bogus")),
        (bad(json!({"deleted_at": "2026-01-01T00:00:00Z"})), "not_writable", Some("deleted_at")),
        (bad(json!({"inspection_date": "2026-02-30"})), "bad_value", Some("inspection_date")),
        (bad(json!({"inspection_date": null})), "missing_value", Some("inspection_date")),
        (bad(json!({"passed": "perhaps"})), "bad_value", Some("passed")),
        (bad(json!({"inspection_type": "x".repeat(256)})), "too_long", Some("inspection_type")),
        (bad(json!({"job_id": Uuid::now_v7()})), "missing_reference", Some("job_id")),
        (bad(json!({"equipment_id": Uuid::now_v7()})), "missing_reference", Some("equipment_id")),
        (bad(json!({"template_id": Uuid::now_v7()})), "missing_reference", Some("template_id")),
        (bad(json!({"inspector_id": user(BEN)})), "not_yours", Some("inspector_id")),
        (bad(json!({"metadata": {"deep": deep}})), "too_deep", Some("metadata")),
        (bad(json!({"findings": "a\0b"})), "bad_value", Some("findings")),
    ];
    let good = anna.inspection(1);
    let mut batch: Vec<_> = cases.iter().map(|(operation, ..)| operation.clone()).collect();
    batch.insert(6, good.clone());
    let receipts = anna.push(&batch).await;
    for receipt in &receipts {
        if receipt.op_id == good.op_id {
            assert_eq!(told(receipt), (Outcome::Applied, None));
            continue;
        }
        let (_, code, field) = cases.iter().find(|(operation, ..)| operation.op_id == receipt.op_id).unwrap();
        assert_eq!(
            (receipt.outcome, receipt.code.as_deref(), receipt.field.as_deref()),
            (Outcome::Rejected, Some(*code), *field)
        );
        let message = receipt.message.as_deref().unwrap();
        assert!(message.ends_with('.') && !message.contains("SQL") && !message.contains("perhaps"), "{message}");
    }
}

#[tokio::test]
async fn a_text_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let limit = clara_domain::MAX_TEXT_BYTES;
    let (mut fits, mut over) = (anna.inspection(1), anna.inspection(1));
    fits.new.insert("findings".into(), json!("x".repeat(limit)));
    over.new.insert("findings".into(), json!("x".repeat(limit + 1)));
    assert_eq!(told(&anna.push_one(&fits).await), (Outcome::Applied, None));
    let receipt = anna.push_one(&over).await;
    assert_eq!(receipt.outcome, Outcome::Rejected);
    assert_eq!(company.sql("SELECT max(length(findings)) FROM inspection_records"), limit.to_string());
}

#[tokio::test]
async fn a_completed_inspection_is_immutable_and_an_amendment_is_a_new_one() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let inspection = anna.inspection(1);
    let change =
        anna.update(Entity::InspectionRecords, inspection.row_id, 1, json!({"passed": true}), json!({"passed": false}));
    let mut amendment = anna.inspection(1);
    amendment.new.insert("amends_inspection_id".into(), json!(inspection.row_id));
    assert_eq!(told(&anna.push_one(&inspection).await), (Outcome::Applied, None));
    let receipts = anna.push(&[change, amendment.clone()]).await;
    assert_eq!(told(&receipts[0]), (Outcome::Rejected, Some("immutable")));
    assert_eq!(told(&receipts[1]), (Outcome::Applied, None));
    let mut other = anna.inspection(1);
    other.row_id = inspection.row_id;
    other.new.insert("inspection_date".into(), json!("2024-03-01"));
    assert_eq!(
        told(&anna.push_one(&other).await),
        (Outcome::Rejected, Some("exists")),
        "not even in another partition"
    );
}

#[tokio::test]
async fn a_technician_writes_what_is_seen_on_site_and_the_office_what_is_scheduled() {
    let company = Company::open().await;
    let (mut anna, mut mara) = (company.laptop(ANNA), company.laptop(MARA));
    let (job_ver, site_ver) = (company.version("jobs", job(1)), company.version("locations", site(1)));
    let pump_ver = company.version("equipment_inventory", pump(1));
    let batch = [
        anna.update(
            Entity::Jobs,
            job(1),
            job_ver,
            json!({"job_status": "scheduled"}),
            json!({"job_status": "in_progress"}),
        ),
        anna.update(Entity::Jobs, job(1), job_ver, json!({"priority": "normal"}), json!({"priority": "urgent"})),
        anna.update(
            Entity::Locations,
            site(1),
            site_ver,
            json!({"access_notes": "Ring twice"}),
            json!({"access_notes": "Gate code 12"}),
        ),
        anna.update(
            Entity::Locations,
            site(1),
            site_ver,
            json!({"address": "1 Main Street"}),
            json!({"address": "2 Main Street"}),
        ),
        anna.update(Entity::Users, user(ANNA), 1, json!({"role": "technician"}), json!({"role": "admin"})),
        anna.update(Entity::Manufacturers, id("9"), 1, json!({"name": "a"}), json!({"name": "b"})),
        anna.delete(Entity::EquipmentInventory, pump(1), pump_ver),
        anna.insert(Entity::EquipmentInventory, id("e1"), json!({"location_id": site(2), "serial_number": "N1"})),
        anna.insert(Entity::JobEquipment, id("f1"), json!({"job_id": job(2), "equipment_id": id("e1")})),
        anna.insert(Entity::Customers, id("c9"), json!({"company_name": "mine"})),
    ];
    let receipts = anna.push(&batch).await;
    let told_all: Vec<_> = receipts.iter().map(|r| (r.outcome, r.code.as_deref())).collect();
    assert_eq!(
        told_all,
        [
            (Outcome::Applied, None),
            (Outcome::Rejected, Some("not_writable")),
            (Outcome::Applied, None),
            (Outcome::Rejected, Some("not_writable")),
            (Outcome::Rejected, Some("not_allowed")),
            (Outcome::Rejected, Some("not_allowed")),
            (Outcome::Rejected, Some("not_allowed")),
            (Outcome::Applied, None),
            (Outcome::Applied, None),
            (Outcome::Rejected, Some("not_allowed")),
        ]
    );
    let office = mara.update(
        Entity::Jobs,
        job(3),
        company.version("jobs", job(3)),
        json!({"priority": "normal"}),
        json!({"priority": "urgent"}),
    );
    assert_eq!(told(&mara.push_one(&office).await), (Outcome::Applied, None), "at every site");
    assert_eq!(company.sql("SELECT priority FROM jobs WHERE job_number = 'J-3'"), "urgent");
}

#[tokio::test]
async fn work_of_a_site_that_left_scope_waits_for_a_manager_and_takes_effect_in_its_authors_name() {
    let company = Company::open().await;
    let (mut anna, mut mara) = (company.laptop(ANNA), company.laptop(MARA));
    company.sql(
        "UPDATE jobs SET assigned_technician_id = '00000000-0000-4000-8000-000000000002' WHERE job_number = 'J-1'",
    );
    let pump_new =
        anna.insert(Entity::EquipmentInventory, id("e1"), json!({"location_id": site(1), "serial_number": "N1"}));
    let mut inspection = anna.inspection(1);
    inspection.new.insert("equipment_id".into(), json!(id("e1")));
    let photo = anna.insert(
        Entity::Photos,
        Uuid::now_v7(),
        json!({
            "inspection_id": inspection.row_id, "sha256": "cd".repeat(32), "mime": "image/png", "byte_count": 3,
        }),
    );
    let note =
        anna.update(Entity::EquipmentInventory, pump(1), 1, json!({"notes": null}), json!({"notes": "seal leaks"}));
    let elsewhere = anna.inspection(2);
    let receipts = anna.push(&[pump_new.clone(), inspection.clone(), photo.clone(), note.clone(), elsewhere]).await;
    let told_all: Vec<_> = receipts.iter().map(|r| (r.outcome, r.code.as_deref())).collect();
    assert_eq!(
        told_all,
        [
            (Outcome::Parked, Some("out_of_scope")),
            (Outcome::Parked, Some("parent_parked")),
            (Outcome::Parked, Some("parent_parked")),
            (Outcome::Parked, Some("out_of_scope")),
            (Outcome::Applied, None),
        ]
    );
    assert_eq!(company.sql("SELECT count(*) FROM inspection_records"), "1");

    let parked =
        |op: Uuid| company.sql(&format!("SELECT id FROM sync.parked WHERE op_id = '{op}'")).parse::<Uuid>().unwrap();
    let mine = anna.update(
        Entity::ParkedOperations,
        parked(note.op_id.0),
        1,
        json!({"decision": null}),
        json!({"decision": "accept"}),
    );
    assert_eq!(told(&anna.push_one(&mine).await), (Outcome::Rejected, Some("not_allowed")), "not by the author");

    let accept = mara.update(
        Entity::ParkedOperations,
        parked(pump_new.op_id.0),
        1,
        json!({"decision": null}),
        json!({"decision": "accept"}),
    );
    let decline = mara.update(
        Entity::ParkedOperations,
        parked(note.op_id.0),
        1,
        json!({"decision": null, "decision_note": null}),
        json!({"decision": "decline", "decision_note": "another pump"}),
    );
    let receipts = mara.push(&[accept, decline]).await;
    assert!(receipts.iter().all(|r| told(r) == (Outcome::Applied, None)), "{receipts:?}");
    let row = company.sql(
        "SELECT i.inspector_id, e.serial_number, p.created_by FROM equipment_inventory e
         JOIN inspection_records i ON i.equipment_id = e.id JOIN photos p ON p.inspection_id = i.id",
    );
    assert_eq!(row, format!("{}|N1|{}", user(ANNA), user(ANNA)), "the inspection and its photo followed their pump");
    assert_eq!(company.sql("SELECT notes IS NULL FROM equipment_inventory WHERE serial_number = 'SN-1'"), "t");
    let decisions = company.sql("SELECT string_agg(decision, ',' ORDER BY received_at, decision) FROM sync.parked");
    assert_eq!(decisions, "accepted,accepted,accepted,declined");
    let again = mara.update(
        Entity::ParkedOperations,
        parked(note.op_id.0),
        2,
        json!({"decision": null}),
        json!({"decision": "accept"}),
    );
    assert_eq!(told(&mara.push_one(&again).await), (Outcome::Rejected, Some("already_decided")));
}

#[tokio::test]
async fn a_laptop_that_is_not_this_persons_or_was_revoked_pushes_nothing() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    anna.device = company.laptop(BEN).device;
    let batch = [anna.inspection(1)];
    let refusal = anna.try_push(&batch).await.unwrap_err();
    assert!(matches!(refusal, CentralError::DeviceRefused(_)), "{refusal:?}");
    company.sql("UPDATE sync.device SET revoked_at = now()");
    let mut anna = company.laptop(ANNA);
    let refusal = anna.try_push(&batch).await.unwrap_err();
    assert!(matches!(refusal, CentralError::DeviceRefused(_)), "{refusal:?}");
}

#[tokio::test]
async fn a_laptop_role_has_no_other_way_to_write() {
    let company = Company::open().await;
    for statement in [
        "INSERT INTO inspection_records (job_id, inspection_date) VALUES ('00000000-0000-4000-8000-000000000201', now())",
        "UPDATE jobs SET title = 'x'",
        "DELETE FROM photos",
        "INSERT INTO sync.op DEFAULT VALUES",
        "UPDATE sync.conflict SET resolution = 'server'",
        "SELECT sync.write_row('jobs', '00000000-0000-4000-8000-000000000201', '{\"title\": \"x\"}')",
        "SELECT sync.insert_batch('jobs', '{}', NULL)",
        "SELECT * FROM sync.photo_chunk",
        "SELECT * FROM sync.op",
        "SELECT * FROM sync.field_policy",
    ] {
        let refused = company.cluster().access().psql_as("anna", "anna", &company.database, statement);
        let reason = format!("{:?}", refused.unwrap_err());
        assert!(reason.contains("permission denied"), "{statement}: {reason}");
    }
}

/// Whatever the laptop's validator lets pass, the server keeps and gives back.
#[tokio::test]
async fn odd_but_valid_values_survive_the_journey() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let mut nested = json!("bottom");
    for _ in 0..31 {
        nested = json!({"level": [nested]});
    }
    let values = [
        json!({"numbers": [0.1, -0.0, 1e308, 5e-324, i64::MAX, i64::MIN, u64::MAX, 1.5e-7]}),
        json!({"texts": ["", " ", "\u{1}\u{7f}", "\u{fffe}\u{ffff}", "'; DROP TABLE jobs; --", "$$ \\ \" \\u0000 %s", "é e\u{301}"]}),
        json!({"消防 ポンプ": {"👩🏽‍🚒": null, "\u{202e}": [], "": {}}}),
        json!({"nested": nested}),
        json!({"long": "x".repeat(100_000)}),
    ];
    let batch: Vec<_> = values
        .iter()
        .map(|value| {
            let mut operation = anna.inspection(1);
            clara_domain::check_json(value).unwrap();
            operation.new.insert("measurements".into(), value.clone());
            operation.new.insert("findings".into(), json!(value.to_string()));
            operation
        })
        .collect();
    let receipts = anna.push(&batch).await;
    assert!(receipts.iter().all(|r| told(r) == (Outcome::Applied, None)), "{receipts:?}");
    let ids: Vec<_> = batch.iter().map(|operation| operation.row_id).collect();
    let rows = clara_sync::Central::rows(&mut anna.central, Entity::InspectionRecords, &ids).await.unwrap();
    assert_eq!(rows.len(), values.len());
    for row in rows {
        let fields = row.fields(Entity::InspectionRecords.table().unwrap());
        let sent = &batch.iter().find(|operation| operation.row_id == row.id).unwrap().new;
        assert_eq!(fields["findings"], sent["findings"]);
        if sent["measurements"].get("numbers").is_none() {
            assert_eq!(fields["measurements"], sent["measurements"]);
            continue;
        }
        // 1e308 comes back with all its digits: the same number in another spelling.
        let numbers = |value: &serde_json::Value| -> Vec<f64> {
            value["numbers"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
        };
        assert_eq!(numbers(&fields["measurements"]), numbers(&sent["measurements"]));
    }
}

#[tokio::test]
async fn one_bad_edit_among_good_ones_is_refused_alone() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let edit = |laptop: &mut company::Laptop, n: u32, old: serde_json::Value, new: serde_json::Value| {
        let seen = company.version("equipment_inventory", pump(n));
        laptop.update(Entity::EquipmentInventory, pump(n), seen, old, new)
    };
    let batch = [
        edit(&mut anna, 1, json!({"status": "active"}), json!({"status": "asleep"})),
        edit(
            &mut anna,
            2,
            json!({"components": {"driver": "diesel"}}),
            json!({"components": {"driver": null, "age": 4}}),
        ),
        edit(&mut anna, 3, json!({"notes": null}), json!({"notes": "not mine"})),
    ];
    let receipts = anna.push(&batch).await;
    assert_eq!(
        (told(&receipts[0]), receipts[0].field.as_deref()),
        ((Outcome::Rejected, Some("bad_value")), Some("status"))
    );
    assert_eq!(told(&receipts[1]), (Outcome::Applied, None));
    assert_eq!(told(&receipts[2]), (Outcome::Parked, Some("out_of_scope")));
    let kept = company.sql("SELECT components FROM equipment_inventory WHERE serial_number = 'SN-2'");
    assert_eq!(kept, r#"{"age": 4, "belt_size": "4L340"}"#);
}

#[tokio::test]
async fn the_office_makes_a_job_and_its_technician_has_the_site() {
    let company = Company::open().await;
    let (mut anna, mut mara) = (company.laptop(ANNA), company.laptop(MARA));
    let new = json!({
        "job_number": "J-77", "customer_id": id("c3"), "location_id": site(3), "assigned_technician_id": user(ANNA),
        "job_type": "repair", "scheduled_date": "2026-12-01", "title": "Replace seal",
    });
    let theirs = anna.insert(Entity::Jobs, id("2f1"), new.clone());
    assert_eq!(told(&anna.push_one(&theirs).await), (Outcome::Rejected, Some("not_writable")));
    let before = anna.cursor().await;
    let ours = mara.insert(Entity::Jobs, id("2f2"), new.clone());
    let taken = mara.insert(Entity::Jobs, id("2f3"), new);
    assert_eq!(told(&mara.push_one(&ours).await), (Outcome::Applied, None));
    let receipt = mara.push_one(&taken).await;
    assert_eq!(
        (told(&receipt), receipt.field.as_deref()),
        ((Outcome::Rejected, Some("bad_value")), Some("job_number"))
    );
    assert_eq!(anna.pull(&before).await.granted, [site(3).into()]);
}
