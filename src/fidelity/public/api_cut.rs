//! The API servers lose etcd for 40 s, or their clients lose them.

use std::collections::BTreeSet;

use super::history::{first, records, struck};
use super::{Judged, PublicCase, Sample, Variant};
use crate::sim::Finished;
use crate::world::fact::Fact;
use crate::world::store::{Component, NodeReady};

const SCENARIO: (&str, &str) = ("public/api-cut.toml", include_str!("../../../scenarios/public/api-cut.toml"));
/// How long the cut lasts, seconds.
const CUT: f64 = 40.0;

/// With a renew deadline that outlasts the cut.
pub(super) static LONG_LEASE: PublicCase = PublicCase {
    name: "etcd-cut-long-lease",
    about: "API servers lose etcd for 40 s, renew deadline 107 s, grace 40 s against 50 s",
    expected: "nodes flap NotReady at 40 s, none at 50 s",
    source: "kubernetes issue 121793, kubernetes PR 126287, openshift/ibm-roks-toolkit PR 1021",
    assumed: "six workers",
    scenario: SCENARIO,
    variants: &[
        Variant { name: "grace 40 s", overrides: &[] },
        Variant { name: "grace 50 s", overrides: &["cluster.control_plane.controllers.node_monitor_grace=\"50s\""] },
    ],
    seeds: 20,
    figures,
    judge: judge_long,
};

/// With default leases.
pub(super) static DEFAULT_LEASE: PublicCase = PublicCase {
    name: "etcd-cut-default-lease",
    about: "The same cut with default leases (15, 10 and 2 s) and a grace of 40 s",
    expected: "the controller manager exits within the cut and no node flaps: its successor gives each a full grace",
    source: "kubernetes pkg/controller/nodelifecycle (a new leader's probe times), client-go tools/leaderelection",
    variants: &[Variant {
        name: "default leases",
        overrides: &[
            "cluster.control_plane.controllers.lease_duration=\"15s\"",
            "cluster.control_plane.controllers.renew_deadline=\"10s\"",
            "cluster.control_plane.controllers.retry_period=\"2s\"",
        ],
    }],
    judge: judge_default,
    ..LONG_LEASE
};

/// The clients behind the load balancer lose the servers.
pub(super) static CLIENTS_ONLY: PublicCase = PublicCase {
    name: "client-cut",
    about: "Only kubelets and the other clients behind the load balancer lose the API servers for 40 s, default leases, grace 40 s",
    expected: "the controller manager leads on and finds nodes silent: they flap",
    source: "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go; kubernetes PR 126287",
    variants: &[Variant {
        name: "clients",
        overrides: &[
            "fault[0].from_etcd=false",
            "cluster.control_plane.controllers.lease_duration=\"15s\"",
            "cluster.control_plane.controllers.renew_deadline=\"10s\"",
            "cluster.control_plane.controllers.retry_period=\"2s\"",
        ],
    }],
    judge: judge_clients,
    ..LONG_LEASE
};

/// Nodes that became Unknown; seconds from the cut until a controller manager lost its lease (not a number: none did).
fn figures(finished: &Finished) -> Vec<f64> {
    let lost = records(finished).iter().filter_map(|record| match record.fact {
        Fact::NodeReadyIs { node, ready: NodeReady::Unknown } => Some(node),
        _ => None,
    });
    let lost: BTreeSet<_> = lost.collect();
    let from = struck(finished);
    let exit =
        first(finished, from, |fact| matches!(fact, Fact::LeaseLost { component: Component::ControllerManager, .. }));
    vec![lost.len() as f64, exit - from]
}

fn flapped(sample: &Sample) -> String {
    let (least, most) = sample.range(0);
    format!(
        "{}: {least:.0} to {most:.0} nodes flap, in {} of {} runs",
        sample.variant,
        sample.above(0, 0.0),
        sample.runs.len()
    )
}

fn judge_long(samples: &[Sample]) -> Judged {
    let (short, long) = (&samples[0], &samples[1]);
    Judged {
        simulated: format!("{}; {}", flapped(short), flapped(long)),
        fits: short.above(0, 0.0) == short.runs.len() && !short.runs.is_empty() && long.all_within(0, 0.0, 0.0),
        why: "nodes flap in every run at 40 s, in none at 50 s".to_owned(),
    }
}

fn judge_default(samples: &[Sample]) -> Judged {
    let sample = &samples[0];
    let (soonest, latest) = sample.range(1);
    Judged {
        simulated: format!("{}; the leader exits after {soonest:.1} to {latest:.1} s", flapped(sample)),
        fits: sample.all_within(0, 0.0, 0.0) && sample.all_within(1, 1.0, CUT),
        why: "in every run the leader exits within the cut, and no node flaps".to_owned(),
    }
}

fn judge_clients(samples: &[Sample]) -> Judged {
    let sample = &samples[0];
    let stays = sample.sorted(1).is_empty();
    Judged {
        simulated: format!("{}; {}", flapped(sample), if stays { "the leader stays" } else { "the leader exits" }),
        fits: sample.above(0, 0.0) == sample.runs.len() && !sample.runs.is_empty() && stays,
        why: "in every run the leader stays, and nodes flap".to_owned(),
    }
}
