//! A preStop hook of 40 s against a grace period of 30 s and of 50 s.

use super::{Judged, PublicCase, Sample, Variant};
use crate::sim::Finished;

/// See the file.
pub(super) static CASE: PublicCase = PublicCase {
    name: "prestop-grace",
    about: "Pods behind an external load balancer, preStop 40 s, grace 30 s against 50 s",
    expected: "some requests lost with 30 s (3 of 751,000), none with 50 s (of 770,000)",
    source: "dingyu.dev/en/posts/k8s-zero-downtime",
    assumed: "the load balancer's lag, 20 to 36 s, which carries the result: only the direction is judged, and each \
              loss is larger than the source's, as a whole pod's requests go wrong for as long as the lag outlasts it",
    scenario: ("public/prestop-grace.toml", include_str!("../../../scenarios/public/prestop-grace.toml")),
    variants: &[
        Variant { name: "grace 30 s", overrides: &["app.web.grace=\"30s\""] },
        Variant { name: "grace 50 s", overrides: &[] },
    ],
    seeds: 20,
    figures,
    judge,
};

/// Requests and losses.
fn figures(finished: &Finished) -> Vec<f64> {
    vec![finished.outcome.requests.sent as f64, finished.outcome.requests.lost as f64]
}

fn judge(samples: &[Sample]) -> Judged {
    let (short, long) = (&samples[0], &samples[1]);
    Judged {
        simulated: format!(
            "grace 30 s: {:.0} of {:.0} lost, in {} of {} runs; grace 50 s: {:.0} of {:.0}",
            short.total(1),
            short.total(0),
            short.above(1, 0.0),
            short.runs.len(),
            long.total(1),
            long.total(0)
        ),
        fits: short.total(1) > 0.0 && long.total(1) == 0.0 && long.total(0) > 0.0,
        why: "requests lost with 30 s, exactly none with 50 s".to_owned(),
    }
}
