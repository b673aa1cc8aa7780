//! Text that comes from outside: enrolment files and codes, imports, requests. Whatever is in it, there is an answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use clara_app::{App, Floor, Keyring, Options, WallClock};
use clara_central::connect::{Mode, sql};
use clara_central::enroll::Enrolment;
use clara_central::import::{ColumnMap, import};
use clara_contract::COMMANDS;
use clara_tests::{Company, block_on, ids};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::figure::{figure, scaled};
use crate::values::{document, text};

pub fn spoilt(chance: &mut Chance, from: &str) -> String {
    let mut bytes = from.as_bytes().to_vec();
    for _ in 0..=chance.below(4) {
        let length = bytes.len();
        match chance.below(6) {
            0 => bytes.truncate(chance.below(length + 1)),
            1 => {
                let at = chance.below(length);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            2 => {
                let (a, b) = (chance.below(length + 1), chance.below(length + 1));
                bytes.drain(a.min(b)..a.max(b));
            }
            3 => {
                let at = chance.below(length + 1);
                bytes.splice(at..at, text(chance).into_bytes());
            }
            4 => {
                let at = chance.below(length + 1);
                bytes.splice(
                    at..at,
                    chance.pick(&["\"", "{", "}", "[", ",", ":", "\u{feff}", "\\", "\r\n", "1e999", "null"]).bytes(),
                );
            }
            _ => {
                let (a, b) = (chance.below(length + 1), chance.below(length + 1));
                let part = bytes[a.min(b)..a.max(b)].to_vec();
                bytes.extend(part);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn an_enrolment_that_was_altered_is_refused_or_still_says_the_same() {
    let company = Company::found();
    let real = company.enrolment(ids::ANA, company.port());
    let mut chance = Chance::new(5);
    let (count, mut failures, mut read) = (scaled(40_000, 1_000_000), Vec::new(), 0_u32);
    for n in 0..count {
        let from = if n % 2 == 0 { real.to_file() } else { real.to_code() };
        let given = spoilt(&mut chance, &from);
        match catch_unwind(AssertUnwindSafe(|| Enrolment::parse(&given))) {
            Err(_) => failures.push(format!("panic on {given:?}")),
            Ok(Ok(enrolment)) => {
                read += 1;
                // Its secret stays one, whatever else it says.
                if format!("{enrolment:?}").contains(real.secret.expose()) {
                    failures.push("the secret was printed".into());
                }
            }
            Ok(Err(bad)) => {
                if bad.to_string().len() < 20 || bad.to_string().contains(real.secret.expose()) {
                    failures.push(format!("a refusal that does not say what to do: {bad}"));
                }
            }
        }
    }
    println!("{read} could still be read");
    figure("altered enrolment files and codes", count, &failures);
}

#[test]
fn every_command_answers_every_request_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::new(Options {
        profile: folder.path().to_owned(),
        keyring: Keyring::Off,
        clock: std::sync::Arc::new(WallClock),
        floor: Floor::Safe,
        background: false,
    });
    app.try_demo(clara_contract::Empty {}).unwrap();
    let today = app.call("today", json!({})).unwrap();
    let mut known = Vec::new();
    gather(&today, &mut known);
    let jobs: Vec<Value> = known.iter().map(|(_, id)| id.clone()).take(12).collect();
    for job in jobs {
        gather(&app.call("open_job", json!({"job_id": job})).unwrap_or_default(), &mut known);
    }
    assert!(known.len() > 20, "there is something to ask for: {}", known.len());
    let mut chance = Chance::new(6);
    let (count, mut failures, mut understood) = (scaled(6_000, 200_000), Vec::new(), 0_u32);
    // Those that end the session would leave nothing to ask for.
    let commands: Vec<&&str> = COMMANDS.iter().filter(|name| !ENDING.contains(*name)).collect();
    for n in 0..count {
        let command = commands[n as usize % commands.len()];
        let request = request(&mut chance, &known);
        let shown = request.to_string();
        match catch_unwind(AssertUnwindSafe(|| app.call(command, request))) {
            Err(_) => failures.push(format!("panic: {command} {}", &shown[..shown.len().min(400)])),
            Ok(Ok(_)) => understood += 1,
            Ok(Err(failure)) => {
                for part in [&failure.message, &failure.safe, &failure.next] {
                    if part.trim().len() < 5 {
                        failures.push(format!("{command} is answered without words: {failure:?}"));
                    }
                }
            }
        }
    }
    println!("{understood} were understood");
    assert!(understood > 100, "requests reach beyond the reading of them");
    assert!(app.call("today", json!({})).is_ok(), "and the app works on");
    figure("commands with random requests", count, &failures);
}

/// They close, wipe, lock or change the profile, or go to a server.
const ENDING: &[&str] = &[
    "sign_out",
    "lock",
    "wipe",
    "enroll",
    "unlock",
    "close_window",
    "try_demo",
    "start",
    "restore_backup",
    "pick_photos",
];

fn gather(value: &Value, into: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if (key.ends_with("_id") || key == "id" || key.ends_with("_key"))
                    && inner.is_string()
                    && into.len() < 400
                {
                    into.push((key.clone(), inner.clone()));
                }
                gather(inner, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
        _ => {}
    }
}

/// A request with fields of the contract's names, of the right kind or not.
fn request(chance: &mut Chance, known: &[(String, Value)]) -> Value {
    const NAMES: &[&str] = &[
        "job_id",
        "equipment_id",
        "inspection_id",
        "photo_id",
        "model_id",
        "location_id",
        "technician_id",
        "template_id",
        "amends",
        "status",
        "mine",
        "text",
        "key",
        "done",
        "reason",
        "field_key",
        "value",
        "source",
        "category",
        "gaps",
        "limit",
        "within",
        "body",
        "target",
        "name",
        "base64",
        "caption",
        "id",
        "action",
        "keep",
        "decision",
        "note",
        "offline",
        "by",
        "bucket",
        "filter",
        "fields",
        "equipment_category",
        "conflict_id",
        "parked_id",
    ];
    let mut fields = serde_json::Map::new();
    for _ in 0..chance.below(9) {
        let (name, value) = match chance.below(5) {
            0 | 1 if !known.is_empty() => chance.pick(known).clone(),
            2 => ((*chance.pick(NAMES)).to_owned(), chance.pick(known).1.clone()),
            3 => ((*chance.pick(NAMES)).to_owned(), Value::String(text(chance))),
            _ => (
                (*chance.pick(NAMES)).to_owned(),
                serde_json::from_str(&document(chance, 3)).unwrap_or(Value::Bool(true)),
            ),
        };
        fields.insert(name, value);
    }
    if chance.one_in(40) {
        serde_json::from_str(&document(chance, 4)).unwrap_or_default()
    } else {
        Value::Object(fields)
    }
}

#[test]
fn an_import_of_garbled_lines_takes_what_it_can_and_says_of_each_other_why_not() {
    let company = Company::found();
    let map = ColumnMap::parse(MAP).unwrap();
    let mut chance = Chance::new(7);
    let (count, mut failures) = (scaled(60, 3_000), Vec::new());
    let (mut taken, mut refused) = (0, 0);
    for n in 0..count {
        let mut csv = "company,contact,notes\n".to_owned();
        for line in 0..20 {
            csv.push_str(&format!("Customer {n}-{line},{},{}\n", text(&mut chance), text(&mut chance)));
        }
        let given = if chance.one_in(3) { csv } else { spoilt(&mut chance, &csv) };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, &given).unwrap();
        let done = catch_unwind(AssertUnwindSafe(|| block_on(import(&company.admin(), &map, &path, |_| ()))));
        match done {
            Err(_) => failures.push(format!("panic on {given:?}")),
            Ok(Err(error)) => {
                refused += 1;
                if error.to_string().len() < 10 {
                    failures.push(format!("no reason: {error:?}"));
                }
            }
            Ok(Ok(report)) => {
                taken += report.refused.len() as u64;
                for refusal in &report.refused {
                    if refusal.reason.len() < 5 {
                        failures.push(format!("line {} without a reason", refusal.line));
                    }
                }
            }
        }
    }
    println!(
        "{taken} lines and {refused} files refused, {} customers",
        company.office("SELECT count(*) FROM customers")
    );
    figure("garbled import files", count, &failures);
}

const MAP: &str = r#"{"format": "csv", "records": [{"into": "customers", "key": ["company"], "fields": {
    "company_name": "company", "primary_contact_name": "contact", "notes": "notes",
    "metadata": {"object": {"note": "notes"}}}}]}"#;

#[test]
fn a_laptop_that_holds_a_lock_by_name_does_not_keep_the_office_from_importing() {
    let company = Company::found();
    let (_, server) = company.login(ids::ANA, company.port());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, "company,contact,notes\nAsh,Ann,none\n").unwrap();
    let map = ColumnMap::parse(MAP).unwrap();
    let report = block_on(async {
        let mut thief = server.connect().await.unwrap();
        let mut held = thief.begin(Mode::Write).await.unwrap();
        held.execute(sql("SELECT pg_advisory_xact_lock(hashtextextended('clara import', 0))")).await.unwrap();
        let admin = company.admin();
        tokio::time::timeout(std::time::Duration::from_secs(5), import(&admin, &map, &path, |_| ())).await
    });
    let report = report.expect("the office imports").unwrap();
    assert!(report.refused.is_empty(), "{report:?}");
    figure("import while a laptop holds a lock", 1, &[]);
}
