//! What a program adds to the catalogues for a scenario of its own: strategies, kinds of faults, laws.

use crate::config::{Diagnostics, Entry, Place, Problem, code, nearest};
use crate::fault::{self, FaultEntry, UnknownFault};
use crate::observe::own::Law;
use crate::strategy::StrategyEntry;
use crate::strategy::catalog::{self as strategies, UnknownStrategy};

/// What a program adds to the catalogues, for the scenarios that are read with it.
///
/// A file may name them, and only a program that adds them can read that file: the command `rollproof` cannot.
///
/// ```
/// use rollproof::api::{Law, Own};
/// use rollproof::scenario::Scenario;
/// use rollproof::sim::outcome::Verdict;
///
/// let own = Own::new().law(Law::always("all of etcd is up", |truth| truth.etcd_margin() >= 1));
/// let plan = Scenario::from_toml_with(
///     r#"
///     schema = 1
///     [cluster]
///     version = { from = "1.14.10", to = "1.15.7" }
///     [strategy]
///     name = "kops-1.15"
///     "#,
///     &own,
/// )?;
/// assert_eq!(plan.run(1)?.verdict, Verdict::Refuted, "a roll stops one member after another");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Own {
    laws: Vec<Law>,
    strategies: Vec<&'static StrategyEntry>,
    faults: Vec<&'static FaultEntry>,
}

impl Own {
    /// Nothing.
    pub fn new() -> Own {
        Own::default()
    }
    /// With a law that the plan is held to, whatever its objective says.
    pub fn law(mut self, law: Law) -> Own {
        self.laws.push(law);
        self
    }
    /// With a strategy that `[strategy]` can name.
    pub fn strategy(mut self, entry: &'static StrategyEntry) -> Own {
        self.strategies.push(entry);
        self
    }
    /// With a kind of fault that `[[fault]]` can name, and that a proof can be asked about.
    pub fn fault(mut self, kind: &'static FaultEntry) -> Own {
        self.faults.push(kind);
        self
    }
    /// Its laws.
    pub fn laws(&self) -> &[Law] {
        &self.laws
    }
    /// Names of its strategies and kinds of faults.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries().map(|entry| entry.name)
    }

    fn entries(&self) -> impl Iterator<Item = &'static Entry> {
        let strategies = self.strategies.iter().map(|strategy| strategy.entry);
        strategies.chain(self.faults.iter().map(|kind| kind.entry))
    }

    /// All strategies, those of the catalogue first.
    pub(super) fn all_strategies(&self) -> impl Iterator<Item = &'static StrategyEntry> {
        strategies::CATALOG.iter().chain(&self.strategies).copied()
    }
    /// All kinds of faults, those of the catalogue first.
    pub(crate) fn all_faults(&self) -> impl Iterator<Item = &'static FaultEntry> {
        fault::CATALOG.iter().chain(&self.faults).copied()
    }
    /// The strategy of this name.
    pub(super) fn find_strategy(&self, name: &str) -> Result<&'static StrategyEntry, UnknownStrategy> {
        let names = || self.all_strategies().map(|strategy| strategy.entry.name);
        let found = self.all_strategies().find(|strategy| strategy.entry.name == name);
        found.ok_or_else(|| UnknownStrategy { name: name.to_owned(), nearest: nearest(name, names()) })
    }
    /// The kind of fault of this name.
    pub(super) fn find_fault(&self, name: &str) -> Result<&'static FaultEntry, UnknownFault> {
        let names = || self.all_faults().map(|kind| kind.entry.name);
        let found = self.all_faults().find(|kind| kind.entry.name == name);
        found.ok_or_else(|| UnknownFault { name: name.to_owned(), nearest: nearest(name, names()) })
    }

    /// Reports entries that cannot be used: a name that is taken, a default that its own reader refuses.
    pub(super) fn check(&self, problems: &Diagnostics) {
        let report = |message: String, help: &str| {
            problems.report(Problem::error(code::VALUE, message, Place::Nowhere).help(help));
        };
        let mut strategies: Vec<&str> = self.all_strategies().map(|strategy| strategy.entry.name).collect();
        let mut faults: Vec<&str> = self.all_faults().map(|kind| kind.entry.name).collect();
        for (what, names) in [("strategies", &mut strategies), ("kinds of faults", &mut faults)] {
            names.sort_unstable();
            for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
                report(format!("two {what} are called `{}`", pair[0]), "give one's own another name");
            }
        }
        for entry in self.entries() {
            for mistake in entry.mistakes() {
                report(format!("`{}` cannot be used: {mistake}", entry.name), "mend its record");
            }
        }
    }
}
