//! Who uses this laptop: first run, the demo, enrolment, unlocking.

mod demo;
mod enroll;
mod open;
mod profile;
mod start;
