//! Ids of everything in the cluster. Dense: they index vectors, and they never key a draw.

crate::ids! {
    /// A machine, one incarnation of it: a replaced machine is a new one. Names its Node object too.
    NodeId,
    /// A master's place: its etcd volume, API server, controller manager and scheduler. Outlives machines.
    MasterId,
    /// A group of machines of one template (kops: instance group).
    PoolId,
    /// A pod; never used twice.
    PodId,
    /// A workload: one Deployment with its Service.
    AppId,
    /// A ReplicaSet: one template revision of an app.
    SetId,
    /// A PersistentVolume, with its claim.
    VolumeId,
    /// A PodDisruptionBudget.
    BudgetId,
    /// A client of the API: one process with its connection, its token bucket and its watch cursor.
    ClientId,
    /// A group of users' clients that send requests to an app.
    GroupId,
    /// An actor outside the cluster: the strategy first.
    ActorId,
    /// A request to the API that is under way.
    RequestId,
    /// A failure domain.
    ZoneId,
    /// A fault of the scenario.
    FaultId,
    /// A measuring client of the scenario.
    ProbeId,
    /// An admission webhook.
    WebhookId,
}
