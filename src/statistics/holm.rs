//! Holm's step-down correction for many tests at once.

/// The p-values corrected for their number: each may be compared with the family error itself.
///
/// The chance of refusing even one true hypothesis is then at most the family error, however the tests depend on one
/// another. Same order as given; at most 1. S. Holm, Scandinavian Journal of Statistics 6, 1979.
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut floor: f64 = 0.0;
    for (rank, &index) in order.iter().enumerate() {
        floor = floor.max(p_values[index] * (p_values.len() - rank) as f64).min(1.0);
        adjusted[index] = floor;
    }
    adjusted
}

/// Which hypotheses are refused at this family error, in the order given.
pub fn refused(p_values: &[f64], family_error: f64) -> Vec<bool> {
    adjusted(p_values).into_iter().map(|p| p <= family_error).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_values_are_those_worked_by_hand() {
        // 0.01 x 4 = 0.04; 0.02 x 3 = 0.06; 0.03 x 2 = 0.06; 0.04 x 1 lifted to 0.06.
        let hand = [0.06, 0.04, 0.06, 0.06];
        let ours = adjusted(&[0.03, 0.01, 0.04, 0.02]);
        assert!(ours.iter().zip(hand).all(|(one, other)| (one - other).abs() < 1e-15), "{ours:?}");
        assert_eq!(adjusted(&[]), Vec::<f64>::new());
        assert_eq!(adjusted(&[0.7, 0.9]), [1.0, 1.0]);
    }

    #[test]
    fn the_first_that_passes_saves_all_above_it() {
        // 0.001 x 3 is refused at 1 %; 0.006 x 2 is not, so 0.009 x 1 is not either.
        assert_eq!(refused(&[0.009, 0.001, 0.006], 0.01), [false, true, false]);
    }

    #[test]
    fn one_test_alone_stays_as_it_is() {
        assert_eq!(adjusted(&[0.2]), [0.2]);
        assert_eq!(refused(&[0.01], 0.01), [true]);
    }
}
