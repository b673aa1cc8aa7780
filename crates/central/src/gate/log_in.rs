//! Logging in: SCRAM-SHA-256, in which the password is never sent and the server proves that it knows it too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_sync::CentralError;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::prove::Line;
use crate::connect::{Server, server_error};

/// One message before the login is through, and all of them together.
const MESSAGE_LIMIT: usize = 64 * 1024;
const TOTAL_LIMIT: usize = 256 * 1024;

/// Protocol 3.0.
const VERSION: i32 = 196_608;

/// How far it has come; decides what an answer means.
enum Phase {
    /// The server knows who wants in.
    Named,
    /// It has asked for SCRAM and been sent the first message.
    Begun(ScramSha256),
    /// It has been sent the proof.
    Answered(ScramSha256),
    /// It has accepted the proof and proved itself.
    Mutual,
    /// It has let us in.
    In,
}

/// Logs in; what a driver is to be told once it attaches.
pub(super) async fn log_in(line: &mut Line, server: &Server) -> Result<Vec<u8>, CentralError> {
    send(line, &startup(server)?).await?;
    let mut phase = Phase::Named;
    let mut left = TOTAL_LIMIT;
    // AuthenticationOk.
    let mut greeting = vec![b'R', 0, 0, 0, 8, 0, 0, 0, 0];
    loop {
        let (kind, body) = read(line, &mut left).await?;
        phase = match (kind, phase) {
            (b'R', phase) => authenticate(line, server, phase, &body).await?,
            (b'E', phase) => return Err(refused(&phase, &body)),
            // Notices, and options of the protocol that the server does not know.
            (b'N' | b'v', phase) => phase,
            (b'S' | b'K', Phase::In) => {
                frame(&mut greeting, kind, &body);
                Phase::In
            }
            (b'Z', Phase::In) => {
                frame(&mut greeting, kind, &body);
                return Ok(greeting);
            }
            _ => return Err(not_proven("it does not keep to the protocol")),
        };
    }
}

async fn authenticate(line: &mut Line, server: &Server, phase: Phase, body: &[u8]) -> Result<Phase, CentralError> {
    let Some((code, rest)) = body.split_first_chunk::<4>() else {
        return Err(not_proven("it does not keep to the protocol"));
    };
    match (i32::from_be_bytes(*code), phase) {
        (10, Phase::Named) => {
            if !rest.split(|byte| *byte == 0).any(|mechanism| mechanism == SCRAM_SHA_256.as_bytes()) {
                return Err(not_proven("it does not offer SCRAM-SHA-256"));
            }
            let scram = ScramSha256::new(server.password.expose().as_bytes(), ChannelBinding::unsupported());
            let first = scram.message();
            let mut answer = Vec::with_capacity(SCRAM_SHA_256.len() + first.len() + 5);
            answer.extend_from_slice(SCRAM_SHA_256.as_bytes());
            answer.push(0);
            answer.extend_from_slice(&length(first.len()).to_be_bytes());
            answer.extend_from_slice(first);
            say(line, &answer).await?;
            Ok(Phase::Begun(scram))
        }
        (11, Phase::Begun(mut scram)) => {
            if is_ended(rest, &server.role) {
                return Err(CentralError::DeviceRefused(ENDED.to_owned()));
            }
            scram.update(rest).map_err(|_| not_proven("its part of the login makes no sense"))?;
            say(line, scram.message()).await?;
            Ok(Phase::Answered(scram))
        }
        (12, Phase::Answered(mut scram)) => {
            scram.finish(rest).map_err(|_| not_proven("it does not know this login's password"))?;
            Ok(Phase::Mutual)
        }
        (0, Phase::Mutual) => Ok(Phase::In),
        // It may hold the company's certificate, but a server that lets anybody in as anybody keeps no row apart.
        (0, _) => Err(not_proven("it lets people in without a password: pg_hba.conf must say scram-sha-256")),
        (3 | 5, _) => Err(not_proven("it wants the password itself: pg_hba.conf must say scram-sha-256")),
        _ => Err(not_proven("it wants another kind of login: pg_hba.conf must say scram-sha-256")),
    }
}

/// As the server's functions call a laptop whose access the office has ended.
const ENDED: &str = "device_revoked";

/// Whether the server says with the verifier's salt that the office has ended this login (`app.ended_verifier`). Every other
/// refusal can have other reasons, and must not lock anybody's work.
fn is_ended(first: &[u8], role: &str) -> bool {
    let mark = Sha256::digest(format!("clara: this login was ended: {role}"));
    let salt = first.split(|byte| *byte == b',').find_map(|part| part.strip_prefix(b"s="));
    salt.and_then(|salt| STANDARD.decode(salt).ok()).is_some_and(|salt| mark.get(..16) == Some(salt.as_slice()))
}

/// PgBouncer has one code, 08P01, for whatever keeps a client out. What it means shows in when it comes: while the
/// proof is being looked at, it is the login; afterwards it is the server behind. Before it has asked for anything, it
/// may be either: it looks logins up on that server, and gives up where it finds no password.
fn refused(phase: &Phase, body: &[u8]) -> CentralError {
    let field = |wanted: u8| {
        body.split(|byte| *byte == 0)
            .filter_map(<[u8]>::split_first)
            .find(|(name, _)| **name == wanted)
            .map_or(String::new(), |(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    let code = field(b'C');
    match phase {
        Phase::Begun(_) | Phase::Answered(_) if code == "08P01" => CentralError::LoginRefused(code),
        Phase::Named if code == "08P01" => CentralError::Unreachable(
            "08P01: the pooler in front of it cannot reach it, or knows no such login".to_owned(),
        ),
        _ => server_error(code, || field(b'M'), String::new),
    }
}

fn startup(server: &Server) -> Result<Vec<u8>, CentralError> {
    let mut body = VERSION.to_be_bytes().to_vec();
    for (name, value) in [
        ("user", server.role.as_str()),
        ("database", server.database.as_str()),
        ("application_name", concat!("clara-field ", env!("CARGO_PKG_VERSION"))),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO, MDY"),
        ("TimeZone", "UTC"),
    ] {
        if value.contains('\0') {
            return Err(CentralError::LoginRefused("a name with a NUL".to_owned()));
        }
        for text in [name, value] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
    }
    body.push(0);
    let mut message = length(body.len() + 4).to_be_bytes().to_vec();
    message.extend_from_slice(&body);
    Ok(message)
}

fn frame(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&length(body.len() + 4).to_be_bytes());
    out.extend_from_slice(body);
}

/// All that is framed here is far shorter.
fn length(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

async fn say(line: &mut Line, body: &[u8]) -> Result<(), CentralError> {
    let mut message = Vec::with_capacity(body.len() + 5);
    frame(&mut message, b'p', body);
    send(line, &message).await
}

async fn send(line: &mut Line, message: &[u8]) -> Result<(), CentralError> {
    line.write_all(message).await.map_err(cut)?;
    line.flush().await.map_err(cut)
}

async fn read(line: &mut Line, left: &mut usize) -> Result<(u8, Vec<u8>), CentralError> {
    let kind = line.read_u8().await.map_err(cut)?;
    let length = usize::try_from(line.read_u32().await.map_err(cut)?).unwrap_or(usize::MAX);
    if !(4..=MESSAGE_LIMIT).contains(&length) || length > *left {
        return Err(not_proven("it says more than a login needs"));
    }
    *left -= length;
    let mut body = vec![0; length - 4];
    line.read_exact(&mut body).await.map_err(cut)?;
    Ok((kind, body))
}

fn not_proven(reason: &str) -> CentralError {
    CentralError::NotProven(reason.to_owned())
}

fn cut(error: std::io::Error) -> CentralError {
    CentralError::Unreachable(error.kind().to_string())
}
