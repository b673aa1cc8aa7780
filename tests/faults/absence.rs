//! Away for a month.

use clara_cluster::{Direction, Verdict};
use clara_domain::PhotoId;
use clara_domain::mirror::Entity::{EquipmentInventory, InspectionRecords};
use clara_sync::Replica;
use clara_tests::{assert_same, ids};
use serde_json::json;
use uuid::Uuid;

use crate::chance::Chance;
use crate::figure::{figure, scaled};
use crate::{behind_a_proxy, found};

/// Row 29: a month's work and photos go up over a line that is cut every so often. What has arrived stays, no sync goes
/// back behind the one before, and work goes before photos.
#[test]
fn a_month_of_work_and_photos_arrives_over_a_line_that_is_cut_every_so_often() {
    let company = found();
    let (proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    let (operations, photos) = (scaled(1_500, 10_000), scaled(40, 2_000));
    let mut chance = Chance::new(29);
    for n in 0..operations {
        let item = ids::item(1 + u128::from(n) % 3);
        if n % 3 == 0 {
            ana.change(EquipmentInventory, item, json!({"components": {format!("part_{}", n % 50): n.to_string()}}));
        } else {
            ana.inspect(ids::ANAS_JOB, item, "A month's work");
        }
    }
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for n in 0..photos {
        let bytes: Vec<u8> = (0..300_000 + 1_000 * (n % 300))
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            })
            .collect();
        let fields = json!({"equipment_id": ids::item(1), "job_id": ids::ANAS_JOB, "caption": format!("{n}"),
            "mime": "image/jpeg", "width": 100, "height": 100});
        ana.save(|tx| {
            tx.attach_photo(clara_local::PhotoNew {
                id: PhotoId(Uuid::now_v7()),
                root_id: ids::item(1),
                fields: fields.as_object().cloned().unwrap(),
                bytes: &bytes,
                thumbnail: b"small",
            })
        });
    }
    // Meanwhile in the office.
    let office_rows = scaled(3_000, 10_000);
    company.office(&format!(
        "INSERT INTO equipment_inventory (location_id, manual_model_number)
         SELECT '{}', 'M-' || n FROM generate_series(1, {office_rows}) n",
        ids::TOWER
    ));
    company.office(
        "INSERT INTO common_problems (equipment_model_id, problem_description, severity, frequency)
         SELECT '11000000-0000-4000-8000-000000000001', 'Problem ' || n, 'low', 'rare' FROM generate_series(1, 500) n",
    );

    let there = |sql: &str| company.office(sql).parse::<u64>().unwrap();
    let (mut pending, mut stored, mut cuts, mut syncs) = (u64::from(ana.pending()), 0, 0, 0);
    loop {
        // At a byte of what goes up: some way into the batches at first, later among the photos' chunks.
        let mut left = 60_000 + chance.below(2_500_000);
        proxy.follow(Box::new(move |message| {
            if message.direction == Direction::ToClient {
                return Verdict::Pass;
            }
            let bytes = message.body.len() as u64;
            if bytes > left {
                Verdict::CutInside(usize::try_from(left).unwrap())
            } else {
                left -= bytes;
                Verdict::Pass
            }
        }));
        let report = ana.try_sync();
        syncs += 1;
        proxy.heal();
        let now = u64::from(ana.pending());
        let stored_now = there("SELECT count(*) FROM photos WHERE state = 'stored'");
        assert!(
            now <= pending && stored_now >= stored,
            "progress goes back: {pending} to {now}, {stored} to {stored_now}"
        );
        assert!(stored_now == 0 || now == 0, "work goes before photos");
        (pending, stored) = (now, stored_now);
        match report.error {
            None => break,
            Some(error) => {
                assert!(error.passes_by_itself(), "{error:?}");
                cuts += 1;
            }
        }
        assert!(
            syncs < 60 + 2 * photos,
            "it gets nowhere: {pending} operations and {} photos are left",
            photos - stored
        );
    }
    println!("    {operations} operations and {photos} photos over {cuts} cuts");
    assert_eq!((ana.pending(), there("SELECT count(*) FROM photos WHERE state = 'stored'")), (0, photos));
    assert_eq!(
        there(
            "SELECT count(*) FROM photos p WHERE p.sha256 <> (SELECT encode(sha256(string_agg(c.bytes, ''::bytea ORDER BY c.number)), 'hex')
                 FROM sync.photo_chunk c WHERE c.photo_id = p.id)"
        ),
        0
    );
    assert_eq!(
        there("SELECT count(*) FROM inspection_records WHERE findings = 'A month''s work'"),
        ana.rows(InspectionRecords).len() as u64 - 3
    );
    assert_eq!(ana.mirror().clone().state().unwrap().photos_waiting, 0);
    assert_same(&mut ana);
    figure("a_month_of_work_and_photos_arrives_over_a_line_that_is_cut_every_so_often", cuts, 0);
}
