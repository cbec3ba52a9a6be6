//! Strategies, or variants of one, on paired draws: the same seeds, so the same bad luck for all.

use std::collections::BTreeMap;

use serde::Serialize;

use super::batch::{Crew, Failed, Work, caught};
use super::explain;
use super::sweep::{Point, Sweep};
use crate::base::Ratio;
use crate::scenario::Scenario;
use crate::sim::outcome::{ScenarioId, UpgradeResult, Verdict};
use crate::sim::{self, Finished, MODEL_VERSION, Outcome, Watch};
use crate::statistics::{holm, paired, quantiles};

/// One of the plans that are compared.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name: a strategy's, or `key = value`.
    pub name: String,
    /// The plan.
    pub plan: Scenario,
}

/// A comparison. The JSON of `rollproof compare` is this, field by field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Version of this format.
    pub schema: u32,
    /// The scenario before it was varied.
    pub scenario: ScenarioId,
    /// Version of the model.
    pub model_version: String,
    /// Seeds of each plan, from 1.
    pub seeds: u64,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// The plans, the best first.
    pub rows: Vec<Row>,
    /// Each plan against the best, on the same seeds.
    pub pairs: Vec<Pair>,
    /// Hash of all runs' digests.
    pub digest: String,
}

/// A middle value, and between what the middle 90 % of the seeds lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Half are below.
    pub median: f64,
    /// One in twenty is below.
    pub low: f64,
    /// One in twenty is above.
    pub high: f64,
}

/// What one plan came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its strategy.
    pub strategy: String,
    /// Seeds that refute it.
    pub refuted: u64,
    /// Seeds in which the upgrade completed.
    pub completed: u64,
    /// Requests lost in a run.
    pub lost: Spread,
    /// Lost requests of all runs, by mechanism.
    pub by_cause: BTreeMap<String, u64>,
    /// Exposure of a run, seconds.
    pub exposed_s: Spread,
    /// Length of the upgrade, seconds.
    pub seconds: Spread,
    /// Smallest margin of etcd's quorum in any run; `None`: not observable, and so not ranked.
    pub quorum_margin: Option<i64>,
    /// Longest gap of the API in any run, seconds; `None`: not observable, and so not ranked.
    pub api_gap_s: Option<f64>,
    /// Pods created for each pod of the apps, on average.
    pub moves_per_pod: f64,
    /// Fewest Ready pods of any app in any run, as a share of its replicas, and which app.
    pub min_ready: Option<(String, f64)>,
    /// Machine hours beyond the cluster's own size, on average.
    pub extra_node_hours: f64,
    /// From here on a master runs the new version, and the control plane cannot go back; seconds after the start, the
    /// middle one. `None`: no master is upgraded, or nobody can see it.
    pub no_return_s: Option<f64>,
    /// What each run came to.
    pub sweep: Sweep,
    /// Whether no other plan is at least as good in both loss and length, and better in one.
    pub front: bool,
    /// Why it stands where it stands, by what its first losing seed, or its slowest phases, show.
    pub mechanism: Vec<String>,
}

/// Two plans on the same seeds: the second's figures less the first's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The first.
    pub first: String,
    /// The second.
    pub second: String,
    /// Seeds that refute only the first, and only the second.
    pub only: (u64, u64),
    /// How likely so uneven a split is by luck (exact McNemar), corrected (Holm) for all pairs of plans: which one is
    /// the best is seen only in the same runs, so each pair might have been the one that is looked at.
    pub p: f64,
    /// Where the median difference of exposure lies, seconds. Each interval stands alone: the confidence is that of
    /// one, not of all together.
    pub exposed_s: Option<(f64, f64)>,
    /// Where the median difference of length lies, seconds; it stands alone, too.
    pub seconds: Option<(f64, f64)>,
}

/// What is kept of one run.
#[derive(Clone, Debug)]
struct Drawn {
    refuted: bool,
    completed: bool,
    lost: u64,
    exposed: u64,
    length: u64,
    margin: Option<i64>,
    api_gap: u64,
    moves: u64,
    ready: Vec<u64>,
    extra: f64,
    no_return: Option<u64>,
    causes: BTreeMap<String, u64>,
    digest: String,
    point: Point,
}

/// Seeds in a round.
const ROUND: u64 = 64;

fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round().max(0.0) as u64
}

impl Drawn {
    fn of(outcome: &Outcome) -> Drawn {
        Drawn {
            refuted: outcome.verdict == Verdict::Refuted,
            completed: outcome.upgrade.result == UpgradeResult::Completed,
            lost: outcome.requests.lost,
            exposed: nanos(outcome.requests.exposed_s),
            length: nanos(outcome.upgrade.seconds),
            margin: outcome.etcd.as_ref().map(|etcd| etcd.min_margin),
            api_gap: nanos(outcome.api.longest_gap_s),
            moves: outcome.pods.moves,
            ready: outcome.pods.min_ready.values().copied().collect(),
            extra: outcome.cost.extra_node_hours,
            no_return: no_return(outcome),
            causes: outcome.requests.by_cause.clone(),
            digest: outcome.digest.clone(),
            point: Point::of(outcome),
        }
    }
}

/// When the first master begins to change, after the first step.
fn no_return(outcome: &Outcome) -> Option<u64> {
    let steps = &outcome.upgrade.steps;
    let start = steps.first().map(|step| step.start_s)?;
    let master = |unit: &str| unit == "masters" || unit.starts_with("master-");
    let first = steps.iter().find(|step| master(&step.unit) && step.phase == "transition")?;
    Some(nanos(first.start_s - start))
}

/// Compares. The same seeds for all, from 1.
///
/// # Errors
/// When a run could not come to its end.
pub fn compare(
    base: &Scenario,
    variants: &[Variant],
    (seeds, confidence): (u64, f64),
    work: &mut Work<'_>,
) -> Result<Comparison, Failed> {
    let crew = Crew::new(work)?;
    let stop = crew.stop();
    let mut drawn: Vec<Vec<Drawn>> = variants.iter().map(|_| Vec::new()).collect();
    let mut from = 1;
    while from <= seeds {
        crew.tell("seeds of each plan", from - 1, seeds);
        let to = (from + ROUND - 1).min(seeds);
        let pieces: Vec<(usize, u64)> =
            (0..variants.len()).flat_map(|variant| (from..=to).map(move |seed| (variant, seed))).collect();
        let one = |(variant, seed): &(usize, u64)| {
            let watch = Watch { stop: Some(stop), ..Watch::default() };
            caught(*seed, Vec::new, || sim::run(&variants[*variant].plan, *seed, watch))
                .map(|run| Drawn::of(&run.outcome))
        };
        for ((variant, _), run) in pieces.iter().zip(crew.side_by_side(&pieces, one)) {
            drawn[*variant].push(run?);
        }
        from = to + 1;
    }
    let mut digest = blake3::Hasher::new();
    drawn.iter().flatten().for_each(|run| {
        digest.update(run.digest.as_bytes());
    });
    let mut rows = Vec::new();
    for (variant, runs) in variants.iter().zip(&drawn) {
        rows.push((row(variant, runs, seeds)?, runs));
    }
    rank(&mut rows);
    let pairs = against_best(&rows, confidence);
    Ok(Comparison {
        schema: 1,
        scenario: ScenarioId { name: base.name.clone(), hash: base.hash.clone() },
        model_version: MODEL_VERSION.to_owned(),
        seeds,
        confidence,
        rows: rows.into_iter().map(|(row, _)| row).collect(),
        pairs,
        digest: digest.finalize().to_hex()[..32].to_owned(),
    })
}

fn spread(values: impl Iterator<Item = u64>, scale: f64) -> Spread {
    let mut ascending: Vec<u64> = values.collect();
    ascending.sort_unstable();
    let at = |ppm| quantiles::of_integers(&ascending, Ratio::from_ppm(ppm)).unwrap_or_default() as f64 / scale;
    Spread { median: at(500_000), low: at(50_000), high: at(950_000) }
}

fn row(variant: &Variant, runs: &[Drawn], seeds: u64) -> Result<Row, Failed> {
    let spec = &variant.plan.spec;
    let hidden = variant.plan.strategy.entry.hides_etcd;
    let count = runs.len().max(1) as f64;
    let mut by_cause: BTreeMap<String, u64> = BTreeMap::new();
    for (cause, lost) in runs.iter().flat_map(|run| &run.causes) {
        *by_cause.entry(cause.clone()).or_default() += lost;
    }
    let pods: u64 = spec.apps.iter().map(|app| u64::from(app.replicas)).sum();
    let mut returns: Vec<u64> = runs.iter().filter_map(|run| run.no_return).collect();
    returns.sort_unstable();
    let no_return = quantiles::of_integers(&returns, Ratio::from_ppm(500_000)).filter(|_| !hidden);
    Ok(Row {
        name: variant.name.clone(),
        strategy: variant.plan.strategy.name().to_owned(),
        refuted: runs.iter().filter(|run| run.refuted).count() as u64,
        completed: runs.iter().filter(|run| run.completed).count() as u64,
        lost: spread(runs.iter().map(|run| run.lost), 1.0),
        exposed_s: spread(runs.iter().map(|run| run.exposed), 1e9),
        seconds: spread(runs.iter().map(|run| run.length), 1e9),
        quorum_margin: runs.iter().map(|run| run.margin).min().flatten(),
        api_gap_s: runs.iter().map(|run| run.api_gap as f64 / 1e9).reduce(f64::max).filter(|_| !hidden),
        moves_per_pod: runs.iter().map(|run| run.moves).sum::<u64>() as f64 / count / pods.max(1) as f64,
        min_ready: least_ready(variant, runs),
        extra_node_hours: runs.iter().map(|run| run.extra).sum::<f64>() / count,
        no_return_s: no_return.map(|nanos| nanos as f64 / 1e9),
        sweep: runs.iter().fold(Sweep::default(), |mut sweep, run| {
            sweep.add(run.point);
            sweep
        }),
        front: false,
        mechanism: mechanism(variant, runs, &by_cause, seeds)?,
        by_cause,
    })
}

/// The app with the smallest share of Ready pods in any run. Apps stand in the order of their names in an outcome.
fn least_ready(variant: &Variant, runs: &[Drawn]) -> Option<(String, f64)> {
    let mut apps: Vec<(&str, u32)> =
        variant.plan.spec.apps.iter().map(|app| (app.name.as_str(), app.replicas)).collect();
    apps.sort_unstable();
    let share = |(index, (name, replicas)): (usize, &(&str, u32))| {
        let least = runs.iter().filter_map(|run| run.ready.get(index)).min()?;
        (*replicas > 0).then(|| ((*name).to_owned(), *least as f64 / f64::from(*replicas)))
    };
    apps.iter().enumerate().filter_map(share).min_by(|one, other| one.1.total_cmp(&other.1))
}

/// What the first losing seed shows, or where the time goes.
fn mechanism(
    variant: &Variant,
    runs: &[Drawn],
    by_cause: &BTreeMap<String, u64>,
    seeds: u64,
) -> Result<Vec<String>, Failed> {
    let losing = runs.iter().position(|run| run.refuted);
    let seed = losing.map_or(1, |index| index as u64 + 1);
    debug_assert!(seed <= seeds.max(1), "a seed that was run");
    let watch = Watch { trace: true, ..Watch::default() };
    let finished = caught(seed, Vec::new, || sim::run(&variant.plan, seed, watch))?;
    let mut lines = Vec::new();
    if !by_cause.is_empty() {
        let all: u64 = by_cause.values().sum();
        let mut causes: Vec<(&String, &u64)> = by_cause.iter().collect();
        causes.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let shares = causes.iter().map(|(cause, lost)| format!("{cause} {:.0} %", **lost as f64 / all as f64 * 100.0));
        lines.push(format!("loses by {}", shares.collect::<Vec<_>>().join(", ")));
    }
    match losing.and_then(|_| finished.outcome.reasons.first()) {
        Some(reason) => {
            let chain = explain::reason(&finished, reason);
            lines.push(format!("seed {seed}: {}", reason.message));
            let ends = [chain.first(), chain.last()].into_iter().flatten().map(|line| line.trim().to_owned());
            lines.extend(ends.map(|line| format!("  {line}")));
        }
        None => lines.push(format!("its time goes into {}", slowest(&finished))),
    }
    Ok(lines)
}

/// The phases that take most of the time, each with its share of all phases' time.
fn slowest(finished: &Finished) -> String {
    let mut phases: BTreeMap<&str, f64> = BTreeMap::new();
    for step in &finished.outcome.upgrade.steps {
        *phases.entry(&step.phase).or_default() += step.end_s.unwrap_or(step.start_s) - step.start_s;
    }
    let all: f64 = phases.values().sum();
    let mut phases: Vec<(&str, f64)> = phases.into_iter().collect();
    phases.sort_by(|one, other| other.1.total_cmp(&one.1));
    let shares = phases.iter().take(3).map(|(phase, time)| format!("{phase} {:.0} %", time / all.max(1e-9) * 100.0));
    shares.collect::<Vec<_>>().join(", ")
}

/// The best first: fewest refuting seeds, most that complete, least exposure, shortest; and which stand on the front of
/// loss and length. What some plan hides takes no part.
fn rank(rows: &mut [(Row, &Vec<Drawn>)]) {
    rows.sort_by(|(one, _), (other, _)| {
        let key = |row: &Row| (row.exposed_s.median, row.exposed_s.high, row.seconds.median);
        let (a, b) = (key(one), key(other));
        let exposed_and_long = a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal);
        one.refuted.cmp(&other.refuted).then(other.completed.cmp(&one.completed)).then(exposed_and_long)
    });
    let points: Vec<(f64, f64)> = rows.iter().map(|(row, _)| point(row)).collect();
    for (index, (row, _)) in rows.iter_mut().enumerate() {
        let beats = |other: &(f64, f64)| {
            let own = points[index];
            other.0 <= own.0 && other.1 <= own.1 && (other.0 < own.0 || other.1 < own.1)
        };
        row.front = row.completed > 0 && !points.iter().any(beats);
    }
}

/// Loss and length, of which less is better.
fn point(row: &Row) -> (f64, f64) {
    // A plan that never completes is no plan, however quick it gives up.
    let length = if row.completed == 0 { f64::INFINITY } else { row.seconds.median };
    (row.exposed_s.median, length)
}

/// Seeds that refute only the first, and only the second.
fn only(first: &[Drawn], second: &[Drawn]) -> (u64, u64) {
    let split = |of: fn(&Drawn, &Drawn) -> bool| first.iter().zip(second).filter(|(a, b)| of(a, b)).count() as u64;
    (split(|one, other| one.refuted && !other.refuted), split(|one, other| !one.refuted && other.refuted))
}

fn against_best(rows: &[(Row, &Vec<Drawn>)], confidence: f64) -> Vec<Pair> {
    let Some(((best, first), others)) = rows.split_first() else { return Vec::new() };
    let pair = |(row, second): &(Row, &Vec<Drawn>)| {
        let both = || first.iter().zip(second.iter());
        let only = only(first, second);
        let interval = |of: fn(&Drawn) -> u64| {
            let differences: Vec<i64> = both().map(|(one, other)| of(other) as i64 - of(one) as i64).collect();
            let (low, high) = paired::median_interval(&differences, confidence)?;
            Some((low as f64 / 1e9, high as f64 / 1e9))
        };
        Pair {
            first: best.name.clone(),
            second: row.name.clone(),
            only,
            p: 1.0,
            exposed_s: interval(|run| run.exposed),
            seconds: interval(|run| run.length),
        }
    };
    let mut pairs: Vec<Pair> = others.iter().map(pair).collect();
    // Those against the best come first.
    let each = (0..rows.len()).flat_map(|one| (one + 1..rows.len()).map(move |other| (one, other)));
    let split = each.map(|(one, other)| only(rows[one].1, rows[other].1));
    let adjusted =
        holm::adjusted(&split.map(|(one, other)| paired::mcnemar(one, other).two_sided()).collect::<Vec<_>>());
    pairs.iter_mut().zip(adjusted).for_each(|(pair, p)| pair.p = p);
    pairs
}
