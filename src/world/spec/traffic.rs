//! Users: groups of clients, where they stand, how they connect, how often they ask.

use crate::base::{Rate, Ratio, Span, Time};
use crate::world::ids::{AppId, PoolId};

/// How a group connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// A new connection for each request.
    New,
    /// A pool of kept-alive connections per client, always as many, each request on any of them.
    KeptAlive {
        /// Idle connections kept per client; connections per client in steady state.
        pool: u32,
    },
    /// A pool of kept-alive connections per client without limit: each request takes the idle one used last, and a
    /// new one is opened when none is idle.
    LastUsed,
    /// Long streams: each is one request that is lost when its connection breaks, and opened again.
    Stream {
        /// Streams of the group.
        count: u32,
    },
}

/// Where a group's clients stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One client on each node of a pool.
    Pool(PoolId),
    /// One client in each ready pod of an app.
    App(AppId),
    /// Outside, behind the Service's load balancer.
    Outside,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// At equal gaps, open loop.
    Constant,
    /// Independently of each other.
    Poisson,
}

/// A change of a group's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStep {
    /// From this moment of the run.
    pub at: Span,
    /// The whole group's rate.
    pub rate: Rate,
}

/// A daily wave over the base rate, held in sixteen steps a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wave {
    /// Length of one wave.
    pub period: Span,
    /// Height over and depth under the base rate, as a share of it.
    pub amplitude: Ratio,
}

/// How requests are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settling {
    /// Counts per interval between model changes.
    Interval,
    /// One by one.
    PerRequest,
}

/// A group of equal clients of one app.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSpec {
    /// Name, unique within its app.
    pub name: String,
    /// The app it asks.
    pub app: AppId,
    /// The app whose pods stand in between: its clients connect to them, and they pass requests on.
    pub via: Option<AppId>,
    /// How it connects.
    pub connections: Connections,
    /// Where its clients stand.
    pub place: Place,
    /// The whole group's rate at the start.
    pub rate: Rate,
    /// Later rates, by time.
    pub steps: Vec<RateStep>,
    /// A wave over the rate.
    pub wave: Option<Wave>,
    /// When requests are sent.
    pub arrivals: Arrivals,
    /// A request or connection attempt without an answer fails after this long.
    pub timeout: Span,
    /// Tries after the first that a failed request gets.
    pub retries: u32,
    /// Wait before a retry.
    pub retry_backoff: Span,
    /// Retries allowed as a share of requests (a retry budget); `None`: no limit.
    pub retry_budget: Option<Ratio>,
    /// Whether the client library may repeat a request whose reused connection turns out closed.
    pub idempotent: bool,
    /// How requests are settled.
    pub settling: Settling,
}

/// Steps that a wave is held in.
const WAVE_STEPS: u64 = 16;

impl GroupSpec {
    /// The next moment after `now` at which its rate changes.
    pub fn next_change(&self, now: Time) -> Option<Time> {
        let step = self.steps.iter().map(|step| Time::ZERO + step.at).filter(|at| *at > now).min();
        let wave = self.wave.filter(|wave| !(wave.period / WAVE_STEPS).is_zero()).map(|wave| {
            let length = wave.period / WAVE_STEPS;
            (now + Span::nanos(1)).next_tick(Time::ZERO, length)
        });
        step.into_iter().chain(wave).min()
    }

    /// Its rate at a moment.
    pub fn rate_at(&self, now: Time) -> Rate {
        let passed = self.steps.iter().filter(|step| Time::ZERO + step.at <= now);
        let base = passed.max_by_key(|step| step.at).map_or(self.rate, |step| step.rate);
        let Some(wave) = self.wave else { return base };
        let length = (wave.period / WAVE_STEPS).as_nanos();
        let step = now.nanos().checked_div(length).unwrap_or(0) % WAVE_STEPS;
        let angle = (step as f64 + 0.5) * std::f64::consts::TAU / WAVE_STEPS as f64;
        let factor = 1.0 + wave.amplitude.as_f64() * libm::sin(angle);
        Rate::from_micros((base.micros() as f64 * factor) as u64)
    }
}
