//! Who uses this laptop: first run, the demo, enrolment, unlocking.

mod demo;
pub(crate) mod enroll;
mod leave;
mod open;
pub(crate) mod profile;
mod reopen;
mod start;
