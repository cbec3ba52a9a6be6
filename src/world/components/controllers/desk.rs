//! Where a controller stands while it works: whose process it is, how far it has heard, and how it writes.

use crate::base::{Id, IdVec, Name, Version};
use crate::world::effects::{Ctx, Reply, ReplyTo};
use crate::world::ids::{ClientId, MasterId, NodeId, PodId, PoolId, ZoneId};
use crate::world::lease::pack;
use crate::world::store::{Change, NodeObject, PodObject, Revision};

use super::Key;

/// What the controllers know of a machine beside its Node object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    /// Its lineage.
    pub(super) name: Name,
    /// Its group; `None` for a master.
    pub(super) pool: Option<PoolId>,
    /// Its failure domain.
    pub(super) zone: ZoneId,
    /// Whether the cloud has removed it.
    pub(super) gone: bool,
    /// Whether the cloud's detaching of its volumes hangs.
    pub(super) holds_volumes: bool,
}

/// A write that belongs to no queued object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// A node's Ready condition becomes Unknown.
    NodeUnknown,
    /// A pod of a lost node is marked not Ready.
    PodUnready,
    /// A pod is deleted from a tainted node.
    TaintEviction,
    /// An orphan is removed.
    Orphan,
    /// A Node object without a machine is deleted.
    NodeDeletion,
    /// A pod is deleted from a lost node without a taint.
    PodEviction,
    /// A volume is attached or detached; its number stands for the node's.
    Volume,
}

/// A decoded token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// On behalf of a queued object.
    Of(Key),
    /// For a node.
    For(Errand, NodeId),
}

/// Whose process works, and what it knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Desk<'a> {
    pub(super) master: MasterId,
    pub(super) client: ClientId,
    pub(super) incarnation: u32,
    pub(super) version: Version,
    /// It has heard everything up to here.
    pub(super) cursor: Revision,
    pub(super) machines: &'a IdVec<NodeId, Machine>,
}

impl Desk<'_> {
    /// The pod as the process knows it.
    pub(super) fn pod(&self, pod: PodId, ctx: &Ctx<'_>) -> Option<PodObject> {
        ctx.store.pods().at(pod, self.cursor).filter(|object| !object.gone)
    }
    /// The Node object as the process knows it, if it exists.
    pub(super) fn node<'s>(&self, node: NodeId, ctx: &'s Ctx<'_>) -> Option<&'s NodeObject> {
        ctx.store.nodes().at(node, self.cursor).filter(|object| object.exists)
    }
    /// A write whose answer comes back as [`Asked::Of`]; count it with `Workqueue::sent`.
    pub(super) fn write(&self, key: Key, change: Change, ctx: &mut Ctx<'_>) {
        let (kind, index) = match key {
            Key::Deployment(app) => (1, app.index()),
            Key::Endpoints(app) => (2, app.index()),
            Key::Set(set) => (3, set.index()),
            Key::Budget(budget) => (4, budget.index()),
            Key::Taints(node) => (5, node.index()),
        };
        let token = pack(kind, self.incarnation, index);
        ctx.write(self.client, change, Reply::Always(ReplyTo::Controllers { master: self.master, token }));
    }
    /// A write whose failure comes back as [`Asked::For`].
    pub(super) fn run(&self, errand: Errand, node: NodeId, change: Change, ctx: &mut Ctx<'_>) {
        let kind = match errand {
            Errand::NodeUnknown => 6,
            Errand::PodUnready => 7,
            Errand::TaintEviction => 8,
            Errand::Orphan => 9,
            Errand::NodeDeletion => 10,
            Errand::PodEviction => 11,
            Errand::Volume => 12,
        };
        let token = pack(kind, self.incarnation, node.index());
        ctx.write(self.client, change, Reply::OnFailure(ReplyTo::Controllers { master: self.master, token }));
    }
}

/// What a token of [`Desk::write`] or [`Desk::run`] stands for.
pub(super) fn asked(kind: u32, index: usize) -> Option<Asked> {
    let node = NodeId::from_index(index);
    Some(match kind {
        1 => Asked::Of(Key::Deployment(Id::from_index(index))),
        2 => Asked::Of(Key::Endpoints(Id::from_index(index))),
        3 => Asked::Of(Key::Set(Id::from_index(index))),
        4 => Asked::Of(Key::Budget(Id::from_index(index))),
        5 => Asked::Of(Key::Taints(node)),
        6 => Asked::For(Errand::NodeUnknown, node),
        7 => Asked::For(Errand::PodUnready, node),
        8 => Asked::For(Errand::TaintEviction, node),
        9 => Asked::For(Errand::Orphan, node),
        10 => Asked::For(Errand::NodeDeletion, node),
        11 => Asked::For(Errand::PodEviction, node),
        12 => Asked::For(Errand::Volume, node),
        _ => return None,
    })
}
