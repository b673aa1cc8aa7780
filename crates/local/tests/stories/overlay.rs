use clara_domain::mirror::Entity;
use clara_domain::operation::Outcome;
use clara_local::OpState;
use clara_sync::{Replica, Tombstone};
use serde_json::{Value, json};

use crate::desk::*;

fn pump(serial: &str, row_ver: i64) -> Vec<(Entity, Vec<clara_domain::row::Row>)> {
    let (_, rows) = site_rows(SITE, PUMP, JOB).into_iter().find(|(e, _)| *e == Entity::EquipmentInventory).unwrap();
    let table = Entity::EquipmentInventory.table().unwrap();
    let mut values = rows[0].fields(table);
    values.insert("serial_number".into(), json!(serial));
    vec![(Entity::EquipmentInventory, vec![row(Entity::EquipmentInventory, PUMP, row_ver, Value::Object(values))])]
}

#[test]
fn a_person_reads_their_own_write_until_a_pull_shows_it_and_the_servers_word_from_then_on() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "MINE"}));
    mirror.apply_pull(&pull("110:110:", pump("THEIRS", 5))).unwrap();
    assert_eq!(serial(&mirror, PUMP), "MINE", "unsent work lies over what comes down");
    push(&mut mirror, "150");
    assert_eq!(serial(&mirror, PUMP), "MINE");
    // The transaction was still running when this snapshot was taken, although later ones had ended.
    mirror.apply_pull(&pull("150:160:150,155", pump("THEIRS AGAIN", 6))).unwrap();
    assert_eq!(serial(&mirror, PUMP), "MINE", "applied, but not yet in the snapshot");
    mirror.apply_pull(&pull("160:160:", pump("MERGED", 7))).unwrap();
    assert_eq!(serial(&mirror, PUMP), "MERGED");
}

#[test]
fn a_value_that_lost_gives_way_even_if_no_row_comes_down() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "MINE"}));
    mirror.apply_pull(&pull("110:110:", pump("THEIRS", 5))).unwrap();
    let sent = batch(&mut mirror);
    mirror.settle(&[receipt(sent[0].op_id, Outcome::Conflict, Some("150"))], later(1)).unwrap();
    mirror.apply_pull(&pull("151:151:", Vec::new())).unwrap();
    assert_eq!(serial(&mirror, PUMP), "THEIRS");
    assert_eq!(mirror.read(|r| r.operation(sent[0].op_id)).unwrap().unwrap().state, OpState::Conflict);
}

#[test]
fn unsent_work_of_another_field_lets_the_servers_fields_through() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"components": {"belt_size": "5L350"}}));
    let mut rows = pump("THEIRS", 5);
    let table = Entity::EquipmentInventory.table().unwrap();
    let mut values = rows[0].1[0].fields(table);
    values.insert("components".into(), json!({"belt_size": "4L340", "drive": "direct", "motor": "M2"}));
    rows[0].1[0] = row(Entity::EquipmentInventory, PUMP, 5, Value::Object(values));
    mirror.apply_pull(&pull("110:110:", rows)).unwrap();
    assert_eq!(serial(&mirror, PUMP), "THEIRS");
    let components = value(&mirror, Entity::EquipmentInventory, PUMP, "components");
    assert_eq!(components, json!({"belt_size": "5L350", "drive": "direct", "motor": "M2"}));
}

#[test]
fn a_row_deleted_for_good_stays_to_be_seen_while_work_lies_over_it() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "MINE"}));
    let mut deletion = pull("110:110:", Vec::new());
    deletion.tombstones.push(Tombstone { entity: Entity::EquipmentInventory, id: id(PUMP) });
    mirror.apply_pull(&deletion).unwrap();
    assert_eq!(serial(&mirror, PUMP), "MINE");
    assert!(mirror.buckets(Entity::EquipmentInventory).unwrap().is_empty(), "the audit does not count it");
    let sent = batch(&mut mirror);
    mirror.settle(&[receipt(sent[0].op_id, Outcome::Rejected, None)], later(1)).unwrap();
    write(&mirror, |tx| tx.withdraw(sent[0].op_id));
    assert_eq!(serial(&mirror, PUMP), Value::Null);
}

#[test]
fn a_declined_change_leaves_the_servers_row_and_asks_for_it_again() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "MINE"}));
    let sent = batch(&mut mirror);
    mirror.settle(&[receipt(sent[0].op_id, Outcome::Parked, None)], later(1)).unwrap();
    mirror.apply_pull(&pull("120:120:", Vec::new())).unwrap();
    assert_eq!(serial(&mirror, PUMP), "MINE", "parked work stays to be seen");
    let decided = row(
        Entity::ParkedOperations,
        0x77,
        2,
        json!({
            "op_id": sent[0].op_id.uuid(), "location_id": id(SITE), "reason": "out_of_scope", "decision": "declined",
        }),
    );
    mirror.apply_pull(&pull("130:130:", vec![(Entity::ParkedOperations, vec![decided])])).unwrap();
    assert_eq!(serial(&mirror, PUMP), "SN-1");
    assert_eq!(mirror.state().unwrap().refetch, [(Entity::EquipmentInventory, id(PUMP))]);
    assert_eq!(mirror.read(|r| r.operation(sent[0].op_id)).unwrap().unwrap().state, OpState::Declined);
    mirror.repair(Entity::EquipmentInventory, &pump("SN-1", 4)[0].1, &[]).unwrap();
    assert!(mirror.state().unwrap().refetch.is_empty());
}

#[test]
fn a_server_put_back_gets_the_journal_again_under_the_same_ids() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let first = add_pump(&mirror, 0xe8, "SN-8");
    push(&mut mirror, "150");
    let second = add_pump(&mirror, 0xe9, "SN-9");
    edit(&mirror, PUMP, json!({"serial_number": "SN-2"}));
    let lost = push(&mut mirror, "160");
    mirror
        .apply_pull(&pull(
            "170:170:",
            vec![(
                Entity::EquipmentInventory,
                vec![row(
                    Entity::EquipmentInventory,
                    0xe9,
                    1,
                    json!({"location_id": id(SITE), "serial_number": "SN-9"}),
                )],
            )],
        ))
        .unwrap();
    assert_eq!(mirror.state().unwrap().highest_receipted_seq, 3);

    assert_eq!(mirror.begin_reconcile(1).unwrap(), 2);
    let state = mirror.state().unwrap();
    assert!(state.reconciling && state.highest_receipted_seq == 1 && state.pending == 2);
    let again: Vec<_> = batch(&mut mirror).into_iter().map(|o| o.op_id).collect();
    assert_eq!(again, lost.iter().map(|o| o.op_id).collect::<Vec<_>>());
    assert!(again.contains(&second) && !again.contains(&first));
    // The server of the backup has neither: the person goes on seeing both.
    mirror.apply_pull(&pull("90:90:", pump("SN-1", 4))).unwrap();
    assert_eq!((serial(&mirror, PUMP), serial(&mirror, 0xe9)), (json!("SN-2"), json!("SN-9")));
    mirror.end_reconcile(&cursor("95:95:"), now()).unwrap();
    assert!(!mirror.state().unwrap().reconciling);
}
