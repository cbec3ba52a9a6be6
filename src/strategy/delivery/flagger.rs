//! Flagger: at each tick of its interval it checks the canary's pods and metrics, and moves the weight by one step.
//!
//! Source: flagger `pkg/controller/scheduler.go`, `advanceCanary`, `runCanary`, `runPromotionTrafficShift`, `rollback`.

use super::analysis::{Bounds, Finding, MAX_ERRORS, MAX_P99, WINDOW};
use super::counts::count;
use super::hand::Hand;
use super::{Asked, DeliveryEntry};
use crate::base::{Name, Span, Time};
use crate::config::quantity::LONGEST;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::actor::{Actor, Orders, Poll, Wait};
use crate::strategy::turn::{OrderNumbers, Turn};
use crate::world::command::{Answer, Command};
use crate::world::fact::RolloutStage;
use crate::world::ids::SetId;
use crate::world::purpose::Purpose;
use crate::world::reported::Reported;
use crate::world::store::Delivery;

/// `flagger`.
pub static FLAGGER: DeliveryEntry = DeliveryEntry {
    entry: &ENTRY,
    check: |values| match values.span("interval") < Span::secs(10) {
        true => Err("`interval` is at least 10s (flagger pkg/apis/flagger/v1beta1: AnalysisInterval)".to_owned()),
        false => Ok(()),
    },
    build: |asked, values| Box::new(Flagger::new(asked, values)),
    owns_sets: false,
};

const HOW: &str = "flagger docs/gitbook/usage/how-it-works.md";
const METRICS: &str = "flagger docs/gitbook/usage/metrics.md";

static ENTRY: Entry = Entry {
    name: "flagger",
    about: "Flagger's canary: at every interval a check, then one step of weight; failed checks roll back.",
    details: "The canary is a Deployment of its own at full scale beside the primary, and a router splits new \
              connections. At each tick: pods not Ready are waited for until the progress deadline; a metric out of \
              bounds, or without data, is a failed check; at `threshold` failed checks the next tick sends all weight \
              to the primary and scales the canary to 0. Otherwise the weight grows by `step_weight` up to \
              `max_weight`; then the primary takes the new template by a rolling update, gets all weight back and the \
              canary goes. Fastest promotion: interval x max_weight / step_weight; roll back: interval x threshold. \
              Not modelled: iterations, mirroring, hooks, session affinity.",
    settings: &SETTINGS,
    sources: &["flagger pkg/controller/scheduler.go", HOW, METRICS],
};

const fn count_of(
    (key, unit): (&'static str, &'static str),
    max: u64,
    default: &'static str,
    about: &'static str,
) -> Setting {
    Setting { key, about, kind: Kind::Count { min: 1, max }, default, unit, source: HOW }
}

static SETTINGS: [Setting; 9] = [
    Setting {
        key: "interval",
        about: "analysis.interval: time between two looks.",
        kind: Kind::Duration { min: Span::secs(1), max: LONGEST },
        default: "\"60s\"",
        unit: "",
        source: HOW,
    },
    count_of(("threshold", "checks"), 100_000, "1", "analysis.threshold: failed checks that roll back."),
    count_of(("step_weight", "percent"), 100, "10", "analysis.stepWeight: what each passed check adds."),
    count_of(("max_weight", "percent"), 100, "50", "analysis.maxWeight: the canary's last weight before promotion."),
    Setting {
        key: "step_weight_promotion",
        about: "analysis.stepWeightPromotion: what each tick gives back to the primary; 100: all at once.",
        kind: Kind::Count { min: 1, max: 100 },
        default: "100",
        unit: "percent",
        source: HOW,
    },
    Setting {
        key: "progress_deadline",
        about: "progressDeadlineSeconds: a canary that is not Ready for this long is rolled back.",
        kind: Kind::Duration { min: Span::secs(1), max: LONGEST },
        default: "\"10m\"",
        unit: "",
        source: HOW,
    },
    WINDOW,
    Setting {
        default: "0.01",
        source: "flagger docs/gitbook/usage/metrics.md: request-success-rate min 99",
        ..MAX_ERRORS
    },
    Setting {
        default: "\"500ms\"",
        source: "flagger docs/gitbook/usage/metrics.md: request-duration max 500",
        ..MAX_P99
    },
];

#[derive(Clone, Debug)]
struct Settings {
    interval: Span,
    threshold: u32,
    step: u32,
    max: u32,
    promotion: u32,
    deadline: Span,
    bounds: Bounds,
}

/// `status.phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No new version yet.
    Initialized,
    /// The canary's ReplicaSet is being created.
    Creating,
    /// Weighted step by step.
    Progressing,
    /// The primary takes the new template.
    Promoting,
    /// All weight is the primary's; the canary goes at the next tick.
    Finalising(bool),
    /// Nothing is left to do.
    Done,
}

#[derive(Clone, Debug)]
struct Flagger {
    asked: Asked,
    name: Name,
    is: Settings,
    numbers: OrderNumbers,
    hand: Hand,
    phase: Phase,
    canary: SetId,
    weight: u32,
    failed: u32,
    measured: u64,
    /// Since when the canary is not Ready.
    unready: Option<Time>,
    ticked: Option<Time>,
}

impl Flagger {
    fn new(asked: &Asked, values: &Values) -> Flagger {
        let is = Settings {
            interval: values.span("interval"),
            threshold: values.count("threshold") as u32,
            step: values.count("step_weight") as u32,
            max: values.count("max_weight") as u32,
            promotion: values.count("step_weight_promotion") as u32,
            deadline: values.span("progress_deadline"),
            bounds: Bounds::of(values),
        };
        Flagger {
            asked: asked.clone(),
            name: Name::new("rollout").with(Name::new(&asked.name)),
            is,
            numbers: OrderNumbers::default(),
            hand: Hand::default(),
            phase: Phase::Initialized,
            canary: SetId(0),
            weight: 0,
            failed: 0,
            measured: 0,
            unready: None,
            ticked: None,
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        self.hand.write(Command::Deliver(self.asked.app, delivery));
    }

    /// The ticks of its interval, which its start has set.
    fn ticks(&self, turn: &Turn<'_, '_>) -> Poll {
        let mut draw = turn.seen.draw(Purpose::Analysis, self.name, 0);
        Poll { phase: Time::ZERO + draw.span_below(self.is.interval), period: self.is.interval }
    }

    fn weigh(&mut self, percent: u32, turn: &mut Turn<'_, '_>) {
        self.weight = percent;
        turn.orders.rollouts.push((self.asked.app, RolloutStage::Weighted, percent));
        self.deliver(Delivery::Weigh { set: self.canary, percent });
    }

    /// `advanceCanary`.
    fn tick(&mut self, turn: &mut Turn<'_, '_>) {
        match self.phase {
            Phase::Initialized if turn.now() >= self.asked.at => {
                // Spoken for while the canary is at full scale: the template after the primary's own.
                let template = turn.seen.store().deployments().now(self.asked.app).template + 1;
                self.deliver(Delivery::Create { template });
                turn.orders.rollouts.push((self.asked.app, RolloutStage::Began, 0));
                self.phase = Phase::Creating;
            }
            Phase::Initialized | Phase::Creating | Phase::Done => {}
            Phase::Progressing => self.progress(turn),
            Phase::Promoting => self.promote(turn),
            Phase::Finalising(sound) => {
                self.deliver(Delivery::Scale { set: self.canary, replicas: 0 });
                self.hand.end(match sound {
                    true => Ok(()),
                    false => Err(format!("flagger has rolled {} back", self.asked.name)),
                });
                if sound {
                    turn.orders.rollouts.push((self.asked.app, RolloutStage::Completed, 100));
                }
                self.phase = Phase::Done;
            }
        }
    }

    /// The canary's set is there: it is scaled up, without weight.
    fn scale_up(&mut self, turn: &mut Turn<'_, '_>) {
        let Some(set) = turn.seen.store().set_beside(self.asked.app) else { return };
        self.canary = set;
        let replicas = turn.seen.store().deployments().now(self.asked.app).replicas;
        self.deliver(Delivery::Weigh { set, percent: 0 });
        self.deliver(Delivery::Scale { set, replicas });
        self.unready = Some(turn.now());
        self.phase = Phase::Progressing;
    }

    fn progress(&mut self, turn: &mut Turn<'_, '_>) {
        let (canary, _) = count(self.asked.app, self.canary, Span::ZERO, turn.seen);
        let ready = canary.available >= canary.spec;
        self.unready = if ready { None } else { self.unready.or(Some(turn.now())) };
        let too_late = self.unready.is_some_and(|since| turn.now() >= since + self.is.deadline);
        if too_late {
            return self.roll_back("its canary was not Ready within the progress deadline", turn);
        }
        if !ready {
            return;
        }
        if self.failed >= self.is.threshold {
            return self.roll_back("too many checks have failed", turn);
        }
        if self.weight > 0 && !self.check(turn) {
            self.failed += 1;
            return;
        }
        if self.weight < self.is.max {
            return self.weigh((self.weight + self.is.step).min(self.is.max), turn);
        }
        self.hand.write(Command::RestartRollout(self.asked.app));
        turn.orders.rollouts.push((self.asked.app, RolloutStage::Promoted, self.weight));
        self.phase = Phase::Promoting;
    }

    fn check(&mut self, turn: &Turn<'_, '_>) -> bool {
        self.measured += 1;
        let finding = self.is.bounds.measure(self.asked.app, self.name, self.canary, self.measured, turn);
        finding == Finding::Passed
    }

    fn promote(&mut self, turn: &mut Turn<'_, '_>) {
        if !self.primary_is_ready(turn) {
            return;
        }
        let left = self.weight.saturating_sub(self.is.promotion);
        self.weigh(left, turn);
        if left == 0 {
            self.phase = Phase::Finalising(true);
        }
    }

    /// The primary's Deployment has rolled out its newest template.
    fn primary_is_ready(&self, turn: &Turn<'_, '_>) -> bool {
        let store = turn.seen.store();
        let deployment = store.deployments().now(self.asked.app);
        deployment.sets.iter().all(|set| {
            let (of, _) = count(self.asked.app, *set, Span::ZERO, turn.seen);
            let wanted = if store.sets().now(*set).template == deployment.template { deployment.replicas } else { 0 };
            of.spec == wanted && of.available >= wanted
        }) && deployment.sets.iter().any(|set| store.sets().now(*set).template == deployment.template)
    }

    /// `rollback`: all weight to the primary, and the canary goes.
    fn roll_back(&mut self, why: &str, turn: &mut Turn<'_, '_>) {
        turn.remark(format!("flagger rolls {} back: {why}", self.asked.name));
        turn.orders.rollouts.push((self.asked.app, RolloutStage::Aborted, 0));
        self.weight = 0;
        self.deliver(Delivery::Weigh { set: self.canary, percent: 0 });
        self.phase = Phase::Finalising(false);
        // In one go: the canary is scaled to 0 when the routes are set.
        self.tick(turn);
    }
}

impl Actor for Flagger {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        let ticks = self.ticks(&turn);
        if self.hand.is_free(&mut turn) {
            if self.phase == Phase::Creating {
                self.scale_up(&mut turn);
            } else if ticks.ticks_at(turn.now()) && self.ticked != Some(turn.now()) && seen.api.is_ok() {
                self.ticked = Some(turn.now());
                self.tick(&mut turn);
            }
            let _ = self.hand.is_free(&mut turn);
        }
        if self.phase != Phase::Done {
            let first = if self.phase == Phase::Initialized { self.asked.at.max(turn.now()) } else { turn.now() };
            let next = if first > turn.now() { ticks.from(first) } else { ticks.after(turn.now()) };
            turn.until(next);
        }
        let wait = turn.wait;
        self.numbers = numbers;
        wait
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}
