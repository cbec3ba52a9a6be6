//! Until when each machine's container runtime is at work: what an etcd member waits for that shares its disk.

use crate::base::{IdVec, Time};
use crate::world::ids::NodeId;

/// The container runtimes of all nodes. Kept up only where [`EtcdSpec::fsync_busy`] is set; without it all are idle.
///
/// A moment for each node instead of a count of operations: it is right again by itself after whatever happens to the
/// kubelets that began them.
///
/// [`EtcdSpec::fsync_busy`]: crate::world::spec::EtcdSpec::fsync_busy
#[derive(Clone, Debug, Default)]
pub struct Runtimes {
    until: IdVec<NodeId, Time>,
    /// No runtime works longer than this; saves looking at each.
    last: Time,
}

impl Runtimes {
    /// Adds a machine whose runtime is idle.
    pub fn add(&mut self) -> NodeId {
        self.until.push(Time::ZERO)
    }
    /// A node's runtime works until then; only its kubelet says so, by its notice.
    pub fn set(&mut self, node: NodeId, until: Time) {
        self.until[node] = until;
        self.last = self.last.max(until);
    }
    /// Whether an operation is under way on any node.
    pub fn work(&self, now: Time) -> bool {
        now < self.last && self.until.iter().any(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn runtimes_work_while_one_of_them_does_and_not_at_its_end() {
        let mut runtimes = Runtimes::default();
        let (one, other) = (runtimes.add(), runtimes.add());
        assert!(!runtimes.work(Time::ZERO));
        runtimes.set(one, at(5));
        runtimes.set(other, at(3));
        assert!(runtimes.work(Time::ZERO) && runtimes.work(at(4)));
        assert!(!runtimes.work(at(5)));
    }

    #[test]
    fn a_machine_that_loses_its_power_leaves_the_others_at_work() {
        let mut runtimes = Runtimes::default();
        let (one, other) = (runtimes.add(), runtimes.add());
        runtimes.set(one, at(9));
        runtimes.set(other, at(4));
        runtimes.set(one, at(2));
        assert!(runtimes.work(at(3)), "the other's operation goes on");
        assert!(!runtimes.work(at(4)), "the first one's has ended with its machine");
    }
}
