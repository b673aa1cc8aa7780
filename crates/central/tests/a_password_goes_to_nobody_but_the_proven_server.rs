//! Servers that are not what they say, and the real one in trouble.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use clara_central::connect::{Floor, Mode, Secret, Server, sql};
use clara_cluster::{Authority, Validity};
use clara_sync::CentralError;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use support::{admin, company, hire, laptop, psql};

const PASSWORD: &str = "correct horse battery staple";
/// AuthenticationCleartextPassword.
const ASK_CLEARTEXT: &[u8] = &[b'R', 0, 0, 0, 8, 0, 0, 0, 3];
/// AuthenticationMD5Password with a salt.
const ASK_MD5: &[u8] = &[b'R', 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4];

/// How a false server answers the request for TLS.
enum Answer {
    /// With these bytes, unencrypted.
    Plain(&'static [u8]),
    /// With a handshake under this certificate; then it asks for the password in this way.
    Tls(Arc<ServerConfig>, &'static [u8]),
}

/// Starts a false server for one connection. Its thread returns all that the client has told it.
fn false_server(answer: Answer) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut heard = vec![0; 8];
        stream.read_exact(&mut heard).unwrap();
        let mut rest = vec![0; 4096];
        match answer {
            Answer::Plain(bytes) => {
                // The client may have hung up already: that is the point.
                let _ = stream.write_all(bytes);
                while let Ok(length @ 1..) = stream.read(&mut rest) {
                    heard.extend_from_slice(&rest[..length]);
                }
            }
            Answer::Tls(config, ask) => {
                stream.write_all(b"S").unwrap();
                let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                if let Ok(length) = tls.read(&mut rest) {
                    heard.extend_from_slice(&rest[..length]);
                    let _ = tls.write_all(ask);
                    if let Ok(length) = tls.read(&mut rest) {
                        heard.extend_from_slice(&rest[..length]);
                    }
                }
            }
        }
        heard
    });
    (port, heard)
}

fn certificate(authority: &Authority, name: &str, validity: Validity) -> Answer {
    let issued = authority.server(&[name], validity).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Answer::Tls(Arc::new(config), ASK_CLEARTEXT)
}

fn server(port: u16, ca_pem: &str) -> Server {
    Server {
        host: "localhost".into(),
        port,
        database: "clara".into(),
        ca_pem: ca_pem.into(),
        role: "clara_dana".into(),
        password: Secret::new(PASSWORD),
        floor: Floor::AnyOnLoopback,
    }
}

fn tells(heard: &[u8], what: &str) -> bool {
    heard.windows(what.len()).any(|window| window == what.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn six_false_servers_get_no_byte_of_the_password() {
    let (ours, theirs) = (Authority::new().unwrap(), Authority::new().unwrap());
    let cases = [
        ("another authority", certificate(&theirs, "localhost", Validity::Valid)),
        ("another name", certificate(&ours, "elsewhere.example", Validity::Valid)),
        ("an expired certificate", certificate(&ours, "localhost", Validity::Expired)),
        ("no TLS", Answer::Plain(b"N")),
        ("no TLS, and asks for the password in the clear", Answer::Plain(ASK_CLEARTEXT)),
        ("no TLS, and asks for the password as MD5", Answer::Plain(ASK_MD5)),
    ];
    for (name, answer) in cases {
        let (port, heard) = false_server(answer);
        let error = server(port, ours.pem()).connect().await.unwrap_err();
        assert!(matches!(error, CentralError::NotProven(_)), "{name}: {error:?}");
        let heard = tokio::task::spawn_blocking(|| heard.join().unwrap()).await.unwrap();
        assert_eq!(heard, [0, 0, 0, 8, 4, 210, 22, 47], "{name}: it hears the request for TLS and nothing else");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn even_a_proven_server_never_gets_the_password_itself() {
    let ours = Authority::new().unwrap();
    for ask in [ASK_CLEARTEXT, ASK_MD5] {
        let Answer::Tls(config, _) = certificate(&ours, "localhost", Validity::Valid) else { unreachable!() };
        let (port, heard) = false_server(Answer::Tls(config, ask));
        let error = server(port, ours.pem()).connect().await.unwrap_err();
        assert!(matches!(&error, CentralError::NotProven(why) if why.contains("pg_hba.conf")), "{error:?}");
        let heard = tokio::task::spawn_blocking(|| heard.join().unwrap()).await.unwrap();
        assert!(tells(&heard, "clara_dana"), "it was told who wants in, so the cases above would notice a password");
        assert!(!tells(&heard, PASSWORD) && heard.ends_with(b"UTC\0\0"), "and nothing after that");
    }

    let (port, _) = false_server(certificate(&ours, "localhost", Validity::Valid));
    let without = server(port, "").connect().await.unwrap_err();
    assert!(matches!(without, CentralError::NotProven(_)), "no authority, no connection: {without:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_told_apart_by_what_can_be_done_about_them() {
    let admin_server = company("errors").await;
    let dana = hire("errors", "dana@example.com", "technician");
    let dana_server = laptop(&admin_server, dana).await;

    let wrong = Server { password: Secret::new("wrong"), ..dana_server.clone() }.connect().await.unwrap_err();
    assert!(matches!(&wrong, CentralError::LoginRefused(code) if code == "28P01"), "{wrong:?}");
    let nowhere = admin("no_such_database").connect().await.unwrap_err();
    assert!(matches!(&nowhere, CentralError::Refused { code, .. } if code == "3D000"), "{nowhere:?}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = Server { port: closed, ..dana_server.clone() }.connect().await.unwrap_err();
    assert!(matches!(nobody, CentralError::Unreachable(_)), "{nobody:?}");

    // The login has two connections; the third finds the server busy and tries again later.
    let (first, second) = (dana_server.connect().await.unwrap(), dana_server.connect().await.unwrap());
    let third = dana_server.connect().await.unwrap_err();
    assert!(matches!(&third, CentralError::Busy(code) if code == "53300"), "{third:?}");
    first.close().await;
    second.close().await;

    let mut connection = admin_server.connect().await.unwrap();
    let mut tx = connection.begin(Mode::Write).await.unwrap();
    let secret = "INSERT INTO users (email, full_name, role) VALUES ('dana@example.com', 'x', 'technician')";
    let error = tx.execute(sql(secret)).await.unwrap_err();
    let CentralError::Refused { code, message } = error else { panic!("{error:?}") };
    assert_eq!(code, "23505");
    assert!(message.contains("users_email_key") && !message.contains("dana@"), "names, no customer data: {message}");
    tx.rollback().await.unwrap();
    assert!(!connection.is_in_doubt(), "an error of a statement leaves the connection as it was");

    let mut tx = connection.begin(Mode::Write).await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(50), tx.fetch_one(sql("SELECT pg_sleep(2)::text"))).await;
    assert!(given_up.is_err());
    drop(tx);
    let error = connection.begin(Mode::Write).await.unwrap_err();
    assert!(matches!(error, CentralError::Unreachable(_)), "an answer is still on the wire: {error:?}");

    let mut snapshot = admin_server.connect().await.unwrap();
    let mut tx = snapshot.begin(Mode::Snapshot).await.unwrap();
    let error = tx.execute(sql("UPDATE users SET phone = '1'")).await.unwrap_err();
    assert!(
        matches!(&error, CentralError::Refused { code, .. } if code == "25006"),
        "a snapshot writes nothing: {error:?}"
    );
    tx.rollback().await.unwrap();
    assert_eq!(psql("errors", "SELECT count(*) FROM users WHERE phone = '1'"), "0");
}
