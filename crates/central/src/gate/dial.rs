//! Reaching the server.

use std::net::SocketAddr;
use std::time::Duration;

use clara_sync::CentralError;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;

/// How long an address may stay silent before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// How long a quiet line is trusted, and how long between questions whether it is still there.
const QUIET: Duration = Duration::from_secs(60);
const ASK_AGAIN: Duration = Duration::from_secs(15);

/// Connects to whichever address of a host answers first; the stream, and a second handle of the same socket.
pub(super) async fn dial(host: &str, port: u16) -> Result<(TcpStream, std::net::TcpStream), CentralError> {
    let addresses = lookup_host((host, port)).await.map_err(|error| unreachable(&error))?;
    let stream = first(addresses).await?;
    settle(stream).map_err(|error| unreachable(&error))
}

/// One address that swallows everything (a half-configured IPv6 is the usual one) must not use up the whole time.
async fn first(addresses: impl Iterator<Item = SocketAddr>) -> Result<TcpStream, CentralError> {
    let mut addresses = addresses.fuse();
    let mut attempts = JoinSet::new();
    let mut failure = CentralError::Unreachable("no address is known for this name".to_owned());
    loop {
        let more = match addresses.next() {
            Some(address) => {
                attempts.spawn(TcpStream::connect(address));
                true
            }
            None => false,
        };
        let limit = if more { HEAD_START } else { Duration::MAX };
        match tokio::time::timeout(limit, attempts.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => failure = unreachable(&error),
            // An attempt that panicked, or the next address's turn.
            Ok(Some(Err(_))) | Err(_) => {}
            Ok(None) if more => {}
            Ok(None) => return Err(failure),
        }
    }
}

fn settle(stream: TcpStream) -> std::io::Result<(TcpStream, std::net::TcpStream)> {
    // Otherwise the last piece of a message waits for the acknowledgement of the one before, which the other end
    // delays: 40 ms for each batch and each chunk of a photo.
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(QUIET).with_interval(ASK_AGAIN))?;
    let stream = stream.into_std()?;
    let handle = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, handle))
}

fn unreachable(error: &std::io::Error) -> CentralError {
    CentralError::Unreachable(error.kind().to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn whichever_address_answers_is_taken_and_nothing_waits_for_an_acknowledgement() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(first([closed, open].into_iter()).await.is_ok());
        for nobody in [vec![], vec![closed, closed]] {
            assert!(matches!(first(nobody.into_iter()).await, Err(CentralError::Unreachable(_))));
        }
        let (stream, handle) = dial("localhost", open.port()).await.unwrap();
        assert!(stream.nodelay().unwrap() && SockRef::from(&handle).keepalive().unwrap());
    }
}
