//! Operations that the server will never take, and rows that the office changes in SQL.

use std::collections::BTreeMap;

use clara_domain::mirror::Entity::{EquipmentInventory, EquipmentModels, InspectionRecords};
use clara_domain::mirror::TABLES;
use clara_tests::{Device, assert_same, ids};
use serde_json::json;
use uuid::Uuid;

use crate::figure::{figure, scaled};
use crate::found;

/// Row 30 and invariant 6: one of every ten operations can never be taken, each in another way; every other one goes up
/// in the same sync, downloads go on, and each refusal has its reason on the laptop.
#[test]
fn one_operation_in_ten_is_poison_of_six_kinds_and_no_other_aggregate_waits() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    // The sixth kind: a trigger of the company's own that raises, in the middle of applying.
    company.office(
        "CREATE FUNCTION public.company_rule() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'not on a Sunday'; END $$;
         GRANT EXECUTE ON FUNCTION public.company_rule() TO PUBLIC;
         CREATE TRIGGER company_rule BEFORE INSERT ON inspection_records FOR EACH ROW
         WHEN (NEW.recommendations = 'raise') EXECUTE FUNCTION public.company_rule()",
    );
    let operations = scaled(300, 5_000);
    let mut good = 0;
    let mut poison: BTreeMap<&str, u64> = BTreeMap::new();
    for n in 0..operations {
        let id = Uuid::now_v7();
        let mut fields = json!({
            "job_id": ids::ANAS_JOB, "equipment_id": ids::item(1), "inspector_id": ids::ANA, "passed": true,
            "inspection_date": "2026-03-02", "inspection_type": "annual", "findings": "Poison or not",
        });
        if n % 10 == 3 {
            let kinds: [(&str, &str, serde_json::Value); 6] = [
                ("a row that is not there", "amends_inspection_id", json!(Uuid::from_u128(u128::from(n)))),
                ("a date that is none", "inspection_date", json!("2026-02-31")),
                ("a site of nobody's", "job_id", json!(ids::SCHOOL_JOB)),
                ("another kind of value", "passed", json!("perhaps")),
                ("a column that is not there", "no_such_column", json!(1)),
                ("a trigger that raises", "recommendations", json!("raise")),
            ];
            let (kind, field, value) = kinds[usize::try_from(n / 10 % 6).unwrap()].clone();
            fields[field] = value;
            if kind == "a site of nobody's" {
                fields["equipment_id"] = json!(ids::item(8));
            }
            *poison.entry(kind).or_default() += 1;
            let saved = ana.mirror().write(chrono::Utc::now(), |tx| {
                Ok::<_, clara_local::MirrorError>(tx.insert(
                    InspectionRecords,
                    id,
                    id,
                    fields.as_object().cloned().unwrap(),
                ))
            });
            // What the laptop's own check refuses at save never becomes poison.
            if !matches!(saved, Ok((Ok(_), _))) {
                *poison.entry(kind).or_default() -= 1;
            }
        } else {
            ana.add(InspectionRecords, id, id, fields);
            good += 1;
        }
    }
    company.office(&format!("UPDATE equipment_inventory SET notes = 'fresh' WHERE id = '{}'", ids::item(2)));
    let report = ana.sync();
    let arrived: u64 = company
        .office("SELECT count(*) FROM inspection_records WHERE findings = 'Poison or not' AND inspector_id IS NOT NULL")
        .parse()
        .unwrap();
    let refused =
        report.receipts.get("rejected").copied().unwrap_or(0) + report.receipts.get("parked").copied().unwrap_or(0);
    assert_eq!(ana.value(EquipmentInventory, ids::item(2), "notes"), json!("fresh"), "downloads go on");
    assert_eq!(ana.pending(), 0, "none of them is sent again and again");
    println!("    poison by kind: {poison:?}; receipts: {:?}", report.receipts);
    assert!(poison.values().filter(|count| **count > 0).count() >= 3, "{poison:?}");
    let bad: u64 = poison.values().sum();
    assert_eq!(u64::from(refused), bad, "{:?}", report.receipts);
    assert_eq!(arrived, good);
    figure("one_operation_in_ten_is_poison_of_six_kinds_and_no_other_aggregate_waits", bad, good - arrived);
}

/// Row 40: TRUNCATE is refused on every table that laptops mirror, also to the administrator.
#[test]
fn truncate_is_refused_on_every_mirrored_table() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let mut refused = 0;
    for table in TABLES {
        // Three of them are kept by the sync schema, under names of their own.
        let relation = company.office(&format!(
            "SELECT coalesce(to_regclass('public.{0}'), to_regclass('sync.' || rtrim('{0}', 's')),
                 to_regclass('sync.' || split_part('{0}', '_', 1)))",
            table.name
        ));
        assert!(!relation.is_empty(), "{}", table.name);
        let mut office = crate::office::Office::of(&company);
        office.start(&format!("TRUNCATE {relation} CASCADE"));
        let state = office.end().1;
        assert_ne!(state, "00000", "{relation} was truncated");
        refused += 1;
    }
    ana.sync();
    assert_same(&mut ana);
    figure("truncate_is_refused_on_every_mirrored_table", refused, 0);
}

/// Row 40: the office changes very many rows at once; laptops take them, and work goes up meanwhile.
#[test]
fn a_change_of_very_many_rows_comes_through() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let rows = scaled(60_000, 1_000_000);
    company.office(&format!(
        "INSERT INTO equipment_models (manufacturer_id, model_number, equipment_category, pressure_specs)
         SELECT '10000000-0000-4000-8000-000000000001', 'BULK-' || n, 'fire_pump', '{{\"rated_psi\": 100}}'
         FROM generate_series(1, {rows}) n"
    ));
    company.office(&format!("UPDATE equipment_inventory SET notes = 'fresh' WHERE id = '{}'", ids::item(2)));
    let mut syncs = 0;
    for round in 0..2 {
        if round == 1 {
            company.office("UPDATE equipment_models SET pressure_specs = '{\"rated_psi\": 125}'");
        }
        let id = ana.inspect(ids::ANAS_JOB, ids::item(1), "Meanwhile");
        let began = std::time::Instant::now();
        loop {
            syncs += 1;
            match ana.try_sync().error {
                None => break,
                Some(error) => assert!(error.passes_by_itself(), "{error:?}"),
            }
            assert!(syncs < 10, "it never comes through");
        }
        println!("    {rows} rows in {:?}, after {syncs} syncs in all", began.elapsed());
        assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "1");
    }
    assert_eq!(ana.rows(EquipmentModels).len() as u64, rows + 1);
    assert_eq!(ana.value(EquipmentInventory, ids::item(2), "notes"), json!("fresh"));
    assert_same(&mut ana);
    figure("a_change_of_very_many_rows_comes_through", rows, 0);
}
