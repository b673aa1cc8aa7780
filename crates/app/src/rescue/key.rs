//! The company's recovery key. Its public half is in the database and on every laptop; its secret half is in the safe,
//! and only what the office runs ever reads it.

use std::fmt;
use std::io::{Read, Write};

use age::secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::RescueError;

/// The public half: seals, and opens nothing.
#[derive(Clone)]
pub struct Recipient(age::x25519::Recipient);

impl Recipient {
    /// As it is written in enrolment files and in the database; none where it is no such key.
    pub fn parse(text: &str) -> Option<Recipient> {
        text.trim().parse().ok().map(Recipient)
    }

    /// Short enough to compare by eye: it says which of a company's keys a pack needs.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.to_string().as_bytes());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// A writer whose input goes out sealed. It must be finished, or what it wrote cannot be opened to its end.
    pub(crate) fn seal_into<W: Write>(&self, out: W) -> Result<age::stream::StreamWriter<W>, RescueError> {
        let sealing = age::Encryptor::with_recipients(std::iter::once(&self.0 as &dyn age::Recipient))
            .map_err(|_| RescueError::Seal)?;
        Ok(sealing.wrap_output(out)?)
    }

    pub(crate) fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, RescueError> {
        let mut sealed = Vec::with_capacity(plain.len() + 512);
        let mut writer = self.seal_into(&mut sealed)?;
        writer.write_all(plain)?;
        writer.finish()?;
        Ok(sealed)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.fingerprint())
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// The secret half. Never kept, never logged.
#[derive(Clone)]
pub struct Identity(age::x25519::Identity);

impl Identity {
    /// A new one.
    pub fn generate() -> Identity {
        Identity(age::x25519::Identity::generate())
    }

    /// Out of the file from the safe: the first line that is a key.
    ///
    /// # Errors
    /// [`RescueError::NoIdentity`].
    pub fn parse(text: &str) -> Result<Identity, RescueError> {
        let line = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-1"));
        line.and_then(|line| line.parse().ok()).map(Identity).ok_or(RescueError::NoIdentity)
    }

    /// The file for the safe.
    pub fn to_file(&self, company: &str) -> Zeroizing<String> {
        let recipient = self.recipient();
        let company: String = company.chars().filter(|c| !c.is_control()).collect();
        Zeroizing::new(format!(
            "# Recovery key of {company}. Keep it in the safe, not on a computer.\n\
             # Whoever has it can read every rescue pack and every laptop's work.\n\
             # fingerprint: {}\n# public key: {recipient}\n{}\n",
            recipient.fingerprint(),
            self.0.to_string().expose_secret()
        ))
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    pub(crate) fn open_from<R: Read>(&self, sealed: R) -> Result<age::stream::StreamReader<R>, RescueError> {
        let opening = age::Decryptor::new(sealed).map_err(RescueError::from)?;
        opening.decrypt(std::iter::once(&self.0 as &dyn age::Identity)).map_err(RescueError::from)
    }

    pub(crate) fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, RescueError> {
        let mut plain = Zeroizing::new(Vec::new());
        self.open_from(sealed)?.read_to_end(&mut plain)?;
        Ok(plain)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}
