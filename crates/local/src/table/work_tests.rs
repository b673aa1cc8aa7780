#![allow(clippy::unwrap_used, clippy::expect_used)]

use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_domain::{DeviceId, UserId};
use rusqlite::StatementStatus;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{DataKey, Mirror, Options, Profile};

/// A laptop that was off the network while `count` items were added, each with its place on a job.
fn laptop(count: usize) -> (Mirror, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { ballast_bytes: 1 << 14, low_space_bytes: 1 << 14, ..Options::default() };
    let now = Utc::now();
    let mirror = Mirror::open_with(folder.path(), &DataKey::from_bytes([7; 32]), now, options).unwrap().mirror;
    let (device, user) = (DeviceId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    mirror.write(now, |write| write.enroll(Profile { device, user, role: "technician".into() })).unwrap();
    let fields = |value: serde_json::Value| -> Fields { value.as_object().unwrap().clone() };
    mirror
        .write(now, |write| {
            for n in 0..count as u128 {
                let (item, place) = (Uuid::from_u128((1 << 80) + n), Uuid::from_u128((2 << 80) + n));
                let new = fields(json!({
                    "equipment_category": "other", "location_id": Uuid::from_u128(3).to_string(), "metadata": {"tag": format!("E-{n}")}, "status": "active",
                }));
                write.insert(Entity::EquipmentInventory, item, item, new)?;
                let on_a_job = fields(json!({"equipment_id": item.to_string(), "job_id": Uuid::from_u128(5).to_string()}));
                write.insert(Entity::JobEquipment, place, item, on_a_job)?;
            }
            Ok::<_, MirrorError>(())
        })
        .unwrap();
    (mirror, folder)
}

/// What a page costs, in steps of the database's own machine: the same on every computer.
fn steps(mirror: &Mirror, text: &str, limit: u32) -> i32 {
    mirror
        .read(|read| {
            let mut statement = read.connection.prepare(text)?;
            statement.raw_bind_parameter(1, limit)?;
            let mut rows = statement.raw_query();
            let mut lines = 0;
            while rows.next()?.is_some() {
                lines += 1;
            }
            drop(rows);
            assert_eq!(lines, limit);
            Ok::<_, MirrorError>(statement.get_status(StatementStatus::VmStep))
        })
        .unwrap()
}

#[test]
fn a_page_of_five_thousand_lines_costs_what_a_page_of_three_hundred_costs() {
    let (few, _few) = laptop(300);
    let (many, _many) = laptop(5_000);
    for page in [OLDEST, NEWEST] {
        let (of_few, of_many) = (steps(&few, page, 200), steps(&many, page, 200));
        println!("a page of 200: {of_few} steps of 300 lines, {of_many} of 5,000");
        assert!(of_few > 1_000, "they are counted");
        assert!(of_many < of_few + of_few / 10, "{of_few} then {of_many}");
    }
    many.read(|read| {
        let figures = read.work_figures()?;
        assert_eq!(
            (figures.operations, figures.need_a_person, figures.photos),
            (5_000, 0, 0),
            "items, not their places"
        );
        let page = read.work(3, true, None)?;
        let named: Vec<_> = page.iter().map(|one| one.line.equipment_name.as_deref().unwrap()).collect();
        assert_eq!(named, ["E-4997", "E-4998", "E-4999"]);
        // One that is asked for beside the page, and one that stands on it.
        for (asked, lines) in [(0, 4), (2, 3)] {
            let all = read.work(5_000, false, None)?;
            let op_id = all[if asked == 0 { 0 } else { 4_999 }].line.operation.op_id;
            let page = read.work(3, true, Some(op_id))?;
            assert_eq!(page.len(), lines);
            assert_eq!(page.iter().filter(|one| one.line.operation.op_id == op_id).count(), 1);
        }
        Ok::<_, MirrorError>(())
    })
    .unwrap();
}

#[test]
fn every_statement_of_the_list_goes_by_an_index_and_sorts_no_more_than_its_page() {
    let (mirror, _folder) = laptop(1);
    mirror
        .read(|read| {
            for (text, index) in [
                (OLDEST, "outbox_state"),
                (NEWEST, "outbox_state"),
                (FIGURES, "outbox_state"),
                (PHOTOS, "photo_file_waiting"),
                (PHOTO_FIGURES, "photo_file_waiting"),
            ] {
                let mut statement = read.connection.prepare(&format!("EXPLAIN QUERY PLAN {text}"))?;
                for bound in 1..=statement.parameter_count() {
                    statement.raw_bind_parameter(bound, 1)?;
                }
                let mut rows = statement.raw_query();
                let mut plan = Vec::new();
                while let Some(row) = rows.next()? {
                    plan.push(row.get::<_, String>(3)?);
                }
                assert!(plan.iter().any(|step| step.contains(index)), "{plan:#?}");
                let scans = |step: &&String| step.starts_with("SCAN") && !step.contains(index);
                let tables: Vec<_> = plan.iter().filter(scans).collect();
                let of_the_page =
                    ["SCAN p", "SCAN n", "SCAN page", "SCAN named", "SCAN (subquery", "SCAN CONSTANT ROW"];
                let whole = tables.iter().filter(|step| !of_the_page.iter().any(|page| step.starts_with(page)));
                assert_eq!(whole.count(), 0, "no table is read from end to end: {plan:#?}");
                let sorts = plan.iter().filter(|step| step.contains("TEMP B-TREE")).count();
                assert!(sorts <= 1, "but for the page itself nothing is sorted: {plan:#?}");
            }
            Ok::<_, MirrorError>(())
        })
        .unwrap();
}
