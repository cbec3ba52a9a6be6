//! What the metrics say of a new version's pods, and the verdict over several measurements.
//!
//! A measurement counts the requests that the version's pods have answered in a window before it, and how many of them
//! with an error: a Poisson and a binomial count from the rates that hold now, which is the window's if the weights
//! have stood for that long. What never reached a pod is in no metric of it.

use crate::base::{Name, Span, Time};
use crate::config::quantity::LONGEST;
use crate::config::{Kind, Setting, Values};
use crate::strategy::turn::Turn;
use crate::world::ids::{AppId, SetId};
use crate::world::purpose::Purpose;

/// What a measurement must show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Most errors, as a share of the requests.
    pub errors: f64,
    /// Longest 99th percentile of the latency; zero: it is not looked at.
    pub p99: Span,
    /// The window that the query looks back over.
    pub window: Span,
}

/// What a measurement shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Within the bounds.
    Passed,
    /// Beyond one of them.
    Failed,
    /// The pods have answered nothing.
    NoData,
}

/// `window`.
pub const WINDOW: Setting = Setting {
    key: "window",
    about: "What the metric's query looks back over.",
    kind: Kind::Duration { min: Span::secs(1), max: LONGEST },
    default: "\"1m\"",
    unit: "",
    source: "flagger docs/gitbook/usage/metrics.md: interval 1m; argo-rollouts docs/features/analysis.md: [5m] of an \
             example, too long for most of its steps",
};

/// `max_errors`; tools differ in its default.
pub const MAX_ERRORS: Setting = Setting {
    key: "max_errors",
    about: "Most errors that a measurement may show, as a share of the new version's requests.",
    kind: Kind::Ratio,
    default: "0.05",
    unit: "",
    source: "argo-rollouts docs/features/analysis.md: successCondition result[0] >= 0.95",
};

/// `max_p99`.
pub const MAX_P99: Setting = Setting {
    key: "max_p99",
    about: "Longest 99th percentile of the new version's latency; 0s: not looked at.",
    kind: Kind::Duration { min: Span::ZERO, max: LONGEST },
    default: "\"0s\"",
    unit: "",
    source: "argo-rollouts: no metric but those asked for",
};

impl Bounds {
    /// From the settings above.
    pub fn of(values: &Values) -> Bounds {
        Bounds {
            errors: values.ratio("max_errors").as_f64(),
            p99: values.span("max_p99"),
            window: values.span("window"),
        }
    }

    /// One measurement, the `ordinal`th of this rollout.
    pub fn measure(&self, app: AppId, name: Name, set: SetId, ordinal: u64, turn: &Turn<'_, '_>) -> Finding {
        let Some(served) = turn.seen.served_by(app, set) else { return Finding::NoData };
        let mut draw = turn.seen.draw(Purpose::Analysis, name, ordinal);
        let requests = draw.poisson(served.rate * self.window.as_secs_f64());
        let errors = draw.binomial(requests, served.errors);
        if requests == 0 {
            return Finding::NoData;
        }
        let slow = !self.p99.is_zero() && served.p99 > self.p99;
        if slow || errors as f64 > self.errors * requests as f64 { Finding::Failed } else { Finding::Passed }
    }
}

/// How a series of measurements ends. Source: argo-rollouts `analysis/analysis.go`, `assessMetricStatus`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series {
    /// What each must show.
    pub bounds: Bounds,
    /// Measurements; one if there is no interval.
    pub count: u32,
    /// Time between two of them.
    pub interval: Span,
    /// More failed ones than this fail the series.
    pub failure_limit: u32,
    /// More measurements in a row without data than this are an error.
    pub error_limit: u32,
}

/// What is wrong with the settings of a series.
///
/// # Errors
/// When measurements would follow one another without time between them. Source: argo-rollouts
/// `utils/analysis/helpers.go`, `ValidateMetric`: more than one measurement needs an interval.
pub fn series_check(values: &Values) -> Result<(), String> {
    let interval = values.span("interval");
    if !interval.is_zero() && interval < SHORTEST_INTERVAL {
        return Err("`interval` is 0s, for a single measurement, or at least 1s".to_owned());
    }
    Ok(())
}

/// Shortest time between two measurements. Ours: queries look back over whole seconds.
const SHORTEST_INTERVAL: Span = Span::secs(1);
/// A measurement without data is made again after this long. Source: argo-rollouts `analysis.go`,
/// `DefaultErrorRetryInterval`.
const ERROR_RETRY: Span = Span::secs(10);

/// A series under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    next: Time,
    made: u32,
    failed: u32,
    errors: u32,
}

/// What a series has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on; the next measurement is at this time.
    Open(Time),
    /// Passed.
    Passed,
    /// Failed.
    Failed,
}

impl Running {
    /// Begins now.
    pub fn new(now: Time) -> Running {
        Running { next: now, made: 0, failed: 0, errors: 0 }
    }

    /// Measures if it is time; `endless`: a series beside the steps, that ends with them.
    pub fn look(
        &mut self,
        series: &Series,
        endless: bool,
        (app, name, set): (AppId, Name, SetId),
        ordinal: &mut u64,
        turn: &Turn<'_, '_>,
    ) -> Verdict {
        if turn.now() < self.next {
            return Verdict::Open(self.next);
        }
        *ordinal += 1;
        match series.bounds.measure(app, name, set, *ordinal, turn) {
            Finding::NoData => {
                self.errors += 1;
                self.next = turn.now() + ERROR_RETRY;
                return if self.errors > series.error_limit { Verdict::Failed } else { Verdict::Open(self.next) };
            }
            Finding::Failed => self.failed += 1,
            Finding::Passed => {}
        }
        self.errors = 0;
        self.made += 1;
        self.next = turn.now() + series.interval;
        let single = series.interval.is_zero() && !endless;
        if self.failed > series.failure_limit {
            Verdict::Failed
        } else if !endless && (single || self.made >= series.count) {
            Verdict::Passed
        } else {
            Verdict::Open(self.next)
        }
    }
}
