use super::*;

fn after(lab: &Lab, since: Time, n: u64) -> bool {
    lab.stage.now.since(since) >= Span::secs(n)
}

// etcd server/embed/etcd.go, Close: clients first (7 s with open watches), then the hand-over.
#[test]
fn sigterm_of_the_leader_has_no_election_gap_but_seven_seconds_without_service_on_that_member() {
    for version in [PRE_VOTE, NO_PRE_VOTE] {
        for seed in 0..50 {
            let mut lab = Setup::of(3, version).lab(seed);
            lab.run(at_ms(1_000 + seed * 13));
            let (leader, asked) = (lab.leader(), lab.stage.now);
            lab.signal(leader, Signal::Term);
            assert!(!lab.etcd.serves(leader));
            lab.run(asked + Span::millis(6_999));
            assert_eq!(lab.leader(), leader, "the cluster keeps its leader meanwhile");
            lab.run(asked + Span::secs(10));
            let elected = lab.elected(asked);
            assert_eq!(elected.len(), 1, "seed {seed}");
            assert!(elected[0].0 < asked + Span::millis(7_050), "seed {seed}: {elected:?}");
            for other in lab.others(leader) {
                let [(lost, false), (regained, true)] = lab.serving(other, asked)[..] else {
                    panic!("{other:?} is without service once: {:?}", lab.serving(other, asked))
                };
                assert!(regained.since(lost) < Span::millis(60), "seed {seed}: {}", regained.since(lost));
            }
            let stopped = lab.notices.iter().find(|(_, notice)| *notice == Notice::EtcdStopped(leader));
            let stopped = stopped.expect("it stops").0.since(asked);
            assert!((Span::secs(7)..=Span::secs(8)).contains(&stopped), "seed {seed}: {stopped}");
        }
    }
}

// etcd server/embed/etcd.go, stopServers: GracefulStop returns when no request and no stream is open.
#[test]
fn a_leaving_leader_that_nobody_watches_hands_over_as_soon_as_its_last_request_has_ended() {
    for seed in 0..50 {
        let mut lab = Setup::of(3, NO_PRE_VOTE).lab(seed);
        lab.run(at_ms(1_000 + seed * 13));
        let (leader, asked) = (lab.leader(), lab.stage.now);
        lab.watched(leader, false);
        lab.propose(leader, 1);
        lab.signal(leader, Signal::Term);
        assert_eq!(lab.leader(), leader, "seed {seed}: a write is under way");
        lab.run(asked + Span::millis(60));
        assert!(matches!(lab.result(1), Some((_, Ok(())))), "seed {seed}");
        assert_ne!(lab.leader(), leader, "seed {seed}");
        assert!(lab.others(leader).into_iter().all(|other| lab.etcd.serves(other)), "seed {seed}");
    }
}

#[test]
fn a_leaving_member_ends_when_the_api_server_that_watches_it_has_gone() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(4);
    lab.run(at_ms(1_000));
    let leader = lab.leader();
    lab.signal(leader, Signal::Term);
    lab.run_for(Span::secs(2));
    assert_eq!(lab.leader(), leader);
    lab.watched(leader, false);
    lab.run_for(Span::millis(60));
    assert_ne!(lab.leader(), leader);
    lab.run_for(Span::secs(1));
    assert!(!lab.etcd.is_running(leader));
    // The end of the seven seconds finds nothing more to do, also in the member's next life.
    lab.start(leader);
    lab.run_for(Span::secs(10));
    assert!(lab.etcd.serves(leader));
}

#[test]
fn two_of_three_lose_the_quorum_and_its_return_restores_service() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(11);
    lab.run(at_ms(1_000));
    let all: Vec<MasterId> = (0..3).map(MasterId).collect();
    let leader = lab.leader();
    let [one, two] = lab.others(leader)[..] else { panic!("three members") };
    lab.signal(one, Signal::Kill);
    assert!(lab.etcd.serves(leader) && lab.etcd.serves(two));
    lab.signal(two, Signal::Kill);
    assert!(!all.iter().any(|member| lab.etcd.serves(*member)));
    let lost = lab.stage.now;
    lab.run_for(Span::secs(60));
    assert_eq!(lab.etcd.leader(), None);
    lab.start(two);
    let back = lab.stage.now;
    while !lab.etcd.serves(two) && !after(&lab, back, 20) {
        lab.run_for(Span::millis(10));
    }
    assert!(lab.stage.now.since(back) < Span::secs(4), "{}", lab.stage.now.since(back));
    assert!(lab.etcd.serves(leader));
    let quorums: Vec<_> = lab.facts.iter().filter(|(_, fact)| matches!(fact, Fact::QuorumIs { .. })).collect();
    let up: Vec<_> = quorums.iter().map(|(_, fact)| matches!(fact, Fact::QuorumIs { up: 1, voters: 3 })).collect();
    assert_eq!(up, [false, false, true, false], "3, 2, 1, 2 of 3 from {lost}");
}

#[test]
fn of_two_members_one_stop_breaks_the_quorum() {
    let mut lab = Setup::of(2, PRE_VOTE).lab(2);
    lab.run(at_ms(1_000));
    let (leader, follower) = (lab.leader(), lab.follower());
    assert!(lab.etcd.serves(leader) && lab.etcd.serves(follower));
    lab.signal(follower, Signal::Kill);
    assert!(!lab.etcd.serves(leader));
    lab.run_for(Span::secs(30));
    assert_eq!(lab.etcd.leader(), None);
    lab.start(follower);
    lab.run_for(Span::secs(5));
    assert!(lab.etcd.serves(leader) && lab.etcd.serves(follower));
}

// etcd server.go, adjustTicks: a group of one advances its timer by all ticks but one.
#[test]
fn a_single_member_is_away_while_its_process_is_and_leads_within_1_1_s_of_its_start() {
    for seed in 0..50 {
        let mut lab = Setup::of(1, PRE_VOTE).lab(seed);
        lab.run(at_ms(1_000 + seed));
        let only = MasterId(0);
        lab.propose(only, 1);
        lab.run_for(Span::millis(5));
        assert!(matches!(lab.result(1), Some((_, Ok(())))));
        lab.signal(only, Signal::Kill);
        assert!(!lab.etcd.serves(only));
        lab.run_for(Span::secs(5));
        lab.propose(only, 2);
        assert_eq!(lab.result(2).map(|end| end.1), Some(Err(ApiError::Refused)));
        let started = lab.stage.now;
        lab.start(only);
        lab.run_for(Span::millis(1_120));
        assert!(lab.etcd.serves(only), "seed {seed}: {:?}", lab.elected(started));
    }
}

#[test]
fn a_restarted_member_catches_up_and_one_that_is_far_behind_needs_a_snapshot() {
    for (writes, within) in [(100, Span::millis(150)), (5_100, Span::millis(2_500))] {
        let mut lab = Setup::of(3, PRE_VOTE).lab(4);
        lab.run(at_ms(1_000));
        let (leader, follower) = (lab.leader(), lab.follower());
        lab.signal(follower, Signal::Kill);
        for request in 0..writes {
            lab.propose(leader, request);
        }
        lab.run_for(Span::secs(5));
        lab.start(follower);
        let behind = |lab: &Lab| {
            let last = |member: MasterId| lab.etcd.members[member.0 as usize].log.durable(lab.stage.now);
            last(leader) - last(follower)
        };
        assert_eq!(behind(&lab), u64::from(writes));
        lab.run_for(within);
        assert_eq!((behind(&lab), lab.leader()), (0, leader));
    }
}

#[test]
fn a_restart_of_all_members_keeps_every_stored_write() {
    for seed in 0..20 {
        let mut lab = Setup::of(3, NO_PRE_VOTE).lab(seed);
        lab.run(at_ms(1_000));
        (0..20).for_each(|request| lab.propose(MasterId(request % 3), request));
        lab.run_for(Span::millis(3 + seed % 5));
        (0..3).for_each(|member| lab.signal(MasterId(member), Signal::Kill));
        lab.run_for(Span::secs(3));
        (0..3).for_each(|member| lab.start(MasterId(member)));
        lab.run_for(Span::secs(10));
        assert!(lab.etcd.leader().is_some());
        for request in 0..20 {
            let (_, end) = lab.result(request).expect("every request ends");
            assert!(end.is_ok() || end == Err(ApiError::Reset), "seed {seed}");
        }
    }
}
