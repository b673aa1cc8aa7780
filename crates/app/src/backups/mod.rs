//! Copies of the mirror: made by the day, and brought back when a person asks.

mod list;
mod restore;
pub(crate) mod upkeep;
