//! Stories of the laptop's disk: power lost, processes killed, no room, rot, rights taken away. What was acknowledged must
//! be there, and nothing may be half there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod disk;
mod figure;
mod fixture;
mod kill;
mod look;
mod power;
mod room;
mod rot;
mod sync;
mod trace;
mod trouble;
