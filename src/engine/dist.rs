//! Distributions of durations, sampled straight to whole nanoseconds.

use std::fmt;

use super::{Draw, normal};
use crate::base::{Ratio, Span};

/// The 99 % quantile of the normal distribution: how many sigmas lie between the median and the p99 of the logarithm.
const NORMAL_P99: f64 = 2.326_347_874_040_840_8;
/// Nanoseconds in the microsecond that floats are rounded to.
const MICRO: u64 = 1_000;

/// A distribution of durations.
///
/// What comes out of floats is rounded to whole microseconds, so that even a last-bit difference between two
/// machines would hardly ever show. What does not fit a [`Span`] becomes [`Span::FOREVER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dist {
    /// Always this.
    Fixed(Span),
    /// Any value from `low` up to but not including `high`, equally likely.
    Uniform {
        /// Lower end.
        low: Span,
        /// Upper end, excluded unless equal to `low`. One below `low` counts as `low`.
        high: Span,
    },
    /// `base` plus an exponential tail of this mean.
    Exponential {
        /// Smallest value.
        base: Span,
        /// Mean of the tail.
        mean: Span,
    },
    /// Log-normal by two quantiles.
    LogNormal {
        /// Half the values lie below.
        median: Span,
        /// Ninety-nine in a hundred lie below; at least the median, and counts as the median if less.
        p99: Span,
    },
    /// Weibull, the usual law of times to failure: P(X > x) = exp(-(x / scale)^shape).
    Weibull {
        /// The value that 63.2 % of all lie below.
        scale: Span,
        /// The shape in thousandths: below 1000 early failures, 1000 exponential, above 1000 wear. 0 counts as 1.
        shape_milli: u32,
    },
}

impl Dist {
    /// A value of this distribution.
    pub fn sample(&self, draw: &mut Draw) -> Span {
        match *self {
            Dist::Fixed(span) => span,
            Dist::Uniform { low, high } => low + draw.span_below(high - low),
            Dist::Exponential { base, mean } => base + times(mean, draw.exponential()),
            Dist::LogNormal { median, p99 } => log_normal(median, p99, draw.normal()),
            Dist::Weibull { scale, shape_milli } => weibull(scale, shape_milli, draw.exponential()),
        }
    }

    /// The value that this share of all values does not exceed; [`max`](Dist::max) or `FOREVER` for all of them.
    pub fn quantile(&self, p: Ratio) -> Span {
        if p == Ratio::ONE {
            return self.max().unwrap_or(Span::FOREVER);
        }
        let below = p.as_f64();
        match *self {
            Dist::Fixed(span) => span,
            Dist::Uniform { low, high } => low + parts_of(high - low, p),
            Dist::Exponential { base, mean } => base + times(mean, -libm::log1p(-below)),
            Dist::LogNormal { median, p99 } => log_normal(median, p99, normal::quantile(below)),
            Dist::Weibull { scale, shape_milli } => weibull(scale, shape_milli, -libm::log1p(-below)),
        }
    }

    /// The middle value, for reports and for enumeration.
    pub fn median(&self) -> Span {
        self.quantile(Ratio::from_ppm(Ratio::ONE.ppm() / 2))
    }

    /// The mean.
    pub fn mean(&self) -> Span {
        match *self {
            Dist::Fixed(span) => span,
            Dist::Uniform { low, high } => low + (high - low) / 2,
            Dist::Exponential { base, mean } => base + mean,
            Dist::LogNormal { median, p99 } => {
                let sigma = sigma(median, p99);
                times(median, libm::exp(sigma * sigma / 2.0))
            }
            Dist::Weibull { scale, shape_milli } => {
                times(scale, libm::exp(libm::lgamma(1.0 + 1.0 / shape(shape_milli))))
            }
        }
    }

    /// The largest value there is, if there is one.
    pub fn max(&self) -> Option<Span> {
        match *self {
            Dist::Fixed(span) => Some(span),
            Dist::Uniform { low, high } => Some(low + (high - low).saturating_sub(Span::nanos(1))),
            Dist::Exponential { base, mean } => mean.is_zero().then_some(base),
            Dist::LogNormal { median, p99 } => (median.is_zero() || p99 <= median).then_some(median),
            Dist::Weibull { scale, .. } => scale.is_zero().then_some(scale),
        }
    }
}

/// `share` of `span`, rounded down to the nanosecond.
fn parts_of(span: Span, share: Ratio) -> Span {
    let scaled = u128::from(span.as_nanos()) * u128::from(share.ppm()) / u128::from(Ratio::ONE.ppm());
    Span::nanos(u64::try_from(scaled).unwrap_or(u64::MAX))
}

/// `span` times `factor`, rounded to the microsecond.
fn times(span: Span, factor: f64) -> Span {
    let micros = libm::round(span.as_nanos() as f64 / MICRO as f64 * factor);
    // The conversion saturates, and so does the multiplication: beyond the range lies "forever".
    Span::nanos((micros as u64).saturating_mul(MICRO))
}

/// The value of a log-normal variate whose logarithm lies `sigmas` deviations above its middle.
fn log_normal(median: Span, p99: Span, sigmas: f64) -> Span {
    if p99 <= median || median.is_zero() {
        return median;
    }
    times(median, libm::exp(sigma(median, p99) * sigmas))
}

/// The deviation of the logarithm.
fn sigma(median: Span, p99: Span) -> f64 {
    if p99 <= median || median.is_zero() {
        return 0.0;
    }
    libm::log(p99.as_nanos() as f64 / median.as_nanos() as f64) / NORMAL_P99
}

/// The value of a Weibull variate whose cumulative hazard is `hazard`.
fn weibull(scale: Span, shape_milli: u32, hazard: f64) -> Span {
    match shape_milli {
        1000 => times(scale, hazard),
        _ if scale.is_zero() => scale,
        _ => times(scale, libm::pow(hazard, 1.0 / shape(shape_milli))),
    }
}

fn shape(shape_milli: u32) -> f64 {
    f64::from(shape_milli.max(1)) / 1e3
}

impl fmt::Display for Dist {
    /// As scenarios write it: `"40s"`, or an inline table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Dist::Fixed(span) => write!(f, "\"{span}\""),
            Dist::Uniform { low, high } => write!(f, "{{ uniform = [\"{low}\", \"{high}\"] }}"),
            Dist::Exponential { base, mean } => {
                write!(f, "{{ exponential = {{ base = \"{base}\", mean = \"{mean}\" }} }}")
            }
            Dist::LogNormal { median, p99 } => {
                write!(f, "{{ lognormal = {{ median = \"{median}\", p99 = \"{p99}\" }} }}")
            }
            Dist::Weibull { scale, shape_milli } => {
                let (whole, thousandths) = (shape_milli / 1000, shape_milli % 1000);
                write!(f, "{{ weibull = {{ scale = \"{scale}\", shape = {whole}.{thousandths:03} }} }}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Name;
    use crate::engine::Draws;

    const EXPONENTIAL: Dist = Dist::Exponential { base: Span::secs(1), mean: Span::secs(2) };
    const LOG_NORMAL: Dist = Dist::LogNormal { median: Span::secs(30), p99: Span::secs(60) };
    const WEIBULL: Dist = Dist::Weibull { scale: Span::secs(10), shape_milli: 1500 };
    const UNIFORM: Dist = Dist::Uniform { low: Span::secs(1), high: Span::secs(3) };

    fn samples(dist: Dist, count: u64) -> Vec<Span> {
        let draws = Draws::new(2026, 4);
        (0..count).map(|i| dist.sample(&mut draws.at(1, Name::new("sample"), i))).collect()
    }

    #[test]
    fn samples_are_the_same_for_ever() {
        let micros = |dist| samples(dist, 4).iter().map(|span| span.as_nanos()).collect::<Vec<_>>();
        assert_eq!(micros(Dist::Fixed(Span::secs(40))), [40_000_000_000; 4]);
        assert_eq!(micros(UNIFORM), [1_008_595_376, 2_358_283_731, 1_182_501_611, 1_735_519_449]);
        assert_eq!(micros(EXPONENTIAL), [11_899_356_000, 1_773_850_000, 5_788_287_000, 3_000_651_000]);
        assert_eq!(micros(LOG_NORMAL), [13_711_685_000, 34_461_268_000, 20_165_956_000, 27_127_564_000]);
        assert_eq!(micros(WEIBULL), [30_968_053_000, 5_309_880_000, 17_896_445_000, 10_002_170_000]);
    }

    #[test]
    fn each_quantile_splits_the_samples_in_its_proportion() {
        const COUNT: u64 = 100_000;
        for dist in [UNIFORM, EXPONENTIAL, LOG_NORMAL, WEIBULL] {
            let samples = samples(dist, COUNT);
            for ppm in [10_000, 100_000, 250_000, 500_000, 750_000, 900_000, 990_000] {
                let (share, quantile) = (f64::from(ppm) / 1e6, dist.quantile(Ratio::from_ppm(ppm)));
                let below = samples.iter().filter(|&&sample| sample <= quantile).count() as f64 / COUNT as f64;
                let deviation = libm::sqrt(share * (1.0 - share) / COUNT as f64);
                assert!((below - share).abs() < 4.5 * deviation, "{dist}: {below} below the quantile {share}");
            }
        }
    }

    #[test]
    fn the_mean_is_what_samples_average_to() {
        const COUNT: u64 = 100_000;
        for dist in [UNIFORM, EXPONENTIAL, LOG_NORMAL, WEIBULL] {
            let samples: Vec<f64> = samples(dist, COUNT).iter().map(|span| span.as_secs_f64()).collect();
            let mean = samples.iter().sum::<f64>() / COUNT as f64;
            let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / COUNT as f64;
            let error = mean - dist.mean().as_secs_f64();
            assert!(error.abs() < 4.5 * libm::sqrt(variance / COUNT as f64), "{dist}: off by {error} s");
        }
    }

    #[test]
    fn the_quantiles_it_was_made_from_come_back() {
        assert_eq!(LOG_NORMAL.median(), Span::secs(30));
        assert_eq!(LOG_NORMAL.quantile(Ratio::from_ppm(990_000)), Span::secs(60));
        assert_eq!(EXPONENTIAL.median(), Span::secs(1) + Span::micros(1_386_294));
        assert_eq!(WEIBULL.quantile(Ratio::from_ppm(632_121)), Span::micros(10_000_008));
        assert_eq!(UNIFORM.quantile(Ratio::from_ppm(250_000)), Span::millis(1500));
        assert_eq!(EXPONENTIAL.quantile(Ratio::ZERO), Span::secs(1));
        assert_eq!(LOG_NORMAL.quantile(Ratio::ZERO), Span::ZERO);
    }

    #[test]
    fn only_bounded_distributions_have_a_largest_value() {
        assert_eq!(Dist::Fixed(Span::secs(4)).max(), Some(Span::secs(4)));
        assert_eq!(UNIFORM.max(), Some(Span::nanos(2_999_999_999)));
        assert_eq!(Dist::Uniform { low: Span::secs(3), high: Span::secs(3) }.max(), Some(Span::secs(3)));
        assert_eq!([EXPONENTIAL.max(), LOG_NORMAL.max(), WEIBULL.max()], [None; 3]);
        assert_eq!(EXPONENTIAL.quantile(Ratio::ONE), Span::FOREVER);
        assert_eq!(UNIFORM.quantile(Ratio::ONE), Span::nanos(2_999_999_999));
    }

    #[test]
    fn hopeless_parameters_saturate_and_do_not_fail() {
        let odd = [
            Dist::Uniform { low: Span::secs(3), high: Span::secs(1) },
            Dist::Uniform { low: Span::ZERO, high: Span::FOREVER },
            Dist::Exponential { base: Span::FOREVER, mean: Span::FOREVER },
            Dist::LogNormal { median: Span::ZERO, p99: Span::secs(1) },
            Dist::LogNormal { median: Span::secs(2), p99: Span::secs(1) },
            Dist::LogNormal { median: Span::nanos(1), p99: Span::FOREVER },
            Dist::Weibull { scale: Span::FOREVER, shape_milli: 0 },
            Dist::Weibull { scale: Span::ZERO, shape_milli: 0 },
        ];
        for dist in odd {
            let largest = dist.max().unwrap_or(Span::FOREVER);
            assert!(samples(dist, 200).iter().all(|&sample| sample <= largest), "{dist}");
            assert!(dist.quantile(Ratio::from_ppm(1)) <= dist.quantile(Ratio::from_ppm(999_999)), "{dist}");
            assert!(dist.mean() <= largest, "{dist}");
        }
    }

    #[test]
    fn a_distribution_prints_as_a_scenario_writes_it() {
        assert_eq!(Dist::Fixed(Span::secs(40)).to_string(), "\"40s\"");
        assert_eq!(UNIFORM.to_string(), "{ uniform = [\"1s\", \"3s\"] }");
        assert_eq!(EXPONENTIAL.to_string(), "{ exponential = { base = \"1s\", mean = \"2s\" } }");
        assert_eq!(LOG_NORMAL.to_string(), "{ lognormal = { median = \"30s\", p99 = \"1m\" } }");
        assert_eq!(WEIBULL.to_string(), "{ weibull = { scale = \"10s\", shape = 1.500 } }");
    }
}
