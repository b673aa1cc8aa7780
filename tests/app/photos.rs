//! Pictures through intake to the server.
//!
//! With `CLARA_REAL_DATA` naming a folder that holds `photos/` and its `index.csv`, those are taken; otherwise pictures
//! drawn for the demo company and bytes that are none.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clara_app::File;
use clara_cluster::Cut;
use clara_contract::photos::PhotoTarget;
use clara_contract::sync::{Activity, HoldPhotos, PhotoProgress};
use clara_contract::{Empty, Event};
use clara_domain::EquipmentId;
use clara_tests::{Company, ids};
use sha2::{Digest, Sha256};

use crate::Laptop;

fn files() -> (Vec<File>, bool) {
    let Some(real) = std::env::var_os("CLARA_REAL_DATA") else {
        let today = chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
        let mut files: Vec<File> = clara_demo::pictures(today)
            .into_iter()
            .take(6)
            .enumerate()
            .map(|(n, picture)| File { name: format!("plate-{n}.png"), bytes: picture.bytes })
            .collect();
        let whole = files[0].bytes.clone();
        files.push(File { name: "hostile--half.png".into(), bytes: whole[..whole.len() / 2].to_vec() });
        files.push(File { name: "hostile--text.jpg".into(), bytes: b"not a picture at all".to_vec() });
        files.push(File { name: "hostile--empty.jpg".into(), bytes: Vec::new() });
        return (files, false);
    };
    let mut files: Vec<File> = std::fs::read_dir(Path::new(&real).join("photos"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "csv"))
        .map(|path| File {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            bytes: std::fs::read(&path).unwrap(),
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    (files, true)
}

#[test]
fn pictures_arrive_equal_by_hash_and_hostile_files_are_refused_with_a_reason() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    let (files, real) = files();
    let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    let target = PhotoTarget {
        equipment_id: Some(EquipmentId(ids::item(1))),
        job_id: Some(clara_domain::JobId(ids::ANAS_JOB)),
        inspection_id: None,
        field_key: Some("photo".into()),
        caption: None,
    };
    let taken = ana.app.take_photos(&target, files).unwrap();
    for refused in &taken.refused {
        println!("refused {}: {}", refused.name, refused.reason);
        assert!(refused.name.starts_with("hostile"), "{} is a picture: {}", refused.name, refused.reason);
        assert!(
            refused.reason.ends_with('.') && refused.reason.len() > 20,
            "a sentence, not a code: {}",
            refused.reason
        );
    }
    assert!(taken.refused.len() >= 3, "the broken ones are refused");
    assert_eq!(taken.kept.len() + taken.refused.len(), names.len(), "and each file only refuses itself");
    if real {
        let upright = taken.kept.iter().filter(|tile| (tile.width, tile.height) == (1800, 1200)).count();
        assert_eq!(upright, 9, "all nine orientations of one landscape stand upright");
    }

    ana.app.sync_now(Empty {}).unwrap();
    for tile in &taken.kept {
        let (mime, bytes) = ana.app.photo_bytes(tile.photo_id, false).unwrap();
        assert_eq!(mime, "image/jpeg");
        for marker in [&b"Exif\0\0"[..], b"http://ns.adobe.com/xap", b"ICC_PROFILE", b"Photoshop 3.0"] {
            assert!(!bytes.windows(marker.len()).any(|window| window == marker), "no metadata leaves the laptop");
        }
        let here: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let there = company.office(&format!(
            "SELECT p.state || ' ' || encode(sha256(string_agg(c.bytes, ''::bytea ORDER BY c.number)), 'hex')
             FROM photos p JOIN sync.photo_chunk c ON c.photo_id = p.id WHERE p.id = '{}' GROUP BY p.id",
            tile.photo_id
        ));
        assert_eq!(there, format!("stored {here}"));
    }
}

/// A gray picture that no encoder makes small.
fn noise(seed: u64) -> Vec<u8> {
    let (width, height) = (1_200_u32, 900_u32);
    let mut at = seed;
    let mut rows = Vec::new();
    for _ in 0..height {
        rows.push(0);
        rows.extend((0..width).map(|_| {
            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (at >> 56) as u8
        }));
    }
    let mut data = vec![0x78, 0x01];
    let parts = rows.chunks(65_535);
    let last = parts.len() - 1;
    for (n, part) in parts.enumerate() {
        let length = u16::try_from(part.len()).unwrap();
        data.push(u8::from(n == last));
        data.extend(length.to_le_bytes());
        data.extend((!length).to_le_bytes());
        data.extend(part);
    }
    let (a, b) = rows.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    data.extend(((b << 16) | a).to_be_bytes());
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let header: Vec<u8> = [width.to_be_bytes(), height.to_be_bytes()].concat();
    for (name, bytes) in [(b"IHDR", [header, vec![8, 0, 0, 0, 0]].concat()), (b"IDAT", data), (b"IEND", Vec::new())] {
        file.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        let checked = [name.as_slice(), &bytes].concat();
        let crc = checked.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
        });
        file.extend(checked);
        file.extend((!crc).to_be_bytes());
    }
    file
}

#[test]
fn photos_on_a_slow_line_are_told_one_by_one_stop_between_two_chunks_and_go_on_from_there() {
    let company = Company::found();
    let line = Cut::start(company.port()).unwrap();
    let ana = Laptop::new();
    ana.enroll(company.enrolment(ids::ANA, line.port()).to_file()).unwrap();
    ana.app.sync_now(Empty {}).unwrap();
    let target = PhotoTarget {
        equipment_id: Some(EquipmentId(ids::item(1))),
        job_id: Some(clara_domain::JobId(ids::ANAS_JOB)),
        inspection_id: None,
        field_key: Some("photo".into()),
        caption: None,
    };
    let files = (0..3).map(|n| File { name: format!("noise-{n}.png"), bytes: noise(n + 7) }).collect();
    let kept = ana.app.take_photos(&target, files).unwrap().kept;
    let sizes: Vec<u64> = kept.iter().map(|tile| u64::from(tile.byte_count)).collect();
    assert!(sizes.len() == 3 && sizes.iter().all(|size| *size > 2 * 256 * 1024), "several chunks each: {sizes:?}");

    // The window is told at most ten times a second; so slow is the line that it hears of each chunk.
    line.delay(Duration::from_millis(120));
    let heard: Arc<Mutex<Vec<PhotoProgress>>> = Arc::default();
    let (ears, app) = (heard.clone(), ana.app.clone());
    ana.app.listen(move |event| {
        let Event::Sync { status } = event else { return };
        let Some(photo) = status.photo else { return };
        assert_eq!(status.activity, Activity::SendingPhotos);
        ears.lock().unwrap().push(photo);
        // The person presses it in the midst of the second.
        if photo.of == 3 && photo.number == 2 && photo.bytes_done > 0 && !status.photos_held {
            app.hold_photos(HoldPhotos { hold: true }).unwrap();
        }
    });
    let stopped = ana.app.sync_now(Empty {}).unwrap();
    assert_eq!((stopped.photos_held, stopped.photo, stopped.activity), (true, None, Activity::Idle));
    assert_eq!((stopped.photos_waiting, stopped.last_problem), (2, None), "it says what remains");
    assert_eq!(stopped.photo_bytes_waiting, sizes[1] + sizes[2]);
    let told = std::mem::take(&mut *heard.lock().unwrap());
    assert!(told.iter().all(|photo| photo.of == 3 && sizes.contains(&photo.byte_count)), "{told:?}");
    assert_eq!(told.first().map(|photo| (photo.number, photo.bytes_done)), Some((1, 0)));
    assert!(told.is_sorted_by_key(|photo| (photo.number, photo.bytes_done)), "{told:?}");
    assert!(told.iter().filter(|photo| photo.number == 1).count() > 2, "chunk by chunk: {told:?}");
    let stored = "SELECT count(*) FROM photos WHERE state = 'stored'";
    let chunks = || company.office("SELECT count(*) FROM sync.photo_chunk").parse::<usize>().unwrap();
    let after_stop = chunks();
    assert_eq!(company.office(stored), "1");

    // Work goes on without them.
    line.delay(Duration::ZERO);
    ana.app.start_job(clara_contract::jobs::OpenJob { job_id: clara_domain::JobId(ids::ANAS_JOB) }).unwrap();
    let status = ana.app.sync_now(Empty {}).unwrap();
    assert_eq!((status.photos_waiting, status.only_here, chunks()), (2, 2, after_stop), "only the photos are here");
    assert_eq!(company.office(&format!("SELECT job_status FROM jobs WHERE id = '{}'", ids::ANAS_JOB)), "in_progress");

    line.delay(Duration::from_millis(120));
    assert!(!ana.app.hold_photos(HoldPhotos { hold: false }).unwrap().photos_held);
    let status = ana.app.sync_now(Empty {}).unwrap();
    assert_eq!((status.photos_waiting, status.only_here, company.office(stored).as_str()), (0, 0, "3"));
    let told = std::mem::take(&mut *heard.lock().unwrap());
    let first = told.first().expect("told again");
    assert_eq!((first.number, first.of), (1, 2));
    assert!(first.bytes_done > 0, "what the server had of it did not go again: {told:?}");
}
