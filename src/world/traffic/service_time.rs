//! How long requests are under way: the law of the service time, and how many of them a moment finds open.

use crate::base::Span;
use crate::engine::Dist;
use crate::world::spec::AppSpec;

/// Beyond this share of requests a service time is taken to end: one in 10^12.
const LONGEST_SHARE: f64 = 1e-12;
/// Standard deviations between the median and the 99th percentile of a normal law.
const Z99: f64 = 2.326_347_874_040_841;
/// Standard deviations that one request in 10^12 lies beyond.
const Z_LONGEST: f64 = 7.034_484_090_4;

/// The service times of an app as its clients live them: cut off at their time-out.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceTime {
    dist: Dist,
    /// 1, or 2 while the pod warms up.
    factor: u64,
    timeout: Span,
}

impl ServiceTime {
    pub(super) fn new(dist: Dist, warm: bool, timeout: Span) -> ServiceTime {
        ServiceTime { dist, factor: if warm { 1 } else { 2 }, timeout }
    }
    /// Longest time that a request is under way.
    pub(super) fn longest(self) -> Span {
        longest(self.dist).as_nanos().saturating_mul(self.factor).min(self.timeout.as_nanos()).into_span()
    }
    /// A typical time under way, for exposure.
    pub(super) fn typical(self) -> Span {
        (self.dist.median() * self.factor).min(self.timeout)
    }
    /// The share of requests that take longer than the client waits; they are abandoned.
    pub(super) fn too_long(self) -> f64 {
        self.beyond(self.timeout)
    }
    /// The mean time that a request is under way, in seconds.
    pub(super) fn mean(self) -> f64 {
        let scale = self.factor as f64;
        (rest(self.dist, 0.0) - rest(self.dist, self.timeout.as_secs_f64() / scale)) * scale
    }
    /// The share of requests that are under way for longer than `x`.
    pub(super) fn outlasts(self, x: Span) -> f64 {
        if x >= self.timeout { 0.0 } else { self.beyond(x) }
    }
    /// The share of requests that take longer than `x`.
    fn beyond(self, x: Span) -> f64 {
        beyond(self.dist, x.as_secs_f64() / self.factor as f64)
    }
    /// The integral of the share still under way over the ages from `from` to `to`, in seconds, among requests that
    /// the client does not give up.
    pub(super) fn under_way(self, from: Span, to: Span) -> f64 {
        let (from, to) = (from.min(self.timeout), to.min(self.timeout));
        if to <= from {
            return 0.0;
        }
        let scale = self.factor as f64;
        let open = (rest(self.dist, from.as_secs_f64() / scale) - rest(self.dist, to.as_secs_f64() / scale)) * scale;
        let given_up = self.too_long();
        let kept = open - given_up * (to - from).as_secs_f64();
        if given_up < 1.0 { (kept / (1.0 - given_up)).max(0.0) } else { 0.0 }
    }
    /// The time after which the last of the requests under way is answered, when `rate` of them start in a second, as
    /// the `luck`-quantile of its law: exp(-rate * E(S - x)+).
    pub(super) fn last_answer(self, rate: f64, luck: f64) -> Span {
        let open = |x: Span| rate * self.under_way(x, self.timeout);
        let wanted = -libm::log(luck.max(f64::MIN_POSITIVE));
        if open(Span::ZERO) <= wanted {
            return Span::ZERO;
        }
        let (mut low, mut high) = (0, self.longest().as_nanos());
        while low < high {
            let middle = low + (high - low) / 2;
            if open(Span::nanos(middle)) > wanted { low = middle + 1 } else { high = middle }
        }
        Span::nanos(low)
    }
    /// The `q`-quantile of answered requests' latency is below this.
    pub(super) fn quantile(self, q: f64) -> Span {
        let (mut low, mut high) = (0, self.longest().as_nanos());
        while low < high {
            let middle = low + (high - low) / 2;
            if 1.0 - self.beyond(Span::nanos(middle)) < q { low = middle + 1 } else { high = middle }
        }
        Span::nanos(low)
    }
}

/// The service times of an app by what its hosts' processors do: at rest, and at work.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceTimes([ServiceTime; 2]);

impl ServiceTimes {
    pub(super) fn new(app: &AppSpec, warm: bool, timeout: Span) -> ServiceTimes {
        let of = |works| ServiceTime::new(law(app, works), warm, timeout);
        ServiceTimes([of(false), of(true)])
    }
    /// Of requests that were sent while processors were at work, or not.
    pub(super) fn when(self, work: bool) -> ServiceTime {
        self.0[usize::from(work)]
    }
    /// Longest time that a request is under way.
    pub(super) fn longest(self) -> Span {
        self.0[0].longest().max(self.0[1].longest())
    }
}

/// The law of an app's service times while its hosts' processors are at work, or not.
pub(super) fn law(app: &AppSpec, work: bool) -> Dist {
    app.latency_busy.filter(|_| work).unwrap_or(app.latency)
}

trait IntoSpan {
    fn into_span(self) -> Span;
}
impl IntoSpan for u64 {
    fn into_span(self) -> Span {
        Span::nanos(self)
    }
}

fn longest(dist: Dist) -> Span {
    match dist {
        Dist::Fixed(span) => span,
        Dist::Uniform { high, .. } => high,
        Dist::Exponential { base, mean } => base + from_secs(-libm::log(LONGEST_SHARE) * mean.as_secs_f64()),
        Dist::LogNormal { median, p99 } => {
            let sigma = sigma(median, p99);
            from_secs(median.as_secs_f64() * libm::exp(sigma * Z_LONGEST))
        }
        Dist::Weibull { scale, shape_milli } => {
            from_secs(scale.as_secs_f64() * libm::pow(-libm::log(LONGEST_SHARE), 1.0 / shape(shape_milli)))
        }
    }
}

fn from_secs(seconds: f64) -> Span {
    Span::nanos((seconds * 1e9) as u64)
}

fn sigma(median: Span, p99: Span) -> f64 {
    if median.is_zero() { 0.0 } else { (libm::log(p99.as_secs_f64() / median.as_secs_f64()) / Z99).max(0.0) }
}

fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// P(S > x), x in seconds.
fn beyond(dist: Dist, x: f64) -> f64 {
    match dist {
        Dist::Fixed(span) => f64::from(u8::from(span.as_secs_f64() > x)),
        Dist::Uniform { low, high } => {
            let (low, high) = (low.as_secs_f64(), high.as_secs_f64());
            if x < low {
                1.0
            } else if x >= high {
                0.0
            } else {
                (high - x) / (high - low)
            }
        }
        Dist::Exponential { base, mean } => {
            let (base, mean) = (base.as_secs_f64(), mean.as_secs_f64());
            if x < base || mean <= 0.0 { f64::from(u8::from(x < base)) } else { libm::exp(-(x - base) / mean) }
        }
        Dist::LogNormal { median, p99 } => {
            let sigma = sigma(median, p99);
            if sigma <= 0.0 || x <= 0.0 {
                return f64::from(u8::from(median.as_secs_f64() > x));
            }
            normal_cdf((libm::log(median.as_secs_f64()) - libm::log(x)) / sigma)
        }
        Dist::Weibull { scale, shape_milli } => {
            if x <= 0.0 || scale.is_zero() {
                return f64::from(u8::from(!scale.is_zero()));
            }
            libm::exp(-libm::pow(x / scale.as_secs_f64(), shape(shape_milli)))
        }
    }
}

/// E(S - x)+, the integral of P(S > u) from x on, in seconds.
fn rest(dist: Dist, x: f64) -> f64 {
    match dist {
        Dist::Fixed(span) => (span.as_secs_f64() - x).max(0.0),
        Dist::Uniform { low, high } => {
            let (low, high) = (low.as_secs_f64(), high.as_secs_f64());
            if x <= low || high <= low {
                ((low + high) / 2.0 - x).max(0.0)
            } else if x >= high {
                0.0
            } else {
                (high - x) * (high - x) / (2.0 * (high - low))
            }
        }
        Dist::Exponential { base, mean } => {
            let (base, mean) = (base.as_secs_f64(), mean.as_secs_f64());
            if x < base || mean <= 0.0 { (base + mean - x).max(0.0) } else { mean * libm::exp(-(x - base) / mean) }
        }
        Dist::LogNormal { median, p99 } => {
            let (sigma, middle) = (sigma(median, p99), median.as_secs_f64());
            if sigma <= 0.0 {
                return (middle - x).max(0.0);
            }
            let mean = middle * libm::exp(sigma * sigma / 2.0);
            if x <= 0.0 {
                return mean - x;
            }
            let z = (libm::log(middle) - libm::log(x)) / sigma;
            (mean * normal_cdf(z + sigma) - x * normal_cdf(z)).max(0.0)
        }
        Dist::Weibull { .. } => by_simpson(dist, x),
    }
}

/// The integral of `beyond` from `x` to the longest service time, by Simpson's rule over steps that grow with the
/// square of their number, since the law is steepest at its start.
fn by_simpson(dist: Dist, x: f64) -> f64 {
    const STEPS: u32 = 400;
    let length = longest(dist).as_secs_f64() - x;
    if length <= 0.0 {
        return 0.0;
    }
    let at = |step: f64| {
        let share = step / f64::from(STEPS);
        beyond(dist, x + length * share * share) * 2.0 * share * length / f64::from(STEPS)
    };
    (0..STEPS).map(f64::from).map(|i| (at(i) + 4.0 * at(i + 0.5) + at(i + 1.0)) / 6.0).sum()
}

fn shape(milli: u32) -> f64 {
    f64::from(milli.max(1)) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAWS: [Dist; 5] = [
        Dist::Fixed(Span::millis(5)),
        Dist::Uniform { low: Span::millis(2), high: Span::millis(9) },
        Dist::Exponential { base: Span::millis(1), mean: Span::millis(4) },
        Dist::LogNormal { median: Span::millis(5), p99: Span::millis(40) },
        Dist::Weibull { scale: Span::millis(5), shape_milli: 1500 },
    ];

    #[test]
    fn what_is_under_way_integrates_the_share_that_takes_longer() {
        for law in LAWS {
            let (step, mut sum) = (1e-5, 0.0);
            for i in 0..5_000 {
                sum += beyond(law, 1e-3 + (f64::from(i) + 0.5) * step) * step;
            }
            let exact = rest(law, 1e-3) - rest(law, 1e-3 + 5_000.0 * step);
            assert!((sum - exact).abs() < 2e-6, "{law:?}: {sum} for {exact}");
        }
    }

    #[test]
    fn nobody_waits_longer_than_the_time_out() {
        let law = Dist::LogNormal { median: Span::millis(50), p99: Span::secs(3) };
        let time = ServiceTime::new(law, true, Span::secs(1));
        assert_eq!(time.longest(), Span::secs(1));
        assert!(time.too_long() > 0.01);
        assert_eq!(time.under_way(Span::secs(1), Span::secs(9)), 0.0);
        assert!(time.quantile(0.5) < Span::millis(51) && time.quantile(0.5) > Span::millis(49));
    }

    #[test]
    fn a_warming_pod_takes_twice_as_long() {
        let time = ServiceTime::new(LAWS[0], false, Span::secs(1));
        assert_eq!((time.longest(), time.typical()), (Span::millis(10), Span::millis(10)));
        assert!((time.under_way(Span::ZERO, Span::secs(1)) - 0.01).abs() < 1e-12);
    }

    #[test]
    fn the_last_answer_comes_later_the_more_are_under_way() {
        let time = ServiceTime::new(LAWS[2], true, Span::secs(1));
        let at = |rate| time.last_answer(rate, 0.5);
        assert_eq!(at(0.0), Span::ZERO);
        assert!(at(1_000.0) < at(100_000.0) && at(100_000.0) < time.longest());
    }
}
