//! What the simulator found in the laptops' own code, told step by step on the real engine and real mirrors.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation, Outcome};
use clara_domain::{OpId, PhotoId};
use clara_local::{MirrorError, OpState, PhotoNew};
use clara_simulation::company::{self, id, site};
use clara_simulation::fault::{Plan, StepFault, lock};
use clara_simulation::laptop::{Laptop, Shared, template};
use clara_simulation::server::{Server, fields};
use clara_sync::{Replica, SyncReport, Wish};
use serde_json::{Value, json};
use uuid::Uuid;

/// A company and one person's laptop.
struct Desk {
    shared: Shared,
    laptop: Laptop,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn of(person: u128) -> Self {
        let now = DateTime::from_timestamp(1_772_000_000, 0).unwrap();
        let folder = tempfile::tempdir().unwrap();
        template(&folder.path().join("template"), now).unwrap();
        let mut server = Server::new(now, 1);
        company::found(&mut server);
        let device = server.enroll(id(person), "laptop");
        let role = server.role(id(person));
        let shared = Shared {
            server: Arc::new(Mutex::new(server)),
            ghosts: Arc::default(),
            clock: Arc::new(AtomicI64::new(now.timestamp_micros())),
        };
        let home = folder.path().join("laptop");
        let mut laptop = Laptop::new(home, &folder.path().join("template"), 1, device, id(person)).unwrap();
        laptop.open(now).unwrap();
        laptop.enroll(now, device, role).unwrap();
        Self { shared, laptop, _folder: folder }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        lock(&self.shared.server)
    }

    fn later(&self, minutes: i64) {
        let now = self.shared.now() + TimeDelta::minutes(minutes);
        self.shared.clock.store(now.timestamp_micros(), Ordering::SeqCst);
        self.server().now = now;
    }

    fn now(&self) -> DateTime<Utc> {
        self.shared.now()
    }

    /// Syncs; `between` is called before the n-th wait for the server goes on.
    fn sync_and(&mut self, wish: Wish, mut between: impl FnMut(u32, &mut Server)) -> SyncReport {
        self.later(1);
        self.laptop.begin_sync(&self.shared, wish, Plan::default(), None);
        for call in 0..5000 {
            if let Some((report, _)) = self.laptop.go_on() {
                return report;
            }
            between(call, &mut lock(&self.shared.server));
        }
        panic!("the sync does not end");
    }

    /// The program ends after the n-th step of the mirror in a sync, and is started again.
    fn sync_and_crash_after(&mut self, step: u32) {
        self.later(1);
        let plan = Plan { steps: vec![(step, StepFault::After)], ..Plan::default() };
        self.laptop.begin_sync(&self.shared, Wish::default(), plan, None);
        let ended = (0..5000).find_map(|_| self.laptop.go_on());
        let (_, fate) = ended.expect("the sync does not end");
        assert_eq!(Laptop::has_crashed(&fate), Some(false), "no step has this number");
        let now = self.now();
        self.laptop.crash(now, false, None).unwrap();
    }

    fn sync(&mut self) -> SyncReport {
        self.sync_and(Wish::default(), |_, _| ())
    }

    fn sees(&self, entity: Entity, row: Uuid) -> bool {
        self.laptop.mirror().unwrap().read::<_, MirrorError>(|read| read.row(entity, row)).unwrap().is_some()
    }

    fn rows(&self, entity: Entity) -> usize {
        self.laptop.mirror().unwrap().read::<_, MirrorError>(|read| read.all(entity)).unwrap().len()
    }

    fn change(&mut self, entity: Entity, row: Uuid, values: Value) {
        let now = self.now();
        self.laptop.save(now, None, false, |tx| tx.update(entity, row, row, fields(values))).unwrap();
    }
}

#[test]
fn a_server_put_back_while_a_sync_is_under_way_is_noticed_by_the_next_one() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let copy = ana.server().state.clone();
    let item = id(0x4000);
    ana.change(Entity::EquipmentInventory, item, json!({"serial_number": "SN-1"}));
    ana.sync();
    let mut copy = Some(copy);
    ana.change(Entity::EquipmentInventory, item, json!({"serial_number": "SN-2"}));
    // After hello and push, before the pull.
    let report = ana.sync_and(Wish::default(), |call, server| {
        if call == 2 {
            server.put_back(copy.take().unwrap());
        }
    });
    assert!(report.error.is_some_and(|error| error.passes_by_itself()));
    let report = ana.sync();
    assert!(report.error.is_none() && report.replayed > 0, "the journal goes again: {report:?}");
    assert_eq!(ana.server().state.fields(Entity::EquipmentInventory, item).unwrap()["serial_number"], "SN-2");
}

#[test]
fn a_crash_between_noticing_a_restore_and_sending_again_forgets_nothing_that_is_to_be_sent() {
    // Wherever in the sync it comes.
    for step in 1..12 {
        let mut ana = Desk::of(0xa1);
        ana.sync();
        let copy = ana.server().state.clone();
        let (now, photo) = (ana.now(), Uuid::from_u128(0x71));
        ana.change(Entity::EquipmentInventory, id(0x4000), json!({"serial_number": "SN-1"}));
        ana.laptop
            .save(now, None, false, |tx| {
                let fields = fields(json!({"equipment_id": id(0x4000), "mime": "image/jpeg"}));
                tx.attach_photo(PhotoNew {
                    id: PhotoId(photo),
                    root_id: photo,
                    fields,
                    bytes: &[7; 50],
                    thumbnail: &[7],
                })
            })
            .unwrap();
        ana.sync();
        ana.server().put_back(copy);
        ana.sync_and_crash_after(step);
        ana.sync();
        let server = ana.server();
        let row = server.state.fields(Entity::EquipmentInventory, id(0x4000)).unwrap();
        assert_eq!(row.get("serial_number"), Some(&json!("SN-1")), "given back after a crash in step {step}");
        assert_eq!(server.photo_bytes(photo), [7; 50], "given back after a crash in step {step}");
    }
}

#[test]
fn a_person_promoted_during_their_first_sync_holds_all_sites_after_the_next() {
    let mut ana = Desk::of(0xa1);
    let report = ana.sync_and(Wish::default(), |call, server| {
        if call == 10 {
            server.office_update(Entity::Users, id(0xa1), &fields(json!({"role": "manager"})));
        }
    });
    assert!(report.error.is_some());
    ana.sync();
    assert_eq!(ana.rows(Entity::Locations), 5);
}

#[test]
fn a_login_taken_away_in_the_middle_of_a_comparison_does_not_empty_the_mirror_for_good() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let sites = ana.rows(Entity::Locations);
    ana.server().restart();
    let report = ana.sync_and(Wish::default(), |call, server| {
        if call == 1 {
            server.office_update(Entity::Users, id(0xa1), &fields(json!({"is_active": false})));
        }
    });
    assert!(report.error.is_some());
    assert_eq!(ana.rows(Entity::Locations), sites, "nothing is purged on the word of a server that shows nothing");
    ana.server().office_update(Entity::Users, id(0xa1), &fields(json!({"is_active": true})));
    assert!(ana.sync().error.is_none());
    assert_eq!(ana.rows(Entity::Locations), sites);
    assert!(ana.rows(Entity::EquipmentInventory) > 0);
}

#[test]
fn a_login_taken_away_in_the_middle_of_a_first_sync_leaves_no_table_empty_for_good() {
    use clara_domain::mirror::TABLES;
    let whole = {
        let mut ana = Desk::of(0xa1);
        ana.sync();
        TABLES.iter().map(|table| ana.rows(table.entity)).collect::<Vec<_>>()
    };
    for moment in 1..30 {
        let mut ana = Desk::of(0xa1);
        ana.sync_and(Wish::default(), |call, server| {
            if call == moment {
                server.office_update(Entity::Users, id(0xa1), &fields(json!({"is_active": false})));
            }
        });
        ana.server().office_update(Entity::Users, id(0xa1), &fields(json!({"is_active": true})));
        let report = ana.sync();
        assert!(report.error.is_none(), "{report:?}");
        let found: Vec<_> = TABLES.iter().map(|table| ana.rows(table.entity)).collect();
        assert_eq!(found, whole, "taken away before call {moment}");
    }
}

#[test]
fn a_disk_that_fills_up_while_work_waits_for_a_row_is_what_the_sync_ends_with() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let item = id(0x4000);
    ana.server().begin_slow(Entity::EquipmentInventory, item, fields(json!({"notes": "held"}))).unwrap();
    ana.change(Entity::EquipmentInventory, item, json!({"serial_number": "SN-1"}));
    // Both sides are compared in the first sync of a day, which is not what this is about.
    assert!(ana.sync().error.is_some_and(|error| error.passes_by_itself()));
    let mut left_in_flight = 0;
    for step in 1..30 {
        ana.later(1);
        let plan = Plan { steps: vec![(step, StepFault::DiskFull)], ..Plan::default() };
        ana.laptop.begin_sync(&ana.shared, Wish::default(), plan, None);
        let (report, _) = (0..5000).find_map(|_| ana.laptop.go_on()).expect("the sync does not end");
        if ana.laptop.mirror().unwrap().clone().state().unwrap().in_flight > 0 {
            left_in_flight += 1;
            let error = report.error.expect("not all went through");
            assert!(!error.passes_by_itself(), "at step {step}: {error}");
        }
    }
    assert!(left_in_flight > 0, "the disk was never full when the work was put back");
}

/// Of the rule itself: it took a row that is only just on the server for one that the mirror ought to show.
#[test]
fn a_new_row_may_lie_over_nothing_for_as_long_as_no_pull_has_brought_the_servers() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let (now, item) = (ana.now(), id(0x4999));
    let row = json!({"location_id": site(0), "manual_model_number": "4AEF", "notes": "New"});
    let saved = row.clone();
    ana.laptop.save(now, None, false, |tx| tx.insert(Entity::EquipmentInventory, item, item, fields(saved))).unwrap();
    // Its answer was lost on the way.
    let mut on_server = fields(row);
    on_server.extend(fields(json!({"status": "active", "components": {}, "metadata": {}})));
    ana.server().office_insert(Entity::EquipmentInventory, item, on_server);
    assert_eq!(clara_simulation::invariant::mirror_is_true(&ana.server(), &ana.laptop, true), Ok(()));
}

#[test]
fn a_manager_who_loses_a_job_keeps_the_site() {
    let mut mo = Desk::of(company::MANAGER);
    let job = id(0x5003);
    mo.server().office_update(Entity::Jobs, job, &fields(json!({"assigned_technician_id": id(company::MANAGER)})));
    mo.sync();
    mo.server().office_update(Entity::Jobs, job, &fields(json!({"assigned_technician_id": id(0xb1)})));
    mo.sync();
    assert!(mo.sees(Entity::Locations, site(3)) && mo.sees(Entity::Jobs, job));
}

#[test]
fn a_clock_a_year_ahead_does_not_drop_the_journal_that_a_restored_server_needs() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let copy = ana.server().state.clone();
    ana.change(Entity::EquipmentInventory, id(0x4000), json!({"serial_number": "SN-1"}));
    ana.sync();
    ana.laptop.clock_error = TimeDelta::days(365);
    let now = ana.now();
    ana.laptop.crash(now, false, None).unwrap();
    ana.server().put_back(copy);
    ana.sync();
    let row = ana.server().state.fields(Entity::EquipmentInventory, id(0x4000)).unwrap().clone();
    assert_eq!(row["serial_number"], "SN-1", "given back from the journal");
}

#[test]
fn a_clock_a_year_behind_when_the_receipt_came_does_not_drop_the_journal_either() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let copy = ana.server().state.clone();
    ana.laptop.clock_error = TimeDelta::days(-365);
    ana.change(Entity::EquipmentInventory, id(0x4000), json!({"serial_number": "SN-1"}));
    ana.sync();
    ana.laptop.clock_error = TimeDelta::zero();
    let now = ana.now();
    ana.laptop.crash(now, false, None).unwrap();
    ana.server().put_back(copy);
    ana.sync();
    let row = ana.server().state.fields(Entity::EquipmentInventory, id(0x4000)).unwrap().clone();
    assert_eq!(row["serial_number"], "SN-1");
}

#[test]
fn a_site_that_gets_another_customer_brings_that_customer_and_lets_the_old_one_go() {
    let mut cai = Desk::of(0xc1);
    cai.sync();
    // Cai holds sites 1 and 2, of customers 1 and 0.
    assert!(cai.sees(Entity::Customers, id(0x2000)) && cai.sees(Entity::Customers, id(0x2001)));
    cai.server().office_update(Entity::Locations, site(2), &fields(json!({"customer_id": id(0x2001)})));
    cai.sync();
    assert!(!cai.sees(Entity::Customers, id(0x2000)), "no site of that customer is in scope any more");
    cai.server().office_update(Entity::Locations, site(2), &fields(json!({"customer_id": id(0x2000)})));
    cai.sync();
    assert!(cai.sees(Entity::Customers, id(0x2000)), "its row is older than the cursor");
}

#[test]
fn what_became_of_ones_own_work_stays_visible_after_its_site_has_gone() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let item = id(0x4030);
    ana.server().office_update(Entity::EquipmentInventory, item, &fields(json!({"serial_number": "office"})));
    ana.change(Entity::EquipmentInventory, item, json!({"serial_number": "ana"}));
    ana.sync();
    assert_eq!(ana.rows(Entity::Conflicts), 1);
    let conflict = *ana.server().state.tables[&Entity::Conflicts].keys().next().unwrap();
    // With work over it, too.
    ana.change(Entity::Conflicts, conflict, json!({"resolution": "client"}));
    ana.server().office_update(Entity::Jobs, id(0x5003), &fields(json!({"assigned_technician_id": null})));
    ana.sync();
    assert!(!ana.sees(Entity::Locations, site(3)), "the site has gone");
    assert!(ana.sees(Entity::Conflicts, conflict), "the server still shows it to its author, and so does the laptop");
}

const PHOTO: Uuid = Uuid::from_u128(0x71);

impl Desk {
    /// A photo whose row the server has, and whose bytes are still here.
    fn photo_without_its_bytes(&mut self, of: Value) {
        let now = self.now();
        self.laptop
            .save(now, None, false, |tx| {
                let (bytes, fields) = (&[7; 50], fields(of));
                tx.attach_photo(PhotoNew { id: PhotoId(PHOTO), root_id: PHOTO, fields, bytes, thumbnail: &[7] })
            })
            .unwrap();
        self.sync_and(Wish { photos: false, ..Wish::default() }, |_, _| ());
        assert_eq!(self.photos_waiting(), 1);
    }

    fn photos_waiting(&self) -> u32 {
        self.laptop.mirror().unwrap().clone().state().unwrap().photos_waiting
    }
}

#[test]
fn bytes_of_a_photo_that_the_office_deleted_for_good_are_not_waited_for() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    ana.photo_without_its_bytes(json!({"equipment_id": id(0x4000), "mime": "image/jpeg"}));
    assert!(ana.server().office_delete(Entity::Photos, PHOTO));
    ana.sync();
    assert_eq!(ana.photos_waiting(), 0);
}

#[test]
fn nor_are_those_of_one_that_was_deleted_while_its_site_was_out_of_scope() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    ana.photo_without_its_bytes(json!({"equipment_id": id(0x4000), "mime": "image/jpeg"}));
    ana.server().office_update(Entity::Jobs, id(0x5000), &fields(json!({"assigned_technician_id": null})));
    ana.sync_and(Wish { photos: false, ..Wish::default() }, |_, _| ());
    assert!(!ana.sees(Entity::Locations, site(0)), "the site has gone");
    assert_eq!(ana.photos_waiting(), 1);
    assert!(ana.server().office_delete(Entity::Photos, PHOTO));
    ana.sync();
    assert_eq!(ana.photos_waiting(), 0);
}

#[test]
fn bytes_of_a_deleted_photo_come_to_a_server_that_was_put_back_to_before_the_deletion() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    ana.photo_without_its_bytes(json!({"equipment_id": id(0x4000), "mime": "image/jpeg"}));
    let copy = ana.server().state.clone();
    assert!(ana.server().office_delete(Entity::Photos, PHOTO));
    ana.sync();
    assert_eq!(ana.photos_waiting(), 0);
    ana.server().put_back(copy);
    ana.sync();
    assert_eq!(ana.server().photo_bytes(PHOTO), [7; 50]);
}

#[test]
fn a_photo_whose_job_goes_to_a_site_out_of_scope_before_its_bytes_have_gone_up_is_sent() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    ana.photo_without_its_bytes(json!({"job_id": id(0x5000), "mime": "image/jpeg"}));
    ana.server().office_update(Entity::Jobs, id(0x5000), &fields(json!({"location_id": site(1)})));
    ana.server().office_update(Entity::Jobs, id(0x5000), &fields(json!({"assigned_technician_id": null})));
    ana.sync();
    assert!(!ana.sees(Entity::Photos, PHOTO), "it has left her sites");
    assert_eq!(ana.server().photo_bytes(PHOTO), [7; 50]);
    assert_eq!(ana.server().state.fields(Entity::Photos, PHOTO).unwrap()["state"], "stored");
    assert_eq!(ana.photos_waiting(), 0);
}

#[test]
fn a_login_taken_away_while_photos_go_up_does_not_make_their_bytes_unwanted() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    ana.photo_without_its_bytes(json!({"equipment_id": id(0x4000), "mime": "image/jpeg"}));
    let active = |is_active: bool| fields(json!({"is_active": is_active}));
    // After the pull, before the server is asked for the photo.
    let report = ana.sync_and(Wish::default(), |call, server| {
        if call == 1 {
            server.office_update(Entity::Users, id(0xa1), &active(false));
        }
    });
    assert!(report.error.is_some(), "{report:?}");
    ana.server().office_update(Entity::Users, id(0xa1), &active(true));
    ana.sync();
    assert_eq!(ana.server().photo_bytes(PHOTO), [7; 50]);
}

#[test]
fn a_clock_that_goes_back_while_work_only_goes_up_does_not_drop_the_journal() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let copy = ana.server().state.clone();
    // The server wants a newer program: work goes up, nothing comes down.
    ana.server().min_client = 99;
    ana.laptop.clock_error = TimeDelta::days(-365);
    ana.change(Entity::EquipmentInventory, id(0x4000), json!({"serial_number": "SN-1"}));
    assert!(ana.sync().error.is_some());
    assert_eq!(
        ana.server().state.fields(Entity::EquipmentInventory, id(0x4000)).unwrap()["serial_number"],
        "SN-1",
        "it went up"
    );
    ana.server().min_client = 1;
    ana.laptop.clock_error = TimeDelta::zero();
    ana.sync();
    let now = ana.now();
    ana.laptop.crash(now, false, None).unwrap();
    ana.server().put_back(copy);
    ana.sync();
    let row = ana.server().state.fields(Entity::EquipmentInventory, id(0x4000)).unwrap().clone();
    assert_eq!(row.get("serial_number"), Some(&json!("SN-1")), "given back from the journal");
}

#[test]
fn refused_work_on_a_record_does_not_take_it_away_when_its_job_went_to_another_site_of_ours() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let record = id(0x7000);
    ana.change(Entity::InspectionRecords, record, json!({"findings": "what is complete is not changed"}));
    ana.sync();
    // Her only job at site 0 goes to site 3, where she has another.
    ana.server().office_update(Entity::Jobs, id(0x5000), &fields(json!({"location_id": site(3)})));
    ana.sync();
    assert!(!ana.sees(Entity::Locations, site(0)), "the old site has gone");
    assert!(ana.sees(Entity::InspectionRecords, record));
}

impl Desk {
    /// A change that the server parks: its site left her scope first.
    fn parked(&mut self) -> OpId {
        self.server().office_update(Entity::Jobs, id(0x5000), &fields(json!({"assigned_technician_id": null})));
        self.change(Entity::EquipmentInventory, id(0x4000), json!({"serial_number": "SN-1"}));
        let op_id = self.outbox()[0];
        self.sync();
        assert_eq!(self.state(op_id), OpState::Parked);
        op_id
    }

    /// A change that the server refuses, handed to the office.
    fn handed_over(&mut self) -> OpId {
        self.change(Entity::EquipmentInventory, id(0x4000), json!({"status": "exploded"}));
        let op_id = self.outbox()[0];
        self.sync();
        assert_eq!(self.state(op_id), OpState::Rejected);
        let now = self.now();
        self.laptop.save(now, None, false, |tx| tx.hand_over(op_id)).unwrap();
        self.sync();
        assert_eq!(self.state(op_id), OpState::Parked);
        op_id
    }

    fn outbox(&self) -> Vec<OpId> {
        let lines = self.laptop.mirror().unwrap().read::<_, MirrorError>(|read| read.outbox()).unwrap();
        lines.into_iter().map(|line| line.operation.op_id).collect()
    }

    fn state(&self, op_id: OpId) -> OpState {
        let mirror = self.laptop.mirror().unwrap();
        mirror.read::<_, MirrorError>(|read| read.operation(op_id)).unwrap().unwrap().state
    }

    /// The manager decides whatever waits.
    fn decide(&mut self, decision: &str) {
        self.later(1);
        let now = self.now();
        let mut server = self.server();
        let waiting = *server.state.tables[&Entity::ParkedOperations].keys().next().unwrap();
        let device = server.enroll(id(company::MANAGER), "the manager's");
        let operation = Operation {
            op_id: OpId(Uuid::from_u128(0x99)),
            seq: 1,
            root_id: waiting,
            entity: Entity::ParkedOperations,
            row_id: waiting,
            kind: OpKind::Update,
            base_row_ver: 1,
            base: fields(json!({"decision": null})),
            new: fields(json!({"decision": decision})),
            schema_version: 2,
            local_at: now,
            clock_offset_ms: None,
        };
        let receipts = server.push(id(company::MANAGER), device, &[operation]).unwrap();
        assert_eq!(receipts[0].outcome, Outcome::Applied, "{receipts:?}");
    }

    /// To a server that was started anew everything goes again, and is answered as it was at first.
    fn sync_after_a_restart(&mut self) {
        self.server().restart();
        let report = self.sync();
        assert!(report.error.is_none() && report.replayed > 0, "{report:?}");
    }
}

#[test]
fn what_the_office_took_stays_taken_when_the_server_is_started_anew() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let op_id = ana.parked();
    ana.sync_after_a_restart();
    assert_eq!(ana.state(op_id), OpState::Parked);
    ana.decide("accepted");
    ana.sync();
    assert_eq!(ana.state(op_id), OpState::Applied);
    ana.sync_after_a_restart();
    assert_eq!(ana.state(op_id), OpState::Applied, "nobody is asked for a decision any more");
}

#[test]
fn handed_over_work_stays_at_the_office_when_the_server_is_started_anew() {
    let mut ana = Desk::of(0xa1);
    ana.sync();
    let op_id = ana.handed_over();
    ana.sync_after_a_restart();
    assert_eq!(ana.state(op_id), OpState::Parked, "it is not hers to look at again");
    ana.decide("declined");
    ana.sync();
    assert_eq!(ana.state(op_id), OpState::Declined);
    assert!(ana.outbox().is_empty());
    ana.sync_after_a_restart();
    assert_eq!(ana.state(op_id), OpState::Declined);
}
