//! Which pods each node's kernel rules name for each app that somebody asks through it.

use std::collections::BTreeMap;

use crate::base::Span;
use crate::engine::Dist;
use crate::world::behaviour::Behaviour;
use crate::world::effects::Ctx;
use crate::world::ids::{AppId, GroupId, NodeId, PodId, SetId};
use crate::world::store::{Endpoint, Revision};

/// The rules of all nodes that user traffic passes.
#[derive(Clone, Debug, Default)]
pub(super) struct Views {
    rules: BTreeMap<(NodeId, AppId), View>,
    /// The groups that look at them, so that no other group's intervals end when they change.
    askers: BTreeMap<(NodeId, AppId), Vec<GroupId>>,
    /// What the routers of a tier's pods send requests by.
    routes: BTreeMap<(PodId, AppId), View>,
    /// The groups whose requests pass them.
    passing: BTreeMap<(PodId, AppId), Vec<GroupId>>,
    /// The revision of the slices that each router follows.
    follows: BTreeMap<PodId, Revision>,
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
    /// A traffic router's rule: the pods of this set get this percentage.
    weight: Option<(SetId, u32)>,
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
    /// The pods that new connections are spread over, and how many of `share` each gets; with `local`, those of this
    /// kind only.
    pub(super) fn spread(
        &self,
        share: f64,
        local: impl Fn(PodId) -> bool,
        set: impl Fn(PodId) -> SetId,
    ) -> Vec<(PodId, f64)> {
        let each = |(part, pods): (f64, Vec<PodId>)| {
            let even = share * part / pods.len() as f64;
            pods.into_iter().map(move |pod| (pod, even))
        };
        self.sides(local, set).into_iter().flat_map(each).collect()
    }
    /// The pods that are picked from evenly, and the share of new connections that comes to each such side: both sides
    /// of a router's weight, or all. A side without a pod leaves its share to the other.
    pub(super) fn sides(&self, local: impl Fn(PodId) -> bool, set: impl Fn(PodId) -> SetId) -> Vec<(f64, Vec<PodId>)> {
        let pods = self.pods(local);
        let (inside, outside, percent) = match self.weight {
            None => (pods, Vec::new(), 100),
            Some((heavy, percent)) => {
                let (inside, outside): (Vec<PodId>, Vec<PodId>) = pods.into_iter().partition(|pod| set(*pod) == heavy);
                (inside, outside, percent.min(100))
            }
        };
        let percent = match (inside.is_empty(), outside.is_empty()) {
            (true, _) => 0,
            (false, true) => 100,
            (false, false) => percent,
        };
        let side = |percent: u32, pods: Vec<PodId>| {
            (percent > 0 && !pods.is_empty()).then_some((f64::from(percent) / 100.0, pods))
        };
        [side(percent, inside), side(100 - percent, outside)].into_iter().flatten().collect()
    }
    /// The pods that new connections are spread over; with `local`, those of this kind only.
    fn pods(&self, local: impl Fn(PodId) -> bool) -> Vec<PodId> {
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
    /// What a router sends requests for an app by, if it is kept.
    pub(super) fn routes(&self, front: PodId, app: AppId) -> Option<&View> {
        self.routes.get(&(front, app))
    }
    /// Keeps what a router sends requests for an app by from now on, for this group.
    pub(super) fn want_routes(&mut self, front: PodId, app: AppId, group: GroupId, ctx: &Ctx<'_>) {
        let passing = self.passing.entry((front, app)).or_default();
        if let Err(place) = passing.binary_search(&group) {
            passing.insert(place, group);
        }
        let follows = self.follows.get(&front).copied().unwrap_or(Revision(0));
        self.routes.entry((front, app)).or_insert_with(|| routes_anew(app, follows, ctx));
    }
    /// The groups whose requests pass a router.
    pub(super) fn passing(&self, front: PodId) -> Vec<GroupId> {
        let all = self.passing.range((front, AppId(0))..=(front, AppId(u32::MAX)));
        let mut groups: Vec<GroupId> = all.flat_map(|(_, groups)| groups.iter().copied()).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
    /// A router follows another revision of the slices.
    pub(super) fn reroute(&mut self, front: PodId, to: Revision, ctx: &Ctx<'_>) {
        let from = self.follows.insert(front, to).unwrap_or(Revision(0));
        let resumes = from != Revision(0) && ctx.store.touched(from, to).is_some();
        for ((_, app), view) in self.routes.range_mut((front, AppId(0))..=(front, AppId(u32::MAX))) {
            if !resumes {
                *view = routes_anew(*app, to, ctx);
                continue;
            }
            let of_app = |pod: &PodId| ctx.store.pods().app(*pod) == *app;
            for pod in ctx.store.endpoints_touched(from, to).filter(of_app) {
                view.set(pod, ctx.store.pods().endpoint_at(pod, to));
                view.weight = weight(*app, to, ctx);
            }
        }
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
        groups.dedup();
        groups
    }
    /// The apps whose rules on this node change when it moves from one revision of the slices to another.
    pub(super) fn touched(&self, node: NodeId, from: Revision, to: Revision, ctx: &Ctx<'_>) -> Vec<AppId> {
        let mut apps: Vec<AppId> = if from == Revision(0) {
            self.of(node).collect()
        } else {
            let app = |pod| ctx.store.pods().app(pod);
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
        // Whether each app's rules refused before; what one sync changes, it changes at once.
        let mut refused: BTreeMap<AppId, bool> = BTreeMap::new();
        for pod in ctx.store.endpoints_touched(from, to) {
            let app = ctx.store.pods().app(pod);
            if let Some(view) = self.rules.get_mut(&(node, app)) {
                refused.entry(app).or_insert_with(|| view.between || view.names_nobody());
                view.falls_back = falls_back(node, ctx);
                view.weight = weight(app, to, ctx);
                view.set(pod, ctx.store.pods().endpoint_at(pod, to));
            }
        }
        let mut first = false;
        for (app, refused) in refused {
            let Some(view) = self.rules.get_mut(&(node, app)) else { continue };
            view.between = refused && !view.names_nobody();
            first |= view.between;
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

/// What a router that follows a revision has of an app: ready endpoints only.
fn routes_anew(app: AppId, at: Revision, ctx: &Ctx<'_>) -> View {
    let weight = weight(app, at, ctx);
    let synced = at != Revision(0);
    let mut view = View { synced, falls_back: false, weight, endpoints: Vec::new(), between: false };
    for pod in ctx.store.pods().ids().filter(|pod| ctx.store.pods().app(*pod) == app) {
        view.set(pod, ctx.store.pods().endpoint_at(pod, at));
    }
    view
}

/// What a router's rule for an app says at a revision.
fn weight(app: AppId, at: Revision, ctx: &Ctx<'_>) -> Option<(SetId, u32)> {
    ctx.store.routes().at(app, at).and_then(|route| route.weight)
}

fn anew(node: NodeId, app: AppId, at: Revision, ctx: &Ctx<'_>) -> View {
    let (synced, falls_back, weight) = (at != Revision(0), falls_back(node, ctx), weight(app, at, ctx));
    let mut view = View { synced, falls_back, weight, endpoints: Vec::new(), between: false };
    let of_app = |pod: &PodId| ctx.store.pods().app(*pod) == app;
    for pod in ctx.store.pods().ids().filter(of_app) {
        view.set(pod, ctx.store.pods().endpoint_at(pod, at));
    }
    view
}
