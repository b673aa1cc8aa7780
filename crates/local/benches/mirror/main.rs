//! Figures of the mirror by itself, each beside a plain, unencrypted SQLite in the same run. `make bench` runs this first
//! and the benchmark of `tests/benches` after it, which prints the table.
#![allow(clippy::unwrap_used, missing_docs)]

mod cache;
mod completeness;
mod data;
#[allow(dead_code, reason = "the report is for the other benchmark")]
mod measure;
mod save;
mod search;

fn main() -> std::process::ExitCode {
    measure::run(&[("save", save::part), ("search", search::part), ("completeness", completeness::part)])
}
