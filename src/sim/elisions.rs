//! What is left out changes nothing: whole runs are the same with every delivery of a watch as an event, and with no
//! worker of a kubelet at rest.

use std::path::PathBuf;

use proptest::prelude::*;

use super::simulation::{Simulation, Watch};
use crate::scenario;
use crate::world::cluster::World;

/// Scenarios in which kube-proxies work, restart, lose their servers and go with their machines.
const SCENARIOS: [&str; 6] =
    ["book-ch18", "no-prestop", "ingress-drained", "kcp-surge", "webhook-leases", "strategies/big-bang-worst"];

/// Scenarios in which containers are probed, start late, die, are restarted, outlive their kubelets or nodes.
const OF_WORKERS: [&str; 8] = [
    "book-ch18",
    "measured-cluster",
    "measured/nodekill",
    "stateful-zones",
    "webhook-leases",
    "strategies/in-place-no-drain-worst",
    "strategies/kubeadm-worst",
    "strategies/talos-os-best",
];

/// Digest and events of a run in a world that is changed at its start.
fn outcome(name: &str, seed: u64, change: fn(&mut World)) -> (String, u64) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.toml"));
    let scenario = scenario::load(&path, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    let mut simulation = Simulation::new(&scenario, seed, false).expect("its cluster is healthy");
    change(&mut simulation.world);
    let outcome = simulation.complete(&scenario, Watch::default()).expect("it ends").outcome;
    (outcome.digest, outcome.events)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::base::cases(24)))]

    #[test]
    fn deliveries_to_a_proxy_at_work_may_be_events_or_not(name in prop::sample::select(&SCENARIOS[..]), seed in 1_u64..1_000) {
        let ((lazy, few), (eager, many)) = (outcome(name, seed, |_| {}), outcome(name, seed, World::delivers_eagerly));
        prop_assert_eq!(lazy, eager, "{} {}", name, seed);
        prop_assert!(few <= many);
    }

    #[test]
    fn workers_may_rest_or_not(name in prop::sample::select(&OF_WORKERS[..]), seed in 1_u64..1_000) {
        prop_assert_eq!(outcome(name, seed, |_| {}), outcome(name, seed, World::wakes_workers), "{} {}", name, seed);
    }
}

#[test]
fn many_deliveries_are_no_events() {
    let (few, many) = (outcome("perf/roll-500", 1, |_| {}).1, outcome("perf/roll-500", 1, World::delivers_eagerly).1);
    assert!(few * 10 < many * 9, "{few} events instead of {many}");
}
