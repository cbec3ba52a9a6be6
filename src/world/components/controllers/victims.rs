//! Which pods a ReplicaSet that is scaled down deletes first.
//!
//! Source: `pkg/controller/controller_utils.go` `ActivePodsWithRanks`.

use super::cache::has_ended;
use super::desk::Desk;
use crate::base::{Name, Span, Time};
use crate::world::effects::Ctx;
use crate::world::ids::{NodeId, PodId, SetId};
use crate::world::store::{Phase, PodObject};

/// Order of deletion: the least goes first. In turn: not bound; phase; not Ready; more siblings on its node; shorter
/// ready; younger.
type Rank = (bool, u8, bool, std::cmp::Reverse<u32>, u64, u64);

/// The `count` active pods of the set to delete first.
pub(super) fn choose(set: SetId, count: usize, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Vec<PodId> {
    let app = ctx.store.sets().now(set).app;
    let active = |pod: &PodId| {
        let object = desk.pod(*pod, ctx).filter(|object| object.is_live() && !has_ended(object.phase))?;
        Some((*pod, object))
    };
    let pods: Vec<(PodId, PodObject)> = ctx.store.pods_of(app).iter().filter_map(active).collect();
    // Siblings are the active pods of all the Deployment's sets: `getPodsRankedByRelatedPodsOnSameNode`.
    let mut nodes: Vec<NodeId> = pods.iter().filter_map(|(_, pod)| pod.node).collect();
    nodes.sort_unstable();
    let siblings = |node: Option<NodeId>| match node {
        Some(node) => {
            (nodes.partition_point(|other| *other <= node) - nodes.partition_point(|other| *other < node)) as u32
        }
        None => 0,
    };
    // Logarithmic scale-down, on by default from 1.22 (KEP-2185): ages compare by power of two, ties by UID.
    let logarithmic = desk.version.at_least(1, 22);
    let mut ranked: Vec<(Rank, PodId)> = pods
        .iter()
        .filter(|(_, pod)| pod.set == set)
        .map(|(id, pod)| {
            let uid = logarithmic.then(|| ctx.store.pods().name(*id));
            (rank(*pod, siblings(pod.node), uid, ctx.now), *id)
        })
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().take(count).map(|(_, pod)| pod).collect()
}

/// `uid`: where ages compare by power of two, and ties by it.
fn rank(pod: PodObject, siblings: u32, uid: Option<Name>, now: Time) -> Rank {
    let phase = match pod.phase {
        Phase::Pending => 0,
        Phase::Running | Phase::Succeeded | Phase::Failed => 1,
    };
    let age = |since: Time| match uid {
        Some(_) => u64::from(u64::BITS - whole_seconds(now.since(since)).leading_zeros()),
        None => now.since(since).as_nanos(),
    };
    let ready_for = if pod.ready { age(pod.ready_since) } else { 0 };
    let created_for = age(pod.created);
    let last = match uid {
        Some(uid) => created_for << 56 | uid.0 >> 8,
        None => created_for.min(u64::MAX - u64::from(pod.ordinal)),
    };
    (pod.node.is_some(), phase, pod.ready, std::cmp::Reverse(siblings), ready_for, last)
}

fn whole_seconds(span: Span) -> u64 {
    span.as_nanos() / Span::secs(1).as_nanos()
}
