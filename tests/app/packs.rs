//! Packs that nobody asked for, and which of them are kept.

use std::path::{Path, PathBuf};
use std::process::Command;

use clara_app::rescue::{Occasion, Shown};
use clara_contract::Empty;
use clara_contract::session::Unlock;
use clara_contract::sync::ListWork;
use clara_tests::{Company, ids};

use crate::rescue::{figure, packed, put_in, shown, unsent, with_a_safe, works_in_the_basement};
use crate::{Laptop, open};

const MB: u64 = 1 << 20;

fn packs(profile: &Path) -> Vec<PathBuf> {
    let shelf = std::fs::read_dir(profile.join("rescue")).into_iter().flatten().map(|entry| entry.unwrap().path());
    shelf.filter(|path| path.extension().is_some_and(|end| end == "clara-rescue")).collect()
}

fn captures(ana: &Laptop, value: &str) {
    let capture = serde_json::json!({"equipment_id": ids::item(1), "field_key": "location_detail", "value": value, "source": "typed"});
    ana.app.call("capture_field", capture).unwrap();
}

fn opens(ana: Laptop) -> Laptop {
    let ana = Laptop { app: open(ana.folder.path()), folder: ana.folder };
    ana.app.unlock(Unlock { passphrase: "riser room three".into() }).unwrap();
    ana
}

fn occasion(pack: &Shown) -> Option<Occasion> {
    pack.header.as_ref().unwrap().occasion
}

#[test]
fn a_newer_program_seals_what_is_unsent_before_it_opens_the_work_and_a_later_save_follows_it() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let before = unsent(&ana);
    ana.app.close();
    let ana = opens(ana);
    assert_eq!(packs(ana.folder.path()).len(), 0, "the same program makes none");
    ana.app.close();

    std::fs::write(ana.folder.path().join("opened-by"), "0.0.9").unwrap();
    let ana = opens(ana);
    let made = packs(ana.folder.path());
    assert_eq!(made.len(), 1);
    let inside = shown(&made[0], &identity);
    assert_eq!((inside.whole, occasion(&inside), inside.photos.len()), (true, Some(Occasion::Update), 4));
    let missing = before.iter().filter(|operation| !packed(&inside).contains(operation)).count();

    // Whoever has the pack may put it in at once: what is in it must not change any more.
    captures(&ana, "behind the boiler");
    let changed = before.iter().filter(|operation| !unsent(&ana).contains(operation)).count();
    assert_eq!(unsent(&ana).len(), before.len() + 1, "the later save follows");
    figure("operations missing from the pack before an update, or changed after it", before.len(), missing + changed);
    ana.app.close();
    let ana = opens(ana);
    assert_eq!(packs(ana.folder.path()).len(), 1, "once for an update");

    put_in(&company, &made[0], &identity);
    ana.app.sync_now(Empty {}).unwrap();
    let field = format!("SELECT location_detail FROM equipment_inventory WHERE id = '{}'", ids::item(1));
    assert_eq!(company.office(&field), "behind the boiler");
    assert_eq!(company.office("SELECT count(*) FROM sync.op WHERE outcome = 'rejected'"), "0");
}

#[test]
fn a_program_that_was_killed_after_the_pack_of_an_update_still_counts_it_as_sent() {
    let (company, _identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    captures(&ana, "weeping");
    let before = unsent(&ana);
    captures(&ana, "weeping, packing");
    assert_eq!(unsent(&ana).len(), before.len(), "otherwise a later save changes an operation that nobody has");
    ana.app.close();
    // As the kill left it: the pack is made, the mirror does not know of it yet.
    std::fs::create_dir_all(ana.folder.path().join("rescue")).unwrap();
    std::fs::write(ana.folder.path().join("rescue/handing-out"), "").unwrap();
    let ana = opens(ana);
    let before = unsent(&ana);
    captures(&ana, "behind the boiler");
    assert_eq!(unsent(&ana).len(), before.len() + 1);
    assert_eq!(unsent(&ana)[..before.len()], before[..]);
    assert!(!ana.folder.path().join("rescue/handing-out").exists(), "once");
}

#[test]
fn only_the_newest_packs_are_kept_and_the_laptop_says_which() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    captures(&ana, "weeping");
    let shelf = ana.folder.path().join("rescue");
    std::fs::create_dir_all(&shelf).unwrap();
    // What a program left that was killed while it made one.
    std::fs::write(shelf.join("2026-11-22 0900 Ana Van 4.new"), vec![7; 5_000]).unwrap();
    let made: Vec<String> = (0..7).map(|_| ana.app.make_rescue(Empty {}).unwrap().file.path).collect();
    let state = ana.app.rescue_state(Empty {}).unwrap();
    let kept: Vec<String> = state.kept.iter().map(|one| one.file.path.clone()).collect();
    assert_eq!(kept.len(), 5);
    assert_eq!((state.last.map(|last| last.file.path), kept.first()), (made.last().cloned(), made.last()));
    let mut on_disk: Vec<PathBuf> = std::fs::read_dir(&shelf).unwrap().map(|entry| entry.unwrap().path()).collect();
    on_disk.sort();
    let mut said: Vec<PathBuf> = kept.iter().map(PathBuf::from).collect();
    said.sort();
    assert_eq!(on_disk, said, "these and nothing else");
    assert!(said.iter().all(|pack| shown(pack, &identity).whole));
}

/// A disk in memory.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where mounting is left out on purpose.
    fn of(megabytes: u64) -> Option<SmallDisk> {
        if std::env::var_os("CLARA_NO_MOUNT").is_some() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "a small disk could not be mounted: run as root, or set CLARA_NO_MOUNT to leave this story out",
        );
        Some(SmallDisk(folder))
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn free(&self) -> u64 {
        clara_local::free_space(self.0.path()).unwrap()
    }

    /// Somebody else's files take all but so many bytes.
    fn leave(&self, free: u64) {
        let hog = self.0.path().join("hog");
        let held = std::fs::metadata(&hog).map_or(0, |file| file.len());
        let wanted = (self.free() + held).saturating_sub(free);
        let done = Command::new("fallocate").arg("-l").arg(wanted.max(1).to_string()).arg(&hog).status();
        if wanted < held {
            std::fs::OpenOptions::new().write(true).open(&hog).unwrap().set_len(wanted).unwrap();
        }
        assert!(done.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_disk_that_gets_low_makes_a_pack_once_each_time_and_never_fills_it() {
    let Some(disk) = SmallDisk::of(1024) else { return };
    let (company, identity) = with_a_safe();
    let app = open(&disk.path().join("profile"));
    let enrolment = company.enrolment(ids::ANA, company.port()).to_file();
    let passphrase = Some("riser room three".to_owned());
    app.enroll(clara_contract::session::Enroll { enrolment, device_name: "Van 4".into(), passphrase }).unwrap();
    app.sync_now(Empty {}).unwrap();
    let ana = Laptop { app, folder: tempfile::tempdir().unwrap() };
    works_in_the_basement(&ana);
    let profile = disk.path().join("profile");

    // A turn of the sync thread looks at the disk after it has answered: with the second answer the first look is over. The
    // draft and its photo stay unsent.
    let turn = || {
        for _ in 0..2 {
            ana.app.sync_now(Empty {}).unwrap();
        }
    };
    turn();
    assert_eq!(packs(&profile).len(), 0, "there is room");
    disk.leave(240 * MB);
    for _ in 0..3 {
        turn();
    }
    let first = packs(&profile);
    assert_eq!(first.len(), 1, "once, however long it stays low");
    let inside = shown(&first[0], &identity);
    assert_eq!((inside.whole, occasion(&inside), inside.drafts.len()), (true, Some(Occasion::LowDisk), 1));
    assert_eq!(inside.photos.len(), 1, "there was room for its photo");

    // It hovers at the border.
    for free in [300, 250, 400, 200] {
        disk.leave(free * MB);
        turn();
    }
    assert_eq!(packs(&profile), first, "and makes no pack at each turn");
    disk.leave(600 * MB);
    turn();
    disk.leave(100 * MB);
    let before = disk.free();
    turn();
    let second: Vec<PathBuf> = packs(&profile).into_iter().filter(|pack| !first.contains(pack)).collect();
    assert_eq!(second.len(), 1, "low again after it was fine");
    let inside = shown(&second[0], &identity);
    assert_eq!(
        (inside.whole, inside.drafts.len(), inside.photos.len()),
        (true, 1, 0),
        "what was typed, without photos"
    );
    assert!(before - disk.free().min(before) < 4 * MB, "{before} then {}", disk.free());

    for _ in 0..3 {
        disk.leave(600 * MB);
        turn();
        disk.leave(240 * MB);
        turn();
    }
    let kept = packs(&profile);
    figure("packs kept on a disk that got low five times, beyond two", 5, kept.len().saturating_sub(2));
    assert!(kept.iter().all(|pack| shown(pack, &identity).whole));
    ana.app.close();
}

#[test]
fn nothing_unsent_makes_no_pack_by_itself() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    ana.app.sync_now(Empty {}).unwrap();
    ana.app.close();
    std::fs::write(ana.folder.path().join("opened-by"), "0.0.9").unwrap();
    let ana = opens(ana);
    assert_eq!(packs(ana.folder.path()).len(), 0);
}

#[test]
fn whoever_signs_out_leaves_a_pack_of_what_is_unsent_and_nothing_else_and_the_next_person_begins_anew() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let before = unsent(&ana);
    let copy = crate::revoked::copy_of(ana.folder.path());
    let pack = ana.app.sign_out_for_good().unwrap().expect("there was something to seal");
    let inside = shown(Path::new(&pack.file.path), &identity);
    assert_eq!((inside.whole, occasion(&inside), packed(&inside)), (true, Some(Occasion::SignOut), before.clone()));
    let left = |folder: &Path| {
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| ["profile.json", "keys", "mirror", "leaving"].contains(&name.as_str())).count()
    };
    let mut failures = left(ana.folder.path());
    let begins_anew = |folder: &Path| {
        let ben = Laptop { app: open(folder), folder: tempfile::tempdir().unwrap() };
        assert_eq!(ben.app.start(Empty {}).unwrap().state, clara_contract::session::StartState::Fresh);
        ben.enroll(company.enrolment(ids::BEN, company.port()).to_file()).unwrap();
        ben.app.sync_now(Empty {}).unwrap();
        ben.app.list_work(ListWork::default()).unwrap().items.is_empty()
    };
    failures += usize::from(!begins_anew(ana.folder.path()));

    // Ended by a kill after any of its steps.
    for step in 0..4 {
        let folder = crate::revoked::copy_of(copy.path());
        let leaving = folder.path().join("leaving");
        std::fs::create_dir(&leaving).unwrap();
        for name in ["profile.json", "keys", "mirror"].into_iter().take(step) {
            std::fs::rename(folder.path().join(name), leaving.join(name)).unwrap();
        }
        let started = open(folder.path());
        assert_eq!(started.start(Empty {}).unwrap().state, clara_contract::session::StartState::Fresh, "{step}");
        failures += left(folder.path()) + usize::from(!begins_anew(folder.path()));
    }
    figure("a sign-out, whole and cut short", 5, failures);
}

#[test]
fn without_a_pack_of_what_is_unsent_nobody_is_signed_out() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let before = unsent(&ana);
    assert_eq!(
        ana.app.sign_out_for_good().unwrap_err().code,
        clara_contract::Code::NotAllowed,
        "no recovery key is known"
    );
    assert_eq!(unsent(&ana), before);
    ana.app.sync_now(Empty {}).expect("and it goes on");
}

#[test]
fn before_a_migration_all_that_is_unsent_can_be_packed_while_the_old_database_is_as_it_was() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/laptops/database-3");
    let held: serde_json::Value = serde_json::from_slice(&std::fs::read(fixture.join("held.json")).unwrap()).unwrap();
    let profile = crate::revoked::copy_of(&fixture.join("profile"));
    let database = profile.path().join("mirror.db");
    let old = std::fs::read(&database).unwrap();
    let key = clara_tests::shift::key();
    let mut seen = None;
    let opened = clara_local::Mirror::open_after(profile.path(), &key, chrono::Utc::now(), |migrates| {
        let unsent = clara_local::Unsent::from_spool(profile.path(), &key).unwrap();
        seen = Some((migrates, unsent, std::fs::read(&database).unwrap() == old));
    });
    let opened = opened.unwrap();
    let (migrates, unsent, untouched) = seen.expect("it is called before anything else");
    assert!(migrates && untouched && opened.report.migrated_from == Some(3), "{:?}", opened.report);
    let ids = |all: &serde_json::Value| -> Vec<String> {
        all.as_array().unwrap().iter().map(|one| one["op_id"].as_str().unwrap().to_owned()).collect()
    };
    let packed: Vec<String> = unsent.operations.iter().map(|one| one.operation.op_id.to_string()).collect();
    let missing = ids(&held["operations"]).iter().filter(|id| !packed.contains(id)).count();
    let photos = held["photos"].as_array().unwrap().len().abs_diff(unsent.photos.len());
    let drafts = held["drafts"].as_array().unwrap().len().abs_diff(unsent.drafts.len());
    figure("unsent work missing before a migration", packed.len(), missing + photos + drafts);
    drop(opened.mirror);
    let again =
        clara_local::Mirror::open_after(profile.path(), &key, chrono::Utc::now(), |migrates| assert!(!migrates));
    assert_eq!(again.unwrap().report.migrated_from, None);
}
