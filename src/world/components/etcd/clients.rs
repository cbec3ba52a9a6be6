//! Requests of clients: where each stands, and how it ends. Source: etcd `server/etcdserver/v3_server.go`,
//! `processInternalRaftRequestOnce`; `raft/node.go`, where proposals wait while no leader is known.

use super::log::{Index, Term};
use super::member::Process;
use super::{Etcd, EtcdEvent};
use crate::base::Time;
use crate::world::effects::{Ctx, Notice};
use crate::world::ids::RequestId;
use crate::world::store::ApiError;

/// A write that has not ended, or whose entry may still be committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    request: RequestId,
    /// The member that accepted it.
    origin: u8,
    /// When it fails.
    deadline: Time,
    /// The alarm of its end is set.
    timed: bool,
    /// It has failed for its client.
    failed: bool,
    place: Place,
}

/// Where a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In its member, which knows no leader.
    Blocked,
    /// Sent to a leader that did not take it. Nobody tells its member.
    Lost,
    /// In a leader's log.
    Entry(Index, Term),
}

impl Etcd {
    /// A write reaches a member.
    pub(super) fn accept(&mut self, member: usize, request: RequestId, ctx: &mut Ctx<'_>) {
        if self.members.get(member).is_none_or(|me| me.process != Process::Up) {
            return ctx.notify(Notice::Stored(request, Err(ApiError::Refused)));
        }
        let deadline = ctx.now + self.settings.request_timeout();
        let place = Place::Blocked;
        let origin = member as u8;
        self.waiting.push(Waiting { request, origin, deadline, timed: false, failed: false, place });
        self.send_on(self.waiting.len() - 1, ctx);
    }

    /// Writes that waited in a member go on, now that it knows a leader.
    pub(super) fn place_blocked(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        for which in 0..self.waiting.len() {
            let waiting = &self.waiting[which];
            if usize::from(waiting.origin) == member && waiting.place == Place::Blocked && !waiting.failed {
                self.send_on(which, ctx);
            }
        }
    }

    /// Sends a write from its member to the leader that the member knows.
    fn send_on(&mut self, which: usize, ctx: &mut Ctx<'_>) {
        let origin = usize::from(self.waiting[which].origin);
        let place = match self.members[origin].lead.map(usize::from) {
            None => Place::Blocked,
            Some(lead) if self.takes_proposals(lead, origin) => {
                let (index, term) = self.append(lead, origin, ctx);
                self.placed(self.waiting[which].request, (index, term));
                Place::Entry(index, term)
            }
            Some(_) => Place::Lost,
        };
        self.waiting[which].place = place;
        let in_time = match (place, self.members[origin].lead) {
            (Place::Entry(index, _), Some(lead)) => {
                self.commit_time(lead.into(), index) <= self.waiting[which].deadline
            }
            (Place::Blocked | Place::Lost | Place::Entry(..), _) => false,
        };
        if self.eager || !in_time {
            self.time(which, ctx);
        }
    }

    /// Whether a member works on a request for a client.
    pub(super) fn has_requests(&self, member: usize) -> bool {
        self.waiting.iter().any(|waiting| usize::from(waiting.origin) == member && !waiting.failed)
    }

    fn takes_proposals(&self, lead: usize, origin: usize) -> bool {
        let Some(reign) = &self.members[lead].reign else { return false };
        let same_term = self.members[lead].hard.term == self.members[origin].hard.term;
        reign.transfer.is_none() && same_term && self.connected(lead, origin)
    }

    fn time(&mut self, which: usize, ctx: &mut Ctx<'_>) {
        let Waiting { request, deadline, timed, failed, .. } = self.waiting[which];
        if !timed && !failed {
            self.waiting[which].timed = true;
            self.push_at(deadline, EtcdEvent::Expired { request }, ctx);
        }
    }

    /// A disturbance: from now on every waiting write has an alarm, since none is sure to be committed.
    pub(super) fn time_waiting(&mut self, ctx: &mut Ctx<'_>) {
        for which in 0..self.waiting.len() {
            self.time(which, ctx);
        }
    }

    /// A write has waited as long as it may. Its entry may be committed all the same.
    pub(super) fn expired(&mut self, request: RequestId, ctx: &mut Ctx<'_>) {
        let due = |w: &Waiting| w.request == request && !w.failed && w.timed && w.deadline == ctx.now;
        let Some(which) = self.waiting.iter().position(due) else { return };
        ctx.notify(Notice::Stored(request, Err(ApiError::Unavailable)));
        self.fail(which);
        self.waiting.retain(|w| !w.failed || matches!(w.place, Place::Entry(..)));
    }

    fn fail(&mut self, which: usize) {
        self.waiting[which].failed = true;
        self.given_up(self.waiting[which].request);
    }

    /// The connections of a member's clients break.
    pub(super) fn reset_clients(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        for which in 0..self.waiting.len() {
            let Waiting { request, origin, failed, .. } = self.waiting[which];
            if usize::from(origin) == member && !failed {
                ctx.notify(Notice::Stored(request, Err(ApiError::Reset)));
                self.fail(which);
            }
        }
        self.waiting.retain(|w| !w.failed || matches!(w.place, Place::Entry(..)));
    }

    /// Everything up to `upto` is committed as in this leader's log: writes there are stored, in order, and writes
    /// whose place another entry has taken are lost.
    pub(super) fn store(&mut self, leader: usize, upto: Index, ctx: &mut Ctx<'_>) {
        let mut stored = Vec::new();
        let log = &self.members[leader].log;
        for waiting in &mut self.waiting {
            let Place::Entry(index, term) = waiting.place else { continue };
            if index > upto {
                continue;
            }
            waiting.place = Place::Lost;
            if log.term_at(index) == Some(term) {
                stored.push((index, term, waiting.request, waiting.failed));
                waiting.failed = true;
            }
        }
        stored.sort_unstable();
        for (index, term, request, failed) in stored {
            if failed {
                ctx.notify(Notice::StoredLate(request));
            } else {
                self.history.acknowledge(index, term);
                ctx.notify(Notice::Stored(request, Ok(())));
            }
        }
        self.waiting.retain(|w| !w.failed || matches!(w.place, Place::Entry(..)));
    }
}
