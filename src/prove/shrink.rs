//! Makes a failing run smaller while it fails in the same way: fewer faults, simpler faults, a smaller cluster and
//! load, rounder times, a shorter horizon.
//!
//! A smaller run counts only if it breaks the same law, loses requests by the same mechanism, and if it keeps that law
//! altogether without any one of its faults: otherwise it would fail for another reason than the one that was found.

use std::sync::atomic::{AtomicBool, Ordering};

use super::batch::{Failed, caught};
use super::edit::{self, Step, keys};
use crate::config::{Table, Value, ValueKind};
use crate::fault::CATALOG;
use crate::scenario::{self, Own, Refused, Scenario};
use crate::sim::outcome::Verdict;
use crate::sim::{self, Outcome, Watch};

/// Runs that shrinking may take.
const TRIES: u64 = 600;

/// Kinds from the simplest to the hardest: one process, one pod, one machine, many.
const SIMPLER: [&str; 12] = [
    "etcd-member-stop",
    "api-server-crash",
    "controller-manager-crash",
    "scheduler-crash",
    "pod-crash",
    "pod-delete",
    "sandbox-crash",
    "kubelet-restart",
    "kube-proxy-restart",
    "node-link-cut",
    "node-power-off",
    "zone-outage",
];

/// A failing run that becomes smaller.
pub(super) struct Shrink<'s> {
    name: String,
    table: Table,
    /// What the program adds to the catalogues, which no table says.
    program: Own,
    seed: u64,
    law: String,
    /// Faults of the scenario itself, which stand before those of the search and are left alone.
    own: usize,
    tries: u64,
    done: Vec<String>,
    /// How most requests of the run that was found are lost, if any are.
    mechanism: Option<String>,
    /// Once it is true, the work stops.
    stop: &'s AtomicBool,
}

/// How most requests of a run are lost.
fn mechanism(outcome: &Outcome) -> Option<String> {
    let mut most: Option<(&String, u64)> = None;
    for (cause, lost) in &outcome.requests.by_cause {
        if most.is_none_or(|(_, least)| *lost > least) {
            most = Some((cause, *lost));
        }
    }
    most.map(|(cause, _)| cause.clone())
}

impl<'s> Shrink<'s> {
    pub(super) fn new(
        plan: (&str, &Own),
        table: Table,
        (seed, law): (u64, &str),
        own: usize,
        stop: &'s AtomicBool,
    ) -> Shrink<'s> {
        Shrink {
            name: plan.0.to_owned(),
            table,
            program: plan.1.clone(),
            seed,
            law: law.to_owned(),
            own,
            tries: 0,
            done: Vec::new(),
            mechanism: None,
            stop,
        }
    }

    /// What a table says, with what the program adds to the catalogues.
    pub(super) fn plan(&self, table: &Table) -> Result<Scenario, Refused> {
        scenario::from_table(&self.name, table.clone(), &self.program)
    }

    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn done(&self) -> &[String] {
        &self.done
    }

    pub(super) const fn tries(&self) -> u64 {
        self.tries
    }

    /// How many faults of the search are left.
    pub(super) fn faults(&self) -> usize {
        edit::below(&self.table, &keys(&["fault"])).len() - self.own
    }

    /// Whether it fails as it stands.
    pub(super) fn holds_still(&mut self) -> Result<bool, Failed> {
        let found = self.fails(&self.table.clone())?;
        self.mechanism = found.as_ref().and_then(mechanism);
        Ok(found.is_some())
    }

    /// Whether an outcome loses requests as the run that was found does; of laws that are not about requests, always.
    fn loses_alike(&self, outcome: &Outcome) -> bool {
        !matches!(self.law.as_str(), "no-loss" | "no-exposure")
            || self.mechanism.is_none()
            || mechanism(outcome) == self.mechanism
    }

    /// The outcome of a run, if it has one: what is tried may be no scenario, or have no healthy cluster, or show a defect
    /// of ours, and then it is no smaller run of the same kind.
    fn outcome(&mut self, table: &Table) -> Result<Option<Outcome>, Failed> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failed::Stopped);
        }
        self.tries += 1;
        let Ok(plan) = self.plan(table) else { return Ok(None) };
        let watch = Watch { stop: Some(self.stop), ..Watch::default() };
        match caught(self.seed, Vec::new, || sim::run(&plan, self.seed, watch)) {
            Ok(finished) => Ok(Some(finished.outcome)),
            Err(Failed::Stopped) => Err(Failed::Stopped),
            Err(_) => Ok(None),
        }
    }

    fn breaks(&self, outcome: &Outcome) -> bool {
        outcome.verdict == Verdict::Refuted && outcome.reasons.iter().any(|reason| reason.law == self.law)
    }

    /// The outcome, if this run breaks the law, and by the same mechanism.
    fn fails(&mut self, table: &Table) -> Result<Option<Outcome>, Failed> {
        let outcome = self.outcome(table)?;
        Ok(outcome.filter(|outcome| self.breaks(outcome) && self.loses_alike(outcome)))
    }

    /// Whether the law is kept when any one of the search's faults is left out: not broken by any mechanism.
    fn needs_its_faults(&mut self, table: &Table) -> Result<bool, Failed> {
        let faults = edit::below(table, &keys(&["fault"]));
        for fault in &faults[self.own.min(faults.len())..] {
            let mut without = table.clone();
            edit::remove(&mut without, fault);
            let outcome = self.outcome(&without)?;
            if outcome.is_none_or(|outcome| self.breaks(&outcome)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes a smaller run if it fails in the same way.
    fn take(&mut self, table: Table, what: String) -> Result<bool, Failed> {
        if self.tries >= TRIES || self.fails(&table)?.is_none() || !self.needs_its_faults(&table)? {
            return Ok(false);
        }
        self.table = table;
        self.done.push(what);
        Ok(true)
    }

    /// Everything, until nothing becomes smaller.
    pub(super) fn all(&mut self) -> Result<(), Failed> {
        self.fewer_faults()?;
        self.simpler_faults()?;
        loop {
            let before = self.done.len();
            self.smaller_cluster()?;
            self.smaller_load()?;
            if self.done.len() == before || self.tries >= TRIES {
                break;
            }
        }
        self.rounder_times()?;
        self.shorter_horizon()
    }

    fn fewer_faults(&mut self) -> Result<(), Failed> {
        let mut index = self.own;
        while self.faults() > 0 && index < self.own + self.faults() {
            let mut table = self.table.clone();
            edit::remove(&mut table, &[keys(&["fault"]), vec![Step::Index(index)]].concat());
            // Here a fault may be what it takes or not; that is the question.
            if self.fails(&table)?.is_some() {
                self.table = table;
                self.done.push("a fault that it does not take".to_owned());
            } else {
                index += 1;
            }
        }
        Ok(())
    }

    /// The faults of the search.
    fn places(&self) -> Vec<Vec<Step>> {
        edit::below(&self.table, &keys(&["fault"])).split_off(self.own)
    }

    fn simpler_faults(&mut self) -> Result<(), Failed> {
        for fault in self.places() {
            let Some(kind) = self.text_at(&fault, "kind") else { continue };
            // Nobody has said what is simpler than a program's own kind.
            if !CATALOG.iter().any(|known| known.entry.name == kind) {
                continue;
            }
            let rank = SIMPLER.iter().position(|simpler| *simpler == kind).unwrap_or(SIMPLER.len());
            for simpler in &SIMPLER[..rank] {
                let mut table = self.table.clone();
                edit::set_in(&mut table, &fault, "kind", edit::text(simpler));
                if self.take(table, format!("{simpler} instead of {kind}"))? {
                    break;
                }
            }
        }
        Ok(())
    }

    fn smaller_cluster(&mut self) -> Result<(), Failed> {
        for path in edit::below(&self.table, &keys(&["app"])).into_iter().rev() {
            self.without(&path)?;
        }
        for path in edit::below(&self.table, &keys(&["node_pool"])).into_iter().rev() {
            self.without(&path)?;
        }
        // Without a fault, sizes are the plan itself: of one replica, say, everybody knows that it is one too few.
        if self.faults() == 0 {
            return Ok(());
        }
        for pool in edit::below(&self.table, &keys(&["node_pool"])) {
            self.fewer(&[pool, keys(&["count"])].concat())?;
        }
        for app in edit::below(&self.table, &keys(&["app"])) {
            self.fewer(&[app, keys(&["replicas"])].concat())?;
        }
        // A law about voters is about how many there are.
        if self.law != "etcd-quorum" {
            self.fewer(&keys(&["cluster", "control_plane", "replicas"]))?;
        }
        Ok(())
    }

    fn smaller_load(&mut self) -> Result<(), Failed> {
        for app in edit::below(&self.table, &keys(&["app"])) {
            let groups = [app, keys(&["traffic"])].concat();
            for path in edit::below(&self.table, &groups).into_iter().rev() {
                self.without(&path)?;
            }
            for group in edit::below(&self.table, &groups) {
                self.fewer(&[group, keys(&["rps"])].concat())?;
            }
        }
        Ok(())
    }

    fn without(&mut self, path: &[Step]) -> Result<(), Failed> {
        let mut table = self.table.clone();
        if edit::remove(&mut table, path) {
            self.take(table, format!("without {}", edit::written(path)))?;
        }
        Ok(())
    }

    /// A smaller count at this path: 1, 2, 3, half.
    fn fewer(&mut self, path: &[Step]) -> Result<(), Failed> {
        let mut table = self.table.clone();
        let Some(Value { kind: ValueKind::Integer(now), .. }) = edit::at(&mut table, path) else { return Ok(()) };
        let now = *now;
        let mut sizes = vec![1, 2, 3, now / 2];
        sizes.retain(|size| (1..now).contains(size));
        sizes.sort_unstable();
        sizes.dedup();
        for size in sizes {
            let mut table = self.table.clone();
            if let Some(value) = edit::at(&mut table, path) {
                value.kind = ValueKind::Integer(size);
            }
            if self.take(table, format!("{} = {size} instead of {now}", edit::written(path)))? {
                break;
            }
        }
        Ok(())
    }

    fn text_at(&self, path: &[Step], key: &str) -> Option<String> {
        let mut table = self.table.clone();
        match &edit::at(&mut table, &[path.to_vec(), keys(&[key])].concat())?.kind {
            ValueKind::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Moments of faults in whole minutes, or tens of seconds, or seconds.
    fn rounder_times(&mut self) -> Result<(), Failed> {
        const UNITS: [u64; 4] = [60_000, 10_000, 1_000, 100];
        for fault in self.places() {
            for key in ["offset", "at"] {
                let Some(text) = self.text_at(&fault, key) else { continue };
                let Ok(span) = crate::config::quantity::span(&text) else { continue };
                let millis = span.as_nanos() / 1_000_000;
                let rounds = UNITS.iter().flat_map(|unit| [millis / unit * unit, millis.div_ceil(*unit) * unit]);
                for rounder in rounds.filter(|rounder| *rounder != millis) {
                    let mut table = self.table.clone();
                    let moment = crate::base::Span::millis(rounder).to_string();
                    match (key, rounder) {
                        ("offset", 0) => edit::remove(&mut table, &[fault.clone(), keys(&[key])].concat()),
                        _ => edit::set_in(&mut table, &fault, key, edit::text(&moment)),
                    };
                    if self.take(table, format!("{key} = {moment} instead of {text}"))? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// A horizon soon after the breach, in whole minutes.
    fn shorter_horizon(&mut self) -> Result<(), Failed> {
        let Some(outcome) = self.fails(&self.table.clone())? else { return Ok(()) };
        let at = outcome.reasons.iter().find(|reason| reason.law == self.law).map_or(0.0, |reason| reason.at_s);
        let minutes = (at / 60.0) as u64 + 1;
        if minutes as f64 * 60.0 + 60.0 >= outcome.sim_seconds {
            return Ok(());
        }
        let mut table = self.table.clone();
        let horizon = ("horizon", edit::text(&format!("{minutes}m")));
        match edit::at(&mut table, &keys(&["limits"])).is_some() {
            true => {
                edit::set_in(&mut table, &keys(&["limits"]), horizon.0, horizon.1);
            }
            false => edit::set(&mut table, "limits", edit::table(vec![horizon])),
        }
        self.take(table, format!("a horizon of {minutes} min"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An app without a preStop hook, which refuses requests when it is drained, and a worker that loses its power.
    const EXPOSED: &str = r#"schema = 1
name = "exposed"
[cluster]
version = { from = "1.14.10", to = "1.15.7" }
[[node_pool]]
name = "workers"
count = 3
[[node_pool]]
name = "clients"
count = 1
upgrade = false
runs_apps = false
[app.web]
replicas = 2
pdb = { max_unavailable = 1 }
[app.web.traffic.new]
from = "pool:clients"
rps = 50
[strategy]
name = "kops-1.15"
[[fault]]
kind = "node-power-off"
target = "workers-2"
at = "workers-1:gate"
"#;

    fn table() -> Table {
        scenario::parse("exposed.toml", EXPOSED, &[], None).unwrap_or_else(|refused| panic!("{refused}")).table
    }

    #[test]
    fn a_fault_without_which_the_law_breaks_in_another_way_is_not_what_it_takes() {
        let stop = AtomicBool::new(false);
        let table = table();
        let mut shrink = Shrink::new(("exposed", &Own::new()), table.clone(), (1, "no-exposure"), 0, &stop);
        assert!(shrink.holds_still().expect("it runs"));
        let mut calm = table.clone();
        edit::remove(&mut calm, &keys(&["fault"]));
        let with = shrink.outcome(&table).expect("it runs").and_then(|outcome| mechanism(&outcome));
        let without = shrink.outcome(&calm).expect("it runs").and_then(|outcome| mechanism(&outcome));
        assert!(without.is_some() && with != without, "with {with:?}, without {without:?}");
        assert!(!shrink.needs_its_faults(&table).expect("it runs"));
    }

    #[test]
    fn it_stops_when_it_is_told_to() {
        let stop = AtomicBool::new(true);
        let mut shrink = Shrink::new(("exposed", &Own::new()), table(), (1, "no-exposure"), 0, &stop);
        assert!(matches!(shrink.holds_still(), Err(Failed::Stopped)));
    }
}
