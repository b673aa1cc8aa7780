//! `simulate`: runs seeds, repeats one, tries the controls, or goes on for as long as one likes.

use std::process::ExitCode;

use clap::Parser;

mod command;

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
