//! Items installed at sites: found, read off the plate, justified, added, replaced.

mod add;
mod capture;
pub(crate) mod item;
mod list;
pub(crate) mod open;
mod plate;
mod readings;
