//! One author's drains on GKE, with a probe each second.

use super::history::{first, is_of, losses};
use super::{Judged, PublicCase, Sample, Variant};
use crate::sim::Finished;
use crate::world::fact::Fact;

const SCENARIO: (&str, &str) = ("public/drain-table.toml", include_str!("../../../scenarios/public/drain-table.toml"));
const SOURCE: &str = "one author's measurements of drains on GKE, a probe each second, one run each";
/// Probes that the author sent in a drain, at one a second.
const WINDOW: f64 = 33.0;
/// Longest time between two syncs of kube-proxy, and what the way of an endpoint to it takes.
const LAG: f64 = 11.0;

/// With one replica.
pub(super) static ONE_REPLICA: PublicCase = PublicCase {
    name: "drain-one-replica",
    about: "One replica, its node drained, a probe each second",
    expected: "21 failures in a row",
    source: SOURCE,
    assumed: "image pull (8 to 15 s) and readiness period (10 s), which carry the result: half to twice is asked for",
    scenario: SCENARIO,
    variants: &[Variant {
        name: "one",
        overrides: &[
            "app.web.replicas=1",
            "app.web.pdb=\"none\"",
            "cluster.version.to=\"1.29.6\"",
            "strategy={ name = \"kops\", instance_groups = \"workers\" }",
        ],
    }],
    seeds: 20,
    figures,
    judge: judge_one,
};

/// With two replicas and a budget.
pub(super) static NO_PRESTOP: PublicCase = PublicCase {
    name: "drain-no-prestop",
    about: "Two replicas on two nodes, minAvailable 1, no preStop, one node drained",
    expected: "some fail (5 of 30), all while endpoints propagate (6 to 8 s)",
    assumed: "kube-proxy's least gap of GCE (10 s), and that another app's rollout uses up its burst. One run of one \
              author, who forbids ratios: that losses end with the propagation is asked for, not their number. The rows \
              of the source about blue-green and roll-back are not expressed",
    variants: &[Variant { name: "no preStop", overrides: &[] }],
    judge: judge_two,
    ..ONE_REPLICA
};

/// With a hook, too.
pub(super) static PRESTOP: PublicCase = PublicCase {
    name: "drain-prestop",
    about: "The same with preStop 20 s and grace 40 s",
    expected: "0 of 33 failed",
    assumed: "as in the row before",
    variants: &[Variant { name: "preStop", overrides: &["app.web.pre_stop=\"20s\"", "app.web.grace=\"40s\""] }],
    judge: judge_hook,
    ..ONE_REPLICA
};

/// Failures within the window after the first pod of the app was deleted; from that to the first and to the last of
/// them; pods deleted.
fn figures(finished: &Finished) -> Vec<f64> {
    let Some(trace) = &finished.trace else { return vec![f64::NAN; 4] };
    let is_web = |pod| is_of(trace, pod, "web");
    let begin = first(finished, 0.0, |fact| matches!(fact, Fact::PodDeleting { pod } if is_web(*pod)));
    let found =
        losses(finished, "web").map(|(since, at, count)| (since.secs_f64() - begin, at.secs_f64() - begin, count));
    let here: Vec<(f64, f64, u64)> = found.filter(|(since, ..)| (0.0..WINDOW).contains(since)).collect();
    let lost: u64 = here.iter().map(|(.., count)| count).sum();
    let soonest = here.iter().map(|(since, ..)| *since).fold(f64::NAN, f64::min);
    let latest = here.iter().map(|(_, at, _)| *at).fold(f64::NAN, f64::max);
    vec![lost as f64, soonest, latest, if begin.is_finite() { 1.0 } else { 0.0 }]
}

fn told(sample: &Sample) -> String {
    let (least, most) = sample.range(0);
    format!(
        "{:.0} of {WINDOW:.0} failed (median; {least:.0} to {most:.0}), between {:.1} and {:.1} s",
        sample.median(0),
        sample.range(1).0,
        sample.range(2).1
    )
}

/// Half to twice the measured 21, in a row: as many as seconds from the first to the last.
fn judge_one(samples: &[Sample]) -> Judged {
    let sample = &samples[0];
    let in_a_row = sample.runs.iter().all(|run| run[2] - run[1] <= run[0] + 1.5);
    Judged {
        simulated: told(sample),
        fits: (10.5..=42.0).contains(&sample.median(0)) && in_a_row,
        why: "10.5 to 42 in the median, without a success between".to_owned(),
    }
}

fn judge_two(samples: &[Sample]) -> Judged {
    let sample = &samples[0];
    let latest = sample.range(2).1;
    Judged {
        simulated: told(sample),
        fits: sample.total(0) > 0.0 && latest <= LAG && sample.range(0).1 < WINDOW / 2.0,
        why: format!("some in all runs together, fewer than half in any run, none later than {LAG:.0} s"),
    }
}

fn judge_hook(samples: &[Sample]) -> Judged {
    let sample = &samples[0];
    Judged {
        simulated: format!("{:.0} failed in {:.0} drains", sample.total(0), sample.total(3)),
        fits: sample.total(0) == 0.0 && sample.all_within(3, 1.0, 1.0),
        why: "a drain in every run, and exactly no failure".to_owned(),
    }
}
