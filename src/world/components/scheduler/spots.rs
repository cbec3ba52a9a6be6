//! Where an app's pods stand, as the scheduler counts them: by node and by zone.

use crate::base::Id;
use crate::world::ids::{NodeId, ZoneId};

const WORD: usize = u64::BITS as usize;

/// An app's pods by where they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Spots {
    /// Nodes with any of them, in order.
    nodes: Vec<Spot>,
    /// The same nodes as bits: most nodes have none, and are found so at once.
    any: Vec<u64>,
    /// By zone: those not terminating.
    in_zone: Vec<u32>,
    /// The most that ever stood on one node.
    most: u32,
}

/// An app's pods on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    node: NodeId,
    /// All of them.
    total: u32,
    /// Those not terminating.
    live: u32,
}

impl Spots {
    /// Whether no pod stands anywhere.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
    /// The pods on a node: all of them, and those not terminating.
    pub(super) fn on(&self, node: NodeId) -> (u32, u32) {
        let any = self.any.get(node.index() / WORD).is_some_and(|word| word & (1 << (node.index() % WORD)) != 0);
        match any.then(|| self.place(node)) {
            Some(Ok(place)) => (self.nodes[place].total, self.nodes[place].live),
            Some(Err(_)) | None => (0, 0),
        }
    }
    /// The pods in a zone that do not terminate.
    pub(super) fn in_zone(&self, zone: ZoneId) -> u32 {
        self.in_zone.get(zone.index()).copied().unwrap_or(0)
    }
    /// How many numbers of pods a node may have had, from none to the most.
    pub(super) fn numbers(&self) -> usize {
        self.most as usize + 1
    }

    /// A pod comes to a node.
    pub(super) fn comes(&mut self, (node, zone): (NodeId, ZoneId), live: bool) {
        let place = self.place(node).unwrap_or_else(|place| {
            self.nodes.insert(place, Spot { node, total: 0, live: 0 });
            self.mark(node);
            place
        });
        self.nodes[place].total += 1;
        self.most = self.most.max(self.nodes[place].total);
        if live {
            self.nodes[place].live += 1;
            self.lives(zone);
        }
    }
    /// A pod leaves a node.
    pub(super) fn leaves(&mut self, (node, zone): (NodeId, ZoneId), live: bool) {
        let Ok(place) = self.place(node) else { return };
        self.nodes[place].total -= 1;
        if live {
            self.nodes[place].live -= 1;
            self.in_zone[zone.index()] -= 1;
        }
        if self.nodes[place].total == 0 {
            self.nodes.remove(place);
            self.any[node.index() / WORD] &= !(1 << (node.index() % WORD));
        }
    }
    /// A pod on a node begins to terminate, or (`live`) turns out to live on.
    pub(super) fn turns(&mut self, (node, zone): (NodeId, ZoneId), live: bool) {
        let Ok(place) = self.place(node) else { return };
        if live {
            self.nodes[place].live += 1;
            self.lives(zone);
        } else {
            self.nodes[place].live -= 1;
            self.in_zone[zone.index()] -= 1;
        }
    }

    fn place(&self, node: NodeId) -> Result<usize, usize> {
        self.nodes.binary_search_by_key(&node, |spot| spot.node)
    }
    fn mark(&mut self, node: NodeId) {
        let word = node.index() / WORD;
        if self.any.len() <= word {
            self.any.resize(word + 1, 0);
        }
        self.any[word] |= 1 << (node.index() % WORD);
    }
    fn lives(&mut self, zone: ZoneId) {
        if self.in_zone.len() <= zone.index() {
            self.in_zone.resize(zone.index() + 1, 0);
        }
        self.in_zone[zone.index()] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_counted_where_they_stand_and_terminating_ones_only_there() {
        let mut spots = Spots::default();
        let (here, there) = ((NodeId(70), ZoneId(1)), (NodeId(3), ZoneId(0)));
        spots.comes(here, true);
        spots.comes(here, true);
        spots.comes(there, false);
        spots.turns(here, false);
        assert_eq!((spots.on(here.0), spots.on(there.0), spots.on(NodeId(999))), ((2, 1), (1, 0), (0, 0)));
        assert_eq!((spots.in_zone(ZoneId(1)), spots.in_zone(ZoneId(0)), spots.in_zone(ZoneId(7))), (1, 0, 0));
        spots.leaves(here, false);
        spots.leaves(here, true);
        spots.leaves(there, false);
        assert!(spots.is_empty() && spots.in_zone(ZoneId(1)) == 0 && spots.on(here.0) == (0, 0));
        assert_eq!(spots.numbers(), 3);
    }
}
