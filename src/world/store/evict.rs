//! The eviction subresource and a budget's status, as the API server admits them.
//!
//! Order of the checks: `pkg/registry/core/pod/storage/eviction.go` (Kubernetes 1.20; policy from 1.26).

use super::change::{ApiError, Change};
use super::objects::{BudgetObject, Disrupted, Phase};
use super::{Store, Touched};
use crate::base::{Span, Time};
use crate::world::ids::PodId;
use crate::world::spec::UnhealthyEviction;

/// More unconfirmed disrupted pods than this refuse every eviction (`MaxDisruptedPodSize`).
const DISRUPTED_MAX: usize = 2000;

impl Store {
    pub(super) fn evict(&mut self, pod: PodId, grace: Option<Span>, now: Time) -> Result<(), ApiError> {
        let object = self.pods.now(pod);
        if object.gone {
            return Err(ApiError::NotFound);
        }
        let past_budgets = object.deleting.is_some() || !matches!(object.phase, Phase::Running);
        let budgets = &self.app_facts[object.app].budgets;
        if past_budgets || budgets.is_empty() {
            return self.delete_pod(pod, grace, now);
        }
        let [budget] = budgets[..] else { return Err(ApiError::SeveralBudgets) };
        let status = self.budgets.now(budget);
        if !object.ready {
            let free = match self.budget_facts[budget].unhealthy {
                UnhealthyEviction::AlwaysAllow if self.knows_eviction_policy => true,
                UnhealthyEviction::AlwaysAllow | UnhealthyEviction::IfHealthyBudget => {
                    status.desired > 0 && status.healthy >= status.desired
                }
            };
            if free {
                return self.delete_pod(pod, grace, now);
            }
        }
        if status.disrupted.len() > DISRUPTED_MAX {
            return Err(ApiError::Forbidden);
        }
        if status.allowed == 0 {
            return Err(ApiError::TooManyRequests);
        }
        self.budgets.change(budget, self.revision, |status| {
            status.allowed -= 1;
            status.disrupted.push(Disrupted { pod, at: now });
        });
        self.touch(Touched::Budget(budget));
        self.delete_pod(pod, grace, now)
    }

    pub(super) fn budget_status(&mut self, change: &Change) -> Result<(), ApiError> {
        let Change::BudgetStatus { budget, allowed, healthy, desired, expected, disrupted, known } = change else {
            return Err(ApiError::NotFound);
        };
        if self.budgets.since(*budget) != *known {
            return Err(ApiError::Conflict);
        }
        let status = BudgetObject {
            allowed: *allowed,
            healthy: *healthy,
            desired: *desired,
            expected: *expected,
            disrupted: disrupted.clone(),
        };
        self.budgets.change(*budget, self.revision, |current| *current = status);
        self.touch(Touched::Budget(*budget));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Id, IntOrPercent};
    use crate::world::ids::{AppId, BudgetId, NodeId, SetId};
    use crate::world::spec::{BudgetRule, BudgetSpec};
    use crate::world::store::NodeObject;
    use crate::world::testkit::small_spec;

    /// A store with one running pod on one node under these budgets; its status allows `allowed` disruptions.
    fn store(policies: &[UnhealthyEviction], allowed: u32, ready: bool) -> (Store, PodId) {
        let mut spec = small_spec();
        let budget = |unhealthy: &UnhealthyEviction| BudgetSpec {
            name: "web".to_owned(),
            apps: vec![AppId(0)],
            rule: BudgetRule::MinAvailable(IntOrPercent::Int(1)),
            unhealthy: *unhealthy,
        };
        spec.budgets = policies.iter().map(budget).collect();
        let mut store = Store::new(&spec);
        let node = store.add_machine(NodeObject::unregistered());
        let pod = PodId(0);
        let mut changes = vec![
            Change::CreatePod { set: SetId(0) },
            Change::Bind { pod, node: NodeId(0) },
            Change::PodStatus { pod, phase: Phase::Running, ready },
        ];
        assert_eq!(node, NodeId(0));
        changes.extend((0..policies.len()).map(|index| Change::BudgetStatus {
            budget: BudgetId::from_index(index),
            allowed,
            healthy: 0,
            desired: 1,
            expected: 1,
            disrupted: Vec::new(),
            known: super::super::Revision(1),
        }));
        for change in changes {
            store.apply(&change, Time::ZERO).expect("the first state is consistent");
        }
        (store, pod)
    }

    fn evict(store: &mut Store, pod: PodId) -> Result<(), ApiError> {
        store.apply(&Change::Evict { pod, grace: None }, Time::ZERO).map(|_| ())
    }

    /// Source: `pkg/registry/core/pod/storage/eviction.go`, `checkAndDecrement`.
    #[test]
    fn a_granted_eviction_takes_one_from_the_budget_until_it_is_spent() {
        let (mut store, pod) = store(&[UnhealthyEviction::IfHealthyBudget], 1, true);
        assert_eq!(evict(&mut store, pod), Ok(()));
        let status = store.budgets().now(BudgetId(0));
        assert_eq!((status.allowed, status.disrupted.len()), (0, 1));
        assert!(store.pods().now(pod).deleting.is_some());
        let (mut spent, pod) = self::store(&[UnhealthyEviction::IfHealthyBudget], 0, true);
        assert_eq!(evict(&mut spent, pod), Err(ApiError::TooManyRequests));
        assert!(spent.pods().now(pod).deleting.is_none(), "a refused eviction changes nothing");
    }

    /// Source: the same file: more than one budget is an internal server error.
    #[test]
    fn two_budgets_on_one_pod_refuse_for_ever_and_a_plain_delete_passes() {
        let both = [UnhealthyEviction::IfHealthyBudget; 2];
        let (mut store, pod) = store(&both, 5, true);
        assert_eq!(evict(&mut store, pod), Err(ApiError::SeveralBudgets));
        assert!(store.apply(&Change::DeletePod { pod, grace: None }, Time::ZERO).is_ok());
    }

    /// Source: KEP-3017, on from 1.27.
    #[test]
    fn a_pod_that_is_not_ready_always_goes_under_the_policy_that_says_so_from_1_27() {
        let (mut store, pod) = store(&[UnhealthyEviction::AlwaysAllow], 0, false);
        assert_eq!(evict(&mut store, pod), Err(ApiError::TooManyRequests));
        store.honour_eviction_policy(true);
        assert_eq!(evict(&mut store, pod), Ok(()));
    }

    /// Source: the same file: pending, finished and terminating pods are deleted without a look at budgets.
    #[test]
    fn a_terminating_pod_is_past_all_budgets() {
        let (mut store, pod) = store(&[UnhealthyEviction::IfHealthyBudget], 1, true);
        assert_eq!(evict(&mut store, pod), Ok(()));
        assert_eq!(evict(&mut store, pod), Ok(()), "asked again, with nothing left in the budget");
    }
}
