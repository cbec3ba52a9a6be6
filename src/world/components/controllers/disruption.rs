//! Disruption controller: keeps each PodDisruptionBudget's status.
//!
//! Source: `pkg/controller/disruption/disruption.go` `trySync`, `getExpectedPodCount`, `buildDisruptedPodMap`,
//! `countHealthyPods`, `updatePdbStatus`.

use super::ControllersEvent;
use super::Key;
use super::cache::Cache;
use super::desk::Desk;
use super::workqueue::Workqueue;
use crate::base::{Id, IntOrPercent, Span, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::BudgetId;
use crate::world::spec::{BudgetRule, BudgetSpec};
use crate::world::store::{BudgetObject, Change, Disrupted};

/// A pod whose eviction was granted and that is not being deleted after this long counts as healthy again.
/// Source: `disruption.go` `DeletionTimeout`.
const DELETION_TIMEOUT: Span = Span::secs(120);

/// What a budget's pods and their controllers add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// Pods that match, terminating ones included.
    pub(super) pods: u32,
    /// Sum of `spec.replicas` of the Deployments that have a matching pod.
    pub(super) scale: u32,
    /// Ready, not terminating, not about to be deleted.
    pub(super) healthy: u32,
}

/// The status that a rule and a census give: expected, desired, allowed.
pub(super) fn arithmetic(rule: BudgetRule, census: Census) -> (u32, u32, u32) {
    let (expected, desired) = match rule {
        BudgetRule::MaxUnavailable(most) => {
            (census.scale, census.scale.saturating_sub(most.of_rounding_up(census.scale)))
        }
        BudgetRule::MinAvailable(IntOrPercent::Int(least)) => (census.pods, least),
        BudgetRule::MinAvailable(least @ IntOrPercent::Percent(_)) => {
            (census.scale, least.of_rounding_up(census.scale))
        }
    };
    let allowed = if expected == 0 { 0 } else { census.healthy.saturating_sub(desired) };
    (expected, desired, allowed)
}

/// A budget's status as this process would write it, and when to look again at its disrupted pods.
pub(super) fn wanted(
    budget: BudgetId,
    cache: &Cache,
    desk: &Desk<'_>,
    ctx: &Ctx<'_>,
) -> Option<(BudgetObject, Option<Time>)> {
    let asked = ctx.spec.budgets.get(budget.index())?;
    let known = ctx.store.budgets().at(budget, desk.cursor)?;
    let mut census = census(asked, cache, desk, ctx);
    let mut disrupted: Vec<Disrupted> = Vec::new();
    for entry in &known.disrupted {
        let Some(pod) = desk.pod(entry.pod, ctx).filter(|pod| pod.deleting.is_none()) else { continue };
        if entry.at + DELETION_TIMEOUT >= ctx.now {
            disrupted.push(*entry);
        }
        if entry.at + DELETION_TIMEOUT > ctx.now && pod.is_healthy() {
            census.healthy = census.healthy.saturating_sub(1);
        }
    }
    let recheck = disrupted.iter().map(|entry| entry.at + DELETION_TIMEOUT).min();
    let (expected, desired, allowed) = arithmetic(asked.rule, census);
    let allowed = if lacks_scale(asked, ctx) { 0 } else { allowed };
    Some((BudgetObject { allowed, healthy: census.healthy, desired, expected, disrupted }, recheck))
}

/// A DaemonSet has no scale, so that a rule by it fails (`getExpectedScale`), and allows nothing (`failSafe`).
fn lacks_scale(asked: &BudgetSpec, ctx: &Ctx<'_>) -> bool {
    let by_scale = !matches!(asked.rule, BudgetRule::MinAvailable(IntOrPercent::Int(_)));
    by_scale && asked.apps.iter().any(|app| ctx.spec.apps[*app].is_daemon())
}

fn census(asked: &BudgetSpec, cache: &Cache, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Census {
    let mut census = Census::default();
    for app in &asked.apps {
        let count = cache.app(*app);
        census.pods += count.total;
        census.healthy += count.healthy;
        if count.total > 0 {
            census.scale += ctx.store.deployments().at(*app, desk.cursor).map_or(0, |deployment| deployment.replicas);
        }
    }
    census
}

/// Queues the budget if its status is not what it should be.
pub(super) fn check(budget: BudgetId, cache: &Cache, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
    let Some((status, _)) = wanted(budget, cache, desk, ctx) else { return };
    if ctx.store.budgets().at(budget, desk.cursor) != Some(&status) {
        queue.add(Key::Budget(budget), desk, ctx);
    }
}

/// One sync of a budget.
pub(super) fn reconcile(budget: BudgetId, cache: &Cache, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
    let Some((status, recheck)) = wanted(budget, cache, desk, ctx) else { return };
    if let Some(at) = recheck {
        let at = at + Span::nanos(1);
        ctx.at(at, Event::Controllers(ControllersEvent::BudgetRecheck { master: desk.master, budget }));
    }
    if ctx.store.budgets().at(budget, desk.cursor) == Some(&status) {
        return;
    }
    let since = ctx.store.budgets().since(budget);
    // A newer version than the one it read makes the write a conflict.
    let known = if since <= desk.cursor { since } else { desk.cursor };
    let BudgetObject { allowed, healthy, desired, expected, disrupted } = status;
    let change = Change::BudgetStatus { budget, allowed, healthy, desired, expected, disrupted, known };
    queue.sent(Key::Budget(budget));
    desk.write(Key::Budget(budget), change, ctx);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second version after the documentation of PodDisruptionBudget, in tenths of a pod.
    fn naive(rule: BudgetRule, pods: u32, scale: u32, healthy: u32) -> (u32, u32, u32) {
        let up = |percent: u32| (1..=scale.max(1) * 3).find(|n| n * 100 >= scale * percent).unwrap_or(0);
        let share = |percent: u32| if scale * percent == 0 { 0 } else { up(percent) };
        let (expected, desired) = match rule {
            BudgetRule::MinAvailable(IntOrPercent::Int(n)) => (pods, n),
            BudgetRule::MinAvailable(IntOrPercent::Percent(p)) => (scale, share(p)),
            BudgetRule::MaxUnavailable(IntOrPercent::Int(n)) => (scale, scale - n.min(scale)),
            BudgetRule::MaxUnavailable(IntOrPercent::Percent(p)) => (scale, scale - share(p).min(scale)),
        };
        let spare = i64::from(healthy) - i64::from(desired);
        (expected, desired, if expected == 0 || spare < 0 { 0 } else { spare as u32 })
    }

    #[test]
    fn a_budgets_status_agrees_with_a_naive_second_version() {
        let mut cases = 0;
        for scale in 0..=9_u32 {
            for terminating in 0..=2 {
                for healthy in 0..=scale {
                    for n in [0, 1, 2, 5, 9] {
                        for p in [0, 1, 10, 25, 33, 50, 67, 99, 100, 120] {
                            let pods = if scale == 0 { 0 } else { scale + terminating };
                            for rule in [
                                BudgetRule::MinAvailable(IntOrPercent::Int(n)),
                                BudgetRule::MaxUnavailable(IntOrPercent::Int(n)),
                                BudgetRule::MinAvailable(IntOrPercent::Percent(p)),
                                BudgetRule::MaxUnavailable(IntOrPercent::Percent(p)),
                            ] {
                                let census = Census { pods, scale, healthy };
                                let want = naive(rule, pods, scale, healthy);
                                assert_eq!(arithmetic(rule, census), want, "{rule:?} {census:?}");
                                cases += 1;
                            }
                        }
                    }
                }
            }
        }
        assert!(cases >= 500, "{cases}");
    }

    #[test]
    fn the_documented_examples_of_budgets_come_out() {
        // kubernetes.io, "Specifying a Disruption Budget": 7 pods and minAvailable 50 % keep 4; maxUnavailable 30 % of
        // 7 allows 3.
        let census = |healthy| Census { pods: 7, scale: 7, healthy };
        assert_eq!(arithmetic(BudgetRule::MinAvailable(IntOrPercent::Percent(50)), census(7)), (7, 4, 3));
        assert_eq!(arithmetic(BudgetRule::MaxUnavailable(IntOrPercent::Percent(30)), census(7)), (7, 4, 3));
        assert_eq!(arithmetic(BudgetRule::MinAvailable(IntOrPercent::Int(7)), census(7)), (7, 7, 0));
    }
}
