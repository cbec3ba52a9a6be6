//! Static pods of masters: manifests on a master's disk, and the kubelet's swap when one is replaced.
//!
//! The kubelet hears of a changed manifest at once (inotify), stops the old pod with SIGTERM and its grace, finds it
//! gone at a relist, and starts the new one. Source: `pkg/kubelet/config/file_linux.go`, `pkg/kubelet/pod_workers.go`.
//! Simplification: a kubelet that is down just then swaps all the same.

use crate::base::{IdVec, Name, Span, Version};
use crate::world::disturbance::MasterProcess;
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::ids::MasterId;
use crate::world::purpose::Purpose;

/// Period of the PLEG's relist. Source: `pkg/kubelet/kubelet.go` plegRelistPeriod.
const RELIST: Span = Span::secs(1);
/// Grace period of a static pod whose manifest sets none. Source: API default `terminationGracePeriodSeconds`.
const GRACE: Span = Span::secs(30);

/// A swap under way. Only the newest of a pod's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticPodEvent {
    /// Which master.
    pub master: MasterId,
    /// Which pod.
    pub process: MasterProcess,
    /// What the kubelet does.
    pub turn: SwapTurn,
    /// Which swap.
    pub swap: u32,
}

/// The kubelet's part in a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapTurn {
    /// It acts on the new manifest: the old pod gets SIGTERM.
    Stops,
    /// A relist, so many after the SIGTERM, looks whether the old pod is gone.
    Looks(u8),
    /// The new pod's process starts.
    Starts,
}

/// One master's manifest of one process.
#[derive(Clone, Copy, Debug)]
struct Manifest {
    /// What lies on the disk now; `None`: what the machine came with.
    wanted: Option<Version>,
    /// What the process was last started from.
    started: Version,
    swaps: u32,
}

/// All masters' manifests.
#[derive(Clone, Debug, Default)]
pub struct StaticPods {
    masters: IdVec<MasterId, [Manifest; 4]>,
}

impl StaticPods {
    /// Manifests of this version on the disks of so many masters.
    pub fn new(masters: u32, version: Version) -> StaticPods {
        let manifest = Manifest { wanted: None, started: version, swaps: 0 };
        StaticPods { masters: (0..masters).map(|_| [manifest; 4]).collect() }
    }

    /// Manifests of this version on a new master's disk.
    pub fn add_master(&mut self, version: Version) {
        self.masters.push([Manifest { wanted: None, started: version, swaps: 0 }; 4]);
    }

    /// The version that a process was last started from.
    pub fn started(&self, master: MasterId, process: MasterProcess) -> Version {
        self.masters[master][process as usize].started
    }

    /// A process starts on a machine that came with `machine`: from which manifest.
    pub fn starts(&mut self, master: MasterId, process: MasterProcess, machine: Version) -> Version {
        let manifest = &mut self.masters[master][process as usize];
        manifest.started = manifest.wanted.unwrap_or(machine);
        manifest.started
    }

    /// The master's machine is off: swaps under way come to nothing; what lies on its disk stays.
    pub fn machine_off(&mut self, master: MasterId) {
        for manifest in &mut self.masters[master] {
            manifest.swaps += 1;
        }
    }

    /// Another machine takes the master's place, with manifests of its own.
    pub fn machine_replaced(&mut self, master: MasterId) {
        for manifest in &mut self.masters[master] {
            manifest.wanted = None;
        }
    }

    /// Somebody puts another manifest in place.
    pub fn swap(&mut self, master: MasterId, process: MasterProcess, version: Version, ctx: &mut Ctx<'_>) {
        let manifest = &mut self.masters[master][process as usize];
        manifest.wanted = Some(version);
        manifest.swaps += 1;
        let event = StaticPodEvent { master, process, turn: SwapTurn::Stops, swap: manifest.swaps };
        let hears = ctx.spec.timings.pod_worker;
        let after = hears.sample(&mut ctx.draw(Purpose::PodWorker, name(master, process), u64::from(event.swap)));
        ctx.after(after, Event::StaticPod(event));
    }

    /// One of its own events; `runs`: whether the process still runs.
    pub fn step(&mut self, event: StaticPodEvent, runs: bool, ctx: &mut Ctx<'_>) {
        let StaticPodEvent { master, process, turn, swap } = event;
        if self.masters[master][process as usize].swaps != swap {
            return;
        }
        match turn {
            SwapTurn::Stops => {
                ctx.notify(Notice::StaticPod(master, process, false));
                ctx.after(RELIST, Event::StaticPod(StaticPodEvent { turn: SwapTurn::Looks(1), ..event }));
            }
            SwapTurn::Looks(relists) if runs => {
                if RELIST * u64::from(relists) >= GRACE {
                    ctx.notify(Notice::StaticPodKilled(master, process));
                }
                let turn = SwapTurn::Looks(relists.saturating_add(1));
                ctx.after(RELIST, Event::StaticPod(StaticPodEvent { turn, ..event }));
            }
            SwapTurn::Looks(_) => {
                let mut draw = ctx.draw(Purpose::ContainerStart, name(master, process), u64::from(swap));
                let (sandbox, start) = (ctx.spec.timings.sandbox, ctx.spec.timings.container_start);
                let after = sandbox.sample(&mut draw) + start.sample(&mut draw);
                ctx.after(after, Event::StaticPod(StaticPodEvent { turn: SwapTurn::Starts, ..event }));
            }
            SwapTurn::Starts => ctx.notify(Notice::StaticPod(master, process, true)),
        }
    }
}

fn name(master: MasterId, process: MasterProcess) -> Name {
    Name::new("static-pod").part(u64::from(master.0)).part(process as u64)
}
