//! Preemption: which pods of less priority go so that one finds room, and on which node.
//!
//! Source: `pkg/scheduler/framework/preemption/preemption.go`, `plugins/defaultpreemption/default_preemption.go`. On each
//! node that lacks nothing but room all pods of less priority are taken away in thought; those that may stay are put
//! back, the ones whose budget would be broken first, the most important first. A budget is a wish: where nothing else
//! helps its pods go, too. Victims are deleted, with their grace, and not evicted.

use super::cache::Cache;
use super::record::{Machine, Record, short_of};
use crate::base::{Id, IdVec, Time};
use crate::world::effects::Ctx;
use crate::world::ids::{BudgetId, NodeId, PodId};
use crate::world::purpose::Purpose;
use crate::world::spec::AppSpec;
use crate::world::store::{PodObject, Revision};

/// Candidates end the search once they are a tenth of the nodes, 100 at least.
/// Source: `pkg/scheduler/apis/config/v1/defaults.go` MinCandidateNodesPercentage, MinCandidateNodesAbsolute.
const CANDIDATES_PERCENT: usize = 10;
const CANDIDATES_MIN: usize = 100;
/// What a victim adds to its priority in sums, so that none is negative: math.MaxInt32 + 1.
const PRIORITY_OFFSET: u64 = 1 << 31;

/// A node and who goes.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) node: NodeId,
    pub(super) victims: Vec<PodId>,
}

/// How bad a choice is, in the order of the criteria of `pickOneNodeForPreemption`: victims whose budget breaks; the
/// highest victim's priority; their sum; how many; how long the highest have run (the shortest is best).
type Cost = (usize, u32, u64, usize, std::cmp::Reverse<Time>);

/// Whether the pod may preempt at all: somebody has less priority, and nobody is leaving for it already.
/// Source: `PodEligibleToPreemptOthers`.
pub(super) fn may(pod: PodId, nominated: Option<NodeId>, cursor: Revision, ctx: &Ctx<'_>) -> bool {
    let priority = priority(pod, ctx);
    let leaves = |other: &PodId| {
        let object = ctx.store.pods().at(*other, cursor);
        object.is_some_and(|object| !object.gone && object.deleting.is_some())
    };
    let waits =
        |node| ctx.store.pods_on(node).iter().any(|other| self::priority(*other, ctx) < priority && leaves(other));
    ctx.spec.apps.iter().any(|app| app.priority < priority) && !nominated.is_some_and(waits)
}

/// The cheapest choice among these nodes, which lack nothing but room.
pub(super) fn choose(
    pod: PodId,
    attempt: u32,
    mut nodes: Vec<NodeId>,
    (cache, machines, cursor): (&Cache, &IdVec<NodeId, Machine>, Revision),
    ctx: &Ctx<'_>,
) -> Option<Found> {
    if nodes.is_empty() {
        return None;
    }
    let object = ctx.store.pods().now(pod);
    let draw = ctx.draw(Purpose::Preemption, ctx.store.pods().name(pod), u64::from(attempt)).below(nodes.len() as u64);
    let enough = (nodes.len() * CANDIDATES_PERCENT / 100).max(CANDIDATES_MIN);
    nodes.rotate_left(draw as usize);
    let asked = &ctx.spec.apps[object.app];
    let candidates = nodes.into_iter().filter_map(|node| victims(asked, node, (cache, &machines[node], cursor), ctx));
    candidates.take(enough).min_by_key(|(cost, _)| *cost).map(|(_, found)| found)
}

/// Who goes from a node; `None` if that does not help. A node that takes the pod as it is has no victims, and is none.
fn victims(
    asked: &AppSpec,
    node: NodeId,
    (cache, machine, cursor): (&Cache, &Machine, Revision),
    ctx: &Ctx<'_>,
) -> Option<(Cost, Found)> {
    let mut record = *cache.nodes.get(node.index())?;
    let known = |pod: &PodId| {
        let object = ctx.store.pods().at(*pod, cursor)?;
        let less = ctx.spec.apps[object.app].priority < asked.priority;
        (less && cache.node_of(*pod) == Some(node)).then_some((*pod, object))
    };
    let mut lesser: Pods = ctx.store.pods_on(node).iter().filter_map(known).collect();
    lesser.sort_by_key(|(pod, object)| (std::cmp::Reverse(ctx.spec.apps[object.app].priority), object.created, *pod));
    lesser.iter().for_each(|(_, object)| leaves(&mut record, &ctx.spec.apps[object.app]));
    if lesser.is_empty() || short_of(asked, &record, machine).is_some() {
        return None;
    }
    let (breaking, others) = by_budget(&lesser, cursor, ctx);
    let mut found = Found { node, victims: Vec::new() };
    let mut broken = 0;
    for (breaks, pods) in [(true, breaking), (false, others)] {
        for (pod, object) in pods {
            let app = &ctx.spec.apps[object.app];
            comes(&mut record, app);
            if short_of(asked, &record, machine).is_some() {
                leaves(&mut record, app);
                found.victims.push(pod);
                broken += usize::from(breaks);
            }
        }
    }
    let priorities = found.victims.iter().map(|pod| priority(*pod, ctx));
    let highest = priorities.clone().max()?;
    let sum = priorities.map(|priority| u64::from(priority) + PRIORITY_OFFSET).sum();
    let top = found.victims.iter().filter(|pod| priority(**pod, ctx) == highest);
    let since = top.map(|pod| ctx.store.pods().now(*pod).created).min().unwrap_or(Time::ZERO);
    Some(((broken, highest, sum, found.victims.len(), std::cmp::Reverse(since)), found))
}

type Pods = Vec<(PodId, PodObject)>;

/// Pods whose budget allows no disruption more, and the others. Source: `filterPodsWithPDBViolation`.
fn by_budget(pods: &[(PodId, PodObject)], cursor: Revision, ctx: &Ctx<'_>) -> (Pods, Pods) {
    let mut taken: Vec<(BudgetId, u32)> = Vec::new();
    pods.iter().copied().partition(|(_, object)| {
        let mut breaks = false;
        for budget in ctx.store.budgets_of(object.app) {
            let place = taken.iter().position(|(other, _)| other == budget).unwrap_or_else(|| {
                taken.push((*budget, 0));
                taken.len() - 1
            });
            taken[place].1 += 1;
            let allowed = ctx.store.budgets().at(*budget, cursor).map_or(0, |status| status.allowed);
            breaks |= taken[place].1 > allowed;
        }
        breaks
    })
}

fn priority(pod: PodId, ctx: &Ctx<'_>) -> u32 {
    ctx.spec.apps[ctx.store.pods().app(pod)].priority
}

fn leaves(record: &mut Record, app: &AppSpec) {
    (record.cpu, record.memory, record.pods) = (record.cpu - app.cpu, record.memory - app.memory, record.pods - 1);
}

fn comes(record: &mut Record, app: &AppSpec) {
    (record.cpu, record.memory, record.pods) = (record.cpu + app.cpu, record.memory + app.memory, record.pods + 1);
}
