//! The figures that a run prints.

/// What a story came to, for the page of faults. The story fails where anything did.
#[track_caller]
pub fn figure(name: &str, count: u64, failures: &[String]) {
    println!("figure: {name} | {count} | {}", failures.len());
    assert!(count > 0, "{name}: nothing was tried");
    assert!(failures.is_empty(), "{name}: {}", failures[..failures.len().min(10)].join("\n"));
}

/// How much of something: CI's share, or what a machine that is left alone with it (`CLARA_SOAK_SECONDS`) can do.
pub fn scaled(ci: u64, soak: u64) -> u64 {
    if std::env::var_os("CLARA_SOAK_SECONDS").is_some() { soak } else { ci }
}
