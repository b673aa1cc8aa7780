//! Who uses this laptop: first run, the demo, enrolment, unlocking.

mod demo;
mod enroll;
mod open;
pub(crate) mod profile;
mod start;
