//! Rows: one named figure of one repetition, measured or simulated.

use serde::Serialize;

/// What a row is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whole things: requests, puts, retries.
    Count,
    /// Seconds.
    Seconds,
}

/// Which side of an experiment a row shows. Rows of one aspect of one repetition say nearly the same again, so the
/// coverage test takes one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// How many requests ended how.
    Requests,
    /// When requests were lost.
    Losses,
    /// What happened to pods, and after how long.
    Pods,
    /// How long the whole or a part of the work took.
    Course,
    /// What clients of etcd and of the API saw.
    Writes,
}

impl Aspect {
    /// All of them, in order.
    pub const ALL: [Aspect; 5] = [Aspect::Requests, Aspect::Losses, Aspect::Pods, Aspect::Course, Aspect::Writes];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Aspect::Requests => "requests",
            Aspect::Losses => "losses",
            Aspect::Pods => "pods",
            Aspect::Course => "course",
            Aspect::Writes => "writes",
        }
    }
}

/// One figure of one repetition.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name, unique in its experiment.
    pub name: String,
    /// What it is measured in.
    pub unit: Unit,
    /// Which side of the experiment it shows.
    pub aspect: Aspect,
    /// The figure; `None`: it never happened.
    pub value: Option<f64>,
}

/// The rows of one repetition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows(pub Vec<Row>);

/// Seconds are kept to this: no measurement is finer.
const MILLI: f64 = 1000.0;

impl Rows {
    /// A number of things.
    pub fn count(&mut self, aspect: Aspect, name: impl Into<String>, count: u64) {
        self.0.push(Row { name: name.into(), unit: Unit::Count, aspect, value: Some(count as f64) });
    }

    /// A number that may be a mean of whole ones.
    pub fn mean_count(&mut self, aspect: Aspect, name: impl Into<String>, count: Option<f64>) {
        self.0.push(Row { name: name.into(), unit: Unit::Count, aspect, value: count });
    }

    /// A time or a length of time in seconds; `None`: it never came.
    pub fn seconds(&mut self, aspect: Aspect, name: impl Into<String>, seconds: Option<f64>) {
        let value = seconds.filter(|seconds| seconds.is_finite()).map(|seconds| (seconds * MILLI).round() / MILLI);
        self.0.push(Row { name: name.into(), unit: Unit::Seconds, aspect, value });
    }

    /// The middle and the longest of a repetition's lengths: they depend on each other, so no more of them are rows.
    /// Nothing where there is none.
    pub fn middle_and_most(&mut self, aspect: Aspect, name: &str, lengths: &[f64]) {
        if lengths.is_empty() {
            return;
        }
        self.seconds(aspect, format!("{name} (mid)"), median(lengths));
        if lengths.len() > 1 {
            self.seconds(aspect, format!("{name} (max)"), most(lengths.iter().copied()));
        }
    }

    /// The row of this name.
    pub fn find(&self, name: &str) -> Option<&Row> {
        self.0.iter().find(|row| row.name == name)
    }
}

/// The middle value; the mean of both where there are two.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// The least of them.
pub fn least(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    values.into_iter().min_by(f64::total_cmp)
}

/// The most of them.
pub fn most(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    values.into_iter().max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooled_lengths_become_two_rows_and_one_length_one() {
        let mut rows = Rows::default();
        rows.middle_and_most(Aspect::Pods, "gone", &[3.0, 1.0, 2.0004, 9.0]);
        rows.middle_and_most(Aspect::Pods, "unready", &[0.5]);
        rows.middle_and_most(Aspect::Pods, "nothing", &[]);
        let found: Vec<(&str, Option<f64>)> = rows.0.iter().map(|row| (row.name.as_str(), row.value)).collect();
        assert_eq!(found, [("gone (mid)", Some(2.5)), ("gone (max)", Some(9.0)), ("unready (mid)", Some(0.5))]);
    }

    #[test]
    fn times_are_kept_to_what_is_measured_and_what_is_endless_never_came() {
        let mut rows = Rows::default();
        rows.seconds(Aspect::Course, "a", Some(1.23449));
        rows.seconds(Aspect::Course, "b", Some(f64::INFINITY));
        assert_eq!((rows.0[0].value, rows.0[1].value), (Some(1.234), None));
    }
}
