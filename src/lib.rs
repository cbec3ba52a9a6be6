//! A deterministic simulator that proves or refutes that a Kubernetes upgrade plan stays zero-downtime.
//!
//! # One sentence
//!
//! Scenario TOML is read once into spanned tables and lowered, with every problem reported, into a
//! [`Scenario`](scenario::Scenario) that cannot be wrong; [`sim::run`] builds the [`World`](world::cluster::World), the
//! event queue and the keyed random draws, and arms the faults; each event is stepped by the world, or decided on by an
//! [`Actor`](strategy::Actor), into [`Effects`](world::effects::Effects) whose later events go back to the queue and
//! whose [`Fact`](world::fact::Fact)s go to observers; their findings make an [`Outcome`](sim::Outcome), which pure
//! renderers turn into text, JSON and drawings that only the command writes to disk.
//!
//! ```
//! use rollproof::{scenario, sim};
//!
//! let plan = scenario::parse("plan.toml", r#"
//!     schema = 1
//!     [cluster]
//!     version = { from = "1.14.10", to = "1.15.7" }
//!     [[node_pool]]
//!     name = "workers"
//!     count = 2
//!     [app.web]
//!     replicas = 2
//!     [strategy]
//!     name = "kops-1.15"
//! "#, &[], None)?;
//! let finished = sim::run(&plan, 1, sim::Watch::default())?;
//! assert_eq!(finished.outcome.upgrade.result, sim::outcome::UpgradeResult::Completed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Floors
//!
//! A file imports from its own folder and from lower floors only; `tests/architecture.rs` fails otherwise.
//!
//! ```text
//! 10 cli               people: arguments, files, terminal, exit codes          (the binary only)
//! 9  report/           pages: text, json, drawings; each a pure render
//! 8  api/ lab/ guide/  scenarios built in code, one call for each question; exercises; the guide's pages
//! 7  prove/ fidelity/  many runs for one answer; measured clusters beside simulated ones, row by row
//! 6  sim/              one run: the loop, limits, outcome, digest
//! 5  scenario/         what was asked: TOML -> Scenario
//! 4  strategy/ fault/ observe/    three plug-in walls that never import one another
//! 3  world/            the cluster: store, components, users' traffic, the vocabularies
//! 2  engine/ config/ statistics/    event queue, keyed draws, distributions; text -> values with places; exact tests
//! 1  base/             time, ids, quantities, versions
//! ```
//!
//! # Vocabularies
//!
//! Four closed enums separate the cluster from everybody else: [`Event`](world::event::Event) happens inside,
//! [`Command`](world::command::Command) comes from an operator, [`Disturbance`](world::disturbance::Disturbance) from
//! nature, [`Fact`](world::fact::Fact) goes out to observers. Actors see [`Reported`](world::reported::Reported), what
//! the API would answer; observers can neither schedule nor draw.
//!
//! # Three clocks of truth
//!
//! What etcd has committed ([`Store`](world::store::Store)), what each watcher has heard
//! ([`Watches`](world::watch::Watches)), what kernels and load balancers have been programmed with
//! ([`Rules`](world::rules::Rules), [`Targets`](world::targets::Targets), [`ServingTable`](world::serving::ServingTable)).
//! Most losses are lags between these clocks, so no component reads another's state: they meet through the store, the
//! network and notices, as the real ones do.
//!
//! # Determinism
//!
//! Time is whole nanoseconds. A draw is a function of (seed, purpose, stable name, ordinal), so a changed strategy or
//! an added node leaves all other luck as it was. Nothing iterates in hash order, nothing calls the platform's `ln` or
//! `exp`. One scenario and one seed give one digest on any machine, in debug and release, with history kept or not.
//!
//! # Cost follows change
//!
//! Heartbeats, lease renewals, probes, Raft heartbeats, health checks, poll loops and user requests are not events
//! while nothing changes: their next effect is computed from phase and period when something does.

pub mod api;
pub mod base;
pub mod config;
pub mod engine;
pub mod fault;
pub mod fidelity;
pub mod guide;
pub mod lab;
pub mod observe;
pub mod prove;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod statistics;
pub mod strategy;
pub mod world;

/// The examples of README, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
