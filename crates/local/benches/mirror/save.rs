//! Saving: a draft, which happens at every change, and a completed inspection.

use clara_domain::mirror::Entity;
use clara_domain::{EquipmentId, InspectionId, JobId};
use clara_local::{DraftSave, MirrorError};
use serde_json::{Map, Value, json};

use crate::data::{bare, fill, folder, id, mirror, now, row};
use crate::measure::{Book, Line, Times};

const RUNS: u64 = 400;

pub fn part(book: &mut Book) {
    let (ours, floor) = (folder(), folder());
    let mut mirror = mirror(ours.path());
    fill(&mut mirror, Entity::Locations, 1, |_| row(Entity::Locations, id(3, 0), &json!({"location_name": "Site"})));
    let job = json!({"job_number": "J", "location_id": id(3, 0), "scheduled_date": "2026-09-21", "title": "Annual"});
    fill(&mut mirror, Entity::Jobs, 1, |_| row(Entity::Jobs, id(4, 0), &job));
    let bare = bare(floor.path(), "CREATE TABLE saved (id TEXT PRIMARY KEY, body TEXT NOT NULL)");
    let insert = |n: u64, body: &str| {
        bare.prepare_cached("INSERT INTO saved VALUES (?1, ?2)")
            .unwrap()
            .execute([&id(6, n).to_string(), body])
            .unwrap()
    };

    let readings: Map<String, Value> = (0..40).map(|n| (format!("reading_{n}"), json!(n as f64 * 1.5))).collect();
    let draft = json!({"answers": &readings, "findings": "Packing drips once a second; gland nuts even.", "deficiencies": [
        {"item_key": "packing", "severity": "medium", "note": "Adjust at the next visit"}], "next_due": "2027-09-21"});
    let mut record = json!({"job_id": id(4, 0), "inspection_date": "2026-09-21", "inspection_type": "annual", "passed": true,
        "findings": "Packing drips once a second; gland nuts even.", "measurements": readings, "deficiencies": [
        {"item_key": "packing", "severity": "medium", "note": "Adjust at the next visit"}]});

    book.memory_from_here();
    let [mut drafts, mut drafts_floor, mut records, mut records_floor] = [0; 4].map(|_| Times::default());
    for n in 0..RUNS {
        let (inspection, equipment) = (id(6, n), id(5, n));
        let save = DraftSave {
            id: InspectionId(inspection),
            job_id: JobId(id(4, 0)),
            equipment_id: EquipmentId(equipment),
            template_id: None,
            body: draft.clone(),
        };
        let text = draft.to_string();
        drafts.run(|| mirror.write(now(), |tx| tx.save_draft(save)).unwrap());
        drafts_floor.run(|| insert(2 * n, &text));

        record["equipment_id"] = json!(equipment);
        let fields = record.as_object().unwrap().clone();
        let text = record.to_string();
        records.run(|| {
            mirror
                .write(now(), |tx| -> Result<(), MirrorError> {
                    tx.insert(Entity::InspectionRecords, inspection, inspection, fields)?;
                    tx.remove_draft(InspectionId(inspection))
                })
                .unwrap()
        });
        records_floor.run(|| insert(2 * n + 1, &text));
    }
    book.memory_to_here("saving", None);
    for (what, ours, floor) in [
        ("Durable save of a draft", drafts, drafts_floor),
        ("Durable save of a completed inspection", records, records_floor),
    ] {
        let meets = ours.median() <= 2.5 * floor.median();
        book.line(Line::times(what, &ours, "bare insert", &floor).target("≤ 2.5×", meets));
        let on_screen = format!("{}, p99", what);
        let line = Line::new(&on_screen, crate::measure::milliseconds(ours.at(0.99)));
        book.line(line.target("≤ 20 ms", ours.at(0.99) <= 20.0));
    }
    book.note("Bare insert: the same bytes into a table of plain SQLite, one transaction each, `journal_mode = WAL`, `synchronous = FULL`. A save of ours is encrypted and made durable twice, in the spool and in the database.");
}
