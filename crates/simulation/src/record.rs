//! What many calls together have come to: a small file that the next call goes on with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clara_simulation::Outcome;
use clara_simulation::fault::Fault;
use serde::{Deserialize, Serialize};

/// What a stop takes with it, at most, is what was done in this time: it is done again.
const SAVED_EVERY: Duration = Duration::from_secs(1);

/// What a run is like; seeds of different kinds are not added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// Laptops of each run.
    pub laptops: usize,
    /// Days of each run.
    pub days: i64,
    /// Each seed twice, with equal hashes.
    pub twice: bool,
}

/// Seeds that one version of the program was tried with.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    commit: String,
    from: u64,
}

/// A seed that did not go well.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Failure {
    seed: u64,
    step: usize,
    rule: String,
    found: String,
}

/// The sums of all seeds from the first up to the next.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sums {
    kind: Kind,
    first: u64,
    next: u64,
    parts: Vec<Part>,
    seconds: f64,
    steps: u64,
    syncs_through: u64,
    syncs_not_through: u64,
    faults: BTreeMap<String, u64>,
    failures: Vec<Failure>,
}

/// A record and its file.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    sums: Sums,
    /// Of seeds that have ended before an earlier one has.
    early: BTreeMap<u64, Outcome>,
    saved: Instant,
}

fn refuse<T>(why: String) -> io::Result<T> {
    Err(io::Error::other(why))
}

impl Record {
    /// Goes on with the record in a file, or begins one.
    ///
    /// # Errors
    /// Where the file cannot be used, or is of other runs than these: another first seed, another kind, or, unless
    /// `also` says that they may be added, another commit.
    pub fn open(path: &Path, kind: Kind, first: u64, commit: &str, also: bool) -> io::Result<Self> {
        let mut sums = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Sums {
                kind: kind.clone(),
                first,
                next: first,
                parts: Vec::new(),
                seconds: 0.0,
                steps: 0,
                syncs_through: 0,
                syncs_not_through: 0,
                faults: BTreeMap::new(),
                failures: Vec::new(),
            },
            Err(error) => return Err(error),
        };
        if sums.kind != kind {
            return refuse(format!("the record is of {:?}, and this would be {kind:?}", sums.kind));
        }
        if sums.first != first {
            return refuse(format!("the record begins with seed {}, and this would with {first}", sums.first));
        }
        let last = sums.parts.last().map(|part| part.commit.as_str());
        match last {
            Some(last) if last == commit => {}
            Some(last) if !also => {
                return refuse(format!(
                    "the record is of commit {last}, and this is {commit}: --also-commit adds them"
                ));
            }
            _ => sums.parts.push(Part { commit: commit.to_owned(), from: sums.next }),
        }
        let record = Self { path: path.to_owned(), sums, early: BTreeMap::new(), saved: Instant::now() };
        record.save(0.0)?;
        Ok(record)
    }

    /// The record in a file, to be looked at.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn look(path: &Path) -> io::Result<Self> {
        let sums = serde_json::from_slice(&std::fs::read(path)?)?;
        Ok(Self { path: path.to_owned(), sums, early: BTreeMap::new(), saved: Instant::now() })
    }

    /// The seeds of a range that are left.
    pub fn left(&self, seeds: &Range<u64>) -> Range<u64> {
        self.sums.next.min(seeds.end)..seeds.end
    }

    /// Adds how a seed ended; saves now and then. `elapsed`: since this call began.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn add(&mut self, seed: u64, outcome: &Outcome, elapsed: Duration) -> io::Result<()> {
        // Several run at a time. What is in the file has no gaps, or a later call would leave one out or do one twice.
        self.early.insert(seed, outcome.clone());
        while let Some(outcome) = self.early.remove(&self.sums.next) {
            self.sums.add(&outcome);
        }
        if self.saved.elapsed() >= SAVED_EVERY {
            self.save(elapsed.as_secs_f64())?;
            self.saved = Instant::now();
        }
        Ok(())
    }

    /// Saves at the end. What ended before an earlier seed that did not is left out, and done again.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn close(mut self, elapsed: Duration) -> io::Result<Self> {
        self.save(elapsed.as_secs_f64())?;
        self.sums.seconds += elapsed.as_secs_f64();
        Ok(self)
    }

    fn save(&self, elapsed: f64) -> io::Result<()> {
        let sums = Sums { seconds: self.sums.seconds + elapsed, ..self.sums.clone() };
        let beside = self.path.with_extension("new");
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(&sums)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }

    /// Whether no seed has failed, in this call or an earlier one.
    pub fn is_clean(&self) -> bool {
        self.sums.failures.is_empty()
    }

    /// As a page of the documentation has it.
    pub fn table(&self) -> String {
        let sums = &self.sums;
        let mut text = String::from("| | |\n|---|---:|\n");
        let mut line = |what: &str, value: String| {
            let _ = writeln!(text, "| {what} | {value} |");
        };
        let how = if sums.kind.twice { ", each twice with equal hashes" } else { ", each once" };
        line("seeds", format!("{} ({}..{}){how}", grouped(sums.next - sums.first), sums.first, sums.next));
        line("laptops × days of each", format!("{} × {}", sums.kind.laptops, sums.kind.days));
        line("steps", grouped(sums.steps));
        line("syncs that went through", grouped(sums.syncs_through));
        line("syncs that did not", grouped(sums.syncs_not_through));
        line("seeds that ended in a violation", grouped(sums.failures.len() as u64));
        line("hours", format!("{:.1}", sums.seconds / 3600.0));
        for (part, until) in sums.parts.iter().zip(sums.parts.iter().skip(1).map(|part| part.from).chain([sums.next])) {
            line(&format!("commit `{}`", part.commit), format!("seeds {}..{until}", part.from));
        }
        text.push_str("\n| fault | met |\n|---|---:|\n");
        for fault in Fault::ALL {
            let met = sums.faults.get(fault.word()).copied().unwrap_or(0);
            let _ = writeln!(text, "| {} | {} |", fault.word(), grouped(met));
        }
        if !sums.failures.is_empty() {
            text.push_str("\n| seed | after step | rule | what |\n|---:|---:|---|---|\n");
            for Failure { seed, step, rule, found } in &sums.failures {
                let found = found.replace('|', "\\|").replace('\n', " ");
                let _ = writeln!(text, "| {seed} | {step} | {rule} | {found} |");
            }
        }
        text
    }
}

impl Sums {
    fn add(&mut self, outcome: &Outcome) {
        self.steps += outcome.steps as u64;
        self.syncs_through += u64::from(outcome.syncs.0);
        self.syncs_not_through += u64::from(outcome.syncs.1);
        for (fault, times) in &outcome.faults {
            *self.faults.entry(fault.word().to_owned()).or_default() += u64::from(*times);
        }
        if let Some((step, found)) = &outcome.violation {
            let (rule, what) = found.split_once(':').unwrap_or(("none", found));
            self.failures.push(Failure {
                seed: self.next,
                step: *step,
                rule: rule.to_owned(),
                found: what.trim().chars().take(200).collect(),
            });
        }
        self.next += 1;
    }
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { laptops: 5, days: 30, twice: true };

    fn outcome(steps: usize, violation: Option<&str>) -> Outcome {
        let violation = violation.map(|found| (steps, found.to_owned()));
        Outcome { steps, violation, faults: BTreeMap::from([(Fault::Crash, 2)]), ..Outcome::default() }
    }

    #[test]
    fn a_call_that_was_stopped_is_gone_on_with_and_no_seed_counts_twice_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let mut record = Record::open(&path, KIND, 10, "aaa", false).unwrap();
        record.add(11, &outcome(7, Some("I2: gone")), Duration::ZERO).unwrap();
        record.add(10, &outcome(5, None), Duration::ZERO).unwrap();
        record.add(13, &outcome(100, None), Duration::ZERO).unwrap();
        // Seed 12 was under way when it was stopped: 13 is done again with it.
        record.close(Duration::from_secs(3600)).unwrap();

        let mut record = Record::open(&path, KIND, 10, "aaa", false).unwrap();
        assert_eq!(record.left(&(10..14)), 12..14);
        record.add(12, &outcome(1, None), Duration::ZERO).unwrap();
        record.add(13, &outcome(1, None), Duration::ZERO).unwrap();
        let record = record.close(Duration::from_secs(3600)).unwrap();
        assert_eq!(record.left(&(10..14)), 14..14);
        assert!(!record.is_clean(), "the failure of the first call is still one");
        let read = Record::look(&path).unwrap();
        assert_eq!(read.table(), record.table(), "the file says what the program says");
        for line in [
            "| seeds | 4 (10..14), each twice with equal hashes |",
            "| steps | 14 |",
            "| hours | 2.0 |",
            "| crash | 8 |",
            "| commit `aaa` | seeds 10..14 |",
            "| 11 | 7 | I2 | gone |",
        ] {
            assert!(read.table().contains(line), "{line} is not in:\n{}", read.table());
        }
    }

    #[test]
    fn seeds_of_another_kind_or_commit_are_not_added_up_unless_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let mut record = Record::open(&path, KIND, 0, "aaa", false).unwrap();
        record.add(0, &outcome(1, None), Duration::ZERO).unwrap();
        record.close(Duration::ZERO).unwrap();
        assert!(Record::open(&path, KIND, 0, "bbb", false).is_err(), "another commit");
        assert!(Record::open(&path, KIND, 5, "aaa", false).is_err(), "another first seed");
        assert!(Record::open(&path, Kind { twice: false, ..KIND }, 0, "aaa", false).is_err(), "each once");
        let mut record = Record::open(&path, KIND, 0, "bbb", true).unwrap();
        record.add(1, &outcome(1, None), Duration::ZERO).unwrap();
        let table = record.close(Duration::ZERO).unwrap().table();
        assert!(table.contains("| commit `aaa` | seeds 0..1 |\n| commit `bbb` | seeds 1..2 |"), "{table}");
    }

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
