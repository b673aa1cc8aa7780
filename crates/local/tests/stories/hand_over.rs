//! Refused work given to the office, with all that hangs on it.

use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Outcome};
use clara_domain::{OpId, PhotoId};
use clara_local::{Mirror, OpState, PhotoNew};
use clara_sync::Replica;
use serde_json::json;

use crate::desk::*;

const INSPECTION: u128 = 0x99;

fn photo(mirror: &Mirror, number: u128) -> OpId {
    write(mirror, |tx| {
        tx.attach_photo(PhotoNew {
            id: PhotoId(id(number)),
            root_id: id(number),
            fields: fields(json!({"job_id": id(JOB), "inspection_id": id(INSPECTION)})),
            bytes: &[7; 50],
            thumbnail: b"",
        })
    });
    mirror.read(|r| r.newest_operation_of(id(number))).unwrap().unwrap().operation.op_id
}

fn answer(mirror: &mut Mirror, of: &[Operation], outcome: Outcome) {
    let receipts: Vec<_> = of.iter().map(|o| receipt(o.op_id, outcome, Some("150"))).collect();
    mirror.settle(&receipts, later(1)).unwrap();
}

fn state(mirror: &Mirror, op_id: OpId) -> OpState {
    mirror.read(|r| r.operation(op_id)).unwrap().unwrap().state
}

/// An inspection that the server refused, together with its photo; another photo and the log were not sent yet.
fn refused_inspection(desk: &Desk) -> (Mirror, OpId) {
    let mut mirror = desk.at_work();
    draft(&mirror, INSPECTION, json!({}));
    photo(&mirror, 0x71);
    let inspection = complete(&mirror, INSPECTION);
    let sent = batch(&mut mirror);
    assert_eq!(sent.len(), 2);
    answer(&mut mirror, &sent, Outcome::Rejected);
    photo(&mirror, 0x72);
    write(&mirror, |tx| {
        let log = fields(json!({"job_id": id(JOB), "equipment_id": id(PUMP), "completion_percentage": 50.0}));
        tx.insert(Entity::DataCaptureLogs, id(0x1099), id(INSPECTION), log)
    });
    assert!(batch(&mut mirror).is_empty(), "nothing goes past a refused inspection");
    (mirror, inspection)
}

#[test]
fn what_hangs_on_handed_over_work_follows_it_once_the_office_has_it() {
    let desk = Desk::new();
    let (mut mirror, inspection) = refused_inspection(&desk);
    let handing = write(&mirror, |tx| tx.hand_over(inspection));
    assert_eq!(state(&mirror, inspection), OpState::Parked);
    let first = batch(&mut mirror);
    assert_eq!(first.iter().map(|o| o.op_id).collect::<Vec<_>>(), [handing], "before it they would be refused again");
    assert!(batch(&mut mirror).is_empty());
    assert_eq!(mirror.state().unwrap().pending, 0, "and are not counted as ready");
    answer(&mut mirror, &first, Outcome::Applied);

    assert_eq!(mirror.state().unwrap().pending, 3);
    let then = batch(&mut mirror);
    let mut rows: Vec<_> = then.iter().map(|o| (o.entity, o.row_id)).collect();
    rows.sort();
    assert_eq!(
        rows,
        [(Entity::DataCaptureLogs, id(0x1099)), (Entity::Photos, id(0x71)), (Entity::Photos, id(0x72))],
        "the photo that was refused for lack of its inspection goes again"
    );
    answer(&mut mirror, &then, Outcome::Parked);
    assert!(batch(&mut mirror).is_empty());
    let here: Vec<_> = mirror.read(|r| r.outbox()).unwrap().iter().map(|line| line.state).collect();
    assert!(here.iter().all(|state| *state == OpState::Parked), "all of it is at the office: {here:?}");
}

#[test]
fn work_that_the_office_was_given_is_given_to_it_again_after_a_restore_and_not_refused_anew() {
    let desk = Desk::new();
    let (mut mirror, inspection) = refused_inspection(&desk);
    let handing = write(&mirror, |tx| tx.hand_over(inspection));
    let sent = batch(&mut mirror);
    answer(&mut mirror, &sent, Outcome::Applied);
    let followers = batch(&mut mirror);
    answer(&mut mirror, &followers, Outcome::Parked);

    assert_eq!(mirror.begin_reconcile(0).unwrap(), 5);
    // A server that does not know the refused work cannot take it over: it goes first, and is refused again.
    let first = batch(&mut mirror);
    assert_eq!(first.iter().map(|o| o.op_id).collect::<Vec<_>>(), [inspection]);
    answer(&mut mirror, &first, Outcome::Rejected);
    assert_eq!(state(&mirror, inspection), OpState::Parked, "nobody is asked anew what to do with it");
    let then = batch(&mut mirror);
    assert_eq!(then.iter().map(|o| o.op_id).collect::<Vec<_>>(), [handing]);
    answer(&mut mirror, &then, Outcome::Applied);
    assert_eq!(batch(&mut mirror).len(), 3, "and only then what hangs on it");
    assert_eq!(state(&mirror, inspection), OpState::Parked);
}

#[test]
fn work_that_the_office_has_goes_to_it_again_also_behind_work_that_stays_refused() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let serial = edit(&mirror, PUMP, json!({"serial_number": "SN-?"})).unwrap();
    batch(&mut mirror);
    let notes = edit(&mirror, PUMP, json!({"notes": "noisy"})).unwrap();
    mirror.put_back(&[serial]).unwrap();
    let sent = batch(&mut mirror);
    assert_eq!(sent.iter().map(|o| o.op_id).collect::<Vec<_>>(), [serial, notes]);
    answer(&mut mirror, &sent, Outcome::Rejected);
    let handing = write(&mirror, |tx| tx.hand_over(notes));
    let sent = batch(&mut mirror);
    answer(&mut mirror, &sent, Outcome::Applied);

    mirror.begin_reconcile(0).unwrap();
    assert_eq!(state(&mirror, serial), OpState::Rejected);
    let first = batch(&mut mirror);
    assert_eq!(first.iter().map(|o| o.op_id).collect::<Vec<_>>(), [notes], "they were refused together");
    answer(&mut mirror, &first, Outcome::Rejected);
    let then = batch(&mut mirror);
    assert_eq!(then.iter().map(|o| o.op_id).collect::<Vec<_>>(), [handing]);
}

#[test]
fn work_that_the_office_has_holds_up_nothing_that_a_restored_server_needs_before_it() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let notes = edit(&mirror, PUMP, json!({"notes": "noisy"})).unwrap();
    let sent = batch(&mut mirror);
    answer(&mut mirror, &sent, Outcome::Applied);
    let item = add_pump(&mirror, 0xe9, "SN-9");
    let replaced = edit(&mirror, PUMP, json!({"replaced_by_equipment_id": id(0xe9)})).unwrap();
    let sent = batch(&mut mirror);
    assert_eq!(sent.iter().map(|o| o.op_id).collect::<Vec<_>>(), [item, replaced]);
    answer(&mut mirror, &sent, Outcome::Rejected);
    let handing = write(&mirror, |tx| tx.hand_over(replaced));
    let sent = batch(&mut mirror);
    answer(&mut mirror, &sent, Outcome::Applied);

    mirror.begin_reconcile(0).unwrap();
    let first = batch(&mut mirror);
    assert_eq!(
        first.iter().map(|o| o.op_id).collect::<Vec<_>>(),
        [notes, replaced],
        "the item was refused and stays so"
    );
    answer(&mut mirror, &first[..1], Outcome::Applied);
    answer(&mut mirror, &first[1..], Outcome::Rejected);
    let then = batch(&mut mirror);
    assert_eq!(then.iter().map(|o| o.op_id).collect::<Vec<_>>(), [handing]);
}

#[test]
fn work_that_was_decided_before_a_restore_does_not_wait_for_a_decision_after_it() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let parked = [add_pump(&mirror, 0xe8, "SN-8"), add_pump(&mirror, 0xe9, "SN-9")];
    let sent = batch(&mut mirror);
    answer(&mut mirror, &sent, Outcome::Parked);
    let record = |number, op_id: OpId, decision: &str| {
        let values = json!({"op_id": op_id, "location_id": id(SITE), "author_id": id(ME), "decision": decision});
        row(Entity::ParkedOperations, number, 3, values)
    };
    let decided = vec![record(0x301, parked[0], "accepted"), record(0x302, parked[1], "declined")];
    mirror.apply_pull(&pull("160:160:", vec![(Entity::ParkedOperations, decided)])).unwrap();
    assert_eq!(parked.map(|op_id| state(&mirror, op_id)), [OpState::Applied, OpState::Declined]);

    assert_eq!(mirror.begin_reconcile(0).unwrap(), 1, "what was declined had no effect that could be lost");
    let again = batch(&mut mirror);
    answer(&mut mirror, &again, Outcome::Parked);
    // Both sides are equal in every table, so that nothing is fetched.
    mirror.end_reconcile(&cursor("170:170:"), later(2)).unwrap();
    assert_eq!(parked.map(|op_id| state(&mirror, op_id)), [OpState::Applied, OpState::Declined]);
}

#[test]
fn changes_of_a_parked_new_item_are_parked_behind_it_and_those_of_a_parked_change_wait() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    add_pump(&mirror, 0xe9, "SN-9");
    edit(&mirror, PUMP, json!({"serial_number": "A"}));
    let sent = batch(&mut mirror);
    answer(&mut mirror, &sent, Outcome::Parked);
    edit(&mirror, 0xe9, json!({"notes": "new item"}));
    edit(&mirror, PUMP, json!({"serial_number": "B"}));
    let then = batch(&mut mirror);
    assert_eq!(then.iter().map(|o| o.row_id).collect::<Vec<_>>(), [id(0xe9)]);
}

#[test]
fn a_handing_over_that_the_server_does_not_take_leaves_the_work_refused_as_it_was() {
    let desk = Desk::new();
    let (mut mirror, inspection) = refused_inspection(&desk);
    let handing = write(&mirror, |tx| tx.hand_over(inspection));
    let sent = batch(&mut mirror);
    answer(&mut mirror, &sent, Outcome::Rejected);
    assert_eq!(state(&mirror, inspection), OpState::Rejected, "it can be handed over again, corrected or taken back");
    assert_eq!(state(&mirror, handing), OpState::Withdrawn);
    assert_eq!(mirror.read(|r| r.row(Entity::ParkedOperations, sent[0].row_id)).unwrap(), None);
    assert!(batch(&mut mirror).is_empty());

    // What the office has already, it has.
    write(&mirror, |tx| tx.hand_over(inspection));
    let sent = batch(&mut mirror);
    let mut exists = receipt(sent[0].op_id, Outcome::Rejected, None);
    exists.code = Some("exists".to_owned());
    mirror.settle(&[exists], later(2)).unwrap();
    assert_eq!(state(&mirror, inspection), OpState::Parked);
    assert_eq!(batch(&mut mirror).len(), 3);
}

#[test]
fn a_handing_over_that_is_taken_back_leaves_the_work_refused_as_it_was() {
    let desk = Desk::new();
    let (mirror, inspection) = refused_inspection(&desk);
    let handing = write(&mirror, |tx| tx.hand_over(inspection));
    write(&mirror, |tx| tx.withdraw(handing));
    assert_eq!(state(&mirror, inspection), OpState::Rejected, "nobody else has it");
    let again = write(&mirror, |tx| tx.hand_over(inspection));
    assert_ne!(again, handing);
}

/// The server answered a handing over, and the program ended before that reached the database: only the spool knows.
fn answered_in_a_crash(code: Option<&str>) -> (Mirror, OpId, OpId) {
    let desk = Desk::new();
    let (mut mirror, inspection) = refused_inspection(&desk);
    let handing = write(&mirror, |tx| tx.hand_over(inspection));
    let sent = batch(&mut mirror);
    drop(mirror);
    let before = desk.snapshot("database");
    let mut mirror = desk.open();
    let mut answer = receipt(sent[0].op_id, Outcome::Rejected, None);
    answer.code = code.map(str::to_owned);
    mirror.settle(&[answer], later(1)).unwrap();
    drop(mirror);
    desk.put_back(&before);
    (desk.open(), inspection, handing)
}

#[test]
fn a_crash_while_the_server_did_not_take_a_handing_over_leaves_the_work_refused_as_it_was() {
    let (mirror, inspection, handing) = answered_in_a_crash(None);
    assert_eq!(state(&mirror, handing), OpState::Withdrawn);
    assert_eq!(state(&mirror, inspection), OpState::Rejected, "the office was never asked");

    let (mirror, inspection, _) = answered_in_a_crash(Some("exists"));
    assert_eq!(state(&mirror, inspection), OpState::Parked, "the office had it already");
}

#[test]
fn work_at_the_office_is_not_refused_work_again_when_the_server_gives_its_first_answer_once_more() {
    let desk = Desk::new();
    let (mut mirror, inspection) = refused_inspection(&desk);
    write(&mirror, |tx| tx.hand_over(inspection));
    let sent = batch(&mut mirror);
    answer(&mut mirror, &sent, Outcome::Applied);
    mirror.begin_reconcile(0).unwrap();
    // Everything goes again, the work before the word that hands it over.
    assert!(batch(&mut mirror).iter().any(|o| o.op_id == inspection));
    mirror.settle(&[receipt(inspection, Outcome::Rejected, None)], later(2)).unwrap();
    assert_eq!(state(&mirror, inspection), OpState::Parked);
    assert!(mirror.write(now(), |tx| tx.withdraw(inspection)).is_err(), "the office may have taken it long ago");
}
