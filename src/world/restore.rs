//! A snapshot of etcd, and the cluster that is put back to one.
//!
//! The procedure: API servers and members stop, each member gets the snapshot's data, members start as a new cluster,
//! API servers start; caches list anew. Objects that are younger than the snapshot are gone: kubelets kill pods that
//! they no longer know, and register their nodes anew once they are restarted. What was deleted since is back, and
//! controllers find it without the machine or the containers behind it. Source: etcd op-guide/recovery; Kubernetes
//! documentation, "Operating etcd clusters", restoring (restart API servers, controller managers, schedulers, kubelets).
//!
//! Simplifications: a pod that is back is a new one of the same set, bound to the same node, that is not ready; marks of
//! deletion, statuses of budgets and slices are left to their controllers, which write them anew within seconds; the
//! store's revisions go on, as etcdutl's `--bump-revision --mark-compacted` makes them do, so that every watch lists
//! anew at once, where a client of a cluster restored without them is refused until it does.

use crate::base::{Id, Span, Time};
use crate::world::cluster::{World, ctx};
use crate::world::command::NodeProcess;
use crate::world::disturbance::{MasterProcess, Signal};
use crate::world::effects::{Outcome, ReplyTo};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{AppId, NodeId, PodId};
use crate::world::store::{ApiError, Change, NodeReady, Store};

/// From the stop of the servers to the start of the restored members: files copied to each master, `etcdutl snapshot
/// restore`, manifests moved back. Estimate: a practised operator with a script.
const RESTORE_TAKES: Span = Span::mins(2);

/// What a snapshot holds.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    store: Store,
    at: Time,
}

/// The newest snapshot, and the restore that is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Backups {
    newest: Option<Box<Saved>>,
    /// Under way, and whom to tell.
    restoring: Option<Option<ReplyTo>>,
}

impl World {
    /// Takes a snapshot from a member that serves.
    pub(super) fn snapshot(&mut self) -> Outcome {
        if !self.masters.ids().any(|master| self.etcd.serves(master)) {
            return Err(ApiError::Unavailable);
        }
        self.backups.newest = Some(Box::new(Saved { store: self.store.clone(), at: self.now }));
        self.out.facts.push(Fact::SnapshotTaken);
        Ok(())
    }

    /// All members' data is gone.
    pub(super) fn lose_etcd(&mut self) {
        self.etcd.lose(&mut ctx!(self));
    }

    /// Begins to put the cluster back to its newest snapshot; `to` hears of the end.
    pub(super) fn restore(&mut self, to: Option<ReplyTo>) -> Outcome {
        if self.backups.newest.is_none() {
            return Err(ApiError::NotFound);
        }
        if self.backups.restoring.is_some() {
            return Err(ApiError::Conflict);
        }
        self.backups.restoring = Some(to);
        for master in self.masters.ids() {
            self.api.signal(master, Signal::Kill, &mut ctx!(self));
        }
        self.etcd.lose(&mut ctx!(self));
        self.out.queue.push(self.now + RESTORE_TAKES, Event::Restored);
        Ok(())
    }

    /// The members' data is in place: everything starts again.
    pub(super) fn restored(&mut self) {
        let (Some(saved), Some(to)) = (self.backups.newest.take(), self.backups.restoring.take()) else { return };
        self.etcd.restore(&mut ctx!(self));
        let vanished = self.rewind(&saved.store, saved.at);
        self.backups.newest = Some(saved);
        for master in self.masters.ids() {
            for process in [MasterProcess::Etcd, MasterProcess::ApiServer] {
                self.start_process(master, process);
            }
        }
        for node in vanished {
            self.stop_node_process(node, NodeProcess::Kubelet);
            self.kubelets.forgotten(node);
            self.start_node_process(node, NodeProcess::Kubelet);
        }
        self.changes.all();
        if let Some(to) = to {
            self.out.queue.push(self.now, Event::Answer { to, result: Ok(()) });
        }
    }

    /// Puts the store back; the nodes that are not there any more.
    fn rewind(&mut self, saved: &Store, at: Time) -> Vec<NodeId> {
        let writes = self.store.revision().0 - saved.revision().0;
        let vanished = self.rewind_nodes(saved);
        let (mut gone, mut back) = (0, 0);
        for pod in self.store.pods().ids().collect::<Vec<PodId>>() {
            let then = (pod.index() < saved.pods().len()).then(|| saved.pods().now(pod)).filter(|then| !then.gone);
            let is_there = !self.store.pods().now(pod).gone;
            match (then, is_there) {
                (None, true) => {
                    gone += 1;
                    self.back_to(Change::RemovePod { pod });
                }
                (Some(then), false) => {
                    back += 1;
                    self.back_to(Change::CreatePod { set: then.set });
                    let pod = PodId::from_index(self.store.pods().len() - 1);
                    if let Some(node) = then.node {
                        self.back_to(Change::Bind { pod, node });
                    }
                }
                (Some(_), true) | (None, false) => {}
            }
        }
        for app in self.store.deployments().ids().collect::<Vec<AppId>>() {
            self.store.rewind_deployment(app, saved);
        }
        // Every watch is too old now.
        self.store.compact();
        let (nodes, age) = (vanished.len() as u32, self.now.since(at));
        self.out.facts.push(Fact::Restored { age, writes, gone, back, nodes });
        vanished
    }

    fn rewind_nodes(&mut self, saved: &Store) -> Vec<NodeId> {
        let mut vanished = Vec::new();
        for node in self.store.nodes().ids().collect::<Vec<NodeId>>() {
            let then = (node.index() < saved.nodes().len()).then(|| saved.nodes().now(node)).filter(|then| then.exists);
            let now = self.store.nodes().now(node).clone();
            match (then, now.exists) {
                (None, true) => {
                    vanished.push(node);
                    self.back_to(Change::DeleteNode { node });
                }
                (Some(then), exists) => {
                    if !exists {
                        self.back_to(Change::RegisterNode { node, version: then.version });
                        self.back_to(Change::NodeStatus { node, ready: NodeReady::True });
                    }
                    let (unschedulable, tainted) = (then.unschedulable, then.prefer_no_schedule);
                    if now.unschedulable != unschedulable {
                        self.back_to(Change::Cordon { node, unschedulable });
                    }
                    if now.prefer_no_schedule != tainted {
                        self.back_to(Change::PreferNoSchedule { node, tainted });
                    }
                    if now.excluded_from_balancers != then.excluded_from_balancers {
                        let excluded = then.excluded_from_balancers;
                        self.back_to(Change::ExcludeFromBalancers { node, excluded });
                    }
                }
                (None, false) => {}
            }
        }
        vanished
    }

    /// One difference to the snapshot less. What cannot be undone is left to the controllers.
    fn back_to(&mut self, change: Change) {
        let _ = self.commit(&change);
    }
}
