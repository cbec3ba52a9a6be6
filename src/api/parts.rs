//! The parts of a scenario: node pools, apps, their traffic, faults. Nothing is checked here: the reader does it.

use super::keys::{empty, named, put, text};
use crate::config::{Table, ValueKind};

/// Machines of one kind: `[[node_pool]]`.
///
/// ```
/// use rollproof::api::Pool;
/// use rollproof::scenario::Scenario;
///
/// let plan = Scenario::builder("zones")
///     .version("1.14.10", "1.15.7")
///     .pool(Pool::new("workers", 6).zones(3))
///     .pool(Pool::new("clients", 1).for_clients())
///     .strategy("kops-1.15")
///     .build()?;
/// assert_eq!(plan.spec.pools.iter().map(|pool| pool.count).collect::<Vec<_>>(), [6, 1]);
/// # Ok::<(), rollproof::api::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pool(pub(super) Table);

impl Pool {
    /// A pool of so many machines.
    pub fn new(name: &str, count: u32) -> Pool {
        let mut table = empty();
        put(&mut table, "name", text(name));
        put(&mut table, "count", ValueKind::Integer(i64::from(count)));
        Pool(table)
    }
    /// Over so many zones.
    pub fn zones(mut self, zones: u32) -> Pool {
        put(&mut self.0, "zones", ValueKind::Integer(i64::from(zones)));
        self
    }
    /// Users stand on it: it is not upgraded, runs no apps and is behind no load balancer.
    pub fn for_clients(mut self) -> Pool {
        for key in ["upgrade", "runs_apps", "in_load_balancer"] {
            put(&mut self.0, key, ValueKind::Bool(false));
        }
        self
    }
}

/// A group of an app's users: `[app.NAME.traffic.GROUP]`.
///
/// ```
/// use rollproof::api::{App, Pool, Traffic};
/// use rollproof::scenario::Scenario;
///
/// let pooled = Traffic::new("pooled").from("pool:clients").connections("kept-alive").rps(50);
/// let plan = Scenario::builder("users")
///     .version("1.14.10", "1.15.7")
///     .pool(Pool::new("workers", 2))
///     .pool(Pool::new("clients", 1).for_clients())
///     .app(App::new("web").replicas(2).traffic(pooled))
///     .strategy("none")
///     .set("limits.horizon='10m'")
///     .build()?;
/// assert!(plan.run(1)?.requests.sent > 10_000, "50 a second for ten minutes, less the tail");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Traffic {
    pub(super) name: String,
    pub(super) table: Table,
}

impl Traffic {
    /// A group of this name.
    pub fn new(name: &str) -> Traffic {
        Traffic { name: name.to_owned(), table: empty() }
    }
    /// Where they stand, such as `pool:clients`.
    pub fn from(mut self, place: &str) -> Traffic {
        put(&mut self.table, "from", text(place));
        self
    }
    /// How they connect: `new`, for example, opens a connection for each request.
    pub fn connections(mut self, how: &str) -> Traffic {
        put(&mut self.table, "connections", text(how));
        self
    }
    /// Requests per second of the whole group.
    pub fn rps(mut self, rate: u32) -> Traffic {
        put(&mut self.table, "rps", ValueKind::Integer(i64::from(rate)));
        self
    }
}

/// An app and its users: `[app.NAME]`.
///
/// ```
/// use rollproof::api::{App, Pool};
/// use rollproof::scenario::Scenario;
///
/// // Two pods, one of which may be away; each sleeps before SIGTERM, and then finishes what it has begun.
/// let web = App::new("web")
///     .replicas(2)
///     .readiness("2s", 2)
///     .pre_stop("10s")
///     .grace("60s")
///     .on_sigterm("drain")
///     .latency("20ms")
///     .spread("hosts")
///     .max_unavailable(1);
/// let plan = Scenario::builder("app").version("1.14.10", "1.15.7").pool(Pool::new("workers", 3)).app(web);
/// let outcome = plan.strategy("kops-1.15").build()?.run(1)?;
/// assert_eq!(outcome.pods.min_ready["web"], 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct App {
    pub(super) name: String,
    table: Table,
    traffic: Vec<(String, Table)>,
}

impl App {
    /// An app with the defaults of its cluster's version.
    pub fn new(name: &str) -> App {
        App { name: name.to_owned(), table: empty(), traffic: Vec::new() }
    }
    /// So many pods.
    pub fn replicas(self, count: u32) -> App {
        self.with("replicas", ValueKind::Integer(i64::from(count)))
    }
    /// How long its preStop hook sleeps, such as `10s`.
    pub fn pre_stop(self, duration: &str) -> App {
        self.with("pre_stop", text(duration))
    }
    /// Its termination grace period, such as `60s`; the preStop hook counts towards it.
    pub fn grace(self, duration: &str) -> App {
        self.with("grace", text(duration))
    }
    /// What it does at SIGTERM: `exit`, `close-idle`, `drain` or `ignore`.
    pub fn on_sigterm(self, what: &str) -> App {
        self.with("on_sigterm", text(what))
    }
    /// What its pods are spread over, such as `hosts`.
    pub fn spread(self, over: &str) -> App {
        self.with("spread", text(over))
    }
    /// A readiness probe every `period`, such as `2s`; so many failures in a row make a pod unready.
    pub fn readiness(self, period: &str, failures: u32) -> App {
        let mut probe = empty();
        put(&mut probe, "period", text(period));
        put(&mut probe, "failure_threshold", ValueKind::Integer(i64::from(failures)));
        self.with("readiness", ValueKind::Table(probe))
    }
    /// How long it takes to answer a request, such as `20ms`.
    pub fn latency(self, duration: &str) -> App {
        self.with("latency", text(duration))
    }
    /// A disruption budget that keeps so many pods; it replaces one by `max_unavailable`.
    pub fn min_available(self, pods: u32) -> App {
        let mut budget = empty();
        put(&mut budget, "min_available", ValueKind::Integer(i64::from(pods)));
        self.with("pdb", ValueKind::Table(budget))
    }
    /// A disruption budget that lets so many pods be away.
    pub fn max_unavailable(self, pods: u32) -> App {
        let mut budget = empty();
        put(&mut budget, "max_unavailable", ValueKind::Integer(i64::from(pods)));
        self.with("pdb", ValueKind::Table(budget))
    }
    /// With these users, too; a second group of the same name replaces the first.
    pub fn traffic(mut self, group: Traffic) -> App {
        self.traffic.push((group.name, group.table));
        self
    }
    fn with(mut self, key: &str, kind: ValueKind) -> App {
        put(&mut self.table, key, kind);
        self
    }
    pub(super) fn into_table(mut self) -> Table {
        if !self.traffic.is_empty() {
            put(&mut self.table, "traffic", named(self.traffic));
        }
        self.table
    }
}

/// What nature does: `[[fault]]`.
///
/// ```
/// use rollproof::api::{Fault, Pool};
/// use rollproof::scenario::Scenario;
///
/// let plan = Scenario::builder("faults")
///     .version("1.14.10", "1.15.7")
///     .pool(Pool::new("workers", 2))
///     .strategy("kops-1.15")
///     .fault(Fault::new("etcd-member-stop").target("etcd-leader").at("master-2:transition"))
///     .fault(Fault::new("node-power-off").target("workers-1").at("2m").lasting("5m"))
///     .fault(Fault::new("kubelet-restart").target("each").every("30d"))
///     .build()?;
/// assert_eq!(plan.faults.len(), 7, "`each` of three masters and two workers is a fault of its own");
/// # Ok::<(), rollproof::api::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fault(pub(super) Table);

impl Fault {
    /// A fault of this kind; `rollproof list faults` names them.
    pub fn new(kind: &str) -> Fault {
        Fault(empty()).with("kind", kind)
    }
    /// What it hits, such as `etcd-leader` or `each`.
    pub fn target(self, what: &str) -> Fault {
        self.with("target", what)
    }
    /// When: a time such as `2m`, or a phase of the plan such as `master-2:transition`.
    pub fn at(self, when: &str) -> Fault {
        self.with("at", when)
    }
    /// The mean time between faults, such as `90d`.
    pub fn every(self, mean: &str) -> Fault {
        self.with("every", mean)
    }
    /// For how long, such as `30s`; or `never` mended.
    pub fn lasting(self, duration: &str) -> Fault {
        self.with("lasting", duration)
    }
    fn with(mut self, key: &str, value: &str) -> Fault {
        put(&mut self.0, key, text(value));
        self
    }
}
