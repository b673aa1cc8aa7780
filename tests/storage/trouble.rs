//! Files that are taken away or closed to the program.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use clara_domain::PhotoId;
use clara_local::table::photos::PhotoBytes;
use clara_local::{Mirror, MirrorError, OpenError};
use clara_sync::{Replica, ReplicaError};
use clara_tests::Content;
use clara_tests::shift::{Shift, key, options, time};

use crate::figure::{figure, first_seed, laptop};
use crate::look::{open, save_something};
use crate::room::SmallDisk;
use crate::trace::scratch;

fn shift(folder: &Path, steps: u64) -> Shift {
    let (mut shift, _) = Shift::open(folder, first_seed(), 0).unwrap();
    shift.found().unwrap();
    (0..steps).for_each(|step| shift.step(step).unwrap());
    shift
}

/// The photos whose bytes are here and nowhere else.
fn waiting(mirror: &Mirror) -> Vec<PhotoId> {
    Content::of(mirror).unwrap().photos.into_iter().map(|(id, _)| PhotoId(id)).collect()
}

fn photo_files(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder.join("photos")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_photo_whose_file_vanished_keeps_its_row_and_the_row_says_take_it_again() {
    let place = scratch();
    let mirror = shift(place.path(), 60).mirror().unwrap().clone();
    let photos = waiting(&mirror);
    assert!(photos.len() > 2);
    for file in photo_files(place.path()) {
        std::fs::remove_file(file).unwrap();
    }
    // While it runs: whoever asks for the bytes is told.
    for photo in &photos {
        assert!(matches!(mirror.read(|r| r.photo_bytes(*photo)), Err(MirrorError::PhotoBytes(id)) if id == *photo));
    }
    drop(mirror);
    let opened = open(place.path()).unwrap();
    assert!(opened.report.photos_missing as usize >= photos.len(), "{:?}", opened.report);
    for photo in &photos {
        let row = opened.mirror.read(|r| r.photo(*photo)).unwrap().expect("the row stays");
        assert_eq!(row.bytes, PhotoBytes::Missing);
    }
    assert!(opened.mirror.clone().next_photo(&[]).unwrap().is_none(), "nothing is sent that is not there");
    save_something(&opened.mirror).unwrap();
    figure("photo files that vanished after the save", photos.len(), 0);
}

#[test]
fn a_photo_that_was_changed_after_the_save_is_never_shown_or_sent_as_if_it_were_the_one_taken() {
    let place = scratch();
    let mirror = shift(place.path(), 60).mirror().unwrap().clone();
    let photos = waiting(&mirror);
    let mut tried = 0;
    for file in photo_files(place.path()) {
        let whole = std::fs::read(&file).unwrap();
        for change in 0..4 {
            let mut bytes = whole.clone();
            match change {
                0 => bytes[whole.len() / 2] ^= 1,
                1 => bytes.truncate(whole.len() - 1),
                2 => bytes.truncate(10),
                _ => bytes = b"GIF89a something else altogether".to_vec(),
            }
            std::fs::write(&file, &bytes).unwrap();
            let wrong: Vec<_> =
                photos.iter().filter(|photo| mirror.read(|r| r.photo_bytes(**photo)).is_err()).copied().collect();
            for photo in &wrong {
                let mut replica = mirror.clone();
                let mut chunks = (0..2).map(|number| replica.photo_chunk(*photo, number));
                let told = chunks.any(|chunk| matches!(chunk, Err(ReplicaError::PhotoBytes(id)) if id == *photo));
                assert!(told, "change {change} is noticed on the way to the server too");
                tried += 1;
            }
        }
        std::fs::write(&file, &whole).unwrap();
    }
    assert!(tried >= 4 * (photos.len() - 1) && photos.len() > 2, "{tried} changes of {} photos", photos.len());
    let damaged = photos[0];
    mirror.clone().photo_damaged(damaged).unwrap();
    assert_eq!(mirror.read(|r| r.photo(damaged)).unwrap().unwrap().bytes, PhotoBytes::Damaged);
    figure("photo files changed after the save", tried, 0);
}

#[test]
fn on_a_disk_that_became_read_only_saves_are_refused_reading_goes_on_and_afterwards_so_does_all() {
    let Some(disk) = SmallDisk::of(16 << 10) else { return };
    let profile = disk.path().join("profile");
    let mut shift = shift(&profile, 20);
    let held = Content::of(shift.mirror().unwrap()).unwrap();
    // What is open for writing stays so: a disk that fails is closed to the whole program, with its handles.
    let mirror = shift.mirror().unwrap().clone();
    drop(shift);
    drop(mirror);
    disk.remount("ro");
    for _ in 0..3 {
        let refused = Mirror::open_with(&profile, &key(), time(30), options());
        assert!(matches!(refused, Err(OpenError::Io(_))), "{refused:?}");
    }
    disk.remount("rw");
    shift = Shift::open(&profile, first_seed(), 20).unwrap().0;
    assert_eq!(Content::of(shift.mirror().unwrap()).unwrap(), held);
    shift.step(20).unwrap();
    figure("starts on a read-only disk", 3, 0);
}

#[test]
fn a_program_without_the_right_to_its_files_says_so_and_harms_nothing() {
    let place = scratch();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let profile = place.path().join("profile");
    std::fs::create_dir(&profile).unwrap();
    let shift = shift(&profile, 20);
    let held = Content::of(shift.mirror().unwrap()).unwrap();
    drop(shift);
    // Where anybody may run it: the checkout can be in a home that is closed to others.
    let program = place.path().join("laptop");
    std::fs::copy(laptop(), &program).unwrap();
    let closed = ["mirror.db", "spool", "photos", "key-check", "profile.lock", ""];
    let mut tried = 0;
    for name in closed {
        let path = profile.join(name);
        let before = std::fs::metadata(&path).unwrap().permissions();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        let mut command = Command::new(&program);
        command.args(["show", profile.to_str().unwrap(), "30"]);
        // Root may do everything: then somebody who may nothing tries.
        if std::fs::read_dir("/root").is_ok() {
            command.uid(65_534).gid(65_534);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("PermissionDenied"), "{name}: {said}");
        assert!(!said.contains("panicked"), "{name}: {said}");
        std::fs::set_permissions(&path, before).unwrap();
        tried += 1;
    }
    let opened = open(&profile).unwrap();
    assert_eq!(Content::of(&opened.mirror).unwrap(), held);
    assert!(opened.report.rebuilt.is_none());
    figure("starts without the right to a file", tried, 0);
}
