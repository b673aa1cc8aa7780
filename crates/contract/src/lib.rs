//! What the window and the program behind it say to each other: the commands, the views they answer with, the error
//! codes. Written once, here; `cargo test -p clara-contract` writes the TypeScript into `ui/src/generated`.
//!
//! Views are made for a screen: every number a screen shows comes from here, none is computed in the UI.

#[macro_use]
mod wire;

mod command;
mod error;
mod export;

pub mod backups;
pub mod completeness;
pub mod conflicts;
pub mod equipment;
pub mod inspection;
pub mod jobs;
pub mod photos;
pub mod rescue;
pub mod session;
pub mod specs;
pub mod sync;

pub use command::{COMMANDS, Empty, Event};
pub use error::{Code, Failure};
pub use export::typescript;
