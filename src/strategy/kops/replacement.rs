//! Watching a machine's replacement come: launched, joined, ready. For the timeline alone; kops does not look at it.

use crate::base::{Span, Time};
use crate::strategy::actor::Poll;
use crate::strategy::turn::Turn;
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::NodeId;
use crate::world::reported::Reported;
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
    Awaited,
    Booting(NodeId),
    Joining(NodeId),
    Ready,
}

impl Replacement {
    /// From now on.
    pub(super) fn of(old: NodeId, turn: &mut Turn<'_, '_>) -> Replacement {
        turn.begin(Unit::Node(old), StepPhase::Transition);
        Replacement { old, since: turn.now(), stage: Stage::Awaited }
    }

    /// The machine it replaces.
    pub(super) fn old(&self) -> NodeId {
        self.old
    }

    /// Whether it is still coming.
    pub(super) fn is_awaited(&self) -> bool {
        !matches!(self.stage, Stage::Ready)
    }

    /// Tells what is reported of it now.
    pub(super) fn step(&mut self, turn: &mut Turn<'_, '_>) {
        let unit = Unit::Node(self.old);
        if let Stage::Awaited = self.stage
            && let Some(new) = successor(self.old, turn.seen)
        {
            turn.end(unit, StepPhase::Transition);
            turn.begin(unit, StepPhase::Booting);
            self.stage = Stage::Booting(new);
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
            turn.poll(Poll { phase: self.since, period: WATCH });
        }
    }
}

/// The machine that took over the place of `old`: the newest that runs there.
fn successor(old: NodeId, seen: &Reported<'_>) -> Option<NodeId> {
    let gone = seen.instance(old);
    let same = |machine: &crate::world::reported::Instance| {
        machine.running && (machine.pool, machine.master, machine.slot) == (gone.pool, gone.master, gone.slot)
    };
    seen.instances().filter(|(node, machine)| *node > old && same(machine)).map(|(node, _)| node).last()
}
