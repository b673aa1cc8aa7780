//! A disk of a few megabytes, which needs the right to mount one. Where that is not given, the test fails and says so;
//! with `CLARA_NO_MOUNT` set it is left out.

use std::path::Path;
use std::process::Command;

use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use clara_local::{DataKey, Mirror, MirrorError, Options, PhotoNew, Profile};
use clara_sync::Replica;
use serde_json::json;

use crate::desk::*;

struct Disk(tempfile::TempDir);

impl Disk {
    fn of(kilobytes: u32) -> Option<Self> {
        if std::env::var_os("CLARA_NO_MOUNT").is_some() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "a small disk could not be mounted: run as root, or set CLARA_NO_MOUNT to leave this test out",
        );
        Some(Self(folder))
    }

    fn grow(&self) {
        let remounted = Command::new("mount").args(["-o", "remount,size=32m"]).arg(self.path()).status().unwrap();
        assert!(remounted.success());
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn options() -> Options {
    Options { ballast_bytes: 1 << 20, low_space_bytes: 1 << 20, readers: 1, ..Options::default() }
}

fn fill(path: &Path, leave: u64) {
    let filler = std::fs::File::create(path.join("other-programs-file")).unwrap();
    let mut written = 0;
    use std::io::Write;
    for _ in 0..3 {
        let step = fs_free(path).saturating_sub(leave) as usize;
        (&filler).write_all(&vec![1; step]).unwrap();
        written += step;
    }
    assert!(written > 0);
}

fn fs_free(path: &Path) -> u64 {
    let out = Command::new("df").args(["--output=avail", "-B1"]).arg(path).output().unwrap();
    String::from_utf8(out.stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap()
}

/// A laptop that is enrolled and has one site.
fn founded(folder: &Path, key: &DataKey, options: Options) -> Mirror {
    let mut mirror = Mirror::open_with(folder, key, now(), options).unwrap().mirror;
    write(&mirror, |tx| {
        tx.enroll(Profile {
            device: clara_domain::DeviceId(id(0xd1)),
            user: clara_domain::UserId(id(ME)),
            role: "technician".into(),
        })
    });
    mirror.begin_first_sync(&cursor("100:100:")).unwrap();
    for (entity, rows) in site_rows(SITE, PUMP, JOB) {
        mirror.apply_page(entity, &rows, true).unwrap();
    }
    mirror.end_first_sync().unwrap();
    mirror
}

#[test]
fn on_a_full_disk_what_was_acknowledged_is_there_and_what_was_not_is_not() {
    let Some(disk) = Disk::of(16 << 10) else { return };
    let key = DataKey::from_bytes([1; 32]);
    let mirror = founded(disk.path(), &key, options());
    assert!(disk.path().join("ballast").exists());
    fill(disk.path(), 200 << 10);

    let photo = mirror.write(now(), |tx| {
        tx.attach_photo(PhotoNew {
            id: PhotoId(id(0x71)),
            root_id: id(0x71),
            fields: fields(json!({"job_id": id(JOB)})),
            bytes: &[7; 5000],
            thumbnail: b"",
        })
    });
    assert!(matches!(photo, Err(MirrorError::DiskFull)), "photos are refused first, words last");

    let notes = "x".repeat(20_000);
    let mut saved = Vec::new();
    let refused = loop {
        let pump = 0xf000 + saved.len() as u128;
        let outcome = mirror.write(now(), |tx| {
            tx.insert(
                Entity::EquipmentInventory,
                id(pump),
                id(pump),
                fields(json!({"location_id": id(SITE), "notes": notes})),
            )
        });
        match outcome {
            Ok(_) => saved.push(pump),
            Err(error) => break error,
        }
        assert!(saved.len() < 2000, "the disk never filled");
    };
    assert!(matches!(refused, MirrorError::DiskFull), "{refused:?}");
    assert!(saved.len() > 5, "the ballast made room for more: {}", saved.len());
    assert!(!disk.path().join("ballast").exists());
    // Nothing new fits, and what is there can still be read and prepared for sending.
    assert_eq!(mirror.read(|r| r.outbox()).unwrap().len(), saved.len());
    drop(mirror);

    std::fs::remove_file(disk.path().join("other-programs-file")).unwrap();
    let opened = Mirror::open_with(disk.path(), &key, now(), options()).unwrap();
    assert_eq!(opened.report.taken_over, 0, "what was refused does not come back");
    let there: Vec<_> = opened.mirror.read(|r| r.outbox()).unwrap().iter().map(|l| l.operation.row_id).collect();
    assert_eq!(there, saved.iter().map(|pump| id(*pump)).collect::<Vec<_>>());
    edit(&opened.mirror, PUMP, json!({"serial_number": "room again"}));
}

#[test]
fn at_every_size_of_disk_the_profile_opens_again_with_all_that_was_acknowledged() {
    let (mut too_small_to_open, mut filled) = (0, 0);
    for kilobytes in (500..2600).step_by(100) {
        let Some(disk) = Disk::of(kilobytes) else { return };
        let key = DataKey::from_bytes([1; 32]);
        let options = || Options { ballast_bytes: 0, low_space_bytes: 0, readers: 1, ..Options::default() };
        let Ok(opened) = Mirror::open_with(disk.path(), &key, now(), options()) else {
            too_small_to_open += 1;
            disk.grow();
            assert!(Mirror::open_with(disk.path(), &key, now(), options()).is_ok(), "at {kilobytes} KiB");
            continue;
        };
        let enrolled = opened.mirror.write(now(), |tx| {
            tx.enroll(Profile {
                device: clara_domain::DeviceId(id(0xd1)),
                user: clara_domain::UserId(id(ME)),
                role: "technician".into(),
            })
        });
        let mut saved = 0;
        while enrolled.is_ok() && saved < 500 {
            let pump = 0xf000 + saved;
            let outcome = opened.mirror.write(now(), |tx| {
                tx.insert(Entity::EquipmentInventory, id(pump), id(pump), fields(json!({"notes": "y".repeat(3000)})))
            });
            if outcome.is_err() {
                filled += 1;
                break;
            }
            saved += 1;
        }
        drop(opened);
        disk.grow();
        let opened = Mirror::open_with(disk.path(), &key, now(), options()).unwrap();
        assert_eq!(opened.mirror.read(|r| r.outbox()).unwrap().len() as u128, saved, "at {kilobytes} KiB");
    }
    assert!(too_small_to_open > 0 && filled > 5, "{too_small_to_open} did not open, {filled} filled while saving");
}

#[test]
fn a_pull_that_takes_a_site_away_is_told_as_there_also_where_the_log_finds_no_room_to_be_written_back() {
    let Some(disk) = Disk::of(8 << 10) else { return };
    let key = DataKey::from_bytes([1; 32]);
    let options = || Options { ballast_bytes: 0, low_space_bytes: 0, readers: 1, ..Options::default() };
    drop(founded(disk.path(), &key, options()));
    let mut mirror = Mirror::open_with(disk.path(), &key, now(), options()).unwrap().mirror;
    let mut other = pull("105:105:", site_rows(OTHER_SITE, OTHER_PUMP, JOB + 1));
    other.granted.push(site(OTHER_SITE));
    // Much that is in the log and not yet in the database, which has to grow for it.
    let valves = (0..500).map(|n| {
        let values = json!({
            "location_id": id(SITE), "equipment_category": "valve", "status": "active", "notes": "n".repeat(4_000),
        });
        row(Entity::EquipmentInventory, 0xf000 + n, 5, values)
    });
    other.rows.push(clara_sync::TableRows { entity: Entity::EquipmentInventory, rows: valves.collect() });
    mirror.apply_pull(&other).unwrap();
    fill(disk.path(), 400 << 10);

    let mut gone = pull("110:110:", Vec::new());
    gone.revoked.push(site(OTHER_SITE));
    let told = mirror.apply_pull(&gone);
    let is_there = mirror.read(|r| r.site(site(OTHER_SITE))).unwrap().is_none();
    assert!(told.is_ok() && is_there, "what is there is told as there: {told:?}, {is_there}");
    assert_eq!(mirror.state().unwrap().cursor, Some(cursor("110:110:")));
    let log = std::fs::metadata(disk.path().join("mirror.db-wal")).unwrap().len();
    assert!(log > 1 << 20, "there was no room to write it back: {log} bytes are left in it");

    std::fs::remove_file(disk.path().join("other-programs-file")).unwrap();
    drop(mirror);
    assert!(!disk.path().join("mirror.db-wal").exists(), "with room again the log is written back and gone");
    let opened = Mirror::open_with(disk.path(), &key, now(), options()).unwrap();
    assert!(opened.mirror.read(|r| r.site(site(OTHER_SITE))).unwrap().is_none());
    assert_eq!(opened.mirror.read(|r| r.all(Entity::EquipmentInventory)).unwrap().len(), 501);
}
