//! How likely something is that plain runs hardly ever show: importance splitting on the distance to it.
//!
//! Only faults that come by a rate have luck anew at a level; all other luck of a run is that of its seed, which is part
//! of where it stands. Times between failures have no memory, so that a time under way may be drawn anew.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::batch::{Crew, Failed, Work, caught};
use crate::config::nearest;
use crate::fault::Trigger;
use crate::scenario::Scenario;
use crate::sim::outcome::{ScenarioId, Verdict};
use crate::sim::{MODEL_VERSION, Simulation};
use crate::statistics::splitting::{self, Passed, Rare, Replicate};
use crate::world::ids::AppId;

/// Levels of an app's ready pods: more of them are not worth their runs.
const LEVELS_MAX: u32 = 12;

/// What is rare, and how far a run is from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// Members that etcd has to spare, to none and one too few.
    EtcdQuorum,
    /// Ready pods of an app, to none.
    ReadyPods(AppId),
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RareAsk {
    /// The probability of what.
    pub distance: Distance,
    /// Runs at each level of a replicate.
    pub effort: u64,
    /// Independent replicates, 2 at least.
    pub replicates: u64,
    /// Of the interval.
    pub confidence: f64,
    /// A probability that the answer is held against.
    pub bound: Option<f64>,
}

/// There is no such distance in a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDistance {
    /// The text names none.
    #[error("`{name}` is neither `etcd-quorum` nor `ready:` and an app")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The app that was probably meant.
        nearest: Option<String>,
    },
    /// Nobody sees it: the offer's own etcd is modelled as three members that its customers are told nothing of.
    #[error("`etcd-quorum` cannot be observed: `{strategy}` upgrades a control plane that hides its etcd")]
    Hidden {
        /// The strategy.
        strategy: &'static str,
    },
}

impl Distance {
    /// `etcd-quorum`, or `ready:web`.
    ///
    /// # Errors
    /// When it is neither, or cannot be seen.
    pub fn named(name: &str, scenario: &Scenario) -> Result<Distance, NoDistance> {
        let unknown = |nearest| NoDistance::Unknown { name: name.to_owned(), nearest };
        let apps = || scenario.spec.apps.entries().map(|(app, spec)| (app, spec.name.as_str()));
        let strategy = scenario.strategy.entry;
        match name.strip_prefix("ready:") {
            None if name == "etcd-quorum" && strategy.hides_etcd => {
                Err(NoDistance::Hidden { strategy: strategy.entry.name })
            }
            None if name == "etcd-quorum" => Ok(Distance::EtcdQuorum),
            None => Err(unknown(None)),
            Some(wanted) => match apps().find(|(_, app)| *app == wanted) {
                Some((app, _)) => Ok(Distance::ReadyPods(app)),
                None => Err(unknown(nearest(wanted, apps().map(|(_, app)| app)).map(|app| format!("ready:{app}")))),
            },
        }
    }

    /// How far from it a healthy cluster is.
    fn whole(self, scenario: &Scenario) -> u32 {
        match self {
            // All but the majority, and one more.
            Distance::EtcdQuorum => (scenario.spec.control_plane.replicas - 1) / 2 + 1,
            Distance::ReadyPods(app) => scenario.spec.apps[app].replicas,
        }
    }

    /// How far from it a run was at the worst moment so far.
    fn nearest(self, run: &Simulation) -> u32 {
        match self {
            Distance::EtcdQuorum => u32::try_from(run.fewest_spare_members() + 1).unwrap_or(0),
            Distance::ReadyPods(app) => run.fewest_ready(app),
        }
    }
}

/// A level, for people and programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelFigures {
    /// What it is to be there.
    pub what: String,
    /// Runs that went for it, over all replicates.
    pub runs: u64,
    /// Of which so many reached it.
    pub reached: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RareFound {
    /// Of these keys.
    pub schema: u32,
    /// Of what.
    pub scenario: ScenarioId,
    /// Of the simulator.
    pub model_version: &'static str,
    /// The probability of what.
    pub of: String,
    /// The probability, that it happens before the plan, or the horizon, has ended.
    pub probability: f64,
    /// Its interval, approximate.
    pub interval: [f64; 2],
    /// Confidence of the interval.
    pub confidence: f64,
    /// Independent replicates.
    pub replicates: u64,
    /// The way there.
    pub levels: Vec<LevelFigures>,
    /// What it is held against.
    pub bound: Option<f64>,
    /// Whether it is below: holds, refuted, or undecided. Without a bound: whether there is a figure.
    pub verdict: Verdict,
}

/// Runs on their way to something rare.
struct Course<'a> {
    plan: &'a Scenario,
    distance: Distance,
    /// How near each level is, the first first; the last is 0.
    levels: Vec<u32>,
    stop: &'a std::sync::atomic::AtomicBool,
}

impl Rare for Course<'_> {
    type State = Simulation;
    type Error = Failed;

    fn levels(&self) -> usize {
        self.levels.len()
    }

    fn begin(&self, luck: u64) -> Result<Simulation, Failed> {
        caught(luck, Vec::new, || Simulation::new(self.plan, luck, false))
    }

    fn reach(&self, state: &mut Simulation, level: usize, luck: u64) -> Result<bool, Failed> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failed::Stopped);
        }
        if level > 1 {
            state.reseed_faults(luck);
        }
        let (near, seed) = (self.levels[level - 1], state.seed());
        let reached = caught(seed, Vec::new, || state.reach(self.plan, |run| self.distance.nearest(run) <= near))?;
        reached.ok_or(Failed::Limit { events: self.plan.limits.events, seed })
    }
}

/// Whether some fault of a plan comes by a rate; without one, nothing here can become more likely.
pub fn has_rates(plan: &Scenario) -> bool {
    plan.faults.iter().any(|fault| matches!(fault.trigger, Trigger::Every(_)))
}

/// How likely it is.
///
/// # Errors
/// When a run could not come to its end.
pub fn rare(plan: &Scenario, ask: &RareAsk, work: &mut Work<'_>) -> Result<RareFound, Failed> {
    let crew = Crew::new(work)?;
    let levels = levels(ask.distance.whole(plan));
    let course = Course { plan, distance: ask.distance, levels, stop: crew.stop() };
    let seeds: Vec<u64> = (1..=ask.replicates).collect();
    let mut replicates: Vec<Replicate> = Vec::new();
    // In batches, so that somebody hears how far it is.
    for batch in seeds.chunks(crew.threads().max(1) * 2) {
        crew.tell("replicates", replicates.len() as u64, ask.replicates);
        for one in crew.side_by_side(batch, |seed| splitting::replicate(&course, ask.effort, *seed)) {
            replicates.push(one?);
        }
    }
    Ok(found(plan, ask, &course.levels, &replicates))
}

/// How near each level is, from the first that is not the whole to 0.
fn levels(whole: u32) -> Vec<u32> {
    let count = whole.min(LEVELS_MAX);
    (1..=count).map(|level| whole - whole * level / count.max(1)).collect()
}

fn found(plan: &Scenario, ask: &RareAsk, levels: &[u32], replicates: &[Replicate]) -> RareFound {
    let estimate = splitting::estimate(replicates, levels.len(), ask.confidence);
    let told = |(near, passed): (&u32, &Passed)| LevelFigures {
        what: match (ask.distance, near) {
            (Distance::EtcdQuorum, 0) => "no quorum".to_owned(),
            (Distance::EtcdQuorum, near) => format!("{} to spare", near - 1),
            (Distance::ReadyPods(_), near) => format!("{near} ready"),
        },
        runs: passed.runs,
        reached: passed.reached,
    };
    let (low, high) = (estimate.interval.low, estimate.interval.high);
    RareFound {
        schema: 1,
        scenario: ScenarioId { name: plan.name.clone(), hash: plan.hash.clone() },
        model_version: MODEL_VERSION,
        of: match ask.distance {
            Distance::EtcdQuorum => "etcd loses its quorum".to_owned(),
            Distance::ReadyPods(app) => format!("no pod of {} is ready", plan.spec.apps[app].name),
        },
        probability: estimate.mean,
        interval: [low, high],
        confidence: ask.confidence,
        replicates: ask.replicates,
        levels: levels.iter().zip(&estimate.levels).map(told).collect(),
        bound: ask.bound,
        verdict: match ask.bound {
            Some(bound) if low > bound => Verdict::Refuted,
            Some(bound) if high > bound => Verdict::Undecided,
            // Nobody reached the end: an interval of nothing excludes nothing, and there is no figure.
            _ if estimate.mean == 0.0 => Verdict::Undecided,
            Some(_) | None => Verdict::Holds,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_go_from_one_less_to_none_in_a_dozen_steps_at_most() {
        assert_eq!(levels(2), [1, 0]);
        assert_eq!(levels(4), [3, 2, 1, 0]);
        let many = levels(100);
        assert_eq!((many.len(), many[0], many[11]), (12, 92, 0));
        assert!(levels(0).is_empty());
    }
}
