//! All workers cordoned together and drained, while budgets keep a pod on some.

use super::history::records;
use super::{Judged, PLAIN, PublicCase, Sample};
use crate::sim::Finished;
use crate::sim::outcome::UpgradeResult;
use crate::world::fact::Fact;

/// Workers of the scenario.
const WORKERS: f64 = 3.0;

/// See the file.
pub(super) static CASE: PublicCase = PublicCase {
    name: "drain-deadlock",
    about: "Three workers cordoned together and drained, two apps of two replicas with minAvailable 1",
    expected: "a deadlock with all nodes cordoned, found as a stall that names the budget, no endless run",
    source: "kube-hetzner/terraform-hcloud-kube-hetzner issue 1507",
    assumed: "size and apps; one kubectl drain of all nodes, which cordons them together and evicts node after node, \
              where the source's jobs evicted on all at the same time",
    scenario: ("public/drain-deadlock.toml", include_str!("../../../scenarios/public/drain-deadlock.toml")),
    variants: PLAIN,
    seeds: 10,
    figures,
    judge,
};

/// Whether the plan stalled, whether the blocker is a budget, nodes cordoned, minutes until the stall was found.
fn figures(finished: &Finished) -> Vec<f64> {
    let upgrade = &finished.outcome.upgrade;
    let flag = |so: bool| f64::from(u8::from(so));
    let cordons = records(finished)
        .iter()
        .filter(|record| matches!(record.fact, Fact::NodeCordoned { unschedulable: true, .. }))
        .count();
    vec![
        flag(upgrade.result == UpgradeResult::Stalled),
        flag(upgrade.blocker.as_ref().is_some_and(|blocker| blocker.starts_with("budget "))),
        cordons as f64,
        finished.outcome.sim_seconds / 60.0,
    ]
}

fn judge(samples: &[Sample]) -> Judged {
    let sample = &samples[0];
    let all = |figure: usize, value: f64| sample.all_within(figure, value, value);
    let (soonest, latest) = sample.range(3);
    Judged {
        simulated: format!(
            "{:.0} of {} runs stalled, {:.0} with a budget as the blocker, {:.0} nodes cordoned (median), ended after \
             {soonest:.0} to {latest:.0} min",
            sample.total(0),
            sample.runs.len(),
            sample.total(1),
            sample.median(2)
        ),
        fits: all(0, 1.0) && all(1, 1.0) && all(2, WORKERS),
        why: "every run stalls, blocked by a budget, with every worker cordoned".to_owned(),
    }
}
