//! Members come and go. Source of all refusals: etcd `server/etcdserver/server.go`, `api/membership/cluster.go`.

use proptest::prelude::*;

use super::script::{changing_script, setup};
use super::*;
use crate::world::membership::Membership;

/// etcd as of Kubernetes 1.14, without learners.
const NO_LEARNERS: Version = Version::new(3, 3, 10);

fn lab(members: u32, version: Version) -> Lab {
    let mut lab = Setup::of(members, version).lab(1);
    lab.run(at_ms(10_000));
    lab
}

/// Everybody's standing, in order.
fn standings(lab: &Lab) -> Vec<Option<Membership>> {
    (0..lab.etcd.members.len() as u32).map(|member| lab.etcd.standing(MasterId(member))).collect()
}

const VOTER: Option<Membership> = Some(Membership::Voter);
const LEARNER: Option<Membership> = Some(Membership::Learner);

#[test]
fn a_learner_takes_no_part_in_majorities_until_it_is_promoted() {
    let mut lab = lab(3, PRE_VOTE);
    let new = lab.place();
    assert_eq!(lab.change(MemberChange::AddLearner(new), 1), Ok(()));
    lab.run_for(Span::millis(100));
    assert_eq!(lab.result(1).map(|(_, result)| result), Some(Ok(())));
    assert_eq!(standings(&lab), [VOTER, VOTER, VOTER, LEARNER]);
    lab.start(new);
    lab.run_for(Span::secs(1));
    assert!(!lab.etcd.serves(new), "a learner takes no requests");
    let down = lab.others(lab.leader())[0];
    lab.signal(down, Signal::Kill);
    assert!(lab.etcd.serves(lab.leader()), "two of three voters");
    lab.start(down);
    lab.run_for(Span::secs(6));
    assert_eq!(lab.change(MemberChange::Promote(new), 2), Ok(()));
    lab.run_for(Span::millis(100));
    assert!(lab.etcd.serves(new));
    assert!(lab.facts.iter().any(|(_, fact)| matches!(fact, Fact::QuorumIs { up: 4, voters: 4 })));
}

#[test]
fn a_learner_that_lacks_more_than_a_tenth_of_the_log_is_not_promoted() {
    let mut lab = lab(3, PRE_VOTE);
    let new = lab.place();
    assert_eq!(lab.change(MemberChange::AddLearner(new), 1), Ok(()));
    lab.run_for(Span::secs(6));
    assert_eq!(lab.change(MemberChange::Promote(new), 2), Err(MemberRefusal::NotInSync), "it has never started");
    lab.start(new);
    lab.run_for(Span::secs(1));
    lab.link(new, false);
    (10..40).for_each(|request| lab.propose(lab.leader(), request));
    lab.run_for(Span::secs(1));
    assert_eq!(lab.change(MemberChange::Promote(new), 3), Err(MemberRefusal::NotInSync));
    lab.link(new, true);
    lab.run_for(Span::secs(1));
    assert_eq!(lab.change(MemberChange::Promote(new), 4), Ok(()));
}

#[test]
fn only_one_learner_is_let_in_and_none_before_3_4() {
    let mut lab = lab(3, PRE_VOTE);
    let (one, other) = (lab.place(), lab.place());
    assert_eq!(lab.change(MemberChange::AddLearner(one), 1), Ok(()));
    assert_eq!(lab.change(MemberChange::AddLearner(other), 2), Err(MemberRefusal::Pending));
    lab.run_for(Span::secs(1));
    assert_eq!(lab.change(MemberChange::AddLearner(other), 3), Err(MemberRefusal::TooManyLearners));
    let mut old = self::lab(3, NO_LEARNERS);
    let new = old.place();
    assert_eq!(old.change(MemberChange::AddLearner(new), 1), Err(MemberRefusal::NoLearners));
    assert_eq!(old.change(MemberChange::AddVoter(new), 2), Ok(()));
}

// The order of a replacement is: remove the dead member, then add.
#[test]
fn a_voter_is_not_added_while_one_of_three_is_down_and_the_dead_one_may_be_removed() {
    let mut lab = lab(3, NO_LEARNERS);
    let dead = lab.follower();
    lab.signal(dead, Signal::Kill);
    lab.run_for(Span::secs(10));
    let new = lab.place();
    assert_eq!(lab.change(MemberChange::AddVoter(new), 1), Err(MemberRefusal::Unhealthy));
    let alive = lab.others(dead).into_iter().find(|other| *other != new).expect("two are alive");
    assert_eq!(lab.change(MemberChange::Remove(alive), 2), Err(MemberRefusal::Unhealthy), "it is half of the majority");
    assert_eq!(lab.change(MemberChange::Remove(dead), 3), Ok(()));
    lab.run_for(Span::secs(1));
    assert_eq!(lab.etcd.standing(dead), None);
    assert_eq!(lab.change(MemberChange::AddVoter(new), 4), Ok(()));
    lab.run_for(Span::secs(1));
    lab.start(new);
    lab.run_for(Span::secs(1));
    assert!(lab.etcd.serves(new));
}

#[test]
fn a_peer_must_have_been_connected_for_five_seconds() {
    let mut lab = lab(3, PRE_VOTE);
    let other = lab.follower();
    lab.signal(other, Signal::Kill);
    lab.start(other);
    lab.run_for(Span::millis(4_900));
    let new = lab.place();
    assert_eq!(lab.change(MemberChange::AddLearner(new), 1), Err(MemberRefusal::Unhealthy));
    lab.run_for(Span::millis(200));
    assert_eq!(lab.change(MemberChange::AddLearner(new), 2), Ok(()));
}

// A voter counts from its addition, and not from its first start: 3 of 4 make a majority, and 3 run.
#[test]
fn an_added_voter_that_never_starts_leaves_no_member_to_spare() {
    let mut lab = lab(3, NO_LEARNERS);
    let new = lab.place();
    assert_eq!(lab.change(MemberChange::AddVoter(new), 1), Ok(()));
    lab.run_for(Span::secs(1));
    assert!(lab.etcd.serves(lab.leader()));
    let second = lab.place();
    assert_eq!(lab.change(MemberChange::AddVoter(second), 2), Err(MemberRefusal::Unhealthy));
    let (leader, down) = (lab.leader(), lab.follower());
    lab.signal(down, Signal::Kill);
    assert!(!lab.etcd.serves(leader));
    lab.run_for(Span::secs(20));
    assert_eq!(lab.etcd.leader(), None, "two of four are no majority");
}

#[test]
fn a_removed_member_ends_within_a_second_and_may_not_come_back() {
    let mut lab = lab(3, PRE_VOTE);
    let gone = lab.follower();
    let asked = lab.stage.now;
    assert_eq!(lab.change(MemberChange::Remove(gone), 1), Ok(()));
    lab.run_for(Span::millis(100));
    assert!(!lab.etcd.serves(gone) && lab.etcd.is_running(gone));
    lab.run(asked + Span::millis(1_100));
    assert!(!lab.etcd.is_running(gone));
    lab.start(gone);
    assert!(!lab.etcd.is_running(gone), "etcd: the member has been permanently removed from the cluster");
    assert!(lab.etcd.serves(lab.leader()), "two of two");
}

#[test]
fn a_leader_that_is_removed_leaves_an_election_behind_and_one_that_hands_over_first_does_not() {
    let gap = |hands_over: bool| {
        let mut lab = lab(3, PRE_VOTE);
        let (leader, heir) = (lab.leader(), lab.follower());
        if hands_over {
            lab.etcd.move_leader(leader, Some(heir), &mut lab.stage.ctx());
            lab.run_for(Span::secs(1));
            assert_eq!(lab.leader(), heir, "to whom it was told");
        }
        let asked = lab.stage.now;
        assert_eq!(lab.change(MemberChange::Remove(leader), 1), Ok(()));
        lab.run_for(Span::secs(10));
        assert!(lab.etcd.serves(heir));
        let lost = lab.serving(heir, asked).iter().find(|(_, serves)| !serves).map(|(at, _)| *at);
        lost.map(|lost| lab.elected(lost).first().expect("somebody is elected").0.since(lost))
    };
    assert!(gap(false).expect("an election") > Span::millis(500));
    assert_eq!(gap(true), None);
}

// etcd server.go, monitorVersions; api/membership/cluster.go, mustDetectDowngrade.
#[test]
fn the_clusters_version_rises_when_the_last_member_has_it_and_nobody_older_starts_then() {
    let mut lab = lab(3, NO_PRE_VOTE);
    for member in 0..3 {
        assert_eq!(lab.etcd.cluster_version(), Version::new(3, 4, 0));
        lab.signal(MasterId(member), Signal::Kill);
        lab.version = PRE_VOTE;
        lab.start(MasterId(member));
        lab.run_for(Span::secs(8));
    }
    lab.propose(lab.leader(), 1);
    lab.run_for(Span::secs(1));
    assert_eq!(lab.etcd.cluster_version(), Version::new(3, 5, 0));
    let down = lab.follower();
    lab.signal(down, Signal::Kill);
    lab.version = NO_PRE_VOTE;
    lab.start(down);
    assert!(!lab.etcd.is_running(down), "an older member would not understand the data");
    lab.version = PRE_VOTE;
    lab.start(down);
    assert!(lab.etcd.is_running(down));
}

// etcd op-guide/recovery: a restored cluster is a new one, of the old members' places.
#[test]
fn a_group_whose_data_is_lost_starts_only_from_a_snapshot_and_then_takes_writes() {
    let mut lab = lab(3, PRE_VOTE);
    let gone = lab.follower();
    assert_eq!(lab.change(MemberChange::Remove(gone), 1), Ok(()));
    lab.run_for(Span::secs(10));
    lab.etcd.lose(&mut lab.stage.ctx());
    lab.collect();
    (0..3).for_each(|member| lab.start(MasterId(member)));
    lab.run_for(Span::secs(10));
    assert!((0..3).all(|member| !lab.etcd.is_running(MasterId(member))));
    let restored = lab.stage.now;
    lab.etcd.restore(&mut lab.stage.ctx());
    lab.collect();
    (0..3).for_each(|member| lab.start(MasterId(member)));
    lab.run_for(Span::secs(10));
    assert!(!lab.etcd.is_running(gone), "what was removed stays away");
    assert_eq!(lab.elected(restored).len(), 1);
    lab.propose(lab.leader(), 2);
    lab.run_for(Span::secs(1));
    assert_eq!(lab.result(2).map(|(_, result)| result), Some(Ok(())));
}

#[test]
fn the_last_member_stays() {
    let mut lab = lab(1, PRE_VOTE);
    assert_eq!(lab.change(MemberChange::Remove(MasterId(0)), 1), Err(MemberRefusal::NotEnoughStarted));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), failure_persistence: None, ..ProptestConfig::default() })]

    // `Lab::collect` checks every law after every event.
    #[test]
    fn no_change_of_the_group_breaks_a_law_and_a_mended_group_serves(
        (setup, seed) in setup(),
        script in changing_script(60),
    ) {
        let mut lab = setup.lab(seed);
        lab.play(&script);
        // A voter whose addition was committed only once the group was mended has yet to start.
        for member in 0..lab.etcd.members.len() as u32 {
            if lab.etcd.standing(MasterId(member)).is_some() && !lab.etcd.is_running(MasterId(member)) {
                lab.start(MasterId(member));
            }
        }
        lab.run_for(Span::secs(30));
        for member in 0..lab.etcd.members.len() as u32 {
            if lab.etcd.standing(MasterId(member)) == VOTER {
                prop_assert!(lab.etcd.serves(MasterId(member)), "{member} does not serve: {:?}", lab.etcd);
            }
        }
        lab.assert_all_ended(&script);
    }
}
