//! What a laptop sees at one moment, and what it may never see.

use std::collections::BTreeMap;

use clara_domain::mirror::Entity::{EquipmentInventory, InspectionRecords};
use clara_local::{Mirror, MirrorError};
use clara_tests::ids;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A number that one laptop keeps in one item: `item/laptop`.
type Register = String;

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

pub fn register(item: u128, laptop: &str) -> Register {
    format!("{item}/{laptop}")
}

impl Reading {
    /// Reads in one view of the mirror, and judges what can be judged by one view alone.
    pub fn take(mirror: &Mirror, wrong: &mut Vec<String>) -> Result<Reading, MirrorError> {
        mirror.read(|read| {
            let mut reading = Reading::default();
            for item in 1..=3 {
                let Some(fields) = read.fields(EquipmentInventory, ids::item(item))? else { continue };
                let components = fields.get("components").and_then(Value::as_object).cloned().unwrap_or_default();
                for (key, value) in &components {
                    let Some(laptop) = key.strip_prefix("of_") else { continue };
                    let number = value.as_i64().unwrap_or(-1);
                    // Both halves are changed by one operation, always.
                    let half = components.get(&format!("half_{laptop}")).and_then(Value::as_i64);
                    if half != Some(number) {
                        wrong.push(format!("atomicity: {laptop} in item {item} is {number} and its half {half:?}"));
                    }
                    reading.registers.insert(register(item, laptop), number);
                }
            }
            let table = InspectionRecords.table().ok_or(MirrorError::NotEnrolled)?;
            for row in read.all(InspectionRecords)? {
                let fields = row.fields(table);
                let Some(text) = fields.get("findings").and_then(Value::as_str) else { continue };
                let Ok(told) = serde_json::from_str::<Told>(text) else { continue };
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
