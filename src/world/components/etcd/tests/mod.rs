//! Claims about the group, each with the real source it comes from.

mod agreement;
mod clients;
mod elections;
mod laws;
mod membership;
mod script;
mod stops;
mod transcript;

use crate::base::{Span, Time, Version, cases};
use crate::engine::Dist;
use crate::world::components::etcd::{Etcd, EtcdEvent};
use crate::world::disturbance::Signal;
use crate::world::effects::Notice;
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{MasterId, RequestId};
use crate::world::membership::{MemberChange, MemberRefusal};
use crate::world::store::ApiError;
use crate::world::testkit::{Stage, small_spec};

/// etcd as of Kubernetes 1.32, with pre-vote.
const PRE_VOTE: Version = Version::new(3, 5, 16);
/// etcd as of Kubernetes 1.20, without.
const NO_PRE_VOTE: Version = Version::new(3, 4, 13);

/// A group on a stage of its own, and what it said.
struct Lab {
    stage: Stage,
    etcd: Etcd,
    version: Version,
    notices: Vec<(Time, Notice)>,
    facts: Vec<(Time, Fact)>,
    /// Events stepped.
    events: u64,
    trace: Option<Vec<(Time, EtcdEvent)>>,
}

/// What a lab is made of.
#[derive(Clone, Copy, Debug)]
struct Setup {
    members: u32,
    version: Version,
    network: Dist,
    fsync: Dist,
    eager: bool,
}

impl Setup {
    fn of(members: u32, version: Version) -> Setup {
        let network = Dist::Fixed(Span::micros(500));
        Setup { members, version, network, fsync: Dist::Fixed(Span::millis(3)), eager: false }
    }
    fn delays(self, network: Span, fsync: Span) -> Setup {
        Setup { network: Dist::Fixed(network), fsync: Dist::Fixed(fsync), ..self }
    }
    fn lab(self, seed: u64) -> Lab {
        let mut spec = small_spec();
        spec.timings.network = self.network;
        let etcd = &mut spec.control_plane.etcd;
        (etcd.from, etcd.to, etcd.fsync) = (self.version, self.version, self.fsync);
        let etcd_spec = etcd.clone();
        let mut stage = Stage::new(spec, seed);
        let new = if self.eager { Etcd::with_eager } else { Etcd::new };
        let etcd = new(&etcd_spec, self.members, &mut stage.ctx());
        let (notices, facts) = (Vec::new(), Vec::new());
        let mut lab = Lab { stage, etcd, version: self.version, notices, facts, events: 0, trace: None };
        lab.collect();
        lab
    }
}

impl Lab {
    fn collect(&mut self) {
        let now = self.stage.now;
        self.notices.extend(self.stage.out.notices.drain(..).map(|notice| (now, notice)));
        self.facts.extend(self.stage.out.facts.drain(..).map(|fact| (now, fact)));
        let law = self.etcd.check();
        assert_eq!(law, Ok(()), "at {now}: {:#?}", self.etcd);
    }
    /// Steps everything up to and including `at`.
    fn run(&mut self, at: Time) {
        while self.stage.out.queue.next_time().is_some_and(|next| next <= at) {
            let Some(popped) = self.stage.out.queue.pop() else { break };
            self.stage.now = popped.at;
            let Event::Etcd(event) = popped.event else { panic!("only etcd is on this stage") };
            self.events += 1;
            if !self.is_stale(event)
                && let Some(trace) = &mut self.trace
            {
                trace.push((popped.at, event));
            }
            self.etcd.step(event, &mut self.stage.ctx());
            self.collect();
        }
        self.stage.now = at;
    }
    /// Whether an alarm has been set anew since.
    fn is_stale(&self, event: EtcdEvent) -> bool {
        let member = |member: u8| &self.etcd.members[usize::from(member)];
        let reign = |of: u8| member(of).reign.as_ref().map(|reign| reign.alarm);
        match event {
            EtcdEvent::Campaign { member: of, alarm } => member(of).alarm != alarm,
            EtcdEvent::Check { member: of, alarm } | EtcdEvent::Committed { member: of, alarm } => {
                reign(of) != Some(alarm)
            }
            _ => false,
        }
    }
    fn run_for(&mut self, span: Span) {
        self.run(self.stage.now + span);
    }
    fn signal(&mut self, member: MasterId, signal: Signal) {
        self.etcd.signal(member, signal, &mut self.stage.ctx());
        self.collect();
    }
    fn watched(&mut self, member: MasterId, watched: bool) {
        self.etcd.watched(member, watched, &mut self.stage.ctx());
        self.collect();
    }
    fn start(&mut self, member: MasterId) {
        self.etcd.start(member, self.version, &mut self.stage.ctx());
        self.collect();
    }
    fn link(&mut self, member: MasterId, linked: bool) {
        self.etcd.linked(member, linked, &mut self.stage.ctx());
        self.collect();
    }
    fn propose(&mut self, member: MasterId, request: u32) {
        self.etcd.propose(member, RequestId(request), &mut self.stage.ctx());
        self.collect();
    }
    /// A place for one member more.
    fn place(&mut self) -> MasterId {
        self.etcd.add_place(&mut self.stage.ctx()).expect("there is room")
    }
    fn change(&mut self, change: MemberChange, request: u32) -> Result<(), MemberRefusal> {
        let asked = self.etcd.reconfigure(change, RequestId(request), &mut self.stage.ctx());
        self.collect();
        asked
    }
    fn leader(&self) -> MasterId {
        self.etcd.leader().expect("a leader").0
    }
    fn follower(&self) -> MasterId {
        self.others(self.leader())[0]
    }
    fn others(&self, than: MasterId) -> Vec<MasterId> {
        (0..self.etcd.members.len() as u32).map(MasterId).filter(|member| *member != than).collect()
    }
    /// How and when a request ended.
    fn result(&self, request: u32) -> Option<(Time, Result<(), ApiError>)> {
        let mut ends = self.notices.iter().filter_map(|(at, notice)| match notice {
            Notice::Stored(id, result) if *id == RequestId(request) => Some((*at, *result)),
            _ => None,
        });
        let end = ends.next();
        assert_eq!(ends.next(), None, "request {request} ended twice");
        end
    }
    fn stored_late(&self, request: u32) -> bool {
        self.notices.iter().any(|(_, notice)| *notice == Notice::StoredLate(RequestId(request)))
    }
    /// Elections won after `since`: when, by whom, in which term.
    fn elected(&self, since: Time) -> Vec<(Time, MasterId, u64)> {
        let leads = |(at, fact): &(Time, Fact)| match *fact {
            Fact::MemberLeads { member, term } if *at > since => Some((*at, member, term)),
            _ => None,
        };
        self.facts.iter().filter_map(leads).collect()
    }
    /// When a member began or ceased to serve after `since`.
    fn serving(&self, member: MasterId, since: Time) -> Vec<(Time, bool)> {
        let serves = |(at, notice): &(Time, Notice)| match *notice {
            Notice::EtcdServes(m, serves) if m == member && *at >= since => Some((*at, serves)),
            _ => None,
        };
        self.notices.iter().filter_map(serves).collect()
    }
}

/// A moment, in milliseconds.
fn at_ms(ms: u64) -> Time {
    Time::ZERO + Span::millis(ms)
}
