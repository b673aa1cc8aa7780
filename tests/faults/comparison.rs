//! Both sides are compared while others go on working.

use clara_cluster::Verdict;
use clara_domain::mirror::Entity::{EquipmentInventory, InspectionRecords};
use clara_sync::Wish;
use clara_tests::{Device, assert_same, ids};

use crate::figure::{figure, scaled};
use crate::office::Office;
use crate::{behind_a_proxy, found};

const AUDIT: Wish = Wish { audit: true, photos: true };

/// Row 3: the office changes an item and adds an inspection in one transaction at every question of a comparison, and the
/// line is cut after any of its messages. The laptop never sees the inspection without the item, and what was merely
/// changed meanwhile is not called a repair.
#[test]
fn a_comparison_while_others_work_shows_no_half_of_their_work_and_repairs_nothing() {
    let company = found();
    let (proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    ana.sync();
    let seen = |ana: &Device| {
        let item = ana.value(EquipmentInventory, ids::item(1), "notes").as_str().map_or(0, |n| n.parse().unwrap());
        let table = InspectionRecords.table().unwrap();
        let latest: Option<u64> = ana
            .rows(InspectionRecords)
            .iter()
            .filter_map(|row| row.fields(table)["findings"].as_str()?.strip_prefix("Number ")?.parse().ok())
            .max();
        (item, latest.unwrap_or(0))
    };
    let numbers = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let (mut comparisons, mut torn, mut false_repairs) = (0, 0, 0);
    let step = scaled(11, 1);
    let mut cut_after = 0;
    loop {
        let (numbers, mut office) = (std::sync::Arc::clone(&numbers), Office::of(&company));
        let mut messages = 0;
        proxy.count_anew();
        proxy.follow(Box::new(move |message| {
            if message.asks("get_byte(uuid_send(t.id),0)") {
                let n = numbers.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                office.run(&format!(
                    "BEGIN; UPDATE equipment_inventory SET notes = '{n}' WHERE id = '{}';
                     INSERT INTO inspection_records (job_id, equipment_id, inspector_id, inspection_date, passed, findings)
                     VALUES ('{}', '{}', '{}', current_date, true, 'Number {n}'); COMMIT",
                    ids::item(1),
                    ids::ANAS_JOB,
                    ids::item(1),
                    ids::ANA
                ));
            }
            messages += 1;
            if messages == cut_after { Verdict::Cut } else { Verdict::Pass }
        }));
        let report = ana.try_sync_with(AUDIT);
        let whole = report.error.is_none();
        comparisons += 1;
        let (item, latest) = seen(&ana);
        torn += u64::from(latest > item);
        false_repairs += report.repairs.map_or(0, |repairs| repairs.len() as u64);
        proxy.heal();
        ana.reconnect();
        if whole && cut_after > 0 {
            break;
        }
        cut_after += step;
    }
    ana.sync();
    assert_same(&mut ana);
    println!("    {comparisons} comparisons, {torn} of them torn, {false_repairs} repairs of what was whole");
    figure(
        "a_comparison_while_others_work_shows_no_half_of_their_work_and_repairs_nothing",
        comparisons,
        torn + false_repairs,
    );
}
