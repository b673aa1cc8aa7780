//! Pictures through intake to the server.
//!
//! With `CLARA_REAL_DATA` naming a folder that holds `photos/` and its `index.csv`, those are taken; otherwise pictures
//! drawn for the demo company and bytes that are none.

use std::path::Path;

use clara_app::File;
use clara_contract::Empty;
use clara_contract::photos::PhotoTarget;
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
