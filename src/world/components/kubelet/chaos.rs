//! Anything that can happen to a kubelet, in any order: in the end its pods are as the API wants them, and it is quiet.

use super::bench::{Bench, NODE, probe};
use super::worker::Stage;
use crate::base::{Span, Version};
use crate::world::effects::Notice;
use crate::world::ids::{AppId, PodId};
use crate::world::serving::Serving;
use crate::world::spec::OnSigterm;
use crate::world::store::{ApiError, Change};
use crate::world::testkit::ms;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Blow {
    Bind(u32),
    Delete(usize),
    Shorten(usize),
    Force(usize),
    Crash(usize),
    Hang(usize),
    Recover(usize),
    Restart,
    Served(bool),
    Failing(bool),
    Deaf,
    Relist,
    Power,
}

fn blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        4 => (0_u32..2).prop_map(Blow::Bind),
        3 => (0_usize..9).prop_map(Blow::Delete),
        1 => (0_usize..9).prop_map(Blow::Shorten),
        1 => (0_usize..9).prop_map(Blow::Force),
        2 => (0_usize..9).prop_map(Blow::Crash),
        1 => (0_usize..9).prop_map(Blow::Hang),
        1 => (0_usize..9).prop_map(Blow::Recover),
        1 => Just(Blow::Restart),
        1 => any::<bool>().prop_map(Blow::Served),
        1 => any::<bool>().prop_map(Blow::Failing),
        1 => Just(Blow::Deaf),
        1 => Just(Blow::Relist),
        1 => Just(Blow::Power),
    ]
}

fn strike(bench: &mut Bench, version: Version, blow: Blow) {
    let exists = |bench: &Bench, n: usize| {
        let pod = PodId(n as u32);
        (n < bench.stage.store.pods().len() && !bench.object(pod).gone).then_some(pod)
    };
    match blow {
        Blow::Bind(app) => {
            bench.bind_of(AppId(app));
        }
        Blow::Delete(n) => exists(bench, n).into_iter().for_each(|pod| bench.delete(pod)),
        Blow::Shorten(n) => {
            if let Some(pod) = exists(bench, n) {
                bench.api(Change::DeletePod { pod, grace: Some(Span::secs(3)) });
            }
        }
        Blow::Force(n) => exists(bench, n).into_iter().for_each(|pod| bench.api(Change::RemovePod { pod })),
        Blow::Crash(n) => runs(bench, n).into_iter().for_each(|pod| bench.crash(pod)),
        Blow::Hang(n) => runs(bench, n).into_iter().for_each(|pod| bench.serve(pod, Serving::Refusing)),
        Blow::Recover(n) => runs(bench, n).into_iter().for_each(|pod| bench.serve(pod, Serving::Open)),
        Blow::Restart => bench.call(|kubelets, ctx| kubelets.restart(NODE, ctx)),
        Blow::Served(served) => bench.call(|kubelets, ctx| kubelets.served(NODE, served, ctx)),
        Blow::Failing(failing) => bench.failing = failing.then_some(ApiError::Timeout),
        Blow::Deaf => bench.watching = false,
        Blow::Relist => bench.relist(),
        Blow::Power => {
            bench.call(|kubelets, ctx| kubelets.machine_off(NODE, ctx));
            bench.run_for(Span::secs(5));
            bench.call(|kubelets, ctx| kubelets.machine_up(NODE, version, ctx));
            bench.call(|kubelets, ctx| kubelets.served(NODE, true, ctx));
        }
    }
}

/// Whether a worker waits for the runtime, or would still if its kubelet's process had not ended.
fn waits_for_runtime(bench: &Bench) -> bool {
    let pods = &bench.kubelets.nodes[NODE].pods;
    let stage = |pod: &PodId| bench.kubelets.workers.get(*pod).map(|worker| worker.stage);
    pods.iter().filter_map(stage).any(|stage| matches!(stage, Stage::Sandbox | Stage::Starting | Stage::Removing))
}

/// The pod, if its process exists.
fn runs(bench: &Bench, n: usize) -> Option<PodId> {
    let pod = PodId(n as u32);
    bench.kubelets.workers.get(pod).filter(|worker| worker.alive).map(|_| pod)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::base::cases(300)))]

    #[test]
    fn whatever_happens_the_node_ends_as_the_api_wants_it_and_quiet(
        blows in proptest::collection::vec((0_u64..30_000, blow()), 1..30),
        minor in prop_oneof![Just(14_u16), Just(20), Just(24), Just(32), Just(35)],
        on_sigterm in prop_oneof![Just(OnSigterm::Exit), Just(OnSigterm::Ignore)],
        startup in any::<bool>(),
    ) {
        let version = Version::new(1, minor, 0);
        let mut bench = Bench::new(version, |app| {
            app.on_sigterm = on_sigterm;
            app.image_pull = ms(7_000);
            app.liveness = probe(10, 1, 3);
            app.startup = if startup { probe(3, 1, 5) } else { None };
        });
        for (wait, blow) in blows {
            strike(&mut bench, version, blow);
            bench.run_for(Span::millis(wait));
        }
        bench.failing = None;
        bench.call(|kubelets, ctx| kubelets.served(NODE, true, ctx));
        bench.relist();
        bench.run_for(Span::mins(30));
        for pod in bench.stage.store.pods().ids() {
            let object = bench.object(pod);
            prop_assert_eq!(object.gone, object.deleting.is_some() || object.gone);
            prop_assert!(object.gone || object.ready, "{:?} {:?}", object, bench.kubelets.workers.get(pod));
            prop_assert_eq!(object.gone, bench.kubelets.workers.get(pod).is_none(), "{:?}", pod);
            let mut there = false;
            for (at, notice) in &bench.notices {
                match notice {
                    Notice::SandboxReady(of) if *of == pod => prop_assert!(!std::mem::replace(&mut there, true), "{}", at),
                    Notice::SandboxRemoved(of) if *of == pod => prop_assert!(std::mem::take(&mut there), "{}", at),
                    Notice::ContainerStarted(of) | Notice::Sigterm(of) if *of == pod => prop_assert!(there, "{}", at),
                    _ => {}
                }
            }
            prop_assert_eq!(there, !object.gone);
        }
        prop_assert!(bench.stage.out.queue.is_empty(), "{} events pending", bench.stage.out.queue.len());
        prop_assert!(bench.stage.pulses.is_beating(NODE));
    }

    // Without a kubelet's process a worker stays in its stage, while the runtime ends what it was asked for: so the
    // blows that stop one are left out of what is compared at each moment, not of the end.
    #[test]
    fn a_runtime_is_at_work_while_a_worker_waits_for_it_and_idle_in_the_end_whatever_happens(
        blows in proptest::collection::vec((0_u64..3_000, blow()), 1..30),
        minor in prop_oneof![Just(20_u16), Just(32)],
    ) {
        let version = Version::new(1, minor, 2);
        let mut bench = Bench::new(version, |app| app.image_pull = ms(7_000));
        bench.stage.spec.control_plane.etcd.fsync_busy = Some(ms(80));
        let mut stopped = false;
        for (wait, blow) in blows {
            stopped |= matches!(blow, Blow::Restart | Blow::Power);
            strike(&mut bench, version, blow);
            bench.run_for(Span::millis(wait));
            let works = bench.kubelets.nodes[NODE].works_until > bench.stage.now;
            prop_assert!(stopped || works || !waits_for_runtime(&bench), "{}", bench.now());
        }
        bench.failing = None;
        bench.call(|kubelets, ctx| kubelets.served(NODE, true, ctx));
        bench.relist();
        bench.run_for(Span::mins(30));
        prop_assert!(bench.kubelets.nodes[NODE].works_until <= bench.stage.now);
        let told = bench.notices.iter().rev().find_map(|(_, notice)| match notice {
            Notice::RuntimeWorks(NODE, until) => Some(*until),
            _ => None,
        });
        prop_assert_eq!(told.unwrap_or_default(), bench.kubelets.nodes[NODE].works_until);
    }
}
