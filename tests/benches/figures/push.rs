//! A technician's week goes up at once: 1,000 operations.

use clara_cluster::Cut;
use clara_domain::mirror::Entity::{DataCaptureLogs, EquipmentInventory, InspectionRecords};
use clara_domain::operation::{MAX_BATCH_BYTES, MAX_BATCH_OPS, Operation, Outcome};
use clara_domain::row::Fields;
use clara_sync::{Central, Replica};
use clara_tests::{Company, Device, block_on, ids};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::floor::Bare;
use crate::measure::{Book, Line, Times};

const RUNS: u32 = 5;
const ITEMS: usize = 300;

pub fn part(book: &mut Book) {
    let company = Company::found();
    company.office(&format!(
        "INSERT INTO equipment_inventory (id, location_id, equipment_model_id, serial_number, location_detail, components)
         SELECT md5('item' || n)::uuid, '{}', '11000000-0000-4000-8000-000000000001', 'SN-' || n, 'Riser room ' || n % 40,
             '{{\"drive\": \"belt\"}}'
         FROM generate_series(1, {ITEMS}) n;
         CREATE TABLE floor_record (op_id uuid PRIMARY KEY, seq bigint, root_id uuid, entity text, row_id uuid, kind text, new jsonb);
         ANALYZE",
        ids::TOWER
    ));
    let list = company
        .office(&format!("SELECT string_agg(md5('item' || n)::uuid::text, ' ') FROM generate_series(1, {ITEMS}) n"));
    let items: Vec<Uuid> = list.split(' ').map(|id| id.parse().unwrap()).collect();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.sync();
    let mut bare = Bare::connect(&company);

    book.memory_from_here();
    let [mut whole, mut steps, mut server, mut laptop, mut floor] = [0; 5].map(|_| Times::default());
    for run in 0..RUNS {
        work(&mut ana, &items, 2 * run);
        let report = whole.run(|| ana.sync());
        assert_eq!(report.receipts.get("applied"), Some(&1000), "{:?}", report.receipts);

        work(&mut ana, &items, 2 * run + 1);
        let operations = by_steps(&mut ana, [&mut steps, &mut server, &mut laptop]);
        ana.sync();
        assert_eq!(operations.len(), 1000);
        // The same bytes, once, under the same ids.
        let document = serde_json::to_string(&operations).unwrap();
        assert_eq!(floor.run(|| bare.insert_records(&document)), 1000);
    }
    book.memory_to_here("push of 1,000 operations", None);
    let line = Line::times(
        "Push of 1,000 operations, receipts durable on the laptop",
        &steps,
        "1,000 rows in one INSERT",
        &floor,
    );
    book.line(line.target("< 60 ms", steps.median() < 60.0));
    book.line(Line::times("of which waiting for the server, ten batches", &server, "the same", &floor));
    book.line(Line::new("of which the laptop's own transactions", laptop.words()));
    book.line(Line::times("The whole sync: hello, push, and the rows back", &whole, "the same", &floor));

    let cut = Cut::start(company.port()).unwrap();
    ana.reroute(cut.port());
    ana.sync();
    work(&mut ana, &items, 100);
    cut.count_anew();
    ana.sync();
    let traffic = cut.traffic();
    let ours = format!("{} round trips", traffic.round_trips);
    book.line(Line::new("Sync with 1,000 operations, round trips", ours).target("≤ 12", traffic.round_trips <= 12));
    book.note(format!("1,000 operations: 400 inspections, 300 capture logs, 300 changes of equipment. The whole sync with them moved {:.0} KB up and {:.0} KB down. Floor: one statement, `INSERT … SELECT FROM jsonb_to_recordset`, of the same operations into a table without triggers, rules or ledger.", traffic.to_server as f64 / 1000.0, traffic.to_client as f64 / 1000.0));
}

/// 1,000 operations in one save: what they cost to save is another figure.
fn work(ana: &mut Device, items: &[Uuid], run: u32) {
    let date = "2026-03-02";
    ana.save(|tx| {
        for n in 0..400 {
            let (id, item) = (Uuid::now_v7(), items[n % items.len()]);
            let record = json!({"job_id": ids::ANAS_JOB, "equipment_id": item, "inspector_id": ids::ANA, "inspection_date": date,
                "inspection_type": "annual", "passed": true, "findings": format!("Visit {run}: packing drips evenly"),
                "measurements": {"suction_psi": 42.5, "net_psi": 101.5, "rpm": 1770, "amps": 17.9}, "deficiencies": []});
            tx.insert(InspectionRecords, id, id, fields(record))?;
            if n < 300 {
                let log = json!({"job_id": ids::ANAS_JOB, "equipment_id": item, "technician_id": ids::ANA,
                    "captured_fields": ["serial_number", "location_detail"], "missing_fields": ["installation_date"],
                    "completion_percentage": 66.7, "captured_at": "2026-03-02T10:00:00Z"});
                tx.insert(DataCaptureLogs, Uuid::now_v7(), id, fields(log))?;
                let change = json!({"notes": format!("Seen on visit {run}"), "components": {"belt_size": format!("4L{run}")}});
                tx.update(EquipmentInventory, item, item, fields(change))?;
            }
        }
        Ok(())
    });
}

fn fields(value: Value) -> Fields {
    value.as_object().unwrap().clone()
}

/// The push as the engine does it, with a look at where the time goes.
fn by_steps(ana: &mut Device, [steps, server, laptop]: [&mut Times; 3]) -> Vec<Operation> {
    let (mut mirror, device) = (ana.mirror().clone(), ana.id);
    let mut all = Vec::new();
    let (mut there, mut here) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
    loop {
        let begun = std::time::Instant::now();
        let batch = mirror.take_batch(MAX_BATCH_OPS, MAX_BATCH_BYTES).unwrap();
        here += begun.elapsed();
        if batch.is_empty() {
            break;
        }
        let begun = std::time::Instant::now();
        let receipts = block_on(ana.central().push(device, &batch)).unwrap();
        there += begun.elapsed();
        assert!(receipts.iter().all(|receipt| receipt.outcome == Outcome::Applied));
        let begun = std::time::Instant::now();
        mirror.settle(&receipts, chrono::Utc::now()).unwrap();
        here += begun.elapsed();
        all.extend(batch);
    }
    steps.push(here + there);
    server.push(there);
    laptop.push(here);
    all
}
