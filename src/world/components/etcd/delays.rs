//! Settings of the group, and how long messages and disks take.

use crate::base::{Name, Span};
use crate::engine::Dist;
use crate::world::effects::Ctx;
use crate::world::purpose::Purpose;
use crate::world::spec::EtcdSpec;

/// Longest wait of a request inside a member: 5 s and two election time-outs. Source: etcd
/// `server/config/config.go`, `ReqTimeout`.
pub(super) const REQUEST_BASE: Span = Span::secs(5);
/// How long a stopping member waits for its clients' streams; an API server's watches never end by themselves.
/// Source: etcd `server/embed/etcd.go`, `Close` and `stopServers`, which use the request time-out.
pub(super) const DRAIN_BASE: Span = REQUEST_BASE;
/// A leader that hands over looks this often whether it is done. Source: etcd `server.go`, `MoveLeader`.
pub(super) const HANDOVER_POLL: Span = Span::millis(100);
/// From the end of the hand-over to the end of the process: closing peers and the backend takes up to 1 s; this is our
/// estimate of the usual case. Source: etcd `server/embed/etcd.go`, `Close`.
pub(super) const PEER_CLOSE: Span = Span::millis(500);
/// A started member looks this often for two active peers, to shorten its first election time-out. Source: etcd
/// `server.go`, `adjustTicks`.
pub(super) const ADVANCE_POLL: Span = Span::millis(50);
/// It gives up looking after this. Source: etcd `rafthttp/peer.go`, `ConnReadTimeout`.
pub(super) const ADVANCE_LIMIT: Span = Span::secs(5);
/// A follower further behind than this gets a snapshot. Unit: entries. Source: etcd `embed/config.go`,
/// `DefaultSnapshotCatchUpEntries`.
pub(super) const CATCH_UP_ENTRIES: u64 = 5_000;
/// Transfer and loading of a snapshot: 100 MiB at 100 MiB/s, twice (wire, disk). Our estimate for a small cluster.
pub(super) const SNAPSHOT: Span = Span::secs(2);
/// Transfer and writing of one entry of the log at catch-up: about 2 KiB at 100 MiB/s. Our estimate.
pub(super) const CATCH_UP_PER_ENTRY: Span = Span::micros(20);

/// What a delay belongs to; part of its key, so that two kinds never share a draw.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leg {
    /// A proposal on its way to the leader, by index.
    Forward,
    /// An entry on its way to a follower, by index.
    Append,
    /// Its acknowledgement, by index.
    Ack,
    /// A heartbeat, by the leader's tick.
    Beat,
    /// Its answer, by the leader's tick.
    BeatAck,
    /// A request for a vote, by term and kind.
    Ask,
    /// The vote, by term and kind.
    Answer,
    /// The first message of a leader to a follower it does not hear from, by term and tick.
    Probe,
    /// "Your term is old", by term.
    Higher,
    /// The order to campaign at once, by term.
    HandOver,
}

/// What a disk write belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Disk {
    /// An entry, by index.
    Entry,
    /// Term and vote, by term.
    Ballot,
    /// Entries at catch-up, by index.
    CatchUp,
}

/// Settings that all members share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// `--heartbeat-interval`.
    pub(super) tick: Span,
    /// Ticks of an election time-out; a member waits this many and up to as many again less one.
    pub(super) election: u32,
    /// `--pre-vote`, where it is set.
    pub(super) pre_vote: Option<bool>,
    fsync: Dist,
    fsync_busy: Option<Dist>,
    network: Dist,
}

impl Settings {
    pub(super) fn new(spec: &EtcdSpec, ctx: &Ctx<'_>) -> Settings {
        let tick = spec.heartbeat.max(Span::nanos(1));
        let election = (spec.election.as_nanos() / tick.as_nanos()).clamp(1, u64::from(u16::MAX)) as u32;
        let (pre_vote, fsync, fsync_busy) = (spec.pre_vote, spec.fsync, spec.fsync_busy);
        Settings { tick, election, pre_vote, fsync, fsync_busy, network: ctx.spec.timings.network }
    }

    /// Time until a request that does not get through fails at its member. Source: etcd `ReqTimeout`.
    pub(super) fn request_timeout(&self) -> Span {
        REQUEST_BASE + self.ticks(2 * self.election)
    }

    /// How long a stopping member's clients may go on.
    pub(super) fn drain(&self) -> Span {
        DRAIN_BASE + self.ticks(2 * self.election)
    }

    pub(super) fn ticks(&self, n: u32) -> Span {
        self.tick * u64::from(n)
    }

    /// One-way delay of a message.
    pub(super) fn wire(&self, ctx: &Ctx<'_>, from: usize, to: usize, leg: Leg, ordinal: u64) -> Span {
        if from == to {
            return Span::ZERO;
        }
        let name = member_name(from).part(to as u64).part(leg as u64);
        self.network.sample(&mut ctx.draw(Purpose::Network, name, ordinal))
    }

    /// Time of a write to a member's disk; what else goes on there now decides of which kind it is.
    pub(super) fn fsync(&self, ctx: &Ctx<'_>, member: usize, disk: Disk, ordinal: u64) -> Span {
        let busy = self.fsync_busy.filter(|_| ctx.runtimes.work(ctx.now));
        busy.unwrap_or(self.fsync).sample(&mut ctx.draw(Purpose::Fsync, member_name(member).part(disk as u64), ordinal))
    }

    /// A randomised election time-out, in ticks: `election` to twice that less one, each equally likely. Source: etcd
    /// `raft.go`, `resetRandomizedElectionTimeout`.
    pub(super) fn patience(&self, ctx: &Ctx<'_>, member: usize, ordinal: u64) -> u32 {
        let mut draw = ctx.draw(Purpose::ElectionTimeout, member_name(member), ordinal);
        self.election + draw.below(u64::from(self.election)) as u32
    }
}

/// The stable name of a member.
pub(super) fn member_name(member: usize) -> Name {
    Name::new("etcd").part(member as u64)
}
