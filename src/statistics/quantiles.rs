//! Sample quantiles.
//!
//! Type 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50(4),
//! 1996, the default of R and NumPy: linear between the order statistics, the smallest at 0 and the largest at 1.

use crate::base::{Ratio, Span};

const WHOLE: u128 = 1_000_000;

/// The quantile `p` of values in ascending order, exact in integers and rounded to the nearest; halves go up.
/// `None` for no values.
pub fn of_integers(ascending: &[u64], p: Ratio) -> Option<u64> {
    debug_assert!(ascending.is_sorted(), "quantiles of values in order");
    let last = ascending.len().checked_sub(1)?;
    let place = last as u128 * u128::from(p.ppm()).min(WHOLE);
    let (below, part) = ((place / WHOLE) as usize, place % WHOLE);
    let (low, high) = (ascending[below], ascending[(below + 1).min(last)]);
    let beyond = (u128::from(high - low) * part + WHOLE / 2) / WHOLE;
    Some(low + u64::try_from(beyond).unwrap_or(u64::MAX))
}

/// The quantile `p` of spans in ascending order, to the nanosecond. `None` for no spans.
pub fn of_spans(ascending: &[Span], p: Ratio) -> Option<Span> {
    let nanos: Vec<u64> = ascending.iter().map(|span| span.as_nanos()).collect();
    of_integers(&nanos, p).map(Span::nanos)
}

/// The quantile `p` of values in ascending order. `None` for no values.
pub fn of_floats(ascending: &[f64], p: Ratio) -> Option<f64> {
    debug_assert!(ascending.is_sorted(), "quantiles of values in order");
    let last = ascending.len().checked_sub(1)?;
    let place = last as u128 * u128::from(p.ppm()).min(WHOLE);
    let (below, part) = ((place / WHOLE) as usize, place % WHOLE);
    let (low, high) = (ascending[below], ascending[(below + 1).min(last)]);
    // The share is a float of at most 20 bits over a constant: exact enough to be the same everywhere.
    Some(if part == 0 { low } else { low + (high - low) * (part as f64 / WHOLE as f64) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(p: u32) -> Ratio {
        Ratio::from_ppm(p * 10_000)
    }

    #[test]
    fn quantiles_are_those_of_r_type_7() {
        // quantile(c(1, 2, 4, 8, 16), c(0, .05, .25, .5, .9, .95, 1)): 1, 1.2, 2, 4, 12.8, 14.4, 16.
        let values = [1.0, 2.0, 4.0, 8.0, 16.0];
        for (p, expected) in [(0, 1.0), (5, 1.2), (25, 2.0), (50, 4.0), (90, 12.8), (95, 14.4), (100, 16.0)] {
            let ours = of_floats(&values, percent(p)).expect("there are values");
            assert!((ours - expected).abs() < 1e-12, "{p} %: {ours}");
        }
        let tenths = [10, 20, 40, 80, 160];
        let ours: Vec<u64> = [0, 5, 90, 95].iter().filter_map(|p| of_integers(&tenths, percent(*p))).collect();
        assert_eq!(ours, [10, 12, 128, 144]);
    }

    #[test]
    fn integers_round_to_the_nearest_and_never_overflow() {
        assert_eq!(of_integers(&[1, 2], percent(50)), Some(2));
        assert_eq!(of_integers(&[1, 2], percent(49)), Some(1));
        assert_eq!(of_integers(&[0, u64::MAX], percent(50)), Some(u64::MAX / 2 + 1));
        assert_eq!(of_spans(&[Span::secs(1), Span::secs(2)], percent(25)), Some(Span::millis(1_250)));
    }

    #[test]
    fn nothing_has_no_quantile_and_one_value_has_only_itself() {
        assert_eq!(of_integers(&[], percent(50)), None);
        assert_eq!(of_floats(&[], percent(50)), None);
        assert_eq!(of_floats(&[3.5], percent(99)), Some(3.5));
    }
}
