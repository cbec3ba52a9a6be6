//! What a leader knows: how far each follower is, and who has answered lately.

use super::log::{Index, Term};
use crate::base::Time;

/// How a leader's stream to a follower stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// No connection.
    Gone,
    /// A first message is on its way, or was refused for its old term.
    Probing,
    /// The follower has accepted the leader; missing entries are on their way.
    Joining,
    /// Each new entry is sent at once.
    Flowing,
}

/// An acknowledgement on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ack {
    /// Everything up to here.
    pub(super) index: Index,
    /// When the follower has it on disk and sends the acknowledgement.
    pub(super) durable: Time,
    /// When the leader gets it.
    pub(super) at: Time,
}

/// A leader's stream to one follower.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) flow: Flow,
    /// Since when they are connected.
    pub(super) opened: Time,
    /// Since when the follower hears the leader; heartbeats count from here.
    pub(super) accepted: Time,
    /// The last time the leader got an answer. While the follower hears the leader this is the first such time.
    pub(super) active: Time,
    /// Acknowledged and forgotten.
    pub(super) matched: Index,
    pub(super) acks: Vec<Ack>,
    /// Arrival of the last entry sent: the wire keeps the order.
    pub(super) tail: Time,
    /// Eager mode: acknowledged by an event.
    pub(super) counted: Index,
}

impl Stream {
    pub(super) fn gone() -> Stream {
        Stream {
            flow: Flow::Gone,
            opened: Time::ZERO,
            accepted: Time::ZERO,
            active: Time::ZERO,
            matched: 0,
            acks: Vec::new(),
            tail: Time::ZERO,
            counted: 0,
        }
    }

    /// Whether heartbeats reach the follower and are accepted.
    pub(super) fn hears(&self) -> bool {
        match self.flow {
            Flow::Gone | Flow::Probing => false,
            Flow::Joining | Flow::Flowing => true,
        }
    }

    /// Up to which index acknowledgements have come by `now`.
    pub(super) fn matched_at(&self, now: Time) -> Index {
        self.acks.iter().take_while(|ack| ack.at <= now).map(|ack| ack.index).fold(self.matched, Index::max)
    }

    /// When the acknowledgement of this index comes.
    pub(super) fn acked_from(&self, index: Index) -> Time {
        if self.matched >= index {
            return Time::ZERO;
        }
        self.acks.iter().find(|ack| ack.index >= index).map_or(Time::NEVER, |ack| ack.at)
    }

    /// The last acknowledgement that has come by `now`.
    pub(super) fn last_ack(&self, now: Time) -> Time {
        self.acks.iter().rev().map(|ack| ack.at).find(|at| *at <= now).unwrap_or(Time::ZERO)
    }

    /// Forgets acknowledgements that have come, but the newest: its time is a sign of life.
    pub(super) fn prune(&mut self, now: Time) {
        self.matched = self.matched_at(now);
        let done = self.acks.iter().take_while(|ack| ack.at <= now).count();
        self.acks.drain(..done.saturating_sub(1));
    }
}

/// A leader's time in office.
#[derive(Clone, Debug)]
pub(super) struct Reign {
    /// Since when.
    pub(super) since: Time,
    /// Ticks of its first check-quorum round that had passed by then.
    pub(super) lead_in: u32,
    /// Index of its first, empty entry; it serves once that is committed.
    pub(super) first: Index,
    /// When the last proposal reaches it; proposals keep their order.
    pub(super) gate: Time,
    /// By member; its own is never used.
    pub(super) streams: Vec<Stream>,
    /// It hands over to this member and drops proposals meanwhile.
    pub(super) transfer: Option<u8>,
    /// Only the newest alarms count.
    pub(super) alarm: u32,
    /// A commit alarm is pending.
    pub(super) commit_armed: bool,
    /// A check-quorum alarm is pending.
    pub(super) check_armed: bool,
    /// The end of its log when it was last looked at: a leader only appends.
    pub(super) kept: (Term, Index),
}

impl Reign {
    pub(super) fn new(since: Time, first: Index, members: usize) -> Reign {
        Reign {
            since,
            lead_in: 0,
            first,
            gate: since,
            streams: vec![Stream::gone(); members],
            transfer: None,
            alarm: 0,
            commit_armed: false,
            check_armed: false,
            kept: (0, 0),
        }
    }
}
