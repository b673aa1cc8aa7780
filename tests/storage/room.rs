//! A disk of every size around the need. Small disks are mounted, which needs the right to; where it is not given the
//! stories fail and say so, and with `CLARA_NO_MOUNT` set they are left out.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use clara_local::Options;
use clara_tests::Content;
use clara_tests::shift::Shift;

use crate::figure::{Patience, figure, first_seed};
use crate::trace::{Files, files_in, put_files, scratch};

/// A disk in memory of a chosen size.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where mounting is left out on purpose.
    pub fn of(kilobytes: u64) -> Option<Self> {
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
            "a small disk could not be mounted: run as root, or set CLARA_NO_MOUNT to leave these stories out",
        );
        Some(Self(folder))
    }

    /// Changes how it is mounted.
    pub fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(self.path()).status();
        assert!(done.unwrap().success());
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// No reserve: the disk's very end is what is looked for.
fn bare() -> Options {
    Options { ballast_bytes: 0, low_space_bytes: 0, segment_bytes: 48 << 10, readers: 1, ..Options::default() }
}

const STEPS: u64 = 30;

/// Works on a disk that becomes full, then on the same disk with room. Returns how many steps were refused, and what is
/// wrong.
fn work_until_full(disk: &SmallDisk, profile: &Path, seed: u64) -> Result<usize, String> {
    let open = || Shift::open_with(profile, seed, 0, bare()).map(|(shift, _)| shift);
    let mut opened = match open() {
        Ok(shift) => Some(shift),
        Err(clara_local::OpenError::DiskFull) => None,
        Err(other) => return Err(format!("opening a full disk says {other:?}")),
    };
    let content =
        |shift: &Shift| Content::of(shift.mirror().unwrap()).map_err(|error| format!("unreadable: {error:?}"));
    let mut refused = usize::from(opened.is_none());
    let mut held = None;
    if let Some(shift) = &mut opened {
        match shift.found() {
            Ok(()) => held = Some(content(shift)?),
            Err(error) if error.is_full_disk() => refused += 1,
            Err(other) => return Err(format!("founding on a full disk says {other:?}")),
        }
        for step in 1..STEPS {
            if held.is_none() {
                break;
            }
            let answer = shift.step(step);
            let Ok(mirror) = shift.mirror() else {
                // It was closing and opening again, and found no room to open.
                refused += 1;
                break;
            };
            // A sync's step may have done its first half.
            let now = Content::of(mirror).map_err(|error| format!("unreadable after {answer:?}: {error:?}"))?;
            match answer {
                Ok(()) => held = Some(now),
                Err(error) if error.is_full_disk() => {
                    refused += 1;
                    if Some(&now) != held.as_ref() {
                        return Err(format!("step {step} was refused, and something of it is there"));
                    }
                }
                Err(other) => return Err(format!("step {step} on a full disk says {other:?}")),
            }
        }
    }
    drop(opened);
    disk.remount("size=64m");
    let mut shift = open().map_err(|error| format!("with room again it does not open: {error:?}"))?;
    if let Some(held) = &held
        && content(&shift)? != *held
    {
        return Err("what was acknowledged on the full disk is not what is there".to_owned());
    }
    shift.found().map_err(|error| format!("with room again it is not founded: {error:?}"))?;
    for step in STEPS..STEPS + 6 {
        shift.step(step).map_err(|error| format!("with room again step {step}: {error:?}"))?;
    }
    let after = content(&shift)?;
    drop(shift);
    let shift = open().map_err(|error| format!("{error:?}"))?;
    if content(&shift)? != after { Err("the next start finds something else".to_owned()) } else { Ok(refused) }
}

fn profile_after(seed: u64, steps: u64) -> Files {
    let place = scratch();
    let (mut shift, _) = Shift::open(place.path(), seed, 0).unwrap();
    shift.found().unwrap();
    (0..steps).for_each(|step| shift.step(step).unwrap());
    drop(shift);
    files_in(place.path())
}

fn kilobytes(files: &Files) -> u64 {
    // A file takes whole pages.
    files.values().map(|bytes| bytes.len().div_ceil(4096) as u64 * 4).sum::<u64>() + 24
}

#[test]
fn on_a_disk_of_any_size_nothing_is_acknowledged_that_is_not_there_and_with_room_again_all_goes_on() {
    let patience = Patience::until_counted();
    let started = profile_after(first_seed(), 8);
    let (need, mut disks, mut refused, mut failures) = (kilobytes(&started), 0, 0, Vec::new());
    // Coarse at first; whoever has the time goes on between.
    let offsets = [0, 64, 32, 96, 16, 48, 80, 112, 8, 24, 40, 56, 72, 88, 104, 120];
    for offset in &offsets[..if Patience::is_soaking() { offsets.len() } else { 4 }] {
        for coarse in 0..18 {
            if !patience.is_left() {
                break;
            }
            let spare = coarse * 128 + offset;
            // An empty disk on which the profile is made, and one that a profile almost fills.
            for (files, size) in [(None, 64 + spare), (Some(&started), need + spare)] {
                let Some(disk) = SmallDisk::of(size) else { return };
                let profile = disk.path().join("profile");
                if let Some(files) = files {
                    put_files(&profile, files);
                }
                disks += 1;
                match work_until_full(&disk, &profile, first_seed() + spare) {
                    Ok(times) => refused += times,
                    Err(why) => failures.push(format!("{size} KiB, {}: {why}", files.is_some())),
                }
            }
        }
    }
    println!("{refused} steps were refused for want of room");
    figure("disks of every size around the need", disks, failures.len());
    failures.iter().take(20).for_each(|failure| println!("{failure}"));
    assert!(disks >= 144 && refused > 600, "{disks} disks and {refused} refusals are no proof");
    assert!(failures.is_empty(), "{} disks", failures.len());
}

#[test]
fn a_migration_without_room_leaves_the_old_database_as_it_was_and_no_rest_and_comes_about_with_room() {
    let yesterday = crate::fixture::files();
    let need = kilobytes(&yesterday);
    let (mut refused, mut disks) = (0, 0);
    for spare in (0..2600).step_by(160) {
        let Some(disk) = SmallDisk::of(need + spare) else { return };
        let profile = disk.path().join("profile");
        put_files(&profile, &yesterday);
        disks += 1;
        // Somebody tries again and again.
        for _ in 0..3 {
            match Shift::open_with(&profile, 0, 0, bare()) {
                Ok(_) => {}
                Err(clara_local::OpenError::DiskFull) => refused += 1,
                Err(other) => panic!("with {spare} KiB to spare it says {other:?}"),
            }
        }
        let rests = files_in(&profile).into_keys().filter(|path| path.extension().is_some_and(|end| end == "new"));
        assert_eq!(rests.collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new(), "with {spare} KiB to spare");
        disk.remount("size=64m");
        let (shift, report) = Shift::open_with(&profile, 0, 0, bare()).unwrap();
        assert!(report.rebuilt.is_none(), "{report:?}");
        let whole = copy_of(&yesterday);
        let (held, _) = Shift::open_with(&whole.path().join("profile"), 0, 0, bare()).unwrap();
        let content = |shift: &Shift| Content::of(shift.mirror().unwrap()).unwrap();
        assert!(content(&shift) == content(&held), "with {spare} KiB to spare");
    }
    figure("migrations on disks of every size around the need", disks, 0);
    assert!(refused > 3, "{refused} refusals are no proof");
}

fn copy_of(files: &Files) -> tempfile::TempDir {
    let place = scratch();
    put_files(&place.path().join("profile"), files);
    place
}

#[test]
fn with_the_reserve_in_hand_words_are_still_saved_when_the_disk_is_full_and_photos_are_not() {
    let Some(disk) = SmallDisk::of(16 << 10) else { return };
    let profile = disk.path().join("profile");
    let reserve = || Options { ballast_bytes: 6 << 20, low_space_bytes: 1 << 20, readers: 1, ..Options::default() };
    let (mut shift, _) = Shift::open_with(&profile, first_seed(), 0, reserve()).unwrap();
    shift.found().unwrap();
    let mut filler = std::fs::File::create(disk.path().join("another-programs-file")).unwrap();
    while filler.write_all(&[1; 4096]).is_ok() {}
    let (mut saved, mut refused_photos) = (0, 0);
    for step in 0..60 {
        match shift.step(step) {
            Ok(()) => saved += 1,
            Err(error) if error.is_full_disk() => refused_photos += 1,
            Err(other) => panic!("step {step}: {other:?}"),
        }
    }
    assert!(saved > 40 && refused_photos > 3, "{saved} saved, {refused_photos} refused");
    let held = Content::of(shift.mirror().unwrap()).unwrap();
    assert!(held.photos.is_empty(), "photos are refused first, words last");
    drop(shift);
    let (shift, _) = Shift::open_with(&profile, first_seed(), 0, reserve()).unwrap();
    assert_eq!(Content::of(shift.mirror().unwrap()).unwrap(), held);
    figure("steps on a full disk with the reserve in hand", saved + refused_photos, 0);
}
