//! Measures the mirror by itself, on a catalogue of 100,000 models: `cargo run -p clara-local --example mirror_figures`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::row::Row;
use clara_domain::{DeviceId, EquipmentId, InspectionId, JobId, LocationId, UserId};
use clara_local::search::{SpecQuery, Within};
use clara_local::table::capture::{CaptureFilter, Dimension};
use clara_local::{DataKey, DraftSave, Mirror, MirrorError, Options, Profile};
use clara_sync::Replica;
use serde_json::{Value, json};
use uuid::Uuid;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// Spread over the whole range, as real ids are.
fn id(kind: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kind, kind << 32 | n)
}

fn row(entity: Entity, id: Uuid, values: &Value) -> Row {
    Row::from_fields(entity.table().unwrap(), id, 1, values.as_object().unwrap())
}

fn number(n: u64) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPRSTUVWXYZ";
    let mut seed = n.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ (n << 17);
    let mut next = |among: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % among
    };
    let series: String = (0..4).map(|_| LETTERS[(next(6) * 3) as usize] as char).collect();
    let tail: String = (0..4).map(|_| LETTERS[next(23) as usize] as char).collect();
    format!("{series}{:02}{tail}{}", next(60), next(1000))
}

fn times(name: &str, mut all: Vec<Duration>) {
    all.sort();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    println!("{name}: p50 {:?}, p99 {:?}, worst {:?} ({} runs)", at(0.5), at(0.99), at(1.0), all.len());
}

/// Time that this thread has had on a core: what else the machine was doing is not in it.
fn on_core() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

fn measure(mut act: impl FnMut()) -> Duration {
    let begin = Instant::now();
    act();
    begin.elapsed()
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS")).collect::<Vec<_>>().join(", ")
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { ballast_bytes: 0, low_space_bytes: 0, ..Options::default() };
    let key = DataKey::from_bytes([1; 32]);
    let mut mirror = Mirror::open_with(folder.path(), &key, now(), options).unwrap().mirror;
    let profile = Profile { device: DeviceId(id(9, 1)), user: UserId(id(8, 1)), role: "technician".into() };
    mirror.write(now(), |tx| tx.enroll(profile)).unwrap();
    mirror.begin_first_sync(&"100:100:".parse().unwrap()).unwrap();

    let makers: Vec<Row> =
        (0..50).map(|n| row(Entity::Manufacturers, id(1, n), &json!({"name": format!("Maker {n}")}))).collect();
    mirror.apply_page(Entity::Manufacturers, &makers, true).unwrap();
    let mut models: Vec<Row> = (0..100_000)
        .map(|n| {
            row(Entity::EquipmentModels, id(2, n), &json!({
                "manufacturer_id": id(1, n % 50), "model_number": number(n), "product_name": "Wall mounted heat pump",
                "equipment_category": "hvac",
                "electrical_specs": {"voltage": 208.0, "phase": 1, "amp_draw_nominal": 17.8, "amp_draw_max": 20.0},
                "physical_specs": {"filter_size": "16x25x4", "weight_lbs": 205.0}, "pressure_specs": {},
                "confidence_score": 1.0, "created_at": "2026-01-01T00:00:00.000000Z",
                "updated_at": "2026-01-01T00:00:00.000000Z",
            }))
        })
        .collect();
    models.sort_by_key(|row| row.id);
    println!("before the catalogue: {}", resident());
    let begun = on_core();
    let took = measure(|| {
        let mut pages = models.chunks(1000).peekable();
        while let Some(page) = pages.next() {
            mirror.apply_page(Entity::EquipmentModels, page, pages.peek().is_none()).unwrap();
        }
    });
    println!("100,000 models into the mirror: {took:?}, {:?} on a core; {}", on_core() - begun, resident());
    let begun = on_core();
    let took = measure(|| while mirror.index_catalogue().unwrap().is_some() {});
    println!("and into its index: {took:?}, {:?} on a core; {}", on_core() - begun, resident());
    drop(models);
    println!("database: {} MB", std::fs::metadata(folder.path().join("mirror.db")).unwrap().len() >> 20);

    searches(&mirror);
    work(&mut mirror);
    completeness(&mut mirror);
    drop(mirror);
    println!(
        "open with quick_check: {:?}",
        measure(|| {
            Mirror::open(folder.path(), &key, now()).unwrap();
        })
    );
}

fn searches(mirror: &Mirror) {
    let find = |text: &str| {
        mirror
            .read(|r| {
                r.search_specs(&SpecQuery { text, within: Within::All, site: Some(LocationId(id(3, 0))), limit: 30 })
            })
            .unwrap()
    };
    let mangle = |n: u64, how: u64| {
        let mut text = number(n).to_lowercase();
        match how {
            0 => text.insert(4, '-'),
            1 => text = text.replace('s', "5").replace('0', "o").replace('1', "i"),
            2 => text.truncate(6),
            3 => text = text[3..9].to_owned(),
            4 => {
                let at = (n as usize * 7) % (text.len() - 1);
                text.replace_range(at..=at, "x");
            }
            5 => {
                text.remove((n as usize * 5) % (text.len() - 1));
            }
            6 => text = format!("maker {} {}", n % 50, &text[..5]),
            _ => text.truncate(3),
        }
        text
    };
    let what = [
        "dashed",
        "look-alikes",
        "beginning",
        "inside",
        "one wrong",
        "one missing",
        "maker and beginning",
        "three characters",
    ];
    for (how, what) in what.iter().enumerate() {
        let (mut all, mut found) = (Vec::new(), 0);
        for n in (0..100_000).step_by(331) {
            let text = mangle(n, how as u64);
            let wanted = number(n);
            let begin = Instant::now();
            let result = find(&text);
            all.push(begin.elapsed());
            found += u32::from(result.hits.iter().any(|hit| hit.model_number == wanted));
        }
        let runs = all.len();
        times(&format!("search, {what}, found {found} of {runs}"), all);
    }
    let mut all = Vec::new();
    for n in (0..100_000).step_by(97) {
        let wanted = number(n);
        all.push(measure(|| {
            assert!(!mirror.read(|r| r.specs_exact(&wanted)).unwrap().is_empty());
        }));
    }
    times("exact lookup", all);
}

fn work(mirror: &mut Mirror) {
    let job = json!({"job_number": "J", "location_id": id(3, 0), "scheduled_date": "2026-09-21", "title": "t"});
    mirror
        .apply_page(Entity::Locations, &[row(Entity::Locations, id(3, 0), &json!({"location_name": "Site"}))], true)
        .unwrap();
    mirror.apply_page(Entity::Jobs, &[row(Entity::Jobs, id(4, 0), &job)], true).unwrap();
    let body: Value =
        (0..40).map(|n| (format!("reading_{n}"), json!(n as f64 * 1.5))).collect::<serde_json::Map<_, _>>().into();
    let mut all = Vec::new();
    for n in 0..1000 {
        let save = id(6, n);
        let body = body.clone();
        all.push(measure(|| {
            mirror
                .write(now(), |tx| -> Result<(), MirrorError> {
                    tx.insert(Entity::InspectionRecords, save, save, json!({
                        "job_id": id(4, 0), "equipment_id": id(5, n), "inspection_date": "2026-09-21", "passed": true,
                        "measurements": body,
                    }).as_object().unwrap().clone())?;
                    Ok(())
                })
                .unwrap();
        }));
    }
    times("an inspection saved, in database and spool", all);
    let mut all = Vec::new();
    for n in 0..300 {
        let save = DraftSave {
            id: InspectionId(id(6, 90_000 + n % 5)),
            job_id: JobId(id(4, 0)),
            equipment_id: EquipmentId(id(5, n)),
            template_id: None,
            body: body.clone(),
        };
        all.push(measure(|| {
            mirror.write(now(), |tx| tx.save_draft(save.clone())).unwrap();
        }));
    }
    times("a draft saved", all);
    floor(&body);
    let mut all = Vec::new();
    loop {
        let begin = Instant::now();
        let batch = mirror.take_batch(100, 256 * 1024).unwrap();
        if batch.is_empty() {
            break;
        }
        let receipts: Vec<_> = batch
            .iter()
            .map(|o| {
                serde_json::from_value(json!({"op_id": o.op_id, "outcome": "applied", "applied_xid": "150"})).unwrap()
            })
            .collect();
        mirror.settle(&receipts, now()).unwrap();
        all.push(begin.elapsed());
    }
    times("a batch of 100 taken and settled", all);
}

/// The same inspection in a bare table of an unencrypted database, `synchronous = FULL`.
fn floor(body: &Value) {
    let folder = tempfile::tempdir().unwrap();
    let bare = rusqlite::Connection::open(folder.path().join("bare.db")).unwrap();
    bare.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE i (id TEXT PRIMARY KEY, body TEXT)",
    )
    .unwrap();
    let mut all = Vec::new();
    for n in 0..1000 {
        let text = body.to_string();
        all.push(measure(|| {
            bare.execute("INSERT INTO i VALUES (?1, ?2)", [id(6, n).to_string(), text.clone()]).unwrap();
        }));
    }
    times("floor: a bare insert, plain SQLite", all);
}

fn completeness(mirror: &mut Mirror) {
    let requirements: Vec<Row> =
        ["manufacturer", "model_number", "serial_number", "components.filter_size", "location_detail", "photo"]
            .iter()
            .zip(0..)
            .map(|(key, n)| {
                row(
                    Entity::CaptureRequirements,
                    id(7, n),
                    &json!({
                        "equipment_category": "hvac", "field_key": key, "label": key, "weight": 1, "position": n,
                    }),
                )
            })
            .collect();
    mirror.apply_page(Entity::CaptureRequirements, &requirements, true).unwrap();
    let items: Vec<Row> = (0..10_000)
        .map(|n| {
            row(
                Entity::EquipmentInventory,
                id(5, n),
                &json!({
                    "location_id": id(3, n % 200), "equipment_model_id": id(2, n * 7), "equipment_category": "hvac",
                    "serial_number": if n % 3 == 0 { None } else { Some(format!("SN{n}")) }, "status": "active",
                    "components": {"filter_size": "16x25x4"}, "metadata": {"tag": format!("AC-{n}")},
                }),
            )
        })
        .collect();
    mirror.apply_page(Entity::EquipmentInventory, &items, true).unwrap();
    let inspections: Vec<Row> = (0..100_000)
        .map(|n| {
            row(
                Entity::InspectionRecords,
                id(6, 200_000 + n),
                &json!({
                    "job_id": id(4, 0), "equipment_id": id(5, n % 10_000), "location_id": id(3, n % 200),
                    "inspection_date": "2026-01-01", "measurements": {"psi": 104}, "passed": true,
                }),
            )
        })
        .collect();
    for page in inspections.chunks(2000) {
        mirror.apply_page(Entity::InspectionRecords, page, true).unwrap();
    }
    for dimension in [Dimension::Site, Dimension::Category, Dimension::Job, Dimension::Technician] {
        let mut all = Vec::new();
        for _ in 0..20 {
            all.push(measure(|| {
                mirror.read(|r| r.completeness_by(dimension, &CaptureFilter::default())).unwrap();
            }));
        }
        times(&format!("completeness of 10,000 items by {dimension:?}"), all);
    }
}
