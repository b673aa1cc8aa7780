//! The gate in front of servers that hold the company's certificate and still cannot be trusted, and in front of real
//! ones that come and go.
#![allow(clippy::unwrap_used)]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_central::PgCentral;
use clara_central::connect::{Floor, Mode, Secret, Server, sql};
use clara_central::enroll::Person;
use clara_central::revoke::{Revoke, revoke};
use clara_cluster::{Authority, PgBouncer, Validity};
use clara_domain::DeviceId;
use clara_sync::{Central as _, CentralError};
use ring::hmac;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::{admin, cluster, company, hire, laptop};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery staple";
const TLS_PLEASE: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A server with the company's certificate that does whatever a test wants it to.
struct False {
    port: u16,
    authority: Authority,
    /// What the client had said when it hung up or the script was over.
    heard: JoinHandle<Vec<u8>>,
}

type Tls = TlsStream<TcpStream>;

impl False {
    /// Plays a script once TLS is up and the client has said who it is.
    async fn start<F: Future<Output = Tls> + Send>(script: impl FnOnce(Tls) -> F + Send + 'static) -> Self {
        Self::start_with(b"S", script).await
    }

    async fn start_with<F: Future<Output = Tls> + Send>(
        answer: &'static [u8],
        script: impl FnOnce(Tls) -> F + Send + 'static,
    ) -> Self {
        let authority = Authority::new().unwrap();
        let config = Arc::new(certificate(&authority));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 8];
            stream.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, TLS_PLEASE);
            stream.write_all(answer).await.unwrap();
            // The client may hang up at any time: that is the point.
            let Ok(mut tls) = TlsAcceptor::from(config).accept(stream).await else { return Vec::new() };
            let mut heard = vec![0; 4096];
            let length = tls.read(&mut heard).await.unwrap_or(0);
            heard.truncate(length);
            let mut tls = script(tls).await;
            let _ = tls.read_to_end(&mut heard).await;
            heard
        });
        Self { port, authority, heard }
    }

    fn server(&self) -> Server {
        Server {
            host: "localhost".into(),
            port: self.port,
            database: "clara".into(),
            ca_pem: self.authority.pem().into(),
            role: "clara_dana".into(),
            password: Secret::new(PASSWORD),
            floor: Floor::AnyOnLoopback,
        }
    }

    /// Why nobody gets in here.
    async fn refuses(self, name: &str) -> (String, Vec<u8>) {
        let error = self.server().connect().await.unwrap_err();
        let CentralError::NotProven(why) = error else { panic!("{name}: {error:?}") };
        let heard = self.heard.await.unwrap();
        assert!(!heard.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()), "{name}");
        (why, heard)
    }
}

fn certificate(authority: &Authority) -> ServerConfig {
    let issued = authority.server(&["localhost"], Validity::Valid).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn authentication(code: u8, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&[0, 0, 0, code], rest].concat())
}

async fn say(tls: &mut Tls, bytes: &[u8]) {
    // The client may have hung up already.
    let _ = tls.write_all(bytes).await;
    let _ = tls.flush().await;
}

/// The server's half of SCRAM for [`PASSWORD`], with `iterations` as it says and a proof of `proves`.
async fn scram(tls: &mut Tls, iterations: u32, proves: &str) {
    say(tls, &authentication(10, b"SCRAM-SHA-256\0\0")).await;
    let mut first = vec![0; 1024];
    let length = tls.read(&mut first).await.unwrap_or(0);
    let first = String::from_utf8_lossy(&first[..length]).into_owned();
    let Some((_, bare)) = first.split_once("n,,") else { return };
    let nonce = bare.split_once("r=").unwrap().1;
    let server_first = format!("r={nonce}ours,s=c2FsdHNhbHQ=,i={iterations}");
    say(tls, &authentication(11, server_first.as_bytes())).await;
    let mut last = vec![0; 1024];
    let length = tls.read(&mut last).await.unwrap_or(0);
    let last = String::from_utf8_lossy(last.get(5..length).unwrap_or_default()).into_owned();
    let Some((without_proof, _)) = last.split_once(",p=") else { return };
    let signature = signature(proves, iterations, &format!("{bare},{server_first},{without_proof}"));
    say(tls, &authentication(12, format!("v={signature}").as_bytes())).await;
}

/// How a server proves that it knows a password.
fn signature(password: &str, iterations: u32, exchange: &str) -> String {
    // A client that would hash for an hour is hung up on before this is looked at.
    let iterations = NonZeroU32::new(iterations.min(4096)).unwrap();
    let mut salted = [0; 32];
    ring::pbkdf2::derive(ring::pbkdf2::PBKDF2_HMAC_SHA256, iterations, b"saltsalt", password.as_bytes(), &mut salted);
    let sign = |key: &[u8], what: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), what);
    let key = sign(&salted, b"Server Key");
    STANDARD.encode(sign(key.as_ref(), exchange.as_bytes()))
}

/// A login as PostgreSQL grants it.
async fn let_in(tls: &mut Tls) {
    scram(tls, 4096, PASSWORD).await;
    let version = message(b'S', b"server_version\x0015.20\0");
    let rest = [authentication(0, b""), version, message(b'K', &[0; 8]), message(b'Z', b"I")].concat();
    say(tls, &rest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_holds_the_certificate_and_does_not_know_the_password_is_not_proven() {
    let (why, heard) = False::start(|mut tls| async {
        say(&mut tls, &[authentication(0, b""), message(b'Z', b"I")].concat()).await;
        tls
    })
    .await
    .refuses("lets everybody in")
    .await;
    assert!(why.contains("without a password") && heard.ends_with(b"UTC\0\0"), "{why}");

    let (why, _) = False::start(|mut tls| async {
        scram(&mut tls, 4096, "another password").await;
        tls
    })
    .await
    .refuses("proves another password")
    .await;
    assert!(why.contains("does not know"), "{why}");

    let (why, _) = False::start(|mut tls| async {
        scram(&mut tls, 4096, PASSWORD).await;
        say(&mut tls, &authentication(3, b"")).await;
        tls
    })
    .await
    .refuses("asks again, in the clear")
    .await;
    assert!(why.contains("wants the password itself"), "{why}");

    let (why, _) = False::start(|mut tls| async {
        scram(&mut tls, u32::MAX, PASSWORD).await;
        tls
    })
    .await
    .refuses("has the laptop hash for an hour")
    .await;
    assert!(why.contains("makes no sense"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_logins_and_other_protocols_are_hung_up_on_before_anything_is_said() {
    for (name, bytes) in [
        ("the password in the clear", authentication(3, b"")),
        ("the password as MD5", authentication(5, &[1, 2, 3, 4])),
        ("GSS", authentication(7, b"")),
        ("only mechanisms that nobody has heard of", authentication(10, b"SCRAM-MD2\0\0")),
        ("another protocol", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("a row before the login", message(b'D', &[0, 0])),
        ("a message of two gigabytes", vec![b'R', 127, 255, 255, 255]),
        ("a message shorter than its own length", vec![b'N', 0, 0, 0, 3]),
        ("an end before the beginning", message(b'Z', b"I")),
        ("notices without end", message(b'N', &[b'x'; 1000]).repeat(400)),
    ] {
        let (_, heard) = False::start(move |mut tls| async move {
            say(&mut tls, &bytes).await;
            tls
        })
        .await
        .refuses(name)
        .await;
        assert!(heard.ends_with(b"TimeZone\0UTC\0\0"), "{name}: it hears who wants in and nothing after that");
    }
    let (why, _) = False::start(|mut tls| async {
        scram(&mut tls, 4096, PASSWORD).await;
        say(&mut tls, &[authentication(0, b""), message(b'S', &[b'x'; 1000]).repeat(400)].concat()).await;
        tls
    })
    .await
    .refuses("settings without end")
    .await;
    assert!(why.contains("more than a login needs"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_slipped_in_before_the_encryption_are_not_taken_for_the_servers() {
    let slipped: &[u8] = b"SR\0\0\0\x08\0\0\0\0";
    let (_, heard) = False::start_with(slipped, |tls| async { tls }).await.refuses("bytes behind the S").await;
    assert_eq!(heard, b"", "not even a name is said");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_claims_after_the_login_reserves_no_memory() {
    for (name, bytes, why) in [
        ("a field of two gigabytes", vec![b'D', 127, 255, 255, 255, 0, 1, 127, 255, 255, 245], "2147483647 bytes"),
        ("another login", authentication(3, b""), "kind 82"),
        ("garbage", vec![0; 64], "kind 0"),
    ] {
        let server = False::start(move |mut tls| async move {
            let_in(&mut tls).await;
            let mut question = [0; 256];
            let _ = tls.read(&mut question).await;
            say(&mut tls, &bytes).await;
            tls
        })
        .await;
        let mut connection = server.server().connect().await.unwrap();
        let before = peak_memory();
        // Whoever believes the claim waits for the rest.
        let begun = tokio::time::timeout(Duration::from_secs(10), connection.begin(Mode::Snapshot)).await;
        let error = begun.unwrap_or_else(|_| panic!("{name}: is waited for")).map(drop).unwrap_err();
        assert!(matches!(&error, CentralError::Unreachable(said) if said.contains(why)), "{name}: {error:?}");
        assert!(connection.is_in_doubt(), "{name}: what became of the question is unknown");
        assert!(peak_memory() - before < 512 << 20, "{name}: {} bytes more", peak_memory() - before);
        drop(connection);
        server.heard.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_nothing_without_end_are_ended_long_before_they_fill_the_memory() {
    let server = False::start(|mut tls| async move {
        let_in(&mut tls).await;
        let mut question = [0; 256];
        let _ = tls.read(&mut question).await;
        // As many columns as a row can have, and each of them null; an eighth of what one answer may have in bytes.
        let row = message(b'D', &[&[255, 255][..], &[255; 4 * 65_535]].concat());
        for _ in 0..512 {
            if tls.write_all(&row).await.is_err() {
                break;
            }
        }
        tls
    })
    .await;
    let mut central = PgCentral::new(server.server());
    let before = peak_memory();
    let asked = tokio::time::timeout(Duration::from_secs(120), central.hello(DeviceId(Uuid::nil()))).await;
    let error = asked.unwrap_or_else(|_| panic!("it is waited for without end")).map(drop).unwrap_err();
    assert!(matches!(&error, CentralError::Unreachable(_)), "{error:?}");
    let more = peak_memory() - before;
    println!("figure: rows without end, MiB until they were ended | {} | 0", (more >> 20) + 1);
    assert!(more < 512 << 20, "{more} bytes more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_far_larger_than_any_buffer_passes_both_ways_at_once() {
    let admin = company("large").await;
    let mut connection = admin.connect().await.unwrap();
    let text: String = (0..5_000_000_u32).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let mut tx = connection.begin(Mode::Snapshot).await.unwrap();
    // Rows come down while parameters of the next statement go up; neither direction may wait for the other.
    for _ in 0..3 {
        let row = tx.fetch_one(sql("SELECT $1 || reverse($1), length($1)").bind(text.as_str())).await.unwrap();
        let back: String = sqlx::Row::try_get(&row, 0).unwrap();
        assert!(back.len() == 10_000_000 && back.starts_with(&text));
    }
    tx.commit().await.unwrap();
    connection.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_refuses_a_login_is_told_from_one_that_has_no_server() {
    let admin_server = company("pooled_logins").await;
    let person = hire("pooled_logins", "dana@example.com", "technician");
    let dana = laptop(&admin_server, person).await;
    let pooler = PgBouncer::start(cluster(), 1).unwrap();
    let dana = Server { port: pooler.port(), ..dana };
    dana.connect().await.unwrap().close().await;

    let wrong = Server { password: Secret::new("wrong"), ..dana.clone() }.connect().await.unwrap_err();
    assert!(matches!(&wrong, CentralError::LoginRefused(code) if code == "08P01"), "{wrong:?}");
    revoke(&admin_server, &Revoke::Person(Person::Id(person))).await.unwrap();
    let revoked = dana.connect().await.unwrap_err();
    assert!(matches!(&revoked, CentralError::DeviceRefused(code) if code == "device_revoked"), "{revoked:?}");
    // Its login is right, and what is behind it is not there.
    let nowhere = Server { port: pooler.port(), ..admin("no_such_database") }.connect().await.unwrap_err();
    assert!(matches!(nowhere, CentralError::Unreachable(_)), "{nowhere:?}");
}

/// The most address space that this process has had, in bytes.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}
