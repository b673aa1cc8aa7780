//! The app in a process of its own, as the window and `clara` start it: commands come in on standard input, one JSON to
//! a line, and answers go out the same way. What is logged goes to standard error, all of it.

use std::io::{BufRead as _, Read as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clara_app::photos::intake::take_in;
use clara_app::{App, Options};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(std::io::stderr)
        .init();
    match std::env::args().nth(1) {
        Some(word) if word == "intake" => intake(),
        Some(profile) => converse(&App::new(Options { background: false, ..Options::here(PathBuf::from(profile)) })),
        None => Err(std::io::Error::other("a profile's folder, or `intake`")),
    }
}

#[allow(clippy::disallowed_methods, reason = "the end in the middle of work is what is looked at")]
fn converse(app: &App) -> std::io::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let answer = match asked["command"].as_str().unwrap_or_default() {
            // The process ends itself as a failed assertion in a library would, while another thread is at work.
            "abort_while_saving" => {
                let again = app.clone();
                std::thread::spawn(move || {
                    loop {
                        let _ = again.call("save_inspection", asked["request"].clone());
                    }
                });
                std::thread::sleep(Duration::from_millis(300));
                std::process::abort()
            }
            command => match app.call(command, asked["request"].clone()) {
                Ok(answer) => json!({"ok": answer}),
                Err(failure) => json!({"failed": failure}),
            },
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    // As the window and `clara` do: the end of a process takes the ground from under threads that are still at work.
    app.close();
    Ok(())
}

/// Frames of length and bytes, each taken in as a photo; a line about each, and at the end how much memory it took.
fn intake() -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut out = std::io::stdout().lock();
    let here = chrono::FixedOffset::east_opt(0).ok_or_else(|| std::io::Error::other("no zone"))?;
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut file = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut file)?;
        let began = Instant::now();
        let taken = take_in(&file, here);
        let word = match &taken {
            Ok(picture) => format!("kept {}x{} {}", picture.width, picture.height, picture.bytes.len()),
            Err(unfit) => format!("refused {}", unfit.sentence()),
        };
        writeln!(out, "{} {word}", began.elapsed().as_millis())?;
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default().trim();
    writeln!(out, "peak {peak}")?;
    out.flush()
}
