//! How many pods a ReplicaSet has, and how two of them move towards what is wanted of each.

use crate::base::{Span, Time};
use crate::world::ids::{AppId, SetId};
use crate::world::reported::Reported;

/// A ReplicaSet's pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// `spec.replicas`.
    pub spec: u32,
    /// Ready for `minReadySeconds`.
    pub available: u32,
}

/// The counts of a set, and when the next of its pods becomes available by itself.
pub fn count(app: AppId, set: SetId, min_ready: Span, seen: &Reported<'_>) -> (Count, Time) {
    let store = seen.store();
    let mut next = Time::NEVER;
    let mut available = 0;
    for pod in store.pods_of(app).iter().map(|pod| store.pods().now(*pod)) {
        if pod.set != set || !pod.is_healthy() {
            continue;
        }
        match pod.ready_since + min_ready {
            at if at <= seen.now => available += 1,
            at => next = next.min(at),
        }
    }
    (Count { spec: store.sets().now(set).replicas, available }, next)
}

/// The next scaling on the way to `wanted` replicas of the canary and of the stable set, within a surge and an
/// unavailability of `replicas`: the canary's new count, or the stable set's. Source: argo-rollouts
/// `utils/replicaset/canary.go`, `CalculateReplicaCountsForBasicCanary`.
pub fn toward(
    (canary, stable): (Count, Count),
    wanted: (u32, u32),
    replicas: u32,
    (surge, unavailable): (u32, u32),
) -> Option<(bool, u32)> {
    // Pods that were told to go already count for nothing: `GetReplicasForScaleDown`.
    let capped = |of: Count| Count { available: of.available.min(of.spec), ..of };
    let (canary, stable) = (capped(canary), capped(stable));
    let room = (replicas + surge).saturating_sub(canary.spec + stable.spec);
    if canary.spec < wanted.0 && room > 0 {
        return Some((true, (canary.spec + room).min(wanted.0)));
    }
    if stable.spec < wanted.1 && room > 0 {
        return Some((false, (stable.spec + room).min(wanted.1)));
    }
    let spare = (canary.available + stable.available).saturating_sub(replicas.saturating_sub(unavailable));
    let fewer = |of: Count, wanted: u32| {
        let unhealthy = of.spec.saturating_sub(of.available);
        let gone = (unhealthy + spare).min(of.spec.saturating_sub(wanted));
        (gone > 0).then(|| of.spec - gone)
    };
    // An unhealthy pod of the set that grows is one on its way.
    if let Some(to) = fewer(stable, wanted.1) {
        return Some((false, to));
    }
    fewer(canary, wanted.0).map(|to| (true, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(spec: u32, available: u32) -> Count {
        Count { spec, available }
    }

    /// Runs to the end with pods that become available at once; the fewest available on the way, and the most at all.
    fn run(wanted: (u32, u32), replicas: u32, posts: (u32, u32)) -> ((u32, u32), u32, u32) {
        let (mut canary, mut stable) = (count(0, 0), count(replicas, replicas));
        let (mut fewest, mut most) = (replicas, replicas);
        while let Some((of_canary, to)) = toward((canary, stable), wanted, replicas, posts) {
            let of = if of_canary { &mut canary } else { &mut stable };
            // Pods that go are gone before pods that come are there.
            of.available = of.available.min(to);
            of.spec = to;
            fewest = fewest.min(canary.available + stable.available);
            most = most.max(canary.spec + stable.spec);
            canary.available = canary.spec;
            stable.available = stable.spec;
        }
        ((canary.spec, stable.spec), fewest, most)
    }

    #[test]
    fn a_weight_without_a_router_is_a_share_of_the_pods_within_surge_and_unavailability() {
        assert_eq!(run((2, 8), 10, (3, 2)), ((2, 8), 10, 12));
        assert_eq!(run((10, 0), 10, (3, 2)).0, (10, 0));
        let (end, fewest, most) = run((10, 0), 10, (0, 1));
        assert_eq!((end, fewest, most), ((10, 0), 9, 10));
    }

    #[test]
    fn pods_that_were_told_to_go_are_not_counted_again() {
        let (canary, stable) = (count(5, 2), count(6, 8));
        assert_eq!(toward((canary, stable), (10, 0), 10, (1, 2)), None);
    }

    #[test]
    fn a_canary_that_is_never_available_takes_no_more_than_may_be_missing() {
        let (canary, stable) = (count(2, 0), count(8, 8));
        assert_eq!(toward((canary, stable), (5, 5), 10, (0, 2)), None);
    }
}
