//! Stories in the built app, in its real webview. They need a display: `scripts/webview.sh` gives them one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod demo;
mod driver;
mod hostile_page;
mod inspection;
mod laptop;
mod main_job;
mod markup;
mod office;
