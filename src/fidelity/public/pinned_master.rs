//! Kubelets connected to a master that stops dead, before clients pinged their connections.

use std::collections::BTreeSet;

use super::history::{last, records, struck};
use super::{Judged, PLAIN, PublicCase, Sample};
use crate::sim::Finished;
use crate::world::fact::Fact;
use crate::world::store::NodeReady;

/// Workers of the scenario.
const WORKERS: f64 = 30.0;
/// Share of workers that may be lost, in the mean of all runs.
const SHARE: (f64, f64) = (0.2, 0.45);
/// Minutes until the last of them is back.
const BACK: (f64, f64) = (13.0, 17.0);

/// See the file.
pub(super) static CASE: PublicCase = PublicCase {
    name: "pinned-master",
    about: "Three API servers by DNS, one machine stops dead, clients without HTTP/2 pings (Kubernetes 1.8)",
    expected: "about a third of the workers NotReady, back after some 15 minutes",
    source: "kubernetes-incubator/kube-aws issue 598, kubernetes PR 52176, kubernetes/kops issue 4946",
    assumed: "",
    scenario: ("public/pinned-master.toml", include_str!("../../../scenarios/public/pinned-master.toml")),
    variants: PLAIN,
    seeds: 20,
    figures,
    judge,
};

/// Share of workers that were lost; minutes from the stop until the last was Ready again.
fn figures(finished: &Finished) -> Vec<f64> {
    let Some(trace) = &finished.trace else { return vec![f64::NAN, f64::NAN] };
    let lost = records(finished).iter().filter_map(|record| match record.fact {
        Fact::NodeReadyIs { node, ready: NodeReady::Unknown } if trace.names.master_of[node].is_none() => Some(node),
        _ => None,
    });
    let lost: BTreeSet<_> = lost.collect();
    let back = last(finished, |fact| matches!(fact, Fact::NodeReadyIs { ready: NodeReady::True, .. }));
    vec![lost.len() as f64 / WORKERS, (back - struck(finished)) / 60.0]
}

fn judge(samples: &[Sample]) -> Judged {
    let sample = &samples[0];
    let share = sample.total(0) / sample.runs.len() as f64;
    let ((least, most), (soonest, latest)) = (sample.range(0), sample.range(1));
    Judged {
        simulated: format!(
            "{:.0} % of workers (mean; {:.0} to {:.0} %), back after {soonest:.1} to {latest:.1} min",
            share * 100.0,
            least * 100.0,
            most * 100.0
        ),
        fits: (SHARE.0..=SHARE.1).contains(&share) && sample.all_within(1, BACK.0, BACK.1),
        why: format!(
            "{:.0} to {:.0} % in the mean, every run back after {:.0} to {:.0} min",
            SHARE.0 * 100.0,
            SHARE.1 * 100.0,
            BACK.0,
            BACK.1
        ),
    }
}
