//! A team's plan, and what the team holds it to.

use rollproof::api::{App, Law, Pool, ScenarioBuilder, Traffic};
use rollproof::scenario::Scenario;

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
