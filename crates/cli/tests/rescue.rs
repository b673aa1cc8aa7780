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
}
