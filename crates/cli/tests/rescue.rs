//! The recovery key and a rescue pack, as a person and a script have them from the command line.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use clara_cluster::Cluster;
use serde_json::Value;

fn clara(profile: &Path, password: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clara"))
        .args(arguments)
        .env("CLARA_PROFILE", profile)
        .env("CLARA_CENTRAL_PASSWORD", password)
        .env("CLARA_PASSPHRASE", "riser room three")
        .env("CLARA_KEYRING", "off")
        .env_remove("CLARA_LOG")
        .output()
        .unwrap()
}

#[test]
fn a_key_for_the_safe_is_made_with_the_database_and_opens_what_a_laptop_sealed() {
    let (cluster, folder) = (Cluster::temporary().unwrap(), tempfile::tempdir().unwrap());
    let (port, path) = (cluster.port().to_string(), |name: &str| folder.path().join(name).display().to_string());
    let (profile, key, file, out) = (path("ana"), path("recovery.key"), path("enrolment.json"), path("stick"));
    let run = |arguments: &[&str]| clara(Path::new(&profile), cluster.admin_password(), arguments);
    let says = |arguments: &[&str]| {
        let done = run(arguments);
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&done.stderr));
        text
    };
    let ca = cluster.ca_file().display().to_string();
    let office =
        ["central", "--database", "clara", "--host", cluster.host(), "--user", cluster.admin_user(), "--ca", &ca];
    let office = [&office[..], &["--port", &port]].concat();
    fn with<'a>(office: &[&'a str], verb: &[&'a str]) -> Vec<&'a str> {
        [office, verb].concat()
    }

    let founded = says(&with(&office, &["init", "--company", "Lakehead", "--recovery-key-out", &key]));
    let secret = std::fs::read_to_string(&key).unwrap();
    let secret = secret.lines().last().unwrap().to_owned();
    assert!(secret.starts_with("AGE-SECRET-KEY-1") && !founded.contains(&secret), "{founded}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!cluster.psql("clara", "SELECT jsonb_agg(to_jsonb(s)) FROM app.settings s").unwrap().contains(&secret));
    says(&with(&office, &["init", "--company", "Lakehead"]));
    let refused = run(&with(&office, &["recovery-key"]));
    assert_eq!(refused.status.code(), Some(1), "the key there is stays until it is replaced on purpose");
    let spare = says(&with(&office, &["recovery-key", "--replace"]));
    assert!(spare.contains("# Recovery key of Lakehead."), "by the company's name, not the database's: {spare}");
    std::fs::remove_file(&key).unwrap();
    says(&with(&office, &["recovery-key", "--replace", "--out", &key]));
    let secret = std::fs::read_to_string(&key).unwrap().lines().last().unwrap().to_owned();
    assert!(!cluster.psql("clara", "SELECT jsonb_agg(to_jsonb(s)) FROM app.settings s").unwrap().contains(&secret));

    says(&with(&office, &["seed-demo"]));
    let psql = |sql: &str| cluster.psql("clara", sql).unwrap().trim().to_owned();
    let job = psql(
        "SELECT j.id FROM jobs j JOIN users u ON u.id = j.assigned_technician_id WHERE j.job_status = 'scheduled' AND u.role = 'technician' AND u.is_active ORDER BY j.scheduled_date LIMIT 1",
    );
    let person = psql(&format!("SELECT assigned_technician_id FROM jobs WHERE id = '{job}'"));
    says(&with(&office, &["enroll", &person, "--out", &file]));
    says(&["device", "enroll", &file]);
    says(&["device", "sync"]);
    says(&["job", "start", &job]);

    let made: Value = serde_json::from_str(&says(&["rescue", "make", "--out", &out, "--json"])).unwrap();
    let pack = made["file"]["path"].as_str().unwrap().to_owned();
    assert!(made["operations"].as_u64().unwrap() >= 1 && pack.ends_with(".clara-rescue"), "{made}");
    let outside = says(&["rescue", "show", &pack]);
    assert!(outside.contains("opens with the recovery key") && !outside.contains(&job), "{outside}");
    let inside = says(&["rescue", "show", &pack, "--identity-file", &key]);
    assert!(inside.contains(&job) && inside.contains("update jobs"), "{inside}");

    let opened = says(&["rescue", "open-profile", "--identity-file", &key, "--out", &out]);
    assert!(opened.contains("from the laptop's folder with the recovery key"), "{opened}");

    let import = with(&office, &["rescue", "import", &pack, "--identity-file", &key]);
    let first = says(&import);
    assert!(first.contains(&job) && first.contains("applied"), "{first}");
    assert_eq!(psql(&format!("SELECT job_status FROM jobs WHERE id = '{job}'")), "in_progress");
    assert_eq!(
        psql(&format!(
            "SELECT count(*) FROM sync.op WHERE author = '{person}' AND rescued_by IS NULL AND payload ->> 'entity' = 'jobs'"
        )),
        "0"
    );
    let again = says(&import);
    assert!(again.contains("\n0 new,"), "{again}");
    let same: Vec<&str> = ["rescue", "import", &pack, "--identity-file", &key].to_vec();
    let named = [&same[..], &office[1..]].concat();
    assert!(says(&named).contains("\n0 new,"), "the other spelling");

    // A technician carries packs, and puts none in.
    let technician = run(&same);
    assert_eq!(technician.status.code(), Some(1));
    let said = String::from_utf8_lossy(&technician.stderr).into_owned();
    assert!(said.contains("Only the office"), "{said}");
    // A colleague of the office does, with the login of an own laptop; the author stays who it was.
    let item = psql(&format!(
        "SELECT id FROM equipment_inventory WHERE location_id = (SELECT location_id FROM jobs WHERE id = '{job}') LIMIT 1"
    ));
    says(&["equipment", "capture", &item, "location_detail", "behind the boiler"]);
    let made: Value = serde_json::from_str(&says(&["rescue", "make", "--out", &out, "--json"])).unwrap();
    let pack = made["file"]["path"].as_str().unwrap().to_owned();
    let same: Vec<&str> = ["rescue", "import", &pack, "--identity-file", &key].to_vec();
    let colleague = psql(
        "UPDATE users SET role = 'office_staff' WHERE id = (SELECT id FROM users WHERE role = 'technician' AND is_active
            AND id <> '{person}' ORDER BY id LIMIT 1) RETURNING id"
            .replace("{person}", &person)
            .as_str(),
    );
    let colleague = colleague.lines().next().unwrap().to_owned();
    let (desk, invitation) = (path("desk"), path("invitation.json"));
    says(&with(&office, &["enroll", &colleague, "--out", &invitation]));
    let at_the_desk = |arguments: &[&str]| {
        let done = clara(Path::new(&desk), "", arguments);
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&done.stderr));
        text
    };
    at_the_desk(&["device", "enroll", &invitation]);
    at_the_desk(&["device", "sync"]);
    for new in [true, false] {
        let put_in = at_the_desk(&same);
        assert_eq!(put_in.contains("\n0 new,"), !new, "{put_in}");
    }
    let by = "SELECT string_agg(DISTINCT author::text, ' ') FROM sync.op WHERE rescued_by LIKE 'clara_%'";
    assert_eq!(psql(by), person, "in the author's name");
}

#[test]
fn the_demo_company_has_a_recovery_key_and_photos_out_of_a_pack_are_named_by_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let stage = folder.path().join("stage");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_clara"))
        .args(["demo", "--serve", "--folder"])
        .arg(&stage)
        .env("CLARA_KEYRING", "off")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(demo.stdout.take().unwrap()), &mut line).unwrap();
    let profiles: Value = serde_json::from_str(&line).unwrap();
    let technician = Path::new(profiles["technician"].as_str().unwrap());
    let clara = |arguments: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_clara"))
            .args(arguments)
            .env("CLARA_PROFILE", technician)
            .env("CLARA_PASSPHRASE", profiles["passphrase"].as_str().unwrap())
            .env("CLARA_KEYRING", "off")
            .env("CLARA_ANY_POSTGRES", "loopback")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&done.stderr));
        text
    };
    let equipment: Value = serde_json::from_str(&clara(&["equipment", "list", "--json"])).unwrap();
    let item = equipment[0]["equipment_id"].as_str().unwrap().to_owned();
    // The smallest PNG there is.
    let picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let request = serde_json::json!({
        "target": {"equipment_id": item, "job_id": null, "inspection_id": null, "field_key": "photo", "caption": null},
        "name": "plate.png", "base64": picture,
    });
    let taken: Value =
        serde_json::from_str(&clara(&["call", "add_photo", "--request", &request.to_string(), "--json"])).unwrap();
    assert_eq!(taken["kept"].as_array().map(Vec::len), Some(1), "{taken}");

    let made: Value = serde_json::from_str(&clara(&["rescue", "make", "--json"])).unwrap();
    let (pack, key) = (made["file"]["path"].as_str().unwrap(), stage.join("recovery.key"));
    let photos = folder.path().join("photos");
    let shown = clara(&[
        "rescue",
        "show",
        pack,
        "--identity-file",
        &key.display().to_string(),
        "--photos",
        &photos.display().to_string(),
    ]);
    assert!(shown.contains("1 photos"), "{shown}");
    let files: Vec<_> = std::fs::read_dir(&photos).unwrap().map(|entry| entry.unwrap().path()).collect();
    let bytes = std::fs::read(&files[0]).unwrap();
    let end = if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) { "jpg" } else { "png" };
    assert_eq!(files[0].extension().unwrap(), end);
    drop(demo.stdin.take());
    assert!(demo.wait().unwrap().success());
}
