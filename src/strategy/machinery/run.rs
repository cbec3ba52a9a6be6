//! A whole plan under way: its stages, the groups whose turn it is, errors that were left behind, its window.

use std::sync::Arc;

use super::arrival::Group;
use super::group::GroupRun;
use super::plan::{Groups, Plan, Stage, Window};
use super::rollout::RolloutRun;
use super::select::left_over;
use crate::base::Time;
use crate::strategy::actor::{Actor, NotYet, Orders, Wait};
use crate::strategy::start::waits_for;
use crate::strategy::turn::{OrderNumbers, Turn};
use crate::world::command::Answer;
use crate::world::ids::{NodeId, PoolId};
use crate::world::reported::Reported;

/// An orchestrator that follows a plan.
#[derive(Clone, Debug)]
pub struct Run {
    plan: Arc<Plan>,
    numbers: OrderNumbers,
    /// Which stage.
    stage: usize,
    /// Until when the stage waits before its first group.
    delayed: Time,
    /// Groups of the stage whose turn has not come; the next one first.
    ahead: Vec<Group>,
    running: Vec<GroupRun>,
    /// Machines that an earlier run launched ahead, until a group takes them.
    left_over: Vec<NodeId>,
    /// The app whose new template the stage waits for.
    rollout: Option<RolloutRun>,
    /// What went wrong in groups that were left behind.
    errors: Vec<String>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Before,
    Staged,
    Over,
}

impl Actor for Run {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        self.step(&mut turn);
        let wait = turn.wait;
        self.numbers = numbers;
        wait
    }

    fn api_rate(&self) -> (u32, u32) {
        self.plan.api_rate
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}

impl Run {
    /// Of this plan, before its first call.
    pub fn new(plan: Plan) -> Run {
        Run {
            plan: Arc::new(plan),
            numbers: OrderNumbers::default(),
            stage: 0,
            delayed: Time::ZERO,
            ahead: Vec::new(),
            running: Vec::new(),
            left_over: Vec::new(),
            rollout: None,
            errors: Vec::new(),
            state: State::Before,
        }
    }

    fn step(&mut self, turn: &mut Turn<'_, '_>) {
        let plan = Arc::clone(&self.plan);
        if self.state == State::Before {
            if waits_for(plan.start, turn) {
                return;
            }
            self.state = State::Staged;
            self.left_over = left_over(turn);
            if let Err(unknown) = self.stage_begins(&plan, turn) {
                return self.finish(Err(unknown), turn);
            }
        }
        let closed_until = plan.window.and_then(|window| window.closed_until(turn.now()));
        let finishes = plan.window.is_some_and(|window| window.finishes);
        while self.state == State::Staged && self.advance(&plan, closed_until.is_none(), turn) {}
        if self.state == State::Staged
            && let Some(stage) = plan.stages.get(self.stage)
        {
            if turn.now() < self.delayed {
                turn.until(self.delayed);
                turn.blocked(NotYet::Pause);
            }
            if let Some(rollout) = &self.rollout {
                rollout.arm(turn);
            }
            for group in &mut self.running {
                group.arm(stage, finishes || closed_until.is_none(), turn);
            }
            if let Some(opens) = closed_until {
                turn.until(opens);
                turn.blocked(NotYet::Pause);
            }
        }
    }

    /// Whether anything moved on.
    fn advance(&mut self, plan: &Plan, open: bool, turn: &mut Turn<'_, '_>) -> bool {
        let Some(stage) = plan.stages.get(self.stage) else {
            let failed = (!self.errors.is_empty()).then(|| self.errors.join("; "));
            self.finish(failed.map_or(Ok(()), Err), turn);
            return false;
        };
        let finishes = plan.window.is_some_and(|window| window.finishes);
        for group in &mut self.running {
            group.step(stage, open || finishes, turn);
        }
        let mut stops = false;
        self.running.retain(|group| {
            let Some(result) = group.result() else { return true };
            if let Err(left) = result {
                self.errors.push(left.text.clone());
                stops |= left.stops;
            }
            false
        });
        if stops {
            self.finish(Err(self.errors.join("; ")), turn);
            return false;
        }
        if turn.now() < self.delayed {
            return false;
        }
        if let Some(rollout) = &mut self.rollout {
            match rollout.step(turn) {
                None => return false,
                Some(Ok(())) => self.rollout = None,
                Some(Err(why)) => {
                    self.finish(Err(why), turn);
                    return false;
                }
            }
        }
        let together = if stage.together { usize::MAX } else { 1 };
        let mut began = false;
        while open && self.running.len() < together && !self.ahead.is_empty() {
            let (group, start) = (self.ahead.remove(0), Time::ZERO + plan.start);
            self.running.extend(GroupRun::new(group, stage, start, &mut self.left_over, turn.seen));
            began = true;
        }
        if self.running.is_empty() && self.ahead.is_empty() {
            self.stage += 1;
            if let Err(unknown) = self.stage_begins(plan, turn) {
                self.finish(Err(unknown), turn);
                return false;
            }
            return true;
        }
        began
    }

    fn stage_begins(&mut self, plan: &Plan, turn: &Turn<'_, '_>) -> Result<(), String> {
        self.ahead = match plan.stages.get(self.stage) {
            Some(stage) => {
                self.delayed = turn.now() + stage.delay;
                self.rollout = stage.rollout.as_ref().map(|asked| RolloutRun::new(asked, turn.seen)).transpose()?;
                groups(stage, turn.seen)?
            }
            None => Vec::new(),
        };
        Ok(())
    }

    fn finish(&mut self, result: Result<(), String>, turn: &mut Turn<'_, '_>) {
        self.state = State::Over;
        self.running.clear();
        self.ahead.clear();
        turn.orders.ended = Some(result);
    }
}

impl Window {
    /// The next opening, if it is closed now.
    pub(super) fn closed_until(self, now: Time) -> Option<Time> {
        if self.open_until(now).is_some() {
            return None;
        }
        let first = Time::ZERO + self.opens;
        Some(now.last_tick(first, self.every).map_or(first, |opened| opened + self.every))
    }
    /// When it closes, if it is open now. One that opened before the run began, such as last night's from 22:00 to
    /// 04:00, is open still.
    pub(super) fn open_until(self, now: Time) -> Option<Time> {
        let first = Time::ZERO + self.opens;
        let closes = match now.last_tick(first, self.every) {
            Some(opened) => opened + self.lasts,
            None => Time::ZERO + (self.opens + self.lasts).saturating_sub(self.every),
        };
        Some(closes).filter(|closes| now < *closes)
    }
}

/// The groups of a stage in their order. An error is a name that no group of workers bears.
fn groups(stage: &Stage, seen: &Reported<'_>) -> Result<Vec<Group>, String> {
    let mut pools: Vec<PoolId> = seen.spec.pools.ids().filter(|pool| seen.spec.pools[*pool].upgrade).collect();
    pools.sort_by(|one, other| seen.spec.pools[*one].name.cmp(&seen.spec.pools[*other].name));
    let workers = pools.iter().map(|pool| Group::Workers(*pool));
    Ok(match &stage.groups {
        Groups::Masters => vec![Group::Masters],
        Groups::Everything => vec![Group::Everything],
        Groups::Workers => workers.collect(),
        Groups::All => std::iter::once(Group::Masters).chain(workers).collect(),
        Groups::Named(names) => {
            let named = |name: &String| {
                let found = seen.spec.pools.ids().find(|pool| seen.spec.pools[*pool].name == *name);
                found.map(Group::Workers).ok_or_else(|| format!("no group of workers is called `{name}`"))
            };
            names.iter().map(named).collect::<Result<Vec<Group>, String>>()?
        }
    })
}
