//! What observers hear: everything that happened, in order, by those who would know it in a real cluster.

use crate::base::{Span, Time, Version};
use crate::world::ids::{ActorId, AppId, FaultId, GroupId, MasterId, NodeId, PodId, PoolId, ProbeId, WebhookId};
use crate::world::membership::Membership;
use crate::world::store::{ApiError, Component, Endpoint, NodeReady};
use crate::world::watch::ClientKind;

/// Why a user's request was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// The connection was refused: an address without a listener.
    Refused,
    /// An open connection was cut under the request (reset or end of file).
    Reset,
    /// Silence until the client's time-out: an address nobody answers for.
    BlackHole,
    /// The Service had no endpoint: rejected at once.
    NoEndpoint,
    /// The app was asked for more than it can do in time.
    Overload,
    /// A long stream broke.
    StreamDropped,
    /// The external load balancer had no target.
    NoTarget,
    /// The app answered with an error (5xx) of its own making.
    ServerError,
    /// The Service's name was not resolved.
    Dns,
}

impl Loss {
    /// All of them, in order.
    pub const ALL: [Loss; 9] = [
        Loss::Refused,
        Loss::Reset,
        Loss::BlackHole,
        Loss::NoEndpoint,
        Loss::Overload,
        Loss::StreamDropped,
        Loss::NoTarget,
        Loss::ServerError,
        Loss::Dns,
    ];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Loss::Refused => "refused",
            Loss::Reset => "reset",
            Loss::BlackHole => "black-hole",
            Loss::NoEndpoint => "no-endpoint",
            Loss::Overload => "overload",
            Loss::StreamDropped => "stream-dropped",
            Loss::NoTarget => "no-target",
            Loss::ServerError => "server-error",
            Loss::Dns => "dns",
        }
    }
}

/// Why a group got no machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The account's quota is spent.
    Quota,
    /// The zone has none left.
    Zone,
    /// It was launched and came to nothing.
    Failed,
}

impl Refusal {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Refusal::Quota => "the account's quota is spent",
            Refusal::Zone => "its zone has no capacity",
            Refusal::Failed => "the machine failed to start",
        }
    }
}

/// A state of a unit in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum StepPhase {
    /// Marked for its turn.
    Premarked,
    /// Waits for extra capacity.
    SurgeWait,
    /// Cordoned.
    Cordoned,
    /// Pods are being evicted.
    Draining,
    /// Left its load balancers; waits.
    Detaching,
    /// Being replaced, or upgraded in place.
    Transition,
    /// The new machine boots.
    Booting,
    /// The new machine joins.
    Joining,
    /// A check of the cluster stands between it and the next.
    Gate,
    /// A wait after it.
    Soak,
}

impl StepPhase {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            StepPhase::Premarked => "premarked",
            StepPhase::SurgeWait => "surge-wait",
            StepPhase::Cordoned => "cordoned",
            StepPhase::Draining => "draining",
            StepPhase::Detaching => "detaching",
            StepPhase::Transition => "transition",
            StepPhase::Booting => "booting",
            StepPhase::Joining => "joining",
            StepPhase::Gate => "gate",
            StepPhase::Soak => "soak",
        }
    }
}

/// What a step of a plan is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unit {
    /// One machine.
    Node(NodeId),
    /// A whole group of workers.
    Pool(PoolId),
    /// All masters.
    Masters,
    /// The whole cluster.
    Cluster,
}

/// How far an app's progressive delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RolloutStage {
    /// The new version's ReplicaSet is created.
    Began,
    /// The new version gets another share of the requests.
    Weighted,
    /// No progress within its deadline.
    Late,
    /// The new version passed, and becomes the stable one.
    Promoted,
    /// All requests go back to the stable version.
    Aborted,
    /// Only the new version is left.
    Completed,
}

/// Something that happened. Facts are emitted in order and hashed into a run's digest in that order.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "fields are named by the ids they hold")]
#[non_exhaustive]
pub enum Fact {
    /// A pod object was created.
    PodCreated { pod: PodId },
    /// A pod was bound to a node.
    PodBound { pod: PodId, node: NodeId },
    /// A pod's container runs.
    PodStarted { pod: PodId },
    /// A pod's process found no API server that serves what it reads: it never gets ready.
    ApiMissed { pod: PodId },
    /// A pod's image could not be pulled: the registry answers with errors.
    PullFailed { pod: PodId },
    /// A pod's process listens.
    PodListens { pod: PodId },
    /// The API says the pod is Ready, or no longer.
    PodReady { pod: PodId, ready: bool },
    /// Deletion of a pod was asked for.
    PodDeleting { pod: PodId },
    /// A pod's process got SIGTERM.
    PodTerminating { pod: PodId },
    /// A pod's process was killed at the end of its grace.
    PodKilled { pod: PodId },
    /// A pod's process has exited.
    PodExited { pod: PodId },
    /// A pod's sandbox is gone: its address is silent.
    PodSilent { pod: PodId },
    /// A pod's container is restarted by the kubelet.
    PodRestarted { pod: PodId },
    /// A pod's object is gone.
    PodGone { pod: PodId },
    /// What the slices say of a pod.
    EndpointSet { pod: PodId, endpoint: Endpoint },
    /// A node's kernel rules follow the slices of an app up to now.
    RulesProgrammed { node: NodeId, app: AppId },
    /// A group was refused a machine for this place; it will ask again.
    LaunchRefused { pool: Option<PoolId>, slot: u32, why: Refusal },
    /// A machine was launched.
    MachineLaunched { node: NodeId },
    /// A machine shuts down.
    MachineStopping { node: NodeId },
    /// A machine is off.
    MachineOff { node: NodeId },
    /// A machine's kubelet runs.
    MachineUp { node: NodeId },
    /// An app's autoscaler has set its `spec.replicas`.
    AppScaled { app: AppId, replicas: u32 },
    /// A Node object was created.
    NodeRegistered { node: NodeId, version: Version },
    /// A node's Ready condition.
    NodeReadyIs { node: NodeId, ready: NodeReady },
    /// A node was cordoned or uncordoned.
    NodeCordoned { node: NodeId, unschedulable: bool },
    /// A Node object was deleted.
    NodeDeleted { node: NodeId },
    /// An eviction was granted.
    Evicted { pod: PodId },
    /// The scheduler deletes a pod so that another finds room.
    PodPreempted { pod: PodId, by: PodId },
    /// A rollout made no progress for its `progressDeadlineSeconds`.
    RolloutStalled { app: AppId },
    /// An eviction was refused.
    EvictionRefused { pod: PodId, error: ApiError },
    /// An etcd member runs.
    MemberStarted { member: MasterId },
    /// An etcd member has stopped.
    MemberStopped { member: MasterId },
    /// An etcd member won an election.
    MemberLeads { member: MasterId, term: u64 },
    /// An etcd leader stepped down, stopped, or lost its quorum.
    MemberYields { member: MasterId, term: u64 },
    /// An etcd member's standing in its group has changed.
    MemberIs { member: MasterId, standing: Membership },
    /// An etcd member of this version does not start in a cluster of that version.
    MemberRefused { member: MasterId, version: Version, cluster: Version },
    /// An etcd member has found its data corrupt and does not start.
    MemberCorrupt { member: MasterId },
    /// A snapshot of etcd was taken.
    SnapshotTaken,
    /// etcd was put back to a snapshot of this age: writes lost, pods that are gone and that are back, nodes gone.
    Restored { age: Span, writes: u64, gone: u32, back: u32, nodes: u32 },
    /// How many etcd voters are up and connected, of how many.
    QuorumIs { up: u32, voters: u32 },
    /// An API server is ready for all.
    ServerReady { master: MasterId },
    /// An API server got SIGTERM.
    ServerStopping { master: MasterId },
    /// An API server is gone.
    ServerStopped { master: MasterId },
    /// The API load balancer sends new connections to a server, or no longer.
    ServerInRotation { master: MasterId, used: bool },
    /// New API requests through the load balancer: of how many servers in rotation how many would answer.
    ApiServes { answering: u32, in_rotation: u32 },
    /// A standing client of the API is served from now on (its connection stands, its writes are stored), or no longer.
    /// Kubelets and proxies count as served through less than 5 s without etcd: they lack nothing yet.
    ClientServed { client: ClientKind, served: bool },
    /// A client's request to the API failed.
    ApiFailed { error: ApiError },
    /// A connection broke the version skew policy.
    SkewBroken { master: MasterId, server: Version, client: Version },
    /// A lease changed hands.
    LeaseTaken { component: Component, master: MasterId },
    /// A process lost or gave up its lease.
    LeaseLost { component: Component, master: MasterId },
    /// A step of a plan entered a phase.
    StepBegan { actor: ActorId, unit: Unit, phase: StepPhase },
    /// A step's phase ended.
    StepEnded { actor: ActorId, unit: Unit, phase: StepPhase },
    /// A plan has ended.
    PlanEnded { actor: ActorId, completed: bool },
    /// Requests were lost. `since` is when the first of them was sent.
    RequestsLost { group: GroupId, pod: Option<PodId>, loss: Loss, count: u64, since: Time },
    /// For this long before now, a request of this group could have been lost at this pod, whatever the rate.
    Exposed { group: GroupId, pod: Option<PodId>, loss: Loss, lasting: Span },
    /// Exposure began for a group: some of its requests can be lost from now on.
    ExposureBegan { group: GroupId, pod: Option<PodId>, loss: Loss },
    /// That exposure is over.
    ExposureEnded { group: GroupId, pod: Option<PodId>, loss: Loss },
    /// A fault struck.
    FaultStruck { fault: FaultId },
    /// A fault was repaired.
    FaultRepaired { fault: FaultId },
    /// An ingress controller sends requests by the slices of an app up to now.
    RouterFollows { pod: PodId, app: AppId },
    /// Nobody answered for an admission webhook; the write passes all the same (`ignored`), or is refused.
    WebhookFailed { webhook: WebhookId, master: MasterId, loss: Loss, ignored: bool },
    /// An app's rollout has come to a stage at which its new version gets this percentage of the requests.
    RolloutIs { app: AppId, stage: RolloutStage, percent: u32 },
    /// A measuring client's request has ended, `took` after it was `sent`; no target: it went to the load balancer.
    Probed { probe: ProbeId, target: Option<MasterId>, sent: Time, result: Result<(), ApiError>, took: Span },
}
