//! What the comparison found, for pages to show. Names are stable: they are the keys of the JSON.

use serde::{Serialize, Serializer};

use super::row::{Aspect, Unit};

/// Everything found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fidelity {
    /// Version of this form.
    pub schema: u32,
    /// Version of the model.
    pub model_version: &'static str,
    /// Seeds simulated for each setting of each experiment.
    pub seeds: u64,
    /// Whether the model fits.
    pub fits: bool,
    /// What fails first, in a sentence.
    pub first: Option<String>,
    /// Rows by verdict.
    pub rows: Totals,
    /// Whether measured values lie in the simulated intervals as often as they should.
    pub coverage: Vec<Coverage>,
    /// The experiments.
    pub families: Vec<Family>,
    /// What is known of other clusters.
    pub public_cases: Vec<PublicCase>,
}

/// Numbers of rows by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Rows that count.
    pub judged: u64,
    /// Those of them that fit.
    pub fit: u64,
    /// Those elsewhere than measured.
    pub off: u64,
    /// Those too wide.
    pub too_wide: u64,
    /// Rows of busy repetitions only.
    pub not_judged: u64,
    /// Rows that a parameter was set by.
    pub fitted: u64,
}

impl Totals {
    /// Counts a row.
    pub fn add(&mut self, verdict: Verdict) {
        self.judged += u64::from(matches!(verdict, Verdict::Fits | Verdict::Off | Verdict::TooWide));
        match verdict {
            Verdict::Fits => self.fit += 1,
            Verdict::Off => self.off += 1,
            Verdict::TooWide => self.too_wide += 1,
            Verdict::NotJudged => self.not_judged += 1,
            Verdict::Fitted => self.fitted += 1,
        }
    }
}

/// One experiment with all its settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Family {
    /// Name of the experiment.
    pub name: &'static str,
    /// What was done.
    pub about: &'static str,
    /// Each setting.
    pub settings: Vec<Setting>,
}

/// One setting of an experiment, with all its repetitions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// What was set.
    pub params: String,
    /// The repetitions.
    pub repetitions: Vec<Repetition>,
    /// Row by row.
    pub rows: Vec<Figure>,
}

/// One repetition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Repetition {
    /// Its number.
    pub rep: u64,
    /// File and line.
    pub place: String,
    /// Load average of the measuring machine.
    pub load: Option<f64>,
    /// Whether it counts.
    pub judged: bool,
}

/// How a row came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It fits.
    Fits,
    /// Simulated and measured values lie elsewhere.
    Off,
    /// The simulated range is wider than the thing itself allows.
    TooWide,
    /// No repetition counts.
    NotJudged,
    /// A parameter was set by it.
    Fitted,
}

/// One row: measured beside simulated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// What it is measured in.
    pub unit: Unit,
    /// Which side of the experiment it shows.
    pub aspect: Aspect,
    /// Measured values in the order of the lines that have the row; `null`: it never happened.
    pub measured: Vec<Option<f64>>,
    /// Which of them count.
    pub judged: Vec<bool>,
    /// Simulated median of those runs in which it happened.
    pub median: Option<f64>,
    /// Simulated 5 % quantile.
    pub low: Option<f64>,
    /// Simulated 95 % quantile.
    pub high: Option<f64>,
    /// Share of simulated runs in which it never happened.
    pub never: f64,
    /// Width of the simulated middle half, from 25 to 75 %.
    pub width: Option<f64>,
    /// The widest that it may be.
    pub width_limit: Option<f64>,
    /// Probability of so different a location, or more, if the model is true.
    pub p: Option<f64>,
    /// The same corrected for the number of rows.
    pub p_corrected: Option<f64>,
    /// The parameter that was set by it.
    pub fitted: Option<&'static str>,
    /// How it came out.
    pub verdict: Verdict,
}

/// One coverage test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Rows of which side; all where none.
    #[serde(serialize_with = "aspect_or_all")]
    pub aspect: Option<Aspect>,
    /// Which central interval, percent.
    pub percent: u32,
    /// Measured values inside.
    pub inside: u64,
    /// Measured values inside, or outside by no more than the instrument's resolution.
    pub near: u64,
    /// Of so many: one a repetition.
    pub of: u64,
    /// How many a true model would have inside on average.
    pub expected: f64,
    /// Probability of so few near.
    pub p_few: f64,
    /// Probability of so many inside.
    pub p_many: f64,
    /// The smaller of both, corrected for the number of tests.
    pub p_corrected: f64,
    /// Whether it fits.
    pub fits: bool,
}

fn aspect_or_all<S: Serializer>(aspect: &Option<Aspect>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(aspect.map_or("all", Aspect::name))
}

/// Rows and their coverage, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// In the order of the rows.
    pub figures: Vec<Figure>,
    /// The tests.
    pub coverage: Vec<Coverage>,
}

/// Something known of another cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PublicCase {
    /// What it is.
    pub name: String,
    /// What is known to happen.
    pub expected: String,
    /// Who says so.
    pub source: String,
    /// What the model does.
    pub simulated: String,
    /// What of it is asked.
    pub asked: String,
    /// Whether it does that.
    pub fits: bool,
}
