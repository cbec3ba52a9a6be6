//! The regularised incomplete beta function.

use crate::engine::ln_binomial_mass;

/// Terms of the continued fraction; it needs about the square root of the larger parameter.
const TERMS_MAX: u32 = 1_000_000;
/// Keeps the fraction away from a division by zero.
const TINY: f64 = 1e-300;
/// Two steps that agree this far end the fraction.
const CLOSE: f64 = 1e-15;

/// I_x(a, b): the probability that a beta variate of these parameters is at most `x`. `a` and `b` above 0.
///
/// Relative error below 1e-12 up to parameters of a million: the factor before the fraction is a binomial
/// probability in Loader's form, the fraction is that of NIST DLMF 8.17.22 by Lentz's method.
pub(super) fn regularised(x: f64, a: f64, b: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below the mean; above it, the other tail is taken.
    match x <= (a + 1.0) / (a + b + 2.0) {
        true => lower(x, a, b).min(1.0),
        false => (1.0 - lower(1.0 - x, b, a)).max(0.0),
    }
}

fn lower(x: f64, a: f64, b: f64) -> f64 {
    libm::exp(ln_binomial_mass(a, a + b, x)) * b / (a + b) / fraction(x, a, b)
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut value, mut above, mut below) = (1.0_f64, 1.0_f64, 0.0_f64);
    for term in 1..=TERMS_MAX {
        let m = f64::from(term / 2);
        let coefficient = match term % 2 {
            0 => m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            _ => -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        };
        below = 1.0 / away(1.0 + coefficient * below);
        above = away(1.0 + coefficient / above);
        let step = above * below;
        value *= step;
        if (step - 1.0).abs() < CLOSE {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_agree_with_another_implementation() {
        for (a, b) in [(1.0, 1.0), (0.5, 0.5), (2.0, 5.0), (13.0, 1.0), (40.0, 60.0), (0.5, 300.0), (700.0, 900.0)] {
            for x in [0.001, 0.02, 0.1, 0.4, 0.5, 0.77, 0.98] {
                let (ours, theirs) = (regularised(x, a, b), statrs::function::beta::beta_reg(a, b, x));
                assert!((ours - theirs).abs() < 1e-12, "I_{x}({a}, {b}) = {ours} or {theirs}");
            }
        }
    }

    #[test]
    fn both_halves_of_a_symmetric_law_weigh_the_same_even_at_a_million() {
        for n in [3.0, 1e3, 1e6] {
            assert!((regularised(0.5, n, n) - 0.5).abs() < 1e-10, "{n}: {}", regularised(0.5, n, n));
        }
    }

    #[test]
    fn values_whose_formula_is_known_come_out() {
        // I_x(a, 1) = x^a and I_x(1, b) = 1 - (1 - x)^b.
        for x in [1e-6, 0.3, 0.9] {
            assert!((regularised(x, 7.0, 1.0) / libm::pow(x, 7.0) - 1.0).abs() < 1e-12);
            let expected = -libm::expm1(20_000.0 * libm::log1p(-x));
            assert!((regularised(x, 1.0, 20_000.0) / expected - 1.0).abs() < 1e-12);
        }
        assert_eq!([regularised(0.0, 2.0, 3.0), regularised(1.0, 2.0, 3.0)], [0.0, 1.0]);
    }
}
