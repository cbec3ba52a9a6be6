//! Seeds one after another, each with so many faults at random moments, until a sequential test decides.
//!
//! The statement is about plans with exactly that many faults: a kind drawn evenly of those asked for, a target of
//! it, a moment drawn evenly over the length of the fault-free upgrade. How likely that many faults are, `weighing` says.

use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;

use super::batch::{Crew, Failed, Ran, caught};
use super::placement::Aimed;
use super::tally::{Seen, Sum, Tally};
use crate::base::{Name, Time};
use crate::engine::Draws;
use crate::fault::{FaultSpec, Trigger};
use crate::scenario::Scenario;
use crate::sim::{self, Simulation, Watch};
use crate::statistics::sequential::{Count, Decision, RateTest};

/// Seeds in a batch.
const BATCH: u64 = 256;

/// What seeds found.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// How many faults each seed had.
    pub faults: u32,
    /// What was found, in the order of the seeds, from seed 1.
    pub tally: Tally,
    /// What the test came to; `None`: too few seeds.
    pub decision: Option<Decision>,
}

/// Runs so many seeds, at least and at most. `plan` is held to the objective for so many faults; `kinds` holds the
/// targets of each kind.
pub(super) fn sampled(
    plan: &Scenario,
    (faults, seeds): (u32, RangeInclusive<u64>),
    test: RateTest,
    kinds: &[Vec<Aimed>],
    during: (Time, Time),
    crew: &mut Crew<'_, '_>,
) -> Result<Sampled, Failed> {
    let mut sum = Sum::default();
    let (mut count, mut decision, mut from) = (Count::default(), None, 1);
    let what = format!("seeds with {faults} fault{}", if faults == 1 { "" } else { "s" });
    let (least, most) = seeds.into_inner();
    while (decision.is_none() || count.runs < least) && from <= most && !crew.is_over() {
        crew.tell(&what, count.runs, most);
        let to = (from + BATCH - 1).min(most);
        let (before, stop) = (count, crew.stop());
        let tally = crew.batch(&format!("sampled-{faults}/{from}"), |crew| {
            let batch: Vec<u64> = (from..=to).collect();
            let drawn = |seed: &u64| one(plan, *seed, &draw(*seed, faults, kinds, during), stop);
            counted(crew.side_by_side(&batch, drawn), before, least, test)
        })?;
        count.failed = count.failed.saturating_add(tally.refuted);
        count.runs = count.runs.saturating_add(tally.runs);
        decision = decision.or(test.decide(count));
        sum.add_tally(&tally);
        from = to + 1;
    }
    Ok(Sampled { faults, tally: sum.finish(), decision })
}

/// Adds up runs in the order of their seeds, up to the one at which the test decides, from the `least`-th on.
fn counted(runs: Vec<Ran>, mut count: Count, least: u64, test: RateTest) -> Result<Tally, Failed> {
    let mut sum = Sum::default();
    for run in runs {
        let seen = run?;
        count.push(seen.refutes());
        sum.add(seen);
        if count.runs >= least && test.decide(count).is_some() {
            break;
        }
    }
    Ok(sum.finish())
}

fn one(plan: &Scenario, seed: u64, faults: &[FaultSpec], stop: &AtomicBool) -> Ran {
    let watch = Watch { stop: Some(stop), ..Watch::default() };
    caught(
        seed,
        || faults.iter().map(|fault| fault.keys(&plan.spec)).collect(),
        || {
            let finished = match faults {
                [] => sim::run(plan, seed, watch)?,
                faults => {
                    let mut run = Simulation::new(plan, seed, false)?;
                    for fault in faults {
                        let Trigger::At(at) = fault.trigger else { continue };
                        run.add_fault(fault.clone(), Some(at));
                    }
                    run.complete(plan, watch)?
                }
            };
            let faults: Vec<&FaultSpec> = faults.iter().collect();
            Ok(Seen::of(&finished.outcome, &faults, &plan.spec))
        },
    )
}

/// The faults of a seed, in order of their moments, which are whole milliseconds.
fn draw(seed: u64, faults: u32, kinds: &[Vec<Aimed>], (from, to): (Time, Time)) -> Vec<FaultSpec> {
    let draws = Draws::new(seed, 1);
    let moments = to.since(from).as_nanos() / 1_000_000 + 1;
    let first = from.nanos() / 1_000_000;
    let one = |ordinal: u32| {
        let mut draw = draws.at(0, Name::new("a fault of a proof"), u64::from(ordinal));
        let kind = kinds.get(draw.below(kinds.len().max(1) as u64) as usize)?;
        let aimed = kind.get(draw.below(kind.len().max(1) as u64) as usize)?;
        let at = Time::from_nanos((first + draw.below(moments)) * 1_000_000);
        Some((at, aimed.when(Trigger::At(at))))
    };
    let mut all: Vec<(Time, FaultSpec)> = (0..faults).filter_map(one).collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, fault)| fault).collect()
}
