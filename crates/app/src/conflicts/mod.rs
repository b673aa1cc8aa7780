//! Fields on which two people differed, and work that waits for a manager.

mod list;
pub(crate) mod parked;
mod resolve;
pub(crate) mod words;
