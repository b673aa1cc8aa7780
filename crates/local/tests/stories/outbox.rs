use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Outcome};
use clara_local::{MirrorError, OpState};
use clara_sync::Replica;
use serde_json::json;

use crate::desk::*;

#[test]
fn base_and_new_hold_exactly_what_was_changed() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(
        &mirror,
        PUMP,
        json!({
            "serial_number": "SN-2", "status": "active",
            "components": {"belt_size": "5L350", "drive": "belt", "filter_size": "16x25x4"},
        }),
    );
    let operation = batch(&mut mirror).remove(0);
    assert_eq!(
        json!(operation.base),
        json!({"serial_number": "SN-1", "components": {"belt_size": "4L340", "filter_size": null}})
    );
    assert_eq!(
        json!(operation.new),
        json!({"serial_number": "SN-2", "components": {"belt_size": "5L350", "filter_size": "16x25x4"}})
    );
    assert_eq!((operation.kind, operation.base_row_ver, operation.seq), (OpKind::Update, 4, 1));
    assert_eq!(edit(&mirror, PUMP, json!({"serial_number": "SN-2"})), None, "no change is no operation");
}

#[test]
fn a_checklist_is_changed_item_by_item() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let done = json!({"key": "valve", "label": "Valve open", "done": true});
    write(&mirror, |tx| tx.update(Entity::Jobs, id(JOB), id(JOB), fields(json!({"checklist": {"valve": done}}))));
    assert_eq!(value(&mirror, Entity::Jobs, JOB, "checklist"), json!([done]));
    let operation = batch(&mut mirror).remove(0);
    assert_eq!(operation.base["checklist"]["valve"]["done"], false);
}

#[test]
fn changes_never_sent_become_one_and_what_was_ever_sent_is_never_altered() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let first = edit(&mirror, PUMP, json!({"serial_number": "A"}));
    assert_eq!(edit(&mirror, PUMP, json!({"serial_number": "B", "notes": "n"})), first);
    let sent = batch(&mut mirror).remove(0);
    assert_eq!(
        json!([sent.base, sent.new]),
        json!([{"serial_number": "SN-1", "notes": null}, {"serial_number": "B", "notes": "n"}])
    );
    let second = edit(&mirror, PUMP, json!({"serial_number": "C"}));
    assert_ne!(second, first, "the first is in flight");
    mirror.put_back(&[sent.op_id]).unwrap();
    let third = edit(&mirror, PUMP, json!({"serial_number": "D"}));
    assert_eq!(third, second);
    let sent = batch(&mut mirror);
    assert_eq!(sent.iter().map(|o| o.new["serial_number"].clone()).collect::<Vec<_>>(), ["B", "D"]);
    assert_eq!(sent[1].base["serial_number"], "B");
}

#[test]
fn a_field_put_back_to_what_it_was_makes_no_conflict() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "A", "notes": "n"}));
    edit(&mirror, PUMP, json!({"serial_number": "SN-1"}));
    let sent = batch(&mut mirror);
    assert_eq!(json!(sent[0].new), json!({"notes": "n"}), "the serial number was not changed in the end");
}

#[test]
fn one_refused_operation_stops_its_own_item_and_nothing_else() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    add_pump(&mirror, 0xe8, "SN-8");
    edit(&mirror, PUMP, json!({"serial_number": "A"}));
    let sent = batch(&mut mirror);
    mirror
        .settle(
            &[receipt(sent[1].op_id, Outcome::Rejected, None), receipt(sent[0].op_id, Outcome::Applied, Some("150"))],
            later(1),
        )
        .unwrap();
    edit(&mirror, PUMP, json!({"notes": "after the refusal"}));
    for (pump, serial) in [(0xe8, "B"), (0xe9, "C")] {
        if pump == 0xe8 {
            edit(&mirror, pump, json!({"serial_number": serial}));
        } else {
            add_pump(&mirror, pump, serial);
        }
    }
    assert_eq!(mirror.state().unwrap().pending, 2);
    let rows: Vec<_> = batch(&mut mirror).into_iter().map(|o| o.row_id).collect();
    assert_eq!(rows, [id(0xe8), id(0xe9)]);
    mirror.apply_pull(&pull("150:150:", Vec::new())).unwrap();
    assert_eq!(serial(&mirror, PUMP), "A", "refused work stays to be seen");
}

#[test]
fn within_an_item_order_is_kept_and_in_flight_blocks_what_follows() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "A"}));
    let first = batch(&mut mirror);
    edit(&mirror, PUMP, json!({"serial_number": "B"}));
    assert!(batch(&mut mirror).is_empty(), "nothing is known of the first yet");
    mirror.settle(&[receipt(first[0].op_id, Outcome::Applied, Some("150"))], later(1)).unwrap();
    assert_eq!(batch(&mut mirror)[0].new["serial_number"], "B");
}

#[test]
fn a_batch_ends_at_its_bounds_and_one_too_large_goes_alone() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    for pump in 0xf00..0xf10 {
        add_pump(&mirror, pump, "SN");
    }
    assert_eq!(mirror.take_batch(5, usize::MAX).unwrap().len(), 5);
    let some = mirror.take_batch(100, 2000).unwrap();
    assert!((1..11).contains(&some.len()));
    assert!(serde_json::to_vec(&some).unwrap().len() <= 2000);
    assert_eq!(mirror.take_batch(100, 10).unwrap().len(), 1);
}

#[test]
fn what_a_killed_program_had_sent_goes_again_under_its_id() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "A"}));
    let sent = batch(&mut mirror);
    drop(mirror);
    let mut mirror = desk.open();
    assert_eq!(batch(&mut mirror), sent, "the very same operation");
}

#[test]
fn a_refused_operation_is_corrected_and_keeps_its_place_before_its_followers() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "BAD", "notes": "kept"}));
    let sent = batch(&mut mirror);
    edit(&mirror, PUMP, json!({"location_detail": "Roof"}));
    mirror.settle(&[receipt(sent[0].op_id, Outcome::Rejected, None)], later(1)).unwrap();
    let again = write(&mirror, |tx| tx.send_again(sent[0].op_id, fields(json!({"serial_number": "GOOD"})))).unwrap();
    assert_ne!(again, sent[0].op_id);
    let next = batch(&mut mirror);
    assert_eq!(
        next.iter().map(|o| json!(o.new)).collect::<Vec<_>>(),
        [json!({"serial_number": "GOOD", "notes": "kept"}), json!({"location_detail": "Roof"}),]
    );
    assert!(next.iter().all(|o| o.seq > 2), "numbers are never used twice");
    assert_eq!(serial(&mirror, PUMP), "GOOD");
    let again = mirror.write(now(), |tx| tx.send_again(sent[0].op_id, fields(json!({}))));
    assert!(matches!(again, Err(MirrorError::NoOperation(_))));
}

#[test]
fn a_refused_change_sent_again_stays_in_sight() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "MINE"}));
    let sent = batch(&mut mirror);
    mirror.settle(&[receipt(sent[0].op_id, Outcome::Rejected, None)], later(1)).unwrap();
    write(&mirror, |tx| tx.send_again(sent[0].op_id, fields(json!({}))));
    assert_eq!(serial(&mirror, PUMP), "MINE");
    assert_eq!(value(&mirror, Entity::EquipmentInventory, PUMP, "status"), "active", "over the server's version");
    let again = batch(&mut mirror);
    assert_eq!((&again[0].base["serial_number"], again[0].base_row_ver), (&json!("SN-1"), 4));
}

#[test]
fn a_refused_new_row_sent_again_comes_before_what_was_done_to_it_also_where_that_was_on_its_way_once() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let added = add_pump(&mirror, 0xe9, "SN-9");
    // Two operations, not one: the first was on its way when the second was saved.
    let sent = batch(&mut mirror);
    let change = fields(json!({"notes": "noisy"}));
    mirror.write(later(1), |tx| tx.update(Entity::EquipmentInventory, id(0xe9), id(0xe9), change)).unwrap();
    mirror.put_back(&[added]).unwrap();
    // Both on their way, nothing is known of either; then the first alone, which is refused.
    let both = batch(&mut mirror);
    assert_eq!(both.len(), 2);
    mirror.put_back(&[both[0].op_id, both[1].op_id]).unwrap();
    assert_eq!(mirror.take_batch(1, usize::MAX).unwrap(), sent);
    mirror.settle(&[receipt(added, Outcome::Rejected, None)], later(1)).unwrap();
    write(&mirror, |tx| tx.send_again(added, fields(json!({"serial_number": "SN-10"}))));
    assert_eq!(value(&mirror, Entity::EquipmentInventory, 0xe9, "notes"), "noisy");
    let next = batch(&mut mirror);
    assert_eq!(next.iter().map(|o| o.kind).collect::<Vec<_>>(), [OpKind::Insert, OpKind::Update]);
    assert_eq!(batch(&mut mirror), [], "the earlier one goes no more");
    drop(mirror);
    let mirror = desk.open();
    assert_eq!(value(&mirror, Entity::EquipmentInventory, 0xe9, "notes"), "noisy");
    assert_eq!(serial(&mirror, 0xe9), "SN-10");
}

#[test]
fn what_was_refused_with_a_new_row_goes_again_behind_it() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let added = add_pump(&mirror, 0xe9, "SN-9");
    batch(&mut mirror);
    edit(&mirror, 0xe9, json!({"notes": "noisy"}));
    mirror.put_back(&[added]).unwrap();
    let refused: Vec<_> = batch(&mut mirror).iter().map(|o| receipt(o.op_id, Outcome::Rejected, None)).collect();
    assert_eq!(refused.len(), 2);
    mirror.settle(&refused, later(1)).unwrap();
    write(&mirror, |tx| tx.send_again(added, fields(json!({}))));
    assert_eq!(value(&mirror, Entity::EquipmentInventory, 0xe9, "notes"), "noisy");
    let next: Vec<_> = batch(&mut mirror).iter().map(|o| o.kind).collect();
    assert_eq!(next, [OpKind::Insert, OpKind::Update], "it was refused for lack of the row");
}

#[test]
fn a_change_of_a_new_row_does_not_go_before_it_whatever_aggregate_it_is_said_to_be_of() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let job = write(&mirror, |tx| {
        let values = fields(json!({"location_id": id(SITE), "job_number": "J-11", "title": "Repair"}));
        tx.insert(Entity::Jobs, id(0x11), id(0x11), values)
    });
    let linked = write(&mirror, |tx| {
        let values = fields(json!({"job_id": id(0x11), "equipment_id": id(PUMP)}));
        tx.insert(Entity::JobEquipment, id(0x2011), id(0x11), values)
    });
    assert_eq!(batch(&mut mirror).len(), 2);
    mirror.put_back(&[linked]).unwrap();
    mirror.settle(&[receipt(job, Outcome::Rejected, None)], later(1)).unwrap();
    write(&mirror, |tx| tx.update(Entity::JobEquipment, id(0x2011), id(0x2011), fields(json!({"notes": "first"}))));
    write(&mirror, |tx| tx.delete(Entity::JobEquipment, id(0x2011), id(0x2011)));
    assert!(batch(&mut mirror).is_empty(), "the link waits for its job, and its changes for the link");
}

#[test]
fn taking_a_change_back_gives_the_servers_value_and_lets_later_ones_start_from_it() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "BAD"}));
    let sent = batch(&mut mirror);
    edit(&mirror, PUMP, json!({"serial_number": "BAD BUT LONGER", "notes": "n"}));
    mirror.settle(&[receipt(sent[0].op_id, Outcome::Rejected, None)], later(1)).unwrap();
    write(&mirror, |tx| tx.withdraw(sent[0].op_id));
    let next = batch(&mut mirror);
    assert_eq!(next[0].base["serial_number"], "SN-1", "else it would clash with what nobody ever saw");
    assert_eq!(mirror.read(|r| r.operation(sent[0].op_id)).unwrap().unwrap().state, OpState::Withdrawn);
}

#[test]
fn an_item_added_by_mistake_goes_with_all_that_was_done_to_it() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let added = add_pump(&mirror, 0xe9, "SN-9");
    write(&mirror, |tx| tx.withdraw(added));
    assert_eq!(serial(&mirror, 0xe9), serde_json::Value::Null);
    assert!(batch(&mut mirror).is_empty());
    drop(mirror);
    let opened = desk.opened();
    assert_eq!(opened.report.taken_over, 0);
    assert!(opened.mirror.read(|r| r.outbox()).unwrap().is_empty());
}

#[test]
fn a_refused_item_that_is_taken_back_goes_with_what_was_once_on_its_way_behind_it() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let added = add_pump(&mirror, 0xe9, "SN-9");
    batch(&mut mirror);
    edit(&mirror, 0xe9, json!({"notes": "noisy"}));
    mirror.put_back(&[added]).unwrap();
    let ids: Vec<_> = batch(&mut mirror).iter().map(|o| o.op_id).collect();
    mirror.put_back(&ids).unwrap();
    mirror.take_batch(1, usize::MAX).unwrap();
    mirror.settle(&[receipt(added, Outcome::Rejected, None)], later(1)).unwrap();
    write(&mirror, |tx| tx.withdraw(added));
    assert!(batch(&mut mirror).is_empty(), "else a change of nothing would be sent, and refused");
}

#[test]
fn nothing_is_saved_that_postgresql_would_refuse_and_nothing_half() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let refused = mirror.write(now(), |tx| {
        tx.update(Entity::EquipmentInventory, id(PUMP), id(PUMP), fields(json!({"serial_number": "GOOD"})))?;
        tx.update(Entity::EquipmentInventory, id(PUMP), id(PUMP), fields(json!({"notes": "a\0b"})))
    });
    assert!(matches!(refused, Err(MirrorError::BadValue { .. })));
    assert_eq!(serial(&mirror, PUMP), "SN-1");
    assert!(mirror.read(|r| r.outbox()).unwrap().is_empty());
}
