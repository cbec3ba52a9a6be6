//! Do measured values lie in the simulated central intervals as often as they should, no less and no more?

use std::ops::RangeInclusive;

use super::Tails;
use crate::base::Ratio;

/// The central interval of simulated values, and how often another value of the same law lies inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Central<T> {
    /// Lowest value inside.
    pub low: T,
    /// Highest value inside.
    pub high: T,
    /// The least and the most that the chance of a value inside can be. They differ by ties at the ends.
    pub chance: (f64, f64),
}

impl<T: Ord + Copy> Central<T> {
    /// The interval between the order statistics that cut half of `1 - share` off either end of `ascending`.
    /// `None` for no values.
    ///
    /// By exchangeability, a new value lies between the i-th and the j-th of N with chance at least (j - i) / (N + 1)
    /// when the ends count and at most that when they do not, whatever the law.
    pub fn of(ascending: &[T], share: Ratio) -> Option<Central<T>> {
        debug_assert!(ascending.is_sorted(), "intervals of values in order");
        let last = ascending.len().checked_sub(1)?;
        let outside = u64::from(Ratio::ONE.ppm().saturating_sub(share.ppm()));
        let cut = (last as u64 * outside / (2 * u64::from(Ratio::ONE.ppm()))) as usize;
        let (low, high) = (ascending[cut], ascending[last - cut]);
        let inside =
            ascending.partition_point(|value| *value <= high) - ascending.partition_point(|value| *value < low);
        let slots = (ascending.len() + 1) as f64;
        // Ties at the ends leave open on which side of them a new one would count.
        let least = inside.saturating_sub(1) as f64 / slots;
        let most = (inside + 1) as f64 / slots;
        Some(Central { low, high, chance: (least, most) })
    }

    /// Whether a value lies inside, ends included.
    pub fn contains(&self, value: T) -> bool {
        self.range().contains(&value)
    }

    /// From the lowest to the highest value inside.
    pub fn range(&self) -> RangeInclusive<T> {
        self.low..=self.high
    }
}

/// One measured value: whether it lies in its central interval, and how likely that was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    /// Whether it lies inside.
    pub inside: bool,
    /// As in [`Central::chance`].
    pub chance: (f64, f64),
}

/// How the values of one repetition depend on one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// Not at all: every value counts.
    Independent,
    /// In an unknown way, so one value of each repetition counts: the first of the first, the second of the second
    /// and so on in turn, a choice that does not look at the values.
    OneOfEach,
}

/// The exact test of coverage over repetitions of measured values.
///
/// `low` is small where too few lie inside (the model is wrong or too narrow), `high` where too many do (it is too
/// wide). The number inside is a sum of independent trials with different chances, whose distribution is computed in
/// full; each tail takes the end of [`Central::chance`] that makes it larger, so ties never make it lie.
pub fn coverage(repetitions: &[Vec<Placed>], dependence: Dependence) -> Tails {
    let chosen: Vec<Placed> = match dependence {
        Dependence::Independent => repetitions.iter().flatten().copied().collect(),
        Dependence::OneOfEach => {
            let nonempty = repetitions.iter().filter(|values| !values.is_empty());
            nonempty.enumerate().map(|(turn, values)| values[turn % values.len()]).collect()
        }
    };
    let inside = chosen.iter().filter(|placed| placed.inside).count();
    let tails = |chance: fn(&Placed) -> f64| Tails::at(inside, &number_inside(chosen.iter().map(chance)));
    Tails { low: tails(|placed| placed.chance.0).low, high: tails(|placed| placed.chance.1).high }
}

/// The probabilities of 0, 1, 2, ... successes in trials of these chances.
fn number_inside(chances: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut weights = vec![1.0];
    for chance in chances {
        weights.push(0.0);
        for count in (0..weights.len()).rev() {
            let from_below = if count == 0 { 0.0 } else { weights[count - 1] };
            weights[count] = weights[count] * (1.0 - chance) + from_below * chance;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::binomial;

    fn trials(inside: usize, outside: usize, chance: f64) -> Vec<Placed> {
        let one = |inside| Placed { inside, chance: (chance, chance) };
        (0..inside).map(|_| one(true)).chain((0..outside).map(|_| one(false))).collect()
    }

    #[test]
    fn equal_chances_give_the_binomial_test() {
        let tails = coverage(&[trials(15, 5, 0.9)], Dependence::Independent);
        assert!((tails.low - binomial::at_most(15, 20, 0.9)).abs() < 1e-12);
        assert!((tails.high - binomial::at_least(15, 20, 0.9)).abs() < 1e-12);
    }

    #[test]
    fn different_chances_give_the_sum_worked_by_hand() {
        let placed = |inside, chance| Placed { inside, chance: (chance, chance) };
        let tails = coverage(&[vec![placed(true, 0.5), placed(true, 0.2)]], Dependence::Independent);
        assert!((tails.high - 0.1).abs() < 1e-15 && (tails.low - 1.0).abs() < 1e-15);
        let none = coverage(&[vec![placed(false, 0.5), placed(false, 0.2)]], Dependence::Independent);
        assert!((none.low - 0.4).abs() < 1e-15);
    }

    #[test]
    fn too_many_inside_is_found_as_well_as_too_few() {
        assert!(coverage(&[trials(60, 40, 0.9)], Dependence::Independent).low < 1e-9);
        assert!(coverage(&[trials(300, 0, 0.9)], Dependence::Independent).high < 1e-13);
        assert!(coverage(&[trials(270, 30, 0.9)], Dependence::Independent).two_sided() > 0.5);
    }

    #[test]
    fn one_value_of_each_repetition_counts_a_repetition_once() {
        let same = vec![trials(0, 10, 0.9); 3];
        let once = coverage(&same, Dependence::OneOfEach);
        assert!((once.low - 0.001).abs() < 1e-12, "three values, not thirty");
        let turns = vec![trials(1, 1, 0.9), Vec::new(), trials(1, 1, 0.9)];
        // The first of the first is inside, the second of the next is not.
        assert!((coverage(&turns, Dependence::OneOfEach).low - 0.19).abs() < 1e-12);
        assert_eq!(coverage(&[], Dependence::OneOfEach), Tails::CERTAIN);
    }

    #[test]
    fn a_central_interval_holds_its_share() {
        let values: Vec<u32> = (1..=999).collect();
        let central = Central::of(&values, Ratio::from_ppm(900_000)).expect("there are values");
        assert_eq!(central.range(), 50..=950);
        assert!(central.chance.0 <= 0.901 && central.chance.1 >= 0.9, "{central:?}");
        assert!(central.contains(50) && !central.contains(951));
    }

    #[test]
    fn values_that_never_vary_are_always_inside() {
        let central = Central::of(&[0_u32; 1_000], Ratio::from_ppm(900_000)).expect("there are values");
        assert!(central.contains(0) && !central.contains(1));
        assert!(central.chance.0 > 0.997 && central.chance.1 == 1.0, "{central:?}");
        assert_eq!(Central::<u32>::of(&[], Ratio::ONE), None);
    }
}
