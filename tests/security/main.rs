//! What a thief, a stranger and a broken file get: stories on real processes, a real server and real files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod chance;
mod child;
mod disk;
mod figure;
mod garbled;
mod garbled_maps;
mod images;
mod pictures;
mod revoke;
mod values;
