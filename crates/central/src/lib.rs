//! The central end: PostgreSQL. What a laptop asks of it, and what the office runs on it.
//!
//! [`connect`] is the only way in. The schema is in `migrations/`; people's roles read under row security and write
//! through `sync.push` alone.

mod audit;
pub mod client;
pub mod connect;
mod delta;
pub mod doctor;
pub mod enroll;
pub mod error;
mod gate;
mod hello;
pub mod import;
pub mod init;
mod message;
pub mod migrate;
mod page;
pub mod partitions;
pub mod photo_store;
mod photos;
mod pull;
mod push;
pub mod rebase;
mod reply;
pub mod reports;
pub mod rescue;
pub mod revoke;
pub mod seed_demo;
pub mod subscribe;
mod table;

pub use client::PgCentral;
pub use connect::{Connection, Floor, Mode, Secret, Server, SyncTx};
pub use error::AdminError;
