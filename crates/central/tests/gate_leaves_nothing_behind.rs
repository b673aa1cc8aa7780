//! Two hundred connections, ended in every way there is. Alone in its program: it counts what the process has open.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use clara_central::connect::{Mode, Server, sql};
use clara_cluster::{Cut, Direction};
use clara_sync::CentralError;
use support::{cluster, company};

#[tokio::test]
async fn two_hundred_connections_leave_nothing_behind() {
    let admin = company("traces").await;
    let cut = Cut::start(cluster().port()).unwrap();
    let server = Server { port: cut.port(), ..admin };
    server.connect().await.unwrap().close().await;
    let before = (descriptors(), folders(), tasks());
    for round in 0..200 {
        let mut connection = server.connect().await.unwrap();
        match round % 4 {
            0 => drop(connection),
            1 => connection.close().await,
            2 => {
                // Broken off in the middle of a question.
                let mut tx = connection.begin(Mode::Snapshot).await.unwrap();
                let asked = tx.fetch_one(sql("SELECT pg_sleep(60)::text"));
                assert!(tokio::time::timeout(Duration::from_millis(5), asked).await.is_err());
            }
            _ => {
                cut.cut_after(Direction::ToClient, 3);
                let error = connection.begin(Mode::Snapshot).await.unwrap_err();
                assert!(matches!(error, CentralError::Unreachable(_)), "{error:?}");
            }
        }
    }
    // The line hears of it a moment later.
    let left = || cut.live() + usize::try_from(tasks()).unwrap();
    for _ in 0..500 {
        if left() == 0 && descriptors() <= before.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((cut.live(), tasks()), (0, before.2), "no line and no carrier");
    assert_eq!(folders(), before.1, "no folder");
    assert!(descriptors() <= before.0, "no socket: {} and then {}", before.0, descriptors());
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn tasks() -> i64 {
    i64::try_from(tokio::runtime::Handle::current().metrics().num_alive_tasks()).unwrap()
}

/// Local ends of this process; others have theirs beside them.
fn folders() -> usize {
    let prefix = format!("clara-gate-{}-", std::process::id());
    let ours = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&prefix);
    std::fs::read_dir(std::env::temp_dir()).unwrap().flatten().filter(ours).count()
}
