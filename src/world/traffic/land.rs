//! What stands where and who answers: this part's own copy, changed only between two settlings.

use crate::base::{Id, IdVec, Name, Ratio};
use crate::world::effects::Ctx;
use crate::world::ids::{AppId, NodeId, PodId, PoolId, SetId};
use crate::world::network::Host;
use crate::world::serving::Serving;
use crate::world::spec::FlawSpec;

/// All pods' processes and all machines.
#[derive(Clone, Debug, Default)]
pub(super) struct Land {
    pub(super) pods: IdVec<PodId, Process>,
    machines: IdVec<NodeId, Machine>,
    /// Pods that are open, by app, in order of opening.
    open: IdVec<AppId, Vec<PodId>>,
    /// Processors that all hosts share are at work.
    pub(super) works: bool,
    /// Cluster DNS answers nobody.
    pub(super) nameless: bool,
    /// Some pod answers with errors.
    pub(super) flawed: bool,
}

/// A pod's process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) app: AppId,
    pub(super) set: SetId,
    pub(super) name: Name,
    pub(super) node: Option<NodeId>,
    pub(super) serving: Serving,
    pub(super) life: Life,
    /// Counts processes and their deaths; an event of an earlier one is void.
    pub(super) number: u32,
    /// At full speed: past its warm-up, on a machine that is not slow.
    pub(super) warm: bool,
    /// Not past its warm-up yet.
    pub(super) warming: bool,
    /// The share of requests that it answers with an error.
    pub(super) errors: f64,
    /// How many times as long as others it takes.
    pub(super) slower: u32,
    /// It never listens.
    pub(super) deaf: bool,
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
            let (template, app) = (ctx.store.sets().now(object.set).template, &ctx.spec.apps[object.app]);
            let flaw = if template > 0 { app.flaw } else { FlawSpec::NONE };
            self.flawed |= flaw.errors > Ratio::ZERO;
            self.pods.push(Process {
                app: object.app,
                set: object.set,
                name: object.name,
                node: object.node,
                serving: Serving::Silent,
                life: Life::None,
                number: 0,
                warm: true,
                warming: false,
                errors: flaw.errors.as_f64(),
                slower: flaw.slower.max(1),
                deaf: flaw.never_ready || app.rollout.never_listens(template),
            });
        }
        let node = ctx.store.pods().now(pod).node;
        self.pods[pod].node = node;
        if let Some(node) = node
            && !self.machines[node].pods.contains(&pod)
        {
            self.machines[node].pods.push(pod);
        }
    }
    pub(super) fn set_serving(&mut self, pod: PodId, serving: Serving) {
        let process = &mut self.pods[pod];
        let before = std::mem::replace(&mut process.serving, serving);
        let open = &mut self.open[process.app];
        if before == Serving::Open
            && let Some(at) = open.iter().position(|other| *other == pod)
        {
            open.remove(at);
        }
        match serving {
            Serving::Open => open.push(pod),
            Serving::Silent => {
                if let Some(node) = process.node {
                    self.machines[node].pods.retain(|other| *other != pod);
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
        let Some(node) = process.node else { return Answer::Silent };
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
