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
                UnhealthyEviction::AlwaysAllow => true,
                UnhealthyEviction::IfHealthyBudget => status.desired > 0 && status.healthy >= status.desired,
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
