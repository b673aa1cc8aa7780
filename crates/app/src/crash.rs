//! What a crash leaves behind.

/// From here on a crash of this process, or of one that it starts, writes no core file. Such a file holds the memory as it
/// was: the data key, passwords, and every text in plain. Best effort: a handler of crashes that the system has set up
/// itself may not ask.
#[cfg(unix)]
pub(crate) fn leaves_no_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "core files could not be switched off");
    }
}

/// Windows asks its user before a report of a crash is sent, and keeps no full memory unless told to.
#[cfg(not(unix))]
pub(crate) fn leaves_no_memory() {}
