//! What a client's new connections can meet, and with which shares.

use std::sync::Arc;

use super::exposure::{Peril, order};
use super::land::{Answer, Land};
use super::view::Views;
use crate::world::effects::Ctx;
use crate::world::fact::Loss;
use crate::world::ids::{AppId, NodeId, PodId, SetId};
use crate::world::spec::ExternalPolicy;
use crate::world::targets::Target;

/// The way of a connection: through whose rules, or straight, to which pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    pub(super) via: Option<NodeId>,
    pub(super) pod: PodId,
}

/// Shares of new connections, by what they meet. All shares together are 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Picks {
    /// Served.
    pub(super) good: Vec<(Path, f64)>,
    /// Lost.
    pub(super) bad: Vec<(Peril, f64)>,
}

impl Picks {
    /// A client on a node, whose rules choose.
    pub(super) fn from_node(node: NodeId, app: AppId, views: &Views, land: &Land) -> Picks {
        let mut picks = Picks::default();
        if land.nameless {
            picks.bad.push(((None, Loss::Dns), 1.0));
            return picks;
        }
        picks.add_node(node, app, ExternalPolicy::Cluster, 1.0, views, land);
        picks.merge();
        picks
    }
    /// Clients outside, through the app's load balancer.
    pub(super) fn from_outside(app: AppId, views: &Views, land: &Land, ctx: &Ctx<'_>) -> Picks {
        let mut picks = Picks::default();
        let targets = ctx.targets.of(app);
        if targets.is_empty() {
            picks.bad.push(((None, Loss::NoTarget), 1.0));
        }
        let policy = ctx.spec.apps[app].balancer.as_ref().map_or(ExternalPolicy::Cluster, |balancer| balancer.policy);
        let share = 1.0 / targets.len().max(1) as f64;
        for target in targets {
            match *target {
                Target::Pod(pod) => picks.add_pod(Path { via: None, pod }, share, land),
                Target::Node(node) if !land.enters(node) => picks.bad.push(((None, Loss::BlackHole), share)),
                Target::Node(node) => picks.add_node(node, app, policy, share, views, land),
            }
        }
        picks.merge();
        picks
    }
    fn add_node(&mut self, node: NodeId, app: AppId, policy: ExternalPolicy, share: f64, views: &Views, land: &Land) {
        let Some(view) = views.get(node, app).filter(|view| view.is_synced() && !view.is_between()) else {
            // No rule takes the packet; it goes to an address that nobody has.
            return self.bad.push(((None, Loss::BlackHole), share));
        };
        let set = |pod| land.pods.get(pod).map_or(SetId(0), |process| process.set);
        let (pods, nobody) = match policy {
            ExternalPolicy::Cluster => (view.spread(share, |_| true, set), Loss::NoEndpoint),
            // kube-proxy drops what it may not forward: `externalTrafficPolicy: Local`, `pkg/proxy/iptables`.
            ExternalPolicy::Local => {
                let is_here = |pod| land.pods.get(pod).is_some_and(|process| process.node() == Some(node));
                (view.spread(share, is_here, set), Loss::BlackHole)
            }
        };
        if pods.is_empty() {
            return self.bad.push(((None, nobody), share));
        }
        for (pod, part) in pods {
            self.add_pod(Path { via: Some(node), pod }, part, land);
        }
    }
    fn add_pod(&mut self, path: Path, share: f64, land: &Land) {
        match land.answer(path.via, path.pod) {
            Answer::Serves => self.good.push((path, share)),
            Answer::Refuses => self.bad.push(((Some(path.pod), Loss::Refused), share)),
            Answer::Silent => self.bad.push(((Some(path.pod), Loss::BlackHole), share)),
        }
    }
    fn merge(&mut self) {
        self.bad.sort_by_key(|(peril, _)| order(peril));
        self.bad.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
            }
            same
        });
    }
    /// As this, for attempts of which these shares meet stale entries of connection tracking, pod by pod.
    pub(super) fn with_stale(&self, stale: &[(PodId, f64)], via: NodeId, land: &Land) -> Picks {
        let mut picks = self.clone();
        let mut met = 0.0;
        let mut astray = Vec::new();
        for (pod, share) in stale.iter().copied() {
            let loss = match land.answer(Some(via), pod) {
                Answer::Serves => continue,
                Answer::Refuses => Loss::Refused,
                Answer::Silent => Loss::BlackHole,
            };
            met += share;
            astray.push(((Some(pod), loss), share));
        }
        picks.good.iter_mut().for_each(|(_, share)| *share *= 1.0 - met);
        picks.bad.iter_mut().for_each(|(_, share)| *share *= 1.0 - met);
        picks.bad.extend(astray);
        picks.merge();
        picks
    }
    /// The pods that nobody answers for, with their shares.
    pub(super) fn holes(&self) -> Arc<[(PodId, f64)]> {
        let hole =
            |((pod, loss), part): &(Peril, f64)| pod.filter(|_| *loss == Loss::BlackHole).map(|pod| (pod, *part));
        self.bad.iter().filter_map(hole).collect()
    }
    /// The share that is served.
    pub(super) fn served(&self) -> f64 {
        if self.bad.is_empty() { 1.0 } else { self.good.iter().map(|(_, share)| share).sum() }
    }
    /// The share that is served and leaves a connection that stays.
    pub(super) fn keeping(&self, land: &Land) -> f64 {
        if self.bad.is_empty() && self.good.iter().all(|(path, _)| !land.is_announcing(path.pod)) {
            return if self.good.is_empty() { 0.0 } else { 1.0 };
        }
        self.good.iter().filter(|(path, _)| !land.is_announcing(path.pod)).map(|(_, share)| share).sum()
    }
    /// What a pick of this luck in [0, 1) meets.
    pub(super) fn pick(&self, luck: f64) -> Result<Path, Peril> {
        let mut left = luck;
        for (path, share) in &self.good {
            if left < *share {
                return Ok(*path);
            }
            left -= share;
        }
        for (peril, share) in &self.bad {
            if left < *share {
                return Err(*peril);
            }
            left -= share;
        }
        // The shares' sum fell short of 1 by rounding.
        match (self.good.last(), self.bad.last()) {
            (Some((path, _)), _) => Ok(*path),
            (None, Some((peril, _))) => Err(*peril),
            (None, None) => Err((None, Loss::NoEndpoint)),
        }
    }
    /// Whether a pod is among them.
    pub(super) fn names(&self, pod: PodId) -> bool {
        self.good.iter().any(|(path, _)| path.pod == pod) || self.bad.iter().any(|((bad, _), _)| *bad == Some(pod))
    }
}
