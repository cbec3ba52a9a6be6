//! A pod's sandbox dies, and its process ignores SIGTERM.

use super::history::{first, struck};
use super::{Judged, PLAIN, PublicCase, Sample};
use crate::sim::Finished;
use crate::world::fact::Fact;

/// Seconds that the source measured, and how far the median may be from it.
const MEASURED: (f64, f64) = (32.0, 3.0);

/// See the file.
pub(super) static CASE: PublicCase = PublicCase {
    name: "sigterm-ignored",
    about: "One replica, its sandbox dies, its process ignores SIGTERM, grace 30 s",
    expected: "out for 32.0 s: found within a second, the whole grace, a start",
    source: "Vayghan et al., arXiv 1901.04946, pod container failure (reaction 0.496 s, outage 32.019 s)",
    assumed: "that the process ignores SIGTERM, which the length says; the image is present",
    scenario: ("public/sandbox-crash.toml", include_str!("../../../scenarios/public/sandbox-crash.toml")),
    variants: PLAIN,
    seeds: 20,
    figures,
    judge,
};

/// From the crash until the pod is out of service, and until it is Ready again, seconds.
fn figures(finished: &Finished) -> Vec<f64> {
    let from = struck(finished);
    let unready = first(finished, from, |fact| matches!(fact, Fact::PodReady { ready: false, .. }));
    let ready = first(finished, unready, |fact| matches!(fact, Fact::PodReady { ready: true, .. }));
    vec![unready - from, ready - from]
}

fn judge(samples: &[Sample]) -> Judged {
    let (sample, (measured, off)) = (&samples[0], MEASURED);
    let (low, high) = sample.range(1);
    Judged {
        simulated: format!(
            "found after {:.2} s, out until {:.1} s (median), {low:.1} to {high:.1} s",
            sample.median(0),
            sample.median(1)
        ),
        fits: sample.all_within(1, measured - off, measured + off),
        why: format!("every run within {measured:.0} s ± {off:.0} s"),
    }
}
