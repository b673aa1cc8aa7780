//! The same stories with every laptop behind a real PgBouncer in transaction mode with two server connections. Those
//! that stop the server or look at single round trips are left to the direct run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../stories/audit.rs"]
mod audit;
#[path = "../stories/decisions.rs"]
mod decisions;
#[path = "../stories/first_sync.rs"]
mod first_sync;
#[path = "../stories/merge.rs"]
mod merge;
#[path = "../stories/moves.rs"]
mod moves;
#[path = "../stories/photos.rs"]
mod photos;
#[path = "../stories/reconcile.rs"]
mod reconcile;
#[path = "../stories/refusal.rs"]
mod refusal;
#[path = "../stories/scope.rs"]
mod scope;

fn found() -> clara_tests::Company {
    clara_tests::route_through_pgbouncer(2);
    clara_tests::Company::found()
}
