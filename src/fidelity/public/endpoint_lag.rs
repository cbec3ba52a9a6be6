//! 200,000 requests through a rolling update, without and with a preStop hook that outlasts the endpoints' lag.

use super::{Judged, PublicCase, Sample, Variant};
use crate::sim::Finished;

/// Share of requests that may be lost without the hook, from and to.
const SHARE: (f64, f64) = (0.001, 0.005);

/// See the file.
pub(super) static CASE: PublicCase = PublicCase {
    name: "endpoint-lag",
    about: "200,000 requests through a rolling update of a server that finishes what it has, without and with preStop",
    expected: "some 500 lost (0.25 %) without; none with a hook longer than the lag",
    source: "kubernetes/ingress-nginx issue 322",
    assumed: "rate (2,000/s) and lag (0.1 to 0.3 s), whose product is what is lost; new connections from eight nodes",
    scenario: ("public/endpoint-lag.toml", include_str!("../../../scenarios/public/endpoint-lag.toml")),
    variants: &[
        Variant { name: "no preStop", overrides: &[] },
        Variant { name: "preStop 5 s", overrides: &["app.web.pre_stop=\"5s\""] },
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
    let (without, with) = (&samples[0], &samples[1]);
    let (share, (low, high)) = (without.total(1) / without.total(0), SHARE);
    let (least, most) = without.range(1);
    Judged {
        simulated: format!(
            "{:.3} % lost without ({least:.0} to {most:.0} of {:.0}), {:.0} of {:.0} with",
            share * 100.0,
            without.median(0),
            with.total(1),
            with.total(0)
        ),
        fits: (low..=high).contains(&share) && with.total(1) == 0.0 && with.total(0) > 0.0,
        why: format!("{:.1} to {:.1} % without, exactly none with", low * 100.0, high * 100.0),
    }
}
