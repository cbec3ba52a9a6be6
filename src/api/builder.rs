//! A scenario put together in code.

use super::Problems;
use super::keys::{empty, listed, named, put, text};
use super::parts::{App, Fault, Pool};
use crate::config::printed::document;
use crate::config::{Table, ValueKind};
use crate::fault::FaultEntry;
use crate::observe::own::Law;
use crate::scenario::{self, Own, SCHEMA, Scenario};
use crate::strategy::StrategyEntry;

/// A scenario that is being put together. Nothing is checked before [`build`](ScenarioBuilder::build).
#[derive(Clone, Debug)]
pub struct ScenarioBuilder {
    name: String,
    cluster: Table,
    plane: Table,
    pools: Vec<Table>,
    apps: Vec<(String, Table)>,
    faults: Vec<Table>,
    strategy: Option<String>,
    overrides: Vec<String>,
    own: Own,
}

impl Scenario {
    /// A scenario of this name, to be put together in code; [`api`](crate::api) has an example.
    pub fn builder(name: &str) -> ScenarioBuilder {
        ScenarioBuilder {
            name: name.to_owned(),
            cluster: empty(),
            plane: empty(),
            pools: Vec::new(),
            apps: Vec::new(),
            faults: Vec::new(),
            strategy: None,
            overrides: Vec::new(),
            own: Own::new(),
        }
    }

    /// The scenario of a TOML text.
    ///
    /// # Errors
    /// With everything that is wrong, and where in the text.
    pub fn from_toml(text: &str) -> Result<Scenario, Problems> {
        Scenario::from_toml_with(text, &Own::new())
    }

    /// The scenario of a TOML text that may name what this program adds to the catalogues.
    ///
    /// # Errors
    /// With everything that is wrong, and where in the text.
    pub fn from_toml_with(text: &str, own: &Own) -> Result<Scenario, Problems> {
        scenario::parse_with("scenario.toml", text, (&[], None), own)
    }
}

impl ScenarioBuilder {
    /// The versions of Kubernetes before and after, such as `1.14.10` and `1.15.7`.
    pub fn version(mut self, from: &str, to: &str) -> ScenarioBuilder {
        let mut versions = empty();
        put(&mut versions, "from", text(from));
        put(&mut versions, "to", text(to));
        put(&mut self.cluster, "version", ValueKind::Table(versions));
        self
    }
    /// So many masters, each with a member of etcd.
    pub fn masters(mut self, count: u32) -> ScenarioBuilder {
        put(&mut self.plane, "replicas", ValueKind::Integer(i64::from(count)));
        self
    }
    /// With these machines, too.
    pub fn pool(mut self, pool: Pool) -> ScenarioBuilder {
        self.pools.push(pool.0);
        self
    }
    /// With this app, too; a second one of the same name replaces the first.
    pub fn app(mut self, app: App) -> ScenarioBuilder {
        self.apps.push((app.name.clone(), app.into_table()));
        self
    }
    /// Who upgrades it; `rollproof list strategies` names them.
    pub fn strategy(mut self, name: &str) -> ScenarioBuilder {
        self.strategy = Some(name.to_owned());
        self
    }
    /// A strategy of the program's own upgrades it. [`Actor`](crate::strategy::Actor) has an example.
    pub fn own_strategy(mut self, entry: &'static StrategyEntry) -> ScenarioBuilder {
        self.own = self.own.strategy(entry);
        self.strategy(entry.entry.name)
    }
    /// Faults may be of this kind of the program's own. [`FaultEntry`] has an example.
    pub fn own_fault(mut self, kind: &'static FaultEntry) -> ScenarioBuilder {
        self.own = self.own.fault(kind);
        self
    }
    /// The plan is held to a law of the program's own. [`Law`] has an example.
    pub fn law(mut self, law: Law) -> ScenarioBuilder {
        self.own = self.own.law(law);
        self
    }
    /// With this fault, too.
    pub fn fault(mut self, fault: Fault) -> ScenarioBuilder {
        self.faults.push(fault.0);
        self
    }
    /// Any other key of a scenario, as `--set` of the command writes it: `app.web.cpu=250`. The value is TOML.
    pub fn set(mut self, change: &str) -> ScenarioBuilder {
        self.overrides.push(change.to_owned());
        self
    }
    /// The scenario.
    ///
    /// # Errors
    /// With everything that is wrong, and where in the TOML that the parts came to.
    ///
    /// ```
    /// use rollproof::scenario::Scenario;
    ///
    /// let wrong = Scenario::builder("wrong").version("1.14.10", "1.15.7").strategy("kopps").build();
    /// assert!(wrong.expect_err("no such strategy").to_string().contains("kopps"));
    /// ```
    pub fn build(self) -> Result<Scenario, Problems> {
        let mut root = empty();
        put(&mut root, "schema", ValueKind::Integer(i64::from(SCHEMA)));
        put(&mut root, "name", text(&self.name));
        let mut cluster = self.cluster;
        if !self.plane.entries.is_empty() {
            put(&mut cluster, "control_plane", ValueKind::Table(self.plane));
        }
        put(&mut root, "cluster", ValueKind::Table(cluster));
        if !self.pools.is_empty() {
            put(&mut root, "node_pool", listed(self.pools));
        }
        if !self.apps.is_empty() {
            put(&mut root, "app", named(self.apps));
        }
        if !self.faults.is_empty() {
            put(&mut root, "fault", listed(self.faults));
        }
        if let Some(name) = self.strategy {
            let mut strategy = empty();
            put(&mut strategy, "name", text(&name));
            put(&mut root, "strategy", ValueKind::Table(strategy));
        }
        scenario::parse_with("built.toml", &document(&root), (&self.overrides, None), &self.own)
    }
}
