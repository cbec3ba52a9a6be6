//! A kubelet's own life: its machine boots, it registers its node, it restarts, the machine goes.

use std::collections::VecDeque;

use super::worker::{Stage, Worker};
use super::{KubeletEvent, Kubelets};
use crate::base::{Name, Span, Time, Version};
use crate::engine::Dist;
use crate::world::behaviour::Behaviour;
use crate::world::effects::{Ctx, Notice, Outcome, Reply, ReplyTo};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{AppId, ClientId, NodeId, PodId, PoolId};
use crate::world::purpose::Purpose;
use crate::world::store::{ApiError, Change, NodeReady, Revision};

/// Period of the PLEG's relist. Source: `pkg/kubelet/kubelet.go` plegRelistPeriod.
pub(super) const RELIST: Span = Span::secs(1);
/// Period of the status manager's batch; a node's own status is computed as often.
/// Source: `pkg/kubelet/status/status_manager.go` syncPeriod; nodeStatusUpdateFrequency of the kubelet's configuration.
pub(super) const STATUS_BATCH: Span = Span::secs(10);
/// Period of the collection of dead containers and sandboxes. Source: `pkg/kubelet/kubelet.go` ContainerGCPeriod.
pub(super) const COLLECTION: Span = Span::secs(60);
/// First and longest wait between two attempts to register a node; the wait doubles.
/// Source: `pkg/kubelet/kubelet_node_status.go` registerWithAPIServer.
const REGISTER_WAIT: (Span, Span) = (Span::millis(100), Span::secs(7));

/// Token of a registration.
const TOKEN_REGISTER: u32 = u32::MAX;
/// Token of the node's status. All other tokens are pods.
const TOKEN_NODE: u32 = u32::MAX - 1;

/// The kubelet's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    /// Down: its machine is off, or going.
    Down,
    /// Started, not acting yet.
    Starting,
    /// Acts, but has heard of no pod since its start.
    Acting,
    /// Acts, and has its pods.
    Synced,
}

/// What keeps a kubelet from its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletFlaw {
    /// Each start of its process fails; systemd tries again without end.
    NeverStarts,
    /// The API refuses it: it never registers its node.
    NeverRegisters,
    /// Its node registers and stays NotReady: no container network.
    NeverReady,
}

/// One kubelet.
#[derive(Clone, Debug)]
pub(super) struct Kubelet {
    /// Lineage of its machine.
    pub(super) name: Name,
    /// Its API client.
    pub(super) client: ClientId,
    pool: Option<PoolId>,
    version: Version,
    /// Starts of its process so far.
    pub(super) incarnation: u32,
    /// Counts the times at which its renewals have begun or ended.
    pub(super) renewals: u32,
    process: Process,
    /// When the process began to act; `None`: long before the run.
    since: Option<Time>,
    /// Whether its writes are stored. Taken to be so until told otherwise: a write that fails is tried again anyway.
    pub(super) served: bool,
    pub(super) registered: bool,
    /// The registration's next wait.
    register_wait: Span,
    /// Whether an attempt to register is due or under way.
    registering: bool,
    pub(super) joined: bool,
    /// Its container runtime is ready.
    pub(super) settled: bool,
    /// The network plugin's configuration is on the disk, where a pod brings it, from that pod's first start on.
    pub(super) configured: bool,
    /// The configuration of the pods' network is on the disk, from the first join on.
    network: bool,
    /// Phase of the PLEG's relist.
    relist: Time,
    /// Phase of the status manager's batch.
    batch: Time,
    /// Phase of the collection of dead containers and sandboxes.
    collection: Time,
    /// Whether a status tick is due.
    pub(super) tick_due: bool,
    /// Pods with a worker, in the order they were heard of.
    pub(super) pods: Vec<PodId>,
    /// Pods whose image is being pulled (the first) or waits for its turn.
    pub(super) pulls: VecDeque<PodId>,
    images: Vec<AppId>,
    /// The container runtime is at work until then.
    pub(super) works_until: Time,
    flaw: Option<KubeletFlaw>,
    /// How many times as long as elsewhere its runtime's work takes.
    pub(super) pace: u32,
}

impl Kubelet {
    pub(super) fn new(name: Name, client: ClientId, pool: Option<PoolId>, version: Version) -> Kubelet {
        Kubelet {
            name,
            client,
            pool,
            version,
            incarnation: 0,
            renewals: 0,
            process: Process::Down,
            since: None,
            served: true,
            registered: false,
            register_wait: REGISTER_WAIT.0,
            registering: false,
            joined: false,
            settled: false,
            configured: false,
            network: false,
            relist: Time::ZERO,
            batch: Time::ZERO,
            collection: Time::ZERO,
            tick_due: false,
            pods: Vec::new(),
            pulls: VecDeque::new(),
            images: Vec::new(),
            works_until: Time::ZERO,
            flaw: None,
            pace: 1,
        }
    }

    /// It has been running for a long time when the run begins.
    pub(super) fn begin_run(&mut self, version: Version, ctx: &Ctx<'_>) {
        self.version = version;
        (self.process, self.registered, self.joined, self.network) = (Process::Synced, true, true, true);
        (self.settled, self.configured) = (true, true);
        self.relist = Time::ZERO + self.phase(0, RELIST, ctx);
        // Kubelets that were started together share the phases of what counts from the process's start.
        let started = if ctx.spec.timings.kubelets_together { Name::new("kubelets") } else { self.name };
        self.batch = Time::ZERO + self.phase_of(started, 1, STATUS_BATCH, ctx);
        self.collection = Time::ZERO + self.phase_of(started, 2, COLLECTION, ctx);
    }
    /// What its version does. There is a kubelet for each machine that ever was: they do not keep it.
    pub(super) fn behaviour(&self) -> Behaviour {
        Behaviour::of(self.version)
    }
    /// Whether pods can have a network of their own.
    pub(super) fn has_network(&self) -> bool {
        self.network
    }
    /// Whether its process is this start's and acts.
    pub(super) fn acts(&self, incarnation: u32) -> bool {
        self.incarnation == incarnation && self.is_acting()
    }
    /// Whether its process acts.
    pub(super) fn is_acting(&self) -> bool {
        matches!(self.process, Process::Acting | Process::Synced)
    }
    /// Whether it follows its pods.
    pub(super) fn synced(&self) -> bool {
        self.process == Process::Synced
    }
    /// The next relist of the PLEG.
    pub(super) fn next_relist(&self, now: Time) -> Time {
        now.next_tick(self.relist, RELIST)
    }
    /// The status manager's next batch after now.
    pub(super) fn next_batch(&self, now: Time) -> Time {
        (now + Span::nanos(1)).next_tick(self.batch, STATUS_BATCH)
    }
    /// The next collection of dead containers and sandboxes.
    pub(super) fn next_collection(&self, now: Time) -> Time {
        now.next_tick(self.collection, COLLECTION)
    }
    /// Whether the process is younger than `age` at `then`.
    pub(super) fn younger_than(&self, age: Span, then: Time) -> bool {
        self.since.is_some_and(|since| then.since(since) < age)
    }
    /// Whether an app's image is on the node.
    pub(super) fn has_image(&self, app: AppId) -> bool {
        self.images.contains(&app)
    }
    /// An app's image stays on the node.
    pub(super) fn remember_image(&mut self, app: AppId) {
        if !self.has_image(app) {
            self.images.push(app);
        }
    }
    /// Tells one container's draws from another's of the same pod.
    pub(super) fn ordinal(&self, worker: &Worker) -> u64 {
        u64::from(self.incarnation) << 32 | u64::from(worker.restarts) << 1 | u64::from(worker.ends())
    }

    /// Whether the end of a pod's worker is posted at once, and lets its object go at once: from 1.27. Before, both wait
    /// for the next relist or batch. Source: kubernetes PR 115331 (`podIsFinished` of the status manager).
    pub(super) fn ends_promptly(&self) -> bool {
        self.version.at_least(1, 27)
    }
    /// Whether an object waits until its pod's sandbox is deleted, not only stopped: 1.20.0 to 1.20.2.
    /// Source: kubernetes PRs 92817 (came with 1.20.0) and 97980 (reverted in 1.20.3), issue 97288.
    pub(super) fn awaits_sandbox(&self) -> bool {
        (Version::new(1, 20, 0)..Version::new(1, 20, 3)).contains(&self.version)
    }
    /// Whether a shortened grace reaches a stop under way: from 1.22, the pod workers' rewrite (kubernetes PR 102344).
    pub(super) fn hears_while_stopping(&self) -> bool {
        self.version.at_least(1, 22)
    }
    /// Whether a restarted kubelet leaves containers' readiness as it was until a probe says otherwise: from 1.35.
    /// Source: KEP-4781, gate ChangeContainerStatusOnKubeletRestart.
    pub(super) fn keeps_status(&self) -> bool {
        self.version.at_least(1, 35)
    }

    fn phase(&self, which: u64, period: Span, ctx: &Ctx<'_>) -> Span {
        self.phase_of(self.name, which, period, ctx)
    }
    fn phase_of(&self, name: Name, which: u64, period: Span, ctx: &Ctx<'_>) -> Span {
        ctx.draw(Purpose::Phase, name.part(which), u64::from(self.incarnation)).span_below(period)
    }
    /// A start of the process after `wait`.
    fn start(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.incarnation += 1;
        (self.process, self.tick_due, self.registering) = (Process::Starting, false, false);
        self.pulls.clear();
        if self.flaw == Some(KubeletFlaw::NeverStarts) {
            self.process = Process::Down;
            return;
        }
        let name = self.name.part(2);
        let wait = ctx.spec.timings.kubelet_start;
        let wait = wait.sample(&mut ctx.draw(Purpose::ProcessStart, name, u64::from(self.incarnation)));
        ctx.after(wait, Event::Kubelet(KubeletEvent::Begins { node, incarnation: self.incarnation }));
    }
    fn join_time(&self, ctx: &Ctx<'_>) -> Dist {
        match self.pool {
            Some(pool) => ctx.spec.pools[pool].machine.join,
            None => ctx.spec.control_plane.machine.join,
        }
    }
}

impl Kubelets {
    /// The machine has booted: the kubelet starts, registers its node, and makes it Ready.
    pub fn machine_up(&mut self, node: NodeId, version: Version, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        kubelet.version = version;
        // Whether its writes are stored it will be told once it is connected.
        (kubelet.registered, kubelet.joined, kubelet.served) = (false, false, false);
        kubelet.settled = false;
        kubelet.start(node, ctx);
    }

    /// Something keeps the kubelet from its work from now on, or no longer.
    pub fn set_flaw(&mut self, node: NodeId, flaw: Option<KubeletFlaw>) {
        self.nodes[node].flaw = flaw;
    }

    /// What the runtime of this node begins from now on takes so many times as long.
    pub fn set_pace(&mut self, node: NodeId, factor: u32) {
        self.nodes[node].pace = factor.max(1);
    }

    /// The machine begins to shut down: processes get SIGTERM.
    ///
    /// Graceful node shutdown is off unless configured (`shutdownGracePeriod` is 0, `pkg/kubelet/nodeshutdown`): no
    /// hook runs, and nobody tells the API.
    pub fn machine_stops(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.process_ends(node, ctx);
        for pod in self.nodes[node].pods.clone() {
            if self.workers.get(pod).is_some_and(|worker| worker.alive) {
                ctx.note(Fact::PodTerminating { pod });
                ctx.notify(Notice::Sigterm(pod));
            }
        }
    }

    /// The machine is off, or lost its power.
    pub fn machine_off(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.process_ends(node, ctx);
        self.runtime_ends(node, ctx);
        for pod in std::mem::take(&mut self.nodes[node].pods) {
            if let Some(worker) = self.workers.get(pod) {
                if worker.alive {
                    ctx.notify(Notice::Sigkill(pod));
                }
                if worker.sandbox {
                    ctx.notify(Notice::SandboxRemoved(pod));
                    ctx.note(Fact::PodSilent { pod });
                }
            }
            self.workers.remove(pod);
        }
    }

    /// The process restarts; containers run on.
    pub fn restart(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        if self.nodes[node].process == Process::Down {
            return;
        }
        self.process_ends(node, ctx);
        self.nodes[node].start(node, ctx);
    }

    /// The machine's disk is wiped: no image is left on it.
    pub fn wiped(&mut self, node: NodeId) {
        self.nodes[node].images = Vec::new();
        (self.nodes[node].network, self.nodes[node].configured) = (false, false);
    }

    /// Its Node object is not there any more, and nobody deleted it: it registers when it is restarted.
    pub fn forgotten(&mut self, node: NodeId) {
        (self.nodes[node].registered, self.nodes[node].joined) = (false, false);
    }

    /// The process is stopped where it is; containers run on, unwatched.
    pub fn stops(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.process_ends(node, ctx);
    }

    /// Whether the process is stopped, or its machine off.
    pub fn is_down(&self, node: NodeId) -> bool {
        self.nodes[node].process == Process::Down
    }

    /// A stopped process is started at this version; what runs it takes over once its client is connected, of which it
    /// will be told.
    pub fn starts(&mut self, node: NodeId, version: Version, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        kubelet.version = version;
        kubelet.served = false;
        kubelet.start(node, ctx);
    }

    /// The kubelet is upgraded in place: its process restarts as another version; containers run on.
    pub fn restart_as(&mut self, node: NodeId, version: Version, ctx: &mut Ctx<'_>) {
        self.nodes[node].version = version;
        self.restart(node, ctx);
    }

    /// The kubelet's writes are stored again, or no longer.
    ///
    /// What could not be posted meanwhile is posted with the status manager's next batch.
    pub fn served(&mut self, node: NodeId, served: bool, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        if kubelet.served == served {
            return;
        }
        kubelet.served = served;
        if !kubelet.is_acting() {
            return;
        }
        if kubelet.registered {
            ctx.notify(Notice::Pulse(node, served));
        }
        if served {
            self.sync(node, ctx);
            self.tick_later(node, ctx);
        }
    }

    /// The process is gone: nothing it had planned happens.
    fn process_ends(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        if kubelet.process == Process::Down {
            return;
        }
        if kubelet.is_acting() && kubelet.served && kubelet.registered {
            ctx.notify(Notice::Pulse(node, false));
        }
        kubelet.incarnation += 1;
        kubelet.process = Process::Down;
        for pod in &kubelet.pods {
            if let Some(worker) = self.workers.get_mut(*pod) {
                worker.forget_events();
            }
        }
    }

    /// The process acts from now on.
    pub(super) fn process_begins(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        if kubelet.process != Process::Starting {
            return;
        }
        kubelet.process = Process::Acting;
        kubelet.since = Some(ctx.now);
        kubelet.relist = ctx.now + kubelet.phase(0, RELIST, ctx);
        (kubelet.batch, kubelet.collection) = (ctx.now, ctx.now);
        kubelet.register_wait = REGISTER_WAIT.0;
        let (registered, joined, version) = (kubelet.registered, kubelet.joined, kubelet.version);
        if registered && kubelet.served {
            ctx.notify(Notice::Pulse(node, true));
        }
        if registered && !joined {
            self.join_later(node, ctx);
        }
        if !registered || ctx.store.nodes().now(node).version != version {
            self.register(node, ctx);
        }
        self.sync(node, ctx);
    }

    /// The first list after the process began: what survived is taken over, then all pods of the node are looked at.
    /// Without the API nothing of that happens, and containers run on unwatched.
    fn sync(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        if kubelet.process != Process::Acting || !kubelet.served {
            return;
        }
        kubelet.process = Process::Synced;
        for pod in kubelet.pods.clone() {
            self.take_over(pod, ctx);
        }
        let at = ctx.cursor(self.nodes[node].client);
        self.listed(node, at, ctx);
        // What the process before this one failed to post.
        self.tick_later(node, ctx);
    }

    /// An attempt to register the node; without an answer of success it is repeated.
    pub(super) fn register(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        // It asks and is refused without end; the answer is the same each time.
        if kubelet.flaw == Some(KubeletFlaw::NeverRegisters) {
            return;
        }
        kubelet.registering = true;
        if !kubelet.served {
            return self.register_again(node, ctx);
        }
        let (client, version) = (kubelet.client, kubelet.version);
        let reply = Reply::Always(ReplyTo::Kubelet { node, token: TOKEN_REGISTER });
        ctx.write(client, Change::RegisterNode { node, version }, reply);
    }

    fn register_again(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        let (wait, incarnation) = (kubelet.register_wait, kubelet.incarnation);
        kubelet.register_wait = (wait * 2).min(REGISTER_WAIT.1);
        ctx.after(wait, Event::Kubelet(KubeletEvent::Registers { node, incarnation }));
    }

    /// The API's answer to a request of this kubelet.
    pub(super) fn answered(&mut self, node: NodeId, token: u32, result: Outcome, ctx: &mut Ctx<'_>) {
        match token {
            TOKEN_REGISTER => self.register_answered(node, result, ctx),
            TOKEN_NODE => {
                if result.is_err() {
                    self.tick_later(node, ctx);
                }
            }
            pod => match result {
                Ok(()) | Err(ApiError::NotFound) => {}
                Err(
                    ApiError::Refused
                    | ApiError::Reset
                    | ApiError::Timeout
                    | ApiError::Unavailable
                    | ApiError::TooManyRequests
                    | ApiError::Conflict
                    | ApiError::SeveralBudgets
                    | ApiError::Forbidden
                    | ApiError::Members
                    | ApiError::Webhook,
                ) => {
                    if let Some(worker) = self.workers.get_mut(PodId(pod)) {
                        worker.unposted = true;
                    }
                    self.tick_later(node, ctx);
                }
            },
        }
    }

    fn register_answered(&mut self, node: NodeId, result: Outcome, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        // An answer to a process that is gone, or to one registered meanwhile.
        if !kubelet.is_acting() || !std::mem::take(&mut kubelet.registering) {
            return;
        }
        match result {
            Ok(()) => {
                let first = !std::mem::replace(&mut kubelet.registered, true);
                if first && kubelet.served {
                    ctx.notify(Notice::Pulse(node, true));
                }
                if first {
                    self.join_later(node, ctx);
                }
            }
            Err(_) => {
                kubelet.registering = true;
                self.register_again(node, ctx);
            }
        }
    }

    fn join_later(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let kubelet = &self.nodes[node];
        if kubelet.flaw == Some(KubeletFlaw::NeverReady) {
            return;
        }
        let incarnation = kubelet.incarnation;
        let wait = kubelet.join_time(ctx);
        let wait = wait.sample(&mut ctx.draw(Purpose::NodeJoin, kubelet.name, u64::from(incarnation)));
        ctx.after(wait, Event::Kubelet(KubeletEvent::Joins { node, incarnation }));
    }

    /// The runtime is ready, and the node with it where its pods' network is: it says so.
    pub(super) fn join(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.nodes[node].settled = true;
        if self.cni && !self.nodes[node].configured {
            return;
        }
        self.nodes[node].joined = true;
        self.post_node(node, ctx);
        if std::mem::replace(&mut self.nodes[node].network, true) {
            return;
        }
        let waits = |pod: &PodId| self.workers.get(*pod).is_some_and(|worker| worker.stage == Stage::Waiting);
        let waiting: Vec<PodId> = self.nodes[node].pods.iter().copied().filter(waits).collect();
        for pod in waiting {
            self.enter_for(pod, Stage::Waiting, ctx.spec.timings.pod_worker, Purpose::PodWorker, ctx);
        }
    }

    pub(super) fn post_node(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let kubelet = &self.nodes[node];
        if kubelet.served {
            let reply = Reply::OnFailure(ReplyTo::Kubelet { node, token: TOKEN_NODE });
            ctx.write(kubelet.client, Change::NodeStatus { node, ready: NodeReady::True }, reply);
        }
    }

    /// The Node object as heard of: if it does not say Ready, the next status will.
    pub(super) fn node_heard(&mut self, node: NodeId, at: Revision, ctx: &mut Ctx<'_>) {
        if self.node_differs(node, at, ctx) {
            self.tick_later(node, ctx);
        }
    }

    /// At a status tick: the node's own status, if the API has another.
    pub(super) fn reconcile_node(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let at = ctx.cursor(self.nodes[node].client);
        if self.node_differs(node, at, ctx) {
            self.post_node(node, ctx);
        }
    }

    pub(super) fn node_differs(&self, node: NodeId, at: Revision, ctx: &Ctx<'_>) -> bool {
        let object = ctx.store.nodes().at(node, at);
        self.nodes[node].joined && object.is_some_and(|object| object.exists && object.ready != NodeReady::True)
    }

    /// A container that survived its kubelet's restart, or a pod caught half-way.
    fn take_over(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        worker.added = ctx.now;
        worker.backoffs = 0;
        let (alive, sandbox, ends) = (worker.alive, worker.sandbox, worker.ends());
        match (alive, sandbox, ends) {
            (true, _, true) => self.tell_worker(pod, ctx),
            (true, _, false) => self.run_on(pod, ctx),
            (false, true, true) => self.remove_sandbox(pod, ctx),
            (false, true, false) => match worker.stage {
                Stage::Pulling | Stage::Backoff => self.get_image(pod, ctx),
                Stage::Starting => self.start_container(pod, ctx),
                Stage::Waiting
                | Stage::Sandbox
                | Stage::Running
                | Stage::Exited
                | Stage::Told
                | Stage::Hook
                | Stage::Stopping
                | Stage::Removing
                | Stage::Reclaiming
                | Stage::Done => {
                    worker.mark = ctx.now;
                    let at = self.nodes[worker.node].next_relist(ctx.now);
                    self.enter_until(pod, Stage::Exited, at, ctx);
                }
            },
            (false, false, true) => self.reclaim(pod, ctx),
            (false, false, false) => {
                self.enter_for(pod, Stage::Waiting, ctx.spec.timings.pod_worker, Purpose::PodWorker, ctx)
            }
        }
    }
}
