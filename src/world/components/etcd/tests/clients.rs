use super::*;

/// A group of three whose leader is killed at 2 s; the survivors, and when the next leader served.
fn killed(version: Version, seed: u64) -> (Lab, Time, Vec<MasterId>) {
    let mut lab = Setup::of(3, version).lab(seed);
    lab.run(at_ms(2_000));
    let leader = lab.leader();
    let survivors = lab.others(leader);
    lab.signal(leader, Signal::Kill);
    (lab, at_ms(2_000), survivors)
}

// Measured on a 3.4.23 cluster: every put sent to a survivor before it knew of the loss failed after 7.0 s.
// etcd v3_server.go: a forwarded proposal is not sent again; ReqTimeout is 7 s.
#[test]
fn a_write_sent_on_to_a_dead_leader_fails_after_7_s() {
    let (mut lab, at, survivors) = killed(PRE_VOTE, 1);
    lab.run_for(Span::millis(100));
    lab.propose(survivors[0], 1);
    lab.run_for(Span::secs(20));
    assert_eq!(lab.result(1), Some((at + Span::millis(7_100), Err(ApiError::Unavailable))));
    assert!(!lab.stored_late(1), "no log ever held it");
}

// etcd raft/node.go: with no leader known, proposals wait in their member.
#[test]
fn a_write_at_a_member_that_knows_of_no_leader_waits_for_the_next_one() {
    for seed in 0..20 {
        let (mut lab, at, survivors) = killed(PRE_VOTE, seed);
        let ignorant = |lab: &Lab| survivors.iter().copied().find(|m| lab.etcd.members[m.0 as usize].lead.is_none());
        while ignorant(&lab).is_none() {
            lab.run_for(Span::millis(1));
        }
        let member = ignorant(&lab).expect("found above");
        lab.propose(member, 1);
        let sent = lab.stage.now;
        lab.run_for(Span::secs(20));
        let (ended, result) = lab.result(1).expect("it ends");
        assert_eq!(result, Ok(()), "seed {seed}");
        assert!(ended.since(sent) < Span::secs(3) && ended > lab.elected(at)[0].0, "seed {seed}");
    }
}

#[test]
fn clients_of_the_dead_leader_are_cut_at_once_and_what_reached_a_follower_is_stored_late() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    lab.run(at_ms(2_000));
    let leader = lab.leader();
    lab.propose(leader, 1);
    // On the wire to both followers after 0.5 ms, committed after 3 ms.
    lab.run_for(Span::millis(1));
    lab.propose(leader, 2);
    lab.signal(leader, Signal::Kill);
    assert_eq!(lab.result(1), Some((lab.stage.now, Err(ApiError::Reset))));
    lab.run_for(Span::secs(5));
    assert!(lab.stored_late(1));
}

#[test]
fn a_write_in_the_log_of_a_survivor_succeeds_for_its_waiting_client_when_the_next_leader_commits_it() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(1);
    lab.run(at_ms(2_000));
    let (leader, follower) = (lab.leader(), lab.follower());
    lab.propose(follower, 1);
    lab.run_for(Span::micros(1_200));
    lab.signal(leader, Signal::Kill);
    lab.run_for(Span::secs(10));
    let (ended, result) = lab.result(1).expect("it ends");
    assert_eq!(result, Ok(()));
    assert!(ended > lab.elected(at_ms(2_000))[0].0);
}

#[test]
fn without_a_quorum_writes_fail_after_7_s_and_may_be_stored_when_it_returns() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(6);
    lab.run(at_ms(2_000));
    let leader = lab.leader();
    let others = lab.others(leader);
    others.iter().for_each(|member| lab.signal(*member, Signal::Kill));
    lab.propose(leader, 1);
    lab.run_for(Span::secs(8));
    assert_eq!(lab.result(1), Some((at_ms(9_000), Err(ApiError::Unavailable))));
    lab.start(others[0]);
    lab.run_for(Span::secs(10));
    assert!(lab.etcd.leader().is_some());
    assert!(lab.stored_late(1), "only the old leader's log can win, and the write is in it");
}

#[test]
fn a_leaving_member_refuses_clients_and_cuts_the_last_of_them_after_7_s() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(6);
    lab.run(at_ms(2_000));
    let follower = lab.follower();
    lab.signal(follower, Signal::Term);
    lab.propose(follower, 1);
    assert_eq!(lab.result(1), Some((at_ms(2_000), Err(ApiError::Refused))));
}

#[test]
fn stored_writes_come_in_the_order_in_which_they_were_taken() {
    let mut setup = Setup::of(3, PRE_VOTE);
    setup.network = Dist::Uniform { low: Span::micros(200), high: Span::millis(3) };
    setup.fsync = Dist::Uniform { low: Span::millis(1), high: Span::millis(9) };
    let mut lab = setup.lab(9);
    lab.run(at_ms(2_000));
    for request in 0..300 {
        lab.propose(MasterId(request % 3), request);
        lab.run_for(Span::micros(400));
    }
    lab.run_for(Span::secs(1));
    let stored = |(_, notice): &(Time, Notice)| match notice {
        Notice::Stored(RequestId(request), Ok(())) => Some(*request),
        _ => None,
    };
    let order: Vec<u32> = lab.notices.iter().filter_map(stored).collect();
    assert_eq!(order, (0..300).collect::<Vec<_>>());
}
