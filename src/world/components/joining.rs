//! `kubeadm join --control-plane` on a new master: its etcd member is added, started and, if a learner, promoted.
//!
//! Up to 1.28 kubeadm adds a voter, which counts for the quorum before it has ever run; from 1.29 a learner (feature
//! gate EtcdLearnerMode, beta). Source: `cmd/kubeadm/app/phases/etcd/local.go`, `cmd/kubeadm/app/util/etcd/etcd.go`.
//! The static pods of the API server and its companions start with the kubelet and wait for their etcd.
//! Simplification: a machine that reboots in the middle of a join does not take it up again.

use crate::base::{Name, Span, Time};
use crate::world::behaviour::Behaviour;
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::ids::MasterId;
use crate::world::membership::MemberChange;
use crate::world::purpose::Purpose;

/// From the start of the kubelet until etcd is asked: preflight, certificates, TLS bootstrap. Estimate: some seconds.
const PREPARES: Span = Span::secs(10);
/// Between two tries of a call to etcd. Source: kubeadm `constants.go`, EtcdAPICallRetryInterval.
const RETRY: Span = Span::millis(500);
/// Tries of a call go on for so long, then kubeadm fails. Source: kubeadm `timeouts.etcdAPICall`.
const PATIENCE: Span = Span::mins(2);

/// A step of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinEvent {
    /// It asks for its member, or for its member's promotion.
    Asks(MasterId),
    /// Its member's pod starts.
    Starts(MasterId),
}

/// What a joining master asks for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Add { learner: bool },
    Promote,
}

/// A join under way.
#[derive(Clone, Copy, Debug)]
struct Join {
    master: MasterId,
    stage: Stage,
    /// When the tries of this stage began.
    since: Time,
}

/// All joins under way.
#[derive(Clone, Debug, Default)]
pub struct Joins {
    joins: Vec<Join>,
}

impl Joins {
    /// A new master's kubelet starts, of this version.
    pub fn begins(&mut self, master: MasterId, version: crate::base::Version, ctx: &mut Ctx<'_>) {
        let learner = Behaviour::of(version).join_as_learner;
        let since = ctx.now + PREPARES;
        self.joins.retain(|join| join.master != master);
        self.joins.push(Join { master, stage: Stage::Add { learner }, since });
        ctx.at(since, Event::Joining(JoinEvent::Asks(master)));
    }

    /// The machine is off, and the join with it.
    pub fn ends(&mut self, master: MasterId) {
        self.joins.retain(|join| join.master != master);
    }

    /// One of its own events.
    pub fn step(&mut self, event: JoinEvent, ctx: &mut Ctx<'_>) {
        match event {
            JoinEvent::Asks(master) => {
                if let Some(join) = self.joins.iter().find(|join| join.master == master) {
                    ctx.notify(Notice::Reconfigure(join.change(), master));
                }
            }
            JoinEvent::Starts(master) => {
                if self.joins.iter().any(|join| join.master == master) {
                    ctx.notify(Notice::StartMember(master));
                }
            }
        }
    }

    /// etcd has answered: done, or not.
    pub fn answered(&mut self, master: MasterId, done: bool, ctx: &mut Ctx<'_>) {
        let Some(index) = self.joins.iter().position(|join| join.master == master) else { return };
        let join = &mut self.joins[index];
        match (done, join.stage) {
            (false, _) if ctx.now.since(join.since) < PATIENCE => {
                ctx.after(RETRY, Event::Joining(JoinEvent::Asks(master)));
            }
            (true, Stage::Add { learner }) => {
                let name = Name::new("join").part(u64::from(master.0));
                let mut draw = ctx.draw(Purpose::ContainerStart, name, 0);
                let timings = &ctx.spec.timings;
                let starts = timings.sandbox.sample(&mut draw) + timings.container_start.sample(&mut draw);
                ctx.after(starts, Event::Joining(JoinEvent::Starts(master)));
                if learner {
                    (join.stage, join.since) = (Stage::Promote, ctx.now + starts + RETRY);
                    ctx.at(join.since, Event::Joining(JoinEvent::Asks(master)));
                }
            }
            // It has joined, or kubeadm has given up and says so on a console.
            (true, Stage::Promote) | (false, _) => {
                self.joins.swap_remove(index);
            }
        }
    }
}

impl Join {
    fn change(&self) -> MemberChange {
        match self.stage {
            Stage::Add { learner: true } => MemberChange::AddLearner(self.master),
            Stage::Add { learner: false } => MemberChange::AddVoter(self.master),
            Stage::Promote => MemberChange::Promote(self.master),
        }
    }
}
