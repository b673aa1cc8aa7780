//! Who may do what on the server: every table, function and power, from real logins. What is expected stands in
//! `tables.txt` and `functions.txt`; whatever the catalogue has and they do not, or the other way round, fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod company;
mod doors;
mod functions;
mod leaks;
mod powers;
mod session;
#[path = "../support/mod.rs"]
mod support;
mod tables;
