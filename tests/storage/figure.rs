//! The figures that a run prints.

use std::path::Path;
use std::time::{Duration, Instant};

/// `figure: <what was tried> | <how often> | <failures>`, for the page of faults.
pub fn figure(name: &str, count: usize, failures: usize) {
    println!("figure: {name} | {count} | {failures}");
}

/// How long a story may go on looking: its share of CI, or as long as `CLARA_SOAK_SECONDS` says.
pub struct Patience {
    until: Instant,
}

impl Patience {
    pub fn of_seconds(share: u64) -> Self {
        let soak = std::env::var("CLARA_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
        Self { until: Instant::now() + Duration::from_secs(soak.unwrap_or(share)) }
    }

    /// For a story that counts: in CI it goes on until it has its number.
    pub fn until_counted() -> Self {
        Self::of_seconds(3600)
    }

    pub fn is_left(&self) -> bool {
        Instant::now() < self.until
    }

    /// Whether somebody asked for more than CI's share.
    pub fn is_soaking() -> bool {
        std::env::var_os("CLARA_SOAK_SECONDS").is_some()
    }
}

/// Where seeds begin: 1, or what `CLARA_SEED` says.
pub fn first_seed() -> u64 {
    std::env::var("CLARA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// The laptop program.
pub fn laptop() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_clara-tests-laptop"))
}
