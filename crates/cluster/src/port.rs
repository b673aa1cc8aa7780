//! A free port on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Error, Result};

/// Below the range from which the kernel takes the near end of outgoing connections: a server that is down for a
/// moment must find its port still free.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that is free now. Another process may take it before it is used: the caller tries again.
pub(crate) fn free() -> Result<u16> {
    for _ in 0..200 {
        let mut random = [0; 2];
        getrandom::fill(&mut random).map_err(|_| Error::NoPort)?;
        let port = FIRST + u16::from_le_bytes(random) % COUNT;
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(Error::NoPort)
}
