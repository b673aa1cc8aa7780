use clara_domain::mirror::Entity;
use clara_domain::operation::Outcome;
use clara_sync::Replica;
use serde_json::{Value, json};

use crate::desk::*;

#[test]
fn a_site_that_leaves_scope_leaves_nothing_on_the_disk_but_sealed_work() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let mut other = pull("105:105:", site_rows(OTHER_SITE, OTHER_PUMP, JOB + 1));
    other.granted.push(site(OTHER_SITE));
    mirror.apply_pull(&other).unwrap();
    edit(&mirror, PUMP, json!({"notes": "UNSENTNOTE"}));
    draft(&mirror, 0x99, json!({"note": "DRAFTNOTE"}));
    write(&mirror, |tx| tx.opened(Entity::Locations, id(SITE)));

    let mut gone = pull("110:110:", Vec::new());
    gone.revoked.push(site(SITE));
    mirror.apply_pull(&gone).unwrap();
    assert_eq!(mirror.read(|r| r.row(Entity::EquipmentInventory, id(PUMP))).unwrap(), None);
    assert!(mirror.read(|r| r.site(site(SITE))).unwrap().is_none());
    assert!(mirror.read(|r| r.site(site(OTHER_SITE))).unwrap().is_some(), "the other site is untouched");
    assert!(mirror.read(|r| r.row(Entity::Customers, id(CUSTOMER))).unwrap().is_some(), "it has another site");
    let line = mirror.read(|r| r.outbox()).unwrap().remove(0);
    assert!(line.sealed && line.operation.new["notes"] == "UNSENTNOTE");
    let draft = mirror.read(|r| r.drafts(None)).unwrap().remove(0);
    assert!(draft.sealed);
    drop(mirror);

    let rest = everything_in(&desk);
    for word in ["SECURITYDESK", "4L340", "SN-1", "Tower 51", "UNSENTNOTE"] {
        let elsewhere = word == "SECURITYDESK" || word == "4L340" || word == "SN-1";
        let expected = if elsewhere { 1 } else { 0 };
        assert_eq!(rest.matches(word).count(), expected, "{word} is left of the other site alone");
    }

    let mut mirror = desk.open();
    let sent = batch(&mut mirror);
    assert_eq!(sent[0].new["notes"], "UNSENTNOTE", "sealed work can be pushed");
    mirror.settle(&[receipt(sent[0].op_id, Outcome::Parked, None)], later(1)).unwrap();
    assert_eq!(mirror.read(|r| r.row(Entity::EquipmentInventory, id(PUMP))).unwrap(), None, "and nothing else");
    let mut last = pull("120:120:", Vec::new());
    last.revoked.push(site(OTHER_SITE));
    mirror.apply_pull(&last).unwrap();
    assert!(mirror.read(|r| r.row(Entity::Customers, id(CUSTOMER))).unwrap().is_none(), "no site, no customer");
}

#[test]
fn a_site_that_comes_back_has_its_sealed_work_over_it_again() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "MINE"}));
    draft(&mirror, 0x99, json!({}));
    let mut gone = pull("110:110:", Vec::new());
    gone.revoked.push(site(SITE));
    mirror.apply_pull(&gone).unwrap();
    assert_eq!(serial(&mirror, PUMP), Value::Null);
    let mut back = pull("120:120:", site_rows(SITE, PUMP, JOB));
    back.granted.push(site(SITE));
    mirror.apply_pull(&back).unwrap();
    assert_eq!(serial(&mirror, PUMP), "MINE");
    assert!(!mirror.read(|r| r.drafts(None)).unwrap()[0].sealed);
}

#[test]
fn a_pull_is_applied_whole_or_not_at_all() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let mut bad = pull(
        "110:110:",
        vec![(Entity::Locations, vec![row(Entity::Locations, 0x60, 1, json!({"location_name": "New"}))])],
    );
    let mut short = row(Entity::Jobs, 0x61, 1, json!({}));
    short.cells.pop();
    bad.rows.push(clara_sync::TableRows { entity: Entity::Jobs, rows: vec![short] });
    assert!(mirror.apply_pull(&bad).is_err());
    assert!(mirror.read(|r| r.site(site(0x60))).unwrap().is_none());
    assert_eq!(mirror.state().unwrap().cursor, Some(cursor("100:100:")));
}

#[test]
fn both_sides_add_up_to_the_same_buckets_and_a_repair_touches_only_what_differs() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    add_pump(&mirror, 0xe9, "never sent");
    let buckets = mirror.buckets(Entity::EquipmentInventory).unwrap();
    assert_eq!(buckets.len(), 1);
    assert_eq!((buckets[0].bucket, buckets[0].count), (0, 1), "a row the server has not seen does not count");
    // First eight bytes, big-endian, of the SHA-256 of "00000000-0000-0000-0000-0000000000e1:4".
    let text = format!("{}:4", id(PUMP));
    let digest = clara_local::sha256_hex(text.as_bytes());
    assert_eq!(buckets[0].sum, i64::from_be_bytes(u64::from_str_radix(&digest[..16], 16).unwrap().to_be_bytes()));
    assert_eq!(buckets[0].xor, buckets[0].sum);

    let newer = row(Entity::EquipmentInventory, PUMP, 9, json!({"location_id": id(SITE), "serial_number": "SN-9"}));
    mirror.repair(Entity::EquipmentInventory, &[newer], &[id(0xabc)]).unwrap();
    assert_eq!(mirror.bucket_keys(Entity::EquipmentInventory, &[0]).unwrap()[0].row_ver, 9);
    assert_eq!(serial(&mirror, PUMP), "SN-9");
}

#[test]
fn work_that_goes_again_after_its_row_went_to_another_site_leaves_with_that_one() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"serial_number": "SN-2"}));
    push(&mut mirror, "150");
    // The office has carried the pump to another site, which is ours as well.
    let mut carried = pull("160:160:", site_rows(OTHER_SITE, PUMP, JOB + 1));
    carried.granted.push(site(OTHER_SITE));
    mirror.apply_pull(&carried).unwrap();
    assert_eq!(mirror.begin_reconcile(0).unwrap(), 1, "a server that was put back gets the work again");
    let mut left = pull("161:161:", vec![]);
    left.revoked.push(site(OTHER_SITE));
    mirror.apply_pull(&left).unwrap();
    let seen = |mirror: &clara_local::Mirror| {
        mirror.read::<_, clara_local::MirrorError>(|r| r.row(Entity::EquipmentInventory, id(PUMP))).unwrap()
    };
    assert_eq!(seen(&mirror), None);
    assert_eq!(push(&mut mirror, "170").len(), 1, "sealed work is still sent");
    mirror.apply_pull(&pull("180:180:", vec![])).unwrap();
    assert_eq!(seen(&mirror), None, "and does not bring the row back");
}

#[test]
fn a_site_that_comes_back_does_not_hide_a_row_that_has_gone_to_another_site_of_ours() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    edit(&mirror, PUMP, json!({"notes": "SEALED"}));
    let mut gone = pull("110:110:", Vec::new());
    gone.revoked.push(site(SITE));
    mirror.apply_pull(&gone).unwrap();
    // The office has carried the pump to a site of ours, and later the old site is ours again.
    let mut carried = pull("120:120:", site_rows(OTHER_SITE, PUMP, JOB + 1));
    carried.granted.push(site(OTHER_SITE));
    mirror.apply_pull(&carried).unwrap();
    assert_eq!(serial(&mirror, PUMP), "SN-1");
    let mut back = pull("130:130:", Vec::new());
    back.granted.push(site(SITE));
    mirror.apply_pull(&back).unwrap();
    assert_eq!(serial(&mirror, PUMP), "SN-1", "its row is older than the cursor: no pull brings it again");
    assert_eq!(value(&mirror, Entity::EquipmentInventory, PUMP, "notes"), "SEALED", "with our work over it");
    let mut left = pull("140:140:", Vec::new());
    left.revoked.push(site(SITE));
    mirror.apply_pull(&left).unwrap();
    assert_eq!(serial(&mirror, PUMP), "SN-1", "the work has followed its row, and the row stays");
}
