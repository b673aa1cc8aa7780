//! The main job, as a technician does it: enroll, inspect without a network, lose the laptop's power, come back.

use std::path::PathBuf;

use clara_app::{App, Options};
use clara_contract::session::Unlock;
use clara_domain::PhotoId;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::laptop::{Laptop, Window};
use crate::office::Office;

const PASSPHRASE: &str = "seven green valves";
const FINDINGS: &str = "Weep at check 1, wiped dry — holds.";

/// What the technician answers; the template's items by key.
const ANSWERS: &[(&str, &str)] = &[
    ("right_type", "yes"),
    ("kit_serial", "0521147"),
    ("kit_calibrated_on", "2026-03-12"),
    ("line_psi", "71.5"),
    ("sov_1_tight", "yes"),
    ("sov_2_tight", "yes"),
    ("check_1_psid", "1.9"),
    ("check_2_psid", "2.3"),
    ("freeze_protected", "yes"),
    ("valves_restored", "yes"),
];

#[test]
fn an_inspection_made_offline_survives_the_power_and_reaches_the_server_once() {
    let office = Office::open();
    let laptop = Laptop::new("job");
    let job = office.ask("SELECT id FROM jobs WHERE job_number = 'J-20821'");

    let window = laptop.open();
    enroll(&window, &office);
    window.press("rail-jobs");
    window.press("job-row-J-20821");
    let item = device(&window, "BFP-4");
    window.picture("3-job");
    window.press("job-start");
    let status = format!("SELECT job_status FROM jobs WHERE id = '{job}'");
    window.until(|| office.ask(&status) == "in_progress", || "the office sees the job started".into());
    synced(&window);

    // Down in the pump room there is no network, and the technician says so.
    office.cut();
    window.press("rail-sync");
    window.press("work-offline");
    window.see_css("[data-testid=\"work-offline\"][data-offline=\"true\"]");
    window.press("rail-jobs");
    window.press("job-row-J-20821");
    let row = format!("[data-testid=\"device-row\"][data-equipment-id=\"{item}\"]");
    window.press_css(&row);
    window.see("save-state");
    window.picture("4-inspection");
    answer(&window, &ANSWERS[..6]);
    let picture = photograph(&laptop, &window);
    window.write("findings", FINDINGS);
    saved(&window);
    window.picture("5-half-done");

    // The battery falls out with a key pressed and not yet saved.
    window.press("step-1");
    window.see("reading-check_1_psid").keys("1.").expect("typed");
    window.kill();

    let window = laptop.open();
    window.see("locked-passphrase");
    window.picture("6-locked");
    window.write("locked-passphrase", PASSPHRASE);
    window.press("locked-open");
    window.arrives("rail-today");
    window.press("rail-jobs");
    window.press("job-row-J-20821");
    window.press_css(&row);
    window.see("save-state");
    for (key, value) in &ANSWERS[..6] {
        assert_eq!(&answered(&window, key), value, "{key} is still there");
    }
    assert_eq!(window.see("findings").value(), FINDINGS);
    window.until(|| tiles(&window).len() == 1, || "the photo is still there".into());
    window.picture("7-reopened");

    answer(&window, &ANSWERS[6..]);
    saved(&window);
    window.press("inspection-complete");
    window.see_css("[data-testid=\"inspection-completed\"][data-passed=\"true\"]");
    window.picture("8-completed");
    let photo = tiles(&window).remove(0);
    assert_eq!(inspections(&office, &job, &item), "0", "nothing left the laptop without a network");

    office.heal();
    window.press("rail-sync");
    window.picture("9-only-here");
    window.press("work-offline");
    window.see_css("[data-testid=\"work-offline\"][data-offline=\"false\"]");
    synced(&window);
    window.until(
        || window.find("[data-testid=\"work-row\"]").is_none(),
        || "the list of what waits is empty once all is on the server".into(),
    );
    window.picture("10-on-the-server");

    on_the_server_once(&office, &job, &item, &photo);

    // A second sync has nothing to add, and a look at both sides finds no difference.
    window.press("sync-now");
    synced(&window);
    window.press("check-server");
    window.hears(
        "both sides are the same",
        "return document.querySelector('[data-testid=checked]')?.innerText.includes('Both sides are the same') ?? false",
        json!([]),
    );
    on_the_server_once(&office, &job, &item, &photo);
    assert_eq!(window.complaints(), Vec::<String>::new());
    window.close();

    let here = bytes_on_the_laptop(&laptop, &photo);
    let there = office.ask(&format!("SELECT sha256 FROM photos WHERE id = '{photo}'"));
    assert_eq!(hex(&here), there, "the server has the laptop's bytes");
    assert!(!here.windows(4).any(|four| four == b"Exif"), "and they tell nothing of the camera");
    assert_ne!(hex(&std::fs::read(picture).unwrap()), there, "which is not the file that was picked");
}

fn enroll(window: &Window, office: &Office) {
    window.see("firstrun-enroll-text");
    window.picture("1-first-run");
    window.paste("firstrun-enroll-text", &office.enroll("tech_dana"));
    window.write("firstrun-device-name", "Dana's laptop");
    window.write("firstrun-passphrase", PASSPHRASE);
    window.press("firstrun-enroll");
    window.arrives("rail-today");
    window.picture("2-first-sync");
    window.arrives("today-continue");
    synced(window);
}

/// The equipment behind the row that shows this tag.
fn device(window: &Window, tag: &str) -> String {
    window.see("device-row");
    let id = window.script(
        "return [...document.querySelectorAll('[data-testid=device-row]')]
             .find((row) => row.querySelector('.tag')?.innerText.trim() === arguments[0])?.dataset.equipmentId",
        json!([tag]),
    );
    id.as_str().unwrap_or_else(|| panic!("the job has no {tag}")).to_owned()
}

/// Answers items, whichever step they stand in.
fn answer(window: &Window, answers: &[(&str, &str)]) {
    for (key, value) in answers {
        let field = format!("[data-key=\"{key}\"]");
        for step in 0.. {
            if window.find(&field).is_some() {
                break;
            }
            window.press(&format!("step-{step}"));
        }
        if *value == "yes" {
            window.press(&format!("answer-yes-{key}"));
        } else if key.ends_with("_on") {
            window.paste(&format!("reading-{key}"), value);
        } else {
            window.write(&format!("reading-{key}"), value);
        }
        assert_eq!(&answered(window, key), value, "{key}");
    }
}

/// What the screen holds for an item; its step is opened if it must be.
fn answered(window: &Window, key: &str) -> String {
    let field = format!("[data-key=\"{key}\"]");
    for step in 0.. {
        if window.find(&field).is_some() {
            break;
        }
        window.press(&format!("step-{step}"));
    }
    match window.find(&format!("[data-testid=\"reading-{key}\"]")) {
        Some(input) => input.value(),
        None => {
            let pressed = window.see(&format!("answer-yes-{key}")).attribute("aria-pressed");
            if pressed.as_deref() == Some("true") { "yes".into() } else { String::new() }
        }
    }
}

/// Takes a photo in through the file input of the drop field: a picture of the window itself.
fn photograph(laptop: &Laptop, window: &Window) -> PathBuf {
    let file = laptop.desk().join("gauge.png");
    std::fs::write(&file, window.screenshot()).unwrap();
    window.find("[data-testid=\"photo-file\"]").unwrap().keys(&file.display().to_string()).expect("a file is given");
    window.until(|| tiles(window).len() == 1, || "the photo is taken in".into());
    file
}

/// The photos on the screen, by id; only those whose picture is really drawn.
fn tiles(window: &Window) -> Vec<String> {
    let ids = window.script(
        "return [...document.querySelectorAll('[data-testid=photo-tile] img')]
             .filter((image) => image.complete && image.naturalWidth > 0)
             .map((image) => new URL(image.src).pathname.slice(1))",
        json!([]),
    );
    ids.as_array().unwrap().iter().filter_map(|id| Some(id.as_str()?.to_owned())).collect()
}

/// Waits until the draft is durable.
fn saved(window: &Window) {
    window.script("document.activeElement?.blur()", json!([]));
    window.see_css("[data-testid=\"save-state\"][data-state=\"saved\"][data-dirty=\"false\"]");
}

/// Waits until nothing is only on this laptop any more, by the light that the technician looks at.
fn synced(window: &Window) {
    window.arrives_css("[data-testid=\"sync-light\"][data-state=\"server\"][data-only-here=\"0\"]");
}

fn inspections(office: &Office, job: &str, item: &str) -> String {
    office.ask(&format!(
        "SELECT count(*) FROM inspection_records WHERE job_id = '{job}' AND equipment_id = '{item}'
         AND deleted_at IS NULL"
    ))
}

fn on_the_server_once(office: &Office, job: &str, item: &str, photo: &str) {
    assert_eq!(inspections(office, job, item), "1");
    let record = office.ask(&format!(
        "SELECT json_build_object('id', id, 'findings', findings, 'passed', passed, 'measurements', measurements)
         FROM inspection_records WHERE job_id = '{job}' AND equipment_id = '{item}'"
    ));
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["findings"], FINDINGS);
    assert_eq!(record["passed"], true);
    let id = record["id"].as_str().unwrap();
    for (key, value) in ANSWERS {
        let said = &record["measurements"][key];
        let said = said.get("value").unwrap_or(said);
        let same = said.as_str() == Some(*value)
            || value.parse::<f64>().is_ok_and(|number| said.as_f64() == Some(number))
            || (*value == "yes" && said.as_bool() == Some(true));
        assert!(same, "{key}: {value} arrived as {said}");
    }
    let logs = office.ask(&format!(
        "SELECT count(*) || ' ' || bool_and(completion_percentage > 0) FROM data_capture_logs
         WHERE job_id = '{job}' AND equipment_id = '{item}'"
    ));
    assert_eq!(logs, "1 true", "one capture log, with what was captured");
    // The server computes the digest anew from the pieces it holds.
    let pictures = office.ask(&format!(
        "SELECT count(DISTINCT p.id) || ' ' || bool_and(p.state = 'stored') || ' ' || bool_and(p.sha256 = c.digest)
         FROM photos p JOIN LATERAL (
             SELECT encode(sha256(string_agg(bytes, ''::bytea ORDER BY number)), 'hex') AS digest
             FROM sync.photo_chunk WHERE photo_id = p.id) c ON true
         WHERE p.inspection_id = '{id}'"
    ));
    assert_eq!(pictures, "1 true true", "one photo, whole");
    assert_eq!(office.ask(&format!("SELECT inspection_id FROM photos WHERE id = '{photo}'")), id);
}

fn bytes_on_the_laptop(laptop: &Laptop, photo: &str) -> Vec<u8> {
    let app =
        App::new(Options { background: false, keyring: clara_app::Keyring::Off, ..Options::here(laptop.profile()) });
    app.unlock(Unlock { passphrase: PASSPHRASE.into() }).expect("the profile opens");
    let (_, bytes) = app.photo_bytes(PhotoId(photo.parse().unwrap()), false).expect("the photo is here");
    app.close();
    bytes
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
