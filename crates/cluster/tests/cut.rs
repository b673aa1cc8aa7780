//! The line that can be cut, with psql at one end and a private cluster at the other.
#![allow(clippy::unwrap_used)]

use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use clara_cluster::{Access, Cluster, Cut, Direction};

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::temporary().unwrap());
const PATIENCE: Duration = Duration::from_secs(30);

fn line() -> (Cut, Access) {
    let cut = Cut::start(CLUSTER.port()).unwrap();
    let access = Access { port: cut.port(), ..CLUSTER.access().clone() };
    (cut, access)
}

/// A client that is busy until it is told, or cut.
fn busy(access: &Access, sql: &str) -> Child {
    Command::new(access.programs.join("psql"))
        .env_clear()
        .env("PGHOST", &access.host)
        .env("PGPORT", access.port.to_string())
        .env("PGUSER", &access.admin_user)
        .env("PGPASSWORD", &access.admin_password)
        .env("PGDATABASE", "postgres")
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", &access.ca_file)
        .args(["-XAtqc", sql])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn tls_is_verified_through_the_line_and_counted() {
    let (cut, through) = line();
    assert_eq!(through.psql("postgres", "SELECT repeat('x', 100000)").unwrap().len(), 100_000);
    let seen = cut.traffic();
    assert!(seen.to_client > 100_000 && seen.to_server > 500, "{seen:?}");
    assert_eq!((seen.connections, seen.cuts), (1, 0));
    assert!((5..15).contains(&seen.round_trips), "{seen:?}");
    assert_eq!(cut.count_anew(), seen);
    assert_eq!(cut.traffic().to_client, 0);
}

#[test]
fn a_cut_ends_a_running_query_and_the_next_connection_works() {
    let (cut, through) = line();
    let client = busy(&through, "SELECT pg_sleep(60)");
    let at_work = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'";
    while CLUSTER.psql("postgres", at_work).unwrap() == "0" {
        thread::yield_now();
    }
    cut.cut();
    let output = client.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert_eq!(cut.traffic().cuts, 1);
    assert_eq!(through.psql("postgres", "SELECT 1").unwrap(), "1");
}

#[test]
fn exactly_as_many_bytes_pass_as_were_allowed() {
    let (cut, through) = line();
    for (direction, bytes) in [(Direction::ToClient, 4_321), (Direction::ToClient, 0), (Direction::ToServer, 700)] {
        cut.count_anew();
        cut.cut_after(direction, bytes);
        through.psql("postgres", "SELECT repeat('x', 100000)").unwrap_err();
        assert!(cut.wait_for(PATIENCE, |t| t.cuts == 1));
        let seen = cut.traffic();
        let passed = if direction == Direction::ToClient { seen.to_client } else { seen.to_server };
        assert_eq!(passed, bytes, "{direction:?}");
    }
    assert_eq!(through.psql("postgres", "SELECT 1").unwrap(), "1", "it cuts once");
}

#[test]
fn a_lost_answer_leaves_the_change_made() {
    let (cut, through) = line();
    CLUSTER.psql("postgres", "CREATE TABLE kept (n int)").unwrap();
    // The gate holds the insert back until the cut is armed: only the answer to the commit is left to lose.
    let gate = "INSERT INTO kept SELECT 1 FROM (SELECT pg_advisory_lock(77)) AS gate";
    let mut holder = busy(CLUSTER.access(), "SELECT pg_advisory_lock(77), pg_sleep(60)");
    let count = |sql: &str| CLUSTER.psql("postgres", sql).unwrap();
    while count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") == "0" {
        thread::yield_now();
    }
    let client = busy(&through, gate);
    while count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == "0" {
        thread::yield_now();
    }
    cut.cut_after(Direction::ToClient, 0);
    CLUSTER
        .psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        .unwrap();
    assert!(!client.wait_with_output().unwrap().status.success());
    assert!(cut.wait_for(PATIENCE, |t| t.cuts == 1));
    assert_eq!(count("TABLE kept"), "1");
    holder.wait().unwrap();
}

#[test]
fn a_black_hole_stalls_and_a_heal_delivers() {
    let (cut, through) = line();
    cut.black_hole();
    let mut client = busy(&through, "SELECT 'delivered'");
    assert!(cut.wait_for(PATIENCE, |t| t.connections == 1));
    assert!(!cut.wait_for(Duration::from_millis(300), |t| t.to_client > 0), "nothing passes");
    assert!(client.try_wait().unwrap().is_none());
    cut.heal();
    let output = client.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "delivered");

    cut.black_hole();
    let client = busy(&through, "SELECT 'lost'");
    assert!(cut.wait_for(PATIENCE, |t| t.connections == 2));
    cut.cut();
    assert!(!client.wait_with_output().unwrap().status.success());
}

#[test]
fn a_refusing_line_is_a_closed_port_until_it_heals() {
    let (cut, through) = line();
    for _ in 0..3 {
        cut.refuse();
        let said = through.psql("postgres", "SELECT 1").unwrap_err().to_string();
        assert!(said.contains("Connection refused"), "{said}");
        cut.heal();
        assert_eq!(through.psql("postgres", "SELECT 1").unwrap(), "1");
    }
}

#[test]
fn a_line_led_elsewhere_reaches_another_server() {
    let (cut, through) = line();
    let other = Cluster::temporary().unwrap();
    cut.lead_to(other.port());
    let said = through.psql("postgres", "SELECT 1").unwrap_err().to_string();
    assert!(said.contains("certificate verify failed"), "the other server is not the one that was pinned: {said}");
}
