use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
/// A line that comes back is found within a minute, however long it was away. Three hundred laptops that all look for it
/// make ten logins a second at this, a fifteenth of what two cores can answer.
const LONGEST: Duration = Duration::from_secs(60);

/// How long to wait after so many failures in a row: full jitter, so that three hundred laptops that lost the server
/// together do not come back together. `random` is in 0..1.
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
pub fn next_attempt(failures: u32, random: f64) -> Duration {
    let ceiling = FIRST.saturating_mul(1 << failures.min(16)).min(LONGEST);
    // Never at once: a server that refuses immediately would be asked in a loop.
    Duration::from_millis(250) + ceiling.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_never_beyond() {
        assert!(next_attempt(0, 1.0) < Duration::from_secs(3));
        assert!(next_attempt(3, 1.0) > Duration::from_secs(15));
        for failures in [10, 100, u32::MAX] {
            assert_eq!(next_attempt(failures, 1.0), LONGEST + Duration::from_millis(250));
        }
        assert_eq!(next_attempt(50, 0.0), Duration::from_millis(250), "full jitter reaches down to the least wait");
    }
}
