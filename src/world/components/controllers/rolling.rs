//! The arithmetic of a rolling update: pure functions over replica counts.
//!
//! Source: `pkg/controller/deployment/rolling.go`, `util/deployment_util.go`.

use crate::world::spec::RolloutSpec;

/// A ReplicaSet's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// `spec.replicas`.
    pub(super) spec: u32,
    /// `status.availableReplicas`.
    pub(super) available: u32,
}

/// What one sync of a Deployment does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Scales the new ReplicaSet.
    New(u32),
    /// Scales old ReplicaSets to these counts, in the order given.
    Old(Vec<u32>),
    /// Nothing for now.
    Wait,
}

/// `maxSurge` (rounded up) and `maxUnavailable` (rounded down) of this many replicas; if both come out as 0 one pod
/// may be unavailable. Source: `deployment_util.go` `ResolveFenceposts`.
pub(super) fn fenceposts(rollout: &RolloutSpec, replicas: u32) -> (u32, u32) {
    let surge = rollout.max_surge.of_rounding_up(replicas);
    let unavailable = rollout.max_unavailable.of_rounding_down(replicas);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable.min(replicas)) }
}

/// The next step; `old` is oldest first.
pub(super) fn step(replicas: u32, (surge, unavailable): (u32, u32), new: Part, old: &[Part]) -> Step {
    let total = new.spec + old.iter().map(|part| part.spec).sum::<u32>();
    if new.spec > replicas {
        return Step::New(replicas);
    }
    let room = (replicas + surge).saturating_sub(total).min(replicas - new.spec);
    if room > 0 {
        return Step::New(new.spec + room);
    }
    let min_available = replicas.saturating_sub(unavailable);
    let new_unavailable = new.spec.saturating_sub(new.available);
    let can_go = total.saturating_sub(min_available).saturating_sub(new_unavailable);
    if can_go == 0 {
        return Step::Wait;
    }
    let mut targets: Vec<u32> = old.iter().map(|part| part.spec).collect();
    // Pods that serve nobody go first: `cleanupUnhealthyReplicas`.
    let mut left = can_go;
    for (target, part) in targets.iter_mut().zip(old) {
        let gone = part.spec.saturating_sub(part.available).min(left);
        *target -= gone;
        left -= gone;
    }
    // Then those beyond what must stay available: `scaleDownOldReplicaSetsForRollingUpdate`.
    let available = new.available + old.iter().map(|part| part.available).sum::<u32>();
    let mut left = available.saturating_sub(min_available);
    for target in &mut targets {
        let gone = (*target).min(left);
        *target -= gone;
        left -= gone;
    }
    let same = targets.iter().zip(old).all(|(target, part)| *target == part.spec);
    if same { Step::Wait } else { Step::Old(targets) }
}

/// Spreads a new total over the ReplicaSets in proportion when a Deployment is scaled in the middle of a roll: each
/// gets its share of the difference, rounded, the largest first, and the first takes what is left over. `parts` are
/// `spec.replicas`; `was` is the total they were scaled for, `allowed` the new total, surge included in both.
/// Source: `deployment_util.go` `GetProportion`, `sync.go` `scale`.
pub(super) fn proportional(parts: &[u32], was: u32, allowed: u32) -> Vec<u32> {
    let total: i64 = parts.iter().map(|part| i64::from(*part)).sum();
    let mut left = i64::from(allowed) - total;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let grows = left > 0;
    // Newer sets (later in the list) come first among equals when growing, older ones when shrinking.
    order.sort_by_key(|i| (std::cmp::Reverse(parts[*i]), if grows { parts.len() - i } else { *i }));
    let mut targets: Vec<i64> = parts.iter().map(|part| i64::from(*part)).collect();
    for i in &order {
        let size = i64::from(parts[*i]);
        if size == 0 || left == 0 {
            continue;
        }
        let wanted = rounded(size * i64::from(allowed), i64::from(was.max(1))) - size;
        let share = if left > 0 { wanted.clamp(0, left) } else { wanted.clamp(left, 0) };
        targets[*i] += share;
        left -= share;
    }
    if let Some(first) = order.first() {
        targets[*first] = (targets[*first] + left).max(0);
    }
    targets.into_iter().map(|target| target as u32).collect()
}

/// `a / b` to the nearest, halves up; `b` above zero.
fn rounded(a: i64, b: i64) -> i64 {
    (2 * a + b).div_euclid(2 * b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::IntOrPercent;

    fn part(spec: u32, available: u32) -> Part {
        Part { spec, available }
    }

    /// A second, literal version of `rolling.go`, in signed numbers and one set at a time.
    fn literal(replicas: i64, surge: i64, unavailable: i64, new: (i64, i64), old: &[(i64, i64)]) -> Vec<i64> {
        let all: i64 = new.0 + old.iter().map(|o| o.0).sum::<i64>();
        let mut result: Vec<i64> = std::iter::once(new.0).chain(old.iter().map(|o| o.0)).collect();
        let max_total = replicas + surge;
        let mut new_count = new.0;
        if new.0 > replicas {
            new_count = replicas;
        } else if new.0 < replicas && all < max_total {
            new_count = new.0 + std::cmp::min(max_total - all, replicas - new.0);
        }
        if new_count != new.0 {
            result[0] = new_count;
            return result;
        }
        let max_scaled_down = all - (replicas - unavailable) - (new.0 - new.1);
        if max_scaled_down <= 0 {
            return result;
        }
        let mut total = 0;
        for (i, o) in old.iter().enumerate() {
            if total >= max_scaled_down {
                break;
            }
            if o.0 == 0 || o.0 == o.1 {
                continue;
            }
            let down = std::cmp::min(max_scaled_down - total, o.0 - o.1);
            result[i + 1] -= down;
            total += down;
        }
        let available = new.1 + old.iter().map(|o| o.1).sum::<i64>();
        if available <= replicas - unavailable {
            return result;
        }
        let down_all = available - (replicas - unavailable);
        let mut total = 0;
        for target in result.iter_mut().skip(1) {
            if total >= down_all {
                break;
            }
            let down = std::cmp::min(*target, down_all - total);
            *target -= down;
            total += down;
        }
        result
    }

    #[test]
    fn a_rolling_step_agrees_with_a_literal_second_version_in_all_small_cases() {
        let mut cases = 0;
        for (replicas, surge, unavailable) in
            [(1, 1, 0), (2, 0, 1), (3, 1, 0), (3, 1, 1), (4, 1, 1), (5, 2, 1), (4, 4, 0)]
        {
            for new in 0..=replicas + 1 {
                for new_up in 0..=new {
                    for a in 0..=replicas {
                        for b in 0..=2 {
                            for (a_up, b_up) in [(a, b), (a / 2, b), (a, 0), (0, 0), (a.min(1), b.min(1))] {
                                let (news, olds) = (part(new, new_up), [part(a, a_up), part(b, b_up)]);
                                let mut got = vec![new, a, b];
                                match step(replicas, (surge, unavailable), news, &olds) {
                                    Step::New(to) => got[0] = to,
                                    Step::Old(to) => got[1..].copy_from_slice(&to),
                                    Step::Wait => {}
                                }
                                let n = |x: u32| i64::from(x);
                                let want = literal(
                                    n(replicas),
                                    n(surge),
                                    n(unavailable),
                                    (n(new), n(new_up)),
                                    &[(n(a), n(a_up)), (n(b), n(b_up))],
                                );
                                let got: Vec<i64> = got.into_iter().map(i64::from).collect();
                                assert_eq!(got, want, "{replicas} {surge} {unavailable} {news:?} {olds:?}");
                                cases += 1;
                            }
                        }
                    }
                }
            }
        }
        assert!(cases > 3000, "{cases}");
    }

    #[test]
    fn fenceposts_round_surge_up_and_unavailable_down_and_never_forbid_both() {
        let rollout = |surge, unavailable| RolloutSpec {
            max_surge: IntOrPercent::Percent(surge),
            max_unavailable: IntOrPercent::Percent(unavailable),
            ..RolloutSpec::DEFAULT
        };
        assert_eq!(fenceposts(&rollout(25, 25), 3), (1, 0));
        assert_eq!(fenceposts(&rollout(25, 25), 10), (3, 2));
        assert_eq!(fenceposts(&rollout(0, 25), 3), (0, 1));
    }

    #[test]
    fn scaling_in_mid_roll_keeps_the_proportions_and_the_total() {
        // The example of the Deployment documentation ("Proportional scaling"): 10 replicas, surge 3, 8 old and 5 new
        // pods; scaled to 15 the 5 more go 3 to the larger and 2 to the smaller set.
        assert_eq!(proportional(&[8, 5], 13, 18), vec![11, 7]);
        for was in 1..12_u32 {
            for a in 0..=was {
                for allowed in 0..20 {
                    let parts = [a, was - a];
                    let targets = proportional(&parts, was, allowed);
                    assert_eq!(targets.iter().sum::<u32>(), allowed, "{parts:?} to {allowed}");
                }
            }
        }
    }
}
