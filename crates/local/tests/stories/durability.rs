use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use clara_domain::operation::Outcome;
use clara_local::{DataKey, Mirror, OpState, OpenError, Options, PhotoNew};
use clara_sync::Replica;
use rusqlite::Connection;
use serde_json::json;

use crate::desk::*;

#[test]
fn a_second_copy_of_the_program_on_one_profile_is_refused_and_the_first_goes_on() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    assert!(matches!(desk.try_open(), Err(OpenError::SecondCopy)));
    edit(&mirror, PUMP, json!({"serial_number": "SN-2"}));
    drop(mirror);
    assert_eq!(serial(&desk.open(), PUMP), "SN-2");
}

#[test]
fn a_wrong_key_opens_nothing_and_harms_nothing() {
    let desk = Desk::new();
    edit(&desk.at_work(), PUMP, json!({"serial_number": "SN-2"}));
    let before = std::fs::read(desk.path().join("mirror.db")).unwrap();
    let wrong = Mirror::open_with(desk.path(), &DataKey::from_bytes([9; 32]), now(), small());
    assert!(matches!(wrong, Err(OpenError::WrongKey)));
    assert_eq!(std::fs::read(desk.path().join("mirror.db")).unwrap(), before);
    assert_eq!(serial(&desk.open(), PUMP), "SN-2");
}

#[test]
fn a_save_that_died_between_spool_and_database_is_taken_over_whole() {
    let desk = Desk::new();
    drop(desk.at_work());
    let before = desk.snapshot("database");
    let mirror = desk.open();
    draft(&mirror, 0x99, json!({"psi": 104}));
    complete(&mirror, 0x99);
    edit(&mirror, PUMP, json!({"serial_number": "SN-2"}));
    drop(mirror);
    desk.put_back(&before);

    let opened = desk.opened();
    assert!(opened.report.taken_over >= 2, "{:?}", opened.report);
    assert_eq!(serial(&opened.mirror, PUMP), "SN-2");
    let drafts = opened.mirror.read(|r| r.drafts(None)).unwrap();
    assert!(drafts.is_empty(), "it was completed in the same save");
    let mut mirror = opened.mirror;
    let sent = batch(&mut mirror);
    assert_eq!(
        sent.iter().map(|o| o.entity).collect::<Vec<_>>(),
        [Entity::InspectionRecords, Entity::EquipmentInventory]
    );
    assert_eq!(sent[1].base["serial_number"], "SN-1");
    // The next save gets the next number: a number used twice would make this laptop look like two.
    edit(&mirror, PUMP, json!({"notes": "n"}));
    let next = mirror.read(|r| r.outbox()).unwrap().pop().unwrap().operation.seq;
    assert!(sent.iter().all(|o| o.seq < next));
}

#[test]
fn a_withdrawal_that_died_between_spool_and_database_is_taken_over_however_long_ago_the_operation_was_saved() {
    let desk = Desk::new();
    drop(desk.at_work());
    // Every save begins a segment of its own.
    let open = || {
        let options = clara_local::Options { segment_bytes: 1, ..small() };
        clara_local::Mirror::open_with(desk.path(), &desk.key, now(), options).unwrap()
    };
    let mirror = open().mirror;
    let long_ago = add_pump(&mirror, 0xe9, "SN-9");
    edit(&mirror, PUMP, json!({"serial_number": "SN-2"}));
    edit(&mirror, PUMP, json!({"notes": "n"}));
    drop(mirror);
    let before = desk.snapshot("database");
    let mirror = open().mirror;
    write(&mirror, |tx| tx.withdraw(long_ago));
    drop(mirror);
    desk.put_back(&before);

    let unsent = |mirror: &clara_local::Mirror| -> Vec<_> {
        mirror.read(|r| r.outbox()).unwrap().iter().map(|line| line.operation.row_id).collect()
    };
    let opened = open();
    assert_eq!(unsent(&opened.mirror), [id(PUMP)], "the spool says that it was taken back: {:?}", opened.report);
    assert_eq!(serial(&opened.mirror, 0xe9), json!(null), "and its row is gone");
    drop(opened);
    // Otherwise the two copies would go on to say different things, and whichever is lost would decide.
    std::fs::write(desk.path().join("mirror.db"), b"gone").unwrap();
    let rebuilt = open();
    assert!(rebuilt.report.rebuilt.is_some());
    assert_eq!(unsent(&rebuilt.mirror), [id(PUMP)]);
}

#[test]
fn a_save_that_only_the_database_has_gets_its_second_copy_back() {
    let desk = Desk::new();
    drop(desk.at_work());
    let before = desk.snapshot("spool");
    let mirror = desk.open();
    let op = edit(&mirror, PUMP, json!({"serial_number": "SN-2"})).unwrap();
    drop(mirror);
    desk.put_back(&before);
    assert_eq!(desk.opened().report.taken_over, 1);

    std::fs::write(desk.path().join("mirror.db"), b"gone").unwrap();
    let opened = desk.opened();
    assert_eq!(opened.report.rebuilt.unwrap().operations, 1);
    assert!(opened.mirror.read(|r| r.operation(op)).unwrap().is_some());
}

#[test]
fn a_damaged_database_is_kept_aside_and_its_unsent_work_comes_back_from_the_spool() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "SN-2"}));
    let sent = push(&mut mirror, "150");
    let new_pump = add_pump(&mirror, 0xe9, "SN-9");
    draft(&mirror, 0x99, json!({"psi": 104}));
    draft(&mirror, 0x99, json!({"psi": 105}));
    let edit_again = edit(&mirror, PUMP, json!({"serial_number": "SN-3"})).unwrap();
    drop(mirror);
    for at in [200_usize, 9000] {
        let path = desk.path().join("mirror.db");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at] ^= 0xff;
        std::fs::write(&path, bytes).unwrap();
    }
    std::fs::remove_file(desk.path().join("mirror.db-wal")).ok();

    let opened = desk.opened();
    let rebuilt = opened.report.rebuilt.unwrap();
    assert!(rebuilt.aside.unwrap().exists(), "nothing is thrown away");
    assert_eq!((rebuilt.operations, rebuilt.drafts), (2, 1));
    let mut mirror = opened.mirror;
    assert_eq!(mirror.read(|r| r.drafts(None)).unwrap()[0].body["psi"], 105);
    assert_eq!(serial(&mirror, 0xe9), "SN-9");
    let journal = mirror.read(|r| r.outbox_in(OpState::Applied)).unwrap();
    assert_eq!(journal[0].operation.op_id, sent[0].op_id, "what the server has is known to be there");
    // The server gives the rest, and the unsent edit lies over it again.
    mirror.begin_first_sync(&cursor("200:200:")).unwrap();
    for (entity, rows) in site_rows(SITE, PUMP, JOB) {
        mirror.apply_page(entity, &rows, true).unwrap();
    }
    mirror.end_first_sync().unwrap();
    assert_eq!(serial(&mirror, PUMP), "SN-3");
    let ids: Vec<_> = batch(&mut mirror).iter().map(|o| o.op_id).collect();
    assert_eq!(ids, [new_pump, edit_again], "the same ids: sent twice, they take effect once");
}

#[test]
fn flipped_bytes_anywhere_in_the_database_never_cost_unsent_work() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    add_pump(&mirror, 0xe9, "SN-9");
    draft(&mirror, 0x99, json!({"psi": 104}));
    drop(mirror);
    let path = desk.path().join("mirror.db");
    let whole = std::fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 20);
    for page in (0..pages).step_by(pages / 12) {
        let mut bytes = whole.clone();
        bytes[page * 4096 + 77] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        std::fs::remove_file(desk.path().join("mirror.db-wal")).ok();
        let opened = desk.opened();
        let mirror = opened.mirror;
        assert_eq!(serial(&mirror, 0xe9), "SN-9", "page {page}");
        assert_eq!(mirror.read(|r| r.drafts(None)).unwrap().len(), 1, "page {page}");
    }
}

#[test]
fn a_damaged_spool_beside_a_damaged_database_names_what_is_lost_and_keeps_the_rest() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    for pump in 0xf1..0xf9 {
        add_pump(&mirror, pump, "SN");
    }
    drop(mirror);
    std::fs::write(desk.path().join("mirror.db"), b"gone").unwrap();
    let spool = desk.path().join("spool").join("operations-00000001.seg");
    let mut bytes = std::fs::read(&spool).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&spool, bytes).unwrap();
    let opened = desk.opened();
    let rebuilt = opened.report.rebuilt.unwrap();
    assert_eq!(rebuilt.operations, 7);
    assert_eq!(rebuilt.bad_frames.len(), 1);
    assert_eq!(rebuilt.bad_frames[0].segment, "operations-00000001.seg");
    let next = add_pump(&opened.mirror, 0xff, "SN");
    let seq = opened.mirror.read(|r| r.operation(next)).unwrap().unwrap().operation.seq;
    assert!(seq > 9, "a lost frame may have carried the next number");
}

#[test]
fn a_newer_database_is_refused_untouched_and_another_programs_file_too() {
    let desk = Desk::new();
    drop(desk.at_work());
    let path = desk.path().join("mirror.db");
    let tamper = |sql: &str| {
        let connection = Connection::open(&path).unwrap();
        let key: String = desk.key.expose().iter().map(|b| format!("{b:02x}")).collect();
        connection.pragma_update(None, "key", format!("x'{key}'")).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    tamper("PRAGMA user_version = 900; PRAGMA wal_checkpoint(TRUNCATE);");
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(desk.try_open(), Err(OpenError::Newer { found: 900, .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    tamper("PRAGMA user_version = 3; PRAGMA application_id = 7;");
    assert!(matches!(desk.try_open(), Err(OpenError::NotOurs(7))));
}

#[test]
fn work_is_kept_35_days_after_its_receipt_and_the_spool_is_let_go_with_it() {
    let desk = Desk::new();
    let mut options = small();
    options.segment_bytes = 2048;
    let mut mirror = Mirror::open_with(desk.path(), &desk.key, now(), options).unwrap().mirror;
    write(&mirror, |tx| {
        tx.enroll(clara_local::Profile {
            device: clara_domain::DeviceId(id(0xd1)),
            user: clara_domain::UserId(id(ME)),
            role: "technician".into(),
        })
    });
    for pump in 0xf000..0xf020 {
        add_pump(&mirror, pump, "SN");
    }
    let sent = batch(&mut mirror);
    assert_eq!(sent.len(), 32);
    let receipts: Vec<_> = sent.iter().map(|o| receipt(o.op_id, Outcome::Applied, Some("150"))).collect();
    mirror.settle(&receipts, now()).unwrap();
    mirror.begin_first_sync(&cursor("100:100:")).unwrap();
    mirror.end_first_sync().unwrap();
    mirror.apply_pull(&pull("200:200:", Vec::new())).unwrap();
    drop(mirror);
    let segments = || std::fs::read_dir(desk.path().join("spool")).unwrap().count();
    let many = segments();
    assert!(many > 5);
    let at = |days| Mirror::open_with(desk.path(), &desk.key, now() + chrono::TimeDelta::days(days), small()).unwrap();
    let opened = at(34);
    assert_eq!(opened.mirror.read(|r| r.outbox_in(OpState::Applied)).unwrap().len(), 32);
    drop(opened);
    let mut opened = at(36);
    assert_eq!(
        opened.mirror.read(|r| r.outbox_in(OpState::Applied)).unwrap().len(),
        32,
        "a clock that runs ahead of the server's drops nothing"
    );
    let day = |days| now() + chrono::TimeDelta::days(days);
    opened.mirror.meet(&clara_sync::Hello { server_now: day(36), ..hello("200:200:") }, day(36)).unwrap();
    drop(opened);
    let opened = at(36);
    assert!(opened.mirror.read(|r| r.outbox_in(OpState::Applied)).unwrap().is_empty());
    assert!(segments() < many / 2, "{} of {many}", segments());
    assert_eq!(opened.report.taken_over, 0, "what was pruned does not come back");
    drop(opened);
    assert_eq!(at(37).report.taken_over, 0);
}

#[test]
fn what_was_taken_back_while_the_clock_was_a_year_behind_is_remembered_for_35_days_of_the_servers_time() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let day = |days| now() + chrono::TimeDelta::days(days);
    let change = || fields(json!({"serial_number": "SN-2"}));
    let last_year = |mirror: &Mirror| {
        let act = |tx: &mut clara_local::WriteTx<'_, '_>| {
            let op_id = tx.update(Entity::EquipmentInventory, id(PUMP), id(PUMP), change())?;
            tx.withdraw(op_id.unwrap())?;
            Ok::<_, clara_local::MirrorError>(op_id.unwrap())
        };
        mirror.write(day(-365), act).unwrap().0
    };
    let taken_back = last_year(&mirror);
    let meet = |mirror: &mut Mirror, days| {
        mirror.meet(&clara_sync::Hello { server_now: day(days), ..hello("200:200:") }, day(days)).unwrap();
    };
    let at = |days| Mirror::open_with(desk.path(), &desk.key, day(days), small()).unwrap().mirror;
    let is_known = |mirror: &Mirror| mirror.read(|r| r.operation(taken_back)).unwrap().is_some();
    meet(&mut mirror, 1);
    drop(mirror);
    let mut mirror = at(1);
    assert!(is_known(&mirror), "a copy of the database from before would send it");
    meet(&mut mirror, 35);
    drop(mirror);
    let mut mirror = at(35);
    assert!(is_known(&mirror));
    meet(&mut mirror, 37);
    drop(mirror);
    assert!(!is_known(&at(37)));
}

#[test]
fn the_copy_of_the_day_opens_with_the_same_key() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let copy = mirror.backup_daily(now()).unwrap().unwrap();
    assert!(mirror.backup_daily(now()).unwrap().is_none(), "one a day");
    for day in 1..6 {
        mirror.backup_daily(now() + chrono::TimeDelta::days(day)).unwrap();
    }
    assert_eq!(std::fs::read_dir(desk.path().join("backups")).unwrap().count(), 3);
    let copy = copy.with_file_name("daily-20260926.db");
    assert!(copy.exists());
    let other = tempfile::tempdir().unwrap();
    std::fs::copy(copy, other.path().join("mirror.db")).unwrap();
    let opened = Mirror::open_with(other.path(), &desk.key, now(), small()).unwrap();
    assert_eq!(serial(&opened.mirror, PUMP), "SN-1");
}

#[test]
fn a_crash_in_the_middle_of_a_rebuild_costs_nothing_and_neither_does_a_lost_database() {
    let desk = Desk::new();
    drop(desk.at_work());
    let mirror = desk.open();
    for pump in 0xf1..0xf9 {
        add_pump(&mirror, pump, "SN");
    }
    drop(mirror);
    let lost = desk.snapshot("database");
    for file in ["mirror.db", "mirror.db-wal"] {
        std::fs::remove_file(desk.path().join(file)).ok();
    }
    let wrong = Mirror::open_with(desk.path(), &DataKey::from_bytes([9; 32]), now(), small());
    assert!(matches!(wrong, Err(OpenError::WrongKey)), "a new database under another key would hide the work");
    // The new database was made, and the program killed before the spool was read into it.
    let opened = desk.opened();
    assert_eq!(opened.report.rebuilt.as_ref().unwrap().operations, 8);
    drop(opened);
    let connection = Connection::open(desk.path().join("mirror.db")).unwrap();
    let key: String = desk.key.expose().iter().map(|b| format!("{b:02x}")).collect();
    connection.pragma_update(None, "key", format!("x'{key}'")).unwrap();
    connection.execute_batch("DELETE FROM outbox; UPDATE profile SET spool_read = 0, next_seq = 1;").unwrap();
    drop(connection);
    assert_eq!(desk.opened().report.rebuilt.unwrap().operations, 8);
    desk.put_back(&lost);
    assert_eq!(desk.opened().mirror.read(|r| r.outbox()).unwrap().len(), 8);
}

#[test]
fn an_older_copy_of_the_database_put_back_gets_all_later_work_from_the_spool() {
    let desk = Desk::new();
    drop(desk.at_work());
    let older = desk.snapshot("database");
    let mut options = small();
    options.segment_bytes = 1024;
    let mirror = Mirror::open_with(desk.path(), &desk.key, now(), options).unwrap().mirror;
    for pump in 0xf1..0xf9 {
        add_pump(&mirror, pump, "SN");
    }
    drop(mirror);
    desk.put_back(&older);
    let mirror = desk.open();
    let seqs: Vec<_> = mirror.read(|r| r.outbox()).unwrap().iter().map(|line| line.operation.seq).collect();
    assert_eq!(seqs, (1..9).collect::<Vec<i64>>(), "with the numbers they had: some may have been sent");
}

#[test]
fn an_older_schema_is_brought_up_after_a_copy_of_it_was_put_by() {
    let desk = Desk::new();
    let connection = Connection::open(desk.path().join("mirror.db")).unwrap();
    let key: String = desk.key.expose().iter().map(|b| format!("{b:02x}")).collect();
    connection.pragma_update(None, "key", format!("x'{key}'")).unwrap();
    connection.execute_batch(include_str!("../../../../migrations-local/0001_create_mirror.sql")).unwrap();
    connection.execute_batch("PRAGMA application_id = 0x434c5241; PRAGMA user_version = 1;").unwrap();
    connection
        .execute("INSERT INTO users (id, row_ver, full_name) VALUES (?1, 1, 'Ana')", [id(ME).to_string()])
        .unwrap();
    drop(connection);
    let opened = desk.opened();
    assert_eq!(opened.report.migrated_from, Some(1));
    assert_eq!(value(&opened.mirror, Entity::Users, ME, "full_name"), "Ana");
    drop(opened);
    let kept: Vec<_> = std::fs::read_dir(desk.path().join("backups")).unwrap().map(|e| e.unwrap().path()).collect();
    let copy = Connection::open(&kept[0]).unwrap();
    copy.pragma_update(None, "key", format!("x'{key}'")).unwrap();
    assert_eq!(copy.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    assert_eq!(desk.opened().report.migrated_from, None, "once is enough");
}

#[test]
fn a_completed_draft_does_not_come_back_where_the_word_that_it_is_gone_never_reached_the_disk() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    draft(&mirror, 0x99, json!({"psi": 104}));
    let lane = desk.path().join("spool").join("drafts-00000001.seg");
    let before = std::fs::read(&lane).unwrap();
    let completed = complete(&mirror, 0x99);
    drop(mirror);
    assert!(std::fs::read(&lane).unwrap().len() > before.len());
    std::fs::write(&lane, &before).unwrap();
    let mirror = desk.open();
    assert!(mirror.read(|r| r.drafts(None)).unwrap().is_empty());
    drop(mirror);
    std::fs::write(&lane, &before).unwrap();
    std::fs::write(desk.path().join("mirror.db"), b"gone").unwrap();
    let opened = desk.opened();
    assert_eq!(opened.report.rebuilt.unwrap().drafts, 0);
    assert!(opened.mirror.read(|r| r.operation(completed)).unwrap().is_some());
}

#[test]
fn the_program_may_close_when_no_save_is_running_or_waiting() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let none = std::time::Duration::ZERO;
    assert!(mirror.settled_within(none));
    let (begun, seen) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            write(&mirror, |tx| {
                begun.wait();
                seen.wait();
                tx.update(
                    Entity::EquipmentInventory,
                    id(PUMP),
                    id(PUMP),
                    fields(json!({"serial_number": "last keystroke"})),
                )
            })
        });
        begun.wait();
        assert!(!mirror.settled_within(none), "a save is running");
        seen.wait();
        assert!(mirror.settled_within(std::time::Duration::from_secs(60)));
        assert_eq!(serial(&mirror, PUMP), "last keystroke");
    });
}

/// Work and a photo that the server had, and then lost: its older copy has been noticed, and nothing has been sent again.
fn lost_by_the_server(desk: &Desk) -> Mirror {
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "SN-2"}));
    write(&mirror, |tx| {
        let fields = fields(json!({"equipment_id": id(PUMP), "mime": "image/jpeg"}));
        tx.attach_photo(PhotoNew { id: PhotoId(id(0x71)), root_id: id(0x71), fields, bytes: &[7; 50], thumbnail: &[7] })
    });
    push(&mut mirror, "150");
    mirror.photo_stored(PhotoId(id(0x71))).unwrap();
    assert_eq!(mirror.begin_reconcile(0).unwrap(), 2);
    mirror
}

#[test]
fn what_a_server_lost_is_still_to_be_sent_after_the_next_start() {
    let desk = Desk::new();
    drop(lost_by_the_server(&desk));
    let mut mirror = desk.open();
    assert_eq!(batch(&mut mirror).len(), 2, "the spool holds answers of a server that has forgotten them");
}

#[test]
fn what_a_server_lost_is_still_to_be_sent_after_the_database_was_lost_too() {
    let desk = Desk::new();
    drop(lost_by_the_server(&desk));
    std::fs::remove_file(desk.path().join("mirror.db")).unwrap();
    let mut mirror = desk.open();
    assert_eq!(push(&mut mirror, "90").len(), 2);
    assert!(mirror.next_photo(&[]).unwrap().is_some(), "and the bytes of the photo");
}

#[test]
fn what_was_sent_again_to_a_server_that_had_lost_it_is_done_after_the_next_start() {
    let desk = Desk::new();
    let mut mirror = lost_by_the_server(&desk);
    push(&mut mirror, "90");
    drop(mirror);
    assert_eq!(batch(&mut desk.open()), []);
}

#[test]
fn a_profile_that_is_closed_untidily_lies_as_a_kill_would_leave_it() {
    let desk = Desk::new();
    drop(desk.at_work());
    let options = Options { readers: 0, tidy_close: false, ..small() };
    let mirror = Mirror::open_with(desk.path(), &desk.key, now(), options).unwrap().mirror;
    edit(&mirror, PUMP, json!({"serial_number": "SN-2"}));
    let lies = || ["mirror.db", "mirror.db-wal"].map(|name| std::fs::read(desk.path().join(name)).unwrap());
    let before = lies();
    assert!(!before[1].is_empty(), "the save is in the log");
    drop(mirror);
    assert!(lies() == before, "closing wrote something");
    assert_eq!(serial(&desk.open(), PUMP), "SN-2");
}
