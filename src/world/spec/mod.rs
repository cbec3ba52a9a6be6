//! What was asked for, resolved: every default filled in, every number checked. Plain data that a run reads.

mod app;
mod cluster;
mod probe;
mod traffic;
mod webhook;

pub use app::*;
pub use cluster::*;
pub use probe::*;
pub use traffic::*;
pub use webhook::*;

use crate::base::{IdVec, Span};
use crate::world::ids::{AppId, GroupId, PoolId, ProbeId, WebhookId};

/// A cluster, its apps and its users, as a run begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The control plane.
    pub control_plane: ControlPlaneSpec,
    /// Machine groups, masters' excepted, in the scenario's order.
    pub pools: IdVec<PoolId, PoolSpec>,
    /// Workloads in the scenario's order.
    pub apps: IdVec<AppId, AppSpec>,
    /// Budgets, each over one app or more.
    pub budgets: Vec<BudgetSpec>,
    /// Client groups of all apps.
    pub groups: IdVec<GroupId, GroupSpec>,
    /// Measuring clients of the control plane; none unless asked for.
    pub probes: IdVec<ProbeId, PlaneProbeSpec>,
    /// Admission webhooks; none unless asked for.
    pub webhooks: IdVec<WebhookId, WebhookSpec>,
    /// Machines that the account may run, masters among them; `None`: any number.
    pub quota: Option<u32>,
    /// Timings that no version fixes: networks, disks, machines.
    pub timings: Timings,
    /// A run that lasts longer is undecided.
    pub horizon: Span,
    /// Traffic goes on this long after the plan has ended.
    pub tail: Span,
}

impl Spec {
    /// Whether some webhook may refuse the renewals of nodes' leases: then each is a write of its own.
    pub fn asks_about_leases(&self) -> bool {
        self.may_refuse("UPDATE", "leases")
    }
    /// Whether some webhook may refuse such writes.
    pub fn may_refuse(&self, operation: &str, resource: &str) -> bool {
        let matches = |webhook: &WebhookSpec| webhook.rules.iter().any(|rule| rule.matches(operation, resource));
        self.webhooks.iter().any(|webhook| webhook.fails && matches(webhook))
    }
    /// Whether an app's pods may run on machines of this pool; `None` are masters.
    pub fn suits(&self, app: &AppSpec, pool: Option<PoolId>) -> bool {
        let WorkloadKind::DaemonSet { everywhere: true } = app.kind else {
            return match (app.pool, pool) {
                (Some(own), _) => pool == Some(own),
                (None, Some(pool)) => self.pools[pool].runs_apps,
                (None, None) => self.control_plane.schedulable,
            };
        };
        app.pool.is_none_or(|own| pool == Some(own))
    }
}
