use super::*;
use crate::base::{Time, Version};
use crate::config::{Diagnostics, Reader, Sources, parse};
use crate::strategy::stage::{Stage as Scene, secs, spec};
use crate::world::store::NodeReady;

/// The script with these settings, as TOML.
fn script(settings: &str) -> Box<dyn Actor> {
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    let settings = match settings.contains("command_time") {
        true => settings.to_owned(),
        false => format!("{settings}\ncommand_time = \"0s\""),
    };
    let id = sources.add("test", &settings);
    let table = parse(&sources, id, &problems);
    let mut reader = Reader::new(&table, &problems);
    let values = crate::config::read(&ENTRY, &mut reader);
    reader.finish();
    assert!(!problems.has_errors(), "{settings}");
    (BY_HAND.build)(&values)
}

/// Three masters and two workers whose versions stay as they are.
fn scene(settings: &str) -> Scene {
    let mut spec = spec(3, 2);
    spec.control_plane.to = spec.control_plane.from;
    Scene::new(spec, script(settings))
}

fn ends(scene: &Scene) -> (Time, Result<(), String>) {
    scene.ended.clone().expect("it ends")
}

#[test]
fn masters_go_down_whole_one_after_another_and_no_worker_is_touched() {
    let mut scene = scene("half = \"masters\"\nsignal = \"kill\"");
    scene.run_until(secs(1_000));
    assert_eq!(ends(&scene), (secs(60 + 3 * 22), Ok(())));
    for (master, at) in [(1, 60), (2, 82), (3, 104)] {
        for process in ["ControllerManager", "Scheduler", "ApiServer", "Etcd"] {
            let stop = format!("order stop {process} of master {master} (Kill)");
            let start = format!("order start {process} of master {master}");
            assert_eq!((scene.when(&stop), scene.when(&start)), (Some(secs(at)), Some(secs(at + 10))));
        }
    }
    assert!(!scene.transcript().contains("workers"), "{}", scene.transcript());
}

#[test]
fn a_worker_is_drained_stopped_started_in_order_and_uncordoned() {
    let mut scene = scene("half = \"workers\"");
    scene.pod_on("workers-1");
    scene.allow(1);
    scene.run_until(secs(1_000));
    let at = |line: &str| scene.when(line).unwrap_or_else(|| panic!("{line} in:\n{}", scene.transcript()));
    // Cordon and eviction take 10 ms each; the pod is gone 12 s later, at a whole second of the look at it.
    let stopped = Time::ZERO + Span::millis(72_020);
    assert_eq!(at("order stop Proxy of workers-1"), stopped);
    assert_eq!(at("order stop Kubelet of workers-1"), stopped);
    assert_eq!(at("order start Kubelet of workers-1"), stopped + Span::secs(6));
    assert_eq!(at("order start Proxy of workers-1"), stopped + Span::secs(7));
    assert_eq!(at("order uncordon workers-1"), stopped + Span::secs(8));
    assert_eq!(at("order cordon workers-2"), stopped + Span::millis(10_010));
    assert_eq!(ends(&scene).1, Ok(()));
}

#[test]
fn a_node_that_is_not_ready_is_looked_at_every_second() {
    let mut scene = scene("half = \"workers\"\ndrain = false");
    scene.at(secs(61), |scene| {
        let node = scene.named("workers-1");
        scene.ready(node, NodeReady::False);
    });
    scene.at(Time::ZERO + Span::millis(70_400), |scene| {
        let node = scene.named("workers-1");
        scene.ready(node, NodeReady::True);
    });
    scene.run_until(secs(1_000));
    // Down at 60 s, looked at from 68 s on, found at 71 s, then 2 s of pause.
    assert_eq!(scene.when("order stop Kubelet of workers-2"), Some(secs(73)), "{}", scene.transcript());
    assert_eq!(scene.times("order uncordon workers-1"), 0);
}

#[test]
fn a_new_version_is_installed_while_everything_is_down() {
    let mut spec = spec(1, 1);
    spec.control_plane.to = Version { patch: spec.control_plane.from.patch + 1, ..spec.control_plane.from };
    let to = spec.control_plane.to;
    let mut scene = Scene::new(spec, script("drain = false"));
    scene.run_until(secs(1_000));
    for (label, down, up) in [
        ("master-1", "order stop Etcd of master 1 (Term)", "order start Etcd of master 1"),
        ("workers-1", "order stop Kubelet of workers-1", "order start Kubelet of workers-1"),
    ] {
        let installed = scene.when(&format!("order install {to} on {label}"));
        assert!(scene.when(down) < installed && installed <= scene.when(up), "{}", scene.transcript());
    }
    assert_eq!(scene.times("order start Kubelet of master-1"), 1);
    assert!(scene.instances.iter().all(|machine| machine.version == to));
}

#[test]
fn the_first_command_that_fails_ends_the_script() {
    let mut scene = scene("half = \"workers\"\ndrain_timeout = \"8s\"");
    scene.pod_on("workers-1");
    scene.run_until(secs(1_000));
    let (_, result) = ends(&scene);
    assert!(result.expect_err("a spent budget").contains("global timeout reached"));
    assert_eq!(scene.times("order stop Kubelet of workers-1"), 0);
}
