//! An operator cordons every node that runs the ingress; its pods stay.

use super::history::{last, losses};
use super::{Judged, PublicCase, Sample, Variant};
use crate::sim::Finished;
use crate::world::fact::Fact;

/// Longest time from the last cordon until the load balancer has lost its last target: the service controller's next
/// node sync (100 s) and the deregistration (5 s), and a margin of 5 s for what is under way.
const LATEST: f64 = 110.0;
/// The outage must last until the end of the run, less this.
const MARGIN: f64 = 1.0;

/// See the file.
pub(super) static CASE: PublicCase = PublicCase {
    name: "cordon-ingress",
    about: "All ingress nodes cordoned, pods left alone, users outside behind a load balancer, 1.18 against 1.19",
    expected: "up to 1.18 every request fails from the last cordon on, for as long as the operator takes (39 min); \
               from 1.19 none",
    source: "kubernetes issue 65013; kubernetes 1.18 pkg/controller/service/controller.go; CHANGELOG-1.19",
    assumed: "three nodes and a classic ELB; `from the last cordon on` includes up to 100 s until the service \
              controller's next node sync",
    scenario: ("public/cordon-ingress.toml", include_str!("../../../scenarios/public/cordon-ingress.toml")),
    variants: &[
        Variant { name: "1.18", overrides: &[] },
        Variant { name: "1.19", overrides: &["cluster.version.from=\"1.19.4\"", "cluster.version.to=\"1.19.4\""] },
    ],
    seeds: 10,
    figures,
    judge,
};

/// From the last cordon to the first loss, from the first loss to the end of the run, the longest outage, losses.
fn figures(finished: &Finished) -> Vec<f64> {
    let requests = &finished.outcome.requests;
    let cordoned = last(finished, |fact| matches!(fact, Fact::NodeCordoned { unschedulable: true, .. }));
    let first = losses(finished, "proxy").map(|(since, ..)| since.secs_f64()).fold(f64::INFINITY, f64::min);
    let end = finished.outcome.sim_seconds;
    vec![first - cordoned, end - first, requests.longest_outage_s, requests.lost as f64]
}

fn judge(samples: &[Sample]) -> Judged {
    let (old, new) = (&samples[0], &samples[1]);
    let (soonest, latest) = old.range(0);
    let pairs = old.runs.iter().map(|run| (run[1], run[2]));
    let whole = pairs.fold(true, |whole, (left, outage)| whole && outage >= left - MARGIN);
    Judged {
        simulated: format!(
            "1.18: all lost from {soonest:.0} to {latest:.0} s after the last cordon, for {:.1} min (median); \
             1.19: {:.0} lost",
            old.median(2) / 60.0,
            new.total(3)
        ),
        fits: old.all_within(0, 0.0, LATEST)
            && whole
            && old.above(3, 0.0) == old.runs.len()
            && new.runs.iter().all(|run| run[3] == 0.0),
        why: format!("1.18: first loss 0 to {LATEST:.0} s after the last cordon, none served after; 1.19: none lost"),
    }
}
