//! What the office imports reaches laptops, is found there, amended and comes back.
//!
//! With `CLARA_REAL_DATA` naming a folder that holds `heat-pumps.csv` and `toronto-fire-findings.csv`, the same
//! stories run on those files; otherwise on a few lines of the same shape.

use std::path::{Path, PathBuf};

use clara_central::import::{ColumnMap, Report, import};
use clara_domain::mirror::Entity::{EquipmentModels, InspectionRecords, Jobs, Locations};
use clara_local::search::{SpecQuery, Within};
use clara_tests::{Company, Device, assert_same, block_on, ids};
use serde_json::json;
use uuid::Uuid;

use crate::found;

const HEAT_PUMP_COLUMNS: &str = include_str!("../fixtures/heat-pump-columns.csv");
const FINDINGS: &str = include_str!("../fixtures/findings.csv");

/// A real file if there is one, or lines of the same shape.
fn source(name: &str, folder: &Path, lines: &str) -> PathBuf {
    match std::env::var_os("CLARA_REAL_DATA") {
        Some(real) => Path::new(&real).join(name),
        None => {
            let path = folder.join(name);
            std::fs::write(&path, lines).unwrap();
            path
        }
    }
}

/// Makers with a leading blank, masses with a decimal comma, dates with the day first, a repeat, and a contradiction.
fn heat_pumps() -> String {
    let columns: Vec<&str> = HEAT_PUMP_COLUMNS.trim().split(',').collect();
    let mut text = format!("{}\n", HEAT_PUMP_COLUMNS.trim());
    for n in 0..40 {
        let line: Vec<String> = columns
            .iter()
            .map(|column| match *column {
                "manufacturers" => format!(" Maker {}", n % 3),
                "models" => "Air O".to_owned(),
                "titel" => format!("AO-{}B{:03}/S*5 I{n}", n % 4, n * 7),
                "dates" => "08.07.2024".to_owned(),
                "types" => "Outdoor Air/Water".to_owned(),
                "refrigerants" => "R290".to_owned(),
                "mass_of_refrigerants" => "\"0,450 kg\"".to_owned(),
                _ => String::new(),
            })
            .collect();
        text.push_str(&line.join(","));
        text.push('\n');
    }
    text
}

fn run(company: &Company, file: &Path, map: &str) -> Report {
    let map = ColumnMap::parse(map).unwrap();
    block_on(import(&company.admin(), &map, file, |_| ())).unwrap()
}

/// What a person types who reads a worn plate: no blanks or dashes, small letters, and look-alikes for each other.
fn mangled(number: &str) -> String {
    number
        .chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            '0' => 'o',
            'I' => '1',
            '1' => 'l',
            'S' => '5',
            '5' => 's',
            'B' => '8',
            '8' => 'b',
            _ => c.to_ascii_lowercase(),
        })
        .collect()
}

#[test]
fn an_imported_catalogue_is_found_offline_from_mangled_numbers_and_a_second_import_changes_nothing() {
    let company = found();
    let folder = tempfile::tempdir().unwrap();
    let file = source("heat-pumps.csv", folder.path(), &heat_pumps());
    let map = include_str!("../../docs/import/heat-pumps.map.json");
    let first = run(&company, &file, map);
    assert!(first.lines >= 40);
    let versions = "SELECT count(*) || ' ' || sum(row_ver) || ' ' || max(cx::text::bigint) FROM equipment_models";
    let before = company.office(versions);
    let second = run(&company, &file, map);
    assert_eq!(second.refused.len(), first.refused.len());
    assert_eq!(company.office(versions), before, "not even a version moved");

    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let models = ana.rows(EquipmentModels);
    assert!(models.len() > 40);
    let mut missed = Vec::new();
    for model in &models {
        let number = ana.value(EquipmentModels, model.id, "model_number");
        let number = number.as_str().unwrap();
        let typed = mangled(number);
        let query = SpecQuery { text: &typed, within: Within::All, site: None, limit: 50 };
        let found = ana.mirror().read(|r| r.search_specs(&query)).unwrap();
        if !found.hits.iter().any(|hit| hit.model_id.0 == model.id) {
            missed.push(format!("{typed} for {number}"));
        }
    }
    assert!(missed.is_empty(), "{} of {} were not found: {:?}", missed.len(), models.len(), missed.first());
    assert_same(&mut ana);
}

#[test]
fn imported_sites_and_findings_are_mirrored_amended_offline_and_reconciled() {
    let company = found();
    let folder = tempfile::tempdir().unwrap();
    let file = source("toronto-fire-findings.csv", folder.path(), FINDINGS);
    let map = include_str!("../../docs/import/toronto-fire-findings.map.json");
    let report = run(&company, &file, map);
    assert!(report.refused.is_empty(), "{:?}", report.refused.first());
    let findings: usize = company
        .office(
            "SELECT sum(jsonb_array_length(deficiencies)) FROM inspection_records WHERE inspection_type <> '' OR true",
        )
        .parse()
        .unwrap();
    assert_eq!(findings as u64, report.lines, "every finding is in an inspection");

    // Three of the sites become Ana's.
    company.office(&format!(
        "UPDATE jobs SET assigned_technician_id = '{}', job_status = 'in_progress' WHERE location_id IN
         (SELECT location_id FROM inspection_records WHERE jsonb_array_length(deficiencies) > 0
          GROUP BY location_id ORDER BY count(*) DESC, location_id LIMIT 3)",
        ids::ANA
    ));
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let sites = ana.rows(Locations).len();
    assert_eq!(sites, 2 + 3, "hers, and the three");
    assert_same(&mut ana);

    let imported: Vec<Uuid> = ana
        .rows(InspectionRecords)
        .into_iter()
        .map(|row| row.id)
        .filter(|id| ana.value(InspectionRecords, *id, "deficiencies").as_array().is_some_and(|list| !list.is_empty()))
        .collect();
    assert!(!imported.is_empty());
    let mut amendments = Vec::new();
    for id in &imported {
        let job: Uuid = ana.value(InspectionRecords, *id, "job_id").as_str().unwrap().parse().unwrap();
        let amendment = Uuid::now_v7();
        ana.add(
            InspectionRecords,
            amendment,
            amendment,
            json!({"job_id": job, "inspector_id": ids::ANA, "amends_inspection_id": id, "inspection_date": "2026-03-02",
                   "inspection_type": "follow-up", "passed": true, "findings": "Looked again: put right"}),
        );
        amendments.push(amendment);
    }
    let job = ana
        .rows(Jobs)
        .into_iter()
        .map(|row| row.id)
        .find(|id| ana.value(Jobs, *id, "job_status") == json!("in_progress"));
    ana.change(Jobs, job.unwrap(), json!({"job_status": "completed"}));
    ana.sync();
    assert_eq!(ana.pending(), 0);
    assert_eq!(
        company.office("SELECT count(*) FROM inspection_records WHERE findings = 'Looked again: put right'"),
        amendments.len().to_string()
    );
    ana.sync();
    assert_same(&mut ana);
}
