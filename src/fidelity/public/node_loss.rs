//! A machine with the only replica loses power: by time-out up to 1.12, by taint from 1.13, ten seconds later from 1.32.

use super::history::{first, is_of, struck};
use super::{Judged, PLAIN, PublicCase, Sample, Variant};
use crate::sim::Finished;
use crate::world::fact::Fact;

const SCENARIO: (&str, &str) = ("public/node-loss.toml", include_str!("../../../scenarios/public/node-loss.toml"));
const SOURCE: &str = "Vayghan et al., arXiv 1901.04946, node failure with the default configuration (outage 300.852 s)";
const ASSUMED: &str = "the image is present and the process listens within 2 s; 1.12 as the last release that evicts \
                       by time-out";
/// Share by which the median may differ from what was measured.
const TOLERANCE: f64 = 0.05;

/// Up to 1.12.
pub(super) static BY_TIMEOUT: PublicCase = PublicCase {
    name: "node-loss-timeout",
    about: "One replica, its machine loses power, --pod-eviction-timeout (Kubernetes 1.12)",
    expected: "out for 300.9 s: 5 min after the last heartbeat, and a start",
    source: SOURCE,
    assumed: ASSUMED,
    scenario: SCENARIO,
    variants: PLAIN,
    seeds: 20,
    figures,
    judge: |samples| judge(samples, 300.9, 300.9),
};

/// From 1.13.
pub(super) static BY_TAINT: PublicCase = PublicCase {
    name: "node-loss-taint",
    about: "One replica, its machine loses power, NoExecute taint and toleration (Kubernetes 1.31)",
    expected: "out for 340 to 350 s: 40 s of grace, 300 s of toleration, and a start",
    source: "kubernetes pkg/controller/nodelifecycle and plugin/pkg/admission/defaulttolerationseconds",
    variants: &[Variant {
        name: "1.31",
        overrides: &["cluster.version.from=\"1.31.2\"", "cluster.version.to=\"1.31.2\""],
    }],
    judge: |samples| judge(samples, 340.0, 350.0),
    ..BY_TIMEOUT
};

/// From 1.32.
pub(super) static BY_TAINT_1_32: PublicCase = PublicCase {
    name: "node-loss-taint-1.32",
    about: "The same with the grace period of 1.32",
    expected: "out for 350 to 360 s: 50 s of grace, 300 s of toleration, and a start",
    source: "kubernetes PR 126287",
    variants: &[Variant {
        name: "1.32",
        overrides: &["cluster.version.from=\"1.32.2\"", "cluster.version.to=\"1.32.2\""],
    }],
    judge: |samples| judge(samples, 350.0, 360.0),
    ..BY_TIMEOUT
};

/// From the loss of power until another pod is Ready, seconds.
fn figures(finished: &Finished) -> Vec<f64> {
    let Some(trace) = &finished.trace else { return vec![f64::NAN] };
    let from = struck(finished);
    let back = first(
        finished,
        from,
        |fact| matches!(fact, Fact::PodReady { pod, ready: true } if is_of(trace, *pod, "video")),
    );
    vec![back - from]
}

fn judge(samples: &[Sample], low: f64, high: f64) -> Judged {
    let (least, most) = (low * (1.0 - TOLERANCE), high * (1.0 + TOLERANCE));
    let sample = &samples[0];
    let (median, (shortest, longest)) = (sample.median(0), sample.range(0));
    Judged {
        simulated: format!("median {median:.1} s, {shortest:.1} to {longest:.1} s"),
        fits: sample.all_within(0, least, most),
        why: format!("every run within {least:.0} to {most:.0} s"),
    }
}
