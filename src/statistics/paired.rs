//! Exact tests of paired differences: two plans on the same bad luck.

use super::{Tails, binomial};

/// Up to this many differences the distribution of Wilcoxon's statistic is computed in full: n^3 / 3 additions.
pub const EXACT_UP_TO: usize = 500;

/// McNemar's exact test of yes-or-no outcomes: only the pairs that differ count.
///
/// `only_first` pairs failed under the first plan alone, `only_second` under the second alone. `low` is small where
/// the first fails too seldom to be chance, `high` where it fails too often. Q. McNemar, Psychometrika 12, 1947,
/// by the binomial law.
pub fn mcnemar(only_first: u64, only_second: u64) -> Tails {
    let pairs = only_first + only_second;
    if pairs == 0 {
        return Tails::CERTAIN;
    }
    Tails { low: binomial::at_most(only_first, pairs, 0.5), high: binomial::at_least(only_first, pairs, 0.5) }
}

/// The exact sign test: are positive differences as frequent as negative ones? Differences of 0 do not count.
pub fn sign(differences: &[i64]) -> Tails {
    let positive = differences.iter().filter(|difference| **difference > 0).count();
    let negative = differences.iter().filter(|difference| **difference < 0).count();
    mcnemar(positive as u64, negative as u64)
}

/// Wilcoxon's signed-rank test by mid-ranks: are the differences symmetric about 0? Differences of 0 do not count.
///
/// Exact with ties up to [`EXACT_UP_TO`] differences; beyond, the normal approximation with the variance that the
/// ties leave and half a step of continuity, good to three digits. `high` is small where positive differences
/// prevail. F. Wilcoxon, Biometrics Bulletin 1, 1945.
pub fn signed_rank(differences: &[i64]) -> Tails {
    let (ranks, positive) = doubled_ranks(differences);
    if ranks.is_empty() {
        return Tails::CERTAIN;
    }
    if ranks.len() > EXACT_UP_TO {
        return approximated(&ranks, positive);
    }
    let most: usize = ranks.iter().sum();
    // Probabilities, not counts: halved with every rank, so nothing overflows.
    let mut weights = vec![0.0; most + 1];
    weights[0] = 1.0;
    let mut reached = 0;
    for rank in ranks {
        reached += rank;
        for sum in (0..=reached).rev() {
            let with = if sum >= rank { weights[sum - rank] } else { 0.0 };
            weights[sum] = 0.5 * (weights[sum] + with);
        }
    }
    Tails::at(positive, &weights)
}

/// Twice the mid-ranks of the sizes of the differences other than 0, and the sum over the positive ones.
fn doubled_ranks(differences: &[i64]) -> (Vec<usize>, usize) {
    let mut sizes: Vec<(u64, bool)> =
        differences.iter().filter(|one| **one != 0).map(|one| (one.unsigned_abs(), *one > 0)).collect();
    sizes.sort_unstable();
    let (mut ranks, mut positive) = (Vec::with_capacity(sizes.len()), 0);
    for tied in sizes.chunk_by(|one, other| one.0 == other.0) {
        let doubled = 2 * ranks.len() + tied.len() + 1;
        positive += doubled * tied.iter().filter(|(_, is_positive)| *is_positive).count();
        ranks.extend(tied.iter().map(|_| doubled));
    }
    (ranks, positive)
}

fn approximated(ranks: &[usize], positive: usize) -> Tails {
    let middle = ranks.iter().sum::<usize>() as f64 / 2.0;
    let squares: f64 = ranks.iter().map(|rank| (rank * rank) as f64).sum();
    let deviation = libm::sqrt(squares) / 2.0;
    // The sums of doubled ranks lie 2 apart where there are no ties, so half a step is 1.
    let below = |bound: f64| 0.5 * libm::erfc((middle - bound) / deviation / std::f64::consts::SQRT_2);
    Tails { low: below(positive as f64 + 1.0).min(1.0), high: (1.0 - below(positive as f64 - 1.0)).max(0.0) }
}

/// The interval of the median difference, from the smallest to the largest value inside.
///
/// Between two order statistics by the binomial law: at least this confidence for any law, symmetric or not, tied or
/// not. `None` when there are too few differences for the confidence asked, or none.
pub fn median_interval(differences: &[i64], confidence: f64) -> Option<(i64, i64)> {
    let mut ascending = differences.to_vec();
    ascending.sort_unstable();
    let count = ascending.len() as u64;
    let risk = (1.0 - confidence) / 2.0;
    // The median lies below the (cut + 1)-th value only if at most `cut` of all lie below the median.
    let cut = (0..count / 2 + 1).take_while(|cut| binomial::at_most(*cut, count, 0.5) <= risk).last()?;
    let last = ascending.len().checked_sub(1)?;
    let cut = cut as usize;
    (2 * cut <= last).then(|| (ascending[cut], ascending[last - cut]))
}

/// The correlation of two paired samples, -1 to 1: how much luck they share. `None` where one does not vary, or
/// lengths differ.
///
/// Comparing on common luck takes 1 - rho times the runs of independent ones, for equal variances.
pub fn correlation(first: &[f64], second: &[f64]) -> Option<f64> {
    let count = first.len() as f64;
    if first.len() != second.len() || first.len() < 2 {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (one, other) = (mean(first), mean(second));
    let products = |a: &[f64], x: f64, b: &[f64], y: f64| a.iter().zip(b).map(|(i, j)| (i - x) * (j - y)).sum::<f64>();
    let scale = libm::sqrt(products(first, one, first, one)) * libm::sqrt(products(second, other, second, other));
    (scale > 0.0).then(|| (products(first, one, second, other) / scale).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_is_the_binomial_test_of_the_pairs_that_differ() {
        // 1 against 9: 11 / 1024 on one side.
        let tails = mcnemar(1, 9);
        assert!((tails.low - 11.0 / 1024.0).abs() < 1e-14);
        assert!((tails.two_sided() - 22.0 / 1024.0).abs() < 1e-14);
        assert_eq!(mcnemar(0, 0), Tails::CERTAIN);
        assert!((sign(&[5, 0, 3, -1, 9]).high - 5.0 / 16.0).abs() < 1e-14);
    }

    #[test]
    fn signed_ranks_agree_with_all_signs_gone_through() {
        for sizes in [vec![1, 2, 3, 4, 5, 6, 7, 8], vec![3, 3, 1, 7, 7, 7, 0, 2], vec![5; 6], vec![0, 4]] {
            for signs in 0_u32..1 << sizes.len() {
                let signed = |signs: u32| -> Vec<i64> {
                    sizes.iter().enumerate().map(|(i, size)| if signs >> i & 1 == 1 { *size } else { -size }).collect()
                };
                let observed = doubled_ranks(&signed(signs)).1;
                let sums: Vec<usize> = (0..1 << sizes.len()).map(|signs| doubled_ranks(&signed(signs)).1).collect();
                let share = |holds: &dyn Fn(usize) -> bool| {
                    sums.iter().filter(|sum| holds(**sum)).count() as f64 / sums.len() as f64
                };
                let tails = signed_rank(&signed(signs));
                assert!((tails.low - share(&|sum| sum <= observed)).abs() < 1e-12);
                assert!((tails.high - share(&|sum| sum >= observed)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn critical_values_are_those_of_wilcoxons_table() {
        // n = 10, two-sided 5 %: T = 8 is refused, T = 9 is not; n = 20: 52 and 53.
        let with_rank_sum = |n: i64, mut negative: i64| {
            let mut differences: Vec<i64> = (1..=n).collect();
            for difference in differences.iter_mut().rev() {
                if *difference <= negative {
                    negative -= *difference;
                    *difference = -*difference;
                }
            }
            signed_rank(&differences).two_sided()
        };
        assert!(with_rank_sum(10, 8) <= 0.05 && with_rank_sum(10, 9) > 0.05);
        assert!(with_rank_sum(20, 52) <= 0.05 && with_rank_sum(20, 53) > 0.05);
    }

    #[test]
    fn the_approximation_agrees_with_the_exact_law_where_both_are_known() {
        for shift in [-40, -10, 0, 25] {
            let differences: Vec<i64> = (0..300).map(|i| (i * 7919 % 601) - 300 + shift).collect();
            let (ranks, positive) = doubled_ranks(&differences);
            let (exact, near) = (signed_rank(&differences), approximated(&ranks, positive));
            assert!((exact.low - near.low).abs() < 1e-3 && (exact.high - near.high).abs() < 1e-3, "{exact:?} {near:?}");
        }
    }

    #[test]
    fn the_interval_of_the_median_is_that_of_the_published_table() {
        // n = 10 at 95 %: the 2nd and 9th values; n = 20: the 6th and 15th; 5 values are too few.
        let ten: Vec<i64> = (1..=10).collect();
        assert_eq!(median_interval(&ten, 0.95), Some((2, 9)));
        let twenty: Vec<i64> = (1..=20).rev().collect();
        assert_eq!(median_interval(&twenty, 0.95), Some((6, 15)));
        assert_eq!(median_interval(&ten[..5], 0.95), None);
        assert_eq!(median_interval(&[], 0.5), None);
    }

    #[test]
    fn shared_luck_shows_as_correlation() {
        let near = |ours: Option<f64>, expected: f64| ours.is_some_and(|rho| (rho - expected).abs() < 1e-12);
        assert!(near(correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]), 1.0));
        assert!(near(correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0));
        assert!(near(correlation(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0]), 0.6));
        assert_eq!(correlation(&[1.0, 1.0], &[3.0, 2.0]), None);
    }
}
