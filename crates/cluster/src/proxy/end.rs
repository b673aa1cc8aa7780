//! One end of a proxied connection: a socket, and TLS over it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};
use socket2::SockRef;

use crate::error::{Error, Result};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];
/// A handshake that does not get on holds up a test, not a technician.
const PATIENCE: Duration = Duration::from_secs(30);

/// What both sides' TLS is made from.
#[derive(Debug)]
pub(super) struct Tls {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// `certificate` and `key` are the server's own: what a client binds its login to is then the same on both sides.
    pub(super) fn new(name: &str, ca: &str, certificate: &str, key: &str) -> Result<Tls> {
        let provider = Arc::new(ring::default_provider());
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(certificate.as_bytes())
            .collect::<std::result::Result<_, _>>()
            .map_err(cannot)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(cannot)?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(cannot)?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(cannot)?;
        server.alpn_protocols = vec![b"postgresql".to_vec()];
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            roots.add(root.map_err(cannot)?).map_err(cannot)?;
        }
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(cannot)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).map_err(cannot)?;
        Ok(Tls { server: Arc::new(server), client: Arc::new(client), name })
    }
}

fn cannot(reason: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::System("the proxy's TLS cannot be made", io::Error::other(reason))
}

/// See the module. Reading and writing may go on at once, from two threads.
#[derive(Debug)]
pub(super) struct End {
    socket: TcpStream,
    tls: Mutex<Connection>,
    /// Taken for as long as bytes go out: what TLS has to say for itself must not come between them.
    going_out: Mutex<()>,
}

impl End {
    /// Takes the part of the server towards a client that has just connected.
    pub(super) fn greet(socket: TcpStream, tls: &Tls) -> io::Result<End> {
        prepare(&socket)?;
        let mut asked = [0; 8];
        (&socket).read_exact(&mut asked)?;
        while asked == GSS_REQUEST {
            (&socket).write_all(b"N")?;
            (&socket).read_exact(&mut asked)?;
        }
        if asked != SSL_REQUEST {
            return Err(io::Error::other("a client that does not ask for TLS"));
        }
        (&socket).write_all(b"S")?;
        let connection = ServerConnection::new(Arc::clone(&tls.server)).map_err(io::Error::other)?;
        End::shake_hands(socket, connection.into())
    }

    /// Takes the part of a client towards the server, and verifies it.
    pub(super) fn ask(socket: TcpStream, tls: &Tls) -> io::Result<End> {
        prepare(&socket)?;
        (&socket).write_all(&SSL_REQUEST)?;
        let mut answer = [0; 1];
        (&socket).read_exact(&mut answer)?;
        if answer != *b"S" {
            return Err(io::Error::other("a server without TLS"));
        }
        let connection = ClientConnection::new(Arc::clone(&tls.client), tls.name.clone()).map_err(io::Error::other)?;
        End::shake_hands(socket, connection.into())
    }

    fn shake_hands(socket: TcpStream, mut connection: Connection) -> io::Result<End> {
        while connection.is_handshaking() || connection.wants_write() {
            connection.complete_io(&mut (&socket))?;
        }
        socket.set_read_timeout(None)?;
        socket.set_write_timeout(None)?;
        Ok(End { socket, tls: Mutex::new(connection), going_out: Mutex::new(()) })
    }

    fn tls(&self) -> MutexGuard<'_, Connection> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for bytes and adds what they say to `plain`; false at the end of the stream.
    pub(super) fn read(&self, plain: &mut Vec<u8>) -> io::Result<bool> {
        let mut raw = [0; 32 * 1024];
        // What came along with the last bytes of the handshake is already in.
        let already = self.take(&mut &raw[..0], plain)?;
        if already {
            return Ok(true);
        }
        let read = (&self.socket).read(&mut raw)?;
        if read == 0 {
            return Ok(false);
        }
        let mut rest = raw.get(..read).unwrap_or_default();
        self.take(&mut rest, plain)?;
        Ok(true)
    }

    fn take(&self, raw: &mut &[u8], plain: &mut Vec<u8>) -> io::Result<bool> {
        let before = plain.len();
        let mut tls = self.tls();
        loop {
            if !raw.is_empty() {
                tls.read_tls(raw)?;
            }
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let ready = state.plaintext_bytes_to_read();
            if ready > 0 {
                let from = plain.len();
                plain.resize(from + ready, 0);
                tls.reader().read_exact(plain.get_mut(from..).unwrap_or_default())?;
            }
            if raw.is_empty() {
                break;
            }
        }
        if tls.wants_write() {
            let mut out = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut out)?;
            }
            drop(tls);
            let _turn = self.going_out.lock().unwrap_or_else(PoisonError::into_inner);
            (&self.socket).write_all(&out)?;
        }
        Ok(plain.len() > before)
    }

    /// Sends bytes under TLS through `send`, which gets them as they go on the wire.
    pub(super) fn write(
        &self,
        plain: &[u8],
        mut send: impl FnMut(&TcpStream, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let _turn = self.going_out.lock().unwrap_or_else(PoisonError::into_inner);
        // Piece by piece, as TLS keeps no more than a little.
        for piece in plain.chunks(16 * 1024) {
            let mut out = Vec::new();
            let mut tls = self.tls();
            tls.writer().write_all(piece)?;
            while tls.wants_write() {
                tls.write_tls(&mut out)?;
            }
            drop(tls);
            send(&self.socket, &out)?;
        }
        Ok(())
    }

    /// The other side sees the end of the stream; what it still says is read.
    pub(super) fn close_outgoing(&self) {
        let _gone = self.socket.shutdown(Shutdown::Write);
    }

    /// The end, both ways.
    pub(super) fn close(&self) {
        let _gone = self.socket.shutdown(Shutdown::Both);
    }

    /// Lets the socket's last user send a reset in place of an end, and wakes whoever waits for bytes. Nothing may be
    /// shut down for writing before, as that would send the end first.
    pub(super) fn prepare_reset(&self) {
        let _gone = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        let _gone = self.socket.shutdown(Shutdown::Read);
    }
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))
}
