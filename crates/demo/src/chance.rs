//! Variety without a random generator: the same key gives the same number on every day and every machine.

use clara_domain::mirror::Entity;

use crate::book::id;

/// Evenly spread over [0, 1).
pub(crate) fn share(key: &str) -> f64 {
    // 48 of the hash's bits: exact in a float.
    (bits(key) >> 80) as f64 / (1u64 << 48) as f64
}

/// Evenly spread over [-1, 1).
pub(crate) fn swing(key: &str) -> f64 {
    share(key) * 2.0 - 1.0
}

/// One of `0..count`.
pub(crate) fn pick(key: &str, count: usize) -> usize {
    ((share(key) * count as f64) as usize).min(count.saturating_sub(1))
}

/// Evenly spread bits.
pub(crate) fn bits(key: &str) -> u128 {
    id(Entity::PerformanceMetrics, key).as_u128()
}
