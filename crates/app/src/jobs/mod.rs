//! Jobs: today's, the list, one at the door; started, ticked, closed.

mod check;
mod complete;
pub(crate) mod device;
mod list;
mod open;
mod row;
mod start;
mod today;
