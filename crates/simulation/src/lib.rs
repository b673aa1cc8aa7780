//! A month of a company in a second: real planner, real engine, real mirrors on real files, a model of the server, and
//! everything that can go wrong. Time and chance come from one number, so that a run can be repeated exactly.

pub mod chance;
pub mod company;
mod control;
pub mod coverage;
mod deed;
mod desk;
pub mod fault;
mod folder;
pub mod invariant;
pub mod laptop;
mod link;
mod rig;
pub mod server;
mod shrink;
pub mod story;
mod world;

pub use control::Control;
pub use laptop::template;
pub use shrink::shrink;
pub use world::{Outcome, World};
