//! The catalogue: found by half a number, opened, with known problems.

pub(crate) mod limits;
pub(crate) mod problems;
mod search;
pub(crate) mod sheet;
