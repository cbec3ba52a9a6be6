//! What is asked of a proof.

use crate::config::nearest;
use crate::fault::{FaultEntry, FaultSet};
use crate::observe::laws;
use crate::scenario::Own;

/// What is asked of a proof.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Up to so many faults at once.
    pub faults: u32,
    /// Of these kinds, in the order of the catalogue.
    pub kinds: Vec<&'static FaultEntry>,
    /// The laws that the verdict goes by; `None`: those of the scenario.
    pub laws: Option<Vec<&'static str>>,
    /// Most seeds for each number of faults.
    pub seeds: u64,
    /// The rate of failure that seeds are to exclude.
    pub bound: f64,
    /// With which confidence.
    pub confidence: f64,
    /// Whether the scenario is checked before anything is run.
    pub statics: bool,
    /// Faults an hour of the upgrade, by which numbers of faults are weighed; `None`: none is said to be likelier.
    pub faults_per_hour: Option<f64>,
}

/// Most faults at once: all larger numbers would only be sampled thinly.
pub const FAULTS_MAX: u32 = 4;

/// Most seeds for each number of faults: some days of work.
pub const SEEDS_MAX: u64 = 1_000_000_000;

/// Most faults an hour: beyond, an upgrade of some minutes meets more at once than are looked at.
pub const RATE_MAX: f64 = 3_600.0;

impl Ask {
    /// What is out of its range, if anything is. The command line refuses it by itself; a certificate may hold anything.
    pub fn mistake(&self) -> Option<String> {
        let share = |share: f64| share > 0.0 && share < 1.0;
        if self.faults > FAULTS_MAX {
            return Some(format!("{} faults at once are more than {FAULTS_MAX}", self.faults));
        }
        if !(1..=SEEDS_MAX).contains(&self.seeds) {
            return Some(format!("{} seeds are not between 1 and {SEEDS_MAX}", self.seeds));
        }
        if !share(self.bound) {
            return Some(format!("a bound of {} is not above 0 and below 1", self.bound));
        }
        if let Some(rate) = self.faults_per_hour.filter(|rate| !(*rate > 0.0 && *rate <= RATE_MAX)) {
            return Some(format!("{rate} faults an hour are not above 0 and at most {RATE_MAX}"));
        }
        if self.faults_per_hour.is_some() && self.faults == 0 {
            return Some("numbers of faults are weighed from one on; ask for --faults 1 or more".to_owned());
        }
        (!share(self.confidence)).then(|| format!("a confidence of {} is not above 0 and below 1", self.confidence))
    }
}

/// No kind and no set of kinds has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kind of fault and no set of kinds is called `{name}`")]
pub struct UnknownKind {
    /// The name that was asked for.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

/// No law has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no law is called `{name}`")]
pub struct UnknownLaw {
    /// The name that was asked for.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

/// The kinds that these names stand for: kinds, or sets of them.
///
/// # Errors
/// With the first name that stands for none.
pub fn kinds(names: &[String]) -> Result<Vec<&'static FaultEntry>, UnknownKind> {
    kinds_with(names, &Own::default())
}

/// The kinds that these names stand for, where the program adds this to the catalogues.
///
/// # Errors
/// With the first name that stands for none.
pub fn kinds_with(names: &[String], own: &Own) -> Result<Vec<&'static FaultEntry>, UnknownKind> {
    let sets = || FaultSet::ALL.map(FaultSet::name).into_iter();
    let known = || own.all_faults().map(|kind| kind.entry.name).chain(sets());
    if let Some(name) = names.iter().find(|name| !known().any(|known| known == name.as_str())) {
        return Err(UnknownKind { name: name.clone(), nearest: nearest(name, known()) });
    }
    let asked = |kind: &&'static FaultEntry| {
        let of = |set: &FaultSet| kind.set.within(*set) && names.iter().any(|name| name == set.name());
        names.iter().any(|name| name == kind.entry.name) || FaultSet::ALL.iter().any(of)
    };
    Ok(own.all_faults().filter(asked).collect())
}

/// The laws of these names.
///
/// # Errors
/// With the first name that stands for none.
pub fn laws(names: &[String]) -> Result<Vec<&'static str>, UnknownLaw> {
    let known = || laws::CATALOG.iter().map(laws::Law::name);
    let law = |name: &String| {
        let found = laws::find(name).map(laws::Law::name);
        found.ok_or_else(|| UnknownLaw { name: name.clone(), nearest: nearest(name, known()) })
    };
    names.iter().map(law).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<&'static str> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        kinds(&names).expect("they are known").iter().map(|kind| kind.entry.name).collect()
    }

    #[test]
    fn core_is_four_kinds_and_a_part_of_independent() {
        let core = named(&["core"]);
        assert_eq!(core, ["node-power-off", "etcd-member-stop", "api-server-crash", "controller-manager-crash"]);
        let independent = named(&["independent"]);
        assert!(core.iter().all(|kind| independent.contains(kind)));
        assert!(!independent.contains(&"zone-outage") && !independent.contains(&"api-cut"));
    }

    #[test]
    fn kinds_and_sets_may_be_mixed_and_count_once() {
        assert_eq!(named(&["zone-outage", "core", "node-power-off"]).len(), 5);
    }

    #[test]
    fn a_slip_is_answered_with_what_was_probably_meant() {
        let slip = kinds(&["independant".to_owned()]).expect_err("no such set");
        assert_eq!(slip.nearest, Some("independent"));
        assert_eq!(laws(&["etcd-quorom".to_owned()]).expect_err("no such law").nearest, Some("etcd-quorum"));
    }
}
