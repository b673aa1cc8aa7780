//! Two people change one row: fields merge, clashes are recorded with both values, nothing is lost.
#![allow(clippy::unwrap_used)]

mod company;

use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Outcome, Receipt, Side};
use company::{ANNA, Company, Laptop, MARA, job, pump, site, told};
use serde_json::{Value, json};
use uuid::Uuid;

/// Anna saw the row at `seen`; the office has written since.
fn edit(laptop: &mut Laptop, seen: i64, base: Value, new: Value) -> Operation {
    laptop.update(Entity::EquipmentInventory, pump(1), seen, base, new)
}

fn fields_in_conflict(receipt: &Receipt) -> Vec<(&str, Side)> {
    receipt.conflicts.iter().map(|note| (note.field.as_str(), note.chosen)).collect()
}

async fn resolve(laptop: &mut Laptop, company: &Company, conflict: Uuid, resolution: &str) -> Receipt {
    let seen = company.version("sync.conflict", conflict);
    let operation = laptop.update(
        Entity::Conflicts,
        conflict,
        seen,
        json!({"resolution": null}),
        json!({"resolution": resolution}),
    );
    laptop.push_one(&operation).await
}

#[tokio::test]
async fn changes_of_different_fields_merge_without_a_word() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let seen = company.version("equipment_inventory", pump(1));
    company.sql("UPDATE equipment_inventory SET location_detail = 'Basement' WHERE serial_number = 'SN-1'");
    let operation = edit(&mut anna, seen, json!({"notes": null}), json!({"notes": "seal leaks"}));
    let receipt = anna.push_one(&operation).await;
    assert_eq!(told(&receipt), (Outcome::Merged, None));
    assert_eq!(receipt.row_ver, Some(company.version("equipment_inventory", pump(1))));
    assert_eq!(
        company.sql("SELECT location_detail, notes FROM equipment_inventory WHERE serial_number = 'SN-1'"),
        "Basement|seal leaks"
    );
    assert_eq!(company.sql("SELECT count(*) FROM sync.conflict"), "0");
}

#[tokio::test]
async fn one_afternoons_edits_of_one_row_do_not_clash_with_each_other() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let seen = company.version("equipment_inventory", pump(1));
    let batch = [
        edit(&mut anna, seen, json!({"notes": null}), json!({"notes": "one"})),
        edit(&mut anna, seen, json!({"notes": "one"}), json!({"notes": "two"})),
    ];
    let later = edit(&mut anna, seen, json!({"notes": "two"}), json!({"notes": "three"}));
    let mut receipts = anna.push(&batch).await;
    receipts.push(anna.push_one(&later).await);
    assert!(receipts.iter().all(|r| told(r) == (Outcome::Applied, None)), "{receipts:?}");
    assert_eq!(company.sql("SELECT notes FROM equipment_inventory WHERE serial_number = 'SN-1'"), "three");
}

#[tokio::test]
async fn the_same_value_from_two_sides_is_no_conflict_however_it_is_spelt() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let seen = company.version("jobs", job(1));
    company.sql("UPDATE jobs SET actual_start_time = '2026-11-22 10:00:00.5', job_status = 'in_progress' WHERE job_number = 'J-1'");
    let operation = anna.update(
        Entity::Jobs,
        job(1),
        seen,
        json!({"actual_start_time": null, "job_status": "scheduled"}),
        json!({"actual_start_time": "2026-11-22T10:00:00.500000Z", "job_status": "in_progress"}),
    );
    let receipt = anna.push_one(&operation).await;
    assert_eq!(told(&receipt), (Outcome::Merged, None));
    assert_eq!(company.sql("SELECT count(*) FROM sync.conflict"), "0");
}

#[tokio::test]
async fn who_wins_a_clash_is_a_matter_of_policy_and_the_loser_is_kept() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let seen = company.version("equipment_inventory", pump(1));
    company.sql(
        "UPDATE equipment_inventory SET location_detail = 'Roof', serial_number = 'SN-9', notes = 'painted'
         WHERE id = '00000000-0000-4000-8000-000000000301'",
    );
    let operation = edit(
        &mut anna,
        seen,
        json!({"location_detail": null, "serial_number": "SN-1", "notes": null}),
        json!({"location_detail": "Basement", "serial_number": "SN-1A", "notes": "seal leaks"}),
    );
    let receipt = anna.push_one(&operation).await;
    assert_eq!(receipt.outcome, Outcome::Conflict);
    let mut fields = fields_in_conflict(&receipt);
    fields.sort_by_key(|(field, _)| *field);
    assert_eq!(fields, [("location_detail", Side::Client), ("notes", Side::Client), ("serial_number", Side::Server)]);
    assert_eq!(
        company.sql("SELECT location_detail, serial_number, notes FROM equipment_inventory WHERE id = '00000000-0000-4000-8000-000000000301'"),
        "Basement|SN-9|painted\nseal leaks",
        "seen on site, asked, and both lines"
    );
    let recorded = company.sql(
        "SELECT field, base, server, client, chosen, policy, author_id IS NOT NULL, resolution IS NULL
         FROM sync.conflict WHERE field = 'serial_number'",
    );
    assert_eq!(recorded, r#"serial_number|"SN-1"|"SN-9"|"SN-1A"|server|ask|t|t"#);
    let replay = anna.push_one(&operation).await;
    assert!(replay.duplicate && replay.conflicts == receipt.conflicts);
    assert_eq!(company.sql("SELECT count(*) FROM sync.conflict"), "3");
}

#[tokio::test]
async fn the_later_end_of_a_job_stands() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let seen = company.version("jobs", job(1));
    company.sql("UPDATE jobs SET actual_end_time = '2026-11-22 12:00' WHERE job_number = 'J-1'");
    let earlier = anna.update(
        Entity::Jobs,
        job(1),
        seen,
        json!({"actual_end_time": null}),
        json!({"actual_end_time": "2026-11-22T11:00:00.000000Z"}),
    );
    let receipt = anna.push_one(&earlier).await;
    assert_eq!(fields_in_conflict(&receipt), [("actual_end_time", Side::Server)]);
    assert_eq!(receipt.conflicts[0].server, json!("2026-11-22T12:00:00.000000Z"));
    let later = anna.update(
        Entity::Jobs,
        job(1),
        seen,
        json!({"actual_end_time": null}),
        json!({"actual_end_time": "2026-11-22T13:00:00.000000Z"}),
    );
    assert_eq!(fields_in_conflict(&anna.push_one(&later).await), [("actual_end_time", Side::Client)]);
    assert_eq!(company.sql("SELECT actual_end_time FROM jobs WHERE job_number = 'J-1'"), "2026-11-22 13:00:00");
}

#[tokio::test]
async fn documents_merge_key_by_key_and_null_takes_a_key_out() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let seen = company.version("equipment_inventory", pump(1));
    company.sql(
        r#"UPDATE equipment_inventory SET components = '{"driver": "electric", "belt_size": "4L340", "filter": "16x25"}'
           WHERE serial_number = 'SN-1'"#,
    );
    let operation = edit(
        &mut anna,
        seen,
        json!({"components": {"driver": "diesel", "belt_size": "4L340", "gauge": null}}),
        json!({"components": {"driver": "steam", "belt_size": null, "gauge": "0-300"}}),
    );
    let receipt = anna.push_one(&operation).await;
    assert_eq!(fields_in_conflict(&receipt), [("components.driver", Side::Client)]);
    let components: Value =
        serde_json::from_str(&company.sql("SELECT components FROM equipment_inventory WHERE serial_number = 'SN-1'"))
            .unwrap();
    assert_eq!(components, json!({"driver": "steam", "filter": "16x25", "gauge": "0-300"}));
}

#[tokio::test]
async fn checklist_items_merge_by_their_keys_and_keep_their_places() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let seen = company.version("jobs", job(1));
    company.sql(
        r#"UPDATE jobs SET checklist = '[{"key": "keys", "label": "Get keys", "done": true},
            {"key": "drain", "label": "Main drain", "done": false}, {"key": "tag", "label": "Hang tag", "done": false}]'
           WHERE job_number = 'J-1'"#,
    );
    let item = |done: bool| json!({"key": "drain", "label": "Main drain", "done": done});
    let operation = anna.update(
        Entity::Jobs,
        job(1),
        seen,
        json!({"checklist": {"drain": item(false)}}),
        json!({"checklist": {"drain": item(true)}}),
    );
    assert_eq!(told(&anna.push_one(&operation).await), (Outcome::Merged, None));
    let checklist: Value =
        serde_json::from_str(&company.sql("SELECT checklist FROM jobs WHERE job_number = 'J-1'")).unwrap();
    let done: Vec<_> = checklist
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["key"].as_str().unwrap(), i["done"].as_bool().unwrap()))
        .collect();
    assert_eq!(done, [("keys", true), ("drain", true), ("tag", false)]);
}

#[tokio::test]
async fn an_edit_survives_a_deletion_and_a_deletion_of_an_edited_row_is_held() {
    let company = Company::open().await;
    let (mut anna, mut mara) = (company.laptop(ANNA), company.laptop(MARA));
    let seen = company.version("equipment_inventory", pump(1));
    company.sql("UPDATE equipment_inventory SET deleted_at = now() WHERE serial_number = 'SN-1'");
    let operation = edit(&mut anna, seen, json!({"notes": null}), json!({"notes": "still here"}));
    let receipt = anna.push_one(&operation).await;
    assert_eq!(
        (receipt.outcome, fields_in_conflict(&receipt)),
        (Outcome::Conflict, vec![("deleted_at", Side::Client)])
    );
    assert_eq!(
        company.sql("SELECT deleted_at IS NULL, notes FROM equipment_inventory WHERE serial_number = 'SN-1'"),
        "t|still here"
    );

    let deletion = mara.delete(Entity::EquipmentInventory, pump(1), seen);
    let held = mara.push_one(&deletion).await;
    assert_eq!((held.outcome, fields_in_conflict(&held)), (Outcome::Conflict, vec![("deleted_at", Side::Server)]));
    assert_eq!(company.sql("SELECT deleted_at IS NULL FROM equipment_inventory WHERE serial_number = 'SN-1'"), "t");
    let insisted = resolve(&mut mara, &company, held.conflicts[0].id.0, "client").await;
    assert_eq!(told(&insisted), (Outcome::Applied, None));
    assert_eq!(company.sql("SELECT deleted_at IS NULL FROM equipment_inventory WHERE serial_number = 'SN-1'"), "f");
}

#[tokio::test]
async fn a_deletion_of_a_row_that_nobody_touched_is_done() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let photo = anna.insert(Entity::Photos, Uuid::now_v7(), json!({
        "equipment_id": pump(1), "sha256": "ab".repeat(32), "mime": "image/jpeg", "byte_count": 10, "caption": "plate",
    }));
    let caption =
        anna.update(Entity::Photos, photo.row_id, 0, json!({"caption": "plate"}), json!({"caption": "name plate"}));
    let deletion = anna.delete(Entity::Photos, photo.row_id, 0);
    let receipts = anna.push(&[photo, caption, deletion]).await;
    assert!(receipts.iter().all(|r| told(r) == (Outcome::Applied, None)), "{receipts:?}");
    assert_eq!(company.sql("SELECT caption, deleted_at IS NULL FROM photos"), "name plate|f");
}

#[tokio::test]
async fn either_value_of_a_conflict_can_be_restored_and_both_texts_can_be_kept() {
    let company = Company::open().await;
    let (mut anna, mut mara) = (company.laptop(ANNA), company.laptop(MARA));
    let seen = company.version("equipment_inventory", pump(1));
    company.sql(
        r#"UPDATE equipment_inventory SET location_detail = 'Roof', components = '{"driver": "electric"}'
           WHERE serial_number = 'SN-1'"#,
    );
    let operation = edit(
        &mut anna,
        seen,
        json!({"location_detail": null, "components": {"driver": "diesel"}}),
        json!({"location_detail": "Basement", "components": {"driver": "steam"}}),
    );
    let receipt = anna.push_one(&operation).await;
    let conflict = |field: &str| receipt.conflicts.iter().find(|n| n.field == field).unwrap().id.0;

    assert_eq!(
        told(&resolve(&mut mara, &company, conflict("location_detail"), "both").await),
        (Outcome::Applied, None)
    );
    assert_eq!(
        told(&resolve(&mut anna, &company, conflict("components.driver"), "server").await),
        (Outcome::Applied, None)
    );
    assert_eq!(
        company
            .sql("SELECT location_detail, components->>'driver' FROM equipment_inventory WHERE serial_number = 'SN-1'"),
        "Roof\nBasement|electric"
    );
    let closed = company
        .sql("SELECT string_agg(resolution, ',' ORDER BY field) FROM sync.conflict WHERE resolved_by IS NOT NULL");
    assert_eq!(closed, "server,both");
    let late = resolve(&mut anna, &company, conflict("location_detail"), "client").await;
    assert_eq!(told(&late), (Outcome::Rejected, Some("already_decided")));
    let odd = resolve(&mut anna, &company, conflict("components.driver"), "maybe").await;
    assert_eq!(told(&odd), (Outcome::Rejected, Some("bad_value")));
}

#[tokio::test]
async fn a_third_value_that_came_before_the_decision_is_a_conflict_again() {
    let company = Company::open().await;
    let (mut anna, mut mara) = (company.laptop(ANNA), company.laptop(MARA));
    let seen = company.version("equipment_inventory", pump(1));
    company.sql("UPDATE equipment_inventory SET serial_number = 'SN-9' WHERE serial_number = 'SN-1'");
    let operation = edit(&mut anna, seen, json!({"serial_number": "SN-1"}), json!({"serial_number": "SN-1A"}));
    let first = anna.push_one(&operation).await;
    company.sql("UPDATE equipment_inventory SET serial_number = 'SN-10' WHERE serial_number = 'SN-9'");
    let receipt = resolve(&mut mara, &company, first.conflicts[0].id.0, "client").await;
    assert_eq!(
        (receipt.outcome, fields_in_conflict(&receipt)),
        (Outcome::Conflict, vec![("serial_number", Side::Server)])
    );
    assert_eq!(receipt.conflicts[0].server, json!("SN-10"));
    assert_eq!(receipt.conflicts[0].client, json!("SN-1A"));
}

#[tokio::test]
async fn what_a_technician_has_seen_is_not_overruled_from_the_office() {
    let company = Company::open().await;
    let (mut anna, mut mara) = (company.laptop(ANNA), company.laptop(MARA));
    let seen = company.version("equipment_inventory", pump(1));
    let (theirs, ours) = (
        edit(&mut anna, seen, json!({"location_detail": null}), json!({"location_detail": "Basement"})),
        edit(&mut mara, seen, json!({"location_detail": null}), json!({"location_detail": "Roof"})),
    );
    assert_eq!(told(&anna.push_one(&theirs).await), (Outcome::Applied, None));
    let receipt = mara.push_one(&ours).await;
    assert_eq!(fields_in_conflict(&receipt), [("location_detail", Side::Server)]);
    assert_eq!(company.sql("SELECT server_author_id = author_id FROM sync.conflict"), "f");
    assert_eq!(company.sql("SELECT location_detail FROM equipment_inventory WHERE serial_number = 'SN-1'"), "Basement");
}

#[tokio::test]
async fn notes_of_two_people_are_both_kept() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let seen = company.version("locations", site(1));
    company.sql("UPDATE locations SET access_notes = 'Ring twice\nAsk for Lee' WHERE location_name = 'Site 1'");
    let operation = anna.update(
        Entity::Locations,
        site(1),
        seen,
        json!({"access_notes": "Ring twice"}),
        json!({"access_notes": "Ring twice\nKey in box 4"}),
    );
    anna.push_one(&operation).await;
    assert_eq!(
        company.sql("SELECT access_notes FROM locations WHERE location_name = 'Site 1'"),
        "Ring twice\nAsk for Lee\nKey in box 4"
    );
}

#[tokio::test]
async fn a_row_that_was_deleted_for_good_or_never_was_is_said_so() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    company.sql("DELETE FROM equipment_inventory WHERE serial_number = 'SN-1'");
    let gone = edit(&mut anna, 1, json!({"notes": null}), json!({"notes": "x"}));
    let never =
        anna.update(Entity::EquipmentInventory, Uuid::now_v7(), 1, json!({"notes": null}), json!({"notes": "x"}));
    let receipts = anna.push(&[gone, never]).await;
    assert_eq!(told(&receipts[0]), (Outcome::Rejected, Some("gone")));
    assert_eq!(told(&receipts[1]), (Outcome::Rejected, Some("no_such_row")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_who_push_at_the_same_moment_both_get_their_fields() {
    let company = Company::open().await;
    let (mut anna, mut mara) = (company.laptop(ANNA), company.laptop(MARA));
    let (mut detail, mut notes) = (json!(null), json!(null));
    for round in 0..10 {
        let seen = company.version("equipment_inventory", pump(1));
        let (new_detail, new_notes) = (json!(format!("Room {round}")), json!(format!("note {round}")));
        let theirs = edit(&mut anna, seen, json!({"location_detail": detail}), json!({"location_detail": new_detail}));
        let ours = edit(&mut mara, seen, json!({"notes": notes}), json!({"notes": new_notes}));
        let (one, two) = tokio::join!(anna.push_one(&theirs), mara.push_one(&ours));
        let mut outcomes = [one.outcome, two.outcome].map(|outcome| format!("{outcome:?}"));
        outcomes.sort();
        assert_eq!(outcomes, ["Applied", "Merged"], "whoever came second was merged");
        (detail, notes) = (new_detail, new_notes);
        let row = company.sql("SELECT location_detail, notes FROM equipment_inventory WHERE serial_number = 'SN-1'");
        assert_eq!(row, format!("Room {round}|note {round}"));
    }
    assert_eq!(company.sql("SELECT count(*) FROM sync.conflict"), "0");
}
