//! Two faults, enumerated: every pair of the named kinds at every pair of targets, the first at the start of any phase
//! of the fault-free run, the second at the start of the same or any later phase of the run that has the first.
//!
//! The second's moments are those of the disturbed run, so that phases that only the first fault brings about are
//! among them, and each pair is run once, in the order of its moments. No symmetry is used: draws are keyed by names,
//! so machines that look alike do not have the same luck.

use std::sync::atomic::AtomicBool;

use super::batch::{Crew, Failed, Ran, added, caught};
use super::placement::Aimed;
use super::tally::{Seen, Sum, Tally};
use crate::base::Time;
use crate::fault::{FaultSpec, Trigger};
use crate::scenario::Scenario;
use crate::sim::{Begun, Held, InternalError, Simulation, Watch};

/// First faults in a batch.
const BATCH: usize = 16;

/// What was enumerated.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// Phases of the fault-free run whose start is a moment of the first fault.
    pub instants: u64,
    /// Kinds and targets.
    pub aimed: u64,
    /// Placements of the first fault that were tried.
    pub firsts: u64,
    /// What was found.
    pub tally: Tally,
    /// Whether all were run: neither did the time that was given end, nor was a refutation found before.
    pub complete: bool,
}

impl Pairs {
    /// Ordered pairs of placements of the fault-free run, before any reduction.
    pub fn before(&self) -> u64 {
        (self.instants * self.aimed).pow(2)
    }
}

/// A run that is held, the phase that has just begun there, and which of the faults is the first.
struct First {
    held: usize,
    begun: Begun,
    aimed: usize,
}

/// Enumerates. `plan` is held to the objective for two faults.
pub(super) fn pairs(plan: &Scenario, seed: u64, aimed: &[Aimed], crew: &mut Crew<'_, '_>) -> Result<Pairs, Failed> {
    let mut run = caught(seed, Vec::new, || Simulation::new(plan, seed, false))?;
    let (mut sum, mut number, mut complete, mut instants, mut firsts) = (Sum::default(), 0, true, 0, 0);
    let mut waiting: (Vec<Simulation>, Vec<First>) = (Vec::new(), Vec::new());
    loop {
        let held = caught(seed, Vec::new, || run.advance(plan, Time::NEVER))?;
        let ended = !matches!(held, Held::Phases(_));
        if let Held::Phases(begun) = held {
            for begun in begun.into_iter().filter(|begun| begun.unit.is_some()) {
                instants += 1;
                waiting.0.push(run.clone());
                let held = waiting.0.len() - 1;
                waiting.1.extend((0..aimed.len()).map(|aimed| First { held, begun, aimed }));
            }
        }
        while waiting.1.len() >= BATCH || ended && !waiting.1.is_empty() {
            if crew.is_over() || sum.so_far().refuted > 0 {
                complete = false;
                break;
            }
            let batch: Vec<First> = waiting.1.drain(..BATCH.min(waiting.1.len())).collect();
            firsts += batch.len() as u64;
            crew.tell("two faults", sum.so_far().runs, 0);
            let copies = &waiting.0;
            let stop = crew.stop();
            let tally = crew.batch(&format!("pairs/{number}"), |crew| {
                let found =
                    crew.side_by_side(&batch, |first| from(plan, seed, &copies[first.held], first, aimed, stop));
                added(found.into_iter().flatten())
            })?;
            sum.add_tally(&tally);
            number += 1;
        }
        if ended || !complete {
            return Ok(Pairs { instants, aimed: aimed.len() as u64, firsts, tally: sum.finish(), complete });
        }
        if waiting.1.is_empty() {
            waiting.0.clear();
        }
    }
}

fn trigger(begun: &Begun) -> Option<Trigger> {
    begun.unit.map(|unit| Trigger::Phase { unit, phase: begun.phase, offset: crate::base::Span::ZERO })
}

/// All pairs with this first fault.
fn from(plan: &Scenario, seed: u64, held: &Simulation, first: &First, aimed: &[Aimed], stop: &AtomicBool) -> Vec<Ran> {
    let Some(trigger) = trigger(&first.begun) else { return Vec::new() };
    let one = aimed[first.aimed].when(trigger);
    let mut ran = Vec::new();
    let done = caught(
        seed,
        || vec![one.keys(&plan.spec)],
        || {
            let mut run = held.clone();
            run.add_fault(one.clone(), Some(first.begun.at));
            // At the same moment the order of the catalogue decides, so that no pair comes twice.
            for second in &aimed[first.aimed + 1..] {
                ran.push(both(plan, seed, &run, &one, (second, &first.begun), stop)?);
            }
            while let Held::Phases(begun) = run.advance(plan, Time::NEVER)? {
                for begun in begun.iter().filter(|begun| begun.unit.is_some()) {
                    for second in aimed {
                        ran.push(both(plan, seed, &run, &one, (second, begun), stop)?);
                    }
                }
            }
            Ok(())
        },
    );
    if let Err(failed) = done {
        ran.push(Err(failed));
    }
    ran
}

fn both(
    plan: &Scenario,
    seed: u64,
    run: &Simulation,
    one: &FaultSpec,
    (second, begun): (&Aimed, &Begun),
    stop: &AtomicBool,
) -> Result<Ran, InternalError> {
    let Some(trigger) = trigger(begun) else { return Ok(Err(Failed::Stopped)) };
    let other = second.when(trigger);
    let keys = || vec![one.keys(&plan.spec), other.keys(&plan.spec)];
    Ok(caught(seed, keys, || {
        let mut run = run.clone();
        run.add_fault(other.clone(), Some(begun.at));
        let finished = run.complete(plan, Watch { stop: Some(stop), ..Watch::default() })?;
        Ok(Seen::of(&finished.outcome, &[one, &other], &plan.spec))
    }))
}
