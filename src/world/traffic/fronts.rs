//! Requests on their way through a tier of pods in front of an app: an ingress, or a front end that calls it.
//!
//! A client's pick brings a request to a front; the front picks a pod of the app by its own router's list, or by its
//! node's rules. The whole way is chosen when the request is sent, and the time that a front takes for itself is its
//! app's median latency. With Poisson arrivals both picks mark a Poisson process, so that counts per interval are exact.

use super::cuts::{Blow, Fate, Zone};
use super::exposure::Peril;
use super::groups::{Client, Share};
use super::land::{Answer, Land};
use super::picks::{Path, Picks};
use super::view::{View, Views};
use crate::base::Span;
use crate::world::effects::Ctx;
use crate::world::fact::Loss;
use crate::world::ids::{AppId, PodId};
use crate::world::spec::RouterSpec;

/// The tier that a group's requests pass.
#[derive(Clone, Debug)]
pub(super) struct Tier {
    /// The app at the end of the way.
    pub(super) end: AppId,
    /// From a request's sending until it reaches its pod at the end: both ways' delays and the front's own time.
    pub(super) reaches_after: Span,
    /// What each front's requests meet, by front.
    fronts: Vec<(PodId, Picks)>,
    /// How fronts find pods; by their nodes' rules, if not by a router.
    router: Option<RouterSpec>,
    /// Clients give up after this long.
    timeout: Span,
}

impl Tier {
    pub(super) fn new(front: AppId, end: AppId, timeout: Span, ctx: &Ctx<'_>) -> Tier {
        let app = &ctx.spec.apps[front];
        let delay = ctx.spec.timings.network.median();
        let (reaches_after, router) = (delay * 2 + app.latency.median(), app.router);
        Tier { end, reaches_after, fronts: Vec::new(), router, timeout }
    }

    /// What a request adds to its time at the end by passing a front.
    pub(super) fn adds(&self, delay: Span) -> Span {
        self.reaches_after - delay
    }

    /// Looks through the fronts that clients' requests go to.
    pub(super) fn look(
        &mut self,
        clients: &[Client],
        of: crate::world::ids::GroupId,
        land: &Land,
        views: &mut Views,
        ctx: &Ctx<'_>,
    ) {
        let named = clients.iter().flat_map(|client| client.picks.good.iter().map(|(path, _)| path.pod));
        let held = clients.iter().flat_map(|client| client.pool.open.iter().map(|open| open.path.pod));
        let mut fronts: Vec<PodId> = named.chain(held).collect();
        fronts.sort_unstable();
        fronts.dedup();
        self.fronts = fronts.into_iter().map(|front| (front, self.picks(front, of, land, views, ctx))).collect();
    }

    fn picks(
        &self,
        front: PodId,
        of: crate::world::ids::GroupId,
        land: &Land,
        views: &mut Views,
        ctx: &Ctx<'_>,
    ) -> Picks {
        let nowhere = |loss| Picks { good: Vec::new(), bad: vec![((Some(front), loss), 1.0)] };
        let Some(node) = land.pods[front].node() else { return nowhere(Loss::BlackHole) };
        match &self.router {
            None => {
                views.want(node, self.end, of, ctx);
                Picks::from_node(node, self.end, views, land)
            }
            Some(router) => {
                views.want_routes(front, self.end, of, ctx);
                match views.routes(front, self.end).filter(|view| view.is_synced()) {
                    // It listens, and knows of no backend: 503.
                    None => nowhere(Loss::NoEndpoint),
                    Some(view) => routed(front, view, router, self.timeout, land),
                }
            }
        }
    }

    /// What a front's requests meet.
    pub(super) fn of(&self, front: PodId) -> Option<&Picks> {
        let place = self.fronts.binary_search_by_key(&front, |(pod, _)| *pod).ok()?;
        Some(&self.fronts[place].1)
    }

    /// Whether a pod at the end is in some front's list.
    pub(super) fn names(&self, pod: PodId) -> bool {
        self.fronts.iter().any(|(_, picks)| picks.names(pod))
    }

    /// Takes shares that end at fronts on to the pods behind them; and what is lost between.
    pub(super) fn carry_on(&self, shares: &[Share]) -> (Vec<Share>, Vec<(Peril, f64)>) {
        let (mut onward, mut lost) = (Vec::new(), Vec::new());
        for share in shares {
            let Some(picks) = self.of(share.pod) else { continue };
            onward.extend(picks.good.iter().map(|(path, part)| Share {
                target: share.target,
                front: Some(share.pod),
                pod: path.pod,
                part: share.part * part,
            }));
            lost.extend(picks.bad.iter().map(|(peril, part)| (*peril, share.part * part)));
        }
        (onward, lost)
    }

    /// What a blow by a pod at the end does to requests that its fronts have sent it. An answer that does not come
    /// is tried elsewhere where the router does that, and requests that are not idempotent only before they were sent.
    /// Source: nginx `proxy_next_upstream error timeout`.
    pub(super) fn fate(&self, blow: Blow, zone: Zone, idempotent: bool) -> Fate {
        let tries = self.router.as_ref().is_some_and(|router| router.next_tries > 0);
        let keeps = self.router.as_ref().is_some_and(|router| router.keeps);
        match (blow, zone) {
            (Blow::Vanish, Zone::Wire | Zone::Service) => Fate::Lost(Loss::BlackHole),
            (Blow::Announce, Zone::Wire | Zone::Service) => Fate::Spared,
            (Blow::Close | Blow::CloseTold, Zone::Service) => Fate::Spared,
            (Blow::Cut, Zone::Service) if tries && idempotent => Fate::Repeated,
            (Blow::Cut, Zone::Service) => Fate::Lost(Loss::Reset),
            (Blow::Cut | Blow::Close | Blow::CloseTold, Zone::Wire) if keeps && !(tries && idempotent) => {
                Fate::Lost(Loss::Reset)
            }
            (Blow::Cut | Blow::Close | Blow::CloseTold, Zone::Wire) if tries => Fate::Repeated,
            (Blow::Cut | Blow::Close | Blow::CloseTold, Zone::Wire) => Fate::Lost(Loss::Refused),
        }
    }
}

/// A router's picks: a side by its weight, any pod of that side's list, and where that one refuses the next of the same
/// side, as far as its tries go. Source: ingress-nginx `balancer.lua`, which keeps a request's backend over all tries.
fn routed(front: PodId, view: &View, router: &RouterSpec, timeout: Span, land: &Land) -> Picks {
    let mut picks = Picks::default();
    let sides = view.sides(|_| true, |pod| land.pods[pod].set);
    if sides.is_empty() {
        picks.bad.push(((Some(front), Loss::NoEndpoint), 1.0));
    }
    let via = land.pods[front].node();
    let silences = timeout.as_nanos().saturating_sub(1) / router.connect_timeout.as_nanos().max(1);
    for (share, pods) in sides {
        let of = |wanted: Answer| -> Vec<PodId> {
            pods.iter().filter(|pod| land.answer(via, **pod) == wanted).copied().collect()
        };
        let (good, refusing, silent) = (of(Answer::Serves), of(Answer::Refuses), of(Answer::Silent));
        let left = [good.len(), refusing.len(), silent.len()];
        let (refused, silenced) = lost_of(left, router.next_tries.saturating_add(1), silences);
        let served = (1.0 - refused - silenced).max(0.0);
        let even = |all: f64, pods: &[PodId]| share * all / pods.len().max(1) as f64;
        picks.good.extend(good.iter().map(|pod| (Path { via, pod: *pod }, even(served, &good))));
        let mut lose = |pods: &[PodId], loss, all| {
            picks.bad.extend(pods.iter().filter(|_| all > 0.0).map(|pod| ((Some(*pod), loss), even(all, pods))));
        };
        lose(&refusing, Loss::Refused, refused);
        lose(&silent, Loss::BlackHole, silenced);
    }
    picks
}

/// How likely a request is lost by refusal and in silence, that tries pods one after the other and none twice: of so
/// many that serve, refuse and are silent, with so many tries and as many silences as its client has patience for.
fn lost_of([good, refusing, silent]: [usize; 3], tries: u32, silences: u64) -> (f64, f64) {
    let (mut refused, mut silenced) = (0.0, 0.0);
    // How likely all tries so far have failed, by how many of them met silence.
    let mut failing = vec![1.0];
    for tried in 0..(tries as usize).min(refusing + silent) {
        let left = good + refusing + silent - tried;
        let last = tried + 1 == tries as usize || left == 1;
        let mut next = vec![0.0; failing.len() + 1];
        for (silences_met, likely) in failing.into_iter().enumerate() {
            let part = |pods: usize, met: usize| likely * (pods.saturating_sub(met) as f64 / left as f64);
            let (refuse, fall_silent) = (part(refusing, tried - silences_met), part(silent, silences_met));
            let given_up = last || silences_met as u64 >= silences;
            *(if last { &mut refused } else { &mut next[silences_met] }) += refuse;
            *(if given_up { &mut silenced } else { &mut next[silences_met + 1] }) += fall_silent;
        }
        failing = next;
    }
    (refused, silenced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_that_tries_the_next_pod_loses_only_where_all_tries_fail() {
        assert_eq!(lost_of([3, 1, 0], 1, 0), (0.25, 0.0));
        assert_eq!(lost_of([3, 1, 0], 2, 0), (0.0, 0.0));
        assert_eq!(lost_of([2, 2, 0], 2, 0), (0.5 * (1.0 / 3.0), 0.0));
        assert_eq!(lost_of([0, 2, 0], 3, 0), (1.0, 0.0));
    }

    #[test]
    fn a_silent_pod_costs_the_connect_time_out_and_with_it_the_clients_patience() {
        assert_eq!(lost_of([3, 0, 1], 3, 0), (0.0, 0.25));
        assert_eq!(lost_of([3, 0, 1], 3, 1), (0.0, 0.0));
    }

    #[test]
    fn a_thousand_pods_and_tries_are_no_more_work_than_a_table() {
        // Two of three pods are bad, and one try fewer than bad pods: all tries but for the one that serves.
        let (refused, silenced) = lost_of([1_000, 1_000, 1_000], 2_000, 10_000);
        assert!(refused + silenced < 1e-9, "{refused} {silenced}");
        let (refused, silenced) = lost_of([0, 500, 500], 1_000, 10_000);
        assert!((refused - 0.5).abs() < 1e-9 && (silenced - 0.5).abs() < 1e-9, "{refused} {silenced}");
    }
}
