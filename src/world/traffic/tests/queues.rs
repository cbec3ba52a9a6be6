//! Requests that wait for each other, and retries.

use super::scene::{Scene, one_group, rate, sigterm_is};
use crate::base::{Ratio, Span};
use crate::world::fact::Loss;
use crate::world::ids::AppId;
use crate::world::spec::{Arrivals, OnSigterm, Settling};
use crate::world::testkit::ms;

#[test]
fn an_app_that_is_asked_for_too_much_answers_too_late_and_so_hardly_anybody() {
    let run = |per_sec| {
        let spec = one_group(|spec, group| {
            let app = &mut spec.apps[AppId(0)];
            (app.concurrency, app.latency) = (Some(2), ms(100));
            group.arrivals = Arrivals::Constant;
            rate(group, per_sec);
        });
        let mut scene = Scene::new(spec, 4, 1);
        scene.finish(30_000)
    };
    // Two at a time, a tenth of a second each: 20 a second.
    let (easy, hard) = (run(19), run(40));
    assert_eq!(easy.lost_in_all(), 0);
    assert_eq!(hard.lost_in_all(), hard.lost_by(Loss::Overload));
    // The queue grows until its head has waited for the whole time-out; from then on all work is for nobody.
    assert!(hard.ok < 120 && hard.lost_in_all() > 1_000, "{hard:?}");
}

#[test]
fn a_retry_finds_another_pod_three_times_in_four() {
    for settling in [Settling::Interval, Settling::PerRequest] {
        let lost = |retries| {
            let spec = one_group(|spec, group| {
                sigterm_is(spec, OnSigterm::Exit);
                rate(group, 2_000);
                (group.settling, group.retries, group.retry_backoff) = (settling, retries, Span::millis(10));
            });
            let mut scene = Scene::new(spec, 4, 4);
            scene.delete_first(200);
            let ledger = scene.finish(20_000);
            (ledger.lost_in_all(), ledger.attempts - ledger.sent)
        };
        let (once, twice) = (lost(0), lost(1));
        // 2000/s x 200.5 ms / 4 = 100 failed tries, and a quarter of the 95 % of them that are repeated in time.
        assert!(once.0.abs_diff(100) < 50 && once.1 == 0, "{settling:?} {once:?}");
        assert!(twice.0.abs_diff(24) < 25 && twice.1.abs_diff(100) < 50, "{settling:?} {twice:?}");
    }
}

#[test]
fn a_retry_budget_bounds_the_retries() {
    let spec = one_group(|spec, group| {
        sigterm_is(spec, OnSigterm::Exit);
        rate(group, 1_000);
        (group.retries, group.retry_budget) = (3, Some(Ratio::from_ppm(1_000)));
    });
    let mut scene = Scene::new(spec, 4, 4);
    scene.delete_first(200);
    let ledger = scene.finish(12_000);
    assert!(ledger.attempts - ledger.sent <= 12, "{ledger:?}");
    assert!(ledger.lost_in_all() > 10);
}

#[test]
fn requests_slower_than_their_clients_wait_are_given_up() {
    let spec = one_group(|spec, _| spec.apps[AppId(0)].latency = ms(3_000));
    let mut scene = Scene::new(spec, 4, 2);
    let ledger = scene.finish(10_000);
    assert_eq!((ledger.abandoned, ledger.exposed), (ledger.sent, Span::ZERO));
}
