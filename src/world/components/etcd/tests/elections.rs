use super::*;

/// Seconds from SIGKILL of the leader to the next election won, sorted, over `seeds` seeds.
fn gaps(setup: Setup, seeds: u64) -> Vec<f64> {
    let mut gaps: Vec<f64> = (0..seeds)
        .map(|seed| {
            let mut lab = setup.lab(seed);
            // Some moment that has nothing to do with anybody's ticks.
            lab.run(Time::from_nanos(3_000_000_000 + seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000_000));
            let killed = lab.stage.now;
            lab.signal(lab.leader(), Signal::Kill);
            lab.run_for(Span::secs(30));
            lab.elected(killed).first().expect("two of three elect").0.since(killed).as_secs_f64()
        })
        .collect();
    gaps.sort_by(f64::total_cmp);
    gaps
}

fn assert_gaps(setup: Setup, [mean, p50, p90, p99]: [f64; 4]) {
    let gaps = gaps(setup, 2_000);
    let quantile = |q: f64| gaps[((gaps.len() as f64 * q) as usize).min(gaps.len() - 1)];
    let ours = [gaps.iter().sum::<f64>() / gaps.len() as f64, quantile(0.5), quantile(0.9), quantile(0.99)];
    let near = ours.iter().zip([mean, p50, p90, p99]).all(|(ours, real)| (ours / real - 1.0).abs() < 0.15);
    assert!(near, "mean, p50, p90, p99 are {ours:.2?}, expected {:.2?}", [mean, p50, p90, p99]);
}

// Expected values: a tick-by-tick simulation of etcd's raft.go (tickElection, Step, resetRandomizedElectionTimeout),
// made independently of this model.
#[test]
fn three_members_with_pre_vote_elect_in_1_24_s_on_average() {
    assert_gaps(Setup::of(3, PRE_VOTE), [1.24, 1.20, 1.59, 1.82]);
}

#[test]
fn a_disk_of_20_ms_costs_an_election_some_tens_of_milliseconds() {
    assert_gaps(Setup::of(3, PRE_VOTE).delays(Span::micros(500), Span::millis(20)), [1.28, 1.23, 1.63, 1.85]);
}

#[test]
fn a_wide_network_makes_the_tail_of_elections_long() {
    assert_gaps(Setup::of(3, PRE_VOTE).delays(Span::millis(10), Span::millis(10)), [1.32, 1.26, 1.67, 2.71]);
}

#[test]
fn without_pre_vote_one_election_in_twelve_takes_more_than_2_s() {
    assert_gaps(Setup::of(3, NO_PRE_VOTE), [1.33, 1.22, 1.85, 2.72]);
}

#[test]
fn five_members_elect_sooner_than_three() {
    assert_gaps(Setup::of(5, PRE_VOTE), [1.11, 1.07, 1.35, 1.60]);
}

// etcd raft.go, tickElection: at least ten ticks of 100 ms pass after the last heartbeat, which is a tick old at most; the
// follower's own ticks take another one off.
#[test]
fn no_follower_stands_within_0_8_s_of_its_leaders_death() {
    for (version, seed) in
        [PRE_VOTE, NO_PRE_VOTE].into_iter().flat_map(|version| (0..50).map(move |seed| (version, seed)))
    {
        let mut lab = Setup::of(3, version).lab(seed);
        lab.run(at_ms(5_000 + seed * 7));
        lab.signal(lab.leader(), Signal::Kill);
        let before = lab.events;
        lab.run_for(Span::millis(798));
        assert_eq!(lab.events, before, "{version}, seed {seed}");
    }
}

// etcd raft.go, tickHeartbeat and MsgCheckQuorum: every election time-out a leader looks for a majority.
#[test]
fn an_isolated_leader_steps_down_within_1_to_2_s_and_serves_nobody_meanwhile() {
    for seed in 0..200 {
        let mut lab = Setup::of(3, PRE_VOTE).lab(seed);
        lab.run(at_ms(5_000 + seed * 7));
        let (cut, leader) = (lab.stage.now, lab.leader());
        lab.link(leader, false);
        assert!(!lab.etcd.serves(leader));
        let role = |lab: &Lab| lab.etcd.members[leader.0 as usize].leads();
        lab.run(cut + Span::millis(900));
        assert!(role(&lab), "seed {seed}: an answer of the last round still counts at the first look");
        lab.run(cut + Span::millis(2_000));
        assert!(!role(&lab), "seed {seed}");
    }
}

// etcd raft.go, Step: votes in lease are ignored, but a message of an older term is answered with the newer one.
#[test]
fn a_returning_member_disturbs_the_leader_without_pre_vote_and_not_with_it() {
    for (version, disturbs) in [(NO_PRE_VOTE, true), (PRE_VOTE, false)] {
        let mut lab = Setup::of(3, version).lab(1);
        lab.run(at_ms(2_000));
        let (leader, cut) = (lab.leader(), lab.follower());
        lab.link(cut, false);
        lab.run_for(Span::secs(10));
        let mended = lab.stage.now;
        lab.link(cut, true);
        lab.run_for(Span::secs(10));
        assert_eq!(!lab.elected(mended).is_empty(), disturbs, "{version}");
        assert_eq!(lab.etcd.members[leader.0 as usize].hard.term > 1, disturbs, "{version}");
        assert!((0..3).all(|member| lab.etcd.serves(MasterId(member))), "{version}");
    }
}

#[test]
fn a_short_cut_of_a_follower_leaves_the_leader_and_the_follower_catches_up() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(3);
    lab.run(at_ms(2_000));
    let (leader, cut) = (lab.leader(), lab.follower());
    lab.link(cut, false);
    lab.propose(leader, 7);
    lab.run_for(Span::millis(400));
    assert!(matches!(lab.result(7), Some((_, Ok(())))), "two of three commit");
    lab.link(cut, true);
    lab.run_for(Span::millis(300));
    let logs: Vec<_> = lab.etcd.members.iter().map(|member| member.log.last()).collect();
    assert_eq!((lab.leader(), logs), (leader, vec![2, 2, 2]));
}

#[test]
fn quiet_time_costs_no_events_and_a_write_costs_one() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(5);
    lab.run(at_ms(3_600_000));
    assert_eq!(lab.events, 0);
    for request in 0..1_000 {
        lab.propose(MasterId(request % 3), request);
        lab.run_for(Span::millis(u64::from(request % 7)));
    }
    lab.run_for(Span::secs(10));
    assert!((0..1_000).all(|request| matches!(lab.result(request), Some((_, Ok(()))))));
    assert!(lab.events <= 1_000, "{} events", lab.events);
}

#[test]
fn a_member_that_is_cut_for_hours_costs_no_events() {
    for version in [PRE_VOTE, NO_PRE_VOTE] {
        let mut lab = Setup::of(3, version).lab(5);
        lab.run(at_ms(1_000));
        let cut = lab.follower();
        lab.link(cut, false);
        lab.run_for(Span::mins(180));
        assert_eq!(lab.events, 0, "{version}");
    }
}
