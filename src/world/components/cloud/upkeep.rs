//! What becomes of machines after their launch: flaws they are born with, boots that hang, links that flap, and a
//! group's own look at its machines' health.

use super::{Cloud, CloudEvent, group};
use crate::base::Span;
use crate::world::disturbance::Flaw;
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::ids::{NodeId, PoolId};
use crate::world::spec::HealthCheckKind;

/// A link that goes down and up again.
#[derive(Clone, Copy, Debug)]
struct Flapping {
    node: NodeId,
    spell: u32,
    down: Span,
    up: Span,
    linked: bool,
}

/// The state of machines, as far as it is not as it should be.
#[derive(Clone, Debug, Default)]
pub(super) struct Upkeep {
    /// Flaws of what each group launches now.
    images: Vec<(Option<PoolId>, Flaw)>,
    /// Machines with a flaw.
    flawed: Vec<(NodeId, Flaw)>,
    /// Machines whose next boot hangs; whether one hangs now.
    hanging: Vec<(NodeId, bool)>,
    flapping: Vec<Flapping>,
    spells: u32,
    /// Machines that have not booted, or not again.
    down: Vec<NodeId>,
}

impl Upkeep {
    /// A machine has booted, or it no longer runs.
    pub(super) fn is_up(&mut self, node: NodeId, up: bool) {
        self.down.retain(|other| *other != node);
        if !up {
            self.down.push(node);
        }
    }

    /// A machine is off and does not come back.
    pub(super) fn gone(&mut self, node: NodeId) {
        self.down.retain(|other| *other != node);
        self.flawed.retain(|(other, _)| *other != node);
    }

    /// A machine boots; whether it comes to an end.
    pub(super) fn begins_boot(&mut self, node: NodeId) -> bool {
        self.is_up(node, false);
        if self.flawed.contains(&(node, Flaw::NeverBoots)) {
            return false;
        }
        match self.hanging.iter_mut().find(|(other, _)| *other == node) {
            Some((_, hangs)) => {
                *hangs = true;
                false
            }
            None => true,
        }
    }

    /// The next turn of a link that flaps.
    pub(super) fn flap(&mut self, node: NodeId, spell: u32, ctx: &mut Ctx<'_>) {
        let Some(at) = self.flapping.iter_mut().find(|at| at.node == node && at.spell == spell) else { return };
        at.linked = !at.linked;
        ctx.notify(Notice::Linked(node, at.linked));
        ctx.after(if at.linked { at.up } else { at.down }, Event::Cloud(CloudEvent::Flaps { node, spell }));
    }
}

impl Cloud {
    /// What a group launches from now on has a flaw, or no longer; machines that have it keep it.
    pub fn image_is_flawed(&mut self, pool: Option<PoolId>, flaw: Flaw, is: bool) {
        self.upkeep.images.retain(|(other, _)| *other != pool);
        if is {
            self.upkeep.images.push((pool, flaw));
        }
    }

    /// A machine's flaw, if it has one.
    pub fn flaw(&self, node: NodeId) -> Option<Flaw> {
        self.upkeep.flawed.iter().find(|(other, _)| *other == node).map(|(_, flaw)| *flaw)
    }

    /// A machine just launched has the flaw of its group's image.
    pub(super) fn flawed_from_birth(&mut self, node: NodeId) {
        let pool = self.instances[node].pool;
        let flaw = self.upkeep.images.iter().find(|(other, _)| *other == pool).map(|(_, flaw)| *flaw);
        self.upkeep.flawed.extend(flaw.map(|flaw| (node, flaw)));
    }

    /// A machine's boot hangs: the one under way, or else its next.
    pub fn boot_hangs(&mut self, node: NodeId, powered: bool) {
        let boots = !powered && self.instances[node].running;
        if boots {
            self.boots[node] += 1;
        }
        self.upkeep.hanging.push((node, boots));
    }

    /// Somebody presses the button: a machine whose boot hangs boots anew.
    pub fn boot_is_mended(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let Some(at) = self.upkeep.hanging.iter().position(|(other, _)| *other == node) else { return };
        let (_, hangs) = self.upkeep.hanging.remove(at);
        if hangs && self.instances[node].running {
            self.boots(node, ctx);
        }
    }

    /// A machine's link begins to flap.
    pub fn flaps(&mut self, node: NodeId, (down, up): (Span, Span), ctx: &mut Ctx<'_>) {
        self.settles(node, ctx);
        self.upkeep.spells += 1;
        let spell = self.upkeep.spells;
        self.upkeep.flapping.push(Flapping { node, spell, down, up, linked: true });
        self.upkeep.flap(node, spell, ctx);
    }

    /// It flaps no longer.
    pub fn settles(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        if let Some(at) = self.upkeep.flapping.iter().position(|at| at.node == node)
            && !self.upkeep.flapping.remove(at).linked
        {
            ctx.notify(Notice::Linked(node, true));
        }
    }

    /// A group that looks after its machines will look at this one.
    ///
    /// What it asks is the cloud's: whether the machine has booted. It knows nothing of kubelets. Source: Amazon EC2
    /// Auto Scaling, "Health checks for instances": a grace period after the launch, then status checks of the
    /// instance; an unhealthy instance is terminated and replaced.
    pub(super) fn check_later(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let asked = group(self.instances[node].pool, ctx);
        let after = match asked.health_check {
            HealthCheckKind::None => return,
            HealthCheckKind::Boot => asked.health_grace,
        };
        ctx.after(after, Event::Cloud(CloudEvent::Checks(node)));
    }

    /// The look: a machine that is not up is terminated, and its group launches another.
    pub(super) fn check(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        if self.instances[node].running && self.upkeep.down.contains(&node) {
            self.terminate(node, ctx);
        }
    }
}
