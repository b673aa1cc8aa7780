//! What a laptop sees at one moment, and what it may never see.

use std::collections::{BTreeMap, BTreeSet};

use clara_domain::mirror::Entity::{DataCaptureLogs, EquipmentInventory, InspectionRecords};
use clara_local::{Mirror, MirrorError};
use clara_tests::ids;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A number that one laptop keeps in one item, or in a pair of them: `item/laptop`.
type Register = String;

/// In the place of an item: the same number in the first two of them, in one save.
pub const PAIR: &str = "pair";

/// The registers of all laptops in all items, and how far each laptop's inspections have come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reading {
    pub registers: BTreeMap<Register, i64>,
    /// By laptop: how many of its inspections.
    pub inspections: BTreeMap<String, u64>,
    /// By laptop: the last number that one of its inspections bears.
    pub last: BTreeMap<String, i64>,
}

/// What an inspection says of itself: who made it, which one it is, and what its maker had seen before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    pub by: String,
    pub n: i64,
    pub seen: BTreeMap<Register, i64>,
}

pub fn register(place: &str, laptop: &str) -> Register {
    format!("{place}/{laptop}")
}

/// The two rows of every save that wrote two, as far as they are to be seen.
#[derive(Debug, Default)]
struct Halves {
    /// By laptop: its pair's number in the first and in the second item.
    pairs: [BTreeMap<String, i64>; 2],
    inspections: BTreeSet<String>,
    /// The inspections that logs are about.
    logged: BTreeSet<String>,
}

impl Halves {
    /// What one save has written to one aggregate goes up in one transaction and comes down in one snapshot: whoever
    /// sees one of its rows sees the other.
    fn judge(&self, wrong: &mut Vec<String>) {
        let [first, second] = &self.pairs;
        for laptop in first.keys().chain(second.keys()).collect::<BTreeSet<_>>() {
            let (one, other) = (first.get(laptop), second.get(laptop));
            if one != other {
                wrong.push(format!("atomicity: the pair of {laptop} is {one:?} in one row and {other:?} in the other"));
            }
        }
        for id in self.inspections.difference(&self.logged) {
            wrong.push(format!("atomicity: inspection {id} is there without its log"));
        }
        for id in self.logged.difference(&self.inspections) {
            wrong.push(format!("atomicity: the log of inspection {id} is there without it"));
        }
    }
}

impl Reading {
    /// Reads in one view of the mirror, and judges what can be judged by one view alone.
    pub fn take(mirror: &Mirror, wrong: &mut Vec<String>) -> Result<Reading, MirrorError> {
        mirror.read(|read| {
            let (mut reading, mut halves) = (Reading::default(), Halves::default());
            for item in 1..=3 {
                let Some(fields) = read.fields(EquipmentInventory, ids::item(item))? else { continue };
                let components = fields.get("components").and_then(Value::as_object).cloned().unwrap_or_default();
                for (key, value) in &components {
                    let number = value.as_i64().unwrap_or(-1);
                    if let (Some(laptop), 1 | 2) = (key.strip_prefix("pair_"), item) {
                        halves.pairs[item as usize - 1].insert(laptop.to_owned(), number);
                        reading.registers.insert(register(PAIR, laptop), number);
                    }
                    let Some(laptop) = key.strip_prefix("of_") else { continue };
                    // Both halves are changed by one operation, always.
                    let half = components.get(&format!("half_{laptop}")).and_then(Value::as_i64);
                    if half != Some(number) {
                        wrong.push(format!("atomicity: {laptop} in item {item} is {number} and its half {half:?}"));
                    }
                    reading.registers.insert(register(&item.to_string(), laptop), number);
                }
            }
            let table = InspectionRecords.table().ok_or(MirrorError::NotEnrolled)?;
            for row in read.all(InspectionRecords)? {
                let fields = row.fields(table);
                let Some(text) = fields.get("findings").and_then(Value::as_str) else { continue };
                let Ok(told) = serde_json::from_str::<Told>(text) else { continue };
                halves.inspections.insert(row.id.to_string());
                *reading.inspections.entry(told.by.clone()).or_default() += 1;
                let last = reading.last.entry(told.by.clone()).or_default();
                *last = told.n.max(*last);
                for (register, number) in &told.seen {
                    let now = reading.registers.get(register).copied().unwrap_or(0);
                    if now < *number {
                        wrong.push(format!(
                            "writes follow reads: {} of {} had seen {register} at {number}, here it is {now}",
                            told.n, told.by
                        ));
                    }
                }
            }
            let table = DataCaptureLogs.table().ok_or(MirrorError::NotEnrolled)?;
            for row in read.all(DataCaptureLogs)? {
                let fields = row.fields(table);
                let about = fields.get("captured_fields").and_then(|all| all.get(0)).and_then(Value::as_str);
                halves.logged.extend(about.map(str::to_owned));
            }
            halves.judge(wrong);
            Ok(reading)
        })
    }

    /// Judges it against the one before on the same laptop.
    pub fn follows(&self, before: &Reading, wrong: &mut Vec<String>) {
        for (register, number) in &before.registers {
            let now = self.registers.get(register).copied().unwrap_or(0);
            if now < *number {
                wrong.push(format!("monotonic reads and writes: {register} went from {number} back to {now}"));
            }
        }
        for (laptop, count) in &before.inspections {
            let now = self.inspections.get(laptop).copied().unwrap_or(0);
            if now < *count {
                wrong.push(format!("monotonic reads: {count} inspections of {laptop} became {now}"));
            }
        }
    }
}

#[test]
fn a_reading_that_goes_back_is_found() {
    let of = |register, inspections| Reading {
        registers: [("1/a".to_owned(), register)].into(),
        inspections: [("a".to_owned(), inspections)].into(),
        last: BTreeMap::new(),
    };
    let mut wrong = Vec::new();
    of(7, 3).follows(&of(7, 3), &mut wrong);
    of(9, 4).follows(&of(7, 3), &mut wrong);
    assert!(wrong.is_empty());
    of(6, 3).follows(&of(7, 3), &mut wrong);
    of(7, 2).follows(&of(7, 3), &mut wrong);
    Reading::default().follows(&of(7, 3), &mut wrong);
    assert_eq!(wrong.len(), 4, "{wrong:?}");
}

/// Saves of two rows, whole and by halves, in a real mirror.
#[test]
fn a_half_of_a_save_is_found() {
    use super::laptop::{Orders, inspect, pair};
    use chrono::Utc;
    use serde_json::json;

    let folder = tempfile::tempdir().unwrap();
    let orders = Orders::nowhere(folder.path());
    let mirror = orders.open();
    let judged = |expected: usize| {
        let mut wrong = Vec::new();
        Reading::take(&mirror, &mut wrong).unwrap();
        assert_eq!(wrong.len(), expected, "{wrong:?}");
        assert!(wrong.iter().all(|sentence| sentence.starts_with("atomicity")));
    };
    let fields = |value: Value| value.as_object().cloned().unwrap();
    let of_job = json!({"job_id": orders.job, "equipment_id": ids::item(1)});
    mirror
        .write(Utc::now(), |tx| {
            let device = clara_domain::DeviceId(orders.job);
            let user = clara_domain::UserId(orders.person);
            tx.enroll(clara_local::Profile { device, user, role: "technician".into() })?;
            for item in [ids::item(1), ids::item(2)] {
                tx.insert(
                    EquipmentInventory,
                    item,
                    item,
                    fields(json!({"location_id": ids::TOWER, "components": {}})),
                )?;
            }
            Ok::<_, MirrorError>(())
        })
        .unwrap();
    let told = Told { by: orders.name.clone(), n: 1, seen: BTreeMap::new() };
    judged(0);
    let whole = inspect(&orders, &mirror, ids::item(1), &told);
    pair(&orders, &mirror, 2);
    judged(0);

    // Half a pair, then its other half.
    for (item, expected) in [(1, 1), (2, 0)] {
        let half = fields(json!({"components": {format!("pair_{}", orders.name): 3}}));
        mirror.write(Utc::now(), |tx| tx.update(EquipmentInventory, ids::item(item), ids::item(1), half)).unwrap();
        judged(expected);
    }
    // A log without its inspection, and an inspection without its log.
    let mut log = fields(of_job.clone());
    log.extend(fields(json!({"captured_fields": [ids::item(9)], "completion_percentage": 100.0})));
    mirror.write(Utc::now(), |tx| tx.insert(DataCaptureLogs, ids::item(8), ids::item(9), log)).unwrap();
    judged(1);
    let mut record = fields(of_job);
    record.insert("findings".into(), json!(serde_json::to_string(&told).unwrap()));
    let alone = uuid::Uuid::from_u128(whole.as_u128() ^ 1);
    mirror.write(Utc::now(), |tx| tx.insert(InspectionRecords, alone, alone, record)).unwrap();
    judged(2);
}
