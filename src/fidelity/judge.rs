//! The judgement: a row's location, its width, and the coverage of all rows together. Fair in both directions.
//!
//! - **Location.** The judged repetitions of a row against its simulated sample: Mann and Whitney's test, exact, ties
//!   included. What never happened counts as later than anything. Differences up to the instrument's resolution (10 ms,
//!   for what happened to pods that of a watch) do not count: the hypothesis is that the sample, moved by at most that,
//!   has the measured location. All p-values are corrected together by Holm's method, so that a true model is refused
//!   by any row with probability 1 % at most.
//! - **Width.** See [`super::width`].
//! - **Coverage.** How many measured values lie in the simulated central 50 % and 90 % intervals, for each aspect and
//!   over all: too few (wrong or too narrow) and too many (too wide) both refuse. For too few, a value that is outside
//!   by no more than the instrument's resolution is inside: a value is late by what the instrument cannot tell. Rows of one repetition depend on
//!   each other in an unknown way, so one value of each repetition counts, chosen in turn without looking at it;
//!   repetitions are independent. Holm corrects these tests together, at 1 % again; no assumption is made of how
//!   aspects depend on each other.
//!
//! Lines of a busy machine are shown and not judged. A row that was used to set a parameter proves nothing and is
//! marked, shown and not judged.

use rayon::prelude::*;

use super::report::{Coverage, Figure, Judgement, Verdict};
use super::row::{Aspect, Unit};
use super::width;
use crate::base::Ratio;
use crate::statistics::coverage::{Central, Dependence, Placed, coverage};
use crate::statistics::quantiles::of_floats;
use crate::statistics::{holm, ranks};

/// Probability that a true model is refused by its rows, and again by its coverage.
pub const FAMILY_ERROR: f64 = 0.01;

/// Times closer than this are equal, thousandths of a second: a timer on a busy machine of two cores is late by up to
/// a scheduling slice or two (Linux CFS gives 3 to 10 ms).
pub const RESOLUTION: i64 = 10;

/// The same for what was seen through a watch of the API: its events pass etcd, the API server and the measuring script,
/// all on those two cores, and come in bursts. Three pods evicted one after another and the ends of their endpoints
/// bear one time in upgradeworkers (22.644), 94 ms after the first eviction of that drain was seen; in another drain
/// an endpoint's end was seen 251 ms before the deletion it followed.
pub const RESOLUTION_OF_WATCHES: i64 = 50;

/// Later than anything.
const NEVER: i64 = i64::MAX / 4;

/// One measured value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Which repetition of all; values of one repetition depend on each other.
    pub repetition: usize,
    /// Whether the machine was calm.
    pub judged: bool,
    /// The value; `None`: it never happened.
    pub value: Option<f64>,
}

/// A row with all its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// What it is measured in.
    pub unit: Unit,
    /// Which side of the experiment it shows.
    pub aspect: Aspect,
    /// Why it does not count: which parameter was set by it.
    pub fitted: Option<&'static str>,
    /// How long the act lasted in the measurement, seconds, where that is part of the row's scale.
    pub act: Option<f64>,
    /// Measured values, in the order of the lines.
    pub measured: Vec<Measured>,
    /// Simulated values, in the order of the seeds.
    pub simulated: Vec<Option<f64>>,
}

impl Sample {
    /// Values of repetitions that count.
    fn judged(&self) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(|value| value.judged && self.fitted.is_none())
    }

    /// How far from each other values must be to be told apart, thousandths.
    fn resolution(&self) -> i64 {
        match self.unit {
            Unit::Count => 0,
            Unit::Seconds if self.aspect == Aspect::Pods => RESOLUTION_OF_WATCHES,
            Unit::Seconds => RESOLUTION,
        }
    }
}

/// Thousandths, so that values can be ranked; what never happened is later than anything.
fn ranked(value: Option<f64>) -> i64 {
    value.map_or(NEVER, |value| ((value * 1000.0).round() as i64).clamp(-NEVER, NEVER))
}

/// Judges rows: location, width and coverage. The figures come in the order of the rows.
pub fn judge(samples: &[Sample]) -> Judgement {
    let p_values: Vec<Option<f64>> = samples.par_iter().map(location).collect();
    let tested: Vec<f64> = p_values.iter().copied().flatten().collect();
    let mut corrected = holm::adjusted(&tested).into_iter();
    let figures = samples.iter().zip(p_values).map(|(sample, p)| {
        let corrected = p.and_then(|_| corrected.next());
        figure(sample, p, corrected)
    });
    Judgement { figures: figures.collect(), coverage: coverages(samples) }
}

/// The two-sided p-value of a row's location; `None` where nothing is judged.
fn location(sample: &Sample) -> Option<f64> {
    let few: Vec<i64> = sample.judged().map(|value| ranked(value.value)).collect();
    if few.is_empty() || sample.simulated.is_empty() {
        return None;
    }
    let resolution = sample.resolution();
    let moved = |by: i64| -> Vec<i64> {
        let move_one = |value: &Option<f64>| match value {
            Some(_) => ranked(*value) + by,
            None => NEVER,
        };
        sample.simulated.iter().map(move_one).collect()
    };
    let low = ranks::location(&few, &moved(-resolution)).low;
    let high = ranks::location(&few, &moved(resolution)).high;
    Some((2.0 * low.min(high)).min(1.0))
}

fn figure(sample: &Sample, p: Option<f64>, corrected: Option<f64>) -> Figure {
    let mut happened: Vec<f64> = sample.simulated.iter().copied().flatten().collect();
    happened.sort_by(f64::total_cmp);
    let quantile = |percent: u32| of_floats(&happened, Ratio::from_ppm(percent * 10_000));
    let range = quantile(5).zip(quantile(95));
    let measured: Vec<f64> = sample.judged().filter_map(|value| value.value).collect();
    let width = quantile(25).zip(quantile(75)).map(|(low, high)| high - low);
    let width_limit = width::limit(sample.unit, &measured, sample.act);
    let too_wide = width.zip(width_limit).is_some_and(|(width, limit)| width > limit);
    let verdict = match (sample.fitted, corrected) {
        (Some(_), _) => Verdict::Fitted,
        (None, None) => Verdict::NotJudged,
        (None, Some(p)) if p <= FAMILY_ERROR => Verdict::Off,
        (None, Some(_)) if too_wide => Verdict::TooWide,
        (None, Some(_)) => Verdict::Fits,
    };
    Figure {
        name: sample.name.clone(),
        unit: sample.unit,
        aspect: sample.aspect,
        measured: sample.measured.iter().map(|value| value.value).collect(),
        judged: sample.measured.iter().map(|value| value.judged && sample.fitted.is_none()).collect(),
        median: quantile(50),
        low: range.map(|(low, _)| low),
        high: range.map(|(_, high)| high),
        never: 1.0 - happened.len() as f64 / sample.simulated.len().max(1) as f64,
        width,
        width_limit,
        p,
        p_corrected: corrected,
        fitted: sample.fitted,
        verdict,
    }
}

/// Central intervals that are asked about.
const SHARES: [u32; 2] = [50, 90];

/// The coverage tests: for each share over all rows, then over those of each aspect.
fn coverages(samples: &[Sample]) -> Vec<Coverage> {
    let mut found = Vec::new();
    for percent in SHARES {
        let share = Ratio::from_ppm(percent * 10_000);
        found.extend(of_rows(samples, None, percent, share));
        found.extend(Aspect::ALL.into_iter().filter_map(|aspect| of_rows(samples, Some(aspect), percent, share)));
    }
    let p_values: Vec<f64> = found.iter().flat_map(|found| [found.p_few, found.p_many]).collect();
    let adjusted = holm::adjusted(&p_values);
    for (found, p) in found.iter_mut().zip(adjusted.chunks(2)) {
        (found.p_corrected, found.fits) = (p[0].min(p[1]), p[0].min(p[1]) > FAMILY_ERROR);
    }
    found
}

fn of_rows(samples: &[Sample], aspect: Option<Aspect>, percent: u32, share: Ratio) -> Option<Coverage> {
    let repetitions = samples.iter().flat_map(|sample| &sample.measured).map(|value| value.repetition + 1).max()?;
    // Of each repetition the values that lie inside, and those that lie near.
    let mut placed = vec![(Vec::new(), Vec::new()); repetitions];
    for sample in samples.iter().filter(|sample| aspect.is_none_or(|aspect| sample.aspect == aspect)) {
        let mut simulated: Vec<i64> = sample.simulated.iter().map(|value| ranked(*value)).collect();
        simulated.sort_unstable();
        let Some(central) = Central::of(&simulated, share) else { continue };
        let (resolution, chance) = (sample.resolution(), central.chance);
        for value in sample.judged() {
            let at = ranked(value.value);
            let near = [0, resolution, -resolution].into_iter().any(|by| central.contains(at + by));
            let (insides, nears) = &mut placed[value.repetition];
            insides.push(Placed { inside: central.contains(at), chance });
            nears.push(Placed { inside: near, chance });
        }
    }
    placed.retain(|(insides, _)| !insides.is_empty());
    let (insides, nears): (Vec<Vec<Placed>>, Vec<Vec<Placed>>) = placed.into_iter().unzip();
    if insides.is_empty() {
        return None;
    }
    let chosen = |of: &[Vec<Placed>]| -> Vec<Placed> {
        of.iter().enumerate().map(|(turn, values)| values[turn % values.len()]).collect()
    };
    let count = |of: &[Vec<Placed>]| chosen(of).iter().filter(|placed| placed.inside).count() as u64;
    let middle = |placed: &Placed| (placed.chance.0 + placed.chance.1) / 2.0;
    Some(Coverage {
        aspect,
        percent,
        inside: count(&insides),
        near: count(&nears),
        of: insides.len() as u64,
        expected: chosen(&insides).iter().map(middle).sum(),
        p_few: coverage(&nears, Dependence::OneOfEach).low,
        p_many: coverage(&insides, Dependence::OneOfEach).high,
        p_corrected: 1.0,
        fits: true,
    })
}
