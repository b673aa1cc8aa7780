//! Who writes now, and who waits to: what the program asks before it closes.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::mirror::{Inner, Mirror, Writer};

/// Counts writes that were begun and have not ended.
#[derive(Default)]
pub(crate) struct Saving {
    count: Mutex<usize>,
    ended: Condvar,
}

impl Saving {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Begun<'a>(&'a Saving);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        *self.0.count() -= 1;
        self.0.ended.notify_all();
    }
}

/// The one writer, for as long as this lives.
pub(crate) struct Writing<'a> {
    // In this order: a write has ended when the next one can begin.
    writer: MutexGuard<'a, Writer>,
    _begun: Begun<'a>,
}

impl Deref for Writing<'_> {
    type Target = Writer;
    fn deref(&self) -> &Writer {
        &self.writer
    }
}

impl DerefMut for Writing<'_> {
    fn deref_mut(&mut self) -> &mut Writer {
        &mut self.writer
    }
}

pub(crate) fn begin(inner: &Inner) -> Writing<'_> {
    *inner.saving.count() += 1;
    let begun = Begun(&inner.saving);
    // A panic inside a write rolled it back: what is behind the lock is whole.
    Writing { writer: inner.writer.lock().unwrap_or_else(PoisonError::into_inner), _begun: begun }
}

impl Mirror {
    /// Waits, at most so long, for writes that are running or waiting for their turn; zero asks without waiting. True:
    /// everything that was given to this mirror is on the disk twice, and the program may close.
    pub fn settled_within(&self, limit: Duration) -> bool {
        let saving = &self.inner.saving;
        let (count, _) = saving
            .ended
            .wait_timeout_while(saving.count(), limit, |count| *count > 0)
            .unwrap_or_else(PoisonError::into_inner);
        if *count > 0 {
            return false;
        }
        drop(count);
        // After a failed write that could not be undone the two copies may differ; opening again brings them together.
        !self.writer().stopped
    }
}
