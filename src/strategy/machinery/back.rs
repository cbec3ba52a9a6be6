//! The way back of a group: to old machines that still stand, or to the old template.

use super::arrival::Group;
use super::condition::Condition;
use super::parts::SCRIPT_LOOKS;
use super::plan::{Gate, Rollback, Step, Transition};
use crate::base::Span;
use crate::strategy::turn::Turn;
use crate::world::command::Command;
use crate::world::fact::StepPhase;
use crate::world::ids::NodeId;

/// Time for a load balancer to let a master go that is replaced again. Ours: above its usual deregistration.
const DEREGISTRATION: Span = Span::secs(30);

/// What takes the old machines back into use, and the new ones out of it, all at once.
pub(super) fn orders(selected: &[NodeId], new: &[NodeId], turn: &Turn<'_, '_>) -> Vec<Command> {
    let running = |node: &&NodeId| turn.seen.instance(**node).running;
    let both = |node: &NodeId| [Command::Uncordon(*node), Command::IncludeInBalancers(*node)];
    let old = selected.iter().filter(running).flat_map(both);
    old.chain(new.iter().map(|node| Command::Cordon(*node))).collect()
}

/// Masters that were replaced already and are to be replaced again; their template is set back.
pub(super) fn masters(turn: &mut Turn<'_, '_>) -> Vec<NodeId> {
    let goal = turn.seen.goal;
    turn.give(Command::SetTemplate { pool: None, version: goal.before });
    let new = Group::Masters.machines(turn.seen).filter(|(_, machine)| machine.version == goal.plane);
    new.map(|(node, _)| node).collect()
}

/// A new machine's way out.
pub(super) fn steps(group: Group, rollback: &Rollback) -> Vec<Step> {
    match group {
        Group::Workers(_) | Group::Everything => {
            vec![Step::Drain(rollback.drain), Step::Transition(Transition::Retire)]
        }
        Group::Masters => vec![
            Step::Deregister,
            Step::Wait(StepPhase::Detaching, DEREGISTRATION),
            Step::Transition(Transition::Terminate),
            Step::Gate(Gate::of(vec![Condition::NodeReady, Condition::StaticPods], SCRIPT_LOOKS)),
        ],
    }
}
