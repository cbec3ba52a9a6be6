//! Machines and their groups: terminated, detached, launched, booted; grown, retired, restarted; powered off and on.

mod launches;
mod upkeep;

use crate::base::{Id, IdVec, Name, Span, Version};
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{MasterId, NodeId, PoolId, ZoneId};
use crate::world::purpose::Purpose;
use crate::world::reported::{Instance, RefusedLaunch};
use crate::world::spec::{MachineSpec, NodeGroupSpec};
use launches::{Launches, Order};
use upkeep::Upkeep;

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
    /// A group launches one machine more, in this place.
    Grows {
        /// Which group.
        pool: PoolId,
        /// Which place.
        slot: u32,
    },
    /// The masters' group launches one machine more, in this place.
    GrowsMasters {
        /// Which place.
        slot: u32,
    },
    /// A machine that was told to restart is off, and boots again.
    Restarts {
        /// Which.
        node: NodeId,
        /// Of which boot; losing power meanwhile ends it.
        boot: u32,
        /// Whether its disk is wiped.
        wiped: bool,
    },
    /// A group looks whether a machine of its own is healthy.
    Checks(NodeId),
    /// A machine whose link flaps loses it, or gets it back.
    Flaps {
        /// Which.
        node: NodeId,
        /// Only the newest flapping counts.
        spell: u32,
    },
}

/// All machines and their groups.
#[derive(Clone, Debug, Default)]
pub struct Cloud {
    instances: IdVec<NodeId, Instance>,
    names: IdVec<NodeId, Name>,
    /// How often a machine has left its group or has begun to go.
    left: u64,
    /// Boots of each machine so far.
    boots: IdVec<NodeId, u32>,
    /// Version of machines launched from now on: of the masters, then of each worker group.
    masters_template: Version,
    templates: IdVec<PoolId, Version>,
    /// Detached machines that run beside their successors, machines that a group was grown by, and since when.
    surge_since: Vec<(NodeId, crate::base::Time)>,
    extra: Span,
    launches: Launches,
    upkeep: Upkeep,
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

    /// Another number whenever a group has one machine more or less.
    pub fn fleet(&self) -> u64 {
        self.left + self.instances.len() as u64
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

    /// One machine more for a group, in this place, as the group's template has it now; how many it had before.
    pub fn grown(&self, pool: PoolId, slot: u32, group: &str) -> (Instance, u32) {
        let same_place = |other: &&Instance| other.pool == Some(pool) && other.slot == slot;
        let incarnation = self.instances.iter().filter(same_place).count() as u32;
        let first = format!("{group}-{}", slot + 1);
        let label = if incarnation == 0 { first } else { format!("{first}.{incarnation}") };
        let version = self.templates[pool];
        let (detached, running) = (false, true);
        (
            Instance { pool: Some(pool), master: None, slot, zone: ZoneId(0), version, detached, running, label },
            incarnation,
        )
    }

    /// Launches that were refused and not granted since.
    pub fn refused(&self) -> &[RefusedLaunch] {
        self.launches.refused()
    }

    /// The machine of a new master in this place, as the masters' template has it now; how many the place had before.
    pub fn grown_master(&self, master: MasterId, slot: u32, zone: ZoneId) -> (Instance, u32) {
        let same_place = |other: &&Instance| other.pool.is_none() && other.slot == slot;
        let incarnation = self.instances.iter().filter(same_place).count() as u32;
        let (version, label) = (self.masters_template, format!("master-{}", master.index() + 1));
        let master = Some(master);
        (Instance { pool: None, master, slot, zone, version, detached: false, running: true, label }, incarnation)
    }

    /// Machine time beyond the cluster's own size until now.
    pub fn extra_machine_time(&self, now: crate::base::Time) -> Span {
        self.extra + self.surge_since.iter().map(|(_, since)| now.since(*since)).sum()
    }

    /// One of its own events.
    pub fn step(&mut self, event: CloudEvent, ctx: &mut Ctx<'_>) {
        match event {
            CloudEvent::GoesOff(node) => {
                self.launches.gone(node);
                self.upkeep.gone(node);
                ctx.note(Fact::MachineOff { node });
                ctx.notify(Notice::MachineOff(node));
                if !self.instances[node].detached {
                    let wait = machine(self.instances[node].pool, ctx).launch;
                    let wait = wait.sample(&mut ctx.draw(Purpose::Launch, self.names[node], 0));
                    ctx.after(wait, Event::Cloud(CloudEvent::Launches(node)));
                }
                self.surge_ends(node, ctx);
            }
            CloudEvent::Launches(node) => {
                let Some(zone) = self.granted(Order::Replace(node), ctx) else { return };
                if self.instances[node].detached && self.instances[node].running {
                    self.surge_since.push((node, ctx.now));
                }
                ctx.notify(Notice::Launches(node, zone));
            }
            CloudEvent::Boots { node, boot } => {
                if self.instances[node].running && self.boots[node] == boot {
                    self.upkeep.is_up(node, true);
                    ctx.note(Fact::MachineUp { node });
                    ctx.notify(Notice::MachineUp(node));
                }
            }
            CloudEvent::Grows { pool, slot } => {
                if let Some(zone) = self.granted(Order::Grow(Some(pool), slot), ctx) {
                    ctx.notify(Notice::Grows(pool, slot, zone));
                }
            }
            CloudEvent::GrowsMasters { slot } => {
                if let Some(zone) = self.granted(Order::Grow(None, slot), ctx) {
                    ctx.notify(Notice::GrowsMasters(slot, zone));
                }
            }
            CloudEvent::Restarts { node, boot, wiped } => {
                if self.instances[node].running && self.boots[node] == boot {
                    ctx.note(Fact::MachineOff { node });
                    ctx.notify(Notice::MachineRestarts(node, wiped));
                }
            }
            CloudEvent::Checks(node) => self.check(node, ctx),
            CloudEvent::Flaps { node, spell } => self.upkeep.flap(node, spell, ctx),
        }
    }

    /// The machine time of a surge ends with the machine, or, once a group has shrunk, with any that it was grown by.
    fn surge_ends(&mut self, node: NodeId, ctx: &Ctx<'_>) {
        let pool = self.instances[node].pool;
        let own = self.surge_since.iter().position(|(surged, _)| *surged == node);
        let shrinks = self.instances[node].detached;
        let same_group = |(surged, _): &(NodeId, crate::base::Time)| {
            let other = &self.instances[*surged];
            other.pool == pool && !other.detached
        };
        let grown = || self.surge_since.iter().position(same_group).filter(|_| shrinks);
        if let Some(place) = own.or_else(grown) {
            let (_, since) = self.surge_since.swap_remove(place);
            self.extra += ctx.now.since(since);
        }
    }

    /// A machine was added that its group was grown by.
    pub fn surged(&mut self, node: NodeId, ctx: &Ctx<'_>) {
        self.surge_since.push((node, ctx.now));
    }

    /// A machine was added for a group; it boots (a master's also waits for its etcd volume).
    pub fn launched(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        ctx.note(Fact::MachineLaunched { node });
        self.flawed_from_birth(node);
        self.boots(node, ctx);
        self.check_later(node, ctx);
    }

    /// A machine gets power (again) and boots.
    pub fn boots(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let spec = machine(self.instances[node].pool, ctx);
        let mut wait = spec.boot.sample(&mut ctx.draw(Purpose::Boot, self.names[node], 0));
        if self.instances[node].master.is_some() {
            wait = wait.max(spec.volume_attach.sample(&mut ctx.draw(Purpose::VolumeAttach, self.names[node], 0)));
        }
        self.boots[node] += 1;
        if self.upkeep.begins_boot(node) {
            ctx.after(wait, Event::Cloud(CloudEvent::Boots { node, boot: self.boots[node] }));
        }
    }

    /// The order to launch one machine more for a group.
    pub fn grow(&mut self, pool: PoolId, slot: u32, ctx: &mut Ctx<'_>) {
        let name = Name::new("grown").part(pool.index() as u64).part(u64::from(slot));
        let wait = ctx.spec.pools[pool].machine.launch.sample(&mut ctx.draw(Purpose::Launch, name, ctx.now.nanos()));
        ctx.after(wait, Event::Cloud(CloudEvent::Grows { pool, slot }));
    }

    /// The order to launch one master more.
    pub fn grow_masters(&mut self, slot: u32, ctx: &mut Ctx<'_>) {
        let name = Name::new("grown-masters").part(u64::from(slot));
        let launch = ctx.spec.control_plane.machine.launch;
        let wait = launch.sample(&mut ctx.draw(Purpose::Launch, name, ctx.now.nanos()));
        ctx.after(wait, Event::Cloud(CloudEvent::GrowsMasters { slot }));
    }

    /// The order to terminate a machine that nothing replaces.
    pub fn retire(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        if self.instances[node].running {
            self.instances[node].detached = true;
            self.left += 1;
            self.terminate(node, ctx);
        }
    }

    /// The order to restart a machine: as it is, or wiped at its group's template.
    pub fn restart(&mut self, node: NodeId, wiped: bool, ctx: &mut Ctx<'_>) {
        let instance = &mut self.instances[node];
        if !instance.running {
            return;
        }
        if let Some(pool) = instance.pool.filter(|_| wiped) {
            instance.version = self.templates[pool];
        }
        self.boots[node] += 1;
        let boot = self.boots[node];
        ctx.note(Fact::MachineStopping { node });
        let spec = machine(self.instances[node].pool, ctx);
        let lasts = spec.shutdown.sample(&mut ctx.draw(Purpose::Shutdown, self.names[node], u64::from(boot)));
        if spec.closes_sockets {
            ctx.notify(Notice::MachineStops(node));
        }
        ctx.after(lasts, Event::Cloud(CloudEvent::Restarts { node, boot, wiped }));
    }

    /// A machine that restarts boots again; its volumes are still attached.
    pub fn reboots(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let (name, boot) = (self.names[node], self.boots[node]);
        let wait =
            machine(self.instances[node].pool, ctx).boot.sample(&mut ctx.draw(Purpose::Boot, name, u64::from(boot)));
        if self.upkeep.begins_boot(node) {
            ctx.after(wait, Event::Cloud(CloudEvent::Boots { node, boot }));
        }
        self.check_later(node, ctx);
    }

    /// A machine has lost its power: a boot under way comes to nothing.
    pub fn power_off(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.boots[node] += 1;
        self.upkeep.is_up(node, false);
        self.check_later(node, ctx);
    }

    /// The order to terminate a machine.
    pub fn terminate(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        if !self.instances[node].running {
            return;
        }
        self.instances[node].running = false;
        self.left += 1;
        self.launches.stopping(node);
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
        self.left += 1;
        let wait = machine(self.instances[node].pool, ctx).launch;
        let wait = wait.sample(&mut ctx.draw(Purpose::Launch, self.names[node], 0));
        ctx.after(wait, Event::Cloud(CloudEvent::Launches(node)));
    }
}

/// How the machines of a group start and stop.
fn machine<'a>(pool: Option<PoolId>, ctx: &Ctx<'a>) -> &'a MachineSpec {
    let spec = ctx.spec;
    match pool {
        Some(pool) => &spec.pools[pool].machine,
        None => &spec.control_plane.machine,
    }
}

/// How a group launches and keeps its machines.
fn group<'a>(pool: Option<PoolId>, ctx: &Ctx<'a>) -> &'a NodeGroupSpec {
    let spec = ctx.spec;
    match pool {
        Some(pool) => &spec.pools[pool].group,
        None => &spec.control_plane.group,
    }
}
