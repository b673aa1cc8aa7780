//! Photo intake and files that are broken, or lie.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use crate::chance::Chance;
use crate::figure::{figure, scaled};
use crate::pictures::{hostile, right, spoilt};

/// The most memory that intake may take, whatever comes in.
const PEAK_KB: u64 = 600 * 1024;
/// The longest that one file may take, on a slow machine that does other things too, without optimisation.
const SLOWEST_MS: u64 = 20_000;

#[test]
fn thousands_of_broken_and_hostile_pictures_are_kept_or_refused_within_bounded_memory_and_time() {
    let count = scaled(2_200, 100_000);
    // Half a gigabyte above the limit of the promise: an allocation that runs away ends the process, and the story says so.
    let mut child = Command::new("bash")
        .args(["-c", "ulimit -v 1600000; exec \"$0\" intake"])
        .arg(env!("CARGO_BIN_EXE_clara-tests-person"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let names: Vec<&str> = hostile().iter().map(|(name, _)| *name).collect();
    let writer = std::thread::spawn(move || {
        let mut send = |file: &[u8]| {
            to.write_all(&u32::try_from(file.len()).unwrap().to_le_bytes()).and_then(|()| to.write_all(file)).is_ok()
        };
        let good = right();
        let mut chance = Chance::new(4);
        good.iter().all(|file| send(file))
            && hostile().iter().all(|(_, file)| send(file))
            && (0..count).all(|_| send(&spoilt(&mut chance, &good)))
    });
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    let all_sent = writer.join().unwrap();
    let ended = child.wait().unwrap();

    let good = right().len();
    let mut failures = Vec::new();
    if !ended.success() || !all_sent {
        failures.push(format!("intake ended with {ended} after {} files", lines.len()));
    }
    let (mut kept, mut refused, mut slowest) = (0_u64, BTreeMap::<String, u64>::new(), 0);
    for (n, line) in lines.iter().filter(|line| !line.starts_with("peak")).enumerate() {
        let what = names.get(n.wrapping_sub(good)).map_or_else(|| format!("file {n}"), |name| (*name).to_owned());
        let (time, word) = line.split_once(' ').unwrap();
        slowest = slowest.max(time.parse().unwrap());
        if time.parse::<u64>().unwrap() > SLOWEST_MS {
            failures.push(format!("{what} took {time} ms"));
        }
        match word.split_once(' ').unwrap() {
            ("kept", _) => kept += 1,
            ("refused", why) => {
                *refused
                    .entry(why.split('.').next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect())
                    .or_default() += 1;
                if n < good {
                    failures.push(format!("a right picture ({n}) was refused: {why}"));
                }
            }
            other => failures.push(format!("{what}: {other:?}")),
        }
    }
    let peak: u64 = lines
        .last()
        .and_then(|line| line.strip_prefix("peak "))
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(u64::MAX);
    if peak > PEAK_KB {
        failures.push(format!("it took {peak} KB"));
    }
    println!(
        "{kept} kept, {} refused, slowest {slowest} ms, peak {} MB: {refused:#?}",
        refused.values().sum::<u64>(),
        peak / 1024
    );
    assert!(refused.len() >= 5, "refused for several reasons");
    figure("hostile and broken photos, memory and time bounded", lines.len() as u64, &failures);
}
