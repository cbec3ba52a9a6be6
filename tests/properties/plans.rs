//! Random plans that are valid, as the TOML that people would write.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::select;

/// A random plan. Every field is a choice; names follow from places: pools `p0`, apps `a0`, groups `g0`.
#[derive(Clone, Debug)]
pub struct Plan {
    masters: u32,
    /// Minor version before, and whether the next minor follows or a patch.
    version: (u32, bool),
    plane: Vec<&'static str>,
    strategy: (&'static str, Vec<&'static str>),
    /// Machines of each pool, zones, and the kind of machine.
    pools: Vec<(u32, u32, &'static str)>,
    apps: Vec<App>,
    faults: Vec<Fault>,
    /// A budget over all apps.
    shared_budget: Option<&'static str>,
    queues: bool,
    clients: bool,
    added: bool,
    never: bool,
    /// Seconds.
    horizon: u32,
}

#[derive(Clone, Debug)]
struct App {
    replicas: u32,
    manners: Vec<&'static str>,
    budget: Option<&'static str>,
    pool: Option<usize>,
    balanced: bool,
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    from: u8,
    to_app: usize,
    settings: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Fault {
    kind: &'static str,
    victim: u32,
    /// A time in seconds; or a phase of a unit.
    at: Result<u32, (u8, &'static str)>,
    offset: u32,
    lasting: Option<&'static str>,
}

/// One line of each table of alternatives, or none.
fn some_of(alternatives: &'static [&'static [&'static str]]) -> impl Strategy<Value = Vec<&'static str>> {
    let each: Vec<_> = alternatives.iter().map(|lines| prop::option::of(select(*lines))).collect();
    each.prop_map(|chosen| chosen.into_iter().flatten().collect())
}

const PLANE: &[&[&str]] = &[
    &["load_balancer = \"elb-classic\"", "load_balancer = \"nlb\""],
    &["machine = \"ec2\"", "machine = \"ec2-image\"", "machine = \"in-place\""],
    &["zones = 1", "zones = 2"],
    &["schedulable = true"],
    &["api_server.shutdown_delay = \"10s\""],
    &["controllers.toleration = \"30s\""],
    &["controllers.restart = \"10s\""],
];

/// Settings that all presets have, and settings that are dropped where a preset lacks them.
const SETTINGS: &[&[&str]] = &[
    &["start = \"0s\"", "start = \"5m\""],
    &["control_plane_interval = \"0s\"", "control_plane_interval = \"15s\""],
    &["node_interval = \"0s\"", "node_interval = \"4m\""],
    &["post_drain_delay = \"0s\"", "post_drain_delay = \"90s\""],
    &["validation_timeout = \"1m\"", "validation_timeout = \"15m\""],
    &["drain_timeout = \"0s\"", "drain_timeout = \"20s\""],
    &["fail_on_drain_error = false"],
    &["fail_on_validate_error = false"],
    &["cloudonly = true"],
    &["force = true"],
];
const SURGES: &[&[&str]] = &[
    &["validate_count = 0", "validate_count = 1"],
    &["max_surge = 0", "max_surge = 1", "max_surge = \"100%\""],
    &["max_unavailable = 2", "max_unavailable = \"50%\""],
];

const MANNERS: &[&[&str]] = &[
    &["pre_stop = \"5s\"", "pre_stop = \"40s\""],
    &["grace = \"0s\"", "grace = \"1s\"", "grace = \"90s\""],
    &["on_sigterm = \"close-idle\"", "on_sigterm = \"drain\"", "on_sigterm = \"ignore\""],
    &[
        "readiness = {}",
        "readiness = { period = \"1s\", failure_threshold = 1 }",
        "readiness = { initial_delay = \"30s\" }",
    ],
    &["liveness = {}", "liveness = { period = \"2s\", failure_threshold = 1 }"],
    &["startup = { period = \"3s\" }"],
    &[
        "spread = \"none\"",
        "spread = \"together\"",
        "spread = \"hosts\"",
        "spread = \"zones\"",
        "spread = \"one-per-host\"",
    ],
    &["critical = true"],
    &["start_up = \"20s\"", "start_up = \"0s\""],
    &["latency = \"2s\"", "latency = \"0s\"", "latency = { exponential = { mean = \"50ms\" } }"],
    &["warm_up = \"30s\""],
    &["reaction = \"3s\""],
    &["restart_at = \"3m\""],
    &["rollout = { max_surge = 0, max_unavailable = 1 }", "rollout = { max_surge = \"100%\", min_ready = \"20s\" }"],
    &["concurrency = 1", "concurrency = 20"],
];

/// Manners by which one request is felt by others, or by the pod's end.
const FELT: [&str; 3] = ["concurrency", "on_sigterm = \"close-idle\"", "on_sigterm = \"drain\""];

const BUDGETS: &[&str] = &[
    "{ max_unavailable = 1 }",
    "{ max_unavailable = 0 }",
    "{ min_available = \"100%\" }",
    "{ min_available = 1 }",
    "{ max_unavailable = \"50%\", unhealthy_pod_eviction = \"AlwaysAllow\" }",
];

const CLIENTS: &[&[&str]] = &[
    &["connections = \"kept-alive\"", "connections = \"stream\"", "connections = \"new\""],
    &["pool_size = 1", "streams = 3", "pool = \"last-used\""],
    &["rps = 0", "rps = 0.3", "rps = 60"],
    &["arrivals = \"constant\""],
    &["timeout = \"200ms\"", "timeout = \"30s\""],
    &["retries = 1", "retries = 3"],
    &["retry_backoff = \"0s\"", "retry_backoff = \"10s\""],
    &["retry_budget = 0.1", "retry_budget = 0.0"],
    &["idempotent = false"],
    &["mode = \"per-request\""],
    &["wave = { period = \"10m\", amplitude = 0.9 }"],
    &["steps = [{ at = \"2m\", rps = 0 }, { at = \"10m\", rps = 25 }]"],
];

const FAULTS: &[&str] = &[
    "node-power-off",
    "node-link-cut",
    "etcd-member-stop",
    "api-server-crash",
    "controller-manager-crash",
    "scheduler-crash",
    "pod-delete",
    "pod-crash",
    "api-cut",
    "kubelet-restart",
    "kube-proxy-restart",
    "orchestrator-crash",
    "sandbox-crash",
    "memory-kill",
    "image-crash-loop",
    "image-never-ready",
    "slow-node",
    "node-flapping",
    "kubelet-start-failure",
    "reboot-never-returns",
    "volume-stuck",
    "etcd-peer-cut",
    "etcd-leader-cut",
    "etcd-slow-disk",
    "etcd-corrupt-data",
    "etcd-no-space",
    "api-overload",
    "load-balancer-flap",
    "load-balancer-lag",
    "clock-drift",
    "registry-down",
    "registry-throttled",
    "dns-down",
];
const WITHOUT_REPAIR: &[&str] = &["pod-delete", "pod-crash", "sandbox-crash", "kubelet-restart", "kube-proxy-restart"];
const WITHOUT_TARGET: &[&str] = &[
    "api-cut",
    "orchestrator-crash",
    "etcd-no-space",
    "load-balancer-lag",
    "registry-down",
    "registry-throttled",
    "dns-down",
];
const OF_MASTERS: &[&str] = &[
    "etcd-member-stop",
    "api-server-crash",
    "controller-manager-crash",
    "scheduler-crash",
    "etcd-peer-cut",
    "etcd-leader-cut",
    "etcd-slow-disk",
    "etcd-corrupt-data",
    "api-overload",
    "load-balancer-flap",
    "clock-drift",
];
const PHASES: &[&str] =
    &["premarked", "cordoned", "draining", "detaching", "transition", "booting", "joining", "gate", "soak"];

/// Strategies of the one machinery, with their defaults.
const MACHINERY: &[&str] = &[
    "kubeadm",
    "kubespray",
    "cluster-api",
    "gke-surge",
    "gke-blue-green",
    "eks-managed",
    "eks-managed-minimal",
    "aks-rolling",
    "aks-blue-green",
    "karpenter-drift",
    "kured",
    "system-upgrade-controller",
    "talos-k8s",
    "talos-os",
    "openshift-mco",
    "gardener-mcm",
    "blue-green-manual",
    "canary-pool",
    "in-place-no-drain",
    "big-bang",
    "masters-parallel",
    "delete-drain",
];

/// A plan of one's own: a stage of masters, perhaps, and one of workers, from random primitives.
fn own() -> impl Strategy<Value = Vec<&'static str>> {
    let masters = prop::option::of(select(MASTER_STAGES));
    let stage = (select(OWN_STEPS), some_of(OWN_STAGE), some_of(OWN_ENDS));
    let window = prop::option::weighted(0.2, select(&["window_duration = \"30m\"\nwindow_every = \"1h\""][..]));
    (masters, stage, window).prop_map(|(masters, (steps, stage, ends), window)| {
        let mut lines: Vec<&'static str> = window.into_iter().collect();
        lines.extend(masters.into_iter().flat_map(|steps| ["[[strategy.stage]]\ngroups = \"masters\"", steps]));
        lines.extend(["[[strategy.stage]]\ngroups = \"workers\"", steps]);
        lines.extend(stage);
        lines.extend(ends);
        lines
    })
}

const MASTER_STAGES: &[&str] = &[
    "steps = [\"cordon\", \"move-leader\", \"deregister\", \"drain\", \"terminate\", { gate = [\"node-ready\", \"static-pods\"] }]",
    "at_once = 2\nsteps = [\"cordon\", \"quorum-guard\", \"drain\", \"reboot\", { gate = [\"node-ready\"] }, \"uncordon\"]",
    "steps = [{ swap = [\"etcd\", \"kube-apiserver\"], deadline = \"5m\", rollback = true }, { gate = [\"etcd-spare\"], deadline = \"5m\" }]",
    "lock_period = \"1m\"\nlock_ttl = \"2m\"\nselect = \"all\"\nsteps = [\"reboot\", { gate = [\"node-ready\"] }]",
];
const OWN_STEPS: &[&str] = &[
    "steps = [{ drain = { timeout = \"2m\", on_deadline = \"force\" } }]\nsurge = \"100%\"\npremark = \"cordon\"\nfinish = [{ soak = \"3m\", rollback_after = \"1m\" }, \"retire-old\"]\ncancel_after = \"5m\"",
    "steps = [\"cordon\", { drain = { timeout = \"5m\" } }, \"reimage\", { gate = [\"node-ready\"] }, \"uncordon\"]\nsurge = { per_zone = 1, least = 1 }\nfinish = [\"remove-extras\"]",
    "steps = [{ surge = 1, deadline = \"10m\" }, \"cordon\", \"exclude\", { drain = { delete_after = \"1m\", critical_last = true, skip_wait = \"30s\" } }, \"replace\"]",
    "steps = [\"taint\", \"cordon\", { drain = { attempts = { length = \"10s\", pause = \"20s\" }, alert = \"1m\", timeout = \"9m\" } }, \"upgrade\", { gate = [\"node-ready\", \"apps\"], deadline = \"20m\" }, \"uncordon\", \"untaint\"]",
    "steps = [\"kubelet\", { gate = [\"node-ready\"], times = 2, again = \"5s\" }]",
    "steps = [\"terminate\"]",
    "steps = [{ drain = { delete = true, grace = \"0s\" } }, { wait = \"10s\" }, \"terminate\", { gate = [\"validation\"], deadline = \"15m\" }]",
];
const OWN_STAGE: &[&[&str]] = &[
    &[
        "at_once = 2",
        "at_once = \"100%\"",
        "batch = 2\nbatch_soak = \"30s\"",
        "budget = 1",
        "budget = \"50%\"",
        "at_once = 3\nbrake = true",
    ],
    &["order = \"random\"", "order = \"hash\"", "order = \"zones\"", "order = \"empty-first\"", "order = \"reverse\""],
    &["together = true"],
    &["before = { gate = [\"api\", \"group-ready\"], deadline = \"5m\" }"],
];
const OWN_ENDS: &[&[&str]] = &[&[
    "on_error = { drain = \"put-back\", api = { retry = \"5s\" } }",
    "on_error = { drain = { quarantine = 1 }, gate = \"ignore\" }",
    "on_error = { drain = \"stop-group\", provision = \"retry\", gate = \"hold\" }",
    "on_error = { drain = \"ignore\", api = \"ignore\", gate = \"ignore\" }",
]];

/// Settings of the machinery's strategies that few others have.
const OF_TOOLS: &[(&str, &[&str])] = &[
    ("gke-blue-green", &["cancel_after = \"4m\"", "batch = 0", "rollback_after = \"20m\"\nrespect_pdb = true"]),
    ("gke-surge", &["maintenance_window_duration = \"4m\"", "drain_limit = \"3m\"\nmax_unavailable = 2"]),
    ("aks-blue-green", &["cancel_after = \"4m\"", "drain_batch_size = \"50%\""]),
    ("aks-rolling", &["undrainable_node_behavior = \"Cordon\"\ndrain_timeout = \"5m\"", "force_upgrade = true"]),
    ("blue-green-manual", &["cancel_after = \"10m\"", "drain_timeout = \"1m\""]),
    ("eks-managed", &["force = true\neviction_limit = \"1m\"", "control_plane_timeout = \"10s\""]),
    (
        "karpenter-drift",
        &["termination_grace_period = \"3m\"\nbudget = \"100%\"", "duration = \"1h\"", "command_timeout = \"1m\""],
    ),
    (
        "kured",
        &[
            "period = \"1m\"\nlock_ttl = \"3m\"",
            "concurrency = 3\nend_time = \"1h\"",
            "prefer_no_schedule_taint = true\nperiod = \"5m\"",
        ],
    ),
    (
        "system-upgrade-controller",
        &[
            "on_failure = \"retry_after_ttl\"\njob_active_deadline = \"2m\"",
            "drain_timeout = \"20s\"",
            "window_duration = \"2m\"",
        ],
    ),
    ("openshift-mco", &["max_unavailable = 3", "reboot = false"]),
    ("cluster-api", &["node_drain_timeout = \"2m\"", "max_surge = 0\nmin_ready_seconds = \"20s\""]),
    ("gardener-mcm", &["max_evict_retries = 3", "machine_creation_timeout = \"1m\""]),
    ("talos-os", &["legacy = true", "nodes_at_once = 2"]),
];

/// A strategy of the machinery: with its defaults, or one of its own ways.
fn tool() -> impl Strategy<Value = (&'static str, Vec<&'static str>)> {
    let ways: Vec<(&'static str, &'static str)> =
        OF_TOOLS.iter().flat_map(|(name, ways)| ways.iter().map(move |way| (*name, *way))).collect();
    prop_oneof![
        select(MACHINERY).prop_map(|name| (name, Vec::new())),
        select(ways).prop_map(|(name, way)| (name, vec![way])),
        own().prop_map(|lines| ("plan", lines)),
    ]
}

/// Any plan.
pub fn plan() -> impl Strategy<Value = Plan> {
    let version = (13_u32..=33, any::<bool>());
    let pools = prop::collection::vec((1_u32..=6, 1_u32..=3, select(&["ec2", "ec2-image", "in-place"][..])), 1..=3);
    let kops = (select(&["kops", "kops-1.15", "kops-2018"][..]), some_of(SETTINGS), some_of(SURGES)).prop_map(
        |(name, mut settings, surges)| {
            if name == "kops" {
                settings.extend(surges);
            }
            (name, settings)
        },
    );
    let strategy = prop_oneof![2 => kops, 3 => tool()];
    let apps = prop::collection::vec(app(), 1..=3);
    let faults = prop::collection::vec(fault(), 0..=3);
    let shared = prop::option::weighted(0.3, select(&["max_unavailable = 1", "min_available = \"90%\""][..]));
    (1_u32..=5, version, some_of(PLANE), strategy, pools, apps, faults, shared).prop_map(
        |(masters, version, plane, strategy, pools, apps, faults, shared_budget)| Plan {
            masters,
            version,
            plane,
            strategy,
            pools,
            apps,
            faults,
            shared_budget,
            queues: true,
            clients: true,
            added: false,
            never: false,
            horizon: 6 * 3600,
        },
    )
}

fn app() -> impl Strategy<Value = App> {
    let groups = prop::collection::vec(group(), 0..=3);
    let budget = prop::option::of(select(BUDGETS));
    let pool = prop::option::weighted(0.2, 0_usize..3);
    (0_u32..=6, some_of(MANNERS), budget, pool, any::<bool>(), groups).prop_map(
        |(replicas, manners, budget, pool, balanced, groups)| App { replicas, manners, budget, pool, balanced, groups },
    )
}

fn group() -> impl Strategy<Value = Group> {
    (0_u8..4, 0_usize..3, some_of(CLIENTS)).prop_map(|(from, to_app, settings)| Group { from, to_app, settings })
}

fn fault() -> impl Strategy<Value = Fault> {
    let at = prop_oneof![(0_u32..5000).prop_map(Ok), (any::<u8>(), select(PHASES)).prop_map(Err)];
    let lasting = prop::option::of(select(&["10ms", "45s", "20m", "never"][..]));
    (select(FAULTS), any::<u32>(), at, 0_u32..120, lasting).prop_map(|(kind, victim, at, offset, lasting)| Fault {
        kind,
        victim,
        at,
        offset,
        lasting,
    })
}

impl Plan {
    /// The same cluster without any traffic.
    pub fn without_clients(&self) -> Plan {
        Plan { clients: false, ..self.clone() }
    }

    /// The same without manners by which requests are felt: queues, and processes that exit when all are answered.
    pub fn unfelt(&self) -> Plan {
        Plan { queues: false, ..self.clone() }
    }

    /// One more group, `a0/added`, first of all.
    pub fn with_one_more_group(&self) -> Plan {
        Plan { added: true, ..self.clone() }
    }

    /// A fault that waits for a phase of a machine that the plan leaves alone.
    pub fn with_a_fault_that_never_comes(&self) -> Plan {
        Plan { never: true, ..self.clone() }
    }

    /// Three times the time.
    pub fn with_a_longer_horizon(&self) -> Plan {
        Plan { horizon: self.horizon * 3, ..self.clone() }
    }

    /// The scenario's text.
    pub fn toml(&self) -> String {
        let (minor, next) = self.version;
        let (to, patch) = if next { (minor + 1, 2) } else { (minor, 9) };
        let mut text =
            format!("schema = 1\n[cluster]\nversion = {{ from = \"1.{minor}.3\", to = \"1.{to}.{patch}\" }}\n");
        let _ = writeln!(text, "[cluster.control_plane]\nreplicas = {}\n{}", self.masters, self.plane.join("\n"));
        for (index, (count, zones, machine)) in self.pools.iter().enumerate() {
            let _ = writeln!(
                text,
                "[[node_pool]]\nname = \"p{index}\"\ncount = {count}\nzones = {zones}\nmachine = \"{machine}\""
            );
        }
        text.push_str("[[node_pool]]\nname = \"clients\"\ncount = 2\nupgrade = false\nruns_apps = false\nin_load_balancer = false\n");
        for (index, app) in self.apps.iter().enumerate() {
            self.app(&mut text, index, app);
        }
        if let Some(rule) = self.shared_budget {
            let apps: Vec<String> = (0..self.apps.len()).map(|index| format!("\"a{index}\"")).collect();
            let _ = writeln!(text, "[[budget]]\nname = \"all\"\napps = [{}]\n{rule}", apps.join(", "));
        }
        let (strategy, settings) = &self.strategy;
        let _ = writeln!(text, "[strategy]\nname = \"{strategy}\"\n{}", settings.join("\n"));
        let _ = writeln!(text, "[limits]\nhorizon = \"{}s\"", self.horizon);
        self.faults.iter().for_each(|fault| self.fault(&mut text, fault));
        if self.never {
            text.push_str("[[fault]]\nkind = \"node-power-off\"\ntarget = \"p0-1\"\nat = \"clients-1:transition\"\n");
        }
        text
    }

    fn app(&self, text: &mut String, index: usize, app: &App) {
        let _ = writeln!(text, "[app.a{index}]\nreplicas = {}", app.replicas);
        for line in app.manners.iter().filter(|line| self.queues || !FELT.iter().any(|felt| line.starts_with(felt))) {
            let _ = writeln!(text, "{line}");
        }
        if let Some(budget) = app.budget {
            let _ = writeln!(text, "pdb = {budget}");
        }
        if let Some(pool) = app.pool {
            let _ = writeln!(text, "pool = \"p{}\"", pool % self.pools.len());
        }
        if app.balanced {
            text.push_str("service = \"LoadBalancer\"\n");
        }
        if self.added && index == 0 {
            text.push_str("[app.a0.traffic.added]\nfrom = \"pool:clients\"\nrps = 20\n");
        }
        for (number, group) in app.groups.iter().enumerate().filter(|_| self.clients) {
            let from = match group.from {
                0 if app.balanced => "outside".to_owned(),
                1 => format!("app:a{}", group.to_app % self.apps.len()),
                2 => format!("pool:p{}", group.to_app % self.pools.len()),
                _ => "pool:clients".to_owned(),
            };
            let _ =
                writeln!(text, "[app.a{index}.traffic.g{number}]\nfrom = \"{from}\"\n{}", group.settings.join("\n"));
        }
    }

    fn fault(&self, text: &mut String, fault: &Fault) {
        let pool = fault.victim as usize % self.pools.len();
        let machine = format!("p{pool}-{}", fault.victim % self.pools[pool].0 + 1);
        let master = match fault.victim % 4 {
            0 => "etcd-leader".to_owned(),
            1 => "kcm-leader".to_owned(),
            _ => format!("master-{}", fault.victim % self.masters + 1),
        };
        let target = match fault.kind {
            kind if WITHOUT_TARGET.contains(&kind) => None,
            "image-crash-loop" | "image-never-ready" => Some(format!("a{}", fault.victim as usize % self.apps.len())),
            "pod-delete" | "pod-crash" | "sandbox-crash" | "memory-kill" => {
                let app = fault.victim as usize % self.apps.len();
                // An app without pods has no target.
                let Some(pod) = fault.victim.checked_rem(self.apps[app].replicas) else { return };
                Some(format!("a{app}-{pod}"))
            }
            kind if OF_MASTERS.contains(&kind) => Some(master),
            _ if fault.victim.is_multiple_of(2) => Some(machine.clone()),
            _ => Some(format!("master-{}", fault.victim % self.masters + 1)),
        };
        let at = match fault.at {
            Ok(seconds) => format!("{seconds}s"),
            Err((unit, phase)) => match unit % 4 {
                0 => format!("{machine}:{phase}"),
                1 => format!("p{pool}:{phase}"),
                2 => format!("masters:{phase}"),
                _ => format!("master-{}:{phase}", u32::from(unit) % self.masters + 1),
            },
        };
        let _ = writeln!(text, "[[fault]]\nkind = \"{}\"\nat = \"{at}\"\noffset = \"{}s\"", fault.kind, fault.offset);
        if let Some(target) = target {
            let _ = writeln!(text, "target = \"{target}\"");
        }
        if let (Some(lasting), true) = (fault.lasting, !WITHOUT_REPAIR.contains(&fault.kind)) {
            let _ = writeln!(text, "lasting = \"{lasting}\"");
        }
    }
}
