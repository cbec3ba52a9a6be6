use proptest::prelude::*;

use super::script::{script, setup};
use super::*;
use crate::world::components::etcd::{Ask, Broken};

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), failure_persistence: None, ..ProptestConfig::default() })]

    // `Lab::collect` checks every law after every event.
    #[test]
    fn no_disturbance_breaks_a_law_and_a_mended_group_serves(
        (setup, seed) in setup(),
        script in script(60),
    ) {
        let mut lab = setup.lab(seed);
        lab.play(&script);
        for member in 0..setup.members {
            prop_assert!(lab.etcd.serves(MasterId(member)), "{member} does not serve");
        }
        lab.assert_all_ended(&script);
        for (_, notice) in &lab.notices {
            if let Notice::StoredLate(RequestId(request)) = notice {
                prop_assert!(matches!(lab.result(*request), Some((_, Err(_)))), "late without failure before");
            }
        }
    }
}

#[test]
fn a_forgotten_vote_is_found() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    lab.etcd.history.vote(0, 2, 1);
    lab.etcd.history.vote(0, 2, 2);
    assert_eq!(lab.etcd.check(), Err(Broken::OneVotePerTerm { member: 0, term: 2 }));
}

#[test]
fn two_leaders_of_a_term_are_found() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    lab.etcd.history.lead(0, 2);
    lab.etcd.history.lead(1, 2);
    assert_eq!(lab.etcd.check(), Err(Broken::ElectionSafety { term: 2 }));
}

#[test]
fn a_commit_that_is_on_no_majority_of_disks_is_found() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    lab.run(at_ms(1_000));
    lab.propose(lab.leader(), 1);
    let (leader, now) = (lab.leader().0 as usize, lab.stage.now);
    let log = lab.etcd.members[leader].log.clone();
    lab.etcd.history.commit(leader, &log, 2, 1, now);
    assert_eq!(lab.etcd.check(), Err(Broken::CommittedIsDurable { index: 2, disks: 0 }));
}

#[test]
fn a_commit_by_counting_in_a_later_term_is_found() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    lab.propose(lab.leader(), 1);
    lab.run(at_ms(1_000));
    let (leader, now) = (lab.leader().0 as usize, lab.stage.now);
    let log = lab.etcd.members[leader].log.clone();
    lab.etcd.history.commit(leader, &log, 2, 3, now);
    assert_eq!(lab.etcd.check(), Err(Broken::CommitOfOwnTerm { member: leader as u32, index: 2, term: 1 }));
}

#[test]
fn a_leader_that_lost_a_committed_entry_is_found() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    lab.propose(lab.leader(), 1);
    lab.run(at_ms(1_000));
    let leader = lab.leader().0 as usize;
    lab.etcd.members[leader].log.truncate(1);
    lab.etcd.members[leader].commit = 1;
    assert_eq!(lab.etcd.check(), Err(Broken::LeaderCompleteness { member: leader as u32, index: 2 }));
    lab.etcd.watch_leaders(lab.stage.now);
    assert_eq!(lab.etcd.check(), Err(Broken::LeaderAppendOnly { member: leader as u32, index: 2 }));
}

#[test]
fn a_member_that_applies_another_entry_is_found() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    let follower = lab.follower().0 as usize;
    lab.etcd.members[follower].commit = 2;
    assert_eq!(lab.etcd.check(), Err(Broken::StateMachineSafety { member: follower as u32, index: 2 }));
}

#[test]
fn logs_that_differ_below_a_common_entry_are_found() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    let terms: [&[u32]; 2] = [&[2, 4], &[3, 4]];
    for (member, terms) in terms.iter().enumerate() {
        for term in *terms {
            lab.etcd.members[member].log.append(*term, Time::ZERO, Time::ZERO);
        }
    }
    assert_eq!(lab.etcd.check(), Err(Broken::LogMatching { one: 0, other: 1, index: 3 }));
}

#[test]
fn an_acknowledged_write_that_is_not_committed_is_found() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    lab.etcd.history.acknowledge(2, 1);
    assert_eq!(lab.etcd.check(), Err(Broken::AcknowledgedIsStored { index: 2 }));
}

// Raft, figure 2: a vote is persistent state. The voter dies as soon as its vote has reached the candidate, which dies
// with it; the third member asks for the same term. Campaigns on a leader's order need not wait for leases to run out.
#[test]
fn a_vote_outlives_a_crash() {
    for version in [PRE_VOTE, NO_PRE_VOTE] {
        let mut lab = Setup::of(3, version).lab(1);
        lab.run(at_ms(2_000));
        let third = lab.leader();
        let [first, voter] = lab.others(third)[..] else { panic!("three members") };
        lab.signal(third, Signal::Kill);
        lab.etcd.campaign(first.0 as usize, Ask::HandOver, &mut lab.stage.ctx());
        while !lab.etcd.members[first.0 as usize].leads() {
            let next = lab.stage.out.queue.next_time().expect("an election is under way");
            lab.run(next);
        }
        assert_eq!(lab.etcd.members[first.0 as usize].hard.term, 2);
        lab.signal(first, Signal::Kill);
        lab.signal(voter, Signal::Kill);
        lab.start(voter);
        lab.start(third);
        let asked = lab.stage.now;
        lab.etcd.campaign(third.0 as usize, Ask::HandOver, &mut lab.stage.ctx());
        lab.run_for(Span::millis(100));
        assert_eq!(lab.etcd.members[third.0 as usize].hard.term, 2, "it asked for the term that the first has led");
        assert_eq!(lab.elected(asked), [], "{version}");
    }
}
