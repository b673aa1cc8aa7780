//! Proving the server: TLS under the company's authority, and under no other.

use std::sync::Arc;

use clara_sync::CentralError;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A proven line. Buffered, because rustls takes four kilobytes at a time.
pub(super) type Line = TlsStream<BufReader<TcpStream>>;

const READ_AHEAD: usize = 128 * 1024;

const TLS_PLEASE: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Asks for TLS and takes nothing less: a certificate of the company's authority, made out to this host.
pub(super) async fn prove(stream: TcpStream, host: &str, ca_pem: &str) -> Result<Line, CentralError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| not_proven("its name is not one that a certificate can be made out to"))?;
    let config = config(ca_pem)?;
    let mut stream = BufReader::with_capacity(READ_AHEAD, stream);
    stream.write_all(&TLS_PLEASE).await.map_err(cut)?;
    match stream.read_u8().await.map_err(cut)? {
        b'S' if stream.buffer().is_empty() => {}
        // Somebody in between has put bytes behind the answer, to have them taken for the server's once TLS is up.
        b'S' => return Err(not_proven("it spoke before the encryption had begun")),
        b'N' => return Err(not_proven("it does not offer TLS")),
        // A server that cannot take one more connection. What it says is not to be believed, and it was told nothing.
        b'E' => return Err(CentralError::Unreachable("it takes no connection".to_owned())),
        _ => return Err(not_proven("it did not answer the request for TLS")),
    }
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(reason) => CentralError::NotProven(reason.to_string()),
            None => cut(error),
        }
    })
}

fn config(ca_pem: &str) -> Result<ClientConfig, CentralError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| CentralError::NotProven(error.to_string()))?
        .with_root_certificates(roots(ca_pem)?)
        .with_no_client_auth();
    // A server of another protocol under the same authority is not the database.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

/// The company's authority alone. Public ones have no business naming a company's database: whoever gets a certificate
/// for the name from any of them would be the server.
fn roots(ca_pem: &str) -> Result<RootCertStore, CentralError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        let certificate = certificate.map_err(|_| not_proven("the certificate authority cannot be read"))?;
        roots.add(certificate).map_err(|error| CentralError::NotProven(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(not_proven("no certificate authority is given"));
    }
    Ok(roots)
}

fn not_proven(reason: &str) -> CentralError {
    CentralError::NotProven(reason.to_owned())
}

fn cut(error: std::io::Error) -> CentralError {
    CentralError::Unreachable(error.kind().to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clara_cluster::Authority;

    use super::*;

    #[test]
    fn the_companys_authority_is_the_only_one_that_is_trusted() {
        let (now, next) = (Authority::new().unwrap(), Authority::new().unwrap());
        assert_eq!(roots(now.pem()).unwrap().len(), 1);
        assert_eq!(roots(&format!("{}{}", now.pem(), next.pem())).unwrap().len(), 2, "while one takes over");
        for nothing in ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(roots(nothing), Err(CentralError::NotProven(_))), "{nothing}");
        }
    }
}
