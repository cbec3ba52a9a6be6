//! The search: no fault over seeds; one fault, enumerated; faults at random moments over seeds; pairs, enumerated.

use super::ask::Ask;
use super::batch::{Crew, Failed, Work, caught};
use super::checks::{self, Finding};
use super::counterexample::{self, Counterexample};
use super::instants::Instants;
use super::objective::held_to;
use super::outage::{self, Term};
use super::placement::Aimed;
use super::report::{HeldTo, Proof, Scope, Stage};
use super::weighing::{self, Weighed};
use super::{pairs, sampled, singles};
use crate::base::Time;
use crate::engine::fingerprint;
use crate::fault::{FaultEntry, FaultSet};
use crate::observe::laws::Completion;
use crate::scenario::Scenario;
use crate::sim::outcome::{ScenarioId, Verdict};
use crate::sim::{self, MODEL_VERSION, Watch};
use crate::statistics::sequential::RateTest;

/// The seed whose draws an enumeration has.
pub const ENUMERATED_SEED: u64 = 1;

/// What a search has and finds.
struct Search<'s, 'a, 'w> {
    plan: &'s Scenario,
    ask: &'s Ask,
    terms: Vec<Term>,
    stages: Vec<Stage>,
    /// When the upgrade began and ended without a fault, once that is known.
    during: Option<(Time, Time)>,
    /// Why no fault could be placed, where one was asked for.
    unplaced: Option<&'static str>,
    crew: Crew<'a, 'w>,
}

/// Proves or refutes a plan.
///
/// # Errors
/// When a run could not come to its end.
pub fn prove(plan: &Scenario, ask: &Ask, work: &mut Work<'_>) -> Result<Proof, Failed> {
    let checks = if ask.statics { checks::all(plan) } else { Vec::new() };
    let terms = outage::terms(plan);
    let mut search =
        Search { plan, ask, terms, stages: Vec::new(), during: None, unplaced: None, crew: Crew::new(work)? };
    search.run()?;
    let witness = search.stages.iter().find_map(|stage| stage.tally.first.as_ref().map(|first| (stage.faults, first)));
    let counterexample = match witness {
        None => None,
        Some((faults, witness)) => {
            search.crew.tell("making the counterexample smaller", 0, 0);
            let held = held_to(plan, ask, faults, &search.terms);
            Some(counterexample::shrunk(&held, witness, search.crew.stop())?)
        }
    };
    Ok(search.report(checks, counterexample))
}

impl Search<'_, '_, '_> {
    fn run(&mut self) -> Result<(), Failed> {
        self.sample(0, (Time::ZERO, Time::ZERO))?;
        let weighs = self.ask.faults_per_hour.is_some();
        if self.refuted() && !weighs || self.ask.faults == 0 || self.crew.is_over() {
            return Ok(());
        }
        let one = held_to(self.plan, self.ask, 1, &self.terms);
        let watch = Watch { trace: true, ..Watch::default() };
        let calm = caught(ENUMERATED_SEED, Vec::new, || sim::run(&one, ENUMERATED_SEED, watch))?;
        let instants = calm.trace.as_ref().map(|trace| Instants::of(&calm.outcome, trace)).unwrap_or_default();
        self.during = Some(instants.during);
        let aimed = Aimed::all(&self.ask.kinds, &self.plan.spec);
        let found = singles::singles(&one, ENUMERATED_SEED, &aimed, &instants, &mut self.crew)?;
        if found.complete && found.tally.runs == 0 {
            self.unplaced = Some(match aimed.is_empty() {
                true => "the kinds that were asked for find no target in this cluster",
                false => "the plan has no phase and changes nothing, so there is no moment for one",
            });
            return Ok(());
        }
        self.stages.push(Stage::singles(found));
        for faults in 1..=self.ask.faults {
            if faults == 2 && !self.refuted() {
                self.pairs()?;
            }
            if self.refuted() && !weighs || self.crew.is_over() {
                return Ok(());
            }
            self.sample(faults, instants.during)?;
        }
        Ok(())
    }

    /// Pairs of those kinds that are of the core; the core is small enough for that.
    fn pairs(&mut self) -> Result<(), Failed> {
        let core = |kind: &&'static FaultEntry| kind.set == FaultSet::Core;
        let kinds: Vec<&'static FaultEntry> = self.ask.kinds.iter().copied().filter(core).collect();
        let aimed = Aimed::all(&kinds, &self.plan.spec);
        if aimed.is_empty() {
            return Ok(());
        }
        let two = held_to(self.plan, self.ask, 2, &self.terms);
        let found = pairs::pairs(&two, ENUMERATED_SEED, &aimed, &mut self.crew)?;
        self.stages.push(Stage::pairs(found));
        Ok(())
    }

    fn sample(&mut self, faults: u32, during: (Time, Time)) -> Result<(), Failed> {
        let held = held_to(self.plan, self.ask, faults, &self.terms);
        let test = RateTest { bound: self.ask.bound, risk: 1.0 - self.ask.confidence };
        let spec = &self.plan.spec;
        let kinds: Vec<Vec<Aimed>> = self.ask.kinds.iter().map(|kind| Aimed::all(&[kind], spec)).collect();
        let kinds: Vec<Vec<Aimed>> = kinds.into_iter().filter(|aimed| !aimed.is_empty()).collect();
        let aimed = if faults == 0 { 0 } else { kinds.iter().map(Vec::len).sum::<usize>() as u64 };
        let least = if self.ask.faults_per_hour.is_some() { weighing::SEEDS_LEAST } else { 0 };
        let seeds = least.min(self.ask.seeds)..=self.ask.seeds;
        let found = sampled::sampled(&held, (faults, seeds), test, &kinds, during, &mut self.crew)?;
        self.stages.push(Stage::sampled(found, aimed, self.ask.confidence));
        Ok(())
    }

    /// How likely a run is to fail, where faults an hour were given and the upgrade's length is known.
    fn weighed(&self) -> Option<Weighed> {
        let (from, to) = self.during?;
        let rate = self.ask.faults_per_hour?;
        Some(weighing::weighed(&self.stages, self.ask.faults, (rate, self.ask.confidence), to.since(from)))
    }

    fn refuted(&self) -> bool {
        self.stages.iter().any(|stage| stage.tally.refuted > 0)
    }

    fn report(self, checks: Vec<Finding>, counterexample: Option<Counterexample>) -> Proof {
        let (plan, ask) = (self.plan, self.ask);
        let undecided = self.undecided();
        let verdict = match (self.refuted(), undecided.is_empty()) {
            (true, _) => Verdict::Refuted,
            (false, true) => Verdict::Holds,
            (false, false) => Verdict::Undecided,
        };
        let objectives = (0..=ask.faults).map(|faults| HeldTo {
            faults,
            own: faults == 0 || plan.objective_with_faults.iter().any(|(number, _)| *number <= faults),
            says: says(&held_to(plan, ask, faults, &self.terms)),
        });
        let weighed = self.weighed();
        let mut digest = blake3::Hasher::new();
        self.stages.iter().for_each(|stage| {
            digest.update(stage.tally.digest.as_bytes());
        });
        Proof {
            schema: 1,
            scenario: ScenarioId { name: plan.name.clone(), hash: plan.hash.clone() },
            model_version: MODEL_VERSION.to_owned(),
            samplers: fingerprint().iter().map(|byte| format!("{byte:02x}")).collect(),
            strategy: plan.strategy.name().to_owned(),
            verdict,
            finding: finding(verdict, ask, &self.stages, counterexample.as_ref()),
            undecided: if verdict == Verdict::Undecided { undecided } else { Vec::new() },
            scope: Scope {
                faults: ask.faults,
                kinds: ask.kinds.iter().map(|kind| kind.entry.name).collect(),
                without_target: without_target(plan, ask),
                laws: ask.laws.clone(),
                seeds: ask.seeds,
                bound: ask.bound,
                confidence: ask.confidence,
                enumerated_seed: ENUMERATED_SEED,
                static_checks: ask.statics,
            },
            objectives: objectives.collect(),
            outage_s: outage::sum(&self.terms).as_secs_f64(),
            outage: self.terms,
            checks,
            stages: self.stages,
            counterexample,
            weighed,
            digest: digest.finalize().to_hex()[..32].to_owned(),
            over_after: self.crew.over_after(),
            batches: self.crew.batches,
        }
    }

    /// What is missing for an answer.
    fn undecided(&self) -> Vec<String> {
        let mut missing: Vec<String> = self.unplaced.iter().map(|why| format!("no fault was placed: {why}")).collect();
        for stage in self.stages.iter().filter(|stage| !stage.complete || stage.tally.undecided > 0) {
            let faults = plural(stage.faults, "fault");
            let all = stage.tally.runs >= self.ask.seeds;
            missing.push(match (stage.tally.undecided, stage.decision, stage.rate) {
                (0, None, Some(rate)) if all => format!(
                    "{} runs with {faults} do not exclude a rate of failure of {}: up to {:.4} is possible; give more \
                     --seeds, or a larger --bound",
                    stage.tally.runs, self.ask.bound, rate[1]
                ),
                (0, ..) => format!("the time was over after {} runs with {faults}", stage.tally.runs),
                (limited, ..) => format!("a limit ended {limited} runs with {faults} before an answer"),
            });
        }
        let expected = self.ask.faults as usize + 1;
        if self.stages.iter().filter(|stage| stage.rate.is_some()).count() < expected && missing.is_empty() {
            missing.push("the time was over before all was run".to_owned());
        }
        let hidden = self.plan.strategy.entry.hides_etcd;
        if hidden && self.ask.laws.as_ref().is_some_and(|laws| laws.contains(&"etcd-quorum")) {
            missing.push("etcd-quorum cannot be judged: this control plane hides its etcd".to_owned());
        }
        missing
    }
}

/// Kinds that were asked for and that nothing in this cluster can be hit by.
fn without_target(plan: &Scenario, ask: &Ask) -> Vec<&'static str> {
    let without = ask.kinds.iter().filter(|kind| Aimed::all(&[**kind], &plan.spec).is_empty());
    without.map(|kind| kind.entry.name).collect()
}

pub(super) fn plural(n: u32, thing: &str) -> String {
    match n {
        0 => format!("no {thing}"),
        1 => format!("1 {thing}"),
        n => format!("{n} {thing}s"),
    }
}

/// What a plan is held to, in words.
fn says(plan: &Scenario) -> Vec<String> {
    let objective = &plan.objective;
    let mut says = Vec::new();
    let asks = |law: &str| objective.laws.contains(&law);
    if let Some(most) = objective.max_lost.filter(|_| asks("no-loss")) {
        says.push(format!("at most {most} requests lost"));
    }
    if let Some(most) = objective.max_exposed.filter(|_| asks("no-exposure")) {
        // To the millisecond, up: it is a sum of terms, and nobody reads its nanoseconds.
        let most = crate::base::Span::millis(most.as_nanos().div_ceil(1_000_000));
        says.push(format!("exposed for at most {most}"));
    }
    if let Some(most) = objective.quorum_breaks.filter(|_| asks("etcd-quorum")) {
        says.push(format!("at most {most} breaks of etcd's quorum"));
    }
    if let Some(most) = objective.max_api_gap.filter(|_| asks("api-path")) {
        says.push(format!("the API is gone for at most {most} at a time"));
    }
    if let Some(most) = objective.max_api_degraded.filter(|_| asks("api-path")) {
        says.push(format!("API requests can fail for at most {most} in all"));
    }
    if asks("completion") {
        says.push(match objective.completion {
            Completion::MustComplete => "the upgrade completes".to_owned(),
            Completion::MayStopSafely => "the upgrade completes or stops safely".to_owned(),
        });
    }
    let told = ["no-loss", "no-exposure", "etcd-quorum", "api-path", "completion"];
    let others = objective.laws.iter().filter(|law| !told.contains(law));
    says.extend(others.map(|law| format!("{law} is kept")));
    says.extend(plan.own.laws().iter().map(|law| format!("{} is kept", law.name())));
    says
}

/// The answer in a sentence.
fn finding(verdict: Verdict, ask: &Ask, stages: &[Stage], counterexample: Option<&Counterexample>) -> String {
    let runs = stages.iter().fold(0_u64, |runs, stage| runs.saturating_add(stage.tally.runs));
    match (verdict, counterexample) {
        (Verdict::Refuted, Some(found)) => {
            let with = match found.faults {
                0 => "without any fault".to_owned(),
                n => format!("with {}", plural(n as u32, "fault")),
            };
            format!("{with}, {}", found.message)
        }
        (Verdict::Refuted, None) => "a run refutes it".to_owned(),
        (Verdict::Holds, _) => {
            format!("nothing found against it with up to {}, in {runs} runs", plural(ask.faults, "fault"))
        }
        (Verdict::Undecided, _) => format!("no answer after {runs} runs"),
    }
}
