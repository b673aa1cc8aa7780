//! A catalogue, sites and equipment of any size, the same at every run.

use std::path::Path;

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::row::Row;
use clara_domain::{DeviceId, UserId};
use clara_local::{DataKey, Mirror, Profile};
use clara_sync::Replica;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

pub const MODELS: u64 = 100_000;
pub const MAKERS: u64 = 50;

/// A folder on the disk of the checkout: the one for temporary files may be kept in memory.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// Spread over the whole range, as real ids are.
pub fn id(kind: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kind, (kind << 32) | n)
}

pub fn row(entity: Entity, id: Uuid, values: &Value) -> Row {
    Row::from_fields(entity.table().unwrap(), id, 1, values.as_object().unwrap())
}

/// An enrolled profile in the middle of its first sync, as the app opens it.
pub fn mirror(folder: &Path) -> Mirror {
    let mut mirror = Mirror::open(folder, &DataKey::from_bytes([1; 32]), now()).unwrap().mirror;
    let profile = Profile { device: DeviceId(id(9, 1)), user: UserId(id(8, 1)), role: "technician".into() };
    mirror.write(now(), |tx| tx.enroll(profile)).unwrap();
    mirror.begin_first_sync(&"100:100:".parse().unwrap()).unwrap();
    mirror
}

/// Pages of rows, made as they are needed: a heap of them would count as memory of what is measured.
pub fn fill(mirror: &mut Mirror, entity: Entity, rows: u64, mut make: impl FnMut(u64) -> Row) {
    let mut n = 0;
    while n < rows {
        let end = (n + 2000).min(rows);
        let page: Vec<Row> = (n..end).map(&mut make).collect();
        mirror.apply_page(entity, &page, end == rows).unwrap();
        n = end;
    }
}

/// A maker's name.
pub fn maker(n: u64) -> String {
    const BEGINNINGS: [&str; 10] = ["Nor", "Daw", "Pell", "Tren", "Ost", "Kin", "Vant", "Harl", "Ruud", "Clay"];
    const ENDS: [&str; 5] = ["vik", "ton", "aire", "gate", "ex"];
    format!("{}{}", BEGINNINGS[(n % 10) as usize], ENDS[(n / 10 % 5) as usize])
}

pub fn fill_makers(mirror: &mut Mirror) {
    fill(mirror, Entity::Manufacturers, MAKERS, |n| row(Entity::Manufacturers, id(1, n), &json!({"name": maker(n)})));
}

pub fn fill_catalogue(mirror: &mut Mirror) {
    fill_makers(mirror);
    fill(mirror, Entity::EquipmentModels, MODELS, |n| row(Entity::EquipmentModels, id(2, n), &model(n)));
    while mirror.index_catalogue().unwrap().is_some() {}
}

/// One model, of the size that makers' sheets have.
pub fn model(n: u64) -> Value {
    json!({
        "manufacturer_id": id(1, n % MAKERS), "model_number": number(n), "product_name": "Wall mounted heat pump",
        "equipment_category": "hvac",
        "electrical_specs": {"voltage": 208.0, "phase": 1, "amp_draw_nominal": 17.8, "amp_draw_max": 20.0},
        "physical_specs": {"filter_size": "16x25x4", "weight_lbs": 205.0}, "pressure_specs": {},
        "confidence_score": 1.0, "created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z",
    })
}

/// A model number as makers write them: few series, many members.
pub fn number(n: u64) -> String {
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

/// The floor: SQLite with nothing around it, as durable as the mirror is.
pub fn bare(folder: &Path, schema: &str) -> Connection {
    let bare = Connection::open(folder.join("bare.db")).unwrap();
    bare.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;").unwrap();
    bare.execute_batch(schema).unwrap();
    bare
}
