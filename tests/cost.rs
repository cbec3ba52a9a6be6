//! Cost follows change, as exact event counts.

mod common;

use common::{load, run};
use rollproof::sim::outcome::UpgradeResult;

#[test]
fn the_request_rate_costs_no_event() {
    let slow = run(&load("book-ch18", &["app.web.traffic.new.rps=100", "app.web.traffic.kept.rps=100"]), 1);
    let fast = run(&load("book-ch18", &["app.web.traffic.new.rps=1000000", "app.web.traffic.kept.rps=1000000"]), 1);
    assert_eq!(slow.events, fast.events);
    assert!(fast.requests.sent > 1_000 * slow.requests.sent);
}

/// A run that ends while its operator still waits for the hour.
#[test]
fn quiet_time_costs_no_event() {
    let quiet = |hours: u32| {
        let (start, horizon) = (format!("strategy.start=\"{}h\"", hours + 1), format!("limits.horizon=\"{hours}h\""));
        run(&load("book-ch18", &[&start, &horizon]), 1)
    };
    let (hour, month) = (quiet(1), quiet(720));
    assert_eq!(hour.events, month.events);
    assert!(month.requests.sent > 700 * hour.requests.sent, "its users were there all the time");
}

/// The last of what the upgrade set in motion is over within the first half hour: back-offs, syncs, a late relist.
#[test]
fn quiet_time_after_a_whole_upgrade_costs_no_event() {
    let quiet = |hours: u32| {
        let tail = format!("limits.tail=\"{hours}h\"");
        let outcome = run(&load("book-ch18", &[&tail, "limits.horizon=\"1000h\""]), 1);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Completed);
        outcome
    };
    let (hour, month) = (quiet(1), quiet(720));
    assert_eq!(hour.events, month.events);
    assert!(month.sim_seconds - hour.sim_seconds == 719.0 * 3600.0);
}

/// What the workers' roll adds to that of the three masters, whose own share does not grow with the nodes alone.
#[test]
fn events_grow_linearly_with_nodes() {
    let per_node = |nodes: u32| {
        let size = [format!("node_pool.workers.count={nodes}"), format!("app.web.replicas={}", nodes * 4)];
        let events = |upgrade: &str| {
            let outcome = run(&load("perf/linear", &[&size[0], &size[1], upgrade]), 1);
            assert_eq!(outcome.upgrade.result, UpgradeResult::Completed);
            outcome.events
        };
        let workers = events("node_pool.workers.upgrade=true") - events("node_pool.workers.upgrade=false");
        workers as f64 / f64::from(nodes)
    };
    let (few, many) = (per_node(50), per_node(500));
    assert!((many / few - 1.0).abs() < 0.03, "{few} events a node at 50, {many} at 500");
}
