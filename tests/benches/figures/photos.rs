//! The photo lane.

use clara_cluster::{Cut, Direction};
use clara_domain::PhotoId;
use clara_sync::Wish;
use clara_tests::{Company, Device, ids};
use serde_json::json;
use uuid::Uuid;

use crate::floor::Bare;
use crate::measure::{Book, Line, Times};

const RUNS: u32 = 3;
const PHOTOS: usize = 40;
const PHOTO_BYTES: usize = 500_000;
const CHUNK_BYTES: usize = 256 * 1024;
/// Of the photo that is cut.
const CHUNKS: u32 = 10;

pub fn part(book: &mut Book) {
    let company = Company::found();
    company.office("CREATE TABLE floor_blob (n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bytes BYTEA NOT NULL)");
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    ana.sync();
    let mut bare = Bare::connect(&company);
    let mut seed = 1;
    let chunks: Vec<Vec<u8>> =
        (0..(PHOTOS * PHOTO_BYTES).div_ceil(CHUNK_BYTES)).map(|_| bytes(&mut seed, CHUNK_BYTES)).collect();

    book.memory_from_here();
    let (mut ours, mut floor) = (Times::default(), Times::default());
    for _ in 0..RUNS {
        for _ in 0..PHOTOS {
            attach(&mut ana, &bytes(&mut seed, PHOTO_BYTES));
        }
        // Their rows are work like any other and go first; what is timed is the lane.
        let report = ana.try_sync_with(Wish { photos: false, ..Wish::default() });
        assert!(report.error.is_none(), "{:?}", report.error);
        let report = ours.run(|| ana.sync());
        assert_eq!(report.photos as usize, PHOTOS);
        floor.run(|| chunks.iter().for_each(|chunk| bare.insert_blob(chunk)));
    }
    book.memory_to_here("photo lane", None);
    let rate = |times: &Times, bytes: usize| bytes as f64 / 1000.0 / times.median();
    let (ours, floor) = (rate(&ours, PHOTOS * PHOTO_BYTES), rate(&floor, chunks.len() * CHUNK_BYTES));
    let mut line = Line::new("Photo lane, 40 photos of 500 KB", format!("{ours:.1} MB/s"));
    line.floor = format!("{floor:.1} MB/s raw inserts of 256 KiB");
    line.ratio = format!("{:.0} %", ours / floor * 100.0);
    book.line(line.target("≥ 70 %", ours >= 0.7 * floor));
    cut(book, &company);
}

/// One photo of ten chunks, cut at five places.
fn cut(book: &mut Book, company: &Company) {
    let line = Cut::start(company.port()).unwrap();
    let mut ana = Device::enroll_through(company, ids::ANA, line.port());
    ana.sync();
    let (mut most, mut seed) = (0, 77_777);
    for at in [1, 3, 5, 7, 9] {
        attach(&mut ana, &bytes(&mut seed, CHUNKS as usize * CHUNK_BYTES));
        let report = ana.try_sync_with(Wish { photos: false, ..Wish::default() });
        assert!(report.error.is_none(), "{:?}", report.error);
        line.cut_after(Direction::ToServer, (at * CHUNK_BYTES + CHUNK_BYTES / 2) as u64);
        let first = ana.try_sync();
        assert!(first.error.is_some(), "it was cut");
        line.heal();
        let second = ana.sync();
        assert_eq!(second.photos, 1);
        // Reports count chunks that the server took; one more was on the line when it was cut.
        most = most.max((first.chunks + 1 + second.chunks).saturating_sub(CHUNKS));
    }
    let found = Line::new("Photo cut in the middle, chunks sent again", format!("{most} at most"));
    book.line(found.target("≤ 1", most <= 1));
}

fn attach(ana: &mut Device, bytes: &[u8]) {
    let fields = json!({"equipment_id": ids::item(1), "job_id": ids::ANAS_JOB, "caption": "Plate", "mime": "image/jpeg",
                        "width": 100, "height": 100});
    let fields = fields.as_object().cloned().unwrap();
    let id = PhotoId(Uuid::now_v7());
    ana.save(|tx| {
        tx.attach_photo(clara_local::PhotoNew { id, root_id: ids::item(1), fields, bytes, thumbnail: b"small" })
    });
}

/// Bytes that compress as badly as those of a picture, never the same twice.
fn bytes(seed: &mut u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    *seed += 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
