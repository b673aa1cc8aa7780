//! Imports from CSV, JSON and JSON lines.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use clara_central::import::{ColumnMap, Counts, Report, import};
use clara_central::{AdminError, Server};
use support::{company, hire, psql};

fn map(name: &str) -> ColumnMap {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/import").join(name);
    ColumnMap::parse(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn written(name: &str, text: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).unwrap();
    file
}

async fn run(admin: &Server, map: &ColumnMap, file: &Path) -> Report {
    import(admin, map, file, |_| ()).await.unwrap()
}

fn counts(added: u64, changed: u64, unchanged: u64) -> Counts {
    Counts { added, changed, unchanged }
}

/// Every stamp of every table that an import writes.
fn stamps(database: &str) -> String {
    psql(
        database,
        "SELECT md5(string_agg(t, ',' ORDER BY t)) FROM (
            SELECT 'm' || id || row_ver || cx FROM manufacturers UNION ALL
            SELECT 'e' || id || row_ver || cx FROM equipment_models UNION ALL
            SELECT 'p' || id || row_ver || cx FROM common_problems UNION ALL
            SELECT 'c' || id || row_ver || cx FROM customers UNION ALL
            SELECT 'l' || id || row_ver || cx FROM locations UNION ALL
            SELECT 'i' || id || row_ver || cx FROM equipment_inventory UNION ALL
            SELECT 'j' || id || row_ver || cx FROM jobs UNION ALL
            SELECT 'q' || id || row_ver || cx FROM job_equipment UNION ALL
            SELECT 'r' || id || row_ver || cx FROM inspection_records) AS v(t)",
    )
}

const PUMPS: &str = "\u{feff}manufacturers,models,titel,dates,types,refrigerants,mass_of_refrigerants,spl_indoor_l,spl_outdoor_l,eta_l,p_rated_l,scop_l,t_biv,tol,cop_minus7_l,cop_2_l,cop_7_l,cop_12_l,rated_airflows_l,wtols,poffs,ptos,psbs,pcks,p_sups_l,eta_h,p_rated_h
 Acme a.s.,Polar N,Polar N,08.07.2024,Outdoor Air/Water,R290,\"0,450 kg\",0.0,0,187.0,7.65,4.75,-7.0,-10.0,3.05,4.64,6.37,6.96,,75.0,15.0,15.0,15.0,0.0,1.53,150.0,7.5
Acme a.s.,Polar L,Polar */L 16_é,31.02.2024,Outdoor Air/Water,R290,\"2,600 kg\",,,217.0,15.5,5.49,-10.0,-10.0,3.34,5.31,7.35,9.57,,75.0,12.0,13.0,12.0,0.0,0.0,158.0,16.0
Acme a.s.,Polar S,Polar N,08.07.2024,Outdoor Air/Water,R290,\"0,450 kg\",0.0,0,187.0,7.65,4.75,-7.0,-10.0,3.05,4.64,6.37,6.96,,75.0,15.0,15.0,15.0,0.0,1.53,150.0,7.5
Acme a.s.,Polar L,Polar */L 17_é,31.01.2024,Outdoor Air/Water,R290,\"2,600 kg\",,,217.0,15.5,5.49,-10.0,-10.0,3.34,5.31,7.35,9.57,,75.0,12.0,13.0,12.0,0.0,0.0,158.0,16.0
short,line
,nobody,X 1,,,,,,,,,,,,,,,,,,,,,,,,
";

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_reported_by_number_and_reason_and_the_rest_goes_in() {
    let admin = company("pumps").await;
    let file = written("pumps.csv", PUMPS);
    let report = run(&admin, &map("heat-pumps.map.json"), &file).await;

    let refused: Vec<(u64, &str)> = report.refused.iter().map(|r| (r.line, r.reason.as_str())).collect();
    assert_eq!(refused.len(), 4, "{refused:?}");
    assert!(refused[0].0 == 3 && refused[0].1.contains("\"31.02.2024\" is not a date"), "{refused:?}");
    assert!(refused[1].0 == 4 && refused[1].1.contains("same key as on line 2"), "{refused:?}");
    assert!(refused[2].0 == 6 && refused[2].1.contains("it has 2 columns"), "{refused:?}");
    assert!(refused[3].0 == 7 && refused[3].1.contains("name is empty"), "{refused:?}");
    assert_eq!(report.lines, 6);
    assert_eq!(report.tables["equipment_models"], counts(2, 0, 0));
    assert_eq!(
        psql(
            "pumps",
            "SELECT m.name || '|' || e.model_number || '|' || (e.physical_specs->>'refrigerant_kg') || '|' ||
            (e.physical_specs->>'certified_on') FROM equipment_models e JOIN manufacturers m ON m.id = e.manufacturer_id
            ORDER BY e.model_number"
        ),
        "Acme a.s.|Polar */L 17_é|2.6|2024-01-31\nAcme a.s.|Polar N|0.45|2024-07-08"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_twice_changes_nothing_and_a_changed_line_changes_one_row() {
    let admin = company("twice").await;
    let (map, file) = (map("heat-pumps.map.json"), written("twice.csv", PUMPS));
    run(&admin, &map, &file).await;
    let before = stamps("twice");
    let again = run(&admin, &map, &file).await;
    assert_eq!(again.tables["equipment_models"], counts(0, 0, 2));
    assert_eq!(again.tables["manufacturers"], counts(0, 0, 1));
    assert_eq!(stamps("twice"), before, "not one row was written");

    let file = written("thrice.csv", &PUMPS.replace("\"0,450 kg\"", "\"0,500 kg\""));
    let third = run(&admin, &map, &file).await;
    assert_eq!(third.tables["equipment_models"], counts(0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_filled_in_survives_an_import() {
    let admin = company("survives").await;
    let (map, file) = (map("heat-pumps.map.json"), written("survives.csv", PUMPS));
    psql("survives", "INSERT INTO manufacturers (name, website) VALUES ('Acme a.s.', 'https://acme.example')");
    run(&admin, &map, &file).await;
    assert_eq!(
        psql("survives", "SELECT count(*) || string_agg(website, '') FROM manufacturers"),
        "1https://acme.example"
    );
    psql(
        "survives",
        "UPDATE equipment_models SET physical_specs = physical_specs || '{\"filter\": \"F7\"}', maintenance_notes = 'n'",
    );
    let again = run(&admin, &map, &file).await;
    assert_eq!(again.tables["equipment_models"], counts(0, 0, 2));
    assert_eq!(
        psql("survives", "SELECT DISTINCT physical_specs->>'filter' || maintenance_notes FROM equipment_models"),
        "F7n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_far_apart_in_the_file_become_one_inspection_in_its_year() {
    let admin = company("findings").await;
    let mut text = String::from(
        "id,property_address,enforcement_proceedings,property_type,property_ward,inspection_thread,inspections_opendate,inspections_closeddate,violation_fire_code,violation_description,inspection_open_date,inspection_closed_date\n",
    );
    // The same threads come round again after more lines than one batch holds.
    for finding in 0..1200 {
        let site = finding % 300;
        text.push_str(&format!(
            "{finding},{site} Main St,{},High Rise,7.0,_t{site},2017-02-02 12:00:04+00:00,2017-04-10 14:30:31+00:00,9.6.2.5,Finding {finding},2017-02-02,2017-04-10\n",
            if finding % 2 == 0 { "no" } else { "Yes" }
        ));
    }
    let (map, file) = (map("toronto-fire-findings.map.json"), written("findings.csv", &text));
    let report = run(&admin, &map, &file).await;
    assert_eq!(report.refused, []);
    for table in ["customers", "locations", "jobs", "inspection_records"] {
        assert_eq!(report.tables[table], counts(300, 0, 0), "{table}");
    }
    assert_eq!(
        psql(
            "findings",
            "SELECT string_agg(d->>'text' || ' ' || (d->>'severity'), ', ' ORDER BY o) FROM inspection_records,
            jsonb_array_elements(deficiencies) WITH ORDINALITY AS v(d, o) WHERE metadata->>'thread' = '_t5'"
        ),
        "Finding 5 critical, Finding 305 critical, Finding 605 critical, Finding 905 critical"
    );
    assert_eq!(psql("findings", "SELECT count(*) FROM inspection_records_2017"), "300", "out of the default partition");
    assert_eq!(psql("findings", "SELECT count(*) FROM inspection_records_default"), "0");
    assert_eq!(psql("findings", "SELECT count(*) FROM sync.tombstone"), "0", "moving rows is not deleting them");

    let before = stamps("findings");
    let again = run(&admin, &map, &file).await;
    assert_eq!(again.tables["inspection_records"], counts(0, 0, 300));
    assert_eq!(stamps("findings"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_with_a_toml_map_bring_sites_equipment_and_work_and_know_people_by_their_address() {
    let admin = company("lines").await;
    hire("lines", "dana@example.com", "technician");
    let map = ColumnMap::parse(
        r#"
        [[records]]
        into = "customers"
        key = ["customer.name"]
        fields = { company_name = "customer.name" }

        [[records]]
        into = "locations"
        key = ["customer.name", "site"]
        repeat = "first"
        [records.fields]
        customer_id = { record = "customers" }
        location_name = "site"
        address = { first_of = ["address", { value = "unknown" }] }

        [[records]]
        into = "equipment_inventory"
        key = ["tag"]
        when = "tag"
        [records.fields]
        location_id = { record = "locations" }
        serial_number = "serial"
        equipment_category = { column = "kind", then = [{ words = { pump = "fire_pump", "*" = "other" } }] }
        components = { object = { size = "size" } }

        [[records]]
        into = "jobs"
        [records.fields]
        job_number = "job"
        customer_id = { record = "customers" }
        location_id = { record = "locations" }
        assigned_technician_id = { find = "users", by = "tech" }
        job_type = { value = "inspection" }
        scheduled_date = "due"
        title = { text = "Visit {site}" }

        [[records]]
        into = "job_equipment"
        when = "tag"
        fields = { job_id = { record = "jobs" }, equipment_id = { record = "equipment_inventory" } }
        "#,
    )
    .unwrap();
    let file = written(
        "work.jsonl",
        r#"{"customer": {"name": "Ash"}, "site": "North", "tag": "P-1", "serial": "S1", "kind": "pump", "job": "J-1", "tech": "Dana@example.com", "due": "2026-11-24", "size": 4}
{"customer": {"name": "Ash"}, "site": "North", "job": "J-2", "tech": "nobody@example.com", "due": "2026-11-24"}
not json

{"customer": {"name": "Ash"}, "site": "South", "address": "1 Low Rd", "job": "J-3", "due": "soon"}
{"customer": {"name": "Ash"}, "site": "South", "address": "1 Low Rd", "job": "J-4", "due": "2026-11-25"}
{"customer": {"name": "Birch"}, "site": "East", "job": "a job number that is much longer than the fifty characters of its column", "due": "2026-11-25"}
"#,
    );
    let report = run(&admin, &map, &file).await;
    let refused: Vec<(u64, &str)> = report.refused.iter().map(|r| (r.line, r.reason.as_str())).collect();
    let reasons = ["has no \"nobody@example.com\"", "expected", "scheduled_date: \"soon\"", "at most 50 fit"];
    assert_eq!(refused.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 5, 7], "{refused:?}");
    for ((_, said), wanted) in refused.iter().zip(reasons) {
        assert!(said.contains(wanted), "{said} / {wanted}");
    }
    assert_eq!(report.tables["customers"], counts(1, 0, 0), "a refused line leaves no customer behind");
    assert_eq!(report.tables["jobs"], counts(2, 0, 0));
    assert_eq!(
        psql("lines", "SELECT e.serial_number || e.equipment_category || (e.components->>'size') || l.location_name
            FROM job_equipment q JOIN equipment_inventory e ON e.id = q.equipment_id JOIN locations l ON l.id = q.location_id"),
        "S1fire_pump4North"
    );
    assert_eq!(
        psql("lines", "SELECT u.email || a.state FROM sync.location_access a JOIN users u ON u.id = a.user_id"),
        "dana@example.comgranted",
        "the job's technician got the site"
    );
    let before = stamps("lines");
    run(&admin, &map, &file).await;
    assert_eq!(stamps("lines"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_database_can_refuse_is_found_among_the_good_lines() {
    let admin = company("refuses").await;
    let model = "00000000-0000-0000-0000-0000000000ff";
    let map = ColumnMap::parse(
        r#"{"records": [{"into": "common_problems", "key": ["text"], "fields": {
            "equipment_model_id": "model", "problem_description": "text", "severity": {"value": "high"},
            "frequency": {"value": "rare"}, "symptoms": {"column": "signs", "then": [{"split": ";"}]}}}]}"#,
    )
    .unwrap();
    psql("refuses", &format!("INSERT INTO manufacturers (id, name) VALUES ('{model}', 'M');
        INSERT INTO equipment_models (id, manufacturer_id, model_number, equipment_category) VALUES ('{model}', '{model}', 'X', 'hvac')"));
    let items: Vec<String> = (0..64)
        .map(|n| {
            let model = if n == 17 { "00000000-0000-0000-0000-00000000dead" } else { model };
            format!(r#"{{"model": "{model}", "text": "problem {n}", "signs": "a; b{n}"}}"#)
        })
        .collect();
    let file = written("problems.json", &format!("[{}]", items.join(",\n")));
    let report = run(&admin, &map, &file).await;
    assert_eq!(report.refused.len(), 1, "{:?}", report.refused);
    assert_eq!(report.refused[0].line, 18);
    assert!(report.refused[0].reason.contains("refers to something that is not there"), "{:?}", report.refused);
    assert_eq!(report.tables["common_problems"], counts(63, 0, 0));
    assert_eq!(
        psql("refuses", "SELECT symptoms FROM common_problems WHERE problem_description = 'problem 3'"),
        "[\"a\", \"b3\"]"
    );

    let cut = written("cut.json", &format!("[{}", items.join(",\n")));
    let report = run(&admin, &map, &cut).await;
    assert!(
        report.refused.iter().any(|r| r.line == 65 && r.reason.contains("cannot be read from here on")),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_that_does_not_fit_is_refused_before_anything_is_written() {
    let admin = company("maps").await;
    let file = written("maps.csv", "a,b\n1,2\n");
    for (text, wanted) in [
        (r#"{"records": []}"#, "no records"),
        (r#"{"records": [{"into": "users", "fields": {}}]}"#, "nothing can be imported into"),
        (r#"{"records": [{"into": "customers", "fields": {"company_name": "a"}}]}"#, "needs a key"),
        (
            r#"{"records": [{"into": "customers", "key": ["a"], "fields": {"company_name": {"column": "a", "value": 1}}}]}"#,
            "exactly one source",
        ),
        (
            r#"{"records": [{"into": "customers", "key": ["a"], "fields": {"company_name": {"record": "jobs"}}}]}"#,
            "no record before it",
        ),
    ] {
        let error = ColumnMap::parse(text).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error} / {wanted}");
    }
    for (text, wanted) in [
        (r#"{"records": [{"into": "customers", "key": ["z"], "fields": {"company_name": "a"}}]}"#, "no column \"z\""),
        (
            r#"{"records": [{"into": "customers", "key": ["a"], "fields": {"company_name": "a", "row_ver": "b"}}]}"#,
            "row_ver",
        ),
    ] {
        let map = ColumnMap::parse(text).unwrap();
        let error = import(&admin, &map, &file, |_| ()).await.unwrap_err();
        assert!(
            matches!(&error, AdminError::Map(why) | AdminError::Unfit(why) if why.contains(wanted)),
            "{error} / {wanted}"
        );
    }
    assert_eq!(psql("maps", "SELECT count(*) FROM customers"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_spreadsheet_program_saved_is_read_or_refused_in_words() {
    let admin = company("spreadsheets").await;
    let makers = |more: &str| {
        let text = format!(
            r#"{{{more} "records": [{{"into": "customers", "key": ["Name"], "fields": {{"company_name": "Name", "billing_address": "Ort"}}}}]}}"#
        );
        ColumnMap::parse(&text).unwrap()
    };
    let bytes = |name: &str, bytes: &[u8]| {
        let file = written(name, "");
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let utf16: Vec<u8> =
        "\u{feff}Name\tOrt\nM\u{fc}ller\tK\u{f6}ln\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = bytes("unicode.txt", &utf16);
    assert_eq!(run(&admin, &makers(""), &file).await.tables["customers"], counts(1, 0, 0), "tabs and UTF-16 are seen");
    let file = written("semicolons.csv", "Name;Ort\nM\u{fc}ller;K\u{f6}ln\n");
    assert_eq!(run(&admin, &makers(""), &file).await.tables["customers"], counts(0, 0, 1), "semicolons too");
    let western = bytes("western.csv", b"Name;Ort\nM\xfcller;K\xf6ln\nPlain;Town\n");
    let report = run(&admin, &makers(""), &western).await;
    assert_eq!((report.refused.len(), report.refused[0].line), (1, 2), "nothing is guessed of single bytes");
    assert!(report.refused[0].reason.contains("encoding"), "{:?}", report.refused);
    let told = makers(r#""encoding": "windows-1252","#);
    assert_eq!(run(&admin, &told, &western).await.tables["customers"], counts(0, 0, 2), "unless the map says so");
    assert_eq!(psql("spreadsheets", "SELECT billing_address FROM customers WHERE company_name LIKE 'M%'"), "K\u{f6}ln");

    for (name, content, wanted) in [
        ("nothing.csv", &b""[..], "empty"),
        ("blank.csv", b"\n\n", "empty"),
        ("picture.csv", b"\xff\xd8\xff\xe0,\n", "not UTF-8"),
        ("other.csv", b"Firma,Stadt\nX,Y\n", "\"Firma\", \"Stadt\""),
        ("broken.txt", &utf16[..utf16.len() - 1], "cannot be read"),
    ] {
        let file = bytes(name, content);
        match import(&admin, &makers(""), &file, |_| ()).await {
            Err(error) => assert!(matches!(&error, AdminError::Unfit(why) if why.contains(wanted)), "{name}: {error}"),
            Ok(report) => {
                assert!(report.refused.iter().any(|line| line.reason.contains(wanted)), "{name}: {report:?}");
            }
        }
    }
    assert!(ColumnMap::parse(r#"{"encoding": "klingon", "records": []}"#).unwrap_err().to_string().contains("klingon"));
    assert_eq!(psql("spreadsheets", "SELECT count(*) FROM customers"), "2");

    let nobody = Server { host: "localhost".into(), port: 1, ..admin.clone() };
    let error = import(&nobody, &makers(""), std::path::Path::new("no such file.csv"), |_| ()).await.unwrap_err();
    assert!(matches!(error, AdminError::File(..)), "what is wrong on this side is said first: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_companys_own_service_may_import_and_a_technician_may_not() {
    let admin = company("importers").await;
    let file = written("importers.csv", PUMPS);
    psql("importers", "CREATE ROLE importing_service LOGIN PASSWORD 'service' IN ROLE clara_backend");
    let service =
        Server { role: "importing_service".into(), password: clara_central::Secret::new("service"), ..admin.clone() };
    let report = run(&service, &map("heat-pumps.map.json"), &file).await;
    assert_eq!(report.tables["equipment_models"], counts(2, 0, 0));

    let technician = support::laptop(&admin, hire("importers", "dana@example.com", "technician")).await;
    let error = import(&technician, &map("heat-pumps.map.json"), &file, |_| ()).await.unwrap_err();
    assert!(
        matches!(&error, AdminError::Central(clara_sync::CentralError::Refused { code, .. }) if code == "42501"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_models_limits_are_imported_by_model_and_reading_and_a_second_time_changes_nothing() {
    let admin = company("limits").await;
    psql(
        "limits",
        "INSERT INTO manufacturers (id, name) VALUES (md5('m')::uuid, 'Watts');
         INSERT INTO equipment_models (id, manufacturer_id, model_number, equipment_category)
         VALUES (md5('model')::uuid, md5('m')::uuid, 'LF009', 'backflow_preventer')",
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limits.csv");
    std::fs::write(
        &file,
        "model,reading,label,low,high,source\n\
         LF009,relief_psid,Relief valve opens,2.0,,Manual 4.2\n\
         LF009,check_1_psid,Check valve 1,9,5,Manual 4.2\n\
         LF010,relief_psid,Relief valve opens,2.0,,Manual 4.2\n",
    )
    .unwrap();
    let map = ColumnMap::parse(
        r#"{"records": [{"into": "spec_limits", "fields": {
            "equipment_model_id": {"find": "equipment_models", "by": "model"}, "item_key": "reading", "label": "label",
            "limit_min": {"column": "low", "then": ["number"]}, "limit_max": {"column": "high", "then": ["number"]},
            "unit": {"value": "psid"}, "limit_source": "source"}}]}"#,
    )
    .unwrap();
    for (round, (added, unchanged)) in [(1, 0), (0, 1)].into_iter().enumerate() {
        let report = import(&admin, &map, &file, |_| {}).await.unwrap();
        let counts = report.tables["spec_limits"];
        assert_eq!((counts.added, counts.changed, counts.unchanged), (added, 0, unchanged), "round {round}");
        let refused: Vec<u64> = report.refused.iter().map(|refusal| refusal.line).collect();
        assert_eq!(refused, [3, 4], "a limit upside down, a model that is not there: {:?}", report.refused);
    }
    assert_eq!(psql("limits", "SELECT limit_min || ' ' || unit FROM spec_limits"), "2 psid");
}
