//! What each strategy does that its neighbours do not, observed in runs: the page `src/strategy/differences.md`, which
//! `rollproof list strategies -v` prints. Nobody writes it by hand: `BLESS=1 cargo test --test strategies table` does.

use std::fmt::Write;

use rollproof::observe::trace::Trace;
use rollproof::scenario::Scenario;
use rollproof::sim::Outcome;
use rollproof::sim::outcome::UpgradeResult;
use rollproof::strategy::CATALOG;
use rollproof::world::fact::{Fact, StepPhase, Unit};
use rollproof::world::ids::{MasterId, NodeId};

use super::{finished, load, longest, names, run};

const HEAD: &str = "# What each strategy does

Written by `tests/strategies/table.rs` from runs with seed 1, never by hand.

`blocked`: a budget allows no eviction at all (scenarios/stuck-pdb.toml); what
becomes of the drain, and when. `fails`: the tool gives up. `deletes`: the pod
goes past its budget. `goes on`: the node goes with the pod on it. `goes back`:
to the old nodes. `holds`: the drain ends, the node keeps its place, the plan
waits. `waits`: for ever. `no drain`: nothing is evicted.

On the book's cluster (scenarios/book-ch18.toml; three masters, three workers):
`extra`: machines beyond its size. `out`: workers drained or replaced at a time.
`cordon`: old workers cordoned before the first pod goes. `leader`: whether the
master that leads etcd is stopped (cut), or hands over first (moved). `etcd`:
fewest voters up. `API`: whether the API's load balancer lets a master go before
it stops. `order`: of the workers; `any`: another with other seeds. `back`: who
may take old nodes back into use while they stand: the user, or the tool itself.

`min`: how long the upgrade takes. `lost`: requests of the book's app.
`outside`: requests lost of users outside, behind a load balancer that sends to
nodes (scenarios/book-ch18-external.toml): few where nodes leave it in time.
";

/// One strategy's line of both tables.
struct Row {
    name: &'static str,
    blocked: String,
    extra: i64,
    out: usize,
    cordon: &'static str,
    leader: &'static str,
    etcd: String,
    api: &'static str,
    order: String,
    back: &'static str,
    minutes: f64,
    lost: u64,
    outside: u64,
}

fn minutes(seconds: f64) -> String {
    // A deadline that is found to have passed a moment early is that deadline.
    let minutes = ((seconds + 1.0) / 60.0).floor();
    if minutes >= 120.0 { format!("{:.0}h", minutes / 60.0) } else { format!("{minutes:.0}m") }
}

fn blocked(name: &str) -> String {
    let outcome = run(&load("stuck-pdb", name, &[]), 1);
    let drained = longest(&outcome, "draining");
    let open = outcome.upgrade.steps.iter().any(|step| step.phase == "draining" && step.end_s.is_none());
    let back = outcome.upgrade.blocker.as_deref().is_some_and(|why| why.contains("rolled back"));
    let after = minutes(drained);
    match outcome.upgrade.result {
        _ if back => format!("goes back {after}"),
        UpgradeResult::Failed => format!("fails {after}"),
        UpgradeResult::Stalled | UpgradeResult::Horizon if open => "waits".to_owned(),
        UpgradeResult::Stalled | UpgradeResult::Horizon => format!("holds {after}"),
        UpgradeResult::Completed if outcome.pdb_violations > 0 && drained > 0.0 => format!("deletes {after}"),
        UpgradeResult::Completed if drained > 60.0 => format!("goes on {after}"),
        UpgradeResult::Completed => "no drain".to_owned(),
    }
}

/// Machines beyond the cluster's size, at most.
fn extra(trace: &Trace) -> i64 {
    let (mut now, mut most) = (0, 0);
    for record in &trace.records {
        now += match record.fact {
            Fact::MachineLaunched { .. } => 1,
            Fact::MachineStopping { .. } => -1,
            _ => 0,
        };
        most = most.max(now);
    }
    most
}

/// Whether a node is one of the workers that were there at the start, or the place that one of them had.
fn is_old_worker(node: NodeId, trace: &Trace) -> bool {
    (3..6).contains(&node.0) && trace.names.nodes[node].starts_with("workers")
}

/// Workers in the hands of the plan at once, and the order in which they came.
fn turns(trace: &Trace) -> (usize, String) {
    let drains = |fact: Fact| matches!(fact, Fact::StepBegan { unit: Unit::Node(node), phase: StepPhase::Draining, .. } if is_old_worker(node, trace));
    let drained = trace.records.iter().any(|record| drains(record.fact));
    let busy = |phase| matches!(phase, StepPhase::Draining | StepPhase::Transition);
    let (mut now, mut most, mut order): (Vec<NodeId>, usize, Vec<NodeId>) = (Vec::new(), 0, Vec::new());
    for record in &trace.records {
        match record.fact {
            Fact::StepBegan { unit: Unit::Node(node), phase, .. } if is_old_worker(node, trace) && busy(phase) => {
                now.push(node);
                if !order.contains(&node) && (phase == StepPhase::Draining || !drained) {
                    order.push(node);
                }
            }
            Fact::StepEnded { unit: Unit::Node(node), phase, .. } if busy(phase) => now.retain(|other| *other != node),
            _ => {}
        }
        most = most.max(now.len());
    }
    let order: Vec<String> = order.iter().map(|node| (node.0 - 2).to_string()).collect();
    (most, if order.is_empty() { "-".to_owned() } else { order.join(" ") })
}

fn cordoned_first(trace: &Trace) -> &'static str {
    let mut cordoned = 0;
    for record in &trace.records {
        match record.fact {
            Fact::NodeCordoned { node, unschedulable: true } if is_old_worker(node, trace) => cordoned += 1,
            Fact::PodDeleting { .. } | Fact::MachineStopping { node: NodeId(3..6) } => break,
            _ => {}
        }
    }
    match cordoned {
        0 => "none",
        1 => "each",
        2 => "two",
        _ => "all",
    }
}

/// What becomes of the master that leads, and whether masters leave the API's load balancer before they stop.
fn masters(trace: &Trace) -> (&'static str, &'static str) {
    let (mut leader, mut cut, mut stopped): (Option<MasterId>, bool, Vec<u32>) = (None, false, Vec::new());
    let (mut in_rotation, mut before, mut at_transition) = ([true; 3], 0, [None; 3]);
    for record in &trace.records {
        match record.fact {
            Fact::MemberLeads { member, .. } => leader = Some(member),
            Fact::ServerInRotation { master: MasterId(node @ 0..3), used } => in_rotation[node as usize] = used,
            Fact::StepBegan { unit: Unit::Node(NodeId(node @ 0..3)), phase: StepPhase::Transition, .. } => {
                at_transition[node as usize] = Some(leader);
            }
            Fact::MachineStopping { node: NodeId(node @ 0..3) } | Fact::MemberStopped { member: MasterId(node) }
                if !stopped.contains(&node) =>
            {
                stopped.push(node);
                // A member that is asked to stop hands over by itself; the question is whether the tool did before.
                cut |= at_transition[node as usize].unwrap_or(leader) == Some(MasterId(node));
                before += usize::from(!in_rotation[node as usize]);
            }
            _ => {}
        }
    }
    let rotation = match (before, stopped.len()) {
        (_, 0) => "-",
        (0, _) => "after",
        (before, all) if before == all => "before",
        _ => "some",
    };
    (
        if stopped.is_empty() {
            "-"
        } else if cut {
            "cut"
        } else {
            "moved"
        },
        rotation,
    )
}

/// Who may go back: the tool by itself, or the operator.
fn back(name: &str) -> &'static str {
    let has = |key: &str| {
        let strategy = CATALOG.iter().find(|strategy| strategy.entry.name == name).expect("it is listed");
        strategy.entry.settings.iter().any(|setting| setting.key == key)
    };
    let goes_back =
        |outcome: &Outcome| outcome.upgrade.blocker.as_deref().is_some_and(|why| why.contains("rolled back"));
    // A budget that keeps every pod of the app.
    if goes_back(&run(&load("book-ch18", name, &["app.web.pdb.max_unavailable=0"]), 1)) {
        return "tool";
    }
    if !has("cancel_after") {
        return "-";
    }
    let outcome = run(&load("book-ch18", name, &["strategy.cancel_after=\"2m\""]), 1);
    if goes_back(&outcome) && outcome.requests.lost == 0 { "user" } else { "loses" }
}

fn row(name: &'static str) -> Row {
    let scenario: Scenario = load("book-ch18", name, &[]);
    let run_of_the_book = finished(&scenario, 1, true);
    let (trace, outcome): (Trace, Outcome) = (run_of_the_book.trace.expect("it was kept"), run_of_the_book.outcome);
    let (out, mut order) = turns(&trace);
    let other = |seed| turns(&finished(&scenario, seed, true).trace.expect("it was kept")).1;
    if (2..=4).any(|seed| other(seed) != order) {
        order = "any".to_owned();
    }
    let (leader, api) = masters(&trace);
    let hidden = outcome.etcd.is_none();
    let etcd = outcome.etcd.as_ref().map_or("hidden".to_owned(), |etcd| format!("{} of 3", etcd.min_members));
    let blocked = blocked(name);
    let back = back(name);
    let outside = run(&load("book-ch18-external", name, &[]), 1).requests.lost;
    Row {
        name,
        blocked,
        extra: extra(&trace),
        out,
        cordon: cordoned_first(&trace),
        leader: if hidden { "hidden" } else { leader },
        etcd,
        api,
        order,
        back,
        minutes: outcome.upgrade.seconds / 60.0,
        lost: outcome.requests.lost,
        outside,
    }
}

fn page(rows: &[Row]) -> String {
    let mut page = format!("{HEAD}\n```text\n");
    let _ = writeln!(
        page,
        "{:<25} {:<13} {:>5} {:>3} {:<6} {:<6} {:<6}",
        "", "blocked", "extra", "out", "cordon", "leader", "etcd"
    );
    for row in rows {
        let (name, blocked, extra, out) = (row.name, &row.blocked, row.extra, row.out);
        let _ = writeln!(
            page,
            "{name:<25} {blocked:<13} {extra:>5} {out:>3} {:<6} {:<6} {:<6}",
            row.cordon, row.leader, row.etcd
        );
    }
    let _ = writeln!(
        page,
        "\n{:<25} {:<6} {:<5} {:<5} {:>5} {:>5} {:>7}",
        "", "API", "order", "back", "min", "lost", "outside"
    );
    for row in rows {
        let (name, api, order, back) = (row.name, row.api, &row.order, row.back);
        let _ = writeln!(
            page,
            "{name:<25} {api:<6} {order:<5} {back:<5} {:>5.0} {:>5} {:>7}",
            row.minutes, row.lost, row.outside
        );
    }
    page.push_str("```\n");
    page.lines().fold(String::new(), |page, line| page + line.trim_end() + "\n")
}

#[test]
fn the_page_of_differences_is_what_the_runs_show() {
    let tools = names().filter(|name| !["none", "by-hand", "kubectl-drain"].contains(name));
    let rows: Vec<Row> = tools.map(row).collect();
    let page = page(&rows);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "it fits a terminal:\n{page}");
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/strategy/differences.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(page == kept, "src/strategy/differences.md is not what the runs show; look, then BLESS=1:\n{page}");
}
