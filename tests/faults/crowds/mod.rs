//! Five and ten laptops at once, each a process of its own, against one server, while lines are cut, networks part,
//! processes are stopped and killed: the matrix of the published tests of SQLite clients of PostgreSQL, with its checks.

mod ground;
mod laptop;
mod reading;
mod roster;

use std::time::{Duration, Instant};

use clara_tests::{Company, ids};

use self::ground::Way;
use self::roster::Roster;
use crate::chance::Chance;
use crate::figure::{figure, scaled, seconds};

/// After the last fault the queues of all laptops are empty within this. A laptop waits up to a minute before it tries
/// again, and what it then finds half done may take one more try.
const DRAINED: Duration = Duration::from_secs(150);

/// What happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Disconnect,
    Partition,
    Pause,
    Kill,
}

/// One run: saves go on all the while, faults come and go for so long; then everything is healed.
fn run(fault: Fault, laptops: usize, saves_a_second: u64, seed: u64) -> Run {
    let company = Company::found();
    let mut roster = Roster::call(&company, laptops, saves_a_second, fault == Fault::Partition);
    let mut chance = Chance::new(seed);
    let end = Instant::now() + Duration::from_secs(seconds(8, 150));
    let mut struck = 0;
    // Warm: everybody has saved and read.
    roster.let_work(Duration::from_millis(800));
    while Instant::now() < end {
        let some = roster.majority(&mut chance);
        struck += some.len() as u64;
        let long = Duration::from_millis(300 + chance.below(scaled(2_500, 10_000)));
        let short = Duration::from_millis(200 + chance.below(1_200));
        match fault {
            Fault::Disconnect => {
                for n in &some {
                    roster.line(*n).refuse();
                }
                roster.let_work(short);
                for n in &some {
                    roster.line(*n).heal();
                }
            }
            Fault::Partition => {
                let way = [Way::In, Way::Out, Way::Both][usize::try_from(chance.below(3)).unwrap()];
                for n in &some {
                    roster.part(*n, way);
                }
                roster.let_work(long);
                for n in &some {
                    roster.join(*n);
                }
            }
            Fault::Pause => {
                for n in &some {
                    roster.signal(*n, "STOP");
                }
                roster.let_work(long);
                for n in &some {
                    roster.signal(*n, "CONT");
                }
            }
            Fault::Kill => {
                for n in &some {
                    roster.kill(*n);
                }
                roster.let_work(short);
                for n in &some {
                    roster.start(*n);
                }
            }
        }
        roster.let_work(Duration::from_millis(300));
    }
    let drained = roster.quiesce(DRAINED);
    let where_ = roster.ground();
    let verdict = roster.judge(&company);
    println!(
        "    {fault:?}, {laptops} laptops, {saves_a_second} saves a second, seed {seed}, {where_}: {struck} faults, {} saves \
         acknowledged, {} readings, drained in {drained:?}",
        verdict.acknowledged, verdict.readings
    );
    for wrong in &verdict.wrong {
        println!("    WRONG: {wrong}");
    }
    assert!(verdict.acknowledged > 20 && verdict.readings > 20, "a run in which nobody worked shows nothing");
    Run { struck, wrong: verdict.wrong.len() as u64 }
}

struct Run {
    struck: u64,
    wrong: u64,
}

/// Runs the sizes of the matrix that fit: in CI the one that is named, else all of them.
fn matrix(name: &str, fault: Fault, here: (usize, u64)) {
    let all = [(5, 10), (5, 50), (10, 10), (10, 50)];
    let sizes: Vec<_> = if crate::figure::soaking() { all.to_vec() } else { vec![here] };
    let (mut bad, mut struck) = (0, 0);
    for (laptops, saves) in sizes {
        for seed in 1..=scaled(1, 4) {
            let run = run(fault, laptops, saves, seed);
            bad += u64::from(run.wrong > 0);
            struck += run.struck;
        }
    }
    figure(name, struck, bad);
}

/// Row 6: connections of a majority end, and new ones are refused for a while.
#[test]
fn laptops_that_are_disconnected_again_and_again_agree_in_the_end() {
    matrix("laptops_that_are_disconnected_again_and_again_agree_in_the_end", Fault::Disconnect, (5, 30));
}

/// Row 6: nothing comes, nothing goes, or neither, for a majority; their connections stand.
#[test]
fn laptops_in_parted_networks_agree_in_the_end() {
    matrix("laptops_in_parted_networks_agree_in_the_end", Fault::Partition, (10, 20));
}

/// Row 38: a majority of the processes is stopped as a suspended machine is, and goes on later.
#[test]
fn laptops_that_are_paused_agree_in_the_end() {
    matrix("laptops_that_are_paused_agree_in_the_end", Fault::Pause, (5, 30));
}

/// Rows 1 to 3: a majority of the processes is killed wherever it is, and started again.
#[test]
fn laptops_that_are_killed_agree_in_the_end() {
    matrix("laptops_that_are_killed_agree_in_the_end", Fault::Kill, (5, 30));
}

/// Not a test by itself: the process that a laptop is. Without its orders it is nobody.
#[test]
fn laptop_process() {
    if let Some(orders) = std::env::var_os(laptop::ORDERS) {
        laptop::work(std::path::Path::new(&orders));
    }
}

/// The person whose laptop it is, and the job at the tower.
fn person(laptop: usize) -> (uuid::Uuid, uuid::Uuid) {
    if laptop.is_multiple_of(2) { (ids::ANA, ids::ANAS_JOB) } else { (ids::BEN, ids::BENS_JOB) }
}
