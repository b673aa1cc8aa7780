//! What exists only on this laptop, and how it goes out.

mod act;
mod ask;
pub(crate) mod compare;
mod light;
mod rescue;
pub(crate) mod runner;
pub(crate) mod status;
pub(crate) mod work;

/// Settings of the mirror.
const OFFLINE: &str = "work_offline";
const LAST_SUCCESS: &str = "last_success_at";
