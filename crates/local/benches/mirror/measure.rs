//! Times, lines of the table and peak memory, for this benchmark and for the one of `tests/benches`.
//!
//! Every part runs in a process of its own, so that its peak of memory is its own. Nothing here fails because of a figure.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A named part and what it does.
pub type Part = (&'static str, fn(&mut Book));

/// Tells the child process which part it is.
const PART: &str = "CLARA_BENCH_PART";

/// One line of the table, as it is printed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    pub work: String,
    pub ours: String,
    pub floor: String,
    pub ratio: String,
    pub target: String,
    pub verdict: String,
}

/// What a part leaves for the report.
#[derive(Debug, Serialize, Deserialize)]
pub enum Entry {
    Line(Line),
    Memory { part: String, before_mb: f64, peak_mb: f64, at_most_mb: Option<f64> },
    Note(String),
}

/// Takes down what a part finds.
pub struct Book {
    file: File,
    resettable: bool,
    before_mb: f64,
}

/// Several runs of the same work.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Runs it once more and keeps the time.
    pub fn run<T>(&mut self, act: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = act();
        self.0.push(begun.elapsed());
        done
    }

    pub fn push(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The time that this share of the runs stayed within, in milliseconds.
    pub fn at(&self, share: f64) -> f64 {
        let mut all = self.0.clone();
        all.sort();
        let index = ((all.len().saturating_sub(1)) as f64 * share).round() as usize;
        all.get(index).map_or(f64::NAN, |took| took.as_secs_f64() * 1000.0)
    }

    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// Median and, where there are enough runs for it, p99.
    pub fn words(&self) -> String {
        if self.0.len() >= 100 {
            format!("{} (p99 {})", milliseconds(self.median()), milliseconds(self.at(0.99)))
        } else {
            milliseconds(self.median())
        }
    }
}

/// A duration as a person writes it.
pub fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms >= 10_000.0 => format!("{:.1} s", ms / 1000.0),
        ms if ms >= 1000.0 => format!("{:.2} s", ms / 1000.0),
        ms if ms >= 100.0 => format!("{ms:.0} ms"),
        ms if ms >= 10.0 => format!("{ms:.1} ms"),
        ms if ms >= 1.0 => format!("{ms:.2} ms"),
        ms => format!("{:.0} µs", ms * 1000.0),
    }
}

impl Line {
    pub fn new(work: &str, ours: impl Into<String>) -> Self {
        let empty = || "–".to_owned();
        Self { work: work.into(), ours: ours.into(), floor: empty(), ratio: empty(), target: empty(), verdict: empty() }
    }

    /// Times beside their floor.
    pub fn times(work: &str, ours: &Times, floor_is: &str, floor: &Times) -> Self {
        let mut line = Self::new(work, ours.words());
        line.floor = format!("{} {floor_is}", floor.words());
        line.ratio = format!("{:.2}×", ours.median() / floor.median());
        line
    }

    /// What is aimed at, and whether it was reached.
    pub fn target(mut self, target: &str, meets: bool) -> Self {
        self.target = target.to_owned();
        self.verdict = if meets { "meets" } else { "misses" }.to_owned();
        self
    }
}

impl Book {
    pub fn line(&mut self, line: Line) {
        eprintln!(
            "    {}: {}; floor {}; {}; {}; {}",
            line.work, line.ours, line.floor, line.ratio, line.target, line.verdict
        );
        self.add(&Entry::Line(line));
    }

    /// A sentence that belongs under the table.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        eprintln!("    {text}");
        self.add(&Entry::Note(text));
    }

    /// From here on memory counts: what came before was preparation.
    pub fn memory_from_here(&mut self) {
        // 5 resets the peak; where that is not allowed the peak of the whole process is told.
        self.resettable = std::fs::write("/proc/self/clear_refs", "5").is_ok();
        self.before_mb = status_mb("VmRSS");
    }

    /// Up to here.
    pub fn memory_to_here(&mut self, what: &str, at_most_mb: Option<f64>) {
        let part = if self.resettable { what.to_owned() } else { format!("{what}, preparation included") };
        let (before_mb, peak_mb) = (self.before_mb, status_mb("VmHWM"));
        eprintln!("    memory, {part}: {peak_mb:.0} MB at most, {before_mb:.0} MB before");
        self.add(&Entry::Memory { part, before_mb, peak_mb, at_most_mb });
    }

    fn add(&mut self, entry: &Entry) {
        let mut text = serde_json::to_string(entry).unwrap();
        text.push('\n');
        self.file.write_all(text.as_bytes()).unwrap();
    }
}

fn status_mb(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}

/// Whether this process is one part of a run.
pub fn is_part() -> bool {
    std::env::var_os(PART).is_some()
}

/// Where both benchmarks leave their entries.
pub fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("figures");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Everything found so far, in the order of the parts' names given.
pub fn entries(parts: &[&str]) -> Vec<Entry> {
    let read = |part: &&str| std::fs::read_to_string(folder().join(part)).unwrap_or_default();
    parts
        .iter()
        .flat_map(|part| read(part).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
        .collect()
}

/// Runs the parts one after the other, each in a process of its own; `cargo bench … -- NAME` runs only those. Fails
/// where one did not come to its end, never because of what it found.
pub fn run(parts: &[Part]) -> ExitCode {
    if let Ok(name) = std::env::var(PART) {
        let (part, act) = parts.iter().find(|(part, _)| *part == name).unwrap();
        let file = OpenOptions::new().create(true).append(true).open(folder().join(part)).unwrap();
        act(&mut Book { file, resettable: false, before_mb: 0.0 });
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut all_ended = true;
    for (part, _) in parts {
        let _ = std::fs::remove_file(folder().join(part));
        if !wanted.is_empty() && !wanted.iter().any(|name| name == part) {
            continue;
        }
        let begun = Instant::now();
        eprintln!("==> {part}");
        let status = Command::new(std::env::current_exe().unwrap()).env(PART, part).status().unwrap();
        eprintln!("    {:.0} s", begun.elapsed().as_secs_f64());
        all_ended &= status.success();
    }
    if all_ended { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The report as Markdown, which is also what is printed.
pub fn report(entries: &[Entry]) -> String {
    let mut rows = vec![["Work", "Ours", "Floor", "Ratio", "Target", ""].map(str::to_owned)];
    let mut memory = vec![["Part", "Before", "At most", "Target", ""].map(str::to_owned)];
    let mut notes = String::new();
    for entry in entries {
        match entry {
            Entry::Line(l) => {
                rows.push([&l.work, &l.ours, &l.floor, &l.ratio, &l.target, &l.verdict].map(Clone::clone))
            }
            Entry::Memory { part, before_mb, peak_mb, at_most_mb } => {
                // Measured in every run of the same part: the last is told, whose heap is the fullest.
                memory.retain(|row: &[String; 5]| row[0] != *part);
                let target = at_most_mb.map_or("–".to_owned(), |most| format!("≤ {most:.0} MB"));
                let verdict = at_most_mb.map_or("–", |most| if *peak_mb <= most { "meets" } else { "misses" });
                memory.push([
                    part.clone(),
                    format!("{before_mb:.0} MB"),
                    format!("{peak_mb:.0} MB"),
                    target,
                    verdict.to_owned(),
                ]);
            }
            Entry::Note(text) => writeln!(notes, "- {text}").unwrap(),
        }
    }
    format!(
        "{}\nResident memory of the process that does the work, before and at its peak:\n\n{}\n{notes}",
        table(&rows),
        table(&memory)
    )
}

fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            write!(text, "| {cell:width$} ").unwrap();
        }
        text.push_str("|\n");
        if number == 0 {
            for width in widths {
                write!(text, "|{}", "-".repeat(width + 2)).unwrap();
            }
            text.push_str("|\n");
        }
    }
    text
}
