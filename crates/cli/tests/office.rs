//! What the office runs on its server, as a script runs it.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use clara_cluster::Cluster;
use serde_json::Value;

struct Office {
    cluster: Cluster,
    folder: tempfile::TempDir,
}

impl Office {
    fn run(&self, arguments: &[&str]) -> Output {
        let cluster = &self.cluster;
        Command::new(env!("CARGO_BIN_EXE_clara"))
            .args(["central", "--database", "clara", "--host", cluster.host(), "--user", cluster.admin_user()])
            .args(["--port", &cluster.port().to_string(), "--ca", cluster.ca_file().to_str().unwrap()])
            .args(arguments)
            .env("CLARA_PROFILE", self.folder.path())
            .env("CLARA_CENTRAL_PASSWORD", cluster.admin_password())
            .env("CLARA_KEYRING", "off")
            .env_remove("CLARA_LOG")
            .output()
            .unwrap()
    }

    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.says(&[arguments, &["--json"]].concat())).unwrap()
    }
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap().count()).sum()
}

#[test]
fn the_office_narrows_a_manager_reads_its_reports_and_puts_old_photos_away() {
    let office = Office { cluster: Cluster::temporary().unwrap(), folder: tempfile::tempdir().unwrap() };
    office.says(&["init", "--company", "Lakehead"]);
    office.says(&["seed-demo"]);
    let psql = |sql: &str| office.cluster.psql("clara", sql).unwrap().trim().to_owned();
    let manager = psql("SELECT email FROM users WHERE role = 'manager' LIMIT 1");
    let technician = psql("SELECT email FROM users WHERE role = 'technician' LIMIT 1");

    let narrowed = office.json(&["subscribe", &manager, "--region", "Port Alden", "--window", "60"]);
    let (sites, of) = (narrowed["sites"].as_i64().unwrap(), narrowed["of"].as_i64().unwrap());
    assert!(sites > 0 && sites < of, "{sites} of {of}");
    assert_eq!(office.json(&["subscribe", &manager])["sites"], of, "neither region nor window: all again");
    let refused = office.run(&["subscribe", &technician, "--region", "Port Alden"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = [refused.stdout, refused.stderr].concat();
    assert!(String::from_utf8_lossy(&said).contains("sites follow from their jobs"));

    office.says(&["refresh"]);
    let told = office.says(&["report"]);
    for part in ["Capture completeness", "Inspections due", "Open deficiencies", "fire_pump", "critical"] {
        assert!(told.contains(part), "{part} in {told}");
    }

    let photos = psql("SELECT count(DISTINCT photo_id) FROM sync.photo_chunk").parse::<u64>().unwrap();
    let archive = office.folder.path().join("archive");
    let nowhere = office.run(&["photos", "move-out", archive.to_str().unwrap(), "--days", "0"]);
    assert_eq!(nowhere.status.code(), Some(1), "a folder that is not there is not made: the disk may be unmounted");
    std::fs::create_dir(&archive).unwrap();
    let archive = archive.to_str().unwrap();
    assert_eq!(office.json(&["photos", "move-out", archive, "--days", "0"])["photos"], photos);
    assert!(files(Path::new(archive)) > 0);
    assert_eq!(office.json(&["photos", "verify", archive])["in_store"], photos);
    let photo = psql("SELECT id FROM photos WHERE state = 'stored' ORDER BY id LIMIT 1");
    let out = office.folder.path().join("one.png");
    office.says(&["photos", "read", &photo, "--folder", archive, "--out", out.to_str().unwrap()]);
    assert_eq!(&std::fs::read(&out).unwrap()[1..4], b"PNG");
    assert_eq!(office.json(&["photos", "bring-back", archive])["photos"], photos);
    assert_eq!(office.json(&["photos", "verify", archive])["in_database"], photos);
}
