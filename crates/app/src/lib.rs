//! The use cases of Clara Field, by noun: what the window and `clara` do.
//!
//! [`App`] has one method for each command of the contract. Every screen reads the mirror and every action writes it;
//! sync runs beside them on a thread of its own, and nothing here waits for the network but what says so.

mod app;
mod backups;
mod call;
mod clock;
mod completeness;
mod conflicts;
mod crash;
mod equipment;
mod error;
mod failure;
mod field;
mod inspections;
mod jobs;
pub mod photos;
pub mod rescue;
mod session;
mod specs;
mod sync;
pub mod vault;
mod view;

pub use app::Options;
pub use call::App;
pub use clara_central::Floor;
pub use clock::{Clock, SetClock, WallClock};
pub use error::Error;
pub use failure::{central as failure_of_server, rescue as failure_of_rescue};
pub use photos::add::File;
pub use sync::compare::Compared;
pub use vault::Keyring;
