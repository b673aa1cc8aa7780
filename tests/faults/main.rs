//! Faults on real parts: real PostgreSQL over TLS, real encrypted mirrors, real processes, and a proxy that knows where
//! a message ends. Every story prints a figure, `docs/faults.md` is made from them, and
//! `CLARA_SOAK_SECONDS` makes them long.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod absence;
mod apps;
mod chance;
mod comparison;
mod crowds;
mod cursor;
mod figure;
mod identity;
mod locks;
mod network;
mod office;
mod poison;
mod schema;
mod server;
mod whole_saves;

use clara_cluster::Proxy;
use clara_tests::{Company, Device};
use uuid::Uuid;

fn found() -> Company {
    Company::found()
}

/// A laptop behind a proxy of its own, synced once.
fn behind_a_proxy(company: &Company, person: Uuid) -> (Proxy, Device) {
    let proxy = Proxy::start(company.cluster()).unwrap();
    let mut device = Device::enroll_through(company, person, proxy.port());
    device.sync();
    proxy.count_anew();
    (proxy, device)
}
