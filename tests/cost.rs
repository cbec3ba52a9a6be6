//! Cost follows change, as exact event counts.

mod common;

use common::{load, run};

#[test]
fn the_request_rate_costs_no_event() {
    let slow = run(&load("book-ch18", &["app.web.traffic.new.rps=100", "app.web.traffic.kept.rps=100"]), 1);
    let fast = run(&load("book-ch18", &["app.web.traffic.new.rps=1000000", "app.web.traffic.kept.rps=1000000"]), 1);
    assert_eq!(slow.events, fast.events);
    assert!(fast.requests.sent > 1_000 * slow.requests.sent);
}

#[test]
fn quiet_time_costs_no_event() {
    let hour = run(&load("book-ch18", &["strategy.start=\"1h\"", "limits.horizon=\"800h\""]), 1);
    let month = run(&load("book-ch18", &["strategy.start=\"720h\"", "limits.horizon=\"800h\""]), 1);
    assert_eq!(hour.events, month.events);
    assert!(month.sim_seconds > 700.0 * 3600.0);
}

#[test]
fn events_grow_linearly_with_nodes() {
    let per_node = |nodes: u32| {
        let overrides = [
            format!("node_pool.workers.count={nodes}"),
            format!("app.web.replicas={}", nodes * 4),
            "strategy.max_unavailable=1".to_owned(),
        ];
        let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
        let base = run(&load("perf/linear", &overrides), 1).events as f64;
        base / f64::from(nodes)
    };
    let (few, many) = (per_node(50), per_node(500));
    assert!((many / few - 1.0).abs() < 0.03, "{few} events a node at 50, {many} at 500");
}
