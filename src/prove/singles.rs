//! One fault, enumerated: every kind, every target, every moment that matters. Runs branch off the fault-free run.

use super::batch::{Crew, Failed, Ran, added, caught};
use super::instants::Instants;
use super::placement::Aimed;
use super::tally::{Seen, Sum, Tally};
use crate::base::Time;
use crate::fault::{FaultSpec, Trigger};
use crate::scenario::Scenario;
use crate::sim::{Begun, Held, Simulation, Watch};

/// Placements in a batch, at least; a moment's placements stay together.
const BATCH: usize = 1024;
/// Moments in a batch, at most: as many copies of the run are in memory.
const COPIES: usize = 32;
/// Placements that are enumerated whole. Of more, each n-th moment is taken, and the report says so.
pub const WHOLE: u64 = 400_000;

/// One fault and the moment at which it is added to the run.
pub(super) struct Placed {
    pub(super) fault: FaultSpec,
    /// When it strikes.
    pub(super) at: Time,
}

/// A run that is held, and the faults that branch off it there.
struct Fork {
    held: Simulation,
    placed: Vec<Placed>,
}

/// What was enumerated.
#[derive(Clone, Debug)]
pub struct Singles {
    /// Moments.
    pub instants: u64,
    /// Kinds and targets.
    pub aimed: u64,
    /// Each n-th moment was taken.
    pub every: u64,
    /// What was found.
    pub tally: Tally,
    /// Whether the time that was given sufficed.
    pub complete: bool,
}

/// Enumerates. `plan` is held to the objective for one fault.
pub(super) fn singles(
    plan: &Scenario,
    seed: u64,
    aimed: &[Aimed],
    instants: &Instants,
    crew: &mut Crew<'_, '_>,
) -> Result<Singles, Failed> {
    let all = instants.count();
    let every = (all * aimed.len() as u64).div_ceil(WHOLE).max(1);
    let mut forks = Forks::new(plan, seed, aimed, instants, every)?;
    let (mut sum, mut number, mut complete) = (Sum::default(), 0, true);
    let of = all / every * aimed.len() as u64;
    loop {
        crew.tell("one fault", sum.so_far().runs, of);
        if crew.is_over() {
            complete = false;
            break;
        }
        let Some(batch) = forks.next_batch()? else { break };
        let tally = crew.batch(&format!("singles/{number}"), |crew| run_all(plan, seed, &batch, crew))?;
        sum.add_tally(&tally);
        number += 1;
    }
    Ok(Singles { instants: all, aimed: aimed.len() as u64, every, tally: sum.finish(), complete })
}

fn run_all(plan: &Scenario, seed: u64, forks: &[Fork], crew: &Crew<'_, '_>) -> Result<Tally, Failed> {
    let stop = crew.stop();
    let pieces: Vec<(&Simulation, &Placed)> =
        forks.iter().flat_map(|fork| fork.placed.iter().map(|placed| (&fork.held, placed))).collect();
    let one = |(held, placed): &(&Simulation, &Placed)| -> Ran {
        let keys = || vec![placed.fault.keys(&plan.spec)];
        caught(seed, keys, || {
            let mut run = (*held).clone();
            run.add_fault(placed.fault.clone(), Some(placed.at));
            let finished = run.complete(plan, Watch { stop: Some(stop), ..Watch::default() })?;
            Ok(Seen::of(&finished.outcome, &[&placed.fault], &plan.spec))
        })
    };
    added(crew.side_by_side(&pieces, one))
}

/// The fault-free run, held at each moment in turn.
struct Forks<'a> {
    plan: &'a Scenario,
    seed: u64,
    aimed: &'a [Aimed],
    instants: &'a Instants,
    every: u64,
    run: Simulation,
    change: usize,
    moment: u64,
    ended: bool,
}

impl<'a> Forks<'a> {
    fn new(
        plan: &'a Scenario,
        seed: u64,
        aimed: &'a [Aimed],
        instants: &'a Instants,
        every: u64,
    ) -> Result<Forks<'a>, Failed> {
        let run = caught(seed, Vec::new, || Simulation::new(plan, seed, false))?;
        Ok(Forks { plan, seed, aimed, instants, every, run, change: 0, moment: 0, ended: false })
    }

    /// The next moments, with what strikes then; `None`: there are no more.
    fn next_batch(&mut self) -> Result<Option<Vec<Fork>>, Failed> {
        let mut batch: Vec<Fork> = Vec::new();
        let mut placed = 0;
        while !self.ended && batch.len() < COPIES && placed < BATCH {
            let until = self.instants.changes.get(self.change).copied().unwrap_or(Time::NEVER);
            let (plan, run) = (self.plan, &mut self.run);
            let held = caught(self.seed, Vec::new, || run.advance(plan, until))?;
            let triggers = match held {
                Held::Ended => {
                    self.ended = true;
                    break;
                }
                Held::Moment => {
                    self.change += 1;
                    vec![(Trigger::At(until), until)]
                }
                Held::Phases(begun) => begun.iter().flat_map(|begun| self.within(begun)).collect(),
            };
            let fork = self.fork(&triggers);
            placed += fork.placed.len();
            batch.extend((!fork.placed.is_empty()).then_some(fork));
        }
        Ok((!batch.is_empty()).then_some(batch))
    }

    /// The moments of a phase that has begun.
    fn within(&self, begun: &Begun) -> Vec<(Trigger, Time)> {
        let offsets = self.instants.offsets.get(begun.index).map_or(&[][..], Vec::as_slice);
        let at = |offset: &crate::base::Span| {
            let trigger = match begun.unit {
                Some(unit) => Trigger::Phase { unit, phase: begun.phase, offset: *offset },
                None => Trigger::At(begun.at + *offset),
            };
            (trigger, begun.at + *offset)
        };
        offsets.iter().map(at).collect()
    }

    fn fork(&mut self, triggers: &[(Trigger, Time)]) -> Fork {
        let mut placed = Vec::new();
        for (trigger, at) in triggers {
            self.moment += 1;
            if (self.moment - 1).is_multiple_of(self.every) {
                placed.extend(self.aimed.iter().map(|aimed| Placed { fault: aimed.when(*trigger), at: *at }));
            }
        }
        Fork { held: self.run.clone(), placed }
    }
}
