//! Makes a failing run smaller while it fails in the same way: fewer faults, simpler faults, a smaller cluster and
//! load, rounder times, a shorter horizon.
//!
//! A smaller run counts only if it breaks the same law, loses requests by the same mechanism, and if it keeps that law without any one of its faults:
//! otherwise it would fail for another reason than the one that was found.

use super::edit::{self, Step, keys};
use crate::config::{Table, Value, ValueKind};
use crate::fault::CATALOG;
use crate::scenario;
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
pub(super) struct Shrink {
    name: String,
    table: Table,
    seed: u64,
    law: String,
    /// Faults of the scenario itself, which stand before those of the search and are left alone.
    own: usize,
    tries: u64,
    done: Vec<String>,
    /// How most requests of the run that was found are lost, if any are.
    mechanism: Option<String>,
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

impl Shrink {
    pub(super) fn new(name: &str, table: Table, seed: u64, law: &str, own: usize) -> Shrink {
        Shrink {
            name: name.to_owned(),
            table,
            seed,
            law: law.to_owned(),
            own,
            tries: 0,
            done: Vec::new(),
            mechanism: None,
        }
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
    pub(super) fn holds_still(&mut self) -> bool {
        let (table, seed) = (self.table.clone(), self.seed);
        let found = self.fails(&table, seed);
        self.mechanism = found.as_ref().and_then(mechanism);
        found.is_some()
    }

    /// Whether an outcome loses requests as the run that was found does; of laws that are not about requests, always.
    fn loses_alike(&self, outcome: &Outcome) -> bool {
        !matches!(self.law.as_str(), "no-loss" | "no-exposure")
            || self.mechanism.is_none()
            || mechanism(outcome) == self.mechanism
    }

    /// The outcome, if this run breaks the law.
    fn fails(&mut self, table: &Table, seed: u64) -> Option<Outcome> {
        self.tries += 1;
        let plan = scenario::from_table(&self.name, table.clone()).ok()?;
        let outcome = sim::run(&plan, seed, Watch::default()).ok()?.outcome;
        let breaks = outcome.verdict == Verdict::Refuted && outcome.reasons.iter().any(|reason| reason.law == self.law);
        (breaks && self.loses_alike(&outcome)).then_some(outcome)
    }

    /// Whether the law is kept when any one of the search's faults is left out.
    fn needs_its_faults(&mut self, table: &Table, seed: u64) -> bool {
        let faults = edit::below(table, &keys(&["fault"]));
        faults[self.own.min(faults.len())..].iter().all(|fault| {
            let mut without = table.clone();
            edit::remove(&mut without, fault);
            self.fails(&without, seed).is_none()
        })
    }

    /// Takes a smaller run if it fails in the same way.
    fn take(&mut self, table: Table, what: String) -> bool {
        if self.tries >= TRIES || self.fails(&table, self.seed).is_none() || !self.needs_its_faults(&table, self.seed) {
            return false;
        }
        self.table = table;
        self.done.push(what);
        true
    }

    /// Everything, until nothing becomes smaller.
    pub(super) fn all(&mut self) {
        self.fewer_faults();
        self.simpler_faults();
        loop {
            let before = self.done.len();
            self.smaller_cluster();
            self.smaller_load();
            if self.done.len() == before || self.tries >= TRIES {
                break;
            }
        }
        self.rounder_times();
        self.shorter_horizon();
    }

    fn fewer_faults(&mut self) {
        let mut index = self.own;
        while self.faults() > 0 && index < self.own + self.faults() {
            let mut table = self.table.clone();
            edit::remove(&mut table, &[keys(&["fault"]), vec![Step::Index(index)]].concat());
            // Here a fault may be what it takes or not; that is the question.
            if self.fails(&table, self.seed).is_some() {
                self.table = table;
                self.done.push("a fault that it does not take".to_owned());
            } else {
                index += 1;
            }
        }
    }

    /// The faults of the search.
    fn places(&self) -> Vec<Vec<Step>> {
        edit::below(&self.table, &keys(&["fault"])).split_off(self.own)
    }

    fn simpler_faults(&mut self) {
        for fault in self.places() {
            let Some(kind) = self.text_at(&fault, "kind") else { continue };
            let rank = SIMPLER.iter().position(|simpler| *simpler == kind).unwrap_or(SIMPLER.len());
            let known = |name: &&&str| CATALOG.iter().any(|kind| kind.entry.name == **name);
            for simpler in SIMPLER[..rank].iter().filter(known) {
                let mut table = self.table.clone();
                edit::set_in(&mut table, &fault, "kind", edit::text(simpler));
                if self.take(table, format!("{simpler} instead of {kind}")) {
                    break;
                }
            }
        }
    }

    fn smaller_cluster(&mut self) {
        for path in edit::below(&self.table, &keys(&["app"])).into_iter().rev() {
            self.without(&path);
        }
        for path in edit::below(&self.table, &keys(&["node_pool"])).into_iter().rev() {
            self.without(&path);
        }
        // Without a fault, sizes are the plan itself: of one replica, say, everybody knows that it is one too few.
        if self.faults() == 0 {
            return;
        }
        for pool in edit::below(&self.table, &keys(&["node_pool"])) {
            self.fewer(&[pool, keys(&["count"])].concat());
        }
        for app in edit::below(&self.table, &keys(&["app"])) {
            self.fewer(&[app, keys(&["replicas"])].concat());
        }
        // A law about voters is about how many there are.
        if self.law != "etcd-quorum" {
            self.fewer(&keys(&["cluster", "control_plane", "replicas"]));
        }
    }

    fn smaller_load(&mut self) {
        for app in edit::below(&self.table, &keys(&["app"])) {
            let groups = [app, keys(&["traffic"])].concat();
            for path in edit::below(&self.table, &groups).into_iter().rev() {
                self.without(&path);
            }
            for group in edit::below(&self.table, &groups) {
                self.fewer(&[group, keys(&["rps"])].concat());
            }
        }
    }

    fn without(&mut self, path: &[Step]) {
        let mut table = self.table.clone();
        if edit::remove(&mut table, path) {
            self.take(table, format!("without {}", edit::written(path)));
        }
    }

    /// A smaller count at this path: 1, 2, 3, half.
    fn fewer(&mut self, path: &[Step]) {
        let mut table = self.table.clone();
        let Some(Value { kind: ValueKind::Integer(now), .. }) = edit::at(&mut table, path) else { return };
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
            if self.take(table, format!("{} = {size} instead of {now}", edit::written(path))) {
                return;
            }
        }
    }

    fn text_at(&self, path: &[Step], key: &str) -> Option<String> {
        let mut table = self.table.clone();
        match &edit::at(&mut table, &[path.to_vec(), keys(&[key])].concat())?.kind {
            ValueKind::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Moments of faults in whole minutes, or tens of seconds, or seconds.
    fn rounder_times(&mut self) {
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
                    if self.take(table, format!("{key} = {moment} instead of {text}")) {
                        break;
                    }
                }
            }
        }
    }

    /// A horizon soon after the breach, in whole minutes.
    fn shorter_horizon(&mut self) {
        let (table, seed) = (self.table.clone(), self.seed);
        let Some(outcome) = self.fails(&table, seed) else { return };
        let at = outcome.reasons.iter().find(|reason| reason.law == self.law).map_or(0.0, |reason| reason.at_s);
        let minutes = (at / 60.0) as u64 + 1;
        if minutes as f64 * 60.0 + 60.0 >= outcome.sim_seconds {
            return;
        }
        let mut table = self.table.clone();
        let horizon = ("horizon", edit::text(&format!("{minutes}m")));
        match edit::at(&mut table, &keys(&["limits"])).is_some() {
            true => {
                edit::set_in(&mut table, &keys(&["limits"]), horizon.0, horizon.1);
            }
            false => edit::set(&mut table, "limits", edit::table(vec![horizon])),
        }
        self.take(table, format!("a horizon of {minutes} min"));
    }
}
