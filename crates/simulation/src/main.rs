//! `simulate`: runs seeds, repeats one, tries the controls, or goes on for as long as one likes.

use std::process::ExitCode;

use clap::Parser;

mod command;
mod record;

/// A month is some ten million small allocations, most of them SQLite's.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match command::run(&command::Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
