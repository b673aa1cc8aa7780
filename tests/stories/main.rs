//! Stories of laptops and their office, straight to PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod audit;
mod catalogue;
mod decisions;
mod delivery;
mod first_sync;
mod import;
mod merge;
mod moves;
mod photos;
mod reconcile;
mod refusal;
mod restore;
mod scope;
mod slow;
mod subscription;

fn found() -> clara_tests::Company {
    clara_tests::Company::found()
}
