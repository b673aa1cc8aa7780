//! Photos: taken in, shown, captioned, taken off.

pub(crate) mod add;
mod bytes;
mod caption;
pub(crate) mod fetch;
pub mod intake;
pub(crate) mod tile;
