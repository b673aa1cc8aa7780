//! The private local end. The driver can only connect by itself, so it is given something to connect to: a socket in a
//! folder that nobody else may enter, gone before the first statement; where there are no such sockets, a loopback
//! port.
//!
//! Behind it is a connection that is already logged in. Whoever comes must therefore know a name that was made up for
//! this one attachment.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use clara_sync::CentralError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::connect::{Secret, call_error};

/// The driver speaks at once; a stranger may not.
const PATIENCE: Duration = Duration::from_secs(1);
const STARTUP_LIMIT: usize = 16 * 1024;
/// Part of the socket's name, and otherwise of no meaning.
#[cfg(unix)]
const PORT: u16 = 1;

/// The driver's end as the gate sees it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A driver that believes it has just logged in, and the gate's side of its connection.
pub(super) async fn attach(database: &str, greeting: &[u8]) -> Result<(PgConnection, Box<dyn Stream>), CentralError> {
    attach_to(End::open().await.map_err(|error| failed(&error))?, database, greeting).await
}

async fn attach_to(end: End, database: &str, greeting: &[u8]) -> Result<(PgConnection, Box<dyn Stream>), CentralError> {
    let name = Secret::random().map_err(|_| failed(&io::Error::from(io::ErrorKind::Unsupported)))?;
    let options = end
        .options()
        .database(database)
        .username(name.expose())
        // To the gate, which never leaves this machine; beyond it TLS is the gate's work, and there is no other way.
        .ssl_mode(PgSslMode::Disable)
        // PgBouncer in transaction mode mixes up prepared statements of its clients.
        .statement_cache_capacity(0)
        .disable_statement_logging();
    tokio::try_join!(async { PgConnection::connect_with(&options).await.map_err(call_error) }, async {
        end.admit(&name, greeting).await.map_err(|error| failed(&error))
    },)
}

enum End {
    #[cfg(unix)]
    Folder(tempfile::TempDir, tokio::net::UnixListener),
    Loopback(TcpListener, u16),
}

impl End {
    async fn open() -> io::Result<Self> {
        #[cfg(unix)]
        if let Ok(end) = Self::folder() {
            return Ok(end);
        }
        // Also where the path of the folder for temporary files is too long for a socket.
        Self::loopback().await
    }

    async fn loopback() -> io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self::Loopback(listener, port))
    }

    #[cfg(unix)]
    fn folder() -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let only_we = std::fs::Permissions::from_mode(0o700);
        let prefix = format!("clara-gate-{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).permissions(only_we).tempdir()?;
        let listener = tokio::net::UnixListener::bind(folder.path().join(format!(".s.PGSQL.{PORT}")))?;
        Ok(Self::Folder(folder, listener))
    }

    fn options(&self) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass();
        match self {
            #[cfg(unix)]
            Self::Folder(folder, _) => options.socket(folder.path()).port(PORT),
            Self::Loopback(_, port) => options.host("127.0.0.1").port(*port),
        }
    }

    /// Lets the driver in, once, and closes the door.
    async fn admit(self, name: &Secret, greeting: &[u8]) -> io::Result<Box<dyn Stream>> {
        loop {
            let mut stream: Box<dyn Stream> = match &self {
                #[cfg(unix)]
                Self::Folder(_, listener) => Box::new(listener.accept().await?.0),
                Self::Loopback(listener, _) => {
                    let (stream, _) = listener.accept().await?;
                    stream.set_nodelay(true)?;
                    Box::new(stream)
                }
            };
            let said = tokio::time::timeout(PATIENCE, read_name(&mut stream)).await;
            if matches!(said, Ok(Ok(said)) if said == name.expose()) {
                stream.write_all(greeting).await?;
                return Ok(stream);
            }
        }
    }
}

/// The user in a startup message.
async fn read_name(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if !(8..=STARTUP_LIMIT).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let _version = stream.read_u32().await?;
    let mut body = vec![0; length - 8];
    stream.read_exact(&mut body).await?;
    let mut words = body.split(|byte| *byte == 0);
    let mut settings = HashMap::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        settings.insert(name, value);
    }
    let name = settings.get(&b"user"[..]).copied().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

fn failed(error: &io::Error) -> CentralError {
    CentralError::Unreachable(format!("no local socket can be made: {}", error.kind()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    /// In, and idle.
    const GREETING: &[u8] = &[b'R', 0, 0, 0, 8, 0, 0, 0, 0, b'Z', 0, 0, 0, 5, b'I'];

    #[tokio::test]
    async fn strangers_at_a_loopback_port_are_turned_away_and_the_driver_behind_them_gets_in() {
        let end = End::loopback().await.unwrap();
        let End::Loopback(_, port) = &end else { unreachable!() };
        let mut strangers = Vec::new();
        for startup in
            [&b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0"[..], b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x08\0\x03\0\0", b""]
        {
            let mut stranger = TcpStream::connect(("127.0.0.1", *port)).await.unwrap();
            stranger.write_all(startup).await.unwrap();
            strangers.push(stranger);
        }
        let (driver, _gate) = attach_to(end, "clara", GREETING).await.unwrap();
        for mut stranger in strangers {
            let mut heard = Vec::new();
            // Reset or ended, but told nothing.
            let _ = stranger.read_to_end(&mut heard).await;
            assert_eq!(heard, b"");
        }
        drop(driver);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_folder_is_this_users_alone_and_gone_once_the_driver_is_in() {
        use std::os::unix::fs::PermissionsExt as _;
        let end = End::open().await.unwrap();
        let End::Folder(folder, _) = &end else { panic!("a socket in a folder is what this system has") };
        let path = folder.path().to_owned();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let attached = attach_to(end, "clara", GREETING).await.unwrap();
        assert!(!path.exists());
        drop(attached);
    }
}
