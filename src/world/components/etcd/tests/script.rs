//! Random disturbances.

use proptest::prelude::*;

use super::*;

/// What happens to a member.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Kill,
    Terminate,
    Start,
    Cut,
    Mend,
    Write,
    /// A member more: a learner, or a voter at once.
    Add {
        learner: bool,
    },
    Promote,
    Remove,
}

/// A pause in nanoseconds, then an act on a member.
pub(super) type Script = Vec<(u64, u32, Act)>;

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Kill),
        1 => Just(Act::Terminate),
        3 => Just(Act::Start),
        2 => Just(Act::Cut),
        3 => Just(Act::Mend),
        8 => Just(Act::Write),
    ]
}

fn changing_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => act(),
        1 => any::<bool>().prop_map(|learner| Act::Add { learner }),
        2 => Just(Act::Promote),
        1 => Just(Act::Remove),
    ]
}

/// The same with changes of the group between.
pub(super) fn changing_script(length: usize) -> impl Strategy<Value = Script> {
    let pause = prop_oneof![2 => 1_u64..5_000_000, 2 => 1_u64..300_000_000, 3 => 1_u64..9_000_000_000];
    prop::collection::vec((pause, 0_u32..7, changing_act()), 1..length)
}

/// Up to `length` acts with pauses from below a network delay to beyond an election.
pub(super) fn script(length: usize) -> impl Strategy<Value = Script> {
    let pause = prop_oneof![3 => 1_u64..5_000_000, 2 => 1_u64..300_000_000, 2 => 1_u64..4_000_000_000];
    prop::collection::vec((pause, 0_u32..7, act()), 1..length)
}

pub(super) fn setup() -> impl Strategy<Value = (Setup, u64)> {
    let version = prop_oneof![Just(PRE_VOTE), Just(NO_PRE_VOTE)];
    let members = prop_oneof![Just(1_u32), Just(2), Just(3), Just(3), Just(4), Just(5)];
    (members, version, any::<bool>(), any::<u64>()).prop_map(|(members, version, spread, seed)| {
        let mut setup = Setup::of(members, version);
        if spread {
            setup.network = Dist::Uniform { low: Span::micros(200), high: Span::millis(4) };
            setup.fsync = Dist::Uniform { low: Span::millis(1), high: Span::millis(25) };
        }
        (setup, seed)
    })
}

impl Lab {
    /// Plays a script, mends everything, and waits.
    pub(super) fn play(&mut self, script: &Script) {
        self.run(at_ms(1_000));
        for (number, (pause, member, act)) in script.iter().enumerate() {
            self.run_for(Span::nanos(*pause));
            let member = MasterId(member % self.etcd.members.len() as u32);
            match act {
                Act::Kill => self.signal(member, Signal::Kill),
                Act::Terminate => self.signal(member, Signal::Term),
                Act::Start if self.etcd.members[member.0 as usize].runs() => {}
                Act::Start => self.start(member),
                Act::Cut => self.link(member, false),
                Act::Mend => self.link(member, true),
                Act::Write => self.propose(member, number as u32),
                Act::Add { learner } => self.adds(*learner, number as u32),
                Act::Promote => self.changes(MemberChange::Promote(member), number as u32),
                Act::Remove => self.changes(MemberChange::Remove(member), number as u32),
            }
        }
        self.run_for(Span::nanos(18_000_000_007));
        for member in 0..self.etcd.members.len() as u32 {
            self.link(MasterId(member), true);
            if !self.etcd.members[member as usize].runs() {
                self.start(MasterId(member));
            }
        }
        self.run_for(Span::secs(60));
    }
    /// A member more, which then starts as any that is down does.
    fn adds(&mut self, learner: bool, request: u32) {
        if self.etcd.members.len() < 8 {
            let place = self.place();
            let change = if learner { MemberChange::AddLearner(place) } else { MemberChange::AddVoter(place) };
            self.changes(change, request);
        }
    }
    fn changes(&mut self, change: MemberChange, request: u32) {
        // What is refused changes nothing.
        let _ = self.change(change, request);
    }
    /// Every request of a script has ended, once.
    pub(super) fn assert_all_ended(&self, script: &Script) {
        for (number, (_, _, act)) in script.iter().enumerate() {
            if matches!(act, Act::Write) {
                assert!(self.result(number as u32).is_some(), "request {number} never ended");
            }
        }
    }
}
