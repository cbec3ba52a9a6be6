//! A team's plan, and what the team holds it to.

use rollproof::api::{App, Law, Pool, ScenarioBuilder, Traffic};
use rollproof::base::Span;
use rollproof::config::{Entry, Kind, Setting};
use rollproof::fault::{Aim, FaultEntry, FaultSet, Lasting, Strike, Victim};
use rollproof::scenario::Scenario;
use rollproof::strategy::machinery::parts::{drain_within, node_ready, replaced_masters};
use rollproof::strategy::machinery::{Amount, Groups, Plan, Run, Stage, Step, Transition};
use rollproof::strategy::{StrategyEntry, Target};
use rollproof::world::disturbance::Disturbance;

/// The shop on so many workers.
pub fn shop(workers: u32, replicas: u32) -> ScenarioBuilder {
    let buyers = Traffic::new("buyers").from("pool:clients").rps(20);
    let shop = App::new("shop").replicas(replicas).readiness("2s", 2).pre_stop("10s").on_sigterm("drain");
    Scenario::builder("shop")
        .version("1.14.10", "1.15.7")
        .pool(Pool::new("workers", workers))
        .pool(Pool::new("clients", 1).for_clients())
        .app(shop.max_unavailable(1).traffic(buyers))
        .strategy("kops-1.15")
}

/// The team's own law: the shop never has fewer pods than this.
pub fn keeps(pods: u32) -> Law {
    Law::always("the shop keeps its pods", move |truth| truth.ready("shop") >= Some(pods))
}

/// The team's own upgrade: masters one after another, then so many workers at a time.
pub static ROLL: StrategyEntry = StrategyEntry {
    entry: &Entry {
        name: "shop-roll",
        about: "Masters one after another, then so many workers at a time.",
        details: "",
        settings: &[Setting {
            key: "workers_at_once",
            about: "Workers that are replaced together.",
            kind: Kind::Count { min: 1, max: 100 },
            default: "1",
            unit: "nodes",
            source: "the team's runbook",
        }],
        sources: &["the team's runbook"],
    },
    build: |values| {
        let steps = vec![
            Step::Cordon,
            drain_within(Span::mins(5)),
            Step::Transition(Transition::Terminate),
            Step::Gate(node_ready(Span::secs(10))),
        ];
        let most = Amount::count(values.count("workers_at_once") as u32);
        let workers = Stage::of("workers", Groups::Workers, steps).at_once(most);
        Box::new(Run::new(Plan::of(Span::mins(1), vec![replaced_masters(Amount::count(1)), workers])))
    },
    target: Target::Needed,
    hides_etcd: false,
};

/// What happened to the team once: somebody pulled a cable.
pub static CABLE: FaultEntry = FaultEntry {
    entry: &Entry {
        name: "pulled-cable",
        about: "A machine's cable is pulled and plugged in again.",
        details: "",
        settings: &[],
        sources: &["the team's incident 7"],
    },
    set: FaultSet::Independent,
    aim: Aim::Node,
    lasting: Some(Lasting { default: Span::secs(20), source: "the team's incident 7" }),
    strike: |_, victim| match victim {
        Victim::Node(node) => {
            Some(Strike { disturbance: Disturbance::CutLink(node), repair: Some(Disturbance::MendLink(node)) })
        }
        _ => None,
    },
};
