//! The proxy that knows message borders, with psql at one end and a private cluster at the other.
#![allow(clippy::unwrap_used)]

use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use clara_cluster::{Access, Cluster, Direction, Proxy, Verdict, script};

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::temporary().unwrap());
const PATIENCE: Duration = Duration::from_secs(30);

fn line() -> (Proxy, Access) {
    let proxy = Proxy::start(&CLUSTER).unwrap();
    let access = Access { port: proxy.port(), ..CLUSTER.access().clone() };
    (proxy, access)
}

fn client(access: &Access, sql: &str) -> Child {
    Command::new(access.programs.join("psql"))
        .env_clear()
        .env("PGHOST", &access.host)
        .env("PGPORT", access.port.to_string())
        .env("PGUSER", &access.admin_user)
        .env("PGPASSWORD", &access.admin_password)
        .env("PGDATABASE", "postgres")
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", &access.ca_file)
        .env("PGCHANNELBINDING", "require")
        .args(["-XAtqc", sql])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn told(child: Child) -> Result<String, String> {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn count(table: &str) -> String {
    CLUSTER.psql("postgres", &format!("SELECT count(*) FROM {table}")).unwrap()
}

#[test]
fn a_client_that_verifies_the_server_and_binds_its_login_to_it_is_content_and_its_messages_are_counted() {
    let (proxy, through) = line();
    assert_eq!(told(client(&through, "SELECT repeat('x', 300000)")).unwrap().len(), 300_000);
    let seen = proxy.seen();
    assert_eq!((seen.connections, seen.faults), (1, 0));
    assert!(seen.to_server >= 4 && seen.to_client > 10, "{seen:?}");
    assert_eq!(proxy.count_anew(), seen);
}

#[test]
fn a_connection_is_cut_at_every_message_of_a_conversation_and_at_bytes_within_them() {
    let (proxy, through) = line();
    told(client(&through, "SELECT 1")).unwrap();
    let messages = proxy.count_anew().messages();
    let mut failed = 0;
    for k in 0..messages {
        let verdict = [Verdict::Cut, Verdict::CutInside(3), Verdict::Reset][k as usize % 3];
        proxy.follow(script::after_messages(k, verdict));
        failed += u64::from(told(client(&through, "SELECT 1")).is_err());
    }
    // The last ones are the farewell and what follows the answer: the client may have what it wanted, unless a reset
    // threw away what it had not read yet.
    assert!(failed >= messages - 3, "{failed} of {messages}");
    proxy.heal();
    assert_eq!(told(client(&through, "SELECT 1")).unwrap(), "1");
}

#[test]
fn an_answer_is_lost_only_after_the_server_has_committed() {
    let (proxy, through) = line();
    CLUSTER.psql("postgres", "CREATE TABLE lost_answers (n int)").unwrap();
    proxy.follow(script::lose_answers("INSERT INTO lost_answers", |n| n != 3));
    for n in 1..=4 {
        let said = told(client(&through, "BEGIN; INSERT INTO lost_answers VALUES (1); COMMIT"));
        assert_eq!(said.is_ok(), n == 3, "{said:?}");
        assert_eq!(count("lost_answers"), n.to_string(), "done at the moment its answer is lost");
    }
}

#[test]
fn a_query_is_delivered_twice_and_answered_once() {
    let (proxy, through) = line();
    CLUSTER.psql("postgres", "CREATE TABLE twice (n int)").unwrap();
    proxy.follow(script::deliver_twice("INSERT INTO twice"));
    told(client(&through, "INSERT INTO twice VALUES (1)")).unwrap();
    assert_eq!(count("twice"), "2");
}

#[test]
fn a_stall_in_either_direction_holds_and_a_heal_delivers() {
    let (proxy, through) = line();
    CLUSTER.psql("postgres", "CREATE TABLE stalled (n int)").unwrap();
    for (verdict, arrived) in [(Verdict::Stall, "0"), (Verdict::StallBoth, "0")] {
        proxy.count_anew();
        proxy.follow(script::to_query("stalled", verdict));
        let mut busy = client(&through, "INSERT INTO stalled VALUES (1) RETURNING n");
        assert!(proxy.wait_for(PATIENCE, |seen| seen.faults == 1));
        assert!(busy.try_wait().unwrap().is_none());
        assert_eq!(count("stalled"), arrived);
        proxy.heal();
        assert_eq!(told(busy).unwrap(), "1");
        CLUSTER.psql("postgres", "DELETE FROM stalled").unwrap();
    }
    // The other way: the server hears and does, and its client does not learn of it.
    proxy.count_anew();
    let mut asked = false;
    proxy.follow(Box::new(move |message| {
        asked |= message.asks("stalled");
        if asked && message.direction == Direction::ToClient { Verdict::Stall } else { Verdict::Pass }
    }));
    let busy = client(&through, "INSERT INTO stalled VALUES (2) RETURNING n");
    let end = Instant::now() + PATIENCE;
    while count("stalled") == "0" && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(count("stalled"), "1");
    proxy.cut();
    assert!(told(busy).is_err());
}

#[test]
fn a_half_closed_connection_tells_the_server_that_its_client_left() {
    let (proxy, through) = line();
    proxy.follow(script::to_query("pg_sleep", Verdict::HalfClose));
    // The query never arrives, the server sees the end of the stream and says goodbye, which ends the client too.
    assert!(told(client(&through, "SELECT pg_sleep(60)")).is_err());
    assert_eq!(proxy.seen().faults, 1);
}

#[test]
fn a_slow_line_is_as_slow_as_it_was_told() {
    let (proxy, through) = line();
    proxy.slow_to(40_000);
    let began = Instant::now();
    assert_eq!(told(client(&through, "SELECT repeat('x', 60000)")).unwrap().len(), 60_000);
    assert!(began.elapsed() > Duration::from_millis(1_400), "{:?}", began.elapsed());
}
