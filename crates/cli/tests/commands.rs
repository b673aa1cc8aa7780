//! The binary as a script uses it: exit codes, JSON, one command after another on one profile.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn clara(profile: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clara"))
        .args(arguments)
        .env("CLARA_PROFILE", profile)
        .env("CLARA_KEYRING", "off")
        .env_remove("CLARA_LOG")
        .output()
        .unwrap()
}

fn json(profile: &Path, arguments: &[&str]) -> Value {
    let output = clara(profile, &[arguments, &["--json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_job_is_found_started_and_one_of_its_items_inspected_by_script() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path();
    json(profile, &["device", "try-demo"]);
    let jobs = json(profile, &["job", "list", "--status", "scheduled", "--mine"]);
    let jobs = jobs.as_array().unwrap();
    let number =
        jobs.iter().find(|job| job["devices_total"].as_u64() > Some(0)).unwrap()["job_number"].as_str().unwrap();
    let sheet = json(profile, &["job", "start", number]);
    assert_eq!(sheet["job"]["status"], "in_progress");
    let item = sheet["devices"][0]["equipment_id"].as_str().unwrap();

    let draft = profile.join("draft.json");
    std::fs::write(&draft, r#"{"findings": "Dry and clean"}"#).unwrap();
    let photo = profile.join("plate.txt");
    std::fs::write(&photo, "no picture").unwrap();
    let saved = json(
        profile,
        &[
            "inspection",
            "save",
            "--job",
            number,
            "--equipment",
            item,
            "--file",
            draft.to_str().unwrap(),
            "--photo",
            photo.to_str().unwrap(),
        ],
    );
    assert_eq!(saved["body"]["findings"], "Dry and clean");
    assert_eq!(saved["photos"]["refused"].as_array().unwrap().len(), 1, "the photo refuses only itself");

    let early = clara(profile, &["inspection", "complete", "--job", number, "--equipment", item, "--json"]);
    assert_eq!(early.status.code(), Some(1));
    let failure: Value = serde_json::from_slice(&early.stdout).unwrap();
    assert_eq!(failure["code"], "not_allowed");
    for part in ["message", "safe", "next"] {
        assert!(failure[part].as_str().unwrap().ends_with('.'), "{part}");
    }

    let again = json(profile, &["inspection", "show", "--job", number, "--equipment", item]);
    assert_eq!(again["inspection_id"], saved["inspection_id"]);
    let status = json(profile, &["device", "status"]);
    assert_eq!(status["only_here"], 2, "the job and the draft");
    let called = json(profile, &["call", "sync_status"]);
    assert_eq!(called["only_here"], 2, "the same by the name of the command");
}

#[test]
fn a_tag_that_every_site_has_means_the_one_at_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path();
    json(profile, &["device", "try-demo"]);
    let many = clara(profile, &["equipment", "show", "FP-1", "--json"]);
    assert!(!many.status.success(), "by itself it is ambiguous");
    let sheet = json(profile, &["inspection", "show", "--job", "J-20817", "--equipment", "fp-1"]);
    let devices = json(profile, &["job", "show", "J-20817"])["devices"].clone();
    let pump = devices.as_array().unwrap().iter().find(|device| device["tag"] == "FP-1").unwrap();
    assert_eq!(sheet["equipment_id"], pump["equipment_id"]);
}

#[test]
fn a_tag_that_several_sites_have_is_answered_with_the_ids_to_choose_from() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path();
    let nobody = clara(profile, &["equipment", "list"]);
    let said = String::from_utf8(nobody.stderr).unwrap();
    assert!(said.contains("Nobody is enrolled") && said.contains("try-demo") && !said.contains("--help"), "{said}");
    json(profile, &["device", "try-demo"]);
    let output = clara(profile, &["equipment", "show", "BFP-2"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let id =
        said.lines().find_map(|line| line.strip_prefix("  ")?.split(' ').next()).unwrap_or_else(|| panic!("{said}"));
    assert!(json(profile, &["equipment", "show", id])["row"]["tag"].as_str().unwrap().starts_with("BFP-2"));
}

#[test]
fn what_is_wrong_has_an_exit_code_and_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = clara(folder.path(), &["job", "list"]);
    assert_eq!(fresh.status.code(), Some(1));
    assert!(String::from_utf8(fresh.stderr).unwrap().contains("enroll"), "says what to do");
    assert_eq!(clara(folder.path(), &["job", "dance"]).status.code(), Some(2));

    json(folder.path(), &["device", "try-demo"]);
    let no_server = clara(folder.path(), &["device", "sync"]);
    assert_eq!(no_server.status.code(), Some(1), "the demo has none");
    let nonsense = clara(folder.path(), &["call", "open_job", "-r", "{"]);
    assert_eq!(nonsense.status.code(), Some(1));
    assert_eq!(clara(folder.path(), &["job", "show", "no such job"]).status.code(), Some(1));
}

#[test]
fn a_password_is_never_taken_from_the_command_line() {
    let help = Command::new(env!("CARGO_BIN_EXE_clara")).args(["central", "--help"]).output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(!text.contains("--password"), "{text}");
    assert!(text.contains("CLARA_CENTRAL_PASSWORD"));
}

#[test]
fn a_table_for_a_spreadsheet_comes_out_whole() {
    let folder = tempfile::tempdir().unwrap();
    json(folder.path(), &["device", "try-demo"]);
    let csv = clara(folder.path(), &["completeness", "--csv"]);
    let text = String::from_utf8(csv.stdout).unwrap();
    assert!(text.starts_with("Site,Tag,Category,"), "{}", text.lines().next().unwrap_or_default());
    assert!(text.lines().count() > 100);
}
