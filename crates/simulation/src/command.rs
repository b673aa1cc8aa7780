//! The command line: what to run, and what to say about it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use clara_simulation::coverage::Coverage;
use clara_simulation::fault::{Fault, lock};
use clara_simulation::story::Story;
use clara_simulation::{Control, Outcome, World, shrink};

use crate::record::{Kind, Record};

/// Tries the laptops' sync on a month of everything that can go wrong.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// The seeds to run: one, or a range as in 0..2000.
    #[arg(long, default_value = "0..50")]
    seeds: String,
    /// Laptops of each run.
    #[arg(long, default_value_t = 5)]
    laptops: usize,
    /// Days of each run.
    #[arg(long, default_value_t = 30)]
    days: i64,
    /// Runs at the same time.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Breaks something on purpose; succeeds if that is noticed. `all` for every control.
    #[arg(long)]
    control: Option<String>,
    /// Repeats one seed and prints its story, shortened as far as it still fails.
    #[arg(long)]
    replay: Option<u64>,
    /// Goes on with new seeds for so many seconds.
    #[arg(long)]
    soak: Option<u64>,
    /// Prints every step of a repeated seed, not only the shortest story.
    #[arg(long)]
    steps: bool,
    /// Fails if two kinds of operation never met, under some fault.
    #[arg(long)]
    coverage: bool,
    /// Runs each seed once and not twice.
    #[arg(long)]
    once: bool,
    /// Ends at the first failure.
    #[arg(long)]
    fail_fast: bool,
    /// Adds the seeds to what this file says of those before, and goes on where it ends.
    #[arg(long, requires = "commit", conflicts_with = "control")]
    record: Option<PathBuf>,
    /// What the program was built from, for the record.
    #[arg(long)]
    commit: Option<String>,
    /// Goes on with a record that another commit began; it names both.
    #[arg(long)]
    also_commit: bool,
    /// Prints a record as a table, and runs nothing.
    #[arg(long)]
    table: Option<PathBuf>,
}

/// Where the laptops' files lie: in memory where there is such a place.
struct Place {
    _folder: tempfile::TempDir,
    template: PathBuf,
    homes: PathBuf,
}

impl Place {
    fn new() -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
        let (template, homes) = (folder.path().join("template"), folder.path().join("runs"));
        clara_simulation::template(&template, chrono::DateTime::from_timestamp(1_772_000_000, 0).unwrap_or_default())?;
        Ok(Self { _folder: folder, template, homes })
    }

    fn run(&self, story: &Story, broken: Option<Control>) -> io::Result<Outcome> {
        self.tell(story, broken, |world| world.run(story))
    }

    fn tell(&self, story: &Story, broken: Option<Control>, run: impl FnOnce(World) -> Outcome) -> io::Result<Outcome> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let home = self.homes.join(NUMBER.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir_all(&home)?;
        let outcome = World::new(story, &home, &self.template, broken).map(run);
        std::fs::remove_dir_all(&home)?;
        outcome
    }
}

#[derive(Default)]
struct Sum {
    seeds: u64,
    steps: u64,
    syncs: (u64, u64),
    errors: BTreeMap<String, u64>,
    faults: BTreeMap<Fault, u64>,
    coverage: Coverage,
    failures: Vec<(u64, String)>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.seeds += 1;
        self.steps += outcome.steps as u64;
        self.syncs.0 += u64::from(outcome.syncs.0);
        self.syncs.1 += u64::from(outcome.syncs.1);
        for (fault, times) in &outcome.faults {
            *self.faults.entry(*fault).or_default() += u64::from(*times);
        }
        for (error, times) in &outcome.errors {
            *self.errors.entry(error.clone()).or_default() += u64::from(*times);
        }
        self.coverage.join(&outcome.coverage);
        if let Some((step, violation)) = &outcome.violation {
            self.failures.push((seed, format!("after step {step}: {violation}")));
        }
    }

    fn print(&self, elapsed: Duration) {
        println!(
            "{} seeds, {} steps, {} syncs went through and {} did not, {:.0} s",
            self.seeds,
            self.steps,
            self.syncs.0,
            self.syncs.1,
            elapsed.as_secs_f64()
        );
        for fault in Fault::ALL {
            println!("  {:24} {}", fault.word(), self.faults.get(fault).copied().unwrap_or(0));
        }
        println!("syncs that did not go through:");
        for (error, times) in &self.errors {
            println!("  {times:8} {error}");
        }
        println!("{} failures", self.failures.len());
        for (seed, violation) in self.failures.iter().take(20) {
            println!("  seed {seed} {violation}");
        }
    }
}

/// Does what the arguments say. Returns whether all was well.
///
/// # Errors
/// Where files cannot be made, or an argument cannot be read.
pub fn run(arguments: &Arguments) -> io::Result<bool> {
    if let Some(path) = &arguments.table {
        print!("{}", Record::look(path)?.table());
        return Ok(true);
    }
    let place = Place::new()?;
    if let Some(seed) = arguments.replay {
        return replay(&place, arguments, seed);
    }
    if let Some(word) = &arguments.control {
        return controls(&place, arguments, word);
    }
    let mut seeds = range(&arguments.seeds)?;
    let mut record = recorded(arguments, seeds.start)?;
    if let Some(record) = &record {
        seeds = record.left(&seeds);
    }
    let (begun, next, stop) = (Instant::now(), AtomicU64::new(seeds.start), AtomicBool::new(false));
    let (sum, recording) = (Mutex::new(Sum::default()), Mutex::new(record.as_mut()));
    let until = arguments.soak.map(Duration::from_secs);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.threads.max(1))
            .map(|_| {
                scope.spawn(|| -> io::Result<()> {
                    while !stop.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        match until {
                            Some(until) if begun.elapsed() > until => break,
                            None if seed >= seeds.end => break,
                            _ => {}
                        }
                        let outcome = twice(&place, arguments, seed)?;
                        if let Some(record) = lock(&recording).as_mut() {
                            record.add(seed, &outcome, begun.elapsed())?;
                        }
                        let mut sum = lock(&sum);
                        sum.add(seed, &outcome);
                        if arguments.fail_fast && !sum.failures.is_empty() {
                            stop.store(true, Ordering::Relaxed);
                        }
                        if sum.seeds.is_multiple_of(500) {
                            println!(
                                "… {} seeds, {} failures, {:.0} s",
                                sum.seeds,
                                sum.failures.len(),
                                begun.elapsed().as_secs_f64()
                            );
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a run panicked"))))
    })?;
    let sum = lock(&sum);
    sum.print(begun.elapsed());
    let tally = sum.coverage.tally();
    let met = tally.cells - tally.empty.len();
    println!("{met} of {} meetings of two kinds of operation under a fault", tally.cells);
    let told = if arguments.coverage { 60 } else { 0 };
    tally.empty.iter().take(told).for_each(|cell| println!("  never: {cell}"));
    tally.rare.iter().take(told).for_each(|(runs, cell)| println!("  in {runs} runs: {cell}"));
    let clean = match record {
        Some(record) => record.close(begun.elapsed())?.is_clean(),
        None => sum.failures.is_empty(),
    };
    if let Some((seed, _)) = sum.failures.iter().min() {
        println!("shortest story of seed {seed}:");
        replay(&place, arguments, *seed)?;
    }
    Ok(clean && (!arguments.coverage || tally.empty.is_empty()))
}

fn recorded(arguments: &Arguments, first: u64) -> io::Result<Option<Record>> {
    let (Some(path), Some(commit)) = (&arguments.record, &arguments.commit) else { return Ok(None) };
    let kind = Kind { laptops: arguments.laptops, days: arguments.days, twice: !arguments.once };
    Record::open(path, kind, first, commit, arguments.also_commit).map(Some)
}

/// Every seed twice: what differs from run to run cannot be repeated, and is a failure.
fn twice(place: &Place, arguments: &Arguments, seed: u64) -> io::Result<Outcome> {
    let story = Story::of(seed, arguments.laptops, arguments.days);
    let mut first = place.run(&story, None)?;
    if !arguments.once && first.violation.is_none() {
        let second = place.tell(&story, None, |world| world.repeat(&story))?;
        if first.hash != second.hash {
            let how =
                second.violation.map_or_else(String::new, |(step, found)| format!(", after step {step}: {found}"));
            first.violation = Some((first.steps, format!("two runs differ: {} and {}{how}", first.hash, second.hash)));
        }
    }
    Ok(first)
}

fn replay(place: &Place, arguments: &Arguments, seed: u64) -> io::Result<bool> {
    let broken = match arguments.control.as_deref() {
        Some(word) => Some(word.parse::<Control>().map_err(io::Error::other)?),
        None => None,
    };
    let story = Story::of(seed, arguments.laptops, arguments.days);
    let outcome = place.run(&story, broken)?;
    if arguments.steps {
        story.steps.iter().enumerate().for_each(|(number, step)| println!("{number:4} {step}"));
    }
    let Some((step, violation)) = &outcome.violation else {
        println!("seed {seed}: {} steps, nothing violated, state {}", outcome.steps, outcome.hash);
        return Ok(true);
    };
    println!("seed {seed}: after step {step}: {violation}");
    // The same rule, not the same words: they name rows.
    let rule = violation.split(':').next().unwrap_or_default().to_owned();
    let short = shrink(&story, *step, 400, |candidate| {
        place.run(candidate, broken).is_ok_and(|outcome| {
            outcome.violation.is_some_and(|(_, found)| found.split(':').next() == Some(rule.as_str()))
        })
    });
    println!("the shortest story that still breaks {rule}:");
    short.steps.iter().for_each(|step| println!("  {step}"));
    if let Some((_, found)) = place.run(&short, broken)?.violation {
        println!("  then: {found}");
    }
    Ok(false)
}

fn controls(place: &Place, arguments: &Arguments, word: &str) -> io::Result<bool> {
    let wanted: Vec<Control> = match word {
        "all" => Control::ALL.to_vec(),
        word => vec![word.parse().map_err(io::Error::other)?],
    };
    let seeds = range(&arguments.seeds)?;
    let mut all_caught = true;
    for control in wanted {
        let mut caught = None;
        for seed in seeds.clone() {
            let story = Story::of(seed, arguments.laptops, arguments.days);
            let outcome = place.run(&story, Some(control))?;
            // A seed that fails without the control as well says nothing about it.
            if let Some((_, violation)) = outcome.violation
                && place.run(&story, None)?.violation.is_none()
            {
                caught = Some((seed, violation));
                break;
            }
        }
        match caught {
            Some((seed, violation)) => {
                println!("{control:24} caught after {} seeds: {violation}", seed - seeds.start + 1);
            }
            None => {
                all_caught = false;
                println!("{control:24} NOT CAUGHT in {} seeds", seeds.end - seeds.start);
            }
        }
    }
    Ok(all_caught)
}

fn range(text: &str) -> io::Result<std::ops::Range<u64>> {
    let bad = |_| io::Error::other(format!("not a range of seeds: {text}"));
    match text.split_once("..") {
        Some((from, to)) => Ok(from.parse().map_err(bad)?..to.parse().map_err(bad)?),
        None => {
            let one: u64 = text.parse().map_err(bad)?;
            Ok(one..one + 1)
        }
    }
}
