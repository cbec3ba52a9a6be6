//! Blue-green: the new version stands beside the old one at full scale, and the Service's selector is switched.
//!
//! Source: argo-rollouts `rollout/bluegreen.go`, docs/features/bluegreen.md.

use super::analysis::{MAX_ERRORS, MAX_P99, Running, Series, Verdict, WINDOW, series_check};
use super::argo_canary::{
    ABORT_SCALE_DOWN_DELAY, COUNT, ERROR_LIMIT, FAILURE_LIMIT, INTERVAL, PROGRESS_DEADLINE, PROGRESS_DEADLINE_ABORT,
    SCALE_DOWN_DELAY, series,
};
use super::counts::{Count, count};
use super::hand::Hand;
use super::{Asked, DeliveryEntry};
use crate::base::{Name, Span, Time};
use crate::config::quantity::LONGEST;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::actor::{Actor, NotYet, Orders, Wait};
use crate::strategy::turn::{OrderNumbers, Turn};
use crate::world::command::{Answer, Command};
use crate::world::fact::RolloutStage;
use crate::world::ids::SetId;
use crate::world::reported::Reported;
use crate::world::store::Delivery;

/// `argo-blue-green`.
pub static ARGO_BLUE_GREEN: DeliveryEntry = DeliveryEntry {
    entry: &ENTRY,
    check: series_check,
    build: |asked, values| Box::new(BlueGreen::new(asked, values)),
    owns_sets: true,
};

const BLUE_GREEN: &str = "argo-rollouts docs/features/bluegreen.md";

static ENTRY: Entry = Entry {
    name: "argo-blue-green",
    about: "Argo Rollouts' blue-green: preview at full scale, switch of the active Service, old set kept 30 s.",
    details: "The new ReplicaSet comes up at full scale behind the preview Service. Once it is available the Service's \
              selector is switched, at once (autoPromotionEnabled), some time later (autoPromotionSeconds), or when \
              a person promotes it. New connections follow as the endpoints reach each proxy; open ones stay with \
              their pods. A failed post-promotion analysis switches back. The set that lost goes after its delay. The \
              preview gets no users' requests, so a pre-promotion analysis of their metrics has no data to judge by \
              and is not modelled.",
    settings: &SETTINGS,
    sources: &[BLUE_GREEN, "argo-rollouts rollout/bluegreen.go"],
};

/// `auto_promotion`.
pub(super) const AUTO_PROMOTION: Setting = Setting {
    key: "auto_promotion",
    about: "autoPromotionEnabled: false waits for a person for ever.",
    kind: Kind::Bool,
    default: "true",
    unit: "",
    source: BLUE_GREEN,
};
/// `auto_promotion_after`.
pub(super) const AUTO_PROMOTION_AFTER: Setting = Setting {
    key: "auto_promotion_after",
    about: "autoPromotionSeconds: how long the new version stands available before the switch.",
    kind: Kind::Duration { min: Span::ZERO, max: LONGEST },
    default: "\"0s\"",
    unit: "",
    source: BLUE_GREEN,
};
/// `post_analysis`.
pub(super) const POST_ANALYSIS: Setting = Setting {
    key: "post_analysis",
    about: "postPromotionAnalysis: whether the new version is analysed after the switch; a failure switches back.",
    kind: Kind::Bool,
    default: "false",
    unit: "",
    source: BLUE_GREEN,
};

static SETTINGS: [Setting; 14] = [
    AUTO_PROMOTION,
    AUTO_PROMOTION_AFTER,
    POST_ANALYSIS,
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
];

#[derive(Clone, Debug)]
struct Settings {
    auto: bool,
    after: Span,
    post: bool,
    series: Series,
    keep_old: Span,
    keep_new: Span,
    deadline: Span,
    deadline_aborts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    Creating,
    /// The new set comes up; how many of its pods were last seen available, and when it made progress last.
    Rising(u32, Time),
    /// It is available, since when.
    Standing(Time),
    /// The selector was switched then.
    Switched(Time),
    /// Switched back, or never switched.
    Aborted(Time),
    Done,
}

/// The actor, of the two tools that switch a selector.
#[derive(Clone, Debug)]
pub(super) struct BlueGreen {
    asked: Asked,
    name: Name,
    is: Settings,
    numbers: OrderNumbers,
    hand: Hand,
    stage: Stage,
    blue: SetId,
    green: SetId,
    running: Option<Running>,
    judged: bool,
    measured: u64,
    late: bool,
}

impl BlueGreen {
    pub(super) fn new(asked: &Asked, values: &Values) -> BlueGreen {
        let is = Settings {
            auto: values.flag("auto_promotion"),
            after: values.span("auto_promotion_after"),
            post: values.flag("post_analysis"),
            series: series(values),
            keep_old: values.span("scale_down_delay"),
            keep_new: values.span("abort_scale_down_delay"),
            deadline: values.span("progress_deadline"),
            deadline_aborts: values.flag("progress_deadline_abort"),
        };
        BlueGreen {
            asked: asked.clone(),
            name: Name::new("rollout").with(Name::new(&asked.name)),
            is,
            numbers: OrderNumbers::default(),
            hand: Hand::default(),
            stage: Stage::Idle,
            blue: SetId(0),
            green: SetId(0),
            running: None,
            judged: false,
            measured: 0,
            late: false,
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        self.hand.write(Command::Deliver(self.asked.app, delivery));
    }
    fn green_is(&self, turn: &Turn<'_, '_>) -> Count {
        count(self.asked.app, self.green, Span::ZERO, turn.seen).0
    }

    /// One look; whether it goes on at once.
    fn look(&mut self, turn: &mut Turn<'_, '_>) -> bool {
        match self.stage {
            Stage::Idle => self.begin(turn),
            Stage::Creating => {
                let Some(set) = turn.seen.store().set_beside(self.asked.app) else { return false };
                self.green = set;
                let replicas = turn.seen.store().deployments().now(self.asked.app).replicas;
                self.deliver(Delivery::Scale { set, replicas });
                self.stage = Stage::Rising(0, turn.now());
                true
            }
            Stage::Rising(seen, since) => self.rises((seen, since), turn),
            Stage::Standing(since) => self.stands(since, turn),
            Stage::Switched(at) => self.switched(at, turn),
            Stage::Aborted(at) => {
                let due = at + self.is.keep_new;
                if !self.is.keep_new.is_zero() && turn.now() < due {
                    turn.until(due);
                    return false;
                }
                if !self.is.keep_new.is_zero() {
                    self.deliver(Delivery::Scale { set: self.green, replicas: 0 });
                }
                self.hand.end(Err(format!("the rollout of {} was aborted", self.asked.name)));
                self.stage = Stage::Done;
                true
            }
            Stage::Done => false,
        }
    }

    fn begin(&mut self, turn: &mut Turn<'_, '_>) -> bool {
        if turn.now() < self.asked.at {
            turn.until(self.asked.at);
            return false;
        }
        let deployment = turn.seen.store().deployments().now(self.asked.app);
        self.blue = deployment.sets[0];
        let template = deployment.template + 1;
        // The active Service selects the old set's pods only, before there are others.
        self.deliver(Delivery::Select(Some(self.blue)));
        self.deliver(Delivery::Create { template });
        turn.orders.rollouts.push((self.asked.app, RolloutStage::Began, 0));
        self.stage = Stage::Creating;
        true
    }

    fn rises(&mut self, (seen, since): (u32, Time), turn: &mut Turn<'_, '_>) -> bool {
        let green = self.green_is(turn);
        // Source: argo-rollouts `utils/conditions/conditions.go`, `RolloutProgressing`.
        let since = if green.available > seen { turn.now() } else { since };
        self.stage = Stage::Rising(green.available, since);
        if green.available >= green.spec {
            self.stage = Stage::Standing(turn.now());
            return true;
        }
        let due = since + self.is.deadline;
        if turn.now() < due {
            turn.until(due);
        } else if self.is.deadline_aborts {
            return self.abort("it made no progress within its deadline", turn);
        } else if !std::mem::replace(&mut self.late, true) {
            turn.remark(format!("the rollout of {} is Degraded: no progress within its deadline", self.asked.name));
            turn.orders.rollouts.push((self.asked.app, RolloutStage::Late, 0));
        }
        false
    }

    fn stands(&mut self, since: Time, turn: &mut Turn<'_, '_>) -> bool {
        if !self.is.auto {
            let app = &self.asked.name;
            turn.blocked(NotYet::Gate(format!("the rollout of {app} waits until somebody promotes it")));
            return false;
        }
        if turn.now() < since + self.is.after {
            turn.until(since + self.is.after);
            return false;
        }
        if self.green_is(turn).available < self.green_is(turn).spec {
            return false;
        }
        self.deliver(Delivery::Select(Some(self.green)));
        turn.orders.rollouts.push((self.asked.app, RolloutStage::Weighted, 100));
        self.stage = Stage::Switched(turn.now());
        true
    }

    fn switched(&mut self, at: Time, turn: &mut Turn<'_, '_>) -> bool {
        if self.is.post && !self.judged {
            let mut running =
                self.running.take().unwrap_or_else(|| Running::new(turn.now() + self.is.series.bounds.window));
            let of = (self.asked.app, self.name, self.green);
            let verdict = running.look(&self.is.series, false, of, &mut self.measured, turn);
            self.running = Some(running);
            match verdict {
                Verdict::Open(next) => {
                    turn.until(next);
                    return false;
                }
                Verdict::Failed => {
                    self.deliver(Delivery::Select(Some(self.blue)));
                    return self.abort("its post-promotion analysis failed", turn);
                }
                Verdict::Passed => self.judged = true,
            }
        }
        if turn.now() < at + self.is.keep_old {
            turn.until(at + self.is.keep_old);
            return false;
        }
        self.deliver(Delivery::Scale { set: self.blue, replicas: 0 });
        turn.orders.rollouts.push((self.asked.app, RolloutStage::Completed, 100));
        self.hand.end(Ok(()));
        self.stage = Stage::Done;
        true
    }

    fn abort(&mut self, why: &str, turn: &mut Turn<'_, '_>) -> bool {
        turn.remark(format!("the rollout of {} is aborted: {why}", self.asked.name));
        turn.orders.rollouts.push((self.asked.app, RolloutStage::Aborted, 0));
        self.stage = Stage::Aborted(turn.now());
        true
    }
}

impl Actor for BlueGreen {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        while self.hand.is_free(&mut turn) {
            if !self.look(&mut turn) {
                if !matches!(self.stage, Stage::Idle | Stage::Done) {
                    Hand::watch(&mut turn);
                }
                break;
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
