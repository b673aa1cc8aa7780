//! One laptop in a process of its own, for tests/storage to trace and to kill. It says `ack <step> <digest>` on its
//! standard output after every step that was reported as saved: what was acknowledged is what stands there.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clara_tests::Content;
use clara_tests::errand::Errand;
use clara_tests::shift::Shift;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["work", folder, seed, from, to] => work(Path::new(folder), seed, from, to),
        ["show", folder, from] => show(Path::new(folder), from),
        ["sync", folder, errand] => sync(Path::new(folder), Path::new(errand)),
        _ => Err("clara-tests-laptop work <folder> <seed> <from> <to> | show <folder> <from> | sync <folder> <errand>"
            .into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:?}");
            ExitCode::FAILURE
        }
    }
}

/// Opens, founds the profile where there is none, and works through some steps.
fn work(folder: &Path, seed: &str, from: &str, to: &str) -> Result<(), Box<dyn Error>> {
    let (seed, from, to): (u64, u64, u64) = (seed.parse()?, from.parse()?, to.parse()?);
    let (mut shift, _) = Shift::open(folder, seed, from)?;
    shift.found()?;
    acknowledge(&shift, from)?;
    for step in from..to {
        shift.step(step)?;
        acknowledge(&shift, step + 1)?;
    }
    Ok(())
}

/// Prints everything that the profile holds: what is kept beside the profile of an old version for later ones to compare.
fn show(folder: &Path, from: &str) -> Result<(), Box<dyn Error>> {
    let (shift, _) = Shift::open(folder, 0, from.parse()?)?;
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&Content::of(shift.mirror()?)?)?)?)
}

fn acknowledge(shift: &Shift, steps: u64) -> Result<(), Box<dyn Error>> {
    // Looked at before it is acknowledged: looking only reads.
    let digest = Content::of(shift.mirror()?)?.digest();
    Ok(writeln!(std::io::stdout(), "ack {steps} {digest}")?)
}

/// Saves what the errand asks for and syncs with a real server.
fn sync(folder: &Path, errand: &Path) -> Result<(), Box<dyn Error>> {
    let errand: Errand = serde_json::from_slice(&std::fs::read(errand)?)?;
    errand.run(folder, |id| writeln!(std::io::stdout(), "ack {id}"))
}
