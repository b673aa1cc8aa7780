//! Readings against their limits. Values are compared as entered, never rounded first.

use serde::{Deserialize, Serialize};

/// The bounds of one reading; all optional, all inclusive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Limits {
    /// Lowest allowed.
    pub min: Option<f64>,
    /// Highest allowed.
    pub max: Option<f64>,
    /// Below it no gauge reads.
    pub impossible_min: Option<f64>,
    /// Above it no gauge reads.
    pub impossible_max: Option<f64>,
    /// Below it a person should look twice.
    pub suspicious_min: Option<f64>,
    /// Above it a person should look twice.
    pub suspicious_max: Option<f64>,
}

/// What a reading is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No value yet.
    NotReadYet,
    /// Within every bound given.
    InLimits,
    /// Allowed, but unlikely, or the same as last time to one decimal: wants one key to confirm.
    Suspicious,
    /// Below `min`.
    OutLow,
    /// Above `max`.
    OutHigh,
    /// Not stored as a reading.
    Impossible,
}

/// Judges a reading. `last` is the previous visit's value; an identical one is suspicious only where `last` is given.
pub fn judge(value: Option<f64>, limits: &Limits, last: Option<f64>) -> Verdict {
    let Some(value) = value else { return Verdict::NotReadYet };
    let below = |bound: Option<f64>| bound.is_some_and(|b| value < b);
    let above = |bound: Option<f64>| bound.is_some_and(|b| value > b);
    if !value.is_finite() || below(limits.impossible_min) || above(limits.impossible_max) {
        Verdict::Impossible
    } else if below(limits.min) {
        Verdict::OutLow
    } else if above(limits.max) {
        Verdict::OutHigh
    } else if below(limits.suspicious_min)
        || above(limits.suspicious_max)
        || last.is_some_and(|last| (last - value).abs() < 0.05 && value != 0.0 && value.fract() != 0.0)
    {
        Verdict::Suspicious
    } else {
        Verdict::InLimits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELIEF: Limits = Limits {
        min: Some(2.0),
        max: None,
        impossible_min: Some(0.0),
        impossible_max: Some(30.0),
        suspicious_min: None,
        suspicious_max: None,
    };

    #[test]
    fn a_relief_valve_that_opens_late_is_out_low_and_the_bound_itself_is_in() {
        assert_eq!(judge(Some(1.8), &RELIEF, None), Verdict::OutLow);
        assert_eq!(judge(Some(2.0), &RELIEF, None), Verdict::InLimits);
        assert_eq!(judge(Some(1.999_999), &RELIEF, None), Verdict::OutLow, "not rounded before comparing");
    }

    #[test]
    fn what_no_gauge_can_show_is_impossible_and_not_out_of_limits() {
        assert_eq!(judge(Some(712.0), &RELIEF, None), Verdict::Impossible);
        assert_eq!(judge(Some(-1.0), &RELIEF, None), Verdict::Impossible);
        assert_eq!(judge(Some(f64::NAN), &RELIEF, None), Verdict::Impossible);
        assert_eq!(judge(None, &RELIEF, None), Verdict::NotReadYet);
    }

    #[test]
    fn the_same_as_last_year_to_one_decimal_wants_a_second_look() {
        assert_eq!(judge(Some(2.4), &RELIEF, Some(2.4)), Verdict::Suspicious);
        assert_eq!(judge(Some(2.4), &RELIEF, Some(2.6)), Verdict::InLimits);
    }
}
