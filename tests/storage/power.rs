//! The power fails. A real process works on a real profile; of what it wrote, only that is on the disk which its syncs
//! had secured, and of the rest whatever chance leaves; see `disk` for what is taken for granted.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};

use clara_tests::shift::Chance;

use crate::disk::{Disk, Names, Unsynced};
use crate::figure::{Patience, figure, first_seed, laptop};
use crate::look::look;
use crate::trace::{Event, Files, History, put_files, record, scratch};

const STEPS: u64 = 30;

/// One disk after one power cut.
struct State {
    files: Files,
    /// The digests that it may open to: what was acknowledged last, and what was being saved. None before the profile
    /// itself was acknowledged.
    allowed: Option<Vec<String>>,
    and_go_on: bool,
    what: String,
}

#[derive(Default)]
struct Outcome {
    tried: usize,
    failures: Vec<String>,
}

/// Digests in the order in which they were acknowledged, with the event at which that was.
fn acknowledgements(history: &History) -> Vec<(usize, String)> {
    let said = |event: &Event| match event {
        Event::Said(line) => line.strip_prefix("ack ").and_then(|line| line.split(' ').nth(1)).map(str::to_owned),
        _ => None,
    };
    history.events.iter().enumerate().filter_map(|(at, event)| Some((at, said(event)?))).collect()
}

/// Which cuts are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cuts {
    /// Before every sync, and everything that was not secured is gone.
    Worst,
    /// Before and after every sync, and in between, with other fates of what was not secured.
    Others,
}

fn each_cut(history: &History, lies: bool, cuts: Cuts, chance: &mut Chance, mut each: impl FnMut(State) -> bool) {
    let acknowledged = acknowledgements(history);
    let mut disk = Disk::before(history);
    disk.lies = lies;
    let mut seen = BTreeSet::new();
    for at in 0..=history.events.len() {
        let sync = |event: Option<&Event>| matches!(event, Some(Event::Sync { .. } | Event::SyncNames { .. }));
        let before_sync = sync(history.events.get(at));
        let after_sync = at > 0 && sync(history.events.get(at - 1));
        if before_sync || after_sync || chance.one_in(6) {
            let done = acknowledged.iter().filter(|(when, _)| *when < at).count();
            let allowed = (done > 0).then(|| {
                acknowledged.iter().skip(done - 1).take(2).map(|(_, digest)| digest.clone()).collect::<Vec<_>>()
            });
            for unsynced in Unsynced::ALL {
                for names in [Names::Dropped, Names::Kept, Names::Some] {
                    // The worst at every sync; the others in turn.
                    let worst = before_sync && unsynced == Unsynced::Dropped && names == Names::Dropped;
                    if worst != (cuts == Cuts::Worst) || !(worst || chance.one_in(9)) {
                        continue;
                    }
                    let files = disk.after(unsynced, names, chance);
                    let mut hasher = DefaultHasher::new();
                    (&files, done).hash(&mut hasher);
                    if seen.insert(hasher.finish()) {
                        let what =
                            format!("cut after {done} lines, before event {at}, writes {unsynced:?}, names {names:?}");
                        if !each(State { files, allowed: allowed.clone(), and_go_on: chance.one_in(4), what }) {
                            return;
                        }
                    }
                }
            }
        }
        if at < history.events.len() {
            disk.advance(at);
        }
    }
}

fn check(states: &Mutex<Receiver<State>>, outcome: &Mutex<Outcome>) {
    loop {
        let Ok(state) = states.lock().unwrap().recv() else { return };
        let place = scratch();
        let folder = place.path().join("profile");
        put_files(&folder, &state.files);
        let looked = look(&folder, state.allowed.as_deref(), state.and_go_on);
        let mut outcome = outcome.lock().unwrap();
        outcome.tried += 1;
        if let Err(why) = looked {
            outcome.failures.push(format!("{}: {why}", state.what));
        }
    }
}

/// Tries the power cuts of one history on two threads.
fn try_cuts(
    history: &History,
    lies: bool,
    cuts: Cuts,
    chance: &mut Chance,
    patience: &Patience,
    outcome: &Mutex<Outcome>,
) {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(4);
        let receiver = &*Box::leak(Box::new(Mutex::new(receiver)));
        for _ in 0..2 {
            scope.spawn(move || check(receiver, outcome));
        }
        each_cut(history, lies, cuts, chance, |state| {
            // A sweep that was begun is finished.
            let go_on =
                (patience.is_left() || cuts == Cuts::Worst) && (!lies || outcome.lock().unwrap().failures.len() < 20);
            go_on && sender.send(state).is_ok()
        });
        drop(sender);
    });
}

/// A history of a profile: new, or one that a power cut left behind.
fn history(seed: u64, start: Option<&Files>, from: u64) -> History {
    let place = scratch();
    let folder = place.path().join("profile");
    std::fs::create_dir(&folder).unwrap();
    if let Some(files) = start {
        put_files(&folder, files);
    }
    let (seed, from, to) = (seed.to_string(), from.to_string(), (from + STEPS).to_string());
    record(&folder, laptop(), &["work", folder.to_str().unwrap(), &seed, &from, &to])
}

#[test]
fn after_a_power_cut_at_any_sync_everything_acknowledged_is_there_and_nothing_is_half_there() {
    let patience = Patience::until_counted();
    let outcome = Mutex::new(Outcome::default());
    let (mut histories, mut events, mut syncs, mut from) = (0, 0, 0, 0);
    let mut start: Option<Files> = None;
    let mut seed = first_seed();
    // In CI one profile: from nothing, and three times from what a cut left behind.
    while patience.is_left() && (histories < 4 || Patience::is_soaking()) {
        let history = history(seed, start.as_ref(), from);
        let mut chance = Chance::of(seed, 7);
        for cuts in [Cuts::Worst, Cuts::Others] {
            try_cuts(&history, false, cuts, &mut chance, &patience, &outcome);
        }
        syncs +=
            history.events.iter().filter(|event| matches!(event, Event::Sync { .. } | Event::SyncNames { .. })).count();
        histories += 1;
        events += history.events.len();
        // The next one begins on what a cut at the end of this one leaves, or on nothing.
        from += STEPS;
        let mut disk = Disk::before(&history);
        (0..history.events.len()).for_each(|at| disk.advance(at));
        start = (histories % 4 != 0).then(|| disk.after(Unsynced::Some, Names::Some, &mut chance));
        if start.is_none() {
            (seed, from) = (seed + 1, 0);
        }
    }
    let outcome = outcome.into_inner().unwrap();
    println!("{histories} histories from seed {}, {events} events, cut at each of {syncs} syncs", first_seed());
    figure("power cut at every sync: disks opened", outcome.tried, outcome.failures.len());
    for failure in outcome.failures.iter().take(20) {
        println!("{failure}");
    }
    assert!(outcome.tried > 1000, "{} disks are no proof", outcome.tried);
    assert!(outcome.failures.is_empty(), "{} disks lost something", outcome.failures.len());
}

#[test]
fn a_disk_that_lies_about_its_syncs_is_caught_losing_what_was_acknowledged() {
    let history = history(first_seed(), None, 0);
    let outcome = Mutex::new(Outcome::default());
    let (mut chance, patience) = (Chance::of(first_seed(), 8), Patience::of_seconds(60));
    try_cuts(&history, true, Cuts::Others, &mut chance, &patience, &outcome);
    let outcome = outcome.into_inner().unwrap();
    println!("control: {} of {} disks that lied were caught", outcome.failures.len(), outcome.tried);
    assert!(!outcome.failures.is_empty(), "losses are not noticed: the other story proves nothing");
}
