//! When a fault strikes: at a moment of the run, when a step of the plan enters a phase, or again and again by a rate.

use super::target::{numbered, place_of};
use crate::base::{Id, Span, Time};
use crate::config::nearest;
use crate::world::fact::StepPhase;
use crate::world::ids::{MasterId, PoolId};
use crate::world::spec::Spec;

/// When a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// At this moment of the run.
    At(Time),
    /// When a unit of the plan enters a phase for the first time, and `offset` later.
    Phase {
        /// Whose phase.
        unit: PlanUnit,
        /// Which phase.
        phase: StepPhase,
        /// How long after.
        offset: Span,
    },
    /// Again and again: from the start of the run or the end of the fault before, an exponential time of this mean. What
    /// it hits fails independently of everything else.
    Every(Span),
}

/// A unit of a plan, by its place; the machine that has the place may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanUnit {
    /// One master's machine.
    Master(MasterId),
    /// The machine in a place of a pool; places count from 0.
    Machine {
        /// The pool.
        pool: PoolId,
        /// The place.
        slot: u32,
    },
    /// A whole pool.
    Pool(PoolId),
    /// All masters.
    Masters,
    /// The whole cluster.
    Cluster,
}

/// The text names no phase of a unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct UnknownMoment {
    /// What is wrong with it.
    pub what: String,
    /// What to write instead.
    pub help: String,
}

const PHASES: [StepPhase; 10] = [
    StepPhase::Premarked,
    StepPhase::SurgeWait,
    StepPhase::Cordoned,
    StepPhase::Draining,
    StepPhase::Detaching,
    StepPhase::Transition,
    StepPhase::Booting,
    StepPhase::Joining,
    StepPhase::Gate,
    StepPhase::Soak,
];

impl Trigger {
    /// The trigger that `unit:phase` means, such as `master-2:transition`.
    ///
    /// # Errors
    /// With a suggestion, when there is no such unit or phase.
    pub fn phase(text: &str, offset: Span, spec: &Spec) -> Result<Trigger, UnknownMoment> {
        let Some((unit, phase)) = text.split_once(':') else {
            return Err(UnknownMoment {
                what: format!("`{text}` is neither a time nor a phase of the plan"),
                help: "write a time such as \"5m\", or a unit and its phase such as \"master-2:transition\"".to_owned(),
            });
        };
        let phase = phase_named(phase)?;
        Ok(Trigger::Phase { unit: unit_named(unit, spec)?, phase, offset })
    }
}

impl Trigger {
    /// As scenarios write it: keys and their values.
    pub fn keys(&self, spec: &Spec) -> Vec<(&'static str, String)> {
        match self {
            Trigger::At(at) => vec![("at", at.since(Time::ZERO).to_string())],
            Trigger::Phase { unit, phase, offset } => {
                let at = ("at", format!("{}:{}", unit.label(spec), phase.name()));
                let offset = (!offset.is_zero()).then(|| ("offset", offset.to_string()));
                std::iter::once(at).chain(offset).collect()
            }
            Trigger::Every(mean) => vec![("every", mean.to_string())],
        }
    }
}

impl PlanUnit {
    /// As scenarios write it.
    pub fn label(&self, spec: &Spec) -> String {
        match self {
            PlanUnit::Master(master) => format!("master-{}", master.0 + 1),
            PlanUnit::Machine { pool, slot } => format!("{}-{}", spec.pools[*pool].name, slot + 1),
            PlanUnit::Pool(pool) => spec.pools[*pool].name.clone(),
            PlanUnit::Masters => "masters".to_owned(),
            PlanUnit::Cluster => "cluster".to_owned(),
        }
    }
}

fn phase_named(name: &str) -> Result<StepPhase, UnknownMoment> {
    let names = PHASES.map(StepPhase::name);
    PHASES.into_iter().find(|phase| phase.name() == name).ok_or_else(|| UnknownMoment {
        what: format!("no phase of a plan is called `{name}`"),
        help: match nearest(name, names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("phases: {}", names.join(", ")),
        },
    })
}

fn unit_named(name: &str, spec: &Spec) -> Result<PlanUnit, UnknownMoment> {
    let pool_named = |name: &str| spec.pools.iter().position(|pool| pool.name == name).map(PoolId::from_index);
    let whole = match name {
        "masters" => Some(PlanUnit::Masters),
        "cluster" => Some(PlanUnit::Cluster),
        pool => pool_named(pool).map(PlanUnit::Pool),
    };
    let single = || match numbered(name)? {
        ("master", number) => {
            place_of(number, spec.control_plane.replicas).map(|slot| PlanUnit::Master(MasterId(slot)))
        }
        (stem, number) => {
            let pool = pool_named(stem)?;
            Some(PlanUnit::Machine { pool, slot: place_of(number, spec.pools[pool].count)? })
        }
    };
    whole.or_else(single).ok_or_else(|| {
        let pools = spec.pools.iter().flat_map(|pool| [pool.name.clone(), format!("{}-1", pool.name)]);
        let known: Vec<String> =
            ["cluster", "masters", "master-1"].map(str::to_owned).into_iter().chain(pools).collect();
        UnknownMoment {
            what: format!("the plan has no unit `{name}`"),
            help: match nearest(name, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("units are such as {}", known.iter().take(6).cloned().collect::<Vec<_>>().join(", ")),
            },
        }
    })
}
