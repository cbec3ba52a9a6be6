//! What proofs found when their results were accepted: a change that makes a plan worse is told from one that does not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Proof;
use crate::sim::outcome::Verdict;

/// Accepted results, by plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Of these keys: 1.
    pub schema: u32,
    /// By scenario and strategy, such as `book-ch18 kops-1.15`.
    pub plans: BTreeMap<String, Accepted>,
}

/// What was accepted of a plan: the worst of all its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// What the proof was asked: faults, kinds, laws, seeds. Figures of different questions are not compared.
    pub asked: String,
    /// Whether something refuted it.
    pub refuted: bool,
    /// Refuting runs, by number of faults.
    pub refuting: BTreeMap<u32, u64>,
    /// Most requests lost in a run.
    pub lost: u64,
    /// Longest exposure of a run, seconds, to the millisecond.
    pub exposed_s: f64,
    /// Smallest margin of etcd's quorum; none where it cannot be observed.
    pub margin: Option<i64>,
}

impl Default for Baseline {
    fn default() -> Baseline {
        Baseline { schema: 1, plans: BTreeMap::new() }
    }
}

/// The name of a proof's plan in a baseline.
pub fn plan_of(proof: &Proof) -> String {
    format!("{} {}", proof.scenario.name, proof.strategy)
}

impl Accepted {
    /// What there is to accept of a proof.
    pub fn of(proof: &Proof) -> Accepted {
        let scope = &proof.scope;
        let laws = scope.laws.as_ref().map_or_else(|| "of the objective".to_owned(), |laws| laws.join(","));
        let tallies = || proof.stages.iter().map(|stage| &stage.tally);
        let mut refuting = BTreeMap::new();
        for stage in &proof.stages {
            *refuting.entry(stage.faults).or_default() += stage.tally.refuted;
        }
        let millis = tallies().map(|tally| tally.exposed_max.div_ceil(1_000_000)).max().unwrap_or(0);
        Accepted {
            asked: format!(
                "faults {}, kinds {}, laws {laws}, seeds {}, bound {}, confidence {}",
                scope.faults,
                scope.kinds.join(","),
                scope.seeds,
                scope.bound,
                scope.confidence
            ),
            refuted: proof.verdict == Verdict::Refuted,
            refuting,
            lost: tallies().map(|tally| tally.lost_max).max().unwrap_or(0),
            exposed_s: millis as f64 / 1000.0,
            margin: tallies().filter_map(|tally| tally.margin_min).min(),
        }
    }

    /// What is worse now than it was, a line each.
    pub fn worse(&self, now: &Accepted) -> Vec<String> {
        let mut lines = Vec::new();
        if now.refuted && !self.refuted {
            lines.push("the plan: held, now refuted".to_owned());
        }
        if now.lost > self.lost {
            lines.push(format!("requests lost in the worst run: was {}, now {}", self.lost, now.lost));
        }
        if now.exposed_s > self.exposed_s {
            lines.push(format!("exposed in the worst run: was {:.3} s, now {:.3} s", self.exposed_s, now.exposed_s));
        }
        for (faults, count) in &now.refuting {
            let before = self.refuting.get(faults).copied().unwrap_or(0);
            if *count > before {
                lines.push(format!("refuting runs with {faults} faults: were {before}, now {count}"));
            }
        }
        if let (Some(before), Some(margin)) = (self.margin, now.margin)
            && margin < before
        {
            lines.push(format!("etcd members to spare at worst: was {before}, now {margin}"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted() -> Accepted {
        let refuting = BTreeMap::from([(0, 0), (1, 3)]);
        Accepted { asked: String::new(), refuted: false, refuting, lost: 0, exposed_s: 0.5, margin: Some(0) }
    }

    #[test]
    fn each_figure_that_is_worse_is_told_and_no_other() {
        assert!(accepted().worse(&accepted()).is_empty());
        let better = Accepted { exposed_s: 0.1, margin: Some(1), refuting: BTreeMap::new(), ..accepted() };
        assert!(accepted().worse(&better).is_empty());
        let worse = Accepted {
            refuted: true,
            refuting: BTreeMap::from([(0, 1), (1, 3)]),
            lost: 12,
            exposed_s: 0.501,
            margin: Some(-1),
            asked: String::new(),
        };
        let lines = accepted().worse(&worse);
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines.contains(&"requests lost in the worst run: was 0, now 12".to_owned()));
    }
}
