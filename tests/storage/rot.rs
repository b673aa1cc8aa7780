//! Bytes go bad on the disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clara_tests::Content;
use clara_tests::shift::{Chance, Shift};

use crate::figure::{Patience, figure, first_seed};
use crate::kill::{FATAL, run_until, steps};
use crate::look::{open, save_something};
use crate::trace::{Files, files_in, put_files, scratch};

/// Profiles after some days: closed, and as a crash leaves them, with everything still in the log.
struct Before {
    files: Files,
    held: Content,
}

fn profiles(seed: u64) -> Vec<Before> {
    let place = scratch();
    let (mut shift, _) = Shift::open(place.path(), seed, 0).unwrap();
    shift.found().unwrap();
    let mut profiles = Vec::new();
    for step in 0..70 {
        shift.step(step).unwrap();
        if step % 23 == 22 {
            // Nobody writes at the moment, so that the copy is what a crash would leave.
            profiles
                .push(Before { files: files_in(place.path()), held: Content::of(shift.mirror().unwrap()).unwrap() });
        }
    }
    let held = Content::of(shift.mirror().unwrap()).unwrap();
    drop(shift);
    profiles.push(Before { files: files_in(place.path()), held });
    profiles
}

/// What is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Database,
    Log,
    Spool,
    Photos,
    KeyCheck,
    DatabaseAndSpool,
}

impl Victim {
    const ALL: [Self; 6] =
        [Self::Database, Self::Log, Self::Spool, Self::Photos, Self::KeyCheck, Self::DatabaseAndSpool];

    fn owns(self, path: &Path) -> bool {
        let database = path == Path::new("mirror.db") || path == Path::new("mirror.db-wal");
        match self {
            Self::Database => path == Path::new("mirror.db"),
            Self::Log => path == Path::new("mirror.db-wal"),
            Self::Spool => path.starts_with("spool"),
            Self::Photos => path.starts_with("photos"),
            Self::KeyCheck => path == Path::new("key-check"),
            Self::DatabaseAndSpool => database || path.starts_with("spool"),
        }
    }
}

/// 1 to 64 bytes change; now and then a sector or the end of the file is gone instead.
fn damage(bytes: &mut Vec<u8>, chance: &mut Chance) {
    if bytes.is_empty() {
        return;
    }
    match chance.below(10) {
        0 => bytes.truncate(chance.below(bytes.len())),
        1 => {
            let from = chance.below(bytes.len());
            let to = bytes.len().min(from + 512);
            bytes[from..to].fill(0);
        }
        _ => {
            for _ in 0..1 + chance.below(64) {
                let at = chance.below(bytes.len());
                bytes[at] ^= 1 << chance.below(8);
            }
        }
    }
}

/// Damages a file of the victim; of two victims, one file of each. Returns which.
fn damaged(before: &Files, victim: Victim, chance: &mut Chance) -> (Files, Vec<PathBuf>) {
    let mut files = before.clone();
    let own: Vec<PathBuf> = before.keys().filter(|path| victim.owns(path)).cloned().collect();
    let groups: Vec<Vec<PathBuf>> = if victim == Victim::DatabaseAndSpool {
        let (spool, database) = own.into_iter().partition(|path| path.starts_with("spool"));
        vec![database, spool]
    } else {
        vec![own]
    };
    let mut which = Vec::new();
    for group in groups {
        let Some(path) = group.get(chance.below(group.len())) else { continue };
        if let Some(bytes) = files.get_mut(path) {
            damage(bytes, chance);
        }
        which.push(path.clone());
    }
    (files, which)
}

/// Opens a damaged profile and says what is wrong with what it did.
fn look(folder: &Path, before: &Before, after: &Files, victim: Victim) -> Result<bool, String> {
    let opened = open(folder).map_err(|error| format!("it does not open: {error:?}"))?;
    let report = opened.report.clone();
    let missing = before.held.missing_from(&opened.mirror).map_err(|error| format!("unreadable: {error:?}"))?;
    let rebuilt = report.rebuilt.is_some();
    if let Some(aside) = report.rebuilt.as_ref().and_then(|rebuilt| rebuilt.aside.clone()) {
        // With its log, or half of it is lost to whoever tries to save something from it.
        for (kept, was) in [("", "mirror.db"), ("-wal", "mirror.db-wal")] {
            let kept = PathBuf::from(format!("{}{kept}", aside.display()));
            let was = after.get(Path::new(was)).filter(|bytes| !bytes.is_empty());
            if was.is_some_and(|was| std::fs::read(&kept).ok().as_ref() != Some(was)) {
                return Err(format!("the ruined database is not kept aside as it was: {}", kept.display()));
            }
        }
    }
    match victim {
        Victim::Photos => {
            // The row says so, and nothing but bytes is missing.
            let wrong: Vec<_> = missing.iter().filter(|line| !line.starts_with("photo ")).collect();
            if !wrong.is_empty() {
                return Err(format!("a damaged photo costs {wrong:?}"));
            }
            return Ok(rebuilt);
        }
        Victim::DatabaseAndSpool => {
            let named = !report.bad_frames.is_empty();
            if !missing.is_empty() && !named {
                return Err(format!("{} things are gone and nobody is told: {missing:?}", missing.len()));
            }
        }
        _ if !missing.is_empty() => return Err(format!("gone: {missing:?} ({report:?})")),
        _ => {}
    }
    save_something(&opened.mirror).map_err(|error| format!("nothing can be saved: {error:?}"))?;
    if victim == Victim::Spool {
        // The second copy is whole again: now the first may go.
        let held = Content::of(&opened.mirror).map_err(|error| format!("{error:?}"))?;
        drop(opened);
        for file in ["mirror.db", "mirror.db-wal"] {
            if folder.join(file).exists() {
                std::fs::write(folder.join(file), b"ruined").unwrap();
            }
        }
        let opened = open(folder).map_err(|error| format!("the ruined database does not open: {error:?}"))?;
        let missing = held.missing_from(&opened.mirror).map_err(|error| format!("{error:?}"))?;
        if !missing.is_empty() {
            return Err(format!("the spool was damaged and not made whole again: {missing:?}"));
        }
    }
    Ok(rebuilt)
}

#[derive(Default)]
struct Tally {
    tried: BTreeMap<Victim, usize>,
    rebuilt: usize,
    failures: Vec<String>,
}

#[test]
fn bytes_that_go_bad_anywhere_are_noticed_or_harmless_and_cost_nothing_that_has_a_second_copy() {
    let (patience, seed) = (Patience::until_counted(), first_seed());
    let profiles = profiles(seed);
    let log = Path::new("mirror.db-wal");
    assert!(
        profiles.iter().any(|before| before.files.get(log).is_some_and(|log| log.len() > 50_000)),
        "there are logs"
    );
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while patience.is_left() {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let enough = tally.lock().unwrap().tried.values().sum::<usize>() >= 2000;
                    if enough && !Patience::is_soaking() {
                        return;
                    }
                    let mut chance = Chance::of(seed, number);
                    let before = &profiles[chance.below(profiles.len())];
                    let victim = Victim::ALL[number as usize % Victim::ALL.len()];
                    let (after, which) = damaged(&before.files, victim, &mut chance);
                    if which.is_empty() {
                        continue;
                    }
                    let place = scratch();
                    let folder = place.path().join("profile");
                    put_files(&folder, &after);
                    let looked = look(&folder, before, &after, victim);
                    let mut tally = tally.lock().unwrap();
                    *tally.tried.entry(victim).or_default() += 1;
                    match looked {
                        Ok(rebuilt) => tally.rebuilt += usize::from(rebuilt),
                        Err(why) => tally.failures.push(format!("number {number}, {which:?}: {why}")),
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{:?}, {} databases rebuilt", tally.tried, tally.rebuilt);
    figure("profiles with damaged bytes", tally.tried.values().sum(), tally.failures.len());
    tally.failures.iter().take(20).for_each(|failure| println!("{}", failure.chars().take(1500).collect::<String>()));
    assert!(tally.tried.len() == Victim::ALL.len() && tally.rebuilt > 100, "every kind of file was damaged");
    assert!(tally.failures.is_empty(), "{} profiles", tally.failures.len());
}

#[test]
fn killed_while_it_sets_a_ruined_database_aside_the_laptop_loses_neither_half_of_it_nor_any_work() {
    let (database, log) = (Path::new("mirror.db"), Path::new("mirror.db-wal"));
    let before = profiles(first_seed()).into_iter().find(|before| before.files.contains_key(log)).unwrap();
    let mut ruined = before.files.clone();
    ruined.get_mut(database).unwrap()[..9000].fill(7);
    let fresh = || {
        let place = scratch();
        put_files(&place.path().join("profile"), &ruined);
        place
    };
    let place = fresh();
    let folder = place.path().join("profile");
    let (_, steps) = steps(&folder, FATAL, &["show", folder.to_str().unwrap(), "100"]);
    let (mut kills, patience) = (0, Patience::of_seconds(60));
    // Every other one, or all of them for whoever has the time; around the moves always.
    for (number, step) in steps.iter().enumerate().take_while(|_| patience.is_left()) {
        if step.call != "rename" && number % 3 != 0 && !Patience::is_soaking() {
            continue;
        }
        let place = fresh();
        let folder = place.path().join("profile");
        if run_until(step, &["show", folder.to_str().unwrap(), "100"]).is_none() {
            continue;
        }
        kills += 1;
        let opened = open(&folder).unwrap_or_else(|error| panic!("killed at {step:?}: {error:?}"));
        let missing = before.held.missing_from(&opened.mirror).unwrap();
        assert!(missing.is_empty(), "killed at {step:?}: {missing:?}");
        let aside: Vec<Vec<u8>> = files_in(&folder.join("aside")).into_values().collect();
        for half in [database, log] {
            assert!(aside.contains(&ruined[half]), "killed at {step:?}: {} is not kept aside", half.display());
        }
    }
    figure("kill -9 while a ruined database is set aside: kills", kills, 0);
    assert!(kills > 20, "{kills} kills are no proof");
}
