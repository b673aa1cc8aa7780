//! Time and randomness come in from the edge, so that a test can hold both still.

use std::sync::Mutex;

use chrono::{DateTime, FixedOffset, Local, NaiveDate, Offset, Utc};
use uuid::Uuid;

/// What time it is, and where.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// The laptop's distance from UTC now: a photo's own time and the date of work are local.
    fn offset(&self) -> FixedOffset;

    /// The date of work.
    fn today(&self) -> NaiveDate {
        self.now().with_timezone(&self.offset()).date_naive()
    }
}

/// The laptop's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn offset(&self) -> FixedOffset {
        *Local::now().offset()
    }
}

/// A clock that a story sets.
#[derive(Debug)]
pub struct SetClock(Mutex<DateTime<Utc>>);

impl SetClock {
    /// Stands at `now`.
    pub fn new(now: DateTime<Utc>) -> SetClock {
        SetClock(Mutex::new(now))
    }

    /// Moves the hands.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn offset(&self) -> FixedOffset {
        Utc.fix()
    }
}

/// Random bytes from the system.
///
/// # Errors
/// Where the system has none to give.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A new id that sorts by the time it was made.
pub(crate) fn new_id() -> Uuid {
    Uuid::now_v7()
}
