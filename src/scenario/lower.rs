//! From the table of a file to a scenario: one pass over all tables, everything wrong reported.

use std::sync::Arc;

use super::beside::{self, Beside};
use super::page::Page;
use super::strategy::Chosen;
use super::{
    Limits, Own, app, budget, checks, cluster, fault, hops, objective, pool, probe, rollout, strategy, traffic, webhook,
};
use crate::base::IdVec;
use crate::config::{Diagnostics, Reader, Table};
use crate::fault::FaultSpec;
use crate::strategy::delivery::Rollout;
use crate::strategy::goals;
use crate::world::spec::Spec;

/// Version of the format of scenarios.
pub const SCHEMA: u32 = 1;

/// What all parts of the lowering share.
pub(super) struct Lower<'a> {
    /// Where problems go.
    pub(super) problems: &'a Diagnostics,
    /// What the program adds to the catalogues.
    pub(super) own: &'a Own,
    /// The scenario printed back.
    pub(super) page: Page,
}

/// What a table means. Sound only if no error was reported.
pub(super) struct Lowered {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) spec: Arc<Spec>,
    pub(super) strategy: Chosen,
    pub(super) rollouts: Vec<Rollout>,
    pub(super) beside: Vec<Beside>,
    pub(super) faults: Vec<FaultSpec>,
    pub(super) objectives: objective::Objectives,
    pub(super) limits: Limits,
    pub(super) resolved: String,
}

/// Lowers the whole file. `fallback` is the name of a scenario that gives none.
pub(super) fn lower(root: &Table, fallback: &str, own: &Own, problems: &Diagnostics) -> Lowered {
    own.check(problems);
    let mut lower = Lower { problems, own, page: Page::default() };
    let mut reader = Reader::new(root, problems);
    let (name, about) = lower.head(&mut reader, fallback);
    let cluster = cluster::read(&mut lower, &reader.required("cluster"));
    let pools = pool::read(&mut lower, &reader.optional("node_pool"));
    let mut apps = app::read(&mut lower, &reader.optional("app"), &pools, &cluster.control_plane);
    let budgets = budget::read(&mut lower, &reader.optional("budget"), &apps);
    let mut strategy = strategy::read(&mut lower, &reader.required("strategy"), &pools);
    let rollouts = rollout::read(&mut lower, &reader.optional("rollout"), &mut apps);
    let objectives = objective::read(&mut lower, &reader.optional("objective"));
    let limits = objective::limits(&mut lower, &reader.optional("limits"));
    let groups = traffic::groups(&mut lower, &apps, &pools);
    let webhooks = webhook::read(&mut lower, &reader.optional("webhook"), &apps);
    let mut cluster = cluster;
    lower.walk(&mut cluster, &mut strategy);
    let mut spec = Spec {
        control_plane: cluster.control_plane,
        pools: pools.iter().map(|read| read.spec.clone()).collect(),
        apps: apps.iter().map(|read| read.spec.clone()).collect(),
        budgets,
        groups: IdVec::from_iter(groups),
        probes: IdVec::new(),
        webhooks: IdVec::from_iter(webhooks),
        quota: cluster.quota,
        timings: cluster.timings,
        horizon: limits.horizon,
        tail: limits.tail,
    };
    spec.probes = probe::read(&mut lower, &reader.optional("probe"), &spec);
    let given = &cluster.given;
    let given = checks::Given { spec: &spec, cluster: given, pools: &pools, apps: &apps, strategy: &strategy };
    checks::report(&given, problems);
    let faults = fault::read(&mut lower, &reader.optional("fault"), &spec);
    let beside = beside::read(&mut lower, &reader.optional("actor"), &spec);
    reader.finish();
    let resolved = lower.page.text().to_owned();
    Lowered { name, about, spec: Arc::new(spec), strategy, rollouts, beside, faults, objectives, limits, resolved }
}

impl Lower<'_> {
    /// The versions that the plan walks, in the cluster and in the strategy.
    fn walk(&self, cluster: &mut cluster::Cluster, strategy: &mut Chosen) {
        let (plane, target) = (&mut cluster.control_plane, cluster.given.target);
        if !cluster.given.versions {
            return;
        }
        let walked = strategy.hops.walk(self, (plane.from, plane.to), target);
        plane.hops = hops::on_the_way(plane, &walked, cluster::etcd_of);
        hops::etcd_check(self, plane, target);
        if walked.len() > 1 {
            strategy.goals = goals(plane.from, &walked, strategy.hops.jump);
        }
    }

    fn head(&mut self, reader: &mut Reader<'_>, fallback: &str) -> (String, String) {
        let schema = reader.required("schema");
        let _ = schema.u32(SCHEMA..=SCHEMA);
        let name = reader.optional("name").name().unwrap_or(fallback).to_owned();
        let about = reader.optional("about").string().unwrap_or_default().to_owned();
        self.page.line(&format!("schema = {SCHEMA}"));
        self.page.line(&format!("name = {}", quoted(&name)));
        self.page.line(&format!("about = {}", quoted(&about)));
        (name, about)
    }
}

/// The text as a string of TOML.
pub(super) fn quoted(text: &str) -> String {
    use crate::config::printed::printed_value;
    use crate::config::{Place, Value, ValueKind};
    printed_value(&Value { kind: ValueKind::String(text.to_owned()), place: Place::Nowhere })
}
