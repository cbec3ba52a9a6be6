//! Watching a machine's replacement come: launched, joined, ready. For the timeline alone; kops does not look at it.

use crate::base::{Id, Span, Time};
use crate::strategy::actor::Poll;
use crate::strategy::turn::Turn;
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::NodeId;
use crate::world::reported::{Reported, Sight};
use crate::world::store::NodeReady;

/// How finely the phases of a replacement are told. Ours.
const WATCH: Span = Span::secs(1);

/// A machine that was told to go, or detached, and what follows it.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    old: NodeId,
    since: Time,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// No machine of those up to `seen` follows it.
    Awaited {
        seen: usize,
    },
    Booting(NodeId),
    Joining(NodeId),
    Ready,
}

impl Replacement {
    /// From now on.
    pub(super) fn of(old: NodeId, turn: &mut Turn<'_, '_>) -> Replacement {
        turn.begin(Unit::Node(old), StepPhase::Transition);
        Replacement { old, since: turn.now(), stage: Stage::Awaited { seen: old.index() + 1 } }
    }

    /// Whether it is still coming.
    pub(super) fn is_awaited(&self) -> bool {
        !matches!(self.stage, Stage::Ready)
    }

    /// Tells what is reported of it now.
    pub(super) fn step(&mut self, turn: &mut Turn<'_, '_>) {
        let unit = Unit::Node(self.old);
        if let Stage::Awaited { seen } = &mut self.stage {
            let newer = successor(self.old, *seen, turn.seen);
            *seen = turn.seen.machines();
            if let Some(new) = newer {
                turn.end(unit, StepPhase::Transition);
                turn.begin(unit, StepPhase::Booting);
                self.stage = Stage::Booting(new);
            }
        }
        if turn.seen.api.is_err() {
            return;
        }
        if let Stage::Booting(new) = self.stage
            && turn.seen.node(new).is_some()
        {
            turn.end(unit, StepPhase::Booting);
            turn.begin(unit, StepPhase::Joining);
            self.stage = Stage::Joining(new);
        }
        if let Stage::Joining(new) = self.stage
            && turn.seen.node(new).is_some_and(|node| node.ready == NodeReady::True)
        {
            turn.end(unit, StepPhase::Joining);
            self.stage = Stage::Ready;
        }
    }

    /// Says what it waits for.
    pub(super) fn arm(&self, turn: &mut Turn<'_, '_>) {
        if self.is_awaited() {
            turn.poll(Poll { phase: self.since, period: WATCH }, Sight::Machines);
        }
    }
}

/// The machine that took over the place of `old`: the newest, of those from index `first` on, that runs there.
fn successor(old: NodeId, first: usize, seen: &Reported<'_>) -> Option<NodeId> {
    let gone = seen.instance(old);
    let same = |machine: &crate::world::reported::Instance| {
        machine.running && (machine.pool, machine.master, machine.slot) == (gone.pool, gone.master, gone.slot)
    };
    (first..seen.machines()).rev().map(NodeId::from_index).find(|node| same(seen.instance(*node)))
}
