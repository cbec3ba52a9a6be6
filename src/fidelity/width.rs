//! How wide a simulated row may be: a model that says "anything" must not pass.
//!
//! # The rule
//!
//! The middle half of a simulated row, from 25 to 75 %, is at most [`MULTIPLE`] times the row's scale. The scale comes from the
//! measurement alone, so no model can widen its own limit: it is the largest of
//!
//! - the middle of the measured magnitudes: a thing that takes 12 s may take 12 s more or less, rarely 36;
//! - the measured range, from the least to the most: what was seen to vary may vary. Of two repetitions it is small by
//!   chance, and then the magnitude counts;
//! - for counts the standard deviation of a Poisson count that large, plus one: whole numbers near zero scatter by
//!   nature; for times [`TIME_FLOOR`], the period of the probes and polls that reactions wait for; for moments at which
//!   requests were lost the measured length of the whole act, since any of its parts may be the one that loses.
//!
//! One run in four at either end may be anything, because rare ways exist that a few repetitions do not show: one pod in
//! fifteen is slow to go, by up to a minute, so the slowest of four is slow in one run of four. A wider range than the
//! middle half would refuse that truth. The multiple is what makes the rule as strict as one of three times the scale
//! for the 10 to 90 % range: equal for an exponential law, whose middle half is half of that range, and stricter for a
//! uniform (five eighths of it) or a normal one (0.53). The rule refuses what is wide beyond all measure, row by row;
//! the finer question, whether measured values lie in the simulated intervals as often as they should, is the coverage
//! test's.

use super::row::{Unit, least, median, most};

/// Most that the middle half of a simulated row may be of the row's scale.
pub const MULTIPLE: f64 = 1.5;

/// Scale of times that were all about zero, seconds: readiness probes, PLEG and kube-proxy's sync have periods of 1 s.
pub const TIME_FLOOR: f64 = 1.0;

/// The widest that the simulated middle half may be. `measured` are the judged values that happened, `act` the
/// measured length of the act where it is part of the scale; `None` without any value.
pub fn limit(unit: Unit, measured: &[f64], act: Option<f64>) -> Option<f64> {
    let magnitudes: Vec<f64> = measured.iter().map(|value| value.abs()).collect();
    let middle = median(&magnitudes)?;
    let range = most(measured.iter().copied())? - least(measured.iter().copied())?;
    let floor = match unit {
        Unit::Count => libm::sqrt(middle) + 1.0,
        Unit::Seconds => TIME_FLOOR,
    };
    Some(MULTIPLE * middle.max(range).max(floor).max(act.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_the_measured_magnitude_range_or_floor_whichever_is_largest() {
        assert_eq!(limit(Unit::Seconds, &[12.0, 11.5, 13.0], None), Some(18.0));
        assert_eq!(limit(Unit::Seconds, &[2.0, 30.0, 1.0], None), Some(43.5));
        assert_eq!(limit(Unit::Seconds, &[-0.02, 0.01], None), Some(1.5));
        assert_eq!(limit(Unit::Count, &[0.0, 0.0], None), Some(1.5));
        assert_eq!(limit(Unit::Count, &[4.0], None), Some(6.0));
        assert_eq!(limit(Unit::Seconds, &[0.1], Some(12.0)), Some(18.0));
        assert_eq!(limit(Unit::Count, &[], None), None);
    }
}
