use super::*;

/// One line for an event.
fn line(since: Time, at: Time, event: &EtcdEvent) -> String {
    let text = match *event {
        EtcdEvent::Campaign { member, .. } => format!("{member} has waited long enough"),
        EtcdEvent::Voted { member, term } => format!("{member} has its vote for itself in term {term} on disk"),
        EtcdEvent::Asked { from, to, ask, term } => format!("{from} asks {to}: {ask:?} for term {term}"),
        EtcdEvent::Saved { from, .. } => format!("{from} has its answer on disk"),
        EtcdEvent::Answered { from, to, ask, term, granted } => {
            format!("{from} answers {to}: {} ({ask:?}, term {term})", if granted { "yes" } else { "no" })
        }
        EtcdEvent::Probed { from, to, term } => format!("{from} tells {to} that it leads in term {term}"),
        EtcdEvent::Joined { from, to, .. } => format!("{to} has the log of {from}"),
        EtcdEvent::Committed { member, .. } => format!("{member} commits"),
        EtcdEvent::Check { member, .. } => format!("{member} checks its majority"),
        ref other => format!("{other:?}"),
    };
    let micros = at.since(since).as_nanos() / 1_000;
    format!("{:>8}.{:03} ms  {text}", micros / 1_000, micros % 1_000)
}

fn transcript(version: Version, seed: u64) -> String {
    let mut lab = Setup::of(3, version).lab(seed);
    lab.run(at_ms(5_000));
    let (killed, leader) = (lab.stage.now, lab.leader());
    lab.trace = Some(Vec::new());
    lab.signal(leader, Signal::Kill);
    lab.run_for(Span::secs(5));
    let trace = lab.trace.take().expect("set above");
    let lines = trace.iter().map(|(at, event)| line(killed, *at, event));
    let head = format!("{} is killed while leading term 1", leader.0);
    [head].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

// The order of messages is that of etcd raft.go: campaign, Step, becomeLeader, maybeCommit.
#[test]
fn an_election_with_pre_vote_reads_like_this() {
    insta::assert_snapshot!(transcript(PRE_VOTE, 0));
}

// etcd documentation, learning/design-learner: added, caught up, promoted; the old member removed, leader moved first.
#[test]
fn a_replacement_through_a_learner_reads_like_this() {
    let mut lab = Setup::of(3, PRE_VOTE).lab(0);
    lab.run(at_ms(10_000));
    let (began, old) = (lab.stage.now, lab.leader());
    let heard = lab.facts.len();
    let new = lab.place();
    let changed = |lab: &mut Lab, change: MemberChange, request: u32| {
        assert_eq!(lab.change(change, request), Ok(()), "{change:?}");
        lab.run_for(Span::secs(6));
    };
    changed(&mut lab, MemberChange::AddLearner(new), 1);
    lab.start(new);
    lab.run_for(Span::secs(6));
    changed(&mut lab, MemberChange::Promote(new), 2);
    lab.etcd.move_leader(old, Some(new), &mut lab.stage.ctx());
    lab.run_for(Span::secs(1));
    changed(&mut lab, MemberChange::Remove(old), 3);
    let lines = lab.facts[heard..].iter().map(|(at, fact)| {
        let micros = at.since(began).as_nanos() / 1_000;
        format!("{:>8}.{:03} ms  {fact:?}", micros / 1_000, micros % 1_000)
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_election_without_pre_vote_reads_like_this() {
    insta::assert_snapshot!(transcript(NO_PRE_VOTE, 0));
}
