//! Photo bytes, end to end.

use clara_cluster::{Cut, Direction};
use clara_domain::PhotoId;
use clara_domain::mirror::Entity::{InspectionRecords, Photos};
use clara_tests::{Device, assert_same, ids};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::found;

/// Bytes that compress badly and differ at every place.
fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

fn attach(device: &mut Device, bytes: &[u8]) -> PhotoId {
    let id = PhotoId(Uuid::now_v7());
    let fields = json!({"equipment_id": ids::item(1), "job_id": ids::ANAS_JOB, "caption": "Plate", "mime": "image/jpeg",
                        "width": 100, "height": 100});
    let fields = fields.as_object().cloned().unwrap();
    device.save(|tx| {
        tx.attach_photo(clara_local::PhotoNew { id, root_id: ids::item(1), fields, bytes, thumbnail: b"small" })
    });
    id
}

fn hash_on_server(company: &clara_tests::Company, id: PhotoId) -> String {
    company.office(&format!(
        "SELECT encode(sha256(string_agg(bytes, ''::bytea ORDER BY number)), 'hex') FROM sync.photo_chunk WHERE photo_id = '{}'",
        id.0
    ))
}

#[test]
fn bytes_arrive_equal_by_hash_and_the_row_says_stored() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let picture = bytes(700_001);
    let id = attach(&mut ana, &picture);
    let report = ana.sync();
    assert_eq!((report.photos, report.chunks), (1, 3));
    let hash: String = Sha256::digest(&picture).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hash_on_server(&company, id), hash);
    assert_eq!(ana.value(Photos, id.0, "state"), json!("stored"));
    assert_eq!(ana.value(Photos, id.0, "sha256"), json!(hash));
    assert_same(&mut ana);
}

#[test]
fn after_a_cut_at_most_one_chunk_is_sent_again() {
    let company = found();
    let cut = Cut::start(company.port()).unwrap();
    let mut ana = Device::enroll_through(&company, ids::ANA, cut.port());
    ana.sync();
    let picture = bytes(10 * 256 * 1024);
    let id = attach(&mut ana, &picture);
    cut.cut_after(Direction::ToServer, 5 * 256 * 1024 + 40_000);
    let first = ana.try_sync();
    assert!(first.error.is_some(), "the cut came in the middle");
    assert!(first.chunks >= 3, "{}", first.chunks);
    cut.heal();
    let second = ana.sync();
    assert!(first.chunks + second.chunks <= 11, "{} and then {} of 10", first.chunks, second.chunks);
    assert_eq!(second.photos, 1);
    let hash: String = Sha256::digest(&picture).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hash_on_server(&company, id), hash);
}

#[test]
fn a_photo_whose_bytes_were_changed_on_the_disk_holds_up_neither_work_nor_other_photos() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    attach(&mut ana, &bytes(300_000));
    let whole = attach(&mut ana, &bytes(200_000));
    // The file of the first picture, known by its length, cut short as a full disk or a bad sector would.
    let mut spoiled = 0;
    for file in walk(ana.folder()) {
        let length = std::fs::metadata(&file).unwrap().len();
        if (300_000..302_000).contains(&length) {
            std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
            spoiled += 1;
        }
    }
    assert!(spoiled > 0, "the file was found");
    let inspection = ana.inspect(ids::ANAS_JOB, ids::item(1), "Goes on");
    let report = ana.sync();
    assert_eq!(report.photos, 1, "the whole one went up");
    assert_eq!(ana.value(Photos, whole.0, "state"), json!("stored"));
    assert_eq!(company.office(&format!("SELECT count(*) FROM inspection_records WHERE id = '{inspection}'")), "1");
}

#[test]
fn photos_that_fill_a_push_before_their_inspection_still_join_it() {
    let company = found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let inspection = Uuid::now_v7();
    for n in 0..103 {
        let fields = json!({"equipment_id": ids::item(1), "job_id": ids::ANAS_JOB, "inspection_id": inspection,
                            "mime": "image/jpeg", "width": 1, "height": 1});
        let fields = fields.as_object().cloned().unwrap();
        let bytes = bytes(1_000 + n);
        ana.save(|tx| {
            tx.attach_photo(clara_local::PhotoNew {
                id: PhotoId(Uuid::now_v7()),
                root_id: inspection,
                fields,
                bytes: &bytes,
                thumbnail: b"small",
            })
        });
    }
    ana.add(
        InspectionRecords,
        inspection,
        inspection,
        json!({"job_id": ids::ANAS_JOB, "equipment_id": ids::item(1), "inspector_id": ids::ANA,
               "inspection_date": "2026-03-02", "inspection_type": "annual", "passed": true}),
    );
    let report = ana.sync();
    assert_eq!(report.receipts.get("applied"), Some(&104), "{:?}", report.receipts);
    assert_eq!(report.photos, 103);
    assert_eq!(
        company.office(&format!(
            "SELECT jsonb_array_length(photo_urls) FROM inspection_records WHERE id = '{inspection}'"
        )),
        "103"
    );
    assert_same(&mut ana);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}
