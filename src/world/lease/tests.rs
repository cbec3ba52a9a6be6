use super::*;
use crate::world::testkit::{Stage, small_spec};

/// An election on a stage whose API answers at once.
struct Play {
    stage: Stage,
    election: Election,
}

impl Play {
    /// `masters` processes, the last of them leading.
    fn new(component: Component, masters: u32, version: Version, eager: bool, seed: u64) -> Play {
        let mut spec = small_spec();
        spec.control_plane.from = version;
        let mut stage = Stage::new(spec, seed);
        let clients = (0..masters).map(|_| stage.watches.add(Revision(1))).collect();
        let mut election = Election::new(component, clients);
        election.eager = eager;
        let leader = MasterId(masters - 1);
        let known = stage.store.lease(component).1;
        let opening = Change::Lease { component, holder: Some((leader, 0)), known };
        stage.store.apply(&opening, Time::ZERO).expect("the lease is free at first");
        election.begin(leader, &mut stage.ctx());
        Play { stage, election }
    }
    fn leader(&self) -> MasterId {
        let mut ids = self.election.candidates.ids();
        ids.find(|master| self.election.leads(*master)).expect("one leads")
    }
    fn served(&mut self, master: MasterId, served: bool) {
        self.election.served(master, served, &mut self.stage.ctx());
    }
    fn signal(&mut self, master: MasterId, signal: Signal) {
        self.election.signal(master, signal, &mut self.stage.ctx());
        self.answer_requests();
    }
    /// Plays up to `end`; returns when somebody began to lead, if anybody did.
    fn until(&mut self, end: Time) -> Option<(MasterId, Time)> {
        while self.stage.out.queue.next_time().is_some_and(|at| at <= end) {
            let popped = self.stage.out.queue.pop().expect("one is pending");
            self.stage.now = popped.at;
            let (Event::Controllers(ControllersEvent::Lease(event)) | Event::Scheduler(SchedulerEvent::Lease(event))) =
                popped.event
            else {
                continue;
            };
            let turn = self.election.step(event, &mut self.stage.ctx());
            let turn = self.answer_requests().or(turn);
            if let Some(Turn::Leads(master)) = turn {
                return Some((master, popped.at));
            }
        }
        self.stage.now = end;
        None
    }
    fn answer_requests(&mut self) -> Option<Turn> {
        let mut turn = None;
        for request in std::mem::take(&mut self.stage.out.requests) {
            let result = self.stage.store.apply(&request.change, self.stage.now).map(|_| ());
            if let Reply::Always(ReplyTo::Controllers { master, .. } | ReplyTo::Scheduler { master, .. }) =
                request.reply
            {
                turn = self.election.answer(master, result, &mut self.stage.ctx()).or(turn);
            }
        }
        turn
    }
}

const AT: Time = Time::from_nanos(1_000_000_000_000);
const OLD: Version = Version::new(1, 20, 2);
const NEW: Version = Version::new(1, 22, 0);
const SEEDS: u64 = 4000;

/// Seconds from the signal until the next leader, sorted.
fn takeovers(component: Component, standbys: u32, version: Version, eager: bool, signal: Signal, n: u64) -> Vec<f64> {
    let mut all: Vec<f64> = (0..n)
        .map(|seed| {
            let mut play = Play::new(component, standbys + 1, version, eager, seed);
            assert_eq!(play.until(AT), None);
            let leader = play.leader();
            play.signal(leader, signal);
            let (_, at) = play.until(AT + Span::secs(60)).expect("a standby takes over");
            at.since(AT).as_secs_f64()
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all
}

fn assert_close(all: &[f64], want: [f64; 4]) {
    let quantile = |p: usize| all[all.len() * p / 100];
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let got = [mean, quantile(50), quantile(90), quantile(99)];
    for (got, want) in got.iter().zip(want) {
        // The table's figures are rounded to a tenth of a second.
        assert!((got - want).abs() <= 0.05 * want + 0.05, "{got:.2} against {want}");
    }
}

/// Monte-Carlo over the rules of client-go `leaderelection.go`: mean, median, p90, p99.
#[test]
fn a_crashed_leader_is_followed_within_the_times_that_its_rules_give() {
    let one = takeovers(Component::ControllerManager, 1, OLD, false, Signal::Kill, SEEDS);
    assert_close(&one, [17.4, 17.3, 19.5, 21.1]);
    assert!(one[0] >= 13.0 && one[one.len() - 1] <= 23.8, "{} to {}", one[0], one[one.len() - 1]);
    let two = takeovers(Component::ControllerManager, 2, OLD, false, Signal::Kill, SEEDS);
    assert_close(&two, [16.5, 16.5, 18.2, 19.6]);
}

#[test]
fn a_released_lease_is_taken_at_the_next_poll() {
    let one = takeovers(Component::Scheduler, 1, NEW, false, Signal::Term, SEEDS);
    assert_close(&one, [1.7, 1.6, 3.2, 4.0]);
    let two = takeovers(Component::Scheduler, 2, NEW, false, Signal::Term, SEEDS);
    assert_close(&two, [1.1, 0.9, 2.2, 3.2]);
}

/// kubernetes PR 100305: only schedulers, and only from 1.22 on, release.
#[test]
fn nobody_else_releases_at_sigterm() {
    for (component, version) in [(Component::Scheduler, OLD), (Component::ControllerManager, NEW)] {
        let all = takeovers(component, 1, version, false, Signal::Term, 100);
        assert!(all[0] >= 13.0, "{component:?} {version}: {}", all[0]);
    }
}

/// Five kills of the leader in a real cluster of three masters (Kubernetes in containers, three controller managers).
#[test]
fn measured_failovers_lie_inside_the_simulated_range() {
    let two = takeovers(Component::ControllerManager, 2, OLD, false, Signal::Kill, SEEDS);
    for measured in [15.383, 17.437, 15.488, 17.408, 14.504] {
        assert!(two[0] < measured && measured < two[two.len() - 1], "{measured}");
    }
}

#[test]
fn polls_as_events_give_the_same_takeover_times() {
    for (component, version, signal) in [
        (Component::ControllerManager, OLD, Signal::Kill),
        (Component::Scheduler, NEW, Signal::Term),
        (Component::Scheduler, OLD, Signal::Term),
    ] {
        for standbys in [1, 2, 4] {
            let lazy = takeovers(component, standbys, version, false, signal, 60);
            let eager = takeovers(component, standbys, version, true, signal, 60);
            assert_eq!(lazy, eager);
        }
    }
}

#[test]
fn polls_as_events_give_the_same_takeover_after_outages_of_single_followers() {
    for seed in 0..200 {
        let run = |eager: bool| {
            let mut play = Play::new(Component::ControllerManager, 3, OLD, eager, seed);
            play.until(AT);
            play.served(MasterId(0), false);
            play.until(AT + Span::secs(3));
            play.signal(MasterId(2), Signal::Kill);
            play.until(AT + Span::millis(3000 + 50 * seed));
            play.served(MasterId(0), true);
            play.served(MasterId(1), false);
            play.until(AT + Span::secs(60))
        };
        let lazy = run(false);
        assert!(lazy.is_some());
        assert_eq!(lazy, run(true), "seed {seed}");
    }
}

#[test]
fn nothing_is_pending_while_the_leader_renews() {
    let mut play = Play::new(Component::ControllerManager, 3, OLD, false, 7);
    assert!(play.stage.out.queue.is_empty());
    play.until(AT);
    play.served(MasterId(2), false);
    play.stage.now = AT + Span::secs(5);
    play.served(MasterId(2), true);
    assert_eq!(play.until(AT + Span::secs(100)), None, "an outage shorter than the deadline changes nothing");
    assert!(play.stage.out.queue.is_empty());
}

/// `leaderelection.go` renew: the deadline runs from the first try that fails, one retry period after the last
/// renewal; the process then ends (`OnStoppedLeading` is fatal in kube-controller-manager).
#[test]
fn a_leader_that_cannot_renew_ends_before_anybody_may_take_over() {
    for seed in 0..300 {
        let mut play = Play::new(Component::ControllerManager, 3, OLD, false, seed);
        play.until(AT);
        play.served(MasterId(2), false);
        let (master, at) = play.until(AT + Span::secs(60)).expect("a standby takes over");
        assert_ne!(master, MasterId(2));
        assert!(at >= AT + Span::secs(13), "{at}");
        let leaders = play.election.candidates.ids().filter(|master| play.election.leads(*master)).count();
        assert_eq!(leaders, 1);
    }
}

/// A follower that saw the last renewal before the outage takes over at its first poll after it; one that did not sees
/// a changed record then, and waits a whole lease.
#[test]
fn after_an_outage_for_all_the_lease_is_taken_at_the_first_poll_or_a_lease_later() {
    let (mut soon, mut late) = (0, 0);
    for seed in 0..300 {
        let mut play = Play::new(Component::ControllerManager, 3, OLD, false, seed);
        play.until(AT);
        for master in 0..3 {
            play.served(MasterId(master), false);
        }
        assert_eq!(play.until(AT + Span::secs(120)), None);
        for master in 0..3 {
            play.served(MasterId(master), true);
        }
        let (_, at) = play.until(AT + Span::secs(180)).expect("somebody takes over");
        let waited = at.since(AT + Span::secs(120)).as_secs_f64();
        assert!(waited <= 4.4 || (15.0..=23.8).contains(&waited), "{waited}");
        if waited <= 4.4 { soon += 1 } else { late += 1 }
    }
    assert!(soon > 100 && late > 30, "{soon} {late}");
}

/// Identity is host name and a fresh UUID: a leader restarted in place waits like anyone else.
#[test]
fn a_restarted_leader_waits_out_its_own_lease() {
    let mut play = Play::new(Component::ControllerManager, 1, OLD, false, 3);
    play.until(AT);
    play.signal(MasterId(0), Signal::Kill);
    play.election.start(MasterId(0), OLD, &mut play.stage.ctx());
    let (_, at) = play.until(AT + Span::secs(60)).expect("it leads again");
    assert!(at >= AT + Span::secs(15), "{at}");
}

/// kubelet: the first restart is immediate, then 10 s, doubled up to 300 s.
#[test]
fn a_process_that_keeps_ending_comes_back_later_each_time() {
    let waits: Vec<u64> = (0..8).map(|n| crash_backoff(n).as_nanos() / 1_000_000_000).collect();
    assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
}

#[test]
fn tokens_keep_their_parts() {
    let token = pack(10, 33, 4_000_000);
    assert_eq!(unpack(token, 33), (10, true, 4_000_000));
    assert_eq!(unpack(token, 34), (10, false, 4_000_000));
}
