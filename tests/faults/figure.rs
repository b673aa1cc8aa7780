/// What a story came to, for `docs/faults.md`: how often the fault struck, and how often the product failed. The story
/// fails if it ever did.
#[track_caller]
pub fn figure(name: &str, count: u64, failures: u64) {
    println!("figure: {name} | {count} | {failures}");
    assert!(count > 0, "the fault never struck");
    assert_eq!(failures, 0, "{name}");
}

/// Whether a machine is left alone with it: `CLARA_SOAK_SECONDS` says for how long.
pub fn soaking() -> bool {
    std::env::var_os("CLARA_SOAK_SECONDS").is_some()
}

/// How much of something: less where every commit waits for it, more where a machine is left alone with it.
pub fn scaled(ci: u64, soak: u64) -> u64 {
    if soaking() { soak } else { ci }
}

/// How long something goes on: its share of CI, or as long as was asked for, at most `most`.
pub fn seconds(ci: u64, most: u64) -> u64 {
    let asked = std::env::var("CLARA_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    asked.map_or(ci, |asked: u64| asked.clamp(ci, most))
}
