//! The process is killed at every call by which it touches its files: the operating system's own list of steps, so that
//! none is left out and none needs a name in the product. `strace` delivers the signal as the n-th call of a kind begins.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::figure::{Patience, figure, first_seed, laptop};
use crate::look::look;
use crate::trace::{Files, files_in, put_files, scratch, strace};

/// The calls that change something, or tell somebody that it was changed.
pub const FATAL: &str = "openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,mkdir";

/// The n-th call of a kind, and what it is about.
#[derive(Debug, Clone)]
pub struct Step {
    pub call: String,
    pub nth: usize,
    pub about: String,
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
    let (mut steps, mut begun) = (Vec::new(), false);
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
            ("write", None) if handle == "1" => Some("standard output".to_owned()),
            _ => handles.get(&handle).cloned().or_else(|| calls.contains("sendto").then(|| "socket".to_owned())),
        };
        if let (true, Some(about)) = (begun, about) {
            steps.push(Step { call: call.to_owned(), nth: *nth, about });
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
}

impl Stretch {
    fn of(before: Files, seed: u64, from: u64, to: u64) -> Self {
        let place = scratch();
        let folder = place.path().join("profile");
        put_files(&folder, &before);
        let arguments = [seed.to_string(), from.to_string(), to.to_string()];
        let (said, steps) = steps(&folder, FATAL, &Self::command(&folder, &arguments));
        Self { before, after: files_in(&folder), digests: acknowledged(&said), steps, arguments }
    }

    fn command<'a>(folder: &'a Path, arguments: &'a [String; 3]) -> [&'a str; 5] {
        let [seed, from, to] = arguments;
        ["work", folder.to_str().unwrap(), seed, from, to]
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
        let rests: Vec<_> = files_in(&folder).into_keys().filter(|path| is_rest(path)).collect();
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
    places: BTreeSet<String>,
    failures: Vec<String>,
}

fn kill_at_every_step(stretch: &Stretch, founded: bool, patience: &Patience, most: usize, tally: &Mutex<Tally>) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let enough = tally.lock().unwrap().kills >= most && !Patience::is_soaking();
                    let Some(step) = stretch.steps.get(at).filter(|_| patience.is_left() && !enough) else { return };
                    let Some(looked) = stretch.kill_at(step, founded, at.is_multiple_of(6)) else { continue };
                    let mut tally = tally.lock().unwrap();
                    tally.kills += 1;
                    tally.places.insert(format!("{} {}", step.call, step.about));
                    tally.failures.extend(looked.err());
                }
            });
        }
    });
}

fn tell(name: &str, tally: &Tally) {
    println!("{} places: {}", tally.places.len(), tally.places.iter().cloned().collect::<Vec<_>>().join(", "));
    figure(name, tally.kills, tally.failures.len());
    for failure in tally.failures.iter().take(20) {
        println!("{failure}");
    }
    assert!(tally.failures.is_empty(), "{} kills lost something", tally.failures.len());
}

#[test]
fn killed_at_any_call_that_touches_a_file_the_laptop_has_all_it_acknowledged_once_and_whole() {
    let (patience, most) = (Patience::of_seconds(480), 2000);
    let tally = Mutex::new(Tally::default());
    let mut seed = first_seed();
    let (mut files, mut from) = (Files::new(), 0);
    while patience.is_left() && (tally.lock().unwrap().kills < most || Patience::is_soaking()) {
        let to = from + if from == 0 { 1 } else { 4 };
        let stretch = Stretch::of(files, seed, from, to);
        kill_at_every_step(&stretch, from > 0, &patience, most, &tally);
        // Past a few days, a new profile: what is done once at its making is killed again as well.
        (files, from) = (stretch.after, to);
        if from > 60 {
            (files, from, seed) = (Files::new(), 0, seed + 1);
        }
    }
    let tally = tally.into_inner().unwrap();
    tell("kill -9 at every call that touches a file: kills", &tally);
    assert!(tally.kills > 300, "{} kills are no proof", tally.kills);
    assert!(tally.places.len() > 20, "the kills reach every place");
}

#[test]
fn killed_at_any_step_of_a_migration_yesterdays_laptop_opens_with_all_that_was_on_it() {
    let yesterday = crate::fixture::files();
    let stretch = Stretch::of(yesterday, 0, 0, 0);
    let tally = Mutex::new(Tally::default());
    let patience = Patience::of_seconds(120);
    kill_at_every_step(&stretch, true, &patience, usize::MAX, &tally);
    let tally = tally.into_inner().unwrap();
    tell("kill -9 at every step of a migration: kills", &tally);
    assert!(tally.kills > 30 && tally.places.iter().any(|place| place.contains("backups/")), "it was migrated");
}
