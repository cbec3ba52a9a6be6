//! Argo Rollouts' canary: steps of weight, pause, analysis and scale, with a traffic router or by counts of pods.

use super::analysis::{Bounds, MAX_ERRORS, MAX_P99, Running, Series, Verdict, WINDOW, series_check};
use super::counts::{Count, count, toward};
use super::hand::Hand;
use super::steps::{Step, steps};
use super::{Asked, DeliveryEntry};
use crate::base::{IntOrPercent, Name, Span, Time};
use crate::config::quantity::LONGEST;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::actor::{Actor, NotYet, Orders, Wait};
use crate::strategy::turn::{OrderNumbers, Turn};
use crate::world::command::{Answer, Command};
use crate::world::fact::RolloutStage;
use crate::world::ids::SetId;
use crate::world::reported::Reported;
use crate::world::store::Delivery;

/// `argo-canary`.
pub static ARGO_CANARY: DeliveryEntry = DeliveryEntry {
    entry: &ENTRY,
    check,
    build: |asked, values| Box::new(Canary::new(asked, values)),
    owns_sets: true,
};

fn check(values: &Values) -> Result<(), String> {
    steps(values.text("steps"))?;
    if values.flag("background") && values.span("interval").is_zero() {
        return Err("`background` needs an `interval`: without one it would be a single measurement".to_owned());
    }
    series_check(values)
}

const SPEC: &str = "argo-rollouts docs/features/specification.md";
/// The specification says 1 of both; the code is right.
const DEFAULTS: &str = "argo-rollouts utils/defaults/defaults.go: DefaultMaxSurge, DefaultMaxUnavailable";
pub(super) const ANALYSIS: &str = "argo-rollouts docs/features/analysis.md";

static ENTRY: Entry = Entry {
    name: "argo-canary",
    about: "Argo Rollouts' canary: weights, pauses and analyses in steps; a failed analysis aborts it.",
    details: "The new ReplicaSet takes a share of the requests that grows step by step. Without a traffic router the \
              share is one of pods, within maxSurge and maxUnavailable; with one the stable set stays at full scale \
              and the router splits new connections. A failed analysis aborts: all weight to the stable set at once, \
              the canary scaled down 30 s later (with a router) or by the surge rules (without). The rollout is then \
              Degraded until a person retries. A deadline without progress only says so unless told to abort. Not \
              modelled: experiments, header routes, mirrors, inconclusive metrics.",
    settings: &SETTINGS,
    sources: &[
        "argo-rollouts docs/features/canary.md, analysis.md, scaledown-aborted-rs.md",
        "argo-rollouts utils/replicaset/canary.go",
    ],
};

const fn span(key: &'static str, default: &'static str, about: &'static str, source: &'static str) -> Setting {
    Setting { key, about, kind: Kind::Duration { min: Span::ZERO, max: LONGEST }, default, unit: "", source }
}
const fn flag(key: &'static str, default: &'static str, about: &'static str, source: &'static str) -> Setting {
    Setting { key, about, kind: Kind::Bool, default, unit: "", source }
}

/// `interval` of a series.
pub(super) const INTERVAL: Setting =
    span("interval", "\"0s\"", "Time between two measurements; 0s: a single one.", ANALYSIS);
/// `count` of a series.
pub(super) const COUNT: Setting = Setting {
    key: "count",
    about: "Measurements of one analysis, where there is an interval.",
    kind: Kind::Count { min: 1, max: 100_000 },
    default: "5",
    unit: "measurements",
    source: "argo-rollouts docs/features/analysis.md: count 5 of its examples; the field has no default",
};
/// `failure_limit` of a series.
pub(super) const FAILURE_LIMIT: Setting = Setting {
    key: "failure_limit",
    about: "failureLimit: more failed measurements than this fail the analysis.",
    kind: Kind::Count { min: 0, max: 100_000 },
    default: "0",
    unit: "measurements",
    source: ANALYSIS,
};
/// `error_limit` of a series.
pub(super) const ERROR_LIMIT: Setting = Setting {
    key: "error_limit",
    about: "consecutiveErrorLimit: more measurements in a row without data than this fail the analysis.",
    kind: Kind::Count { min: 0, max: 100_000 },
    default: "4",
    unit: "measurements",
    source: ANALYSIS,
};
/// `scale_down_delay`.
pub(super) const SCALE_DOWN_DELAY: Setting = span(
    "scale_down_delay",
    "\"30s\"",
    "scaleDownDelaySeconds: how long the old ReplicaSet stays after the traffic has left it.",
    SPEC,
);
/// `abort_scale_down_delay`.
pub(super) const ABORT_SCALE_DOWN_DELAY: Setting = span(
    "abort_scale_down_delay",
    "\"30s\"",
    "abortScaleDownDelaySeconds: how long the new ReplicaSet stays after an abort; 0s: for ever.",
    SPEC,
);
/// `progress_deadline`.
pub(super) const PROGRESS_DEADLINE: Setting = span(
    "progress_deadline",
    "\"10m\"",
    "progressDeadlineSeconds: without progress for this long it is Degraded.",
    SPEC,
);
/// `progress_deadline_abort`.
pub(super) const PROGRESS_DEADLINE_ABORT: Setting =
    flag("progress_deadline_abort", "false", "progressDeadlineAbort: it aborts then.", SPEC);

static SETTINGS: [Setting; 18] = [
    Setting {
        key: "steps",
        about: "The steps: `weight N` (percent), `pause 1m`, `pause` (until somebody promotes), `analysis`, `scale N`.",
        kind: Kind::Text,
        default: "\"weight 20, analysis, weight 40, pause 10s, weight 60, pause 10s, weight 80, pause 10s\"",
        unit: "",
        source: "argo-rollouts docs/getting-started.md, with an analysis in place of its first pause",
    },
    Setting {
        key: "router",
        about: "Who splits the traffic: nobody (weights are counts of pods), or a router in front of all clients.",
        kind: Kind::Choice(&["none", "mesh"]),
        default: "\"none\"",
        unit: "",
        source: "argo-rollouts docs/features/traffic-management/index.md",
    },
    Setting {
        key: "max_surge",
        about: "maxSurge, rounded up; without a router only.",
        kind: Kind::IntOrPercent,
        default: "\"25%\"",
        unit: "",
        source: DEFAULTS,
    },
    Setting {
        key: "max_unavailable",
        about: "maxUnavailable, rounded down; without a router only.",
        kind: Kind::IntOrPercent,
        default: "\"25%\"",
        unit: "",
        source: DEFAULTS,
    },
    flag(
        "dynamic_stable_scale",
        "false",
        "dynamicStableScale: with a router, the stable set shrinks as its weight does; after an abort the weight \
         comes back as its pods do.",
        SPEC,
    ),
    flag("background", "false", "Whether the analysis also runs beside all steps, from the first weight on.", ANALYSIS),
    INTERVAL,
    COUNT,
    FAILURE_LIMIT,
    ERROR_LIMIT,
    WINDOW,
    MAX_ERRORS,
    MAX_P99,
    SCALE_DOWN_DELAY,
    ABORT_SCALE_DOWN_DELAY,
    PROGRESS_DEADLINE,
    PROGRESS_DEADLINE_ABORT,
    span("min_ready", "\"0s\"", "minReadySeconds.", SPEC),
];

/// The series of the settings above.
pub(super) fn series(values: &Values) -> Series {
    Series {
        bounds: Bounds::of(values),
        count: values.count("count") as u32,
        interval: values.span("interval"),
        failure_limit: values.count("failure_limit") as u32,
        error_limit: values.count("error_limit") as u32,
    }
}

/// What is set.
#[derive(Clone, Debug)]
struct Settings {
    steps: Vec<Step>,
    router: bool,
    surge: IntOrPercent,
    unavailable: IntOrPercent,
    dynamic_stable: bool,
    background: bool,
    series: Series,
    scale_down_delay: Span,
    abort_delay: Span,
    deadline: Span,
    deadline_aborts: bool,
    min_ready: Span,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No new version yet.
    Idle,
    /// Its ReplicaSet is being created.
    Creating,
    /// At a step, since when.
    At(usize, Time),
    /// All steps are done.
    Promoting,
    /// The router has left the old set.
    Left(Time),
    /// Aborted; the weight went back then.
    Aborted(Time),
    /// Nothing is left to do.
    Done,
}

#[derive(Clone, Debug)]
struct Canary {
    asked: Asked,
    name: Name,
    is: Settings,
    numbers: OrderNumbers,
    hand: Hand,
    stage: Stage,
    stable: SetId,
    canary: SetId,
    /// The weight wanted of the canary, and what the router has.
    weight: (u32, u32),
    /// A count set apart from the weight.
    scale: Option<u32>,
    running: Option<Running>,
    background: Option<Running>,
    measured: u64,
    /// When it made progress last, and what the sets were then.
    progress: Progress,
    late: bool,
}

/// What the deadline runs from. Source: argo-rollouts `utils/conditions/conditions.go`, `RolloutProgressing`: more
/// pods of the new set, fewer of the old; a pause stops the clock (Paused, Resumed).
#[derive(Clone, Copy, Debug)]
struct Progress {
    at: Time,
    available: u32,
    stable: u32,
}

/// What one look has come to.
enum Next {
    /// Goes on at once.
    Again,
    /// Waits for what was put down.
    Wait,
}

impl Canary {
    fn new(asked: &Asked, values: &Values) -> Canary {
        let is = Settings {
            steps: steps(values.text("steps")).unwrap_or_default(),
            router: values.choice("router") == "mesh",
            surge: values.int_or_percent("max_surge"),
            unavailable: values.int_or_percent("max_unavailable"),
            dynamic_stable: values.flag("dynamic_stable_scale"),
            background: values.flag("background"),
            series: series(values),
            scale_down_delay: values.span("scale_down_delay"),
            abort_delay: values.span("abort_scale_down_delay"),
            deadline: values.span("progress_deadline"),
            deadline_aborts: values.flag("progress_deadline_abort"),
            min_ready: values.span("min_ready"),
        };
        Canary {
            asked: asked.clone(),
            name: Name::new("rollout").with(Name::new(&asked.name)),
            is,
            numbers: OrderNumbers::default(),
            hand: Hand::default(),
            stage: Stage::Idle,
            stable: SetId(0),
            canary: SetId(0),
            weight: (0, 0),
            scale: None,
            running: None,
            background: None,
            measured: 0,
            progress: Progress { at: Time::ZERO, available: 0, stable: 0 },
            late: false,
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        self.hand.write(Command::Deliver(self.asked.app, delivery));
    }
    fn replicas(&self, turn: &Turn<'_, '_>) -> u32 {
        turn.seen.store().deployments().now(self.asked.app).replicas
    }
    fn counts(&self, turn: &mut Turn<'_, '_>) -> (Count, Count) {
        let (canary, at) = count(self.asked.app, self.canary, self.is.min_ready, turn.seen);
        let (stable, then) = count(self.asked.app, self.stable, self.is.min_ready, turn.seen);
        turn.until(at.min(then));
        (canary, stable)
    }

    /// What is wanted of both sets at the present weight.
    fn wanted(&self, replicas: u32) -> (u32, u32) {
        let share = |percent: u32| (u64::from(replicas) * u64::from(percent)).div_ceil(100) as u32;
        match self.is.router {
            true => {
                let stable = if self.is.dynamic_stable { share(100 - self.weight.1) } else { replicas };
                (self.scale.unwrap_or_else(|| share(self.weight.0)), stable)
            }
            false => {
                let canary = share(self.weight.0);
                (canary, replicas - canary.min(replicas))
            }
        }
    }

    /// Moves both sets towards what is wanted; whether they are there, the canary's pods available.
    fn scaled(&mut self, wanted: (u32, u32), turn: &mut Turn<'_, '_>) -> bool {
        let replicas = self.replicas(turn);
        let (canary, stable) = self.counts(turn);
        if canary.available > self.progress.available || stable.spec < self.progress.stable {
            self.progress.at = turn.now();
        }
        (self.progress.available, self.progress.stable) = (canary.available, stable.spec);
        let posts = match self.is.router {
            // With a router the sets are scaled each for itself.
            true => (wanted.0 + replicas, replicas),
            false => {
                let surge = self.is.surge.of_rounding_up(replicas);
                let unavailable = self.is.unavailable.of_rounding_down(replicas);
                if surge + unavailable == 0 { (0, 1) } else { (surge, unavailable) }
            }
        };
        if let Some((of_canary, to)) = toward((canary, stable), wanted, replicas, posts) {
            let set = if of_canary { self.canary } else { self.stable };
            self.deliver(Delivery::Scale { set, replicas: to });
            return false;
        }
        (canary.spec, stable.spec) == wanted && canary.available >= wanted.0
    }

    fn look(&mut self, turn: &mut Turn<'_, '_>) -> Next {
        match self.stage {
            Stage::Idle if turn.now() < self.asked.at => {
                turn.until(self.asked.at);
                Next::Wait
            }
            Stage::Idle => {
                let deployment = turn.seen.store().deployments().now(self.asked.app);
                self.stable = deployment.sets[0];
                self.deliver(Delivery::Create { template: deployment.template + 1 });
                turn.orders.rollouts.push((self.asked.app, RolloutStage::Began, 0));
                self.stage = Stage::Creating;
                Next::Again
            }
            Stage::Creating => {
                let Some(set) = turn.seen.store().set_beside(self.asked.app) else { return Next::Wait };
                self.canary = set;
                if self.is.router {
                    self.deliver(Delivery::Weigh { set, percent: 0 });
                }
                self.progress = Progress { at: turn.now(), ..self.progress };
                self.stage = Stage::At(0, turn.now());
                Next::Again
            }
            Stage::At(step, since) => self.at_step(step, since, turn),
            Stage::Promoting => self.promote(turn),
            Stage::Left(at) if turn.now() < at + self.is.scale_down_delay => {
                turn.until(at + self.is.scale_down_delay);
                Next::Wait
            }
            Stage::Left(_) => {
                let replicas = self.replicas(turn);
                self.finish((replicas, 0), Ok(()), turn)
            }
            Stage::Aborted(at) => self.aborted(at, turn),
            Stage::Done => Next::Wait,
        }
    }

    fn at_step(&mut self, step: usize, since: Time, turn: &mut Turn<'_, '_>) -> Next {
        if let Some(next) = self.watch_beside(turn) {
            return next;
        }
        let Some(asked) = self.is.steps.get(step).copied() else {
            (self.stage, self.scale) = (Stage::Promoting, None);
            return Next::Again;
        };
        match asked {
            Step::Weight(percent) => self.weight.0 = percent,
            Step::Scale(pods) if self.is.router => self.scale = Some(pods),
            Step::Scale(_) | Step::Pause(_) | Step::Analysis => {}
        }
        let wanted = self.wanted(self.replicas(turn));
        if !self.scaled(wanted, turn) {
            return self.waits_for_pods(turn);
        }
        if self.weight.0 != self.weight.1 {
            return self.weigh(self.weight.0, turn);
        }
        match asked {
            Step::Weight(_) | Step::Scale(_) => {}
            Step::Pause(None) => {
                let app = &self.asked.name;
                turn.blocked(NotYet::Gate(format!("the rollout of {app} is paused until somebody promotes it")));
                return Next::Wait;
            }
            Step::Pause(Some(span)) if turn.now() < since + span => {
                turn.until(since + span);
                return Next::Wait;
            }
            Step::Pause(Some(_)) => {}
            Step::Analysis => {
                let mut running = self.running.take().unwrap_or_else(|| Running::new(turn.now()));
                let of = (self.asked.app, self.name, self.canary);
                match running.look(&self.is.series, false, of, &mut self.measured, turn) {
                    Verdict::Open(at) => {
                        self.running = Some(running);
                        turn.until(at);
                        return Next::Wait;
                    }
                    Verdict::Failed => return self.abort("its analysis failed", turn),
                    Verdict::Passed => {}
                }
            }
        }
        self.stage = Stage::At(step + 1, turn.now());
        self.progress.at = turn.now();
        Next::Again
    }

    fn weigh(&mut self, percent: u32, turn: &mut Turn<'_, '_>) -> Next {
        self.weight = (percent, percent);
        turn.orders.rollouts.push((self.asked.app, RolloutStage::Weighted, percent));
        if self.is.router {
            self.deliver(Delivery::Weigh { set: self.canary, percent });
        }
        Next::Again
    }

    /// The analysis beside the steps.
    fn watch_beside(&mut self, turn: &mut Turn<'_, '_>) -> Option<Next> {
        if !self.is.background || self.weight.1 == 0 {
            return None;
        }
        let mut running = self.background.take().unwrap_or_else(|| Running::new(turn.now()));
        let of = (self.asked.app, self.name, self.canary);
        let verdict = running.look(&self.is.series, true, of, &mut self.measured, turn);
        self.background = Some(running);
        match verdict {
            Verdict::Open(at) => turn.until(at),
            Verdict::Failed => return Some(self.abort("its background analysis failed", turn)),
            Verdict::Passed => {}
        }
        None
    }

    /// Pods are missing; the deadline runs.
    fn waits_for_pods(&mut self, turn: &mut Turn<'_, '_>) -> Next {
        let due = self.progress.at + self.is.deadline;
        if turn.now() < due {
            turn.until(due);
        } else if self.is.deadline_aborts {
            return self.abort("it made no progress within its deadline", turn);
        } else if !std::mem::replace(&mut self.late, true) {
            turn.remark(format!("the rollout of {} is Degraded: no progress within its deadline", self.asked.name));
            turn.orders.rollouts.push((self.asked.app, RolloutStage::Late, self.weight.1));
        }
        Next::Wait
    }

    fn promote(&mut self, turn: &mut Turn<'_, '_>) -> Next {
        if let Some(next) = self.watch_beside(turn) {
            return next;
        }
        self.weight.0 = 100;
        let replicas = self.replicas(turn);
        let wanted = if self.is.router { (replicas, self.wanted(replicas).1) } else { (replicas, 0) };
        if !self.scaled(wanted, turn) {
            return self.waits_for_pods(turn);
        }
        if self.weight.1 != 100 {
            return self.weigh(100, turn);
        }
        if self.is.router {
            self.stage = Stage::Left(turn.now());
            return Next::Again;
        }
        self.finish((replicas, 0), Ok(()), turn)
    }

    fn abort(&mut self, why: &str, turn: &mut Turn<'_, '_>) -> Next {
        turn.remark(format!("the rollout of {} is aborted: {why}", self.asked.name));
        turn.orders.rollouts.push((self.asked.app, RolloutStage::Aborted, 0));
        self.scale = None;
        if self.comes_back_by_pods() {
            self.weight.0 = 0;
        } else {
            self.weight = (0, 0);
            if self.is.router {
                self.deliver(Delivery::Weigh { set: self.canary, percent: 0 });
            }
        }
        self.stage = Stage::Aborted(turn.now());
        Next::Again
    }

    fn aborted(&mut self, at: Time, turn: &mut Turn<'_, '_>) -> Next {
        if self.comes_back_by_pods() {
            return self.comes_back(turn);
        }
        let replicas = self.replicas(turn);
        let failed = || Err(format!("the rollout of {} is Degraded", self.asked.name));
        match (self.is.router, self.is.abort_delay) {
            (true, Span::ZERO) => {
                let canary = self.counts(turn).0.spec;
                self.finish((canary, replicas), failed(), turn)
            }
            (true, delay) if turn.now() < at + delay => {
                let canary = self.counts(turn).0.spec;
                let _ = self.scaled((canary, replicas), turn);
                turn.until(at + delay);
                Next::Wait
            }
            (true | false, _) => self.finish((0, replicas), failed(), turn),
        }
    }

    /// Whether the stable set has shrunk, so that it cannot take all requests at once.
    fn comes_back_by_pods(&self) -> bool {
        self.is.router && self.is.dynamic_stable
    }

    /// An abort gives the stable set weight as its pods become available; the canary's go as its weight does. Source:
    /// argo-rollouts `rollout/trafficrouting.go`, `reconcileTrafficRouting`; docs/features/scaledown-aborted-rs.md.
    fn comes_back(&mut self, turn: &mut Turn<'_, '_>) -> Next {
        let replicas = self.replicas(turn).max(1);
        let available = self.counts(turn).1.available.min(replicas);
        let missing = 100 - u64::from(available) * 100 / u64::from(replicas);
        let percent = self.weight.1.min(missing as u32);
        if percent < self.weight.1 {
            return self.weigh(percent, turn);
        }
        if percent == 0 {
            return self.finish((0, replicas), Err(format!("the rollout of {} is Degraded", self.asked.name)), turn);
        }
        let canary = (u64::from(replicas) * u64::from(percent)).div_ceil(100) as u32;
        let _ = self.scaled((canary, replicas), turn);
        Next::Wait
    }

    /// Brings the sets to their last counts, and ends.
    fn finish(&mut self, wanted: (u32, u32), how: Result<(), String>, turn: &mut Turn<'_, '_>) -> Next {
        if !self.scaled(wanted, turn) {
            return Next::Wait;
        }
        if how.is_ok() {
            turn.orders.rollouts.push((self.asked.app, RolloutStage::Completed, 100));
        }
        self.hand.end(how);
        self.stage = Stage::Done;
        Next::Wait
    }
}

impl Actor for Canary {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        while self.hand.is_free(&mut turn) {
            match self.look(&mut turn) {
                Next::Again => {}
                Next::Wait if self.hand.is_free(&mut turn) => {
                    if !matches!(self.stage, Stage::Idle | Stage::Done) {
                        Hand::watch(&mut turn);
                    }
                    break;
                }
                Next::Wait => break,
            }
        }
        let wait = turn.wait;
        self.numbers = numbers;
        wait
    }

    fn api_rate(&self) -> (u32, u32) {
        // argo-rollouts cmd/rollouts-controller: DefaultQPS 40, DefaultBurst 80.
        (40, 80)
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}
