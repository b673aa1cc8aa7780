//! Figures of the whole road between a laptop and the server, each beside its floor in the same run: the real engine, a
//! real mirror, a private PostgreSQL over TLS with row security. Prints the table, with what the benchmark of
//! `crates/local` found before it, and writes `docs/figures.md`. `make bench` runs both.
#![allow(clippy::unwrap_used, missing_docs)]

mod first_sync;
mod floor;
#[path = "../../../crates/local/benches/mirror/measure.rs"]
mod measure;
mod photos;
mod pull;
mod push;

use std::process::ExitCode;

const PARTS: [measure::Part; 4] =
    [("first_sync", first_sync::part), ("pull", pull::part), ("push", push::part), ("photos", photos::part)];
/// Those of the other benchmark, in the order of the table.
const OTHERS: [&str; 3] = ["save", "search", "completeness"];

fn main() -> ExitCode {
    let ended = measure::run(&PARTS);
    if measure::is_part() {
        return ended;
    }
    let order: Vec<&str> = OTHERS.into_iter().chain(PARTS.map(|(part, _)| part)).collect();
    let table = measure::report(&measure::entries(&order));
    println!("\n{table}");
    let whole = order.iter().all(|part| measure::folder().join(part).is_file());
    if whole && ended == ExitCode::SUCCESS {
        let text = format!("{}\n{}\n\n{table}", HEAD, machine());
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/figures.md"), text).unwrap();
    }
    ended
}

const HEAD: &str = "\
# Figures

Written by `make bench`; do not edit. Every figure stands beside a floor measured in the same run, the two taking turns:
the least that the same bytes cost without what this program adds to them. Figures are medians. The ratio says something
about the program, the times alone something about the machine and what else it was doing.

The server is a private PostgreSQL on the same machine, over verified TLS, with row-level security, and without `fsync`
(its acknowledged transactions survive a crash of the server, not of the machine); floors on the server run on the same
one. The laptop's side is as in the app: encrypted, durable at every save.
";

fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map_or("", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let day = chrono::Utc::now().format("%Y-%m-%d");
    format!("Measured {day} on {cores} × {}; load of the machine at the end of the run: {load}.", name.trim())
}
