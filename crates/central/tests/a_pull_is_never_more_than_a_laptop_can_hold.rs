//! In a program of its own, because it looks at the memory of the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::time::Instant;

use clara_central::PgCentral;
use clara_domain::DeviceId;
use clara_sync::{Central as _, CentralError, PullRequest};
use uuid::Uuid;

mod support;

/// What is resident, and the most that ever was since [`forget`], in MB.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn forget() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[tokio::test]
async fn one_transaction_that_changes_two_hundred_thousand_rows_is_given_up_before_it_fills_the_memory() {
    let admin = support::company("flooded").await;
    let anna = support::hire("flooded", "anna@example.com", "technician");
    let laptop = support::laptop(&admin, anna).await;
    let device: Uuid = support::psql("flooded", "SELECT id FROM sync.device").parse().unwrap();
    let device = DeviceId(device);
    let mut central = PgCentral::new(laptop);
    let cursor = central.hello(device).await.unwrap().snapshot;
    support::psql(
        "flooded",
        "INSERT INTO manufacturers (name) VALUES ('Maker');
         INSERT INTO equipment_models (manufacturer_id, model_number, equipment_category, pressure_specs)
         SELECT m.id, 'M-' || n, 'hvac', jsonb_build_object('rated_psi', n, 'note', repeat('x', 200))
         FROM manufacturers m, generate_series(1, 200000) n",
    );
    let before = memory("VmRSS");
    forget();
    let begun = Instant::now();
    let answer = central.pull(&PullRequest { device, cursor }).await;
    let took = begun.elapsed();
    let peak = memory("VmHWM").saturating_sub(before);
    println!("a pull of 200,000 rows was given up after {} ms and {peak} MB", took.as_millis());
    assert!(matches!(answer, Err(CentralError::TooMuch)), "{answer:?}");
    assert!(peak < 100, "{peak} MB");
    // The line that was left in the middle of an answer is not used for the next question.
    let now = central.hello(device).await.unwrap().snapshot;
    let pull = central.pull(&PullRequest { device, cursor: now }).await.unwrap();
    assert!(pull.rows.is_empty());
}
