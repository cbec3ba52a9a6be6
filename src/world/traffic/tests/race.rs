//! The race of a listener's close against the removal of its address, where theory knows the answer.

use super::scene::{Scene, one_group, rate, sigterm_is};
use crate::base::{Name, Span};
use crate::engine::{Dist, Draws, normal_quantile};
use crate::world::fact::Loss;
use crate::world::ids::AppId;
use crate::world::spec::OnSigterm;
use crate::world::store::Endpoint;

const CLOSE: Span = Span::millis(5_000);
const REMOVAL: Span = Span::millis(15_000);

/// A pod gets SIGTERM at once and reacts after an exponential time; the client's rules follow after another. Every
/// trial is a scene and a seed of its own. The mean count of refused requests and the half width of its 99.99 %
/// interval.
fn refused(trials: u64) -> (f64, f64) {
    let spec = one_group(|spec, group| {
        sigterm_is(spec, OnSigterm::Exit);
        let app = &mut spec.apps[AppId(0)];
        (app.reaction, app.latency) = (Dist::Exponential { base: Span::ZERO, mean: CLOSE }, Dist::Fixed(Span::ZERO));
        rate(group, 2);
    });
    let removal = Dist::Exponential { base: Span::ZERO, mean: REMOVAL };
    let (mut sum, mut squares) = (0.0, 0.0);
    for trial in 0..trials {
        let mut scene = Scene::new(spec.clone(), trial, 2);
        let pod = scene.pods[0];
        scene.endpoint(pod, Endpoint::Absent);
        scene.act(1_000, |traffic, ctx| traffic.sigterm(pod, ctx));
        let lag = removal.sample(&mut Draws::new(trial, 1).at(0, Name::new("removal"), 0));
        // The scene's clock knows whole milliseconds.
        let lag = (lag.as_nanos() + 500_000) / 1_000_000;
        scene.program(1_000 + lag);
        let ledger = scene.finish(1_000 + lag);
        let refused = ledger.lost_by(Loss::Refused) as f64;
        sum += refused;
        squares += refused * refused;
    }
    let count = trials as f64;
    let mean = sum / count;
    let deviation = libm::sqrt((squares / count - mean * mean) / count);
    (mean, normal_quantile(0.999_95) * deviation)
}

/// Half of 2 requests a second go to the pod. The rules lag behind the listener with probability c / (c + r), and
/// then by an exponential time of rate r.
fn expected() -> f64 {
    let [c, r] = [CLOSE, REMOVAL].map(|mean| 1.0 / mean.as_secs_f64());
    c / (r * (c + r))
}

#[test]
fn a_pod_refuses_as_many_requests_before_the_rules_follow_as_theory_says() {
    let (mean, half) = refused(40_000);
    assert!((mean - expected()).abs() < half, "{} instead of {mean} +- {half}", expected());
    assert!(half < 0.04 * expected(), "{half} is too wide");
}

#[test]
#[ignore = "takes minutes: .ci/soak closed-forms"]
fn a_million_pods_refuse_as_many_requests_as_theory_says() {
    let (mean, half) = refused(1_000_000);
    println!("refused requests: {:.4}, simulated {:.4} to {:.4}", expected(), mean - half, mean + half);
    assert!((mean - expected()).abs() < half, "{} instead of {mean} +- {half}", expected());
}
