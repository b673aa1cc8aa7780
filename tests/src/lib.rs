//! A company and its laptops, on real parts, in one process: a private PostgreSQL over TLS, a real encrypted mirror for
//! each laptop, the real engine between them. Stories are in `stories/`.

#![allow(clippy::expect_used, reason = "a story whose company cannot be founded has failed")]

mod chance;
mod company;
mod content;
mod device;
pub mod errand;
pub mod ids;
pub mod shift;

pub use company::{Company, block_on, route_through_pgbouncer};
pub use content::Content;
pub use device::{Device, assert_same};
