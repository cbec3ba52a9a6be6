//! What is counted over a run: etcd, the API, pods, steps of the plan.

use std::collections::VecDeque;

use super::covered::Covered;
use super::identities::Identities;
use super::probed::Probed;
use super::{Heard, Lasting};
use crate::base::{IdVec, Pages, Time};
use crate::world::fact::{Fact, Loss, StepPhase, Unit};
use crate::world::ids::{ActorId, AppId, PodId};
use crate::world::spec::BudgetRule;
use crate::world::store::{ApiError, PodObject, Store};

/// One phase of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepSpan {
    /// Whose plan.
    pub actor: ActorId,
    /// Which unit.
    pub unit: Unit,
    /// Which phase.
    pub phase: StepPhase,
    /// When it began.
    pub start: Time,
    /// When it ended.
    pub end: Option<Time>,
}

/// A first occurrence: when, and in which event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// When.
    pub at: Time,
    /// In which event.
    pub event: u64,
}

/// What a budget demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Of these apps together.
    pub apps: Vec<AppId>,
    /// So many healthy pods.
    pub healthy: u32,
    /// Where something scales one of them: the rule, which asks for a share of the pods wanted now.
    pub rule: Option<BudgetRule>,
}

impl Demand {
    /// How many healthy pods it demands of so many. Percentages round up.
    pub fn of(rule: BudgetRule, replicas: u32) -> u32 {
        match rule {
            BudgetRule::MinAvailable(least) => least.of_rounding_up(replicas),
            BudgetRule::MaxUnavailable(most) => replicas.saturating_sub(most.of_rounding_up(replicas)),
        }
    }

    fn now(&self, store: &Store) -> u32 {
        let wanted = || self.apps.iter().map(|app| store.deployments().now(*app).replicas).sum();
        self.rule.map_or(self.healthy, |rule| Demand::of(rule, wanted()).min(wanted()))
    }
}

/// etcd's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Without a majority of voters.
    pub broken: Lasting,
    /// Without a leader.
    pub leaderless: Lasting,
    /// Elections won.
    pub leader_changes: u64,
    /// The newest leader's term.
    pub term: u64,
    /// Voters up beyond a majority, now.
    pub margin: i64,
    /// Smallest number of voters up beyond a majority.
    pub margin_min: i64,
    /// Smallest number of voters up.
    pub up_min: u32,
    /// The first break.
    pub first_break: Option<First>,
}

/// One app's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppPods {
    /// Healthy now: Ready, not terminating.
    pub healthy: u32,
    /// Fewest healthy.
    pub healthy_min: u32,
    /// Most healthy since the plan last moved on.
    healthy_best: u32,
    /// Pods created since the run began.
    pub created: u64,
    /// The most often moved replica's moves.
    pub moves_max: u64,
    /// Moves of the pods that were deleted and not yet replaced, oldest first.
    leaving: VecDeque<u32>,
}

/// Everything that is counted over a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// etcd.
    pub quorum: Quorum,
    /// No new API request through the load balancer can succeed.
    pub api_gone: Lasting,
    /// Each time that this began, and when it ended.
    pub api_gaps: Vec<(First, Option<Time>)>,
    /// The first time that some did not succeed, while others did.
    pub first_degraded: Option<First>,
    /// Some succeed, others do not.
    pub api_degraded: Lasting,
    /// Failed API requests of the cluster's own clients and of operators.
    pub api_errors: u64,
    /// Pods by app.
    pub apps: IdVec<AppId, AppPods>,
    /// Steps of plans, in order of their start.
    pub steps: Vec<StepSpan>,
    /// Connections that broke the skew policy, and the first.
    pub skew: (u64, Option<First>),
    /// Identities of StatefulSets.
    pub identities: Identities,
    /// Rollouts without progress for their deadline.
    pub stalled: Vec<(AppId, First)>,
    /// Evictions that left an app below a budget, and the first.
    pub budget: (u64, Option<First>),
    /// The time during which some group's request could be lost.
    pub exposed: Covered,
    /// The first moment of it.
    pub first_exposed: Option<First>,
    /// Requests that were told to be lost.
    pub lost: u64,
    /// The first lost request of each kind, in the order of `Loss::ALL`.
    pub first_lost: [Option<First>; Loss::ALL.len()],
    /// Restores of etcd, and when.
    pub restores: Vec<(Time, Fact)>,
    /// Measuring clients' requests.
    pub probed: Probed,
    /// The last time that something new was reached: a step, a pod ready, an eviction granted.
    pub last_progress: Time,
    /// How many moves each pod stands for.
    depth: Pages<PodId, u32>,
}

impl Quorum {
    /// A leader that lost its quorum and got it back in time leads on in the same term.
    fn leads(&mut self, term: u64, at: Time) {
        self.leaderless.set(false, at);
        self.leader_changes += u64::from(term > self.term);
        self.term = self.term.max(term);
    }
}

impl Figures {
    /// A cluster of these many voters, led in `term`, with each app's pods all healthy.
    pub fn new(voters: u32, term: u64, replicas: impl Iterator<Item = u32>) -> Figures {
        let margin = i64::from(voters) - i64::from(voters / 2 + 1);
        let app = |healthy| AppPods { healthy, healthy_min: healthy, healthy_best: healthy, ..AppPods::default() };
        Figures {
            quorum: Quorum {
                broken: Lasting::default(),
                leaderless: Lasting::default(),
                leader_changes: 0,
                term,
                margin,
                margin_min: margin,
                up_min: voters,
                first_break: None,
            },
            api_gone: Lasting::default(),
            api_gaps: Vec::new(),
            first_degraded: None,
            api_degraded: Lasting::default(),
            api_errors: 0,
            apps: replicas.map(app).collect(),
            steps: Vec::new(),
            skew: (0, None),
            identities: Identities::default(),
            stalled: Vec::new(),
            budget: (0, None),
            exposed: Covered::default(),
            first_exposed: None,
            lost: 0,
            first_lost: [None; Loss::ALL.len()],
            restores: Vec::new(),
            probed: Probed::default(),
            last_progress: Time::ZERO,
            depth: Pages::new(),
        }
    }

    /// A fact. `demands` are the healthy pods that budgets demand of their apps together.
    pub fn hear(&mut self, heard: &Heard, store: &Store, demands: &[Demand]) {
        let first = First { at: heard.at, event: heard.event };
        self.identities.hear(heard, store);
        match heard.fact {
            Fact::QuorumIs { up, voters } => self.quorum_is(up, voters, first),
            Fact::MemberLeads { term, .. } => self.quorum.leads(term, heard.at),
            Fact::Restored { .. } => self.restores.push((heard.at, heard.fact)),
            Fact::MemberYields { .. } => self.quorum.leaderless.set(true, heard.at),
            Fact::ApiServes { answering, in_rotation } => {
                self.api_gone.set(answering == 0, heard.at);
                self.api_gap(answering == 0, first);
                let degraded = answering > 0 && answering < in_rotation;
                self.api_degraded.set(degraded, heard.at);
                self.first_degraded = self.first_degraded.or(degraded.then_some(first));
            }
            Fact::Probed { probe, target, sent, result, took } => {
                self.probed.hear((probe, target), sent, result.is_ok(), took);
            }
            Fact::ApiFailed { error } => self.api_errors += u64::from(error != ApiError::Conflict),
            Fact::PodCreated { pod } => self.pod_created(pod, store),
            Fact::PodReady { pod, ready } => self.pod_ready(store.pods().now(pod), ready, heard.at),
            Fact::PodDeleting { pod } => self.pod_deleting(pod, store, demands, first),
            Fact::PodGone { pod } => self.pod_gone(pod, store),
            Fact::StepBegan { actor, unit, phase } => {
                self.progress(heard.at);
                self.steps.push(StepSpan { actor, unit, phase, start: heard.at, end: None });
            }
            Fact::StepEnded { actor, unit, phase } => {
                self.progress(heard.at);
                let same = |step: &&mut StepSpan| {
                    step.actor == actor && step.unit == unit && step.phase == phase && step.end.is_none()
                };
                if let Some(step) = self.steps.iter_mut().rev().find(same) {
                    step.end = Some(heard.at);
                }
            }
            Fact::RolloutStalled { app } => self.stalled.push((app, first)),
            Fact::SkewBroken { .. } => {
                self.skew.0 += 1;
                self.skew.1 = self.skew.1.or(Some(first));
            }
            Fact::ExposureBegan { .. } => {
                self.exposed.begin(heard.at);
                self.first_exposed = self.first_exposed.or(Some(first));
            }
            Fact::ExposureEnded { .. } => self.exposed.end(heard.at),
            Fact::Exposed { lasting, .. } => {
                self.exposed.add(heard.at - lasting, heard.at);
                self.first_exposed = self.first_exposed.or(Some(first));
            }
            Fact::RequestsLost { loss, count, .. } => {
                self.lost += count;
                let known = &mut self.first_lost[loss as usize];
                *known = known.or(Some(first));
            }
            Fact::Evicted { .. } | Fact::PlanEnded { .. } => self.progress(heard.at),
            // An observer hears what it counts; a new kind of fact is none of its business.
            _ => {}
        }
    }

    fn pod_ready(&mut self, pod: PodObject, ready: bool, now: Time) {
        if pod.deleting.is_none() {
            self.healthy(pod.app, ready);
        }
        let app = &mut self.apps[pod.app];
        if ready && app.healthy > app.healthy_best {
            app.healthy_best = app.healthy;
            self.last_progress = now;
        }
    }

    /// The plan has moved on; from here every app's pods count anew.
    fn progress(&mut self, now: Time) {
        self.last_progress = now;
        for app in self.apps.iter_mut() {
            app.healthy_best = app.healthy;
        }
    }

    fn api_gap(&mut self, gone: bool, first: First) {
        match self.api_gaps.last_mut() {
            Some((_, end @ None)) if !gone => *end = Some(first.at),
            Some((_, None)) => {}
            Some((_, Some(_))) | None if gone => self.api_gaps.push((first, None)),
            Some((_, Some(_))) | None => {}
        }
    }

    fn quorum_is(&mut self, up: u32, voters: u32, first: First) {
        let margin = i64::from(up) - i64::from(voters / 2 + 1);
        self.quorum.margin = margin;
        self.quorum.margin_min = self.quorum.margin_min.min(margin);
        self.quorum.up_min = self.quorum.up_min.min(up);
        self.quorum.broken.set(margin < 0, first.at);
        if margin < 0 {
            self.quorum.first_break = self.quorum.first_break.or(Some(first));
        }
    }

    fn healthy(&mut self, app: AppId, more: bool) {
        let app = &mut self.apps[app];
        app.healthy = if more { app.healthy + 1 } else { app.healthy.saturating_sub(1) };
        app.healthy_min = app.healthy_min.min(app.healthy);
    }

    fn pod_created(&mut self, pod: PodId, store: &Store) {
        let app = &mut self.apps[store.pods().app(pod)];
        app.created += 1;
        let moves = app.leaving.pop_front().map_or(0, |moves| moves + 1);
        app.moves_max = app.moves_max.max(u64::from(moves));
        *self.depth.entry(pod, 0) = moves;
    }

    fn pod_deleting(&mut self, pod: PodId, store: &Store, demands: &[Demand], first: First) {
        let object = store.pods().now(pod);
        let moves = self.depth.get(pod).copied().unwrap_or(0);
        self.apps[object.app].leaving.push_back(moves);
        if object.ready {
            self.healthy(object.app, false);
            let healthy = |apps: &[AppId]| apps.iter().map(|app| self.apps[*app].healthy).sum::<u32>();
            let mut concerned = demands.iter().filter(|demand| demand.apps.contains(&object.app));
            if concerned.any(|demand| healthy(&demand.apps) < demand.now(store)) {
                self.budget.0 += 1;
                self.budget.1 = self.budget.1.or(Some(first));
            }
        }
    }

    /// A pod that went without a graceful deletion leaves a place to fill, too.
    fn pod_gone(&mut self, pod: PodId, store: &Store) {
        let object = store.pods().now(pod);
        if object.deleting.is_none() {
            let moves = self.depth.get(pod).copied().unwrap_or(0);
            self.apps[object.app].leaving.push_back(moves);
            if store.pods().before(pod).is_some_and(|old| old.ready) {
                self.healthy(object.app, false);
            }
        }
    }

    /// Pods created in place of others.
    pub fn moves(&self) -> u64 {
        self.apps.iter().map(|app| app.created).sum()
    }
}
