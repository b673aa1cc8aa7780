//! Nothing that a person typed or the server sent stands on the disk in plain text: not in the database, not beside it,
//! not in the log, not in what a crash leaves.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_tests::{Company, ids};
use serde_json::json;

use crate::child::Home;
use crate::figure::figure;

/// The beginning of every canary. Long enough that no chance makes it, and in base64 recognisable at each alignment.
const CANARY: &str = "CanaryQ7zK4w";

fn canary(of: &str) -> String {
    format!("{CANARY} {of}")
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// Every form in which the canary may lie in a file, as a pattern for grep.
fn forms(canary: &str) -> Vec<String> {
    let plain = canary.as_bytes();
    let wide: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms =
        vec![escaped(plain), escaped(&wide), escaped(hex.as_bytes()), escaped(hex.to_uppercase().as_bytes())];
    for shift in 0..3 {
        // What the three alignments have in common whatever stands before and after.
        let inner = &plain[shift..shift + (plain.len() - shift) / 3 * 3];
        forms.push(escaped(STANDARD.encode(inner).as_bytes()));
    }
    forms
}

/// Files below a folder that hold any of the patterns.
fn holders(folder: &Path, patterns: &[String]) -> Vec<String> {
    let found = Command::new("grep")
        .env("LC_ALL", "C")
        .args(["--recursive", "--files-with-matches", "--text", "--perl-regexp", &patterns.join("|")])
        .arg(folder)
        .output()
        .unwrap();
    assert!(matches!(found.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&found.stderr));
    String::from_utf8(found.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn files(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

#[test]
fn nothing_stands_on_the_disk_in_plain_text_not_even_after_a_crash() {
    let company = Company::found();
    company.office(&format!(
        "UPDATE locations SET location_name = '{0} site', address = '{0} address', access_notes = '{0} gate code';
         UPDATE customers SET company_name = '{0} customer', notes = '{0} notes';
         UPDATE jobs SET title = '{0} job', special_instructions = '{0} instructions'",
        CANARY
    ));
    let home = Home::new();
    let passphrase = canary("passphrase");
    let enrolment = company.enrolment(ids::ANA, company.port());
    let secret = enrolment.secret.expose().to_owned();

    let mut app = home.start();
    app.done("enroll", json!({"enrolment": enrolment.to_file(), "device_name": "Van 4", "passphrase": passphrase}));
    app.done("sync_now", json!({}));
    let sheet = app.done("open_inspection", json!({"job_id": ids::SCHOOL_JOB, "equipment_id": ids::item(4)}));
    let inspection = sheet["inspection_id"].clone();
    let body = json!({
        "answers": {"note": canary("reading")}, "findings": canary("findings"), "recommendations": canary("advice"),
        "deficiencies": [{"id": ids::item(90), "severity": "critical", "text": canary("deficiency"), "action": canary("action")}],
    });
    let save = json!({"inspection_id": inspection, "body": body});
    app.done("save_inspection", save.clone());
    app.done("capture_field", json!({"equipment_id": ids::item(2), "field_key": "location_detail", "value": canary("place"), "source": "typed"}));
    let picture = clara_demo::pictures(chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap()).remove(0).bytes;
    let photo = json!({
        "target": {"inspection_id": inspection, "caption": canary("caption"), "field_key": "photo"},
        "name": format!("{}.png", canary("file name")), "base64": STANDARD.encode(&picture),
    });
    let taken = app.done("add_photo", photo.clone());
    assert_eq!(taken["kept"].as_array().map(Vec::len), Some(1), "{taken}");
    let refused =
        json!({"target": photo["target"], "name": canary("no picture"), "base64": STANDARD.encode(canary("bytes"))});
    app.done("add_photo", refused);
    // What the server will not take, so that refusals, and their reasons, are kept too.
    app.call("capture_field", json!({"equipment_id": ids::item(2), "field_key": "serial_number", "value": format!("{CANARY}{}", "x".repeat(300)), "source": "typed"})).unwrap_err();
    app.call("no_such_command", json!({"secret": canary("request")})).unwrap_err();
    app.done("sync_now", json!({}));
    app.done("save_inspection", save.clone());
    app.leave();

    // Opened again, and ended in the middle of its work.
    let mut app = home.start();
    app.done("start", json!({}));
    app.call("unlock", json!({"passphrase": canary("wrong passphrase")})).unwrap_err();
    app.done("unlock", json!({"passphrase": passphrase}));
    app.done("list_jobs", json!({"mine": false, "text": canary("search")}));
    let signal = app.crash("abort_while_saving", save);
    assert_eq!(signal, Some(6), "it aborted");

    let mut patterns = forms(CANARY);
    // The one-time secret opened the door until it was used.
    patterns.extend(forms(&secret));
    let mut failures = holders(home.path(), &patterns);
    failures.extend(core_files(home.path()));

    // One file says, in the open, whose laptop this is and where its server: a locked laptop has to. No more than that.
    let card: serde_json::Value =
        serde_json::from_slice(&std::fs::read(home.profile().join("profile.json")).unwrap()).unwrap();
    let open: Vec<&str> = card.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(open, ["company", "device_id", "device_name", "full_name", "role", "server", "user_id", "version"]);

    // What could be found is found: the same words, in each of the forms, in files of the same folder.
    let wide: Vec<u8> = CANARY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (n, shown) in [
        format!("so {CANARY} it is").into_bytes(),
        [&[0_u8, 7][..], &wide].concat(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
        STANDARD.encode(format!("{CANARY}.")).into_bytes(),
        STANDARD.encode(format!("x{CANARY}.")).into_bytes(),
        STANDARD.encode(format!("xy{CANARY}.")).into_bytes(),
    ]
    .into_iter()
    .enumerate()
    {
        let control = tempfile::tempdir().unwrap();
        std::fs::write(control.path().join("shown"), &shown).unwrap();
        assert_eq!(holders(control.path(), &patterns).len(), 1, "form {n} would have been found");
    }
    assert!(
        a_crash_would_leave_a_core_file(),
        "this machine sends core files elsewhere: what a crash leaves was not seen"
    );
    figure("nothing in plain text on the disk, files searched", files(home.path()), &failures);
}

/// A core file holds everything, also what no pattern was made for.
fn core_files(home: &Path) -> Vec<String> {
    let everywhere = [home.join("home"), home.join("tmp")];
    let names =
        everywhere.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    names
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core")))
        .map(|path| format!("the crash left {}", path.display()))
        .collect()
}

/// Of a program that does nothing about it, started as the app was.
fn a_crash_would_leave_a_core_file() -> bool {
    let home = Home::new();
    let ended = Command::new("bash")
        .args(["-c", "ulimit -c unlimited; exec bash -c 'kill -ABRT $$'"])
        .current_dir(home.path().join("home"))
        .status()
        .unwrap();
    assert!(!ended.success());
    !core_files(home.path()).is_empty()
}
