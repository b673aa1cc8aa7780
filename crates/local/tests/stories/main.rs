//! Stories about the mirror, on real encrypted files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod desk;

mod backups;
mod durability;
mod first_sync;
mod full_disk;
mod hand_over;
mod outbox;
mod overlay;
mod photos;
mod scope;
mod screens;
mod search;
