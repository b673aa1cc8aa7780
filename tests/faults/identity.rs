//! The server is another one, or the laptop is two.

use std::path::{Path, PathBuf};

use chrono::Utc;
use clara_central::PgCentral;
use clara_central::connect::{Floor, Secret, Server};
use clara_central::enroll::claim;
use clara_central::init::init;
use clara_domain::mirror::Entity::{EquipmentInventory, InspectionRecords};
use clara_domain::{DeviceId, UserId};
use clara_local::{DataKey, Mirror, Options};
use clara_sync::{CentralError, Environment, Progress, Refusal, Replica, SyncError, SyncReport, Wish, sync_once};
use clara_tests::{Company, Device, assert_same, block_on, ids};
use serde_json::json;
use uuid::Uuid;

use crate::figure::figure;
use crate::found;

struct Now;

impl Environment for Now {
    fn now(&mut self) -> chrono::DateTime<Utc> {
        Utc::now()
    }
    fn progress(&mut self, _: Progress) {}
    fn stopped(&mut self) -> bool {
        false
    }
}

/// A laptop whose folder can be copied.
struct Profile {
    folder: PathBuf,
    key: DataKey,
    server: Server,
    mirror: Mirror,
}

impl Profile {
    fn enroll(company: &Company, person: Uuid, folder: &Path) -> Self {
        let enrolment = company.enrolment(person, company.port());
        let password = Secret::random().unwrap();
        let server = block_on(claim(&enrolment, &password, Floor::Safe, Utc::now())).unwrap();
        let key = DataKey::generate().unwrap();
        let mut profile = Self::open(folder, &key, &server);
        let known =
            clara_local::Profile { device: enrolment.device_id, user: UserId(person), role: "technician".into() };
        profile.mirror.write(Utc::now(), |tx| tx.enroll(known)).unwrap();
        assert!(profile.sync().error.is_none());
        profile
    }

    fn open(folder: &Path, key: &DataKey, server: &Server) -> Self {
        let options = Options { ballast_bytes: 64 * 1024, ..Options::default() };
        let mirror = Mirror::open_with(folder, key, Utc::now(), options).unwrap().mirror;
        Self { folder: folder.to_owned(), key: key.clone(), server: server.clone(), mirror }
    }

    fn sync(&mut self) -> SyncReport {
        let mut central = PgCentral::new(self.server.clone());
        let report = block_on(sync_once(&mut self.mirror, &mut central, Wish::default(), &mut Now));
        block_on(central.close());
        report
    }

    fn inspect(&mut self, findings: &str) -> Uuid {
        let id = Uuid::now_v7();
        let fields = json!({"job_id": ids::ANAS_JOB, "equipment_id": ids::item(1), "inspector_id": ids::ANA,
            "inspection_date": "2026-03-02", "inspection_type": "annual", "passed": true, "findings": findings});
        let fields = fields.as_object().cloned().unwrap();
        self.mirror.write(Utc::now(), |tx| tx.insert(InspectionRecords, id, id, fields)).unwrap();
        id
    }

    fn device(&mut self) -> DeviceId {
        self.mirror.state().unwrap().device
    }

    fn pending(&mut self) -> u32 {
        let state = self.mirror.state().unwrap();
        state.pending + state.in_flight
    }
}

fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").args(["-a", "--"]).arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// Row 9: a profile is copied to a second laptop and both go on. The server notices at the second one's first push, takes
/// nothing more from either, and both keep their work.
#[test]
fn a_profile_that_was_copied_to_a_second_laptop_is_found_out_and_no_work_is_lost() {
    let company = found();
    let folder = tempfile::tempdir().unwrap();
    let mut found_out = 0;
    for round in 0..4_u32 {
        let (first_folder, second_folder) =
            (folder.path().join(format!("a{round}")), folder.path().join(format!("b{round}")));
        std::fs::create_dir(&first_folder).unwrap();
        let first = Profile::enroll(&company, ids::ANA, &first_folder);
        let (key, server) = (first.key.clone(), first.server.clone());
        drop(first);
        copy(&first_folder, &second_folder);
        let mut first = Profile::open(&first_folder, &key, &server);
        let mut second = Profile::open(&second_folder, &key, &server);
        assert_eq!(first.device(), second.device());
        // Both save as often, or one of them more often than the other.
        let (firsts, seconds): (Vec<_>, Vec<_>) = (
            (0..=round).map(|n| first.inspect(&format!("First {n}"))).collect(),
            (0..3).map(|n| second.inspect(&format!("Second {n}"))).collect(),
        );
        assert!(first.sync().error.is_none(), "the first one cannot be told from the real one");
        let error = second.sync().error.expect("the second one is found out");
        assert!(matches!(error, SyncError::Central(CentralError::DeviceRefused(_))), "{error:?}");
        first.inspect("After the discovery");
        let error = first.sync().error.expect("nobody can tell which of them is the copy");
        assert!(
            matches!(
                error,
                SyncError::Central(CentralError::DeviceRefused(_)) | SyncError::Refused(Refusal::DeviceUnknown)
            ),
            "{error:?}"
        );
        for id in firsts {
            assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "1");
        }
        for id in seconds {
            assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")), "0");
        }
        assert_eq!((first.pending(), second.pending()), (1, 3), "and it is all still where it was saved");
        assert!(first.folder != second.folder);
        found_out += 1;
    }
    figure("a_profile_that_was_copied_to_a_second_laptop_is_found_out_and_no_work_is_lost", found_out, 0);
}

/// Row 20: the database is dropped and made anew under the same name, on the same server. Nothing is taken from it,
/// nothing goes there, and what the laptop has stays.
#[test]
fn a_server_that_was_wiped_gets_nothing_and_takes_nothing() {
    let company = Company::found_alone();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.inspect(ids::ANAS_JOB, ids::item(1), "From before");
    ana.sync();
    ana.inspect(ids::ANAS_JOB, ids::item(1), "Ours");
    let before = (ana.rows(EquipmentInventory), ana.rows(InspectionRecords));
    company.cluster().psql("postgres", "DROP DATABASE clara WITH (FORCE)").unwrap();
    block_on(init(&company.admin(), "Small Company")).unwrap();
    company.office(include_str!("../src/company.sql"));
    let mut refused = 0;
    for known in [false, true] {
        if known {
            // Even where somebody has entered the laptop and its login again.
            let (role, device) = (ana.central().server().role.clone(), ana.id);
            company.office(&format!(
                "INSERT INTO sync.device (id, user_id, name) VALUES ('{}', '{2}', 'Laptop');
                 INSERT INTO app.login (role_name, user_id, device_id, claimed_at) VALUES ('{1}', '{2}', '{0}', now())",
                device.uuid(),
                role,
                ids::ANA
            ));
        }
        ana.reconnect();
        let error = ana.try_sync().error.expect("it is another database");
        assert!(
            matches!(
                error,
                SyncError::Refused(Refusal::AnotherDatabase | Refusal::DeviceUnknown)
                    | SyncError::Central(CentralError::DeviceRefused(_) | CentralError::LoginRefused(_))
            ),
            "{known}: {error:?}"
        );
        if known {
            assert!(matches!(error, SyncError::Refused(Refusal::AnotherDatabase)), "{error:?}");
        }
        assert_eq!(company.office("SELECT count(*) FROM sync.op"), "0");
        assert_eq!((ana.rows(EquipmentInventory), ana.rows(InspectionRecords)), before);
        assert_eq!(ana.pending(), 1);
        refused += 1;
    }
    figure("a_server_that_was_wiped_gets_nothing_and_takes_nothing", refused, 0);
}

/// Row 19: the server is put back to an older copy while two laptops go on, again and again.
#[test]
fn a_server_that_is_put_back_again_and_again_has_every_acknowledged_operation_in_the_end() {
    let company = Company::found_alone();
    let mut ana = Device::enroll(&company, ids::ANA);
    let mut ben = Device::enroll(&company, ids::BEN);
    ana.sync();
    ben.sync();
    let backups = tempfile::tempdir().unwrap();
    let mut inspections = Vec::new();
    let rounds = crate::figure::scaled(3, 20);
    for round in 0..rounds {
        let copy = backups.path().join(format!("{round}"));
        company.cluster().cold_copy(&copy).unwrap();
        for device in [&mut ana, &mut ben] {
            device.reconnect();
        }
        for n in 0..30 {
            inspections.push(ana.inspect(ids::ANAS_JOB, ids::item(1 + n % 3), &format!("Ana {round}")));
            inspections.push(ben.inspect(ids::BENS_JOB, ids::item(1 + n % 3), &format!("Ben {round}")));
        }
        ana.change(EquipmentInventory, ids::item(1), json!({"notes": format!("Ana {round}")}));
        ana.sync();
        ben.sync();
        company.cluster().put_back(&copy).unwrap();
        for device in [&mut ana, &mut ben] {
            device.reconnect();
        }
        // The other one is first this time, and has something new as well.
        inspections.push(ben.inspect(ids::BENS_JOB, ids::item(1), &format!("After {round}")));
        ben.sync();
        ana.sync();
    }
    ben.sync();
    let lost = inspections
        .iter()
        .filter(|id| company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{id}'")) != "1")
        .count() as u64;
    assert_same(&mut ana);
    assert_same(&mut ben);
    println!("    {} operations, {rounds} times put back", inspections.len());
    figure("a_server_that_is_put_back_again_and_again_has_every_acknowledged_operation_in_the_end", rounds, lost);
}
