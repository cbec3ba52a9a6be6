//! One unit's life: its steps, one after another.

use super::arrival::{Group, Machine, Place, Standing};
use super::condition::{Subject, free_slot, launched};
use super::draining::DrainRun;
use super::gate::GateRun;
use super::plan::{Action, Class, Gate, OnError, Step, Transition};
use super::swap::SwapRun;
use crate::base::{Span, Time};
use crate::strategy::actor::{NotYet, Poll};
use crate::strategy::turn::Turn;
use crate::world::command::{Command, NodeProcess};
use crate::world::disturbance::MasterProcess;
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::{MasterId, NodeId};
use crate::world::membership::Membership;
use crate::world::reported::Sight;
use crate::world::store::ApiError;

/// Why a unit's life ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) class: Class,
    pub(super) text: String,
}

/// What a unit shares with the others of its group.
pub(super) struct Crew<'a> {
    pub(super) group: Group,
    pub(super) on_error: &'a OnError,
    /// Places for which machines were ordered.
    pub(super) claimed: &'a mut Vec<u32>,
    /// Machines launched ahead of the group.
    pub(super) extras: &'a [Machine],
    /// Units for which a machine was launched to take their place.
    pub(super) surging: usize,
    /// Size of the group.
    pub(super) size: usize,
    /// Whether a unit has passed [`Step::QuorumGuard`].
    pub(super) taken: bool,
    /// Machines that an earlier run of the plan launched and did not use.
    pub(super) left_over: &'a mut Vec<NodeId>,
}

/// A unit whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct UnitRun {
    node: NodeId,
    /// The machine that it is about now.
    machine: Machine,
    /// The machine launched to take its place.
    successor: Option<Machine>,
    /// Whether it has passed [`Step::QuorumGuard`].
    alone: bool,
    /// When its turn began.
    began: Time,
    /// Which step.
    at: usize,
    doing: Doing,
    phase: Option<StepPhase>,
    result: Option<Result<(), Failure>>,
}

#[derive(Clone, Debug)]
enum Doing {
    Begin,
    Asked(u32),
    Drain(DrainRun),
    Swap(SwapRun),
    Gate(GateRun),
    Until(Time),
    /// It waits for another unit to end.
    Alone,
    /// It failed, and nothing more happens with it.
    Held(String),
    /// The step failed at this moment, and is tried again on a tick from there; `settled`: only once anything changed.
    Again {
        since: Time,
        every: Span,
        settled: bool,
        why: String,
    },
}

impl UnitRun {
    /// Of this machine, from its first step on.
    pub(super) fn new(node: NodeId, now: Time) -> UnitRun {
        UnitRun::from_step(node, 0, now)
    }
    /// Of a machine that an earlier run of the plan brought so far.
    pub(super) fn from_step(node: NodeId, at: usize, began: Time) -> UnitRun {
        let machine = Machine::Here(node);
        let (successor, alone, doing, phase, result) = (None, false, Doing::Begin, None, None);
        UnitRun { node, machine, successor, alone, began, at, doing, phase, result }
    }
    /// When its turn began.
    pub(super) fn began(&self) -> Time {
        self.began
    }
    /// Whether it has passed [`Step::QuorumGuard`].
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }
    /// The machine whose turn it was at first.
    pub(super) fn node(&self) -> NodeId {
        self.node
    }
    /// The machines that it is about: its own, and the one launched to take its place.
    pub(super) fn nodes(&self, turn: &Turn<'_, '_>) -> impl Iterator<Item = NodeId> {
        let own = [Some(self.machine), self.successor].into_iter().flatten();
        let own: Vec<NodeId> = own.filter_map(|machine| machine.node(turn.seen)).collect();
        std::iter::once(self.node).chain(own)
    }
    /// Whether a machine was launched to take its place.
    pub(super) fn surges(&self) -> bool {
        self.successor.is_some()
    }
    /// How it ended, if it has.
    pub(super) fn result(&self) -> Option<&Result<(), Failure>> {
        self.result.as_ref()
    }

    /// Goes as far as it can now.
    pub(super) fn step(&mut self, steps: &[Step], crew: &mut Crew<'_>, turn: &mut Turn<'_, '_>) {
        while self.result.is_none() {
            let Some(step) = steps.get(self.at) else {
                self.over(Ok(()), turn);
                return;
            };
            match self.advance(step, crew, turn) {
                None => return,
                Some(Ok(())) => (self.at, self.doing) = (self.at + 1, Doing::Begin),
                Some(Err((failure, settled))) => self.failed(failure, settled, crew, turn),
            }
        }
    }

    /// One move within a step; its result once there is one.
    fn advance(
        &mut self,
        step: &Step,
        crew: &mut Crew<'_>,
        turn: &mut Turn<'_, '_>,
    ) -> Option<Result<(), (Failure, bool)>> {
        let now = turn.now();
        if let Doing::Begin = self.doing {
            self.doing = match self.begin(step, crew, turn) {
                Some(doing) => doing,
                None => return Some(Ok(())),
            };
        }
        let node = self.node;
        match &mut self.doing {
            Doing::Begin => None,
            Doing::Asked(order) => match turn.answer(*order)? {
                // A node that is gone needs nothing.
                Ok(()) | Err(ApiError::NotFound) => Some(Ok(())),
                Err(error) => {
                    let text = format!("{}: {}", turn.seen.instance(node).label, error.name());
                    let class = if let Step::RemoveMember = step { Class::Quorum } else { Class::Api };
                    Some(Err((Failure { class, text }, false)))
                }
            },
            Doing::Drain(run) => {
                let Step::Drain(plan) = step else { return Some(Ok(())) };
                let result = run.step(node, *plan, turn)?;
                Some(result.map_err(|why| (Failure { class: Class::Drain, text: why.text }, why.settled)))
            }
            Doing::Swap(run) => {
                let Step::Swap(plan) = step else { return Some(Ok(())) };
                let result = run.step(plan, turn)?;
                Some(result.map_err(|text| (Failure { class: Class::Swap, text }, false)))
            }
            Doing::Gate(run) => {
                let mut run = *run;
                let (Step::Gate(gate) | Step::Surge { until: gate, .. }) = step else { return Some(Ok(())) };
                let result = run.step(gate, self.subject(step, crew), turn);
                self.doing = Doing::Gate(run);
                self.tell_standing(step, gate, turn);
                result.map(|result| result.map_err(|text| (Failure { class: gate.class, text }, false)))
            }
            Doing::Until(until) => (now >= *until).then_some(Ok(())),
            Doing::Alone => {
                self.alone = !crew.taken;
                self.alone.then_some(Ok(()))
            }
            Doing::Held(_) => None,
            Doing::Again { since, every, .. } => {
                // While the API is silent the step would fail again.
                let due = now > *since && Poll { phase: *since, period: *every }.ticks_at(now) && turn.seen.api.is_ok();
                if due {
                    self.doing = Doing::Begin;
                    return self.advance(step, crew, turn);
                }
                None
            }
        }
    }

    /// The start of a step; `None` where it is over at once.
    fn begin(&mut self, step: &Step, crew: &mut Crew<'_>, turn: &mut Turn<'_, '_>) -> Option<Doing> {
        let now = turn.now();
        let current = self.machine.node(turn.seen).unwrap_or(self.node);
        match step {
            Step::Surge { most, until } => {
                if self.successor.is_none() && crew.surging >= most.of(crew.size) {
                    return None;
                }
                self.enter(Some(StepPhase::SurgeWait), turn);
                self.launch(crew, turn);
                Some(Doing::Gate(GateRun::begin(until, now)))
            }
            Step::Taint => Some(self.ask(StepPhase::Premarked, Command::TaintForUpdate(current), turn)),
            Step::Untaint => Some(Doing::Asked(turn.give(Command::UntaintForUpdate(current)))),
            Step::Cordon => Some(self.ask(StepPhase::Cordoned, Command::Cordon(current), turn)),
            Step::Uncordon => Some(Doing::Asked(turn.give(Command::Uncordon(current)))),
            Step::Exclude => Some(self.ask(StepPhase::Detaching, Command::ExcludeFromBalancers(current), turn)),
            Step::Include => Some(Doing::Asked(turn.give(Command::IncludeInBalancers(current)))),
            Step::Deregister => {
                self.deregister(current, turn);
                None
            }
            Step::MoveLeader => {
                if let Some(from) = turn.seen.instance(current).master {
                    turn.give(Command::MoveLeader { from, to: next_leader(from, turn) });
                }
                None
            }
            Step::QuorumGuard => turn.seen.instance(current).master.map(|_| Doing::Alone),
            Step::RemoveMember => {
                let master = turn.seen.instance(current).master?;
                turn.seen.members.standing(master)?;
                self.enter(Some(StepPhase::Detaching), turn);
                if turn.seen.members.leader == Some(master) {
                    turn.give(Command::MoveLeader { from: master, to: next_leader(master, turn) });
                    return Some(Doing::Again { since: now, every: LEADER_LOOKS, settled: false, why: String::new() });
                }
                Some(Doing::Asked(turn.give(Command::RemoveMember(master))))
            }
            Step::Snapshot => Some(self.ask(StepPhase::Premarked, Command::Snapshot, turn)),
            Step::Restore => Some(self.ask(StepPhase::Transition, Command::Restore, turn)),
            Step::Drain(plan) => {
                turn.seen.node(current)?;
                self.enter(Some(StepPhase::Draining), turn);
                Some(Doing::Drain(DrainRun::begin(current, *plan)))
            }
            Step::Wait(phase, span) => {
                self.enter(Some(*phase), turn);
                Some(Doing::Until(now + *span))
            }
            Step::Swap(plan) => {
                let master = turn.seen.instance(current).master?;
                self.enter(Some(StepPhase::Transition), turn);
                Some(Doing::Swap(SwapRun::begin(plan, master, turn)))
            }
            Step::Transition(how) => {
                self.transition(*how, current, turn);
                None
            }
            Step::Gate(gate) => {
                self.tell_standing(step, gate, turn);
                Some(Doing::Gate(GateRun::begin(gate, now)))
            }
        }
    }

    fn ask(&mut self, phase: StepPhase, command: Command, turn: &mut Turn<'_, '_>) -> Doing {
        self.enter(Some(phase), turn);
        Doing::Asked(turn.give(command))
    }

    /// Orders the machine that will take this one's place; once only, however often the wait for it is tried again.
    fn launch(&mut self, crew: &mut Crew<'_>, turn: &mut Turn<'_, '_>) {
        if let (None, Some(node)) = (self.successor, crew.left_over.pop()) {
            self.successor = Some(Machine::Here(node));
        }
        if self.successor.is_some() {
            return;
        }
        let slot = free_slot(crew.group, turn.seen.instance(self.node).slot, crew.claimed, turn.seen);
        let (place, order) = match crew.group {
            Group::Workers(pool) => {
                crew.claimed.push(slot);
                (Place::in_pool(pool, slot), Command::Grow { pool, slot })
            }
            Group::Masters => (Place::of_new_master(slot), Command::GrowMasters { slot }),
            Group::Everything => return,
        };
        self.successor = Some(Machine::Coming(place, launched(turn.seen)));
        turn.give(order);
    }

    fn deregister(&mut self, node: NodeId, turn: &mut Turn<'_, '_>) {
        match turn.seen.instance(node).master {
            None => {
                turn.give(Command::DeregisterNode(node));
            }
            // The last API server must stay reachable.
            Some(master) if turn.seen.spec.control_plane.replicas > 1 => {
                turn.give(Command::DeregisterServer(master));
            }
            Some(_) => {}
        }
    }

    fn transition(&mut self, how: Transition, node: NodeId, turn: &mut Turn<'_, '_>) {
        let (now, seen) = (turn.now(), turn.seen);
        let machine = seen.instance(node);
        let version = seen.target(machine.pool);
        let coming = Machine::Coming(Place::of(machine), launched(seen));
        self.enter(Some(StepPhase::Transition), turn);
        match how {
            Transition::Terminate => {
                turn.give(Command::Terminate(node));
                self.machine = coming;
            }
            Transition::Replace => match self.successor {
                Some(successor) => {
                    turn.give(Command::Retire(node));
                    self.machine = successor;
                }
                None => {
                    turn.give(Command::Terminate(node));
                    self.machine = coming;
                }
            },
            Transition::Retire => {
                turn.give(Command::Retire(node));
            }
            Transition::Reimage => {
                turn.give(Command::Reimage(node));
                self.machine = Machine::Restarted(node, now);
            }
            Transition::Upgrade => {
                turn.give(Command::Install { node, version });
                turn.give(Command::Reboot(node));
                self.machine = Machine::Restarted(node, now);
            }
            Transition::Reboot => {
                turn.give(Command::Reboot(node));
                self.machine = Machine::Restarted(node, now);
            }
            Transition::Kubelet if machine.version != version => {
                turn.give(Command::Install { node, version });
                for process in [NodeProcess::Kubelet, NodeProcess::Proxy] {
                    turn.give(Command::StopNodeProcess { node, process });
                    turn.give(Command::StartNodeProcess { node, process });
                }
                self.machine = Machine::Restarted(node, now);
            }
            Transition::Kubelet => {}
        }
    }

    fn subject<'c>(&self, step: &Step, crew: &'c Crew<'_>) -> Subject<'c> {
        let machine = if let Step::Surge { .. } = step { self.successor } else { Some(self.machine) };
        Subject { group: crew.group, machine, extras: crew.extras }
    }

    /// A gate that waits for a machine tells how far it is.
    fn tell_standing(&mut self, step: &Step, gate: &Gate, turn: &mut Turn<'_, '_>) {
        if matches!(step, Step::Surge { .. }) {
            return;
        }
        let waits = gate.conditions.contains(&super::condition::Condition::NodeReady);
        let standing = if waits { self.machine.standing(turn.seen) } else { Standing::Ready };
        self.enter(Some(standing.phase()), turn);
    }

    fn failed(&mut self, failure: Failure, settled: bool, crew: &Crew<'_>, turn: &mut Turn<'_, '_>) {
        match crew.on_error.of(failure.class) {
            Action::Retry(every) => {
                let late = self.successor.filter(|_| failure.class == Class::Provision);
                if let Some(successor) = late {
                    self.successor = None;
                    successor.node(turn.seen).into_iter().for_each(|node| {
                        turn.give(Command::Retire(node));
                    });
                }
                turn.remark(format!("to be tried again: {}", failure.text));
                self.doing = Doing::Again { since: turn.now(), every, settled, why: failure.text };
            }
            Action::Hold => {
                turn.remark(failure.text.clone());
                self.enter(None, turn);
                self.doing = Doing::Held(failure.text);
            }
            Action::Ignore => {
                turn.remark(format!("ignoring: {}", failure.text));
                (self.at, self.doing) = (self.at + 1, Doing::Begin);
            }
            Action::StopRun | Action::StopGroup | Action::Quarantine(_) | Action::PutBack | Action::RollBack => {
                self.over(Err(failure), turn);
            }
        }
    }

    fn over(&mut self, result: Result<(), Failure>, turn: &mut Turn<'_, '_>) {
        self.enter(None, turn);
        self.result = Some(result);
    }

    /// It is left as it stands.
    pub(super) fn abandon(&mut self, turn: &mut Turn<'_, '_>) {
        self.enter(None, turn);
    }

    fn enter(&mut self, phase: Option<StepPhase>, turn: &mut Turn<'_, '_>) {
        if self.phase == phase {
            return;
        }
        let unit = Unit::Node(self.node);
        if let Some(left) = std::mem::replace(&mut self.phase, phase) {
            turn.end(unit, left);
        }
        if let Some(phase) = phase {
            turn.begin(unit, phase);
        }
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&self, steps: &[Step], crew: &Crew<'_>, turn: &mut Turn<'_, '_>) {
        let (Some(step), None) = (steps.get(self.at), &self.result) else { return };
        match &self.doing {
            Doing::Begin => {}
            Doing::Alone => turn.blocked(NotYet::Gate("etcd's quorum guard: another master is not back".to_owned())),
            Doing::Asked(_) => {
                if turn.seen.api.is_err() {
                    turn.blocked(NotYet::ApiSilent);
                }
            }
            Doing::Drain(run) => run.arm(turn),
            Doing::Swap(run) => {
                if let Step::Swap(plan) = step {
                    run.arm(plan, turn);
                }
            }
            Doing::Gate(run) => {
                if let Step::Gate(gate) | Step::Surge { until: gate, .. } = step {
                    run.arm(gate, self.subject(step, crew), turn);
                }
            }
            Doing::Until(until) => {
                turn.until(*until);
                turn.blocked(NotYet::Pause);
            }
            Doing::Held(why) => turn.blocked(NotYet::Gate(why.clone())),
            Doing::Again { since, every, settled, why } => {
                let tick = Poll { phase: *since, period: *every };
                turn.poll(tick, Sight::Anything);
                if turn.seen.api.is_err() {
                    turn.blocked(NotYet::ApiSilent);
                } else if !settled {
                    turn.until(tick.after(turn.now()));
                    turn.blocked(NotYet::Pause);
                } else {
                    // Nothing but a change ends this wait: a stall must be able to name it.
                    turn.blocked(NotYet::Gate(why.clone()));
                }
            }
        }
    }
}

/// How soon a controller looks again whether a leader has handed over. Ours: it reconciles at once.
const LEADER_LOOKS: Span = Span::secs(1);

/// Whom a leader hands over to: the newest master of the version after whose member votes and serves. Source:
/// cluster-api controlplane/kubeadm, `selectMemberForEtcdLeadership`.
fn next_leader(from: MasterId, turn: &Turn<'_, '_>) -> Option<MasterId> {
    let seen = turn.seen;
    let fit = |master: &MasterId| {
        let votes = seen.members.standing(*master) == Some(Membership::Voter);
        *master != from && votes && seen.static_pod(*master, MasterProcess::Etcd).ready
    };
    let new = Group::Masters.machines(seen).filter(|(_, machine)| machine.version == seen.goal.plane);
    new.filter_map(|(_, machine)| machine.master).filter(fit).last()
}
