//! A copy of the database brought back by a person.

use chrono::TimeDelta;
use clara_domain::mirror::Entity;
use clara_domain::operation::Outcome;
use clara_local::{BackupReason, DataKey, Mirror, OpState, OpenError, RestoreError};
use clara_sync::Replica;
use rusqlite::Connection;
use serde_json::json;

use crate::desk::*;

fn bring_back(desk: &Desk, backup: &std::path::Path) -> (Mirror, clara_local::Restored) {
    let (opened, restored) = Mirror::restore_backup_with(desk.path(), &desk.key, backup, now(), small()).unwrap();
    (opened.mirror, restored)
}

#[test]
fn the_copies_are_listed_newest_first_with_what_is_in_them() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    mirror.backup_daily(now()).unwrap();
    add_pump(&mirror, 0xe8, "SN-8");
    mirror.backup_daily(now() + TimeDelta::days(1)).unwrap();
    let listed = Mirror::backups(desk.path(), &desk.key).unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed[0].taken_at > listed[1].taken_at && listed[0].reason == BackupReason::Daily);
    assert_eq!(listed[0].rows.unwrap(), listed[1].rows.unwrap() + 1);
    assert_eq!(listed[0].bytes, std::fs::metadata(&listed[0].path).unwrap().len());
    std::fs::write(&listed[1].path, b"rubbish").unwrap();
    let listed = Mirror::backups(desk.path(), &desk.key).unwrap();
    assert_eq!(listed[1].rows, None, "named, and not to be relied on");
    let other = Mirror::backups(desk.path(), &DataKey::from_bytes([9; 32])).unwrap();
    assert!(other.iter().all(|backup| backup.rows.is_none()));
}

#[test]
fn all_that_was_saved_since_the_copy_is_there_after_it_was_brought_back() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let before = edit(&mirror, PUMP, json!({"serial_number": "SN-2"})).unwrap();
    draft(&mirror, 0x91, json!({"psi": 90}));
    draft(&mirror, 0x92, json!({"psi": 91}));
    draft(&mirror, 0x93, json!({"psi": 92}));
    let copy = mirror.backup_daily(now()).unwrap().unwrap();
    // What the copy holds as unsent was answered since; a draft was changed, one completed, one thrown away.
    push(&mut mirror, "150");
    let confirmed = add_pump(&mirror, 0xe8, "SN-8");
    push(&mut mirror, "151");
    let taken_back = add_pump(&mirror, 0xea, "SN-10");
    write(&mirror, |tx| tx.withdraw(taken_back));
    let unsent = add_pump(&mirror, 0xe9, "SN-9");
    mirror
        .write(later(5), |tx| -> Result<(), clara_local::MirrorError> {
            let mut draft = tx.read().draft(clara_domain::InspectionId(id(0x91)))?.unwrap();
            draft.body = json!({"psi": 95});
            tx.save_draft(clara_local::DraftSave {
                id: draft.id,
                job_id: draft.job_id,
                equipment_id: draft.equipment_id,
                template_id: None,
                body: draft.body,
            })
        })
        .unwrap();
    let completed = complete(&mirror, 0x92);
    write(&mirror, |tx| tx.remove_draft(clara_domain::InspectionId(id(0x93))));
    let last = mirror.read(|r| r.outbox()).unwrap().iter().map(|line| line.operation.seq).max().unwrap();
    assert!(matches!(
        Mirror::restore_backup_with(desk.path(), &desk.key, &copy, now(), small()),
        Err(RestoreError::Open(OpenError::SecondCopy))
    ));
    drop(mirror);

    let (mut mirror, restored) = bring_back(&desk, &copy);
    assert!(restored.set_aside.as_ref().unwrap().exists(), "nothing is deleted");
    assert!(copy.exists());
    assert_eq!((restored.operations_taken_over, restored.drafts_taken_over), (5, 1));
    let state = |op| mirror.read(|r| r.operation(op)).unwrap().unwrap().state;
    assert_eq!([before, confirmed].map(state), [OpState::Applied; 2]);
    assert_eq!([unsent, completed].map(state), [OpState::Pending; 2]);
    assert_eq!(state(taken_back), OpState::Withdrawn);
    assert_eq!(serial(&mirror, 0xe8), "SN-8", "confirmed since: seen before the server shows it again");
    assert_eq!(serial(&mirror, 0xe9), "SN-9");
    assert_eq!(serial(&mirror, 0xea), serde_json::Value::Null);
    assert_eq!(serial(&mirror, PUMP), "SN-2");
    let drafts = mirror.read(|r| r.drafts(None)).unwrap();
    assert_eq!(
        drafts.iter().map(|d| (d.id.uuid(), d.body["psi"].clone())).collect::<Vec<_>>(),
        [(id(0x91), json!(95))]
    );
    let ids: Vec<_> = batch(&mut mirror).iter().map(|o| o.op_id).collect();
    assert_eq!(ids, [unsent, completed], "with the ids they had: sent twice, they take effect once");
    let next = add_pump(&mirror, 0xeb, "SN-11");
    assert!(mirror.read(|r| r.operation(next)).unwrap().unwrap().operation.seq > last, "a number is never used twice");

    // The next sync compares every table, and the confirmed item is then the server's.
    assert!(mirror.state().unwrap().reconciling);
    mirror.end_reconcile(&cursor("200:200:"), now()).unwrap();
    mirror.apply_pull(&pull("200:200:", site_rows(SITE, 0xe8, JOB))).unwrap();
    assert_eq!(serial(&mirror, 0xe8), "SN-1", "as the server has it");
    drop(mirror);
    assert_eq!(desk.opened().report.caught_up, None, "once is enough");

    // The database that was set aside is a copy too: that undoes it.
    let (mirror, restored) = bring_back(&desk, &restored.set_aside.unwrap());
    assert_eq!(serial(&mirror, 0xe9), "SN-9");
    assert_eq!(serial(&mirror, 0xeb), "SN-11", "saved in between");
    assert_eq!(restored.operations_taken_over, 1);
}

#[test]
fn the_spool_alone_still_rebuilds_everything_after_a_copy_was_brought_back() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let copy = mirror.backup_daily(now()).unwrap().unwrap();
    let unsent = add_pump(&mirror, 0xe9, "SN-9");
    drop(mirror);
    drop(bring_back(&desk, &copy));
    std::fs::write(desk.path().join("mirror.db"), b"gone").unwrap();
    let opened = desk.opened();
    assert_eq!(opened.report.rebuilt.unwrap().operations, 1);
    assert!(opened.mirror.read(|r| r.operation(unsent)).unwrap().is_some());
}

#[test]
fn a_copy_that_holds_what_the_spool_has_lost_gives_it_back() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let unsent = add_pump(&mirror, 0xe9, "SN-9");
    draft(&mirror, 0x91, json!({"psi": 90}));
    let copy = mirror.backup_daily(now()).unwrap().unwrap();
    drop(mirror);
    for entry in std::fs::read_dir(desk.path().join("spool")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    drop(bring_back(&desk, &copy));
    std::fs::write(desk.path().join("mirror.db"), b"gone").unwrap();
    let opened = desk.opened();
    assert!(opened.mirror.read(|r| r.operation(unsent)).unwrap().is_some(), "it exists twice again");
    assert_eq!(opened.mirror.read(|r| r.drafts(None)).unwrap().len(), 1);
}

#[test]
fn a_copy_that_is_damaged_foreign_or_newer_is_refused_and_the_profile_is_as_it_was() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let copy = mirror.backup_daily(now()).unwrap().unwrap();
    add_pump(&mirror, 0xe9, "SN-9");
    drop(mirror);
    let whole = std::fs::read(&copy).unwrap();
    let before = std::fs::read(desk.path().join("mirror.db")).unwrap();
    let attempt = |what: &str, newer: bool| {
        let refused = Mirror::restore_backup_with(desk.path(), &desk.key, &copy, now(), small());
        match refused {
            Err(RestoreError::NotABackup) => assert!(!newer, "{what}"),
            Err(RestoreError::Newer) => assert!(newer, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(std::fs::read(desk.path().join("mirror.db")).unwrap(), before, "{what}");
        assert!(!desk.path().join("mirror.db.coming").exists() && !desk.path().join("aside").exists(), "{what}");
    };
    for page in (0..whole.len() / 4096).step_by(9) {
        let mut bytes = whole.clone();
        bytes[page * 4096 + 99] ^= 4;
        std::fs::write(&copy, bytes).unwrap();
        attempt(&format!("page {page}"), false);
    }
    std::fs::write(&copy, &whole[..whole.len() / 2]).unwrap();
    attempt("half of it", false);
    std::fs::write(&copy, b"").unwrap();
    attempt("nothing", false);
    std::fs::remove_file(&copy).unwrap();
    attempt("not there", false);
    std::fs::write(&copy, &whole).unwrap();
    let connection = Connection::open(&copy).unwrap();
    let key: String = desk.key.expose().iter().map(|b| format!("{b:02x}")).collect();
    connection.pragma_update(None, "key", format!("x'{key}'")).unwrap();
    connection.execute_batch("PRAGMA user_version = 900").unwrap();
    drop(connection);
    attempt("newer", true);
    assert_eq!(serial(&desk.open(), 0xe9), "SN-9");
}

#[test]
fn a_kill_after_the_old_database_was_set_aside_costs_nothing() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let copy = mirror.backup_daily(now()).unwrap().unwrap();
    let unsent = add_pump(&mirror, 0xe9, "SN-9");
    drop(mirror);
    std::fs::copy(&copy, desk.path().join("mirror.db.coming")).unwrap();
    std::fs::create_dir_all(desk.path().join("aside")).unwrap();
    std::fs::rename(desk.path().join("mirror.db"), desk.path().join("aside").join("mirror-x.db")).unwrap();
    assert!(desk.opened().mirror.read(|r| r.operation(unsent)).unwrap().is_some());
    let (mirror, _) = bring_back(&desk, &copy);
    assert_eq!(serial(&mirror, 0xe9), "SN-9");
    assert_eq!(serial(&mirror, PUMP), "SN-1", "and the rows of the copy");
}

#[test]
fn an_older_copy_put_back_by_hand_never_gives_a_number_twice() {
    let desk = Desk::new();
    drop(desk.at_work());
    let older = desk.snapshot("database");
    let mut mirror = desk.open();
    for pump in 0xf1..0xf9 {
        add_pump(&mirror, pump, "SN");
    }
    push(&mut mirror, "150");
    drop(mirror);
    desk.put_back(&older);
    let mirror = desk.open();
    assert_eq!(mirror.read(|r| r.outbox_in(OpState::Applied)).unwrap().len(), 8);
    assert_eq!(serial(&mirror, 0xf1), "SN");
    let next = add_pump(&mirror, 0xff, "SN");
    assert_eq!(mirror.read(|r| r.operation(next)).unwrap().unwrap().operation.seq, 9);
}

#[test]
fn once_a_week_every_page_is_looked_at_and_a_damaged_one_is_put_right_at_the_next_start() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let days = |days| now() + TimeDelta::days(days);
    assert_eq!(mirror.check_weekly(now()).unwrap(), Some(true));
    assert_eq!(mirror.check_weekly(days(6)).unwrap(), None);
    assert_eq!(mirror.check_weekly(days(7)).unwrap(), Some(true));
    assert_eq!(mirror.check_weekly(days(-300)).unwrap(), Some(true), "a clock that jumped is no reason to wait a year");
    add_pump(&mirror, 0xe9, "SN-9");
    drop(mirror);
    // An index that has lost an entry: the quick look does not see it.
    let connection = Connection::open(desk.path().join("mirror.db")).unwrap();
    let key: String = desk.key.expose().iter().map(|b| format!("{b:02x}")).collect();
    connection.pragma_update(None, "key", format!("x'{key}'")).unwrap();
    connection
        .execute_batch(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE INDEX jobs_location_id ON jobs (customer_id)'
                 WHERE name = 'jobs_location_id';
             PRAGMA writable_schema = RESET;",
        )
        .unwrap();
    drop(connection);
    let mirror = desk.opened();
    assert!(mirror.report.rebuilt.is_none(), "the quick look finds nothing");
    assert_eq!(mirror.mirror.check_weekly(days(14)).unwrap(), Some(false));
    drop(mirror);
    let opened = desk.opened();
    assert_eq!(opened.report.rebuilt.unwrap().operations, 1);
    assert_eq!(serial(&opened.mirror, 0xe9), "SN-9");
    drop(opened.mirror);
    assert!(desk.opened().report.rebuilt.is_none(), "once");
}

#[test]
fn what_was_handed_over_stays_handed_over_in_a_database_made_from_the_spool() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let refused = add_pump(&mirror, 0xe9, "SN-9");
    batch(&mut mirror);
    mirror.settle(&[receipt(refused, Outcome::Rejected, None)], later(1)).unwrap();
    write(&mirror, |tx| tx.hand_over(refused));
    drop(mirror);
    std::fs::write(desk.path().join("mirror.db"), b"gone").unwrap();
    let mirror = desk.open();
    assert_eq!(mirror.read(|r| r.operation(refused)).unwrap().unwrap().state, OpState::Parked);
    assert_eq!(mirror.read(|r| r.outbox()).unwrap()[1].operation.entity, Entity::ParkedOperations);
}
