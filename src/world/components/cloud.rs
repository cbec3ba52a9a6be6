//! Machines and their groups: terminated, detached, launched, booted; powered off and on.

use crate::base::{IdVec, Name, Span, Version};
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{NodeId, PoolId};
use crate::world::purpose::Purpose;
use crate::world::reported::Instance;
use crate::world::spec::MachineSpec;

/// Inside the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloudEvent {
    /// A machine that was told to stop is off.
    GoesOff(NodeId),
    /// A group launches the successor of this machine.
    Launches(NodeId),
    /// A launched machine has booted.
    Boots {
        /// Which.
        node: NodeId,
        /// Of which boot; losing power in the middle of one ends it.
        boot: u32,
    },
}

/// All machines and their groups.
#[derive(Clone, Debug, Default)]
pub struct Cloud {
    instances: IdVec<NodeId, Instance>,
    names: IdVec<NodeId, Name>,
    /// Boots of each machine so far.
    boots: IdVec<NodeId, u32>,
    /// Version of machines launched from now on: of the masters, then of each worker group.
    masters_template: Version,
    templates: IdVec<PoolId, Version>,
    /// Detached machines that run beside their successors, and since when.
    surge_since: Vec<(NodeId, crate::base::Time)>,
    extra: Span,
}

impl Cloud {
    /// No machines yet; every group at this version.
    pub fn new(version: Version, pools: usize) -> Cloud {
        Cloud { masters_template: version, templates: (0..pools).map(|_| version).collect(), ..Cloud::default() }
    }

    /// All machines ever launched.
    pub fn instances(&self) -> &IdVec<NodeId, Instance> {
        &self.instances
    }

    /// The lineage of a machine, `pool/slot/incarnation`.
    pub fn name(&self, node: NodeId) -> Name {
        self.names[node]
    }

    /// Adds a machine.
    pub fn add(&mut self, instance: Instance, name: Name) -> NodeId {
        self.names.push(name);
        self.boots.push(0);
        self.instances.push(instance)
    }

    /// Sets the version of machines launched from now on.
    pub fn set_template(&mut self, pool: Option<PoolId>, version: Version) {
        match pool {
            Some(pool) => self.templates[pool] = version,
            None => self.masters_template = version,
        }
    }

    /// A machine's packages are of this version from now on.
    pub fn install(&mut self, node: NodeId, version: Version) {
        self.instances[node].version = version;
    }

    /// The successor of a machine, as its group's template has it now; `incarnation` counts the place's machines.
    pub fn successor(&self, node: NodeId) -> (Instance, u32) {
        let old = &self.instances[node];
        let same_place =
            |other: &&Instance| other.pool == old.pool && other.slot == old.slot && other.master == old.master;
        let incarnation = self.instances.iter().filter(same_place).count() as u32;
        let version = old.pool.map_or(self.masters_template, |pool| self.templates[pool]);
        let first = old.label.split('.').next().unwrap_or_default();
        let label = format!("{first}.{incarnation}");
        (Instance { version, label, detached: false, running: true, ..old.clone() }, incarnation)
    }

    /// Machine time beyond the cluster's own size until now.
    pub fn extra_machine_time(&self, now: crate::base::Time) -> Span {
        self.extra + self.surge_since.iter().map(|(_, since)| now.since(*since)).sum()
    }

    /// One of its own events.
    pub fn step(&mut self, event: CloudEvent, ctx: &mut Ctx<'_>) {
        match event {
            CloudEvent::GoesOff(node) => {
                ctx.note(Fact::MachineOff { node });
                ctx.notify(Notice::MachineOff(node));
                if !self.instances[node].detached {
                    let wait = machine(self.instances[node].pool, ctx).launch;
                    let wait = wait.sample(&mut ctx.draw(Purpose::Launch, self.names[node], 0));
                    ctx.after(wait, Event::Cloud(CloudEvent::Launches(node)));
                }
                if let Some(place) = self.surge_since.iter().position(|(surged, _)| *surged == node) {
                    let (_, since) = self.surge_since.swap_remove(place);
                    self.extra += ctx.now.since(since);
                }
            }
            CloudEvent::Launches(node) => {
                if self.instances[node].detached && self.instances[node].running {
                    self.surge_since.push((node, ctx.now));
                }
                ctx.notify(Notice::Launches(node));
            }
            CloudEvent::Boots { node, boot } => {
                if self.instances[node].running && self.boots[node] == boot {
                    ctx.note(Fact::MachineUp { node });
                    ctx.notify(Notice::MachineUp(node));
                }
            }
        }
    }

    /// A machine was added for a group; it boots (a master's also waits for its etcd volume).
    pub fn launched(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        ctx.note(Fact::MachineLaunched { node });
        self.boots(node, ctx);
    }

    /// A machine gets power (again) and boots.
    pub fn boots(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let spec = machine(self.instances[node].pool, ctx);
        let mut wait = spec.boot.sample(&mut ctx.draw(Purpose::Boot, self.names[node], 0));
        if self.instances[node].master.is_some() {
            wait = wait.max(spec.volume_attach.sample(&mut ctx.draw(Purpose::VolumeAttach, self.names[node], 0)));
        }
        self.boots[node] += 1;
        ctx.after(wait, Event::Cloud(CloudEvent::Boots { node, boot: self.boots[node] }));
    }

    /// A machine has lost its power: a boot under way comes to nothing.
    pub fn power_off(&mut self, node: NodeId) {
        self.boots[node] += 1;
    }

    /// The order to terminate a machine.
    pub fn terminate(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        if !self.instances[node].running {
            return;
        }
        self.instances[node].running = false;
        ctx.note(Fact::MachineStopping { node });
        let spec = machine(self.instances[node].pool, ctx);
        let lasts = spec.shutdown.sample(&mut ctx.draw(Purpose::Shutdown, self.names[node], 0));
        if spec.closes_sockets {
            ctx.notify(Notice::MachineStops(node));
        }
        ctx.after(lasts, Event::Cloud(CloudEvent::GoesOff(node)));
    }

    /// The order to take a machine out of its group: the group launches another in its place, it serves on.
    pub fn detach(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        if self.instances[node].detached || !self.instances[node].running {
            return;
        }
        self.instances[node].detached = true;
        let wait = machine(self.instances[node].pool, ctx).launch;
        let wait = wait.sample(&mut ctx.draw(Purpose::Launch, self.names[node], 0));
        ctx.after(wait, Event::Cloud(CloudEvent::Launches(node)));
    }
}

fn machine<'a>(pool: Option<PoolId>, ctx: &Ctx<'a>) -> &'a MachineSpec {
    let spec = ctx.spec;
    match pool {
        Some(pool) => &spec.pools[pool].machine,
        None => &spec.control_plane.machine,
    }
}
