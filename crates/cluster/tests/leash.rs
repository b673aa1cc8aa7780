//! A process that dies takes its servers with it.
#![allow(clippy::unwrap_used)]

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clara_cluster::{Access, Cluster, ClusterOptions, PgBouncer};

const KEPT: &str = "CLARA_CLUSTER_KEPT_FOLDER";

/// In the child: starts everything, says where, and waits for its end.
fn serve(kept: &Path) -> ! {
    let throwaway = Cluster::temporary().unwrap();
    let options = ClusterOptions { folder: Some(kept.to_owned()), keep: true, ..Default::default() };
    let kept = Cluster::start(options).unwrap();
    let pooler = PgBouncer::start(&throwaway, 1).unwrap();
    kept.psql("postgres", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)").unwrap();
    println!("\n{}\n{}\n{}", throwaway.folder().display(), throwaway.port(), pooler.port());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    panic!("the parent lets go of its end only after the kill");
}

#[test]
fn a_killed_process_leaves_no_server_and_no_throwaway_folder_and_the_kept_one_opens_again() {
    if let Some(kept) = std::env::var_os(KEPT) {
        serve(Path::new(&kept));
    }
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), Permissions::from_mode(0o711)).unwrap();
    let kept = home.path().join("kept");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["a_killed_process", "--nocapture", "--quiet"])
        .env(KEPT, &kept)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let folder = said.by_ref().find(|line| line.starts_with('/')).map(PathBuf::from).unwrap();
    let ports: Vec<u16> = said.by_ref().take(2).map(|line| line.parse().unwrap()).collect();
    let kept_port = Access::read(&kept).unwrap().port;
    assert!(folder.is_dir());

    child.kill().unwrap();
    child.wait().unwrap();

    for port in [ports[0], ports[1], kept_port] {
        until(&format!("port {port} is closed"), || std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    until("the folder is gone", || !folder.exists());

    let options = ClusterOptions { folder: Some(kept), keep: true, ..Default::default() };
    let again = Cluster::start(options).unwrap();
    assert_eq!(again.psql("postgres", "TABLE t").unwrap(), "1");
}

#[test]
fn a_process_killed_while_it_makes_its_cluster_leaves_nothing_either() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), Permissions::from_mode(0o711)).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["a_killed_process", "--nocapture", "--quiet"])
        .env(KEPT, home.path().join("kept"))
        .env("TMPDIR", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let entries = || std::fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().path());
    until("initdb is at work", || entries().any(|folder| folder.join("pgdata.new/base").exists()));
    child.kill().unwrap();
    child.wait().unwrap();
    until("the folder is gone", || entries().count() == 0);
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
