//! A small stage for tests of single components: a cluster's surroundings without the other components.

use crate::base::{IdVec, IntOrPercent, Rate, Span, Time, Version};
use crate::engine::{Dist, Draws};
use crate::world::effects::{Ctx, Effects};
use crate::world::ids::{AppId, PoolId};
use crate::world::network::Network;
use crate::world::pulse::Pulses;
use crate::world::purpose::Purpose;
use crate::world::rules::Rules;
use crate::world::runtimes::Runtimes;
use crate::world::serving::ServingTable;
use crate::world::spec::*;
use crate::world::store::Store;
use crate::world::targets::Targets;
use crate::world::watch::Watches;

/// Everything a `Ctx` borrows.
pub(crate) struct Stage {
    pub(crate) now: Time,
    pub(crate) spec: Spec,
    pub(crate) draws: Draws,
    pub(crate) store: Store,
    pub(crate) watches: Watches,
    pub(crate) net: Network,
    pub(crate) serving: ServingTable,
    pub(crate) pulses: Pulses,
    pub(crate) rules: Rules,
    pub(crate) runtimes: Runtimes,
    pub(crate) targets: Targets,
    pub(crate) out: Effects,
}

impl Stage {
    /// A stage for this cluster and seed, at time zero, without machines.
    pub(crate) fn new(spec: Spec, seed: u64) -> Stage {
        Stage {
            now: Time::ZERO,
            draws: Draws::new(seed, Purpose::COUNT),
            store: Store::new(&spec),
            watches: Watches::default(),
            net: Network::default(),
            serving: ServingTable::default(),
            pulses: Pulses::default(),
            rules: Rules::default(),
            runtimes: Runtimes::default(),
            targets: Targets::new(spec.apps.len()),
            out: Effects::default(),
            spec,
        }
    }
    /// What a step of now would get.
    pub(crate) fn ctx(&mut self) -> Ctx<'_> {
        Ctx {
            now: self.now,
            spec: &self.spec,
            draws: &self.draws,
            store: &self.store,
            watches: &self.watches,
            net: &self.net,
            serving: &self.serving,
            pulses: &self.pulses,
            rules: &self.rules,
            runtimes: &self.runtimes,
            targets: &self.targets,
            out: &mut self.out,
        }
    }
}

/// A fixed duration in milliseconds.
pub(crate) const fn ms(n: u64) -> Dist {
    Dist::Fixed(Span::millis(n))
}

/// Three masters, three workers, one client node, and an app `web` of three pods with quick, fixed timings.
pub(crate) fn small_spec() -> Spec {
    let machine = MachineSpec {
        shutdown: ms(10_000),
        launch: ms(5_000),
        boot: ms(60_000),
        join: ms(10_000),
        volume_attach: ms(20_000),
        closes_sockets: true,
    };
    let groups = [group("new", Connections::New), group("kept", Connections::KeptAlive { pool: 10 })];
    Spec {
        pools: [pool("workers", 3, true, &machine), pool("clients", 1, false, &machine)].into_iter().collect(),
        control_plane: control_plane(machine),
        apps: [web()].into_iter().collect(),
        budgets: vec![BudgetSpec {
            name: "web".to_owned(),
            apps: vec![AppId(0)],
            rule: BudgetRule::MaxUnavailable(IntOrPercent::Int(1)),
            unhealthy: UnhealthyEviction::IfHealthyBudget,
        }],
        groups: groups.into_iter().collect::<IdVec<_, _>>(),
        quota: None,
        probes: IdVec::new(),
        webhooks: IdVec::new(),
        timings: timings(),
        horizon: Span::mins(600),
        tail: Span::mins(1),
    }
}

/// A group that asks again after 30 s at first, and leaves its machines alone.
const NODE_GROUP: NodeGroupSpec = NodeGroupSpec {
    zone_fallback: true,
    zone_capacity: None,
    retry: (Span::secs(30), Span::mins(5)),
    health_check: HealthCheckKind::None,
    health_grace: Span::mins(5),
    scale_in: ScaleIn::OldestTemplate,
};

fn pool(name: &str, count: u32, upgrade: bool, machine: &MachineSpec) -> PoolSpec {
    PoolSpec {
        name: name.to_owned(),
        count,
        zones: 1,
        cpu: 4000,
        memory: 16_384,
        max_pods: 110,
        upgrade,
        runs_apps: upgrade,
        in_load_balancer: upgrade,
        machine: machine.clone(),
        group: NODE_GROUP,
        size: None,
    }
}

fn web() -> AppSpec {
    let readiness = ProbeSpec {
        initial_delay: Span::ZERO,
        period: Span::secs(5),
        timeout: Span::secs(1),
        successes: 1,
        failures: 3,
    };
    AppSpec {
        name: "web".to_owned(),
        kind: WorkloadKind::Deployment,
        replicas: 3,
        critical: false,
        priority: 0,
        pool: None,
        cpu: 100,
        memory: 128,
        spread: Spread::Default,
        pre_stop: Span::secs(10),
        pre_stop_kind: PreStopKind::Exec,
        grace: Span::secs(30),
        on_sigterm: OnSigterm::Drain,
        reaction: ms(5),
        start_up: ms(500),
        readiness: Some(readiness),
        liveness: None,
        startup: None,
        image_pull: Dist::Fixed(Span::ZERO),
        host_port: false,
        host_network: false,
        is_kube_proxy: false,
        is_cni: false,
        volume: None,
        rollout: RolloutSpec::DEFAULT,
        service: ServiceKind::ClusterIp,
        balancer: None,
        latency: ms(5),
        concurrency: None,
        latency_busy: None,
        warm_up: Span::ZERO,
        router: None,
        delivered: false,
        flaw: FlawSpec::NONE,
        hpa: None,
        uses_apis: Vec::new(),
        restart_at: None,
    }
}

fn group(name: &str, connections: Connections) -> GroupSpec {
    GroupSpec {
        name: name.to_owned(),
        app: AppId(0),
        via: None,
        connections,
        place: Place::Pool(PoolId(1)),
        rate: Rate::per_sec(100),
        steps: Vec::new(),
        wave: None,
        arrivals: Arrivals::Poisson,
        timeout: Span::secs(2),
        retries: 0,
        retry_backoff: Span::ZERO,
        retry_budget: None,
        idempotent: true,
        settling: Settling::Interval,
    }
}

fn timings() -> Timings {
    Timings {
        network: Dist::Fixed(Span::micros(500)),
        watch: ms(3),
        reconcile: ms(2),
        scheduling: ms(2),
        pod_worker: ms(10),
        sandbox: ms(500),
        container_start: ms(200),
        sandbox_removal: ms(200),
        kubelets_together: false,
        reclaim: ms(500),
        proxy_sync: ms(50),
        proxy_start: ms(3_000),
        kubelet_start: ms(2_000),
        proxy_min_sync: None,
    }
}

fn control_plane(machine: MachineSpec) -> ControlPlaneSpec {
    ControlPlaneSpec {
        from: Version::new(1, 14, 10),
        to: Version::new(1, 15, 7),
        hops: Vec::new(),
        replicas: 3,
        zones: 3,
        schedulable: false,
        cpu: 2000,
        memory: 4096,
        etcd: EtcdSpec {
            from: Version::new(3, 3, 10),
            to: Version::new(3, 3, 10),
            heartbeat: Span::millis(100),
            election: Span::millis(1000),
            pre_vote: None,
            fsync: ms(3),
            fsync_busy: None,
        },
        api_server: ApiServerSpec {
            shutdown_delay: Span::ZERO,
            listen: ms(2_000),
            ready: ms(8_000),
            grace: Span::secs(30),
            liveness: true,
        },
        load_balancer: ApiBalancerSpec {
            balance: Balance::Random,
            check: HealthCheck::Tcp,
            interval: Span::secs(10),
            timeout: Span::secs(5),
            unhealthy: 2,
            healthy: 2,
            connect_retry: Span::ZERO,
            propagation: ms(1_000),
            deregistration: ms(5_000),
            on_down: OnDown::Keep,
            fail_open: false,
        },
        controllers: ControllersSpec {
            node_monitor_grace: None,
            node_monitor_period: Span::secs(5),
            lease_duration: Span::secs(15),
            renew_deadline: Span::secs(10),
            retry_period: Span::secs(2),
            toleration: Span::secs(300),
            eviction: None,
            pod_eviction_timeout: Span::secs(300),
            cache_sync: ms(2_000),
            restart: Some(ms(5_000)),
        },
        machine,
        group: NODE_GROUP,
    }
}
