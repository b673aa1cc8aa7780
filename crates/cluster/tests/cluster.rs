//! The private cluster, seen by psql.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use clara_cluster::{Access, Authority, Cluster, ClusterOptions, Error};

fn psql(access: &Access, extra: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(access.programs.join("psql"));
    command
        .env_clear()
        .env("PGHOST", &access.host)
        .env("PGPORT", access.port.to_string())
        .env("PGUSER", &access.admin_user)
        .env("PGPASSWORD", &access.admin_password)
        .env("PGDATABASE", "postgres")
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", &access.ca_file)
        .args(["-XAtqc", "SELECT 'in'"]);
    for (name, value) in extra {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8_lossy(&said).trim().to_owned())
}

#[test]
fn a_temporary_cluster_lets_in_verified_tls_with_a_password_and_nothing_else() {
    let cluster = Cluster::temporary().unwrap();
    let access = cluster.access();
    assert_eq!(psql(access, &[]), (true, "in".into()));
    assert_eq!(psql(access, &[("PGHOST", "127.0.0.1")]), (true, "in".into()), "the address is in the certificate too");
    let refused = [
        ("plain text", ("PGSSLMODE", "disable"), "pg_hba.conf rejects connection"),
        ("a wrong password", ("PGPASSWORD", "wrong"), "password authentication failed"),
    ];
    for (what, setting, reason) in refused {
        let (in_, said) = psql(access, &[setting]);
        assert!(!in_ && said.contains(reason), "{what}: {said}");
    }
    let stranger = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(stranger.path(), Authority::new().unwrap().pem()).unwrap();
    let (in_, said) = psql(access, &[("PGSSLROOTCERT", stranger.path().to_str().unwrap())]);
    assert!(!in_ && said.contains("certificate verify failed"), "{said}");
}

#[test]
fn the_server_is_set_up_as_promised() {
    let cluster = Cluster::temporary().unwrap();
    let show = |name: &str| cluster.psql("postgres", &format!("SHOW {name}")).unwrap();
    for (name, value) in [
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("password_encryption", "scram-sha-256"),
        ("ssl_min_protocol_version", "TLSv1.2"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("max_connections", "60"),
        ("synchronous_commit", "on"),
        ("fsync", "off"),
    ] {
        assert_eq!(show(name), value, "{name}");
    }
    let locale = "SELECT datcollate FROM pg_database WHERE datname = 'postgres'";
    assert_eq!(cluster.psql("postgres", locale).unwrap(), "C.UTF-8");
    assert_eq!(
        cluster.psql("postgres", "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL").unwrap(),
        "0"
    );
}

#[test]
fn a_dropped_temporary_cluster_leaves_neither_folder_nor_server() {
    let cluster = Cluster::temporary().unwrap();
    let (folder, access) = (cluster.folder().to_owned(), cluster.access().clone());
    assert!(folder.join("pgdata").exists());
    drop(cluster);
    assert!(!folder.exists());
    let (in_, said) = psql(&access, &[]);
    assert!(!in_ && said.contains("Connection refused"), "{said}");
}

#[test]
fn a_kept_cluster_opens_again_with_its_rows_its_authority_and_its_password() {
    let home = tempfile::tempdir().unwrap();
    set_mode(home.path(), 0o711);
    let folder = home.path().join("kept");
    let options = ClusterOptions { folder: Some(folder.clone()), keep: true, ..Default::default() };
    let first = Cluster::start(options.clone()).unwrap();
    assert_eq!(first.psql("postgres", "SHOW fsync").unwrap(), "on");
    first.psql("postgres", "CREATE TABLE t (n int); INSERT INTO t VALUES (7)").unwrap();
    assert!(matches!(Cluster::start(options.clone()), Err(Error::InUse(_))), "one folder, one server");
    let before = first.access().clone();
    drop(first);

    let second = Cluster::start(options).unwrap();
    assert_eq!(second.psql("postgres", "TABLE t").unwrap(), "7");
    assert_eq!(second.ca_pem(), before.ca_pem);
    assert_eq!(second.admin_password(), before.admin_password);
    assert_eq!(second.port(), before.port);
    let seen_by_another = Access::read(&folder).unwrap();
    assert_eq!(seen_by_another.psql("postgres", "TABLE t").unwrap(), "7");
    let shown = format!("{seen_by_another:?} {second:?}");
    assert!(!shown.contains(second.admin_password()), "no password in a log line");
}

#[test]
fn what_was_acknowledged_survives_a_crash_and_a_restart_on_the_same_port() {
    let cluster = Cluster::temporary().unwrap();
    let port = cluster.port();
    cluster.psql("postgres", "CREATE TABLE t (n int)").unwrap();
    for n in 1..=3 {
        cluster.psql("postgres", &format!("INSERT INTO t VALUES ({n})")).unwrap();
        cluster.stop_immediate().unwrap();
        assert!(!psql(cluster.access(), &[]).0);
        cluster.start_again().unwrap();
    }
    cluster.restart().unwrap();
    cluster.start_again().unwrap();
    assert_eq!(cluster.psql("postgres", "SELECT count(*) FROM t").unwrap(), "3");
    assert_eq!(cluster.port(), port);
}

#[test]
fn an_older_copy_put_back_knows_nothing_of_what_came_after() {
    let home = tempfile::tempdir().unwrap();
    let copy = home.path().join("monday");
    let cluster = Cluster::temporary().unwrap();
    cluster.psql("postgres", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)").unwrap();
    let identity = "SELECT system_identifier FROM pg_control_system()";
    let before = cluster.psql("postgres", identity).unwrap();
    cluster.cold_copy(&copy).unwrap();
    cluster.psql("postgres", "INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(cluster.psql("postgres", "SELECT count(*) FROM t").unwrap(), "2");
    for _ in 0..2 {
        cluster.put_back(&copy).unwrap();
        assert_eq!(cluster.psql("postgres", "TABLE t").unwrap(), "1");
        cluster.psql("postgres", "INSERT INTO t VALUES (3)").unwrap();
    }
    assert_eq!(cluster.psql("postgres", identity).unwrap(), before, "a restored server looks like the same one");
    assert!(matches!(cluster.put_back(home.path()), Err(Error::NoCluster(_))));
    assert_eq!(cluster.psql("postgres", "SELECT count(*) FROM t").unwrap(), "2", "and goes on running");
}

#[test]
fn two_clusters_run_side_by_side_and_do_not_trust_each_other() {
    let (one, other) = (Cluster::temporary().unwrap(), Cluster::temporary().unwrap());
    assert_ne!(one.port(), other.port());
    let (in_, said) = psql(one.access(), &[("PGSSLROOTCERT", other.ca_file().to_str().unwrap())]);
    assert!(!in_ && said.contains("certificate verify failed"), "{said}");
}

fn set_mode(folder: &Path, mode: u32) {
    std::fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_checkout_that_the_servers_account_cannot_reach_is_served_from_elsewhere_and_that_is_said() {
    let home = tempfile::tempdir().unwrap();
    set_mode(home.path(), 0o700);
    let asked = home.path().join("cluster");
    let options = ClusterOptions { folder: Some(asked.clone()), ..Default::default() };
    let cluster = Cluster::start(options).unwrap();
    let folder = cluster.folder().to_owned();
    assert_eq!(Access::read(&asked).unwrap().psql("postgres", "SELECT 1").unwrap(), "1");
    // Only root hands the server to another account.
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if root {
        assert!(folder.starts_with("/var/tmp"), "{}", folder.display());
        assert!(cluster.notes()[0].contains(asked.to_str().unwrap()), "{:?}", cluster.notes());
    } else {
        assert_eq!(folder, asked);
        assert!(cluster.notes().is_empty(), "{:?}", cluster.notes());
    }
    drop(cluster);
    assert!(!folder.exists());
}
