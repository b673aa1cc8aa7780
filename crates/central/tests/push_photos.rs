//! The photo lane: bytes by chunks, resumed after a cut, checked on the server.
#![allow(clippy::unwrap_used)]

mod company;

use std::time::Duration;

use clara_central::PgCentral;
use clara_cluster::Cut;
use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Outcome};
use clara_sync::{Central, CentralError, ChunkAck, MAX_CHUNK_BYTES, PhotoAsk};
use company::{ANNA, BEN, Company, Laptop, MARA, job};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Two whole chunks and a bit, of bytes that no compression shortens.
fn picture() -> Vec<u8> {
    let mut block = Sha256::digest(b"picture");
    let mut bytes = Vec::new();
    while bytes.len() < 2 * MAX_CHUNK_BYTES + 1000 {
        bytes.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    bytes
}

fn photo_of(laptop: &mut Laptop, inspection: &Operation, bytes: &[u8]) -> (PhotoId, Operation) {
    let id = Uuid::now_v7();
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let operation = laptop.insert(
        Entity::Photos,
        id,
        json!({
            "inspection_id": inspection.row_id, "job_id": job(1), "sha256": hash, "mime": "image/jpeg",
            "byte_count": bytes.len(),
        }),
    );
    (PhotoId(id), operation)
}

async fn send(laptop: &mut Laptop, photo: PhotoId, bytes: &[u8], numbers: &[i32]) {
    for number in numbers {
        let chunk = bytes.chunks(MAX_CHUNK_BYTES).nth(*number as usize).unwrap();
        laptop.central.photo_chunk(photo, *number, chunk.to_vec()).await.unwrap();
    }
}

#[tokio::test]
async fn a_photo_resumes_where_it_was_cut_and_is_stored_when_its_hash_is_right() {
    let company = Company::open().await;
    let (mut anna, bytes) = (company.laptop(ANNA), picture());
    let inspection = anna.inspection(1);
    let (photo, row) = photo_of(&mut anna, &inspection, &bytes);
    assert_eq!(anna.central.photo_ask(photo, 3).await.unwrap(), PhotoAsk::NoRow);
    anna.push(&[inspection.clone(), row]).await;
    assert_eq!(anna.central.photo_ask(photo, 3).await.unwrap(), PhotoAsk::Missing(vec![0, 1, 2]));
    send(&mut anna, photo, &bytes, &[0, 2]).await;
    assert_eq!(anna.central.photo_finish(photo).await.unwrap(), ChunkAck::Mismatch, "one is missing");

    // The line is cut; another connection goes on.
    let mut anna = company.laptop(ANNA);
    assert_eq!(anna.central.photo_ask(photo, 3).await.unwrap(), PhotoAsk::Missing(vec![1]));
    send(&mut anna, photo, &bytes, &[1, 1]).await;
    let before = anna.cursor().await;
    assert_eq!(anna.central.photo_finish(photo).await.unwrap(), ChunkAck::Stored);
    assert_eq!(anna.central.photo_finish(photo).await.unwrap(), ChunkAck::Stored, "asked again after a lost answer");
    assert_eq!(anna.central.photo_ask(photo, 3).await.unwrap(), PhotoAsk::Stored);
    let pull = anna.pull(&before).await;
    let shown = company::rows(&pull, Entity::Photos);
    assert_eq!(shown[0].1["state"], "stored");
    let inspections = company::rows(&pull, Entity::InspectionRecords);
    assert_eq!(
        inspections[0].1["photo_urls"],
        json!([format!("clara-photo:{}", shown[0].1["sha256"].as_str().unwrap())])
    );

    let mut mara = company.laptop(MARA);
    let mut fetched = Vec::new();
    while let Some(chunk) = mara.central.photo_fetch(photo, (fetched.len() / MAX_CHUNK_BYTES) as i32).await.unwrap() {
        let last = chunk.len() < MAX_CHUNK_BYTES;
        fetched.extend(chunk);
        if last {
            break;
        }
    }
    assert!(fetched == bytes, "equal byte for byte");
    assert_eq!(mara.central.photo_fetch(photo, 3).await.unwrap(), None);
}

#[tokio::test]
async fn bytes_with_another_hash_are_dropped_and_sent_anew() {
    let company = Company::open().await;
    let (mut anna, bytes) = (company.laptop(ANNA), picture());
    let inspection = anna.inspection(1);
    let (photo, row) = photo_of(&mut anna, &inspection, &bytes);
    anna.push(&[inspection, row]).await;
    let mut broken = bytes.clone();
    broken[5] ^= 1;
    send(&mut anna, photo, &broken, &[0, 1, 2]).await;
    assert_eq!(anna.central.photo_finish(photo).await.unwrap(), ChunkAck::Mismatch);
    assert_eq!(anna.central.photo_ask(photo, 3).await.unwrap(), PhotoAsk::Missing(vec![0, 1, 2]));
    send(&mut anna, photo, &bytes, &[0, 1, 2]).await;
    assert_eq!(anna.central.photo_finish(photo).await.unwrap(), ChunkAck::Stored);
}

#[tokio::test]
async fn a_photo_that_claims_to_be_huge_is_refused_before_a_byte_of_it_is_sent() {
    let company = Company::open().await;
    let mut anna = company.laptop(ANNA);
    let inspection = anna.inspection(1);
    let (_, mut row) = photo_of(&mut anna, &inspection, b"small");
    row.new.insert("byte_count".into(), json!(10_000_000_000_u64));
    let receipts = anna.push(&[inspection, row]).await;
    assert_eq!(company::told(&receipts[1]), (Outcome::Rejected, Some("too_long")));
}

#[tokio::test]
async fn photos_of_other_sites_are_neither_sent_nor_fetched() {
    let company = Company::open().await;
    let (mut anna, mut ben, bytes) = (company.laptop(ANNA), company.laptop(BEN), picture());
    let inspection = anna.inspection(1);
    let (photo, row) = photo_of(&mut anna, &inspection, &bytes);
    anna.push(&[inspection, row]).await;
    assert_eq!(ben.central.photo_ask(photo, 3).await.unwrap(), PhotoAsk::NoRow);
    let refused = ben.central.photo_chunk(photo, 0, vec![1]).await.unwrap_err();
    assert!(matches!(&refused, CentralError::Refused { code, .. } if code == "CL010"), "{refused:?}");
    let refused = anna.central.photo_chunk(photo, 3, vec![1]).await.unwrap_err();
    assert!(matches!(&refused, CentralError::Refused { code, .. } if code == "CL011"), "past its end: {refused:?}");
    send(&mut anna, photo, &bytes, &[0, 1, 2]).await;
    assert_eq!(anna.central.photo_finish(photo).await.unwrap(), ChunkAck::Stored);
    assert_eq!(ben.central.photo_fetch(photo, 0).await.unwrap(), None);
}

#[tokio::test]
async fn over_a_slow_line_a_chunk_costs_one_round_trip() {
    let company = Company::open().await;
    let (mut anna, bytes) = (company.laptop(ANNA), picture());
    let inspection = anna.inspection(1);
    let (photo, row) = photo_of(&mut anna, &inspection, &bytes);
    anna.push(&[inspection, row]).await;

    let line = Cut::start(company.cluster().port()).unwrap();
    line.delay(Duration::from_millis(5));
    let mut server = company.server("anna", "anna");
    server.port = line.port();
    anna.central = PgCentral::new(server);
    assert_eq!(anna.central.photo_ask(photo, 3).await.unwrap(), PhotoAsk::Missing(vec![0, 1, 2]));
    line.count_anew();
    send(&mut anna, photo, &bytes, &[0, 1, 2]).await;
    assert_eq!(anna.central.photo_finish(photo).await.unwrap(), ChunkAck::Stored);
    assert_eq!(anna.central.photo_fetch(photo, 1).await.unwrap().unwrap(), bytes[MAX_CHUNK_BYTES..2 * MAX_CHUNK_BYTES]);
    assert_eq!(line.traffic().round_trips, 5, "three chunks, the end, and one fetched: {:?}", line.traffic());
}
