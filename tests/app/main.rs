//! Stories told through the app's own use cases, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backups;
mod bad_days;
mod commands;
mod damaged_packs;
mod keyrings;
mod leaving;
mod packs;
mod photos;
mod rescue;
mod restored;
mod revoked;
mod sitting;
mod weight;

use std::sync::Arc;

use clara_app::{App, Floor, Keyring, Options, WallClock};
use clara_contract::Failure;
use clara_contract::session::{Enroll, Session};
use clara_tests::Company;
use tempfile::TempDir;
use uuid::Uuid;

/// The app with a profile folder of its own and no keyring.
struct Laptop {
    app: App,
    folder: TempDir,
}

impl Laptop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { app: open(folder.path()), folder }
    }

    fn enroll(&self, enrolment: String) -> Result<Session, Failure> {
        self.app.enroll(Enroll { enrolment, device_name: "Van 4".into(), passphrase: Some("riser room three".into()) })
    }

    /// Enrolled for a person and synced once.
    fn of(company: &Company, person: Uuid) -> Self {
        let laptop = Self::new();
        laptop.enroll(company.enrolment(person, company.port()).to_file()).expect("the laptop enrolls");
        laptop.app.sync_now(clara_contract::Empty {}).expect("the first sync goes through");
        laptop
    }
}

fn open(folder: &std::path::Path) -> App {
    App::new(Options {
        profile: folder.to_owned(),
        keyring: Keyring::Off,
        clock: Arc::new(WallClock),
        floor: Floor::Safe,
        background: false,
    })
}
