//! Capture completeness of 10,000 items, with 100,000 inspections beside them.

use clara_domain::mirror::Entity;
use clara_local::table::capture::{CaptureFilter, Dimension};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::data::{MAKERS, bare, fill, fill_makers, folder, id, maker, mirror, number, row};
use crate::measure::{Book, Line, Times};

const ITEMS: u64 = 10_000;
const INSPECTIONS: u64 = 100_000;
const SITES: u64 = 200;
const JOBS: u64 = 2000;
const RUNS: u32 = 15;

pub fn part(book: &mut Book) {
    let (ours, floor) = (folder(), folder());
    let mut mirror = mirror(ours.path());
    let required =
        ["manufacturer", "model_number", "serial_number", "components.filter_size", "location_detail", "photo"];
    fill(&mut mirror, Entity::Users, 12, |n| {
        row(
            Entity::Users,
            id(8, n),
            &json!({"full_name": format!("Technician {n}"), "role": "technician", "is_active": true}),
        )
    });
    fill(&mut mirror, Entity::CaptureRequirements, required.len() as u64, |n| {
        let key = required[n as usize];
        row(
            Entity::CaptureRequirements,
            id(7, n),
            &json!({
            "equipment_category": "hvac", "field_key": key, "label": key, "weight": 1, "position": n}),
        )
    });
    fill(&mut mirror, Entity::Locations, SITES, |n| {
        row(Entity::Locations, id(3, n), &json!({"location_name": format!("Site {n}"), "address": "1 Quay Street"}))
    });
    fill(&mut mirror, Entity::Jobs, JOBS, |n| {
        row(
            Entity::Jobs,
            id(4, n),
            &json!({"job_number": format!("J-{n}"), "location_id": id(3, n % SITES), "title": "Annual",
            "assigned_technician_id": id(8, n % 12), "scheduled_date": "2026-09-21"}),
        )
    });
    fill_makers(&mut mirror);
    fill(&mut mirror, Entity::EquipmentModels, ITEMS, |n| {
        row(Entity::EquipmentModels, id(2, n), &crate::data::model(n))
    });
    fill(&mut mirror, Entity::EquipmentInventory, ITEMS, |n| row(Entity::EquipmentInventory, id(5, n), &item(n)));
    fill(&mut mirror, Entity::JobEquipment, 2 * ITEMS, |n| {
        row(
            Entity::JobEquipment,
            id(10, n),
            &json!({"job_id": id(4, n % JOBS), "equipment_id": id(5, n % ITEMS),
            "location_id": id(3, n % SITES)}),
        )
    });
    fill(&mut mirror, Entity::InspectionRecords, INSPECTIONS, |n| {
        row(
            Entity::InspectionRecords,
            id(6, n),
            &json!({"job_id": id(4, n % JOBS), "equipment_id": id(5, n % ITEMS),
            "location_id": id(3, n % SITES), "inspection_date": "2026-01-01", "measurements": {"psi": 104}, "passed": true}),
        )
    });
    let bare = plain_items(floor.path());

    book.memory_from_here();
    let mut all =
        [Dimension::Site, Dimension::Category, Dimension::Job, Dimension::Technician].map(|d| (d, Times::default()));
    let mut scans = Times::default();
    for _ in 0..RUNS {
        for (dimension, times) in &mut all {
            let groups =
                times.run(|| mirror.read(|r| r.completeness_by(*dimension, &CaptureFilter::default())).unwrap());
            assert!(!groups.is_empty());
            assert_eq!(scans.run(|| scan(&bare)), ITEMS);
        }
    }
    book.memory_to_here("completeness", None);
    for (dimension, times) in &all {
        let by = format!("{dimension:?}").to_lowercase();
        let work = format!("Completeness of 10,000 items by {by}");
        let line = Line::times(&work, times, "bare scan of the items", &scans);
        book.line(line.target("≤ 50 ms", times.median() <= 50.0));
    }
    book.note("Completeness: 10,000 items with six required fields each, 100,000 inspections in the same mirror, every group judged anew. Floor: reading the same columns of the same items in plain SQLite, no judging.");
}

fn item(n: u64) -> Value {
    json!({
        "location_id": id(3, n % SITES), "equipment_model_id": id(2, n), "equipment_category": "hvac", "status": "active",
        "serial_number": if n.is_multiple_of(3) { None } else { Some(format!("SN{n}")) }, "location_detail": "Roof, north side",
        "components": {"filter_size": "16x25x4", "belt_size": "4L340"}, "metadata": {"tag": format!("AC-{n}")},
    })
}

fn plain_items(folder: &std::path::Path) -> Connection {
    let mut bare = bare(
        folder,
        "CREATE TABLE item (id TEXT PRIMARY KEY, site TEXT, maker TEXT, model TEXT, serial TEXT, place TEXT, components TEXT, metadata TEXT)",
    );
    let all = bare.transaction().unwrap();
    for n in 0..ITEMS {
        let item = item(n);
        let text = |name: &str| item[name].as_str().map(str::to_owned);
        all.prepare_cached("INSERT INTO item VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
            .unwrap()
            .execute((
                id(5, n).to_string(),
                text("location_id"),
                maker(n % MAKERS),
                number(n),
                text("serial_number"),
                text("location_detail"),
                item["components"].to_string(),
                item["metadata"].to_string(),
            ))
            .unwrap();
    }
    all.commit().unwrap();
    bare
}

fn scan(bare: &Connection) -> u64 {
    let mut statement =
        bare.prepare_cached("SELECT id, site, maker, model, serial, place, components, metadata FROM item").unwrap();
    let mut rows = statement.query([]).unwrap();
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next().unwrap() {
        bytes += (0..8).map(|at| row.get_ref(at).unwrap().as_str_or_null().unwrap().map_or(0, str::len)).sum::<usize>();
        count += 1;
    }
    assert!(bytes > 0);
    count
}
