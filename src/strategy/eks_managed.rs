//! Amazon EKS: updates of managed node groups, surge first or terminate first.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{FORCED, WATCHES, node_ready, reverting_control_plane};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::DrainSettings;
use crate::world::fact::StepPhase;

/// `updateStrategy: DEFAULT`.
pub static EKS_MANAGED: StrategyEntry = StrategyEntry {
    entry: &DEFAULT,
    build: |values| Box::new(Run::new(plan(values, true))),
    target: Target::Needed,
    hides_etcd: true,
};

/// `updateStrategy: MINIMAL`.
pub static EKS_MANAGED_MINIMAL: StrategyEntry = StrategyEntry {
    entry: &MINIMAL,
    build: |values| Box::new(Run::new(plan(values, false))),
    target: Target::Needed,
    hides_etcd: true,
};

static DEFAULT: Entry = Entry {
    name: "eks-managed",
    about: "EKS managed node groups: the group grows first, all old nodes are cordoned at once, drains fail after 15 min.",
    details: "The hidden control plane first, replica by replica; one that is not healthy in time takes all back to the \
              old version, and the update has failed. Then group by group: it grows by twice its zones, or \
              by max_unavailable if that is more; every new node must be Ready, one at least in each zone. All old \
              nodes are cordoned and labelled out of load balancers. As many as max_unavailable at a time, chosen at \
              random, are drained; pods still there after the limit fail the update, or are deleted with force. A \
              minute later, for load balancers to let go, the node is terminated and the group launches another. In \
              the end the group shrinks to its size node by node, the oldest template in the fullest zone first (as its \
              `scale_in` says), each emptied for at most 15 minutes and terminated \
              whether or not budgets let all its pods go. What a failed update leaves stays as it is.",
    settings: &SETTINGS,
    sources: SOURCES,
};

static MINIMAL: Entry = Entry {
    name: "eks-managed-minimal",
    about: "EKS managed node groups without extra nodes: old ones are terminated before new ones are launched.",
    details: "As eks-managed, but the group does not grow: as many nodes as max_unavailable at a time are cordoned, \
              drained and terminated, and the group launches their replacements; nothing waits for one to be Ready \
              before the next goes, since the reference promises no guard.",
    settings: &SETTINGS,
    sources: SOURCES,
};

const SOURCES: &[&str] = &[
    "EKS user guide, \"Understand each phase of node updates\"",
    "EKS user guide, \"Simplify node lifecycle with managed node groups\"",
    "EKS API reference, NodegroupUpdateConfig",
    "EKS user guide, \"Update existing cluster to new Kubernetes version\"",
];
const API: &str = "EKS API reference, NodegroupUpdateConfig";
const GUIDE: &str = "EKS user guide, \"Understand each phase of node updates\"";

static SETTINGS: [Setting; 7] = [
    START,
    setting(
        "max_unavailable",
        Kind::IntOrPercent,
        "1",
        "Nodes of a group drained at a time: a count, or a percentage (maxUnavailablePercentage); at most 100.",
        API,
    ),
    setting(
        "force",
        Kind::Bool,
        "false",
        "Whether pods that budgets keep are deleted instead of failing the update.",
        GUIDE,
    ),
    setting(
        "control_plane_timeout",
        SPAN,
        "\"20m\"",
        "A new API server must be healthy by then, or the control plane goes back to the old version.",
        "EKS user guide, \"Update existing cluster\", which names the check, not its time; ours",
    ),
    setting("eviction_limit", SPAN, "\"15m\"", "How long a node's pods may take to go; fixed in EKS.", GUIDE),
    setting("post_drain_wait", SPAN, "\"60s\"", "Wait for load balancers to drop the empty node; fixed in EKS.", GUIDE),
    setting(
        "node_timeout",
        SPAN,
        "\"15m\"",
        "New nodes must be Ready by then, or the update fails (NodeCreationFailure).",
        "rollproof: the guide names the failure, not the time",
    ),
];

fn plan(values: &Values, grows: bool) -> Plan {
    let most = Amount::up(values.int_or_percent("max_unavailable"));
    let limit = values.span("eviction_limit");
    let how = DrainSettings { timeout: Some(limit), ..DrainSettings::new() };
    let on_deadline = if values.flag("force") { OnDeadline::Force(FORCED) } else { OnDeadline::Fail };
    let drain = Step::Drain(Drain { how, on_deadline });
    let settle = Step::Wait(StepPhase::Detaching, values.span("post_drain_wait"));
    let mut steps = vec![drain, settle, Step::Transition(Transition::Terminate)];
    if !grows {
        steps.splice(0..0, [Step::Cordon, Step::Exclude]);
    }
    let mut group = Stage { order: Order::Random, ..Stage::of("node groups", Groups::Workers, steps) }.at_once(most);
    if grows {
        group.surge = Some(Surge {
            by: SurgeBy::PerZone { each: 2, least: most },
            until: Gate::of(vec![Condition::ExtrasInEachZone], WATCHES)
                .within(values.span("node_timeout"))
                .provisions(),
        });
        group.premark = Premark::CordonAndExclude;
        let leaves = Step::Drain(Drain { how, on_deadline: OnDeadline::GoOn });
        group.finish = vec![
            Finish::Gate(Gate::of(vec![Condition::GroupReady], WATCHES).within(values.span("node_timeout"))),
            Finish::ShrinkGroup(vec![Step::Cordon, leaves, Step::Transition(Transition::Retire)]),
        ];
    } else {
        group.finish = vec![Finish::Gate(node_ready_group(values))];
    }
    group.on_error.api = Action::Retry(Span::secs(10));
    Plan::of(values.span("start"), vec![reverting_control_plane(values.span("control_plane_timeout")), group])
}

fn node_ready_group(values: &Values) -> Gate {
    Gate { conditions: vec![Condition::GroupReady], ..node_ready(WATCHES).within(values.span("node_timeout")) }
}
