//! What stands where and who answers: this part's own copy, changed only between two settlings.

use crate::base::{Id, IdVec, Name, Pages};
use crate::world::effects::Ctx;
use crate::world::ids::{AppId, NodeId, PodId, PoolId, SetId};
use crate::world::network::Host;
use crate::world::serving::Serving;
use crate::world::spec::FlawSpec;

/// All pods' processes and all machines.
#[derive(Clone, Debug, Default)]
pub(super) struct Land {
    pub(super) pods: Pages<PodId, Process>,
    sorts: IdVec<SetId, Sort>,
    machines: Pages<NodeId, Machine>,
    /// Pods that are open, by app, in order of opening.
    open: IdVec<AppId, Vec<PodId>>,
    /// Processors that all hosts share are at work.
    pub(super) works: bool,
    /// Cluster DNS answers nobody.
    pub(super) nameless: bool,
    /// Some pod answers with errors.
    pub(super) flawed: bool,
}

/// A pod's process. A run has many, and clients may speak of those that are gone: 12 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) set: SetId,
    /// From the top: its pace in two bits, the id of its node.
    pace_and_node: u32,
    number: u16,
    pub(super) serving: Serving,
    pub(super) life: Life,
}

const NODE_BITS: u32 = 30;
/// Marks no node; there are fewer machines in a run.
const NO_NODE: u32 = (1 << NODE_BITS) - 1;

/// How fast a process answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Its warm-up is not over.
    Warming = 0,
    /// On a machine that is slow.
    Slow = 1,
    /// At full speed.
    Warm = 2,
}

impl Process {
    /// There is none yet.
    fn none(set: SetId) -> Process {
        let pace_and_node = (Pace::Warm as u32) << NODE_BITS | NO_NODE;
        Process { set, pace_and_node, number: 0, serving: Serving::Silent, life: Life::None }
    }
    /// The node that its pod is bound to.
    pub(super) fn node(self) -> Option<NodeId> {
        let node = self.pace_and_node & NO_NODE;
        (node != NO_NODE).then_some(NodeId(node))
    }
    fn bind(&mut self, node: Option<NodeId>) {
        let node = node.map_or(NO_NODE, |node| node.0.min(NO_NODE));
        self.pace_and_node = self.pace_and_node & !NO_NODE | node;
    }
    /// How fast it answers.
    pub(super) fn pace(self) -> Pace {
        match self.pace_and_node >> NODE_BITS {
            0 => Pace::Warming,
            1 => Pace::Slow,
            _ => Pace::Warm,
        }
    }
    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.pace_and_node = self.pace_and_node & NO_NODE | (pace as u32) << NODE_BITS;
    }
    /// Whether it is at full speed.
    pub(super) fn is_warm(self) -> bool {
        self.pace() == Pace::Warm
    }
    /// Counts processes and their deaths; an event of an earlier one is void.
    pub(super) fn number(self) -> u32 {
        u32::from(self.number)
    }
    /// A process comes, or dies.
    pub(super) fn count(&mut self) {
        self.number = self.number.wrapping_add(1);
    }
}

/// What all pods of a ReplicaSet have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort {
    pub(super) app: AppId,
    /// The share of requests that they answer with an error.
    pub(super) errors: f64,
    /// How many times as long as others they take.
    pub(super) slower: u32,
    /// They never listen.
    pub(super) deaf: bool,
}

impl Sort {
    fn of(set: SetId, ctx: &Ctx<'_>) -> Sort {
        let object = ctx.store.sets().now(set);
        let app = &ctx.spec.apps[object.app];
        let flaw = if object.template > 0 { app.flaw } else { FlawSpec::NONE };
        Sort {
            app: object.app,
            errors: flaw.errors.as_f64(),
            slower: flaw.slower.max(1),
            deaf: flaw.never_ready || app.rollout.never_listens(object.template),
        }
    }
}

/// How far a process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// There is none.
    None,
    /// Runs and does not listen yet.
    Starting,
    /// Listens.
    Running,
    /// Tells each connection of its close with the next answer.
    Announcing,
    /// Finishes what it has.
    Closing,
}

#[derive(Clone, Debug)]
struct Machine {
    name: Name,
    pool: Option<PoolId>,
    host: Host,
    /// Pods whose sandboxes stand here.
    pods: Vec<PodId>,
}

impl Machine {
    /// A pod's sandbox is gone; a machine without any takes no room for them.
    fn leaves(&mut self, pod: PodId) {
        self.pods.retain(|other| *other != pod);
        if self.pods.is_empty() {
            self.pods = Vec::new();
        }
    }
}

/// What a new connection meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Serves,
    Refuses,
    Silent,
}

impl Land {
    pub(super) fn new(ctx: &Ctx<'_>) -> Land {
        let mut land = Land { open: ctx.spec.apps.iter().map(|_| Vec::new()).collect(), ..Land::default() };
        land.learn_machines(ctx);
        land
    }
    /// Takes in machines that are new; nameless until somebody names them.
    pub(super) fn learn_machines(&mut self, ctx: &Ctx<'_>) {
        while self.machines.len() < ctx.net.len() {
            let node = NodeId::from_index(self.machines.len());
            let machine = Machine { name: Name::default(), pool: None, host: ctx.net.host(node), pods: Vec::new() };
            self.machines.push(machine);
        }
    }
    pub(super) fn name_machine(&mut self, node: NodeId, name: Name, pool: Option<PoolId>) {
        let machine = &mut self.machines[node];
        (machine.name, machine.pool) = (name, pool);
    }
    pub(super) fn machine_name(&self, node: NodeId) -> Name {
        self.machines[node].name
    }
    /// Takes in a pod, and the node it is bound to.
    pub(super) fn learn_pod(&mut self, pod: PodId, ctx: &Ctx<'_>) {
        self.learn_machines(ctx);
        while self.pods.len() <= pod.index() {
            let object = ctx.store.pods().now(PodId::from_index(self.pods.len()));
            self.learn_set(object.set, ctx);
            let mut process = Process::none(object.set);
            process.bind(object.node);
            self.pods.push(process);
        }
        let node = ctx.store.pods().now(pod).node;
        self.pods[pod].bind(node);
        if let Some(node) = node
            && !self.machines[node].pods.contains(&pod)
        {
            self.machines[node].pods.push(pod);
        }
    }
    fn learn_set(&mut self, set: SetId, ctx: &Ctx<'_>) {
        while self.sorts.len() <= set.index() {
            self.sorts.push(Sort::of(SetId::from_index(self.sorts.len()), ctx));
        }
        self.flawed |= self.sorts[set].errors > 0.0;
    }
    /// What a pod has in common with all of its ReplicaSet.
    pub(super) fn sort(&self, pod: PodId) -> Sort {
        self.sorts[self.pods[pod].set]
    }
    /// A pod's app.
    pub(super) fn app(&self, pod: PodId) -> AppId {
        self.sort(pod).app
    }
    pub(super) fn set_serving(&mut self, pod: PodId, serving: Serving) {
        let app = self.app(pod);
        let process = &mut self.pods[pod];
        let before = std::mem::replace(&mut process.serving, serving);
        let open = &mut self.open[app];
        if before == Serving::Open
            && let Some(at) = open.iter().position(|other| *other == pod)
        {
            open.remove(at);
        }
        match serving {
            Serving::Open => open.push(pod),
            Serving::Silent => {
                if let Some(node) = process.node() {
                    self.machines[node].leaves(pod);
                }
            }
            Serving::Refusing | Serving::Leaving | Serving::Closing => {}
        }
    }
    /// The pods of an app that accept and are not on their way out.
    pub(super) fn open_pods(&self, app: AppId) -> &[PodId] {
        &self.open[app]
    }
    /// The pods whose sandboxes stand on a machine.
    pub(super) fn pods_on(&self, node: NodeId) -> &[PodId] {
        &self.machines[node].pods
    }
    pub(super) fn host(&self, node: NodeId) -> Host {
        self.machines[node].host
    }
    pub(super) fn set_host(&mut self, node: NodeId, host: Host) {
        self.machines[node].host = host;
    }
    /// The machines of a pool that are on.
    pub(super) fn running(&self, pool: PoolId) -> impl Iterator<Item = NodeId> + '_ {
        self.machines.ids().filter(move |node| self.runs_in(*node, pool))
    }
    /// Whether a machine is of a pool.
    pub(super) fn is_of(&self, node: NodeId, pool: PoolId) -> bool {
        self.machines[node].pool == Some(pool)
    }
    /// Whether a machine is of a pool, and on.
    pub(super) fn runs_in(&self, node: NodeId, pool: PoolId) -> bool {
        let machine = &self.machines[node];
        machine.pool == Some(pool) && machine.host.powered
    }
    fn linked(&self, node: NodeId) -> bool {
        let host = self.machines[node].host;
        host.powered && host.linked
    }
    /// What a connection from or through `via` (or straight from outside) to a pod meets. On one machine, packets
    /// need no link.
    pub(super) fn answer(&self, via: Option<NodeId>, pod: PodId) -> Answer {
        let Some(process) = self.pods.get(pod) else { return Answer::Silent };
        let Some(node) = process.node() else { return Answer::Silent };
        let reached = match via {
            Some(via) if via == node => self.machines[node].host.powered,
            Some(via) => self.linked(via) && self.linked(node),
            None => self.linked(node),
        };
        match process.serving {
            _ if !reached => Answer::Silent,
            Serving::Silent => Answer::Silent,
            Serving::Refusing | Serving::Closing => Answer::Refuses,
            Serving::Open | Serving::Leaving => Answer::Serves,
        }
    }
    /// Whether a node can be entered from outside.
    pub(super) fn enters(&self, node: NodeId) -> bool {
        self.linked(node)
    }
    pub(super) fn is_announcing(&self, pod: PodId) -> bool {
        self.pods[pod].life == Life::Announcing
    }
}
