//! Pods that ask for the same: which nodes have room for one more, and what their resources score with it. Looked up
//! again where a node has changed.

use super::record::{Machine, Record, has_room, suits_pool};
use crate::base::{Id, IdVec};
use crate::world::ids::{AppId, NodeId, PoolId};
use crate::world::spec::AppSpec;

/// A score of one plugin. Source: `framework.MaxNodeScore`.
pub(super) const SCORE_MAX: i64 = 100;
/// Nodes side by side in the order of the search: one look tells which of so many may take a pod.
pub(super) const STRETCH: usize = u64::BITS as usize;
/// In place of a score: the node takes no such pod.
const CLOSED: i16 = -1;

/// Apps by what their pods ask for.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    classes: Vec<Class>,
    of_app: IdVec<AppId, usize>,
    /// Counts the changes of the order of the search.
    order: u32,
}

/// What all nodes are to pods that ask for the same.
#[derive(Clone, Debug)]
pub(super) struct Class {
    cpu: u32,
    memory: u32,
    pool: Option<PoolId>,
    /// By node: what its resources score with such a pod more.
    scores: Vec<i16>,
    /// Nodes that have changed since they were scored, as bits.
    stale: Vec<u64>,
    /// Nodes that take such a pod, in the order of the search, as bits.
    open: Vec<u64>,
    /// Of which order that is.
    order: u32,
}

impl Classes {
    /// Of these apps, no node known yet.
    pub(super) fn new(apps: &IdVec<AppId, AppSpec>) -> Classes {
        let mut classes: Vec<Class> = Vec::new();
        let mut of = |app: &AppSpec| {
            let same = |class: &Class| (class.cpu, class.memory, class.pool) == (app.cpu, app.memory, app.pool);
            classes.iter().position(same).unwrap_or_else(|| {
                classes.push(Class::of(app));
                classes.len() - 1
            })
        };
        let of_app = apps.iter().map(&mut of).collect();
        Classes { classes, of_app, order: 0 }
    }

    /// A node is another than it was.
    pub(super) fn node_changed(&mut self, node: NodeId) {
        let (word, bit) = (node.index() / STRETCH, 1 << (node.index() % STRETCH));
        for class in &mut self.classes {
            if class.stale.len() <= word {
                class.stale.resize(word + 1, 0);
            }
            class.stale[word] |= bit;
        }
    }

    /// Nodes stand in another order.
    pub(super) fn reordered(&mut self) {
        self.order += 1;
    }

    /// What all nodes were to an app's pods when that was last looked up.
    pub(super) fn of(&self, app: AppId) -> &Class {
        &self.classes[self.of_app[app]]
    }

    /// Looks up what all nodes are to an app's pods now; `order` is that of the search, and `places` each node's place
    /// in it.
    pub(super) fn look(
        &mut self,
        (app, asked): (AppId, &AppSpec),
        (nodes, machines): (&[Record], &IdVec<NodeId, Machine>),
        (order, places): (&[NodeId], &[u32]),
    ) {
        let class = &mut self.classes[self.of_app[app]];
        class.scores.resize(nodes.len(), CLOSED);
        for word in 0..class.stale.len() {
            let mut stale = std::mem::take(&mut class.stale[word]);
            while stale != 0 {
                let node = NodeId::from_index(word * STRETCH + stale.trailing_zeros() as usize);
                stale &= stale - 1;
                let Some(record) = nodes.get(node.index()) else { continue };
                class.scores[node.index()] = score(asked, record, &machines[node]);
                class.open_at(node, places);
            }
        }
        if class.order != self.order {
            class.order = self.order;
            class.open.clear();
            class.open.resize(order.len().div_ceil(STRETCH), 0);
            order.iter().for_each(|node| class.open_at(*node, places));
        }
        let anew = |node: &NodeId| score(asked, &nodes[node.index()], &machines[*node]);
        debug_assert!(
            order.iter().all(|node| class.scores[node.index()] == anew(node)),
            "what was looked up before is so still"
        );
        debug_assert!(
            order.iter().enumerate().all(|(place, node)| class.is_open(place) == (anew(node) != CLOSED)),
            "the bits follow the scores"
        );
    }
}

impl Class {
    fn of(app: &AppSpec) -> Class {
        let (scores, stale, open) = (Vec::new(), Vec::new(), Vec::new());
        Class { cpu: app.cpu, memory: app.memory, pool: app.pool, scores, stale, open, order: 0 }
    }

    fn open_at(&mut self, node: NodeId, places: &[u32]) {
        let place = places.get(node.index()).copied().unwrap_or(u32::MAX) as usize;
        if let Some(word) = self.open.get_mut(place / STRETCH) {
            let bit = 1 << (place % STRETCH);
            *word = if self.scores[node.index()] == CLOSED { *word & !bit } else { *word | bit };
        }
    }

    fn is_open(&self, place: usize) -> bool {
        self.open[place / STRETCH] & (1 << (place % STRETCH)) != 0
    }

    /// The nodes of a stretch of the order that take such a pod, as bits.
    pub(super) fn open(&self, stretch: usize) -> u64 {
        self.open[stretch]
    }

    /// What the resources of a node score that takes such a pod.
    pub(super) fn score(&self, node: NodeId) -> i32 {
        i32::from(self.scores[node.index()])
    }
}

/// What a node's resources score with a pod of this app more. Nobody is put on one that is cordoned or tainted.
fn score(app: &AppSpec, record: &Record, machine: &Machine) -> i16 {
    let closed = record.cordoned || record.tainted || !suits_pool(app, machine) || !has_room(app, record, machine);
    if closed {
        return CLOSED;
    }
    let of_cpu = (i64::from(record.cpu + app.cpu), i64::from(machine.cpu));
    let of_memory = (i64::from(record.memory + app.memory), i64::from(machine.memory));
    ((free_share(of_cpu) + free_share(of_memory)) / 2 + balance(of_cpu, of_memory)) as i16
}

/// Source: `noderesources/least_allocated.go`.
fn free_share((requested, capacity): (i64, i64)) -> i64 {
    if capacity == 0 || requested > capacity { 0 } else { (capacity - requested) * SCORE_MAX / capacity }
}

/// 100 where CPU and memory are used to the same share, in whole percents of the difference rounded up.
/// Source: `noderesources/balanced_allocation.go`.
fn balance((cpu, cpus): (i64, i64), (memory, memories): (i64, i64)) -> i64 {
    if cpu >= cpus || memory >= memories {
        return 0;
    }
    let difference = (cpu * memories - memory * cpus).abs();
    let whole = cpus * memories;
    (whole - difference) * SCORE_MAX / whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_use_of_cpu_and_memory_scores_full() {
        assert_eq!(balance((1000, 4000), (4096, 16_384)), 100);
        assert_eq!(balance((2000, 4000), (0, 16_384)), 50);
        assert_eq!(balance((4000, 4000), (0, 16_384)), 0);
        assert_eq!(free_share((1000, 4000)), 75);
    }
}
