//! Intervals over runs of the simulator hold the true rate as often as they say.
//!
//! The truth is a closed form: one of the members of etcd stops by a rate, so that a run in which it never does has
//! probability exp(-T / mean), T being the length of the run.

use rayon::prelude::*;
use rollproof::api::{Fault, Law};
use rollproof::scenario::Scenario;
use rollproof::sim::outcome::Verdict;
use rollproof::statistics::binomial::{clopper_pearson, fewest};
use rollproof::statistics::sequential::{Count, Decision, RateTest, confidence_sequence};

const CONFIDENCE: f64 = 0.95;
/// The mean between two stops of the member, and the length of a run, in seconds.
const MEAN: f64 = 3_000.0;
const LENGTH: f64 = 720.0;
/// Seeds of a repetition at most.
const SEEDS: u64 = 100;

/// A cluster that nobody upgrades, one of whose members stops now and then.
fn plan() -> Scenario {
    Scenario::builder("coverage")
        .version("1.30.4", "1.30.4")
        .strategy("none")
        .set("limits.horizon='12m'")
        .set("objective.laws=[]")
        .fault(Fault::new("etcd-member-stop").target("master-2").every("50m"))
        .law(Law::always("all of etcd is up", |truth| truth.etcd_margin() >= 1))
        .build()
        .expect("it is valid")
}

/// The share of runs in which the member stops.
fn truth() -> f64 {
    1.0 - libm::exp(-LENGTH / MEAN)
}

/// What one repetition's seeds say, one after another.
fn failures(plan: &Scenario, repetition: u64) -> Vec<bool> {
    let seeds = repetition * SEEDS + 1..=(repetition + 1) * SEEDS;
    let fails = |seed| {
        let outcome = plan.run(seed).expect("it runs");
        assert!((outcome.sim_seconds - LENGTH).abs() < 1e-6, "{}", outcome.sim_seconds);
        outcome.verdict == Verdict::Refuted
    };
    seeds.map(fails).collect()
}

/// What a repetition comes to: whether its intervals hold the truth, and whether its test decides wrongly.
struct Told {
    /// After all of its seeds.
    fixed: bool,
    /// When a sequential test has had enough, whenever that is.
    stopped: bool,
    wrong: [bool; 2],
}

fn told(failures: &[bool]) -> Told {
    let truth = truth();
    let failed = failures.iter().filter(|failed| **failed).count() as u64;
    // A bound below the truth and one above it; each may be decided wrongly with its risk.
    let tests = [truth - 0.06, truth + 0.06].map(|bound| RateTest { bound, risk: 1.0 - CONFIDENCE });
    let stop = |test: &RateTest| {
        let mut count = Count::default();
        let mut decision = None;
        for failed in failures {
            count.push(*failed);
            decision = test.decide(count);
            if decision.is_some() {
                break;
            }
        }
        (count, decision)
    };
    let [below, above] = tests.each_ref().map(stop);
    let sequence = |count| confidence_sequence(count, CONFIDENCE).contains(truth);
    Told {
        fixed: clopper_pearson(failed, SEEDS, CONFIDENCE).contains(truth),
        stopped: sequence(below.0) && sequence(above.0),
        wrong: [below.1 == Some(Decision::Below), above.1 == Some(Decision::Above)],
    }
}

/// Of so many repetitions no fewer hold the truth than would by chance in one of a thousand tests at most.
fn covers(repetitions: u64) {
    let plan = plan();
    let all: Vec<Told> = (0..repetitions).into_par_iter().map(|number| told(&failures(&plan, number))).collect();
    let count = |which: &dyn Fn(&Told) -> bool| all.iter().filter(|told| which(told)).count() as u64;
    let least = fewest(repetitions, CONFIDENCE, 0.001);
    let (fixed, stopped) = (count(&|told| told.fixed), count(&|told| told.stopped));
    let wrong = [0, 1].map(|side| count(&|told| told.wrong[side]));
    assert!(fixed >= least, "Clopper-Pearson: {fixed} of {repetitions}, fewer than {least}");
    assert!(stopped >= least, "anytime-valid: {stopped} of {repetitions}, fewer than {least}");
    assert!(wrong.iter().all(|wrong| repetitions - wrong >= least), "wrong decisions: {wrong:?}");
}

#[test]
fn a_thousand_intervals_hold_the_true_rate_as_often_as_they_say() {
    covers(1_000);
}

#[test]
fn an_interval_that_promises_too_much_is_found_out() {
    // An interval of 50 %, taken for one of 95 %: the limit is not so low that anything passes.
    let plan = plan();
    let truth = truth();
    let narrow = |number| {
        let failed = failures(&plan, number).iter().filter(|failed| **failed).count() as u64;
        clopper_pearson(failed, SEEDS, 0.5).contains(truth)
    };
    let held = (0..60_u64).into_par_iter().filter(|number| narrow(*number)).count() as u64;
    assert!(held < fewest(60, CONFIDENCE, 0.001), "{held} of 60");
}
