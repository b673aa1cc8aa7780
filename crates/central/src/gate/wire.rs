//! A laptop's line, spoken to without a driver. What a sync says is few sentences that this program makes up itself, so
//! it needs no more than to send them in one piece and to tell the messages of the answer apart; each byte is copied
//! once less in both directions, and nobody else is woken for it.

use std::time::Duration;

use clara_sync::CentralError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::border::Border;
use super::prove::Line;
use super::{GOODBYE_LIMIT, dial, log_in, prove};
use crate::connect::{Server, server_error};

/// Room for what comes next.
const READ_AHEAD: usize = 64 * 1024;

/// Goodbye.
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// A proven line on which we are logged in. Dropping it hangs up.
#[derive(Debug)]
pub(crate) struct Wire {
    line: Line,
    border: Border,
    version: i32,
    heard: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
}

impl Wire {
    /// Reaches the server, proves it and logs in.
    ///
    /// # Errors
    /// [`CentralError`]: `NotProven` before anything was sent that is worth knowing.
    pub(crate) async fn open(server: &Server) -> Result<Self, CentralError> {
        let (stream, _) = dial::dial(&server.host, server.port).await?;
        let mut line = prove::prove(stream, &server.host, &server.ca_pem).await?;
        let greeting = log_in::log_in(&mut line, server).await?;
        let version = version_in(&greeting).unwrap_or(0);
        Ok(Self { line, border: Border::default(), version, heard: Vec::new(), taken: 0 })
    }

    /// `server_version_num`; 0 where it tells none that can be read.
    pub(crate) fn server_version_num(&self) -> i32 {
        self.version
    }

    /// Sends messages, whole.
    pub(crate) async fn say(&mut self, messages: &[u8]) -> Result<(), CentralError> {
        self.line.write_all(messages).await.map_err(cut)?;
        self.line.flush().await.map_err(cut)
    }

    /// The next message of the server, waiting at most so long for each piece of it: a line that moves, however slowly,
    /// is not given up.
    pub(crate) async fn hear(&mut self, limit: Duration) -> Result<(u8, &[u8]), CentralError> {
        let end = loop {
            let waiting = self.heard.get(self.taken..).unwrap_or_default();
            if let [_, a, b, c, d, ..] = waiting
                // The border has seen it and let it pass.
                && let end = u32::from_be_bytes([*a, *b, *c, *d]) as usize + 1
                && waiting.len() >= end
            {
                break self.taken + end;
            }
            tokio::time::timeout(limit, self.fill())
                .await
                .map_err(|_| CentralError::Unreachable("no answer in time".to_owned()))??;
        };
        let message = self.heard.get(self.taken..end).unwrap_or_default();
        self.taken = end;
        match message {
            [b'E', .., _] => Err(error(message.get(5..).unwrap_or_default())),
            [kind, _, _, _, _, body @ ..] => Ok((*kind, body)),
            _ => Err(CentralError::Unreachable("the server's answer was cut or garbled".to_owned())),
        }
    }

    async fn fill(&mut self) -> Result<(), CentralError> {
        self.heard.drain(..self.taken);
        self.taken = 0;
        self.heard.reserve(READ_AHEAD);
        let before = self.heard.len();
        if self.line.read_buf(&mut self.heard).await.map_err(cut)? == 0 {
            return Err(CentralError::Unreachable("the connection is closed".to_owned()));
        }
        let came = self.heard.get(before..).unwrap_or_default();
        self.border.pass(came).map_err(|breach| CentralError::Unreachable(breach.to_string()))
    }

    /// Says goodbye. The server notices a line that is gone without one, only later.
    pub(crate) async fn close(mut self) {
        // Best effort: the line is hung up either way.
        let _ = tokio::time::timeout(GOODBYE_LIMIT, async {
            self.say(&TERMINATE).await?;
            self.line.shutdown().await.map_err(cut)
        })
        .await;
    }
}

fn cut(error: std::io::Error) -> CentralError {
    CentralError::Unreachable(error.kind().to_string())
}

/// What an error message means. The server's own sentence is told only where it cannot quote customer data.
fn error(body: &[u8]) -> CentralError {
    let field = |wanted: u8| {
        body.split(|byte| *byte == 0)
            .filter_map(<[u8]>::split_first)
            .find(|(name, _)| **name == wanted)
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    let names = || {
        let parts = [("table", b't'), ("column", b'c'), ("constraint", b'n'), ("type", b'd'), ("routine", b'R')];
        let words = parts.into_iter().filter_map(|(what, name)| Some(format!("{what} {}", field(name)?)));
        words.collect::<Vec<_>>().join(", ")
    };
    server_error(field(b'C').unwrap_or_default(), || field(b'M').unwrap_or_default(), names)
}

/// `server_version_num` of the `server_version` in what the server said at the login.
fn version_in(greeting: &[u8]) -> Option<i32> {
    let name = b"server_version\0";
    let at = greeting.windows(name.len()).position(|window| window == name)?;
    let value = greeting.get(at + name.len()..)?.split(|byte| *byte == 0).next()?;
    let value = std::str::from_utf8(value).ok()?.split(' ').next()?;
    let (major, minor) = value.split_once('.')?;
    Some(major.parse::<i32>().ok()?.checked_mul(10_000)? + minor.parse::<u16>().ok().map(i32::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_the_server_numbers_it_and_a_strange_one_is_none() {
        let greeting = |version: &str| {
            let mut bytes = b"S\0\0\0\x18client_encoding\0UTF8\0S\0\0\0\x20server_version\0".to_vec();
            bytes.extend_from_slice(version.as_bytes());
            bytes.extend_from_slice(b"\0Z\0\0\0\x05I");
            bytes
        };
        assert_eq!(version_in(&greeting("15.20 (Debian 15.20-0+deb12u1)")), Some(150_020));
        assert_eq!(version_in(&greeting("18.7")), Some(180_007));
        for strange in ["", "19beta1", "15", "-1.2", "99999999999.1", "15.x"] {
            assert_eq!(version_in(&greeting(strange)).filter(|version| *version > 0), None, "{strange}");
        }
        assert_eq!(version_in(b""), None);
    }

    #[test]
    fn an_error_is_judged_by_its_code_and_quotes_no_customer() {
        let told = error(b"SERROR\0C23505\0MKey (email)=(ana@example.com) is there\0tusers\0nusers_email_key\0\0");
        assert!(matches!(&told, CentralError::Refused { code, message }
            if code == "23505" && message == "table users, constraint users_email_key"));
        assert!(matches!(error(b"SFATAL\0C57P01\0Mbye\0\0"), CentralError::Unreachable(_)));
    }
}
