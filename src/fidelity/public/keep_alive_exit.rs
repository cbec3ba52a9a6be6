//! Two replicas under 3,800 requests/s over kept-alive connections, replaced one after the other; the process exits at
//! SIGTERM.

use super::history::records;
use super::{Judged, PLAIN, PublicCase, Sample};
use crate::sim::Finished;
use crate::world::fact::{Fact, Loss};

/// Share of requests that may be reset, from and to.
const SHARE: (f64, f64) = (0.000_1, 0.000_5);
/// Connections of each pod, as the source's resets say, and the factor that the simulated resets may be off.
const CONNECTIONS: (f64, f64) = (52.0, 2.0);

/// See the file.
pub(super) static CASE: PublicCase = PublicCase {
    name: "keep-alive-exit",
    about: "Two replicas, 3,800 requests/s over kept-alive connections, exit at SIGTERM, both replaced",
    expected: "105 resets of some 456,000 requests (0.023 %), about 52 a pod",
    source: "wso2/api-platform issues 2121 and 2122",
    assumed: "104 connections in a closed loop (latency 27 ms); an open loop in the model, so the second pod to go \
              carries more than half",
    scenario: ("public/keep-alive-exit.toml", include_str!("../../../scenarios/public/keep-alive-exit.toml")),
    variants: PLAIN,
    seeds: 20,
    figures,
    judge,
};

/// Requests, resets, refusals, pods that went.
fn figures(finished: &Finished) -> Vec<f64> {
    let requests = &finished.outcome.requests;
    let lost = |loss: Loss| requests.by_cause.get(loss.name()).copied().unwrap_or(0) as f64;
    let gone = records(finished).iter().filter(|record| matches!(record.fact, Fact::PodTerminating { .. })).count();
    vec![requests.sent as f64, lost(Loss::Reset), lost(Loss::Refused), gone as f64]
}

fn judge(samples: &[Sample]) -> Judged {
    let sample = &samples[0];
    let share = sample.total(1) / sample.total(0);
    let each = sample.total(1) / sample.total(3);
    let ((low, high), (connections, factor)) = (SHARE, CONNECTIONS);
    Judged {
        simulated: format!(
            "{:.0} resets (median) of {:.0} requests, {:.4} %, {each:.0} a pod; {:.0} refused beside",
            sample.median(1),
            sample.median(0),
            share * 100.0,
            sample.median(2)
        ),
        fits: (low..=high).contains(&share) && (connections / factor..=connections * factor).contains(&each),
        why: format!(
            "{:.2} to {:.2} % reset, and {:.0} to {:.0} a pod",
            low * 100.0,
            high * 100.0,
            connections / factor,
            connections * factor
        ),
    }
}
