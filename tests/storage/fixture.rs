//! Yesterday's laptops: profiles as earlier versions of the program left them on the disk, each with what it held.

use std::path::{Path, PathBuf};

use clara_tests::Content;
use serde_json::Value;

use crate::look::open;
use crate::trace::{Files, files_in, put_files, scratch};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/laptops")
}

/// The profile of the oldest version that is kept.
pub fn files() -> Files {
    files_in(&folder().join("database-3/profile"))
}

#[test]
fn yesterdays_laptop_opens_with_every_row_draft_photo_and_unsent_change_and_a_copy_of_the_old_database() {
    let mut opened_profiles = 0;
    for version in std::fs::read_dir(folder()).unwrap() {
        let version = version.unwrap().path();
        let held: Value = serde_json::from_slice(&std::fs::read(version.join("held.json")).unwrap()).unwrap();
        let place = scratch();
        let profile = place.path().join("profile");
        put_files(&profile, &files_in(&version.join("profile")));
        let opened = open(&profile).unwrap();
        assert!(opened.report.rebuilt.is_none() && opened.report.bad_frames.is_empty(), "{:?}", opened.report);
        let now = serde_json::to_value(Content::of(&opened.mirror).unwrap()).unwrap();
        for part in ["operations", "drafts", "photos", "other_photos", "cursor"] {
            assert_eq!(now[part], held[part], "{part} of {}", version.display());
        }
        // Tables and columns may have come since.
        let rows = |content: &Value| content["rows"].as_array().unwrap().clone();
        for before in rows(&held) {
            let after = rows(&now).into_iter().find(|row| row[1] == before[1] && row[0] == before[0]);
            let after = after.unwrap_or_else(|| panic!("{before} is gone"));
            for (column, value) in before[3].as_object().unwrap() {
                assert_eq!(&after[3][column], value, "{column} of {before}");
            }
        }
        if opened.report.migrated_from.is_some() {
            assert!(profile.join("backups").read_dir().unwrap().count() > 0, "a copy from before");
        }
        opened_profiles += 1;
    }
    crate::figure::figure("earlier versions' profiles opened", opened_profiles, 0);
    assert!(opened_profiles > 0);
}
