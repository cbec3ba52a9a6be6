//! Strategies of proptest: any valid scenario, the soundest parts first, so that shrinking leaves only what matters.
//!
//! Whatever is drawn or shrunk goes through the one reader, so it is always a scenario without a mistake.

use std::fmt;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::{BoxedStrategy, Union};

use super::parts::{App, Fault, Pool, Traffic};
use super::{Problems, ScenarioBuilder};
use crate::scenario::{self, Scenario, document};
use crate::sim::{InternalError, Outcome};

/// A scenario and a seed: one run.
#[derive(Clone)]
pub struct Case {
    /// The scenario.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
}

impl Case {
    /// What it finds.
    ///
    /// # Errors
    /// When the cluster was never healthy, or by a bug of the simulator.
    pub fn run(&self) -> Result<Outcome, InternalError> {
        self.scenario.run(self.seed)
    }
    /// Its scenario as a file.
    pub fn toml(&self) -> String {
        document(&self.scenario)
    }
    /// The same with other keys, each as `--set` of the command writes it: `app.web.cpu=250`. What the program adds to the catalogues stays.
    ///
    /// # Errors
    /// With everything that is then wrong.
    pub fn with(&self, changes: &[&str]) -> Result<Case, Problems> {
        let changes: Vec<String> = changes.iter().map(|change| (*change).to_owned()).collect();
        let scenario = scenario::parse_with("case.toml", &self.toml(), (&changes, None), &self.scenario.own)?;
        Ok(Case { scenario, seed: self.seed })
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# seed {}\n{}", self.seed, self.toml())
    }
}

/// Seeds, which shrink to 1.
pub fn seeds() -> BoxedStrategy<u64> {
    (1..=1_000_u64).boxed()
}

/// Clusters of kops' kind with a pool `workers` and a pool `clients` that users stand on. Most have three masters.
pub fn clusters() -> BoxedStrategy<ScenarioBuilder> {
    let versions = prop_oneof![3 => Just(("1.14.10", "1.15.7")), 1 => Just(("1.15.7", "1.15.10"))];
    // Three masters are the default, so the simplest scenario does not say it.
    let masters = prop_oneof![8 => Just(None), 2 => Just(Some(5)), 1 => Just(Some(1))];
    let build = |((from, to), masters, workers): ((&str, &str), Option<u32>, u32)| {
        let builder = Scenario::builder("case").version(from, to).pool(Pool::new("workers", workers));
        let builder = builder.pool(Pool::new("clients", 1).for_clients());
        masters.map_or(builder.clone(), |masters| builder.masters(masters))
    };
    (versions, masters, 3..=5_u32).prop_map(build).boxed()
}

/// Apps of this name, sound ones most often, with users on the pool `clients`.
pub fn apps(name: &str) -> BoxedStrategy<App> {
    let app = App::new(name);
    let replicas = prop_oneof![6 => 2..=3_u32, 1 => Just(1)];
    (replicas, readiness(), endings(), on_sigterm(), budgets(), users())
        .prop_map(move |(replicas, ready, ending, on_sigterm, budget, (users, latency))| {
            let app = app.clone().replicas(replicas).on_sigterm(on_sigterm).traffic(users);
            let app = if ready { app.readiness("2s", 2) } else { app };
            let app = latency.map_or(app.clone(), |latency| app.latency(latency));
            let app = ending.0.map_or(app.clone(), |hook| app.pre_stop(hook));
            let app = ending.1.map_or(app.clone(), |grace| app.grace(grace));
            match budget {
                Budget::OneAway => app.max_unavailable(1),
                Budget::OneAwayOnHosts => app.max_unavailable(1).spread("hosts"),
                Budget::None => app,
                Budget::NoneOnOneNode => app.spread("together"),
                Budget::AllOfThem => app.min_available(replicas),
            }
        })
        .boxed()
}

/// Whether an app has a readiness probe.
fn readiness() -> BoxedStrategy<bool> {
    prop_oneof![6 => Just(true), 1 => Just(false)].boxed()
}

/// A preStop hook and a grace period.
fn endings() -> BoxedStrategy<(Option<&'static str>, Option<&'static str>)> {
    prop_oneof![
        5 => Just((Some("10s"), None)),
        1 => Just((Some("10s"), Some("60s"))),
        1 => Just((None, None)),
        1 => Just((Some("20s"), Some("20s"))),
    ]
    .boxed()
}

fn on_sigterm() -> BoxedStrategy<&'static str> {
    prop_oneof![5 => Just("drain"), 1 => Just("close-idle"), 1 => Just("exit"), 1 => Just("ignore")].boxed()
}

#[derive(Clone, Copy, Debug)]
enum Budget {
    OneAway,
    OneAwayOnHosts,
    None,
    NoneOnOneNode,
    AllOfThem,
}

fn budgets() -> BoxedStrategy<Budget> {
    prop_oneof![
        4 => Just(Budget::OneAway),
        1 => Just(Budget::OneAwayOnHosts),
        1 => Just(Budget::None),
        1 => Just(Budget::NoneOnOneNode),
        1 => Just(Budget::AllOfThem),
    ]
    .boxed()
}

/// Users, and how long the app takes to answer them.
fn users() -> BoxedStrategy<(Traffic, Option<&'static str>)> {
    let connections = prop_oneof![3 => Just("new"), 2 => Just("kept-alive")];
    let latency = prop_oneof![2 => Just(None), 1 => Just(Some("4s"))];
    (connections, latency, 10..=50_u32)
        .prop_map(|(how, latency, rps)| (Traffic::new("users").from("pool:clients").connections(how).rps(rps), latency))
        .boxed()
}

/// Upgrade strategies by name: careful tools first, then two bad ones.
pub fn strategies() -> BoxedStrategy<&'static str> {
    let names = [(5, "kops-1.15"), (1, "kubeadm"), (1, "in-place-no-drain"), (1, "masters-parallel")];
    Union::new_weighted(names.map(|(weight, name)| (weight, Just(name))).to_vec()).boxed()
}

/// Faults of kinds that mend by themselves, each at a phase of the plan or at a time within the first quarter of an
/// hour, on [`clusters`] with an [app](apps) `web`. What a cluster does not have, such as a second master, makes an
/// invalid scenario, which [`cases_of`] draws anew.
pub fn faults() -> BoxedStrategy<Fault> {
    let kinds = prop_oneof![
        3 => Just(("pod-crash", "web-0")),
        2 => Just(("kubelet-restart", "workers-1")),
        2 => Just(("controller-manager-crash", "kcm-leader")),
        2 => Just(("api-server-crash", "master-1")),
        2 => Just(("etcd-member-stop", "etcd-leader")),
        2 => Just(("node-power-off", "workers-2")),
        1 => Just(("node-link-cut", "host-of:web-0")),
        1 => Just(("node-power-off", "master-3")),
    ];
    const PHASES: [&str; 4] =
        ["master-1:transition", "master-2:transition", "workers-1:draining", "workers-1:transition"];
    let moments = prop_oneof![
        2 => (1..=15_u32).prop_map(|minutes| format!("{minutes}m")),
        1 => proptest::sample::select(&PHASES[..]).prop_map(str::to_owned),
    ];
    (kinds, moments).prop_map(|((kind, target), at)| Fault::new(kind).target(target).at(&at)).boxed()
}

/// Runs of what these builders build. What cannot be built is drawn again, and never shrunk to.
///
/// ```
/// use proptest::strategy::Strategy;
/// use rollproof::api::cases::{apps, cases_of, clusters, faults};
///
/// // Any app on any cluster, upgraded by kubeadm while one thing fails.
/// let plans = (clusters(), apps("web"), faults());
/// let cases = cases_of(plans.prop_map(|(cluster, web, fault)| cluster.app(web).strategy("kubeadm").fault(fault)));
///
/// rollproof::api::Search::new("one-fault").cases(20).find(&cases, |case| {
///     proptest::prop_assert_eq!(case.scenario.faults.len(), 1);
///     Ok(())
/// })?;
/// # Ok::<(), rollproof::api::Unsound>(())
/// ```
pub fn cases_of(builders: impl Strategy<Value = ScenarioBuilder> + 'static) -> BoxedStrategy<Case> {
    let built = |(builder, seed): (ScenarioBuilder, u64)| {
        let scenario = builder.build().ok()?;
        Some(Case { scenario, seed })
    };
    (builders, seeds()).prop_filter_map("it is a valid scenario", built).boxed()
}

/// Runs of any cluster with an app `web`, sometimes another app `api`, and any strategy, under so many faults at most;
/// they shrink to none.
pub fn cases_with_faults(most: usize) -> BoxedStrategy<Case> {
    let faults = proptest::collection::vec(faults(), 0..=most);
    let under = |(plan, faults): (ScenarioBuilder, Vec<Fault>)| faults.into_iter().fold(plan, ScenarioBuilder::fault);
    cases_of((plans(), faults).prop_map(under))
}

/// Runs of any cluster with an app `web`, sometimes another app `api`, and any strategy; nothing fails.
pub fn cases() -> BoxedStrategy<Case> {
    cases_of(plans())
}

fn plans() -> BoxedStrategy<ScenarioBuilder> {
    let second = prop_oneof![3 => Just(false), 1 => any::<bool>()];
    let builders = (clusters(), apps("web"), second, apps("api"), strategies());
    let build = |(cluster, web, second, api, strategy): (ScenarioBuilder, App, bool, App, &str)| {
        let cluster = cluster.app(web).strategy(strategy);
        if second { cluster.app(api) } else { cluster }
    };
    builders.prop_map(build).boxed()
}
