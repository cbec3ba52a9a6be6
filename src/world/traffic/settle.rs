//! Settling: what became of the requests of an interval in which nothing changed that the group can see.
//!
//! Arrivals are counted, then split over the ways to be lost, each by one binomial draw in a fixed order; the rest is
//! answered. With Poisson arrivals and picks that nobody's requests influence this is exact (marking of a Poisson
//! process). Kept-alive slots out of order are played one by one, their number being small.

use std::sync::Arc;

use super::exposure::{Peril, order};
use super::groups::{Client, Group, Manner, Share};
use super::land::Land;
use super::ledger::Ledger;
use super::service_time::ServiceTimes;
use crate::base::{Span, Time};
use crate::engine::Draw;
use crate::world::effects::Ctx;
use crate::world::fact::{Fact, Loss};
use crate::world::ids::{NodeId, PodId};
use crate::world::purpose::Purpose;
use crate::world::spec::Connections;

/// Requests that are sent from `from` to `to`, each at a moment of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub(super) from: Time,
    pub(super) to: Time,
    pub(super) count: u64,
    /// How many on average over all luck.
    pub(super) mean: f64,
    /// Tries left after this one.
    pub(super) tries: u32,
    /// Repeated by the client library, which is no try of its own.
    pub(super) repeat: bool,
    /// Sent while processors that all hosts share were at work.
    pub(super) busy: bool,
}

/// Requests of a past interval that were answered, or are still under way.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) flow: Flow,
    /// Where they went.
    pub(super) shares: Arc<[Share]>,
    /// Clients that sent them.
    pub(super) clients: usize,
    /// The share of all of them that no cut has taken.
    pub(super) left: f64,
}

/// The draws of one interval.
struct Luck {
    outcomes: Draw,
    connections: Draw,
    /// Only this node's clients are about to change.
    at: Option<NodeId>,
}

impl Group {
    /// Settles what was sent up to now. With `at`, only what clients of this node meet is about to change.
    pub(super) fn settle(&mut self, at: Option<NodeId>, land: &Land, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let (from, to) = (self.settled, ctx.now);
        if to <= from {
            return;
        }
        self.stand(land, ctx);
        self.settled = to;
        self.forget(to);
        if self.clients.is_empty() || self.manner == Manner::Streams {
            return;
        }
        let tries = ctx.spec.groups[self.id].retries;
        let mut fresh = Flow { from, to, count: 0, mean: 0.0, tries, repeat: false, busy: land.works };
        if self.manner == Manner::Calls {
            // Calls are settled one by one; only where they went is kept.
            return self.keep(fresh);
        }
        self.interval += 1;
        let mut luck = Luck {
            outcomes: ctx.draw(Purpose::Outcomes, self.name, self.interval),
            connections: ctx.draw(Purpose::Connections, self.name, self.interval),
            at,
        };
        let mut arrivals = ctx.draw(Purpose::Arrivals, self.name, self.interval);
        fresh.count = self.clock.count(ctx.spec.groups[self.id].arrivals, from, to, &mut arrivals);
        fresh.mean = self.clock.mean(from, to);
        ledger.sent += fresh.count;
        ledger.attempts += fresh.count;
        self.serve(fresh, &mut luck, land, ledger, ctx);
        while let Some(flow) = self.due_retry(from, to, &mut luck) {
            ledger.attempts += if flow.repeat { 0 } else { flow.count };
            ledger.in_flight -= flow.count;
            self.serve(flow, &mut luck, land, ledger, ctx);
        }
    }

    /// The part of some waiting retries that falls before `to`.
    fn due_retry(&mut self, from: Time, to: Time, luck: &mut Luck) -> Option<Flow> {
        let place = self.retries.iter().position(|flow| flow.from < to)?;
        let whole = self.retries[place];
        if whole.to <= to {
            self.retries.remove(place);
            return Some(Flow { from: whole.from.max(from), to: whole.to.max(from), ..whole });
        }
        let share = to.since(whole.from).as_secs_f64() / whole.to.since(whole.from).as_secs_f64();
        let count = luck.outcomes.binomial(whole.count, share);
        let mean = whole.mean * share;
        self.retries[place] = Flow { from: to, count: whole.count - count, mean: whole.mean - mean, ..whole };
        Some(Flow { from: whole.from.max(from), to, count, mean, ..whole })
    }

    /// What becomes of a flow.
    fn serve(&mut self, flow: Flow, luck: &mut Luck, land: &Land, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let lost = match ctx.spec.groups[self.id].connections {
            Connections::New => self.serve_new(&flow, luck, land),
            Connections::KeptAlive { .. } | Connections::LastUsed => self.serve_kept(&flow, luck, land, ctx),
            Connections::Stream { .. } => Vec::new(),
        };
        let mut rest = Flow { busy: land.works, ..flow };
        for (peril, count, mean) in lost {
            rest.count -= count;
            rest.mean -= mean;
            self.fail(peril, Flow { count, mean, ..flow }, ledger, ctx);
        }
        for (peril, count, mean) in self.split_beyond((rest.count, rest.mean), &mut luck.outcomes) {
            rest.count -= count;
            rest.mean -= mean;
            self.fail(peril, Flow { count, mean, ..flow }, ledger, ctx);
        }
        let too_long = self.too_long(land, ctx);
        if too_long > 0.0 {
            let given_up = luck.outcomes.binomial(rest.count, too_long);
            ledger.abandoned += given_up;
            rest.count -= given_up;
            rest.mean *= 1.0 - too_long;
        }
        ledger.ok += rest.count;
        self.keep(rest);
    }

    fn serve_new(&mut self, flow: &Flow, luck: &mut Luck, land: &Land) -> Vec<(Peril, u64, f64)> {
        let weight = 1.0 / self.clients.len() as f64;
        let seconds = flow.to.since(flow.from).as_secs_f64();
        let mut classes: Vec<(Peril, f64)> = self.tally.bad().map(|(peril, part)| (peril, part * weight)).collect();
        for seat in self.tally.restless() {
            let Ok(place) = self.place_of(seat) else { continue };
            let client = &mut self.clients[place];
            // The hole's own entries count from the moment they are made.
            client.leave_stale(flow, flow.mean * weight, seconds);
            let picks = client.picks_between(flow.from, flow.to, land);
            classes.extend(picks.bad.iter().map(|(peril, part)| (*peril, part * weight)));
        }
        if flow.count == 0 {
            return unlucky(&classes, flow.mean);
        }
        classes.sort_by_key(|(peril, _)| order(peril));
        classes.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
            }
            same
        });
        let good = self.tally.hopes();
        let (mut left, mut share) = (flow.count, 1.0);
        let last = classes.len();
        let split = classes.into_iter().enumerate().map(|(place, (peril, part))| {
            let all = !good && place + 1 == last;
            let count = if all { left } else { luck.outcomes.binomial(left, (part / share).min(1.0)) };
            (left, share) = (left - count, share - part);
            (peril, count, flow.mean * part)
        });
        split.collect()
    }

    fn serve_kept(&mut self, flow: &Flow, luck: &mut Luck, land: &Land, ctx: &Ctx<'_>) -> Vec<(Peril, u64, f64)> {
        let all = self.clients.len();
        let seconds = flow.to.since(flow.from).as_secs_f64();
        let idempotent = ctx.spec.groups[self.id].idempotent;
        self.sent = (self.sent.0 + flow.count, self.sent.1 + flow.mean);
        let (mut left, mut others) = (flow.count, all);
        let mut lost = Vec::new();
        let mut seats = self.tally.restless();
        seats.extend(self.tally.refilling(luck.at));
        seats.sort_unstable();
        for seat in seats.iter().copied() {
            let Ok(place) = self.place_of(seat) else { continue };
            let client = &mut self.clients[place];
            if client.pool.is_plain(land) {
                continue;
            }
            let (sent, mean) = if client.refills() {
                let (count, mean) = client.since_mark(self.sent);
                (luck.outcomes.binomial(count, 1.0 / all as f64), mean / all as f64)
            } else {
                let sent = luck.outcomes.binomial(left, 1.0 / others as f64);
                (left, others) = (left - sent, others - 1);
                (sent, flow.mean / all as f64)
            };
            let picks = client.picks_between(flow.from, flow.to, land).into_owned();
            let used = client.pool.take((sent, mean), &picks, land, idempotent, &mut luck.connections);
            lost.extend(used.lost);
            client.leave_stale(flow, used.tries, seconds);
            self.count(place, land, ctx);
        }
        if !seats.is_empty() {
            self.share_out(land);
        }
        lost
    }

    /// Tries have failed: they are made again later, or their requests are lost.
    pub(super) fn fail(&mut self, peril: Peril, flow: Flow, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let (spec, (pod, loss)) = (&ctx.spec.groups[self.id], peril);
        if flow.tries > 0 {
            let wait = notice_after(loss, spec.timeout) + spec.retry_backoff;
            ledger.in_flight += flow.count;
            let again =
                Flow { from: flow.from + wait, to: flow.to + wait, tries: flow.tries - 1, repeat: false, ..flow };
            // Failures of one interval are tried again together, whatever failed them.
            let together = |flow: &&mut Flow| {
                (flow.from, flow.to, flow.tries, flow.repeat) == (again.from, again.to, again.tries, again.repeat)
            };
            match self.retries.iter_mut().find(together) {
                Some(flow) => (flow.count, flow.mean) = (flow.count + again.count, flow.mean + again.mean),
                None => self.retries.push(again),
            }
            return;
        }
        ledger.expected_lost += flow.mean;
        if flow.count > 0 {
            ledger.lost[loss as usize] += flow.count;
            let (group, count, since) = (self.id, flow.count, flow.from);
            ctx.note(Fact::RequestsLost { group, pod, loss, count, since });
        }
    }

    /// Remembers a settled flow as long as some of it may be under way.
    fn keep(&mut self, flow: Flow) {
        self.past.push_back(Past { flow, shares: self.shares.clone(), clients: self.clients.len(), left: 1.0 });
    }
    fn forget(&mut self, now: Time) {
        let reach = self.reach;
        self.past.retain(|past| past.flow.to + reach > now);
    }
    /// The whole time of requests that a pod at the end answers, as this group lives it.
    pub(super) fn whole_times(&self, pod: PodId, land: &Land, ctx: &Ctx<'_>) -> ServiceTimes {
        self.service_times(pod, land, ctx).delayed(self.head(ctx))
    }
    /// Service times at a pod, as this group lives them.
    pub(super) fn service_times(&self, pod: PodId, land: &Land, ctx: &Ctx<'_>) -> ServiceTimes {
        let (warm, slower) = (land.pods[pod].is_warm(), land.sort(pod).slower);
        ServiceTimes::new(&ctx.spec.apps[self.end()], warm, ctx.spec.groups[self.id].timeout).slowed(slower)
    }
    /// The share of served requests that the clients give up.
    fn too_long(&self, land: &Land, ctx: &Ctx<'_>) -> f64 {
        let given_up = self.given_up[usize::from(land.works)];
        let of = |share: &Share| match land.sort(share.pod).slower {
            1 => share.part * given_up[usize::from(land.pods[share.pod].is_warm())],
            _ => share.part * self.whole_times(share.pod, land, ctx).when(land.works).too_long(),
        };
        self.shares.iter().map(of).sum::<f64>().min(1.0)
    }
}

impl Client {
    /// What its new connections leave in connection tracking, being so many in so many seconds.
    fn leave_stale(&mut self, flow: &Flow, tries: f64, seconds: f64) {
        if self.seat.node().is_none() || seconds <= 0.0 {
            return;
        }
        self.stale.add(flow.from, flow.to, tries / seconds, &self.holes);
    }
}

/// What nobody's requests lose on average: by the way of the loss alone, since no pod has to be named.
fn unlucky(classes: &[(Peril, f64)], mean: f64) -> Vec<(Peril, u64, f64)> {
    let mut sums = [0.0; Loss::ALL.len()];
    for ((_, loss), part) in classes {
        sums[*loss as usize] += part;
    }
    let lost = Loss::ALL.into_iter().zip(sums).filter(|(_, sum)| *sum > 0.0);
    lost.map(|(loss, sum)| ((None, loss), 0, mean * sum)).collect()
}

/// From a try until its client knows that it failed.
pub(super) fn notice_after(loss: Loss, timeout: Span) -> Span {
    match loss {
        Loss::BlackHole | Loss::Overload => timeout,
        // Names are answered by SERVFAIL, or refused with the connection to a Service without endpoints.
        Loss::Dns
        | Loss::Refused
        | Loss::Reset
        | Loss::NoEndpoint
        | Loss::StreamDropped
        | Loss::NoTarget
        | Loss::ServerError => Span::ZERO,
    }
}
