//! Floor 7: how close the simulator is to a real cluster.
//!
//! A measured [`Line`] names its [`Experiment`] and what was set for it. Lines with equal parameters are repetitions.
//! The experiment turns the parameters into a scenario, many seeds of it are simulated, and the same named [rows](row)
//! are read out of each measured result and each simulated run. [`judge`] compares them, fairly in both directions,
//! and [`report::Fidelity`] is what pages show. The data that comes with the program is [`MEASURED`].

pub mod experiments;
pub mod judge;
pub mod line;
mod params;
mod pods;
pub mod public;
pub mod report;
mod requests;
pub mod row;
mod simulate;
pub mod width;

use std::collections::BTreeMap;

use experiments::{CATALOG, Experiment, Plan};
use judge::{Measured, Sample};
use line::{Line, Problem, Unreadable};
use params::Params;
use report::{Family, Fidelity, Figure, Judgement, PublicCase, Repetition, Setting, Totals, Verdict};
use row::Rows;
pub use simulate::{Failed, Progress, Work};

use crate::config::nearest;
use crate::sim::MODEL_VERSION;

/// The measured files that come with the program: name and text.
pub static MEASURED: [(&str, &str); 7] = [
    ("drainone.jsonl", include_str!("../../tests/measured/drainone.jsonl")),
    ("etcdkill.jsonl", include_str!("../../tests/measured/etcdkill.jsonl")),
    ("leasekill.jsonl", include_str!("../../tests/measured/leasekill.jsonl")),
    ("masters.jsonl", include_str!("../../tests/measured/masters.jsonl")),
    ("nodekill.jsonl", include_str!("../../tests/measured/nodekill.jsonl")),
    ("rollout.jsonl", include_str!("../../tests/measured/rollout.jsonl")),
    ("upgradeworkers.jsonl", include_str!("../../tests/measured/upgradeworkers.jsonl")),
];

/// One setting of an experiment, with its repetitions.
pub struct Case {
    experiment: &'static Experiment,
    params: String,
    plan: Plan,
    lines: Vec<Line>,
    measured: Vec<Rows>,
}

/// Groups lines by experiment and by the scenario that their parameters make, and reads their rows: parameters that
/// change nothing in the scenario do not part repetitions.
///
/// # Errors
/// With every line whose experiment, parameters or result cannot be read.
pub fn cases(lines: Vec<Line>) -> Result<Vec<Case>, Unreadable> {
    let (mut found, mut problems) = (BTreeMap::<(usize, Plan), Case>::new(), Vec::new());
    for line in lines {
        match case_of(&line) {
            Ok((place, experiment, plan, rows)) => {
                let params = params::told(&line.params);
                let key = (place, plan.clone());
                let new = || Case { experiment, params, plan, lines: Vec::new(), measured: Vec::new() };
                let case = found.entry(key).or_insert_with(new);
                case.lines.push(line);
                case.measured.push(rows);
            }
            Err(more) => problems.extend(more),
        }
    }
    let mut cases: Vec<((usize, String), Case)> =
        found.into_iter().map(|((place, _), case)| ((place, case.params.clone()), case)).collect();
    cases.sort_by(|(one, _), (other, _)| one.cmp(other));
    if problems.is_empty() { Ok(cases.into_iter().map(|(_, case)| case).collect()) } else { Err(Unreadable(problems)) }
}

fn case_of(line: &Line) -> Result<(usize, &'static Experiment, Plan, Rows), Vec<Problem>> {
    let Some(place) = CATALOG.iter().position(|experiment| experiment.name == line.experiment) else {
        let names: Vec<&str> = CATALOG.iter().map(|experiment| experiment.name).collect();
        let help = match nearest(&line.experiment, names.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("known are {}", names.join(", ")),
        };
        return Err(vec![Problem::new(&line.place, format!("no experiment is called \"{}\"", line.experiment), help)]);
    };
    let experiment = CATALOG[place];
    let params = Params::of(line);
    let plan = (experiment.plan)(&params, line);
    let rows = (experiment.measured)(line).map_err(|problem| vec![problem]);
    match (params.finish(), rows) {
        (Ok(()), Ok(rows)) => Ok((place, experiment, plan, rows)),
        (Err(mut problems), rows) => {
            problems.extend(rows.err().into_iter().flatten());
            Err(problems)
        }
        (Ok(()), Err(problems)) => Err(problems),
    }
}

/// Simulates every case and judges all rows; with `public`, the [public cases](public) as well.
///
/// # Errors
/// When a scenario is refused or a seed ends in an error of the simulator's own, or the threads cannot be had.
pub fn compare(cases: &[Case], public: bool, work: Work<'_>) -> Result<Fidelity, Failed> {
    let samples = simulate::samples(cases, work)?;
    let flat: Vec<Sample> = samples.iter().flatten().cloned().collect();
    let judgement = simulate::pool(work.jobs)?.install(|| judge::judge(&flat));
    let public_cases = if public { simulate::public(work)? } else { Vec::new() };
    Ok(told(cases, &samples, judgement, work.seeds, public_cases))
}

/// A case's rows, measured beside simulated, in the order in which the simulation has them.
fn samples_of(case: &Case, simulated: &[Rows], first_repetition: usize) -> Vec<Sample> {
    let mut names: Vec<&row::Row> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for row in simulated.iter().take(1).chain(&case.measured).flat_map(|rows| &rows.0) {
        if seen.insert(row.name.as_str()) {
            names.push(row);
        }
    }
    let act = length_of_act(case);
    let sample = |row: &row::Row| {
        let fitted = case.experiment.fitted.iter().find(|(name, _)| *name == row.name).map(|(_, why)| *why);
        let measured = case.lines.iter().zip(&case.measured).enumerate().filter_map(|(place, (line, rows))| {
            let value = rows.find(&row.name)?.value;
            Some(Measured { repetition: first_repetition + place, judged: line.is_judged(), value })
        });
        // Where a run says nothing of a number of things, there were none.
        let nothing = match row.unit {
            row::Unit::Count => Some(0.0),
            row::Unit::Seconds => None,
        };
        let of = |rows: &Rows| rows.find(&row.name).map_or(nothing, |row| row.value);
        Sample {
            name: row.name.clone(),
            unit: row.unit,
            aspect: row.aspect,
            fitted,
            act: act.filter(|_| row.aspect == row::Aspect::Losses),
            measured: measured.collect(),
            simulated: simulated.iter().map(of).collect(),
        }
    };
    names.into_iter().map(sample).filter(|sample| !sample.measured.is_empty()).collect()
}

/// The longest that the act, or a part of it, took in a repetition that counts.
fn length_of_act(case: &Case) -> Option<f64> {
    let judged = case.lines.iter().zip(&case.measured).filter(|(line, _)| line.is_judged());
    let of_course = |row: &&row::Row| row.aspect == row::Aspect::Course && row.unit == row::Unit::Seconds;
    row::most(judged.flat_map(|(_, rows)| rows.0.iter().filter(of_course).filter_map(|row| row.value)))
}

fn told(
    cases: &[Case],
    samples: &[Vec<Sample>],
    judgement: Judgement,
    seeds: u64,
    public_cases: Vec<PublicCase>,
) -> Fidelity {
    let mut figures = judgement.figures.into_iter();
    let (mut families, mut totals): (Vec<Family>, Totals) = (Vec::new(), Totals::default());
    let mut worst: Option<(f64, String)> = None;
    for (case, samples) in cases.iter().zip(samples) {
        let rows: Vec<Figure> = figures.by_ref().take(samples.len()).collect();
        for row in &rows {
            totals.add(row.verdict);
            worst = worse(worst, case, row);
        }
        let experiment = case.experiment;
        if families.last().is_none_or(|family| family.name != experiment.name) {
            families.push(Family { name: experiment.name, about: experiment.about, settings: Vec::new() });
        }
        let repetitions = case.lines.iter().map(repetition).collect();
        let setting = Setting { params: case.params.clone(), repetitions, rows };
        families.last_mut().expect("one was pushed").settings.push(setting);
    }
    let uncovered = judgement.coverage.iter().find(|test| !test.fits).map(|test| {
        let of = test.aspect.map_or("all", row::Aspect::name);
        let (percent, expected) = (test.percent, test.expected);
        let (inside, place) = if test.p_few < test.p_many { (test.near, "in or near") } else { (test.inside, "in") };
        format!("{inside} of {} values lie {place} the central {percent} % ({of}), expected {expected:.1}", test.of)
    });
    let elsewhere = public_cases.iter().find(|case| !case.fits);
    let elsewhere = elsewhere.map(|case| format!("public case {}: {}", case.name, case.simulated));
    let fits = totals.off + totals.too_wide == 0 && uncovered.is_none() && elsewhere.is_none();
    Fidelity {
        schema: 1,
        model_version: MODEL_VERSION,
        seeds,
        fits,
        first: worst.map(|(_, told)| told).or(uncovered).or(elsewhere),
        rows: totals,
        coverage: judgement.coverage,
        families,
        public_cases,
    }
}

fn repetition(line: &Line) -> Repetition {
    Repetition { rep: line.rep, place: line.place.clone(), load: line.load, judged: line.is_judged() }
}

/// The worse of what was worst so far and this row: the smallest p-value first, then what is too wide.
fn worse(worst: Option<(f64, String)>, case: &Case, row: &Figure) -> Option<(f64, String)> {
    let (rank, what) = match row.verdict {
        Verdict::Off => (row.p.unwrap_or(1.0), "is elsewhere than measured"),
        Verdict::TooWide => (2.0, "is wider than the thing itself allows"),
        Verdict::Fits | Verdict::NotJudged | Verdict::Fitted => return worst,
    };
    match worst {
        Some(held) if held.0 <= rank => Some(held),
        Some(_) | None => Some((rank, format!("{}: \"{}\" {what} ({})", case.experiment.name, row.name, case.params))),
    }
}
