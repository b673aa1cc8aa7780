use clara_domain::mirror::Entity;
use clara_domain::operation::Outcome;
use clara_domain::{InspectionId, OpId, PhotoId};
use clara_local::table::photos::PhotoBytes;
use clara_local::{Mirror, PhotoNew, sha256_hex};
use clara_sync::{MAX_CHUNK_BYTES, Pull, Replica, Tombstone};
use serde_json::json;

use crate::desk::*;

fn picture(seed: usize) -> Vec<u8> {
    (0..MAX_CHUNK_BYTES + 1000).map(|i| ((i * 7 + seed) % 253) as u8).collect()
}

fn attach(mirror: &Mirror, photo: u128, bytes: &[u8], inspection: Option<u128>) -> OpId {
    write(mirror, |tx| {
        tx.attach_photo(PhotoNew {
            id: PhotoId(id(photo)),
            root_id: id(photo),
            fields: fields(json!({
                "job_id": id(JOB), "equipment_id": id(PUMP), "inspection_id": inspection.map(id),
                "mime": "image/jpeg", "width": 800, "height": 600,
            })),
            bytes,
            thumbnail: b"small",
        })
    })
}

fn files(desk: &Desk) -> usize {
    std::fs::read_dir(desk.path().join("photos")).unwrap().count()
}

#[test]
fn bytes_follow_their_row_and_are_freed_only_when_a_pull_has_shown_them_stored() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    let bytes = picture(1);
    attach(&mirror, 0x71, &bytes, None);
    assert_eq!(mirror.next_photo(&[]).unwrap(), None, "the row is not on the server yet");
    push(&mut mirror, "150");
    let next = mirror.next_photo(&[]).unwrap().unwrap();
    assert_eq!((next.sha256.as_str(), next.byte_count), (sha256_hex(&bytes).as_str(), bytes.len() as u64));
    assert_eq!(mirror.next_photo(&[next.id]).unwrap(), None);
    let chunks = [mirror.photo_chunk(next.id, 0).unwrap(), mirror.photo_chunk(next.id, 1).unwrap()];
    assert_eq!(chunks.concat(), bytes);
    mirror.photo_stored(next.id).unwrap();
    assert_eq!(mirror.next_photo(&[]).unwrap(), None);
    assert_eq!(write(&mirror, |tx| tx.free_photos(u64::MAX)), 0, "no pull has shown it");
    let stored = row(
        Entity::Photos,
        0x71,
        2,
        json!({
            "location_id": id(SITE), "sha256": sha256_hex(&bytes), "state": "stored", "byte_count": bytes.len(),
        }),
    );
    mirror.apply_pull(&pull("160:160:", vec![(Entity::Photos, vec![stored])])).unwrap();
    assert_eq!(write(&mirror, |tx| tx.free_photos(1)), bytes.len() as u64);
    assert_eq!(files(&desk), 0);
    let photo = mirror.read(|r| r.photo(next.id)).unwrap().unwrap();
    assert_eq!(photo.bytes, PhotoBytes::Remote);
    assert_eq!(mirror.read(|r| r.photo_thumbnail(next.id)).unwrap().unwrap(), b"small");
    let other = mirror.write(now(), |tx| tx.keep_photo(next.id, b"other bytes", b"t"));
    assert!(other.is_err(), "only the very bytes");
    write(&mirror, |tx| tx.keep_photo(next.id, &bytes, b"small"));
    assert_eq!(mirror.read(|r| r.photo_bytes(next.id)).unwrap().unwrap(), bytes);
}

#[test]
fn a_photo_of_a_draft_waits_for_its_inspection_and_then_follows_it() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    draft(&mirror, 0x99, json!({}));
    attach(&mirror, 0x71, &picture(1), Some(0x99));
    edit(&mirror, PUMP, json!({"notes": "n"}));
    assert_eq!(mirror.state().unwrap().pending, 1);
    assert_eq!(batch(&mut mirror)[0].entity, Entity::EquipmentInventory, "the server has no such inspection yet");
    complete(&mirror, 0x99);
    let sent = batch(&mut mirror);
    assert_eq!(sent.iter().map(|o| o.entity).collect::<Vec<_>>(), [Entity::InspectionRecords, Entity::Photos]);
    mirror.settle(&[receipt(sent[0].op_id, Outcome::Rejected, None)], later(1)).unwrap();
    mirror.put_back(&[sent[1].op_id]).unwrap();
    assert!(batch(&mut mirror).is_empty(), "nor after it was refused");
    assert_eq!(mirror.read(|r| r.photos_of_inspection(InspectionId(id(0x99)))).unwrap().len(), 1);
}

#[test]
fn changed_or_missing_bytes_are_noticed_and_asked_for_again() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    attach(&mirror, 0x71, &picture(1), None);
    attach(&mirror, 0x72, &picture(2), None);
    push(&mut mirror, "150");
    let file = |mirror: &Mirror, photo: u128| {
        let before: Vec<_> =
            std::fs::read_dir(desk.path().join("photos")).unwrap().map(|e| e.unwrap().path()).collect();
        before
            .into_iter()
            .find(|path| {
                let kept = std::fs::read(path).unwrap();
                std::fs::write(path, b"x").unwrap();
                let hit = mirror.read(|r| r.photo_bytes(PhotoId(id(photo)))).is_err();
                std::fs::write(path, kept).unwrap();
                hit
            })
            .unwrap()
    };
    let (first, second) = (file(&mirror, 0x71), file(&mirror, 0x72));
    let mut bytes = std::fs::read(&first).unwrap();
    bytes[500] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    assert!(matches!(mirror.photo_chunk(PhotoId(id(0x71)), 0), Err(clara_sync::ReplicaError::PhotoBytes(_))));
    mirror.photo_damaged(PhotoId(id(0x71))).unwrap();
    std::fs::remove_file(second).unwrap();
    drop(mirror);
    std::fs::write(desk.path().join("photos").join("left-over.new"), b"half").unwrap();
    let opened = desk.opened();
    assert_eq!((opened.report.photos_missing, opened.report.orphans_removed), (1, 1));
    let mut mirror = opened.mirror;
    assert_eq!(mirror.next_photo(&[]).unwrap(), None);
    let states: Vec<_> =
        [0x71, 0x72].iter().map(|p| mirror.read(|r| r.photo(PhotoId(id(*p)))).unwrap().unwrap().bytes).collect();
    assert_eq!(states, [PhotoBytes::Damaged, PhotoBytes::Missing]);
}

#[test]
fn a_save_that_fails_leaves_no_file_behind() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let bytes = picture(1);
    let failed: Result<((), _), clara_local::MirrorError> = mirror.write(now(), |tx| {
        tx.attach_photo(PhotoNew {
            id: PhotoId(id(0x71)),
            root_id: id(0x71),
            fields: fields(json!({"job_id": id(JOB)})),
            bytes: &bytes,
            thumbnail: b"",
        })?;
        Err(clara_local::MirrorError::NotEnrolled)
    });
    assert!(failed.is_err());
    assert_eq!(files(&desk), 0);
}

#[test]
fn photos_survive_a_destroyed_database_and_still_reach_the_server() {
    let desk = Desk::new();
    let mirror = desk.at_work();
    let bytes = picture(3);
    attach(&mirror, 0x71, &bytes, None);
    drop(mirror);
    std::fs::write(desk.path().join("mirror.db"), b"gone").unwrap();
    let opened = desk.opened();
    assert_eq!(opened.report.rebuilt.as_ref().unwrap().photos, 1);
    let mut mirror = opened.mirror;
    push(&mut mirror, "150");
    let next = mirror.next_photo(&[]).unwrap().unwrap();
    assert_eq!(mirror.photo_chunk(next.id, 0).unwrap(), bytes[..MAX_CHUNK_BYTES]);
}

#[test]
fn of_a_site_out_of_scope_only_bytes_that_the_server_lacks_stay_and_go_once_it_has_them() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    attach(&mirror, 0x71, &picture(1), None);
    attach(&mirror, 0x72, &picture(2), None);
    push(&mut mirror, "150");
    mirror.photo_stored(PhotoId(id(0x71))).unwrap();
    let mut gone = pull("160:160:", Vec::new());
    gone.revoked.push(site(SITE));
    mirror.apply_pull(&gone).unwrap();
    assert_eq!(files(&desk), 1);
    assert_eq!(mirror.read(|r| r.photo_thumbnail(PhotoId(id(0x72)))).unwrap(), None);
    assert_eq!(mirror.read(|r| r.photo_bytes(PhotoId(id(0x72)))).unwrap(), None, "sealed bytes are not shown");
    let next = mirror.next_photo(&[]).unwrap().unwrap();
    assert_eq!(next.id, PhotoId(id(0x72)));
    assert!(mirror.photo_chunk(next.id, 0).is_ok());
    mirror.photo_stored(next.id).unwrap();
    assert_eq!(files(&desk), 0);
}

fn photo(number: u128) -> PhotoId {
    PhotoId(id(number))
}

/// A photo whose row the server has, and shows, in a state.
fn shown(number: u128, row_ver: i64, state: &str) -> (Entity, Vec<clara_domain::row::Row>) {
    let values = json!({"location_id": id(SITE), "job_id": id(JOB), "equipment_id": id(PUMP), "state": state});
    (Entity::Photos, vec![row(Entity::Photos, number, row_ver, values)])
}

fn leaves(snapshot: &str, number: u128) -> Pull {
    let tombstones = vec![Tombstone { entity: Entity::Photos, id: id(number) }];
    Pull { tombstones, ..pull(snapshot, Vec::new()) }
}

#[test]
fn a_photo_whose_row_goes_to_a_site_out_of_scope_still_gets_its_bytes_there() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    attach(&mirror, 0x71, &picture(1), None);
    push(&mut mirror, "150");
    mirror.apply_pull(&pull("160:160:", vec![shown(0x71, 1, "waiting")])).unwrap();
    // Its job was given to another site.
    mirror.apply_pull(&leaves("170:170:", 0x71)).unwrap();
    assert_eq!(mirror.read(|r| r.row(Entity::Photos, id(0x71))).unwrap(), None);
    assert_eq!(mirror.read(|r| r.photo_thumbnail(photo(0x71))).unwrap(), None);
    assert_eq!(mirror.read(|r| r.photo_bytes(photo(0x71))).unwrap(), None, "they can be sent and nothing else");
    assert_eq!(mirror.state().unwrap().photos_waiting, 1);
    drop(mirror);
    let mut mirror = desk.open();
    assert_eq!(mirror.next_photo(&[]).unwrap().unwrap().id, photo(0x71));
    assert!(mirror.photo_chunk(photo(0x71), 0).is_ok());
    mirror.photo_stored(photo(0x71)).unwrap();
    assert_eq!(files(&desk), 0);
}

#[test]
fn a_photo_that_comes_back_into_sight_before_it_was_sent_is_shown_again() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    attach(&mirror, 0x71, &picture(1), None);
    push(&mut mirror, "150");
    mirror.apply_pull(&leaves("160:160:", 0x71)).unwrap();
    assert_eq!(mirror.read(|r| r.photo_bytes(photo(0x71))).unwrap(), None);
    mirror.apply_pull(&pull("170:170:", vec![shown(0x71, 3, "waiting")])).unwrap();
    assert_eq!(mirror.read(|r| r.photo_bytes(photo(0x71))).unwrap().unwrap(), picture(1));
}

#[test]
fn of_a_stored_photo_whose_row_left_nothing_stays_on_the_disk() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    attach(&mirror, 0x71, &picture(1), None);
    push(&mut mirror, "150");
    mirror.photo_stored(photo(0x71)).unwrap();
    mirror.apply_pull(&pull("160:160:", vec![shown(0x71, 2, "stored")])).unwrap();
    assert_eq!(files(&desk), 1);
    mirror.apply_pull(&leaves("170:170:", 0x71)).unwrap();
    assert_eq!(files(&desk), 0);
}

#[test]
fn bytes_of_which_the_server_has_no_row_wait_no_longer_and_are_there_when_it_has_the_row_again() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    attach(&mirror, 0x71, &picture(1), None);
    push(&mut mirror, "150");
    mirror.apply_pull(&leaves("160:160:", 0x71)).unwrap();
    mirror.photo_unwanted(photo(0x71)).unwrap();
    for _ in 0..2 {
        assert_eq!(mirror.state().unwrap().photos_waiting, 0);
        assert_eq!(mirror.next_photo(&[]).unwrap(), None);
        drop(mirror);
        mirror = desk.open();
    }
    // A copy of before the deletion was put in the server's place.
    assert_eq!(mirror.begin_reconcile(0).unwrap(), 1);
    push(&mut mirror, "110");
    assert!(mirror.photo_chunk(photo(0x71), 0).is_ok());
    assert_eq!(mirror.next_photo(&[]).unwrap().unwrap().id, photo(0x71));
    // Or it only shows the row again.
    mirror.photo_unwanted(photo(0x71)).unwrap();
    mirror.apply_pull(&pull("170:170:", vec![shown(0x71, 3, "waiting")])).unwrap();
    assert_eq!(mirror.next_photo(&[]).unwrap().unwrap().id, photo(0x71));
}

#[test]
fn bytes_that_nobody_waits_for_go_with_the_journal_and_those_that_wait_stay_longer() {
    let desk = Desk::new();
    let mut mirror = desk.at_work();
    attach(&mirror, 0x71, &picture(1), None);
    attach(&mirror, 0x72, &picture(2), None);
    push(&mut mirror, "150");
    let mut gone = leaves("160:160:", 0x71);
    gone.tombstones.push(Tombstone { entity: Entity::Photos, id: id(0x72) });
    mirror.apply_pull(&gone).unwrap();
    mirror.photo_unwanted(photo(0x71)).unwrap();
    let days = |days| now() + chrono::TimeDelta::days(days);
    for (after, kept) in [(34, 2), (36, 1)] {
        let hello = clara_sync::Hello { server_now: days(after), ..hello("200:200:") };
        mirror.meet(&hello, days(after)).unwrap();
        drop(mirror);
        mirror = Mirror::open_with(desk.path(), &desk.key, days(after), small()).unwrap().mirror;
        assert_eq!(files(&desk), kept, "after {after} days");
    }
    assert_eq!(mirror.next_photo(&[]).unwrap().unwrap().id, photo(0x72), "nobody knows yet whether it is wanted");
}
