//! A real PgBouncer in front of a private cluster.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::thread;

use clara_cluster::{Cluster, PgBouncer};

#[test]
fn a_role_made_later_logs_in_through_the_pooler_over_verified_tls() {
    let cluster = Cluster::temporary().unwrap();
    let pooler = PgBouncer::start(&cluster, 2).unwrap();
    cluster.psql("postgres", "CREATE ROLE ana LOGIN PASSWORD 'a long secret'").unwrap();
    let through = pooler.access();
    assert_ne!(through.port, cluster.port());
    let who = "SELECT session_user || ' ' || ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(through.psql_as("ana", "a long secret", "postgres", who).unwrap(), "ana true");
    let wrong = through.psql_as("ana", "another", "postgres", "SELECT 1").unwrap_err().to_string();
    assert!(wrong.contains("authentication failed"), "{wrong}");

    let plain = Command::new(through.programs.join("psql"))
        .env_clear()
        .env("PGPASSWORD", "a long secret")
        .args([
            "-XAtqc",
            "SELECT 1",
            &format!("host=localhost port={} user=ana dbname=postgres sslmode=disable", through.port),
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&plain.stderr).into_owned();
    assert!(!plain.status.success() && said.contains("SSL required"), "{said}");
}

#[test]
fn many_clients_share_a_pool_of_one() {
    let cluster = Cluster::temporary().unwrap();
    let pooler = PgBouncer::start(&cluster, 1).unwrap();
    cluster.psql("postgres", "CREATE TABLE seen (pid int)").unwrap();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let access = pooler.access().clone();
            thread::spawn(move || access.psql("postgres", "INSERT INTO seen SELECT pg_backend_pid()").unwrap())
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let counts = "SELECT count(*) || ' by ' || count(DISTINCT pid) FROM seen";
    assert_eq!(cluster.psql("postgres", counts).unwrap(), "4 by 1");
}
