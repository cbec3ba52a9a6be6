//! The whole run: new templates, then the masters' groups one after another, then the groups of workers.
//!
//! Source: kops `pkg/instancegroups/rollingupdate.go`, `RollingUpdate`.

use super::group::Group;
use super::member::{RollError, Selected};
use super::replacement::Replacement;
use super::settings::{Roles, Settings};
use crate::base::Time;
use crate::strategy::actor::{Actor, NotYet, Orders, Wait};
use crate::strategy::turn::{OrderNumbers, Turn};
use crate::strategy::validation::GroupKey;
use crate::world::command::{Answer, Command};
use crate::world::ids::{NodeId, PoolId};
use crate::world::reported::{Instance, Reported};

/// An operator who runs `kops update cluster` and then `kops rolling-update cluster`.
#[derive(Clone, Debug)]
pub(super) struct Roll {
    settings: Settings,
    numbers: OrderNumbers,
    stage: Stage,
    /// Groups in order, the one whose turn it is first.
    groups: Vec<Group>,
    replacements: Vec<Replacement>,
    /// What went wrong in groups that were left behind.
    errors: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Rolling,
    Over,
}

impl Actor for Roll {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        self.step(&mut turn);
        let wait = turn.wait;
        self.numbers = numbers;
        wait
    }

    fn api_rate(&self) -> (u32, u32) {
        self.settings.era.api_rate
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}

impl Roll {
    pub(super) fn new(settings: Settings) -> Roll {
        let (groups, replacements, errors) = (Vec::new(), Vec::new(), Vec::new());
        Roll { settings, numbers: OrderNumbers::default(), stage: Stage::Before, groups, replacements, errors }
    }

    fn step(&mut self, turn: &mut Turn<'_, '_>) {
        let start = Time::ZERO + self.settings.start;
        if self.stage == Stage::Before {
            if turn.now() < start {
                turn.until(start);
                turn.blocked(NotYet::Pause);
                return;
            }
            self.begin(turn);
        }
        while self.stage == Stage::Rolling && self.advance(turn) {}
        self.watch(turn);
        if self.stage == Stage::Rolling
            && let Some(group) = self.groups.first_mut()
        {
            group.arm(turn);
            for replacement in &self.replacements {
                replacement.arm(turn);
            }
        }
    }

    fn begin(&mut self, turn: &mut Turn<'_, '_>) {
        self.stage = Stage::Rolling;
        turn.give(Command::SetTemplate { pool: None, version: turn.seen.goal.plane });
        let version = turn.seen.goal.nodes;
        for pool in turn.seen.spec.pools.ids() {
            if turn.seen.spec.pools[pool].upgrade {
                turn.give(Command::SetTemplate { pool: Some(pool), version });
            }
        }
        if turn.seen.api.is_err() && !self.settings.cloudonly {
            self.finish(Err("kops cannot reach the API and gives up".to_owned()), turn);
            return;
        }
        match groups(&self.settings, turn.seen) {
            Ok(groups) => self.groups = groups,
            Err(unknown) => return self.finish(Err(format!("no instance group is called `{unknown}`")), turn),
        }
        if self.groups.is_empty() {
            turn.remark("no update needed".to_owned());
        }
    }

    /// Lets the first group go on; whether that changed anything.
    fn advance(&mut self, turn: &mut Turn<'_, '_>) -> bool {
        let Some(group) = self.groups.first_mut() else {
            let failed = (!self.errors.is_empty()).then(|| self.errors.join("; "));
            self.finish(failed.map_or(Ok(()), Err), turn);
            return false;
        };
        let moved = group.step(&self.settings, turn);
        for node in group.take_leaving() {
            self.replacements.push(Replacement::of(node, turn));
        }
        let Some(result) = group.result().cloned() else { return moved };
        let (name, control_plane) = (group.name().to_owned(), group.is_control_plane());
        self.groups.remove(0);
        if let Err(error) = result {
            self.group_failed(&name, control_plane, &error, turn);
        }
        true
    }

    fn group_failed(&mut self, name: &str, control_plane: bool, error: &RollError, turn: &mut Turn<'_, '_>) {
        let era = self.settings.era;
        let stops = if control_plane { era.master_error_stops } else { era.exits_on_timeout && error.is_exitable() };
        let text = format!("group {name}: {error}");
        turn.remark(text.clone());
        self.errors.push(text);
        if stops {
            self.finish(Err(self.errors.join("; ")), turn);
        }
    }

    fn finish(&mut self, result: Result<(), String>, turn: &mut Turn<'_, '_>) {
        self.stage = Stage::Over;
        self.groups.clear();
        turn.orders.ended = Some(result);
    }

    fn watch(&mut self, turn: &mut Turn<'_, '_>) {
        for replacement in &mut self.replacements {
            replacement.step(turn);
        }
        self.replacements.retain(Replacement::is_awaited);
    }
}

/// The groups with anything to replace: masters first, each kind by name. An error is a name that no group bears.
fn groups(settings: &Settings, seen: &Reported<'_>) -> Result<Vec<Group>, String> {
    let mut keys: Vec<(bool, String, GroupKey)> = Vec::new();
    for (_, machine) in seen.instances().filter(|(_, machine)| machine.running) {
        let Some(key) = GroupKey::of(machine) else { continue };
        let name = match key {
            GroupKey::Master(_) => machine.label.clone(),
            GroupKey::Pool(pool) => seen.spec.pools[pool].name.clone(),
        };
        if !keys.iter().any(|(_, _, other)| *other == key) {
            keys.push((matches!(key, GroupKey::Pool(_)), name, key));
        }
    }
    let asked = &settings.instance_groups;
    if let Some(unknown) = asked.iter().find(|asked| !keys.iter().any(|(_, name, _)| name == *asked)) {
        return Err(unknown.clone());
    }
    keys.retain(|(_, name, key)| is_rolled(*key, settings.roles, seen) && (asked.is_empty() || asked.contains(name)));
    keys.sort();
    Ok(keys.into_iter().filter_map(|(_, name, key)| group(key, name, settings, seen)).collect())
}

fn is_rolled(key: GroupKey, roles: Roles, seen: &Reported<'_>) -> bool {
    let upgraded = |pool: PoolId| seen.spec.pools[pool].upgrade;
    match (key, roles) {
        (GroupKey::Master(_), Roles::All | Roles::ControlPlane) => true,
        (GroupKey::Pool(pool), Roles::All | Roles::Node) => upgraded(pool),
        (GroupKey::Master(_), Roles::Node) | (GroupKey::Pool(_), Roles::ControlPlane) => false,
    }
}

/// The group's roll, if anything of it is of an older template or was detached by an earlier run.
fn group(key: GroupKey, name: String, settings: &Settings, seen: &Reported<'_>) -> Option<Group> {
    let members = |detached| {
        let of_group = move |(_, machine): &(NodeId, &Instance)| {
            machine.running && machine.detached == detached && GroupKey::of(machine) == Some(key)
        };
        seen.instances().filter(of_group)
    };
    let size = members(false).count() + members(true).count();
    let old = |(_, machine): &(NodeId, &Instance)| {
        settings.force || machine.detached || machine.version != seen.target(machine.pool)
    };
    let select = |(node, machine): (NodeId, &Instance)| Selected {
        node,
        label: machine.label.clone(),
        registered: seen.node(node).is_some(),
    };
    let selected: Vec<Selected> = members(false).chain(members(true)).filter(old).map(select).collect();
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    (!selected.is_empty()).then(|| Group::new(key, name, selected, size, settings))
}
