use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Where random bytes come from: the operating system, or a seed when a simulator drives the mirror.
pub trait Entropy: Send {
    /// Fills the slice.
    ///
    /// # Errors
    /// Where there is no randomness to be had.
    fn fill(&mut self, bytes: &mut [u8]) -> std::io::Result<()>;
}

/// The operating system's.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        getrandom::fill(bytes).map_err(|error| std::io::Error::other(error.to_string()))
    }
}

/// A UUIDv7 of the given instant.
pub(crate) fn uuid_v7(entropy: &mut dyn Entropy, now: DateTime<Utc>) -> std::io::Result<Uuid> {
    let mut random = [0u8; 10];
    entropy.fill(&mut random)?;
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}
