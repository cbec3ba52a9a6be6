//! Gardener: machine-controller-manager's rolling update of worker pools.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{WATCHES, managed_control_plane, node_ready, surge_and, surge_first};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::{Bypass, DrainSettings};

/// machine-controller-manager.
pub static GARDENER_MCM: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Needed,
    hides_etcd: true,
};

/// Between two evictions of one pod. Source: machine-controller-manager pkg/util/provider/drain/drain.go.
const EVICTION_RETRY: Span = Span::secs(20);
/// How long a forced drain may take. Source: the same file.
const FORCED: Span = Span::mins(1);
/// Retry of a failed reconcile. Source: machine-controller-manager pkg/util/provider/machineutils, ShortRetry.
const SHORT_RETRY: Span = Span::secs(5);

static ENTRY: Entry = Entry {
    name: "gardener-mcm",
    about: "Gardener: surge first, soft taints on all old nodes, drains that turn into deletions after two hours.",
    details: "The control plane runs in another cluster and is hidden: replicas are replaced one at a time. Then pool by \
              pool: old nodes get a soft taint; as many machines as max_surge come first, each Ready within the \
              creation time-out or replaced by another; an old node is cordoned and drained, refused evictions tried \
              every 20 s; after max_evict_retries of them, or at the drain time-out, what is left is deleted past all \
              budgets. Pods with volumes, which the tool drains one after another, have none here.",
    settings: &SETTINGS,
    sources: &[
        "gardener/machine-controller-manager pkg/util/provider/drain/drain.go",
        "gardener/machine-controller-manager pkg/controller/deployment_rolling.go",
        "gardener/machine-controller-manager pkg/util/provider/app/options/options.go",
    ],
};

const OPTIONS: &str = "gardener/machine-controller-manager pkg/util/provider/app/options/options.go";
const WORKER: &str = "Gardener API, Worker.maxSurge and maxUnavailable";

static SETTINGS: [Setting; 6] = [
    START,
    setting("max_surge", Kind::IntOrPercent, "1", "Machines of a pool that may run ahead.", WORKER),
    setting("max_unavailable", Kind::IntOrPercent, "0", "Machines of a pool that go before others come.", WORKER),
    setting(
        "machine_creation_timeout",
        SPAN,
        "\"20m\"",
        "A machine not Ready by then is replaced by another.",
        OPTIONS,
    ),
    setting("machine_drain_timeout", SPAN, "\"2h\"", "After this what is left on a node is deleted.", OPTIONS),
    count(
        "max_evict_retries",
        (1, 100_000),
        "360",
        "retries",
        "Refused evictions of a pod, 20 s apart, after which it is deleted.",
        OPTIONS,
    ),
];

fn plan(values: &Values) -> Plan {
    let (surge, unavailable) = (values.int_or_percent("max_surge"), values.int_or_percent("max_unavailable"));
    let ready = node_ready(WATCHES).within(values.span("machine_creation_timeout")).provisions();
    let how = DrainSettings {
        retry: EVICTION_RETRY,
        timeout: Some(values.span("machine_drain_timeout")),
        bypass: Some(Bypass::After(EVICTION_RETRY * values.count("max_evict_retries"))),
        ..DrainSettings::new()
    };
    let steps = vec![
        surge_first(surge, ready.clone()),
        Step::Cordon,
        Step::Drain(Drain { how, on_deadline: OnDeadline::Force(FORCED) }),
        Step::Transition(Transition::Replace),
        Step::Gate(node_ready(WATCHES)),
    ];
    let pools = Stage {
        premark: Premark::SoftTaint,
        pace: surge_and(surge, unavailable),
        on_error: OnError::retries(SHORT_RETRY),
        ..Stage::of("worker pools", Groups::Workers, steps)
    };
    Plan::of(values.span("start"), vec![managed_control_plane(), pools])
}
