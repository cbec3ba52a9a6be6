//! Which pods each node's kernel rules name for each app that somebody asks through it.

use std::collections::BTreeMap;

use crate::base::Span;
use crate::engine::Dist;
use crate::world::behaviour::Behaviour;
use crate::world::effects::Ctx;
use crate::world::ids::{AppId, GroupId, NodeId, PodId};
use crate::world::store::{Endpoint, Revision};

/// The rules of all nodes that user traffic passes.
#[derive(Clone, Debug, Default)]
pub(super) struct Views {
    rules: BTreeMap<(NodeId, AppId), View>,
    /// The groups that look at them, so that no other group's intervals end when they change.
    askers: BTreeMap<(NodeId, AppId), Vec<GroupId>>,
}

/// One node's rules for one app.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// Listed endpoints, by pod.
    endpoints: Vec<(PodId, Endpoint)>,
    /// The node has rules at all.
    synced: bool,
    /// Without a ready endpoint, terminating ones are used.
    falls_back: bool,
    /// No longer refused and not yet forwarded: see [`NAT_AFTER_FILTER`].
    between: bool,
}

/// From the commit of the filter table, where the rule goes that refuses connections to a Service without endpoints, to
/// that of the nat table, where the first endpoint comes. kube-proxy gives both tables to one `iptables-restore`,
/// filter first, and each is committed by itself (`pkg/proxy/iptables/proxier.go`, syncProxyRules). A connection that
/// is opened in between leaves for an address that nobody has. Estimate: such a restore takes 10 to 20 ms.
pub(super) const NAT_AFTER_FILTER: Dist = Dist::Uniform { low: Span::millis(4), high: Span::millis(12) };

impl View {
    /// Whether the node has rules at all.
    pub(super) fn is_synced(&self) -> bool {
        self.synced
    }
    /// The pods that new connections are spread over; with `local`, those of this kind only.
    pub(super) fn pods(&self, local: impl Fn(PodId) -> bool) -> Vec<PodId> {
        let of = |wanted: Endpoint| {
            let kind = self.endpoints.iter().filter(move |(_, endpoint)| *endpoint == wanted);
            kind.map(|(pod, _)| *pod).filter(|pod| local(*pod)).collect::<Vec<PodId>>()
        };
        let ready = of(Endpoint::Ready);
        if ready.is_empty() && self.falls_back { of(Endpoint::Terminating) } else { ready }
    }
    /// Whether the rules neither refuse nor forward new connections.
    pub(super) fn is_between(&self) -> bool {
        self.between
    }
    fn names_nobody(&self) -> bool {
        let named = |(_, endpoint): &(PodId, Endpoint)| match endpoint {
            Endpoint::Ready => true,
            Endpoint::Terminating => self.falls_back,
            Endpoint::Absent => false,
        };
        !self.endpoints.iter().any(named)
    }
    fn set(&mut self, pod: PodId, endpoint: Endpoint) {
        match (self.endpoints.binary_search_by_key(&pod, |(pod, _)| *pod), endpoint) {
            (Ok(place), Endpoint::Absent) => {
                self.endpoints.remove(place);
            }
            (Ok(place), Endpoint::Ready | Endpoint::Terminating) => self.endpoints[place].1 = endpoint,
            (Err(_), Endpoint::Absent) => {}
            (Err(place), Endpoint::Ready | Endpoint::Terminating) => self.endpoints.insert(place, (pod, endpoint)),
        }
    }
}

impl Views {
    /// The rules of a node for an app, if they are kept.
    pub(super) fn get(&self, node: NodeId, app: AppId) -> Option<&View> {
        self.rules.get(&(node, app))
    }
    /// Keeps the rules of a node for an app from now on, for this group.
    pub(super) fn want(&mut self, node: NodeId, app: AppId, group: GroupId, ctx: &Ctx<'_>) {
        let askers = self.askers.entry((node, app)).or_default();
        if let Err(place) = askers.binary_search(&group) {
            askers.insert(place, group);
        }
        self.rules.entry((node, app)).or_insert_with(|| anew(node, app, ctx.rules.revision(node), ctx));
    }
    /// A kernel's rules end with its machine's power; what it has afterwards is read anew.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.rules.retain(|(kept, _), _| *kept != node);
        self.askers.retain(|(kept, _), _| *kept != node);
    }
    /// The groups that look at a node's rules for one of these apps.
    pub(super) fn looking(&self, node: NodeId, apps: &[AppId]) -> Vec<GroupId> {
        let askers = apps.iter().filter_map(|app| self.askers.get(&(node, *app)));
        let mut groups: Vec<GroupId> = askers.flatten().copied().collect();
        groups.sort_unstable();
        groups
    }
    /// The apps whose rules on this node change when it moves from one revision of the slices to another.
    pub(super) fn touched(&self, node: NodeId, from: Revision, to: Revision, ctx: &Ctx<'_>) -> Vec<AppId> {
        let mut apps: Vec<AppId> = if from == Revision(0) {
            self.of(node).collect()
        } else {
            let app = |pod| ctx.store.pods().now(pod).app;
            let kept = |app: &AppId| self.rules.contains_key(&(node, *app));
            ctx.store.endpoints_touched(from, to).map(app).filter(kept).collect()
        };
        apps.sort_unstable();
        apps.dedup();
        apps
    }
    /// A node's rules move from one revision of the slices to another. Whether an app has its first endpoint with it.
    pub(super) fn advance(&mut self, node: NodeId, from: Revision, to: Revision, ctx: &Ctx<'_>) -> bool {
        if from == Revision(0) {
            for app in self.of(node).collect::<Vec<AppId>>() {
                self.rules.insert((node, app), anew(node, app, to, ctx));
            }
            return false;
        }
        let mut first = false;
        for pod in ctx.store.endpoints_touched(from, to) {
            if let Some(view) = self.rules.get_mut(&(node, ctx.store.pods().now(pod).app)) {
                view.falls_back = falls_back(node, ctx);
                let nobody = view.names_nobody();
                view.set(pod, ctx.store.endpoints().at(pod, to).copied().unwrap_or_default());
                view.between = (nobody || view.between) && !view.names_nobody();
                first |= view.between;
            }
        }
        first
    }
    /// The apps whose rules on this node neither refuse nor forward.
    pub(super) fn between(&self, node: NodeId) -> Vec<AppId> {
        self.of(node).filter(|app| self.rules.get(&(node, *app)).is_some_and(View::is_between)).collect()
    }
    /// The nat table has followed the filter table.
    pub(super) fn forward(&mut self, node: NodeId, app: AppId) {
        if let Some(view) = self.rules.get_mut(&(node, app)) {
            view.between = false;
        }
    }
    fn of(&self, node: NodeId) -> impl Iterator<Item = AppId> + '_ {
        self.rules.range((node, AppId(0))..=(node, AppId(u32::MAX))).map(|((_, app), _)| *app)
    }
}

/// A kube-proxy is of its node's version.
fn falls_back(node: NodeId, ctx: &Ctx<'_>) -> bool {
    Behaviour::of(ctx.store.nodes().now(node).version).terminating_endpoints
}

fn anew(node: NodeId, app: AppId, at: Revision, ctx: &Ctx<'_>) -> View {
    let (synced, falls_back) = (at != Revision(0), falls_back(node, ctx));
    let mut view = View { synced, falls_back, endpoints: Vec::new(), between: false };
    let of_app = |pod: &PodId| ctx.store.pods().now(*pod).app == app;
    for pod in ctx.store.endpoints().ids().filter(of_app) {
        view.set(pod, ctx.store.endpoints().at(pod, at).copied().unwrap_or_default());
    }
    view
}
