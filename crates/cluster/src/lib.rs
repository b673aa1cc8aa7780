//! A private PostgreSQL cluster in a folder of its own, for the demo, the tests and the benchmarks. It never touches
//! a server of the machine: own data folder, own port, own certificate authority, TLS with scram only.
//!
//! [`Cluster`] starts, stops, crashes and restores a server; [`PgBouncer`] pools in front of it; [`Cut`] is a line
//! between a client and either, which can be cut at any byte; [`Proxy`] reads the messages that pass, and follows a
//! script of faults.

mod access;
mod account;
mod authority;
mod binaries;
mod create;
mod cut;
mod error;
mod folder;
mod leash;
mod pooler;
mod port;
mod proxy;
mod server;
mod settings;

pub use access::Access;
pub use authority::{Authority, Issued, Validity};
pub use cut::{Cut, Direction, Traffic};
pub use error::{Error, Result};
pub use pooler::PgBouncer;
pub use proxy::{Message, Proxy, Script, Seen, Verdict, script};
pub use server::{Cluster, ClusterOptions};
