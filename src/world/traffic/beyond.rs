//! What still becomes of requests that a client's pick has brought to a pod: a tier in front of the app fails to pass
//! some on, and pods of a flawed template answer a share with an error. With Poisson arrivals a split by shares is exact, as the first one is.

use std::sync::Arc;

use super::exposure::Peril;
use super::groups::{Group, Manner, Share};
use super::land::Land;
use super::service_time::ServiceTimes;
use crate::base::Span;
use crate::engine::Draw;
use crate::world::fact::Loss;
use crate::world::ids::{PodId, SetId};
use crate::world::spec::Spec;

/// The ways to be lost after the pick, as shares of the requests that the picks bring to pods.
fn errors(shares: &[Share], mut lost: Vec<(Peril, f64)>, land: &Land) -> Arc<[(Peril, f64)]> {
    let of = |share: &Share| {
        let errors = land.sort(share.pod).errors;
        (errors > 0.0).then_some(((Some(share.pod), Loss::ServerError), share.part * errors))
    };
    lost.extend(shares.iter().filter_map(of));
    lost.sort_by_key(|(peril, _)| *peril);
    lost.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1 += later.1;
        }
        same
    });
    lost.into()
}

/// What some pods answer users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Served {
    /// Requests a second.
    pub rate: f64,
    /// The share of them that is an error.
    pub errors: f64,
    /// 99th percentile of the time of a request, of the slowest pod.
    pub p99: Span,
}

/// What the pods of a set answer the users of these groups.
pub(super) fn served<'g>(
    groups: impl Iterator<Item = &'g Group>,
    set: SetId,
    land: &Land,
    spec: &Spec,
) -> Option<Served> {
    let (mut rate, mut errors, mut p99) = (0.0, 0.0, Span::ZERO);
    for group in groups.filter(|group| group.manner != Manner::Streams) {
        for share in group.shares.iter().filter(|share| land.pods[share.pod].set == set) {
            let (of, sort) = (share.part * group.clock.rate.as_f64(), land.sort(share.pod));
            let warm = land.pods[share.pod].is_warm();
            rate += of;
            errors += of * sort.errors;
            let time = ServiceTimes::new(&spec.apps[sort.app], warm, spec.groups[group.id].timeout).when(land.works);
            p99 = p99.max(time.slowed(sort.slower).quantile(0.99));
        }
    }
    (rate > 0.0).then(|| Served { rate, errors: errors / rate, p99 })
}

impl Group {
    /// Takes over where answered requests go, and what becomes of them there.
    pub(super) fn share_out(&mut self, land: &Land) {
        self.shares = self.tally.shares();
        let Some(tier) = &self.tier else {
            if land.flawed {
                self.beyond = errors(&self.shares, Vec::new(), land);
            }
            return;
        };
        let (mut shares, lost) = tier.carry_on(&self.shares);
        self.beyond = errors(&shares, lost, land);
        let all: f64 = shares.iter().map(|share| share.part).sum();
        shares.iter_mut().for_each(|share| share.part /= all);
        self.shares = shares.into();
    }

    /// The ways in which a request can be lost, its pick and what comes after it.
    pub(super) fn perils(&self) -> Vec<Peril> {
        let mut perils = self.tally.perils();
        perils.extend(self.beyond.iter().map(|(peril, _)| *peril));
        perils
    }

    /// Whether nothing that clients send is answered, but for the rounding of a sum of shares.
    pub(super) fn all_lost_beyond(&self) -> bool {
        self.lost_beyond() > 1.0 - 1e-9
    }

    /// The share of picked requests that is lost all the same.
    pub(super) fn lost_beyond(&self) -> f64 {
        self.beyond.iter().map(|(_, share)| share).sum::<f64>().min(1.0)
    }

    /// Splits picked requests over the ways to be lost after the pick.
    pub(super) fn split_beyond(&self, (count, mean): (u64, f64), draw: &mut Draw) -> Vec<(Peril, u64, f64)> {
        let (mut left, mut share) = (count, 1.0);
        let last = if self.shares.is_empty() { self.beyond.len() } else { 0 };
        let split = self.beyond.iter().enumerate().map(|(place, (peril, part))| {
            let all = place + 1 == last;
            let count = if all { left } else { draw.binomial(left, (part / share).min(1.0)) };
            (left, share) = (left - count, share - part);
            (*peril, count, mean * part)
        });
        split.collect()
    }

    /// The pod at the end of one picked request's way, or how it is lost on it.
    pub(super) fn end_of(&self, picked: PodId, land: &Land, draw: &mut Draw) -> Result<PodId, Peril> {
        let pod = match &self.tier {
            None => picked,
            Some(tier) => match tier.of(picked) {
                Some(picks) => picks.pick(draw.unit())?.pod,
                None => return Err((Some(picked), Loss::NoEndpoint)),
            },
        };
        Group::error_at(pod, land, draw).map_or(Ok(pod), Err)
    }

    /// What one request meets at its pod.
    fn error_at(pod: PodId, land: &Land, draw: &mut Draw) -> Option<Peril> {
        let errors = land.sort(pod).errors;
        (errors > 0.0 && draw.unit() < errors).then_some((Some(pod), Loss::ServerError))
    }
}
