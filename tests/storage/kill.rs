//! The process is killed at the calls by which it touches its files: the operating system's own list of steps, so that
//! none is left out and none needs a name in the product. `strace` delivers the signal as the n-th call of a kind begins.
//! A step's name is what was being done, the call, and what it is about; each name that a run meets is killed at least
//! once, and beyond that chance picks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clara_tests::shift::{Chance, Deed};

use crate::figure::{Patience, figure, first_seed, laptop};
use crate::look::look;
use crate::trace::{Files, files_in, names_in, put_files, scratch, strace};

/// The calls that change something, or tell somebody that it was changed.
pub const FATAL: &str = "openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,mkdir";

const STANDARD_OUTPUT: &str = "standard output";

/// The n-th call of a kind, and what it is about.
#[derive(Debug, Clone)]
pub struct Step {
    pub call: String,
    pub nth: usize,
    pub about: String,
    /// How many lines it had said.
    pub said: usize,
}

/// What a program says, and by which calls it gets there. Only calls from the first that names the folder on.
pub fn steps(folder: &Path, calls: &str, arguments: &[&str]) -> (String, Vec<Step>) {
    let log = tempfile::NamedTempFile::new_in(folder.parent().unwrap()).unwrap();
    let output = strace()
        .args(["--seccomp-bpf", "-s", "400", "-e", &format!("trace={calls}"), "-o"])
        .arg(log.path())
        .arg(laptop())
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "the laptop works undisturbed: {}", String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read_to_string(log.path()).unwrap();
    let root = folder.to_str().unwrap();
    let (mut counts, mut handles) = (BTreeMap::<String, usize>::new(), HashMap::<String, String>::new());
    let (mut steps, mut begun, mut said) = (Vec::new(), false, 0);
    for line in log.lines() {
        let Some((_, line)) = line.split_once(' ') else { continue };
        let line = line.trim_start();
        let Some((call, rest)) = line.split_once('(') else { continue };
        if line.starts_with("<...") {
            continue;
        }
        let nth = counts.entry(call.to_owned()).or_default();
        *nth += 1;
        let path = rest.split('"').nth(1).filter(|path| path.starts_with(root)).map(|path| kind_of(root, path));
        begun |= path.is_some();
        let handle = rest.split([',', ')', ' ']).next().unwrap_or_default().to_owned();
        let about = match (call, path) {
            ("openat", path) => {
                let handle = rest.rsplit_once(" = ").map(|(_, handle)| handle.to_owned()).unwrap_or_default();
                match &path {
                    Some(kind) => handles.insert(handle, kind.clone()),
                    None => handles.remove(&handle),
                };
                path
            }
            (_, Some(path)) => Some(path),
            ("write", None) if handle == "1" => Some(STANDARD_OUTPUT.to_owned()),
            _ => handles.get(&handle).cloned().or_else(|| calls.contains("sendto").then(|| "socket".to_owned())),
        };
        if let (true, Some(about)) = (begun, about) {
            let speaks = about == STANDARD_OUTPUT;
            steps.push(Step { call: call.to_owned(), nth: *nth, about, said });
            said += usize::from(speaks);
        }
    }
    (String::from_utf8(output.stdout).unwrap(), steps)
}

/// `spool/operations-00000002.seg` is any segment of operations.
fn kind_of(root: &str, path: &str) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/');
    let kind: String = inside.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    match kind.rsplit_once('/') {
        Some(("photos", name)) => format!("photos/*.{}", name.rsplit('.').next().unwrap_or_default()),
        _ if kind.is_empty() => "the folder".to_owned(),
        _ => kind,
    }
}

/// Runs the laptop until it is killed as a step begins. Returns what it had said; none where it came to its end.
pub fn run_until(step: &Step, arguments: &[&str]) -> Option<String> {
    let output = killed(step, arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Without `--seccomp-bpf`: with it, strace delivers no signal.
fn killed(step: &Step, arguments: &[&str]) -> Command {
    let mut command = strace();
    command
        .args(["-o", "/dev/null", "-e", &format!("trace={}", step.call)])
        .args(["-e", &format!("inject={}:signal=KILL:when={}", step.call, step.nth)])
        .arg(laptop())
        .args(arguments);
    command
}

/// The digests that a laptop acknowledged, in order.
fn acknowledged(said: &str) -> Vec<String> {
    // A line that the kill cut short was not heard.
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| line.strip_prefix("ack ")?.split(' ').nth(1).map(str::to_owned)).collect()
}

/// Part of a shift that is run again and again, and killed at another step each time.
struct Stretch {
    before: Files,
    after: Files,
    digests: Vec<String>,
    steps: Vec<Step>,
    arguments: [String; 3],
    /// What is done before the first line, after it, and so on.
    deeds: Vec<String>,
}

impl Stretch {
    fn of(before: Files, seed: u64, from: u64, to: u64, opening: &str) -> Self {
        let place = scratch();
        let folder = place.path().join("profile");
        put_files(&folder, &before);
        let arguments = [seed.to_string(), from.to_string(), to.to_string()];
        let (said, steps) = steps(&folder, FATAL, &Self::command(&folder, &arguments));
        let deeds = [opening.to_owned()]
            .into_iter()
            .chain((from..to).map(|step| format!("{:?}", Deed::of(seed, step))))
            .chain(["closing".to_owned()])
            .collect();
        Self { before, after: files_in(&folder), digests: acknowledged(&said), steps, arguments, deeds }
    }

    fn command<'a>(folder: &'a Path, arguments: &'a [String; 3]) -> [&'a str; 5] {
        let [seed, from, to] = arguments;
        ["work", folder.to_str().unwrap(), seed, from, to]
    }

    fn name(&self, step: &Step) -> String {
        let deed = self.deeds.get(step.said).map_or("closing", String::as_str);
        format!("{deed}: {} {}", step.call, step.about)
    }

    /// The steps to be killed at: the first of each new name and the last of each name, then as many as chance has it.
    fn chosen(&self, known: &BTreeMap<String, usize>, most: usize, chance: &mut Chance) -> Vec<&Step> {
        let mut ends: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (at, step) in self.steps.iter().enumerate() {
            ends.entry(self.name(step)).or_insert((at, at)).1 = at;
        }
        let fresh = ends.iter().filter(|(name, _)| !known.contains_key(*name));
        let mut chosen: BTreeSet<usize> = fresh.flat_map(|(_, (first, last))| [*first, *last]).collect();
        while chosen.len() < most.min(self.steps.len()) {
            chosen.insert(chance.below(self.steps.len()));
        }
        chosen.into_iter().filter_map(|at| self.steps.get(at)).collect()
    }

    /// Kills it at a step and looks at what is left. None where it was not killed.
    fn kill_at(&self, step: &Step, founded: bool, and_go_on: bool) -> Option<Result<(), String>> {
        let place = scratch();
        let folder: PathBuf = place.path().join("profile");
        put_files(&folder, &self.before);
        let said = run_until(step, &Self::command(&folder, &self.arguments))?;
        let done = acknowledged(&said).len();
        if acknowledged(&said) != self.digests[..done] {
            return Some(Err("a shift that is repeated acknowledges something else: the story cannot tell".to_owned()));
        }
        let allowed = match done {
            // Opening changes nothing of what is there; founding does.
            0 => founded.then(|| &self.digests[..1]),
            _ => Some(&self.digests[done - 1..self.digests.len().min(done + 1)]),
        };
        let looked = look(&folder, allowed, and_go_on);
        let rests: Vec<_> = names_in(&folder).into_iter().filter(|path| is_rest(path)).collect();
        let looked =
            looked.and_then(|()| if rests.is_empty() { Ok(()) } else { Err(format!("left behind: {rests:?}")) });
        Some(looked.map_err(|why| format!("killed at {} {} of {}: {why}", step.nth, step.call, step.about)))
    }
}

/// What was begun and not finished. Of a copy that was begun, the next copy clears the rest away; of the key check, the
/// next time it is written.
fn is_rest(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".new") && !path.starts_with("backups") && path != Path::new("key-check.new")
}

#[derive(Default)]
struct Tally {
    kills: usize,
    /// Kills of each named step; none where the process came to its end before it.
    names: BTreeMap<String, usize>,
    failures: Vec<String>,
}

impl Tally {
    fn deeds(&self) -> BTreeSet<&str> {
        self.names.keys().filter_map(|name| name.split(": ").next()).collect()
    }
}

fn kill_at_each(stretch: &Stretch, steps: &[&Step], founded: bool, patience: &Patience, tally: &Mutex<Tally>) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(step) = steps.get(at).filter(|_| patience.is_left()) else { return };
                    let looked = stretch.kill_at(step, founded, at.is_multiple_of(6));
                    let mut tally = tally.lock().unwrap();
                    let times = tally.names.entry(stretch.name(step)).or_default();
                    *times += usize::from(looked.is_some());
                    tally.kills += usize::from(looked.is_some());
                    tally.failures.extend(looked.and_then(Result::err));
                }
            });
        }
    });
}

fn tell(name: &str, tally: &Tally) {
    let missed: Vec<&String> = tally.names.iter().filter(|(_, times)| **times == 0).map(|(name, _)| name).collect();
    println!("{} named steps of {}: {:?}", tally.names.len(), tally.deeds().len(), tally.deeds());
    figure(name, tally.kills, tally.failures.len());
    for failure in tally.failures.iter().take(20) {
        println!("{failure}");
    }
    assert!(tally.failures.is_empty(), "{} kills lost something", tally.failures.len());
    assert!(missed.is_empty(), "never killed at {missed:?}");
}

#[test]
fn killed_at_any_call_that_touches_a_file_the_laptop_has_all_it_acknowledged_once_and_whole() {
    let (patience, most) = (Patience::until_counted(), 2000);
    let tally = Mutex::new(Tally::default());
    let mut seed = first_seed();
    let mut chance = Chance::of(seed, 3);
    let (mut files, mut from) = (Files::new(), 0);
    while patience.is_left() && (tally.lock().unwrap().kills < most || Patience::is_soaking()) {
        let to = from + if from == 0 { 1 } else { 4 };
        let stretch = Stretch::of(files, seed, from, to, if from == 0 { "founding" } else { "opening" });
        let steps = stretch.chosen(&tally.lock().unwrap().names, STRETCH, &mut chance);
        kill_at_each(&stretch, &steps, from > 0, &patience, &tally);
        // Past a few days, a new profile: what is done once at its making is killed again as well.
        (files, from) = (stretch.after, to);
        if from > 60 {
            (files, from, seed) = (Files::new(), 0, seed + 1);
        }
    }
    let tally = tally.into_inner().unwrap();
    tell("kill -9 at every call that touches a file: kills", &tally);
    assert!(tally.kills >= most || Patience::is_soaking(), "{} kills are no proof", tally.kills);
    assert_eq!(tally.deeds().len(), Deed::COUNT + 3, "everything that a shift does was killed: {:?}", tally.deeds());
}

/// Kills of one stretch, beside those at names that are new.
const STRETCH: usize = 64;

#[test]
fn killed_at_any_step_of_a_migration_yesterdays_laptop_opens_with_all_that_was_on_it() {
    let yesterday = crate::fixture::files();
    let stretch = Stretch::of(yesterday, 0, 0, 0, "migrating");
    let tally = Mutex::new(Tally::default());
    let steps: Vec<&Step> = stretch.steps.iter().collect();
    kill_at_each(&stretch, &steps, true, &Patience::until_counted(), &tally);
    let tally = tally.into_inner().unwrap();
    tell("kill -9 at every step of a migration: kills", &tally);
    assert!(tally.kills > 30 && tally.names.keys().any(|name| name.contains("backups/")), "it was migrated");
}
