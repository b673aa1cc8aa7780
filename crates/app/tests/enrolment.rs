//! First contact that goes wrong: each a clear failure, nothing half-made, and the same file works later.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::sync::Arc;

use clara_app::{App, Floor, Keyring, Options, WallClock};
use clara_contract::session::{Enroll, StartState, Unlock};
use clara_contract::{Code, Empty};

fn app(folder: &std::path::Path) -> App {
    App::new(Options {
        profile: folder.to_owned(),
        keyring: Keyring::Off,
        clock: Arc::new(WallClock),
        floor: Floor::Safe,
        background: false,
    })
}

fn file(port: u16) -> String {
    serde_json::json!({
        "format": 1, "company": "Keystone", "host": "127.0.0.1", "port": port, "database": "clara",
        "ca_pem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "role": "clara_dana",
        "device_id": uuid::Uuid::now_v7(), "user_id": uuid::Uuid::now_v7(), "full_name": "Dana Reyes",
        "secret": "one-time", "expires_at": "2100-01-01T00:00:00Z",
    })
    .to_string()
}

fn ask(enrolment: String, passphrase: Option<&str>) -> Enroll {
    Enroll { enrolment, device_name: "Van 4".into(), passphrase: passphrase.map(str::to_owned) }
}

#[test]
fn a_broken_or_newer_file_is_told_from_each_other_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let whole = file(5432);
    for broken in ["", "{}", "clara1:%%%", whole.get(..whole.len() / 2).unwrap()] {
        let failure = app(folder.path()).enroll(ask(broken.to_owned(), Some("riser room 3"))).unwrap_err();
        assert_eq!(failure.code, Code::Enrolment, "{broken}");
    }
    let newer = whole.replace("\"format\":1", "\"format\":9");
    let failure = app(folder.path()).enroll(ask(newer, Some("riser room 3"))).unwrap_err();
    assert_eq!(failure.code, Code::Enrolment);
    assert!(failure.message.contains("newer"), "{failure}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn without_a_keyring_a_passphrase_is_asked_for_before_the_server_is() {
    let folder = tempfile::tempdir().unwrap();
    let failure = app(folder.path()).enroll(ask(file(1), None)).unwrap_err();
    assert_eq!(failure.code, Code::Locked);
    let failure = app(folder.path()).enroll(ask(file(1), Some("short"))).unwrap_err();
    assert_eq!(failure.code, Code::BadInput);
}

#[test]
fn a_server_that_is_not_there_leaves_the_laptop_as_fresh_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failure = app(folder.path()).enroll(ask(file(port), Some("riser room 3"))).unwrap_err();
    assert!(matches!(failure.code, Code::ServerNotReached | Code::ServerNotProven), "{failure}");
    let start = app(folder.path()).start(Empty {}).unwrap();
    assert!(matches!(start.state, StartState::Fresh));
    let unlocked = app(folder.path()).unlock(Unlock { passphrase: "riser room 3".into() }).unwrap_err();
    assert_eq!(unlocked.code, Code::NotAllowed, "there is nothing to unlock yet");
}

#[test]
fn nothing_works_and_nothing_breaks_before_a_profile_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path());
    assert_eq!(app.today(Empty {}).unwrap_err().code, Code::NotAllowed);
    assert_eq!(app.sync_now(Empty {}).unwrap_err().code, Code::NotAllowed);
    app.close();
}
