//! One group's turn: selection, machines ahead, marks, units at the stage's pace, and what is done at the end.

mod pace;

use std::collections::VecDeque;

use super::arrival::{Group, Machine};
use super::condition::Subject;
use super::gate::GateRun;
use super::plan::*;
use super::select::{Selected, select, surplus};
use super::sweep::Sweep;
use super::unit::{Crew, Failure, UnitRun};
use super::{back, surge};
use crate::base::Time;
use crate::strategy::actor::NotYet;
use crate::strategy::turn::Turn;
use crate::world::command::Command;
use crate::world::fact::StepPhase;
use crate::world::ids::NodeId;
use crate::world::reported::Reported;

/// Why a group was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// What the tool says.
    pub(super) text: String,
    /// Whether the plan stops with it.
    pub(super) stops: bool,
}

/// A group whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct GroupRun {
    group: Group,
    /// All machines that were selected.
    selected: Vec<NodeId>,
    /// Size of the group when its turn began.
    size: usize,
    pending: VecDeque<NodeId>,
    /// Why it goes back, once it does.
    goes_back: String,
    /// Machines that an earlier run brought past their transition, and the step that is next.
    half_way: Vec<(NodeId, usize)>,
    running: Vec<UnitRun>,
    /// When the first unit began.
    began: Option<Time>,
    extras: Vec<Machine>,
    /// Machines that an earlier run launched ahead and did not use.
    left_over: Vec<NodeId>,
    /// How many machines an earlier run gave the group beyond its size.
    surplus: usize,
    claimed: Vec<u32>,
    quarantined: usize,
    /// The selected machines are gone: there is no way back.
    retired: bool,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Begin,
    Before(GateRun),
    Surge(GateRun),
    Premark(Sweep),
    Rolling,
    /// Between two batches.
    BatchSoak(Time),
    /// The so-manieth of the last things begins.
    Finish(usize),
    FinishSoak {
        at: usize,
        until: Time,
        rolls_back: bool,
    },
    FinishGate(usize, GateRun),
    /// Machines launched ahead go; their units are the running ones.
    Extras(usize),
    /// Units under way are finished, nothing else begins.
    Abort(Left),
    /// Old machines are taken back into use.
    Uncordon(Sweep),
    /// New machines are emptied and go.
    Back,
    Over(Result<(), Left>),
}

impl GroupRun {
    /// The turn of a group; `None` where nothing of it is selected. `start`: when the plan first began; `left_over`:
    /// machines that an earlier run launched ahead, of which the group takes its own.
    pub(super) fn new(
        group: Group,
        stage: &Stage,
        start: Time,
        left_over: &mut Vec<NodeId>,
        seen: &Reported<'_>,
    ) -> Option<GroupRun> {
        let Selected { nodes, half_way, size } = select(group, stage, start, seen);
        let (own, others): (Vec<NodeId>, Vec<NodeId>) =
            left_over.iter().partition(|node| group.has(seen.instance(**node), seen));
        *left_over = others;
        let surplus = if own.is_empty() { 0 } else { surplus(group, seen) };
        (!nodes.is_empty()).then(|| GroupRun {
            group,
            surplus,
            size: size - own.len(),
            pending: nodes.iter().copied().collect(),
            goes_back: String::new(),
            selected: nodes,
            half_way,
            running: Vec::new(),
            began: None,
            extras: Vec::new(),
            left_over: own,
            claimed: Vec::new(),
            quarantined: 0,
            retired: false,
            state: State::Begin,
        })
    }

    /// How it ended, if it has.
    pub(super) fn result(&self) -> Option<&Result<(), Left>> {
        if let State::Over(result) = &self.state { Some(result) } else { None }
    }

    /// Goes as far as it can now. `open`: whether a unit may begin.
    pub(super) fn step(&mut self, stage: &Stage, open: bool, turn: &mut Turn<'_, '_>) {
        self.step_units(stage, turn);
        while let Some(next) = self.next(stage, open, turn) {
            self.state = next;
            self.step_units(stage, turn);
        }
    }

    fn step_units(&mut self, stage: &Stage, turn: &mut Turn<'_, '_>) {
        let (back, on_error) = match self.state {
            State::Back => (back::steps(self.group, &stage.rollback), OnError::all(Action::Ignore)),
            _ => (Vec::new(), stage.on_error),
        };
        let steps = steps(&self.state, stage, &back);
        let (group, extras, size) = (self.group, self.extras.as_slice(), self.size);
        let (claimed, left_over) = (&mut self.claimed, &mut self.left_over);
        let surging = self.running.iter().filter(|unit| unit.surges()).count();
        let taken = self.running.iter().any(|unit| unit.is_alone() && unit.result().is_none());
        let mut crew = Crew { group, on_error: &on_error, claimed, extras, surging, size, taken, left_over };
        let mut freed = false;
        for unit in &mut self.running {
            let (surged, alone, over) = (unit.surges(), unit.is_alone(), unit.result().is_some());
            unit.step(steps, &mut crew, turn);
            crew.surging += usize::from(!surged && unit.surges());
            crew.taken |= !alone && unit.is_alone();
            freed |= unit.is_alone() && !over && unit.result().is_some();
        }
        // The guard is free for one that has had its step already.
        if freed {
            self.step_units(stage, turn);
        }
    }

    fn next(&mut self, stage: &Stage, open: bool, turn: &mut Turn<'_, '_>) -> Option<State> {
        if self.cancels_at(stage).is_some_and(|at| turn.now() >= at) {
            return Some(self.go_back("the operator cancels", turn));
        }
        match &mut self.state {
            State::Begin | State::Before(_) | State::Surge(_) | State::Premark(_) => self.next_ahead(stage, turn),
            State::Rolling => self.roll(stage, open, turn),
            State::BatchSoak(until) => (turn.now() >= *until).then_some(State::Rolling),
            State::Finish(_) | State::FinishSoak { .. } | State::FinishGate(..) | State::Extras(_) => {
                self.next_last(stage, turn)
            }
            State::Abort(_) | State::Uncordon(_) | State::Back => self.next_away(turn),
            State::Over(_) => None,
        }
    }

    /// When the operator cancels the group's turn, as things stand.
    fn cancels_at(&self, stage: &Stage) -> Option<Time> {
        let after = stage.rollback.after.filter(|_| !self.retired)?;
        let goes_on = match self.state {
            State::Rolling
            | State::BatchSoak(_)
            | State::Finish(_)
            | State::FinishSoak { .. }
            | State::FinishGate(..)
            | State::Extras(_) => true,
            State::Begin
            | State::Before(_)
            | State::Surge(_)
            | State::Premark(_)
            | State::Abort(_)
            | State::Uncordon(_)
            | State::Back
            | State::Over(_) => false,
        };
        self.began.filter(|_| goes_on).map(|began| began + after)
    }

    /// Before the first unit.
    fn next_ahead(&mut self, stage: &Stage, turn: &mut Turn<'_, '_>) -> Option<State> {
        match &mut self.state {
            State::Begin => Some(self.begin(stage, turn)),
            State::Before(run) => {
                let mut run = *run;
                let gate = stage.before.as_ref()?;
                let result = run.step(gate, self.subject(), turn);
                self.state = State::Before(run);
                Some(self.checked(result?, gate.class, stage, turn).unwrap_or_else(|| self.surge(stage, turn)))
            }
            State::Surge(run) => {
                let mut run = *run;
                let gate = &stage.surge.as_ref()?.until;
                let result = run.step(gate, self.subject(), turn);
                self.state = State::Surge(run);
                let next = self.checked(result?, gate.class, stage, turn);
                turn.end(self.group.unit(), StepPhase::SurgeWait);
                Some(next.unwrap_or_else(|| self.premark(stage, turn)))
            }
            State::Premark(sweep) => {
                let retries = matches!(stage.on_error.api, Action::Retry(_));
                let result = sweep.step(retries, turn)?;
                turn.end(self.group.unit(), StepPhase::Premarked);
                Some(match result {
                    Ok(()) => State::Rolling,
                    Err(error) => self.left(Class::Api, error.name().to_owned(), stage, turn),
                })
            }
            State::Rolling
            | State::BatchSoak(_)
            | State::Finish(_)
            | State::FinishSoak { .. }
            | State::FinishGate(..)
            | State::Extras(_)
            | State::Abort(_)
            | State::Uncordon(_)
            | State::Back
            | State::Over(_) => None,
        }
    }

    /// After the last unit.
    fn next_last(&mut self, stage: &Stage, turn: &mut Turn<'_, '_>) -> Option<State> {
        let now = turn.now();
        match &mut self.state {
            State::Finish(at) => {
                let at = *at;
                Some(self.finish(at, stage, turn))
            }
            State::FinishSoak { at, until, rolls_back } => {
                let (at, rolls_back) = (*at, *rolls_back);
                (now >= *until).then(|| {
                    turn.end(self.group.unit(), StepPhase::Soak);
                    if rolls_back {
                        self.go_back("the operator finds something wrong", turn)
                    } else {
                        State::Finish(at + 1)
                    }
                })
            }
            State::FinishGate(at, run) => {
                let (at, mut run) = (*at, *run);
                let Some(Finish::Gate(gate)) = stage.finish.get(at) else { return Some(State::Finish(at + 1)) };
                let result = run.step(gate, self.subject(), turn);
                self.state = State::FinishGate(at, run);
                Some(self.checked(result?, gate.class, stage, turn).unwrap_or(State::Finish(at + 1)))
            }
            State::Extras(at) => {
                let at = *at;
                self.extras_go(at, stage, turn)
            }
            State::Begin
            | State::Before(_)
            | State::Surge(_)
            | State::Premark(_)
            | State::Rolling
            | State::BatchSoak(_)
            | State::Abort(_)
            | State::Uncordon(_)
            | State::Back
            | State::Over(_) => None,
        }
    }

    /// On the way out, or back.
    fn next_away(&mut self, turn: &mut Turn<'_, '_>) -> Option<State> {
        match &mut self.state {
            State::Abort(left) => {
                let left = left.clone();
                self.running.retain(|unit| unit.result().is_none());
                self.running.is_empty().then_some(State::Over(Err(left)))
            }
            State::Uncordon(sweep) => {
                // What fails is tried again until it is done.
                let _ = sweep.step(true, turn)?;
                Some(State::Back)
            }
            State::Back => {
                self.running.retain(|unit| unit.result().is_none());
                if self.running.is_empty() {
                    let Some(node) = self.pending.pop_front() else {
                        let text = format!("group {} was rolled back: {}", self.group.name(turn.seen), self.goes_back);
                        return Some(State::Over(Err(Left { text, stops: true })));
                    };
                    self.running.push(UnitRun::new(node, turn.now()));
                    return Some(State::Back);
                }
                None
            }
            State::Begin
            | State::Before(_)
            | State::Surge(_)
            | State::Premark(_)
            | State::Rolling
            | State::BatchSoak(_)
            | State::Finish(_)
            | State::FinishSoak { .. }
            | State::FinishGate(..)
            | State::Extras(_)
            | State::Over(_) => None,
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject { group: self.group, machine: None, extras: &self.extras }
    }

    /// What follows from a gate's failure; nothing from its success, or where failures are ignored.
    fn checked(
        &mut self,
        result: Result<(), String>,
        class: Class,
        stage: &Stage,
        turn: &mut Turn<'_, '_>,
    ) -> Option<State> {
        let why = result.err()?;
        if let Action::Ignore = stage.on_error.of(class) {
            turn.remark(format!("ignoring: {why}"));
            return None;
        }
        Some(self.left(class, why, stage, turn))
    }

    fn begin(&mut self, stage: &Stage, turn: &mut Turn<'_, '_>) -> State {
        if stage.template {
            let pool = match self.group {
                Group::Masters | Group::Everything => None,
                Group::Workers(pool) => Some(pool),
            };
            turn.give(Command::SetTemplate { pool, version: turn.seen.target(pool) });
        }
        match &stage.before {
            Some(gate) => State::Before(GateRun::begin(gate, turn.now())),
            None => self.surge(stage, turn),
        }
    }

    fn surge(&mut self, stage: &Stage, turn: &mut Turn<'_, '_>) -> State {
        let Some(asked) = &stage.surge else { return self.premark(stage, turn) };
        let count = surge::count(asked.by, self.size, self.group.zones(turn.seen));
        self.extras = self.left_over.drain(..).map(Machine::Here).collect();
        let missing = count.saturating_sub(self.surplus.max(self.extras.len()));
        self.extras.extend(surge::launch(self.group, missing, &mut self.claimed, turn));
        turn.begin(self.group.unit(), StepPhase::SurgeWait);
        State::Surge(GateRun::begin(&asked.until, turn.now()))
    }

    fn premark(&mut self, stage: &Stage, turn: &mut Turn<'_, '_>) -> State {
        let nodes = self.selected.as_slice();
        let sweep = match stage.premark {
            Premark::None => return State::Rolling,
            Premark::SoftTaint => Sweep::each(nodes, Command::TaintForUpdate, turn),
            Premark::Cordon => Sweep::each(nodes, Command::Cordon, turn),
            Premark::CordonAndExclude => {
                let both = |node: &NodeId| [Command::Cordon(*node), Command::ExcludeFromBalancers(*node)];
                Sweep::of(nodes.iter().flat_map(both).collect(), turn)
            }
        };
        turn.begin(self.group.unit(), StepPhase::Premarked);
        State::Premark(sweep)
    }

    fn roll(&mut self, stage: &Stage, open: bool, turn: &mut Turn<'_, '_>) -> Option<State> {
        let before = self.running.len();
        if let Some(left) = self.collect(stage, turn) {
            return Some(left);
        }
        let over = before - self.running.len();
        if self.pending.is_empty() {
            return self.running.is_empty().then_some(State::Finish(0));
        }
        if let Pace::Batches { soak, .. } = stage.pace
            && over > 0
            && self.running.is_empty()
            && !soak.is_zero()
        {
            return Some(State::BatchSoak(turn.now() + soak));
        }
        let begins = if open { self.begins(stage, turn) } else { 0 };
        for _ in 0..begins {
            let next = self.next_index(stage, turn)?;
            let node = self.pending.remove(next)?;
            let resumed = self.half_way.iter().find(|(other, _)| *other == node).map_or(0, |(_, at)| *at);
            self.running.push(UnitRun::from_step(node, resumed, turn.now()));
            self.began.get_or_insert(turn.now());
        }
        (begins > 0).then_some(State::Rolling)
    }

    /// Takes out units that are over; what follows from one that failed.
    fn collect(&mut self, stage: &Stage, turn: &mut Turn<'_, '_>) -> Option<State> {
        let mut failed: Vec<(NodeId, Failure)> = Vec::new();
        for unit in &self.running {
            if let Some(Err(failure)) = unit.result() {
                failed.push((unit.node(), failure.clone()));
            }
        }
        self.running.retain(|unit| unit.result().is_none());
        for (node, failure) in failed {
            match stage.on_error.of(failure.class) {
                Action::Quarantine(most) if self.quarantined < most.of(self.size).max(1) => {
                    self.quarantined += 1;
                    turn.remark(format!("left behind: {}", failure.text));
                }
                Action::PutBack => {
                    turn.remark(format!("put back: {}", failure.text));
                    turn.give(Command::Uncordon(node));
                    self.pending.push_back(node);
                }
                Action::StopRun
                | Action::StopGroup
                | Action::Quarantine(_)
                | Action::Retry(_)
                | Action::Hold
                | Action::Ignore
                | Action::RollBack => return Some(self.left(failure.class, failure.text, stage, turn)),
            }
        }
        None
    }

    fn finish(&mut self, at: usize, stage: &Stage, turn: &mut Turn<'_, '_>) -> State {
        match stage.finish.get(at) {
            None => State::Over(Ok(())),
            Some(Finish::Soak { span, rollback_after }) => {
                turn.begin(self.group.unit(), StepPhase::Soak);
                let (until, rolls_back) = match rollback_after {
                    Some(after) if after < span => (turn.now() + *after, true),
                    Some(_) | None => (turn.now() + *span, false),
                };
                State::FinishSoak { at, until, rolls_back }
            }
            // What was ordered just now is seen by the next look.
            Some(Finish::Gate(gate)) => State::FinishGate(at, GateRun::begin(gate, turn.now() + gate.every)),
            Some(Finish::RemoveExtras(_)) => {
                let nodes: Vec<NodeId> = self.extras.iter().filter_map(|machine| machine.node(turn.seen)).collect();
                // A machine that was left behind keeps one of those launched ahead.
                let stay = self.quarantined.min(nodes.len());
                self.pending = nodes[..nodes.len() - stay].iter().copied().collect();
                State::Extras(at)
            }
            Some(Finish::ShrinkGroup(_)) => {
                let launched = self.extras.iter().filter(|machine| machine.node(turn.seen).is_some()).count();
                let count = launched.saturating_sub(self.quarantined);
                if let Group::Workers(pool) = self.group {
                    self.pending = turn.seen.scale_in(pool, count).into();
                }
                State::Extras(at)
            }
            Some(Finish::RetireOld) => {
                self.retired = true;
                for node in &self.selected {
                    turn.give(Command::Retire(*node));
                }
                State::Finish(at + 1)
            }
        }
    }

    fn extras_go(&mut self, at: usize, stage: &Stage, turn: &mut Turn<'_, '_>) -> Option<State> {
        if let Some(left) = self.collect(stage, turn) {
            return Some(left);
        }
        if !self.running.is_empty() {
            return None;
        }
        match self.pending.pop_front() {
            Some(node) => {
                self.running.push(UnitRun::new(node, turn.now()));
                Some(State::Extras(at))
            }
            None => Some(State::Finish(at + 1)),
        }
    }

    /// What follows from an error that ends the group's turn.
    fn left(&mut self, class: Class, text: String, stage: &Stage, turn: &mut Turn<'_, '_>) -> State {
        let text = format!("group {}: {text}", self.group.name(turn.seen));
        turn.remark(text.clone());
        match stage.on_error.of(class) {
            Action::RollBack if !self.retired => self.go_back(&text, turn),
            action => {
                self.pending.clear();
                State::Abort(Left { text, stops: action != Action::StopGroup })
            }
        }
    }

    fn go_back(&mut self, why: &str, turn: &mut Turn<'_, '_>) -> State {
        turn.remark(format!("rolling back: {why}"));
        why.clone_into(&mut self.goes_back);
        self.pending.clear();
        for mut unit in std::mem::take(&mut self.running) {
            unit.abandon(turn);
        }
        let new: Vec<NodeId> = match self.group {
            Group::Masters => back::masters(turn),
            Group::Workers(_) | Group::Everything => {
                self.extras.iter().filter_map(|machine| machine.node(turn.seen)).collect()
            }
        };
        let orders = if self.group == Group::Masters { Vec::new() } else { back::orders(&self.selected, &new, turn) };
        self.pending = new.into_iter().collect();
        State::Uncordon(Sweep::of(orders, turn))
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&mut self, stage: &Stage, open: bool, turn: &mut Turn<'_, '_>) {
        if let Some(at) = self.cancels_at(stage) {
            turn.until(at);
        }
        let back = if let State::Back = self.state { back::steps(self.group, &stage.rollback) } else { Vec::new() };
        let steps = steps(&self.state, stage, &back);
        let (group, extras, size, on_error) = (self.group, self.extras.as_slice(), self.size, &stage.on_error);
        let (claimed, left_over) = (&mut self.claimed, &mut self.left_over);
        let crew = Crew { group, on_error, claimed, extras, surging: 0, size, taken: false, left_over };
        for unit in &self.running {
            unit.arm(steps, &crew, turn);
        }
        match &self.state {
            State::Before(run) => stage.before.iter().for_each(|gate| run.arm(gate, self.subject(), turn)),
            State::Surge(run) => stage.surge.iter().for_each(|surge| run.arm(&surge.until, self.subject(), turn)),
            State::Premark(sweep) | State::Uncordon(sweep) => sweep.arm(turn),
            State::Rolling if open => self.arm_pending(stage, turn),
            State::BatchSoak(until) | State::FinishSoak { until, .. } => {
                turn.until(*until);
                turn.blocked(NotYet::Pause);
            }
            State::FinishGate(at, run) => {
                if let Some(Finish::Gate(gate)) = stage.finish.get(*at) {
                    run.arm(gate, self.subject(), turn);
                }
            }
            State::Rolling
            | State::Begin
            | State::Finish(_)
            | State::Extras(_)
            | State::Abort(_)
            | State::Back
            | State::Over(_) => {}
        }
    }
}

/// The steps of the units that are under way in a state.
fn steps<'s>(state: &State, stage: &'s Stage, back: &'s [Step]) -> &'s [Step] {
    match state {
        State::Extras(at) => match stage.finish.get(*at) {
            Some(Finish::RemoveExtras(steps) | Finish::ShrinkGroup(steps)) => steps,
            Some(Finish::Soak { .. } | Finish::Gate(_) | Finish::RetireOld) | None => &[],
        },
        State::Back => back,
        State::Begin
        | State::Before(_)
        | State::Surge(_)
        | State::Premark(_)
        | State::Rolling
        | State::BatchSoak(_)
        | State::Finish(_)
        | State::FinishSoak { .. }
        | State::FinishGate(..)
        | State::Abort(_)
        | State::Uncordon(_)
        | State::Over(_) => &stage.steps,
    }
}
