//! `clara`: the use cases of Clara Field without a window, and what the office runs on the central side.

mod arguments;
mod central;
mod completeness;
mod conflicts;
mod demo;
mod device;
mod equipment;
mod error;
mod inspection;
mod job;
mod output;
mod profile;
mod rescue;
mod secret;
mod specs;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Noun};
use crate::error::Error;
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log();
    let output = Output::new(arguments.json);
    match run(&arguments, &output) {
        Ok(code) => code,
        Err(error) => output.failed(&error),
    }
}

fn run(arguments: &Arguments, output: &Output) -> Result<ExitCode, Error> {
    let profile = || profile::open(arguments);
    match &arguments.noun {
        Noun::Device(verb) => device::run(verb, arguments, output),
        Noun::Job(verb) => job::run(verb, &profile()?, output),
        Noun::Inspection(verb) => inspection::run(verb, &profile()?, output),
        Noun::Equipment(verb) => equipment::run(verb, &profile()?, output),
        Noun::Specs(verb) => specs::run(verb, &profile()?, output),
        Noun::Completeness(asked) => completeness::run(asked, &profile()?, output),
        Noun::Conflicts(verb) => conflicts::run(verb, &profile()?, output),
        Noun::Parked(verb) => conflicts::run_parked(verb, &profile()?, output),
        Noun::Rescue(verb) => rescue::run(verb, arguments, output),
        Noun::Central(asked) => central::run(asked, output),
        Noun::Call(asked) => profile::call(asked, &profile()?, output),
        Noun::Demo(asked) => demo::run(asked, output),
    }
}

/// The log goes to standard error, and only where `CLARA_LOG` asks for it.
fn log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("CLARA_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
