//! Floor 8: rollproof as a library. Scenarios built in code or read from TOML, and one call for each question.
//!
//! A [`ScenarioBuilder`] writes the TOML that a person would have written and gives it to the one reader, so a built
//! scenario has the defaults and the rules of a file, and [`document`](crate::scenario::document) writes it as one.
//!
//! The feature `proptest` adds strategies that draw whole plans, and `check!`, which tests a property of them.
//!
//! ```
//! use rollproof::api::{App, Fault, Pool, Traffic};
//! use rollproof::scenario::Scenario;
//! use rollproof::sim::outcome::Verdict;
//!
//! let plan = Scenario::builder("team")
//!     .version("1.14.10", "1.15.7")
//!     .masters(3)
//!     .pool(Pool::new("workers", 2))
//!     .pool(Pool::new("clients", 1).for_clients())
//!     .app(App::new("web").replicas(2).pre_stop("10s").traffic(Traffic::new("users").from("pool:clients").rps(50)))
//!     .strategy("kops-1.15")
//!     .fault(Fault::new("etcd-member-stop").target("etcd-leader").at("master-2:transition"))
//!     .build()?;
//! assert_ne!(plan.run(1)?.verdict, Verdict::Holds, "one of three masters is being replaced, another stops");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
#[cfg(feature = "proptest")]
pub mod cases;
#[cfg(feature = "proptest")]
mod check;
#[cfg(feature = "proptest")]
mod fewest;
mod keys;
mod parts;
mod questions;

pub use crate::observe::own::{Law, Truth};
pub use crate::scenario::{Own, Refused as Problems};
pub use builder::ScenarioBuilder;
#[cfg(feature = "proptest")]
pub use check::{Found, Search, Unsound};
pub use parts::{App, Fault, Pool, Traffic};
pub use questions::Unanswered;
