//! Forms of a result for other programs: each a file, a pure function, and a line of the catalogue.
//!
//! Names of a scenario are text everywhere: escaped by the writer of each form, never put together by hand.

mod chrome_trace;
mod html;
mod junit;
mod markdown;
mod openmetrics;
mod requests_csv;
mod sarif;
mod steps_csv;
mod table;

use crate::observe::trace::Trace;
use crate::prove::Proof;
use crate::sim::Outcome;

/// What a form is made of.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// A run, with its history if it was kept.
    Run(&'a Outcome, Option<&'a Trace>),
    /// A proof.
    Proof(&'a Proof),
}

/// Where a result comes from, for who reads it elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The scenario's file, as it was given.
    pub path: &'a str,
    /// The command that makes the result again.
    pub command: &'a str,
}

/// A form of results.
#[derive(Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// The file that it is written to.
    pub file: &'static str,
    /// What it is for, in a line.
    pub about: &'static str,
    /// Whether proofs have it; all runs do.
    pub of_proofs: bool,
    /// The text; `None` where there is none of such a result.
    pub render: fn(Found<'_>, Origin<'_>) -> Option<String>,
}

/// All forms, in the order of the manual.
pub static CATALOG: &[&Format] = &[
    &html::FORMAT,
    &markdown::FORMAT,
    &junit::FORMAT,
    &sarif::FORMAT,
    &steps_csv::FORMAT,
    &requests_csv::FORMAT,
    &chrome_trace::FORMAT,
    &openmetrics::FORMAT,
];

/// The words of a command on one line, for [`Origin::command`].
pub fn reproduce(words: &[String]) -> String {
    super::command::line(words)
}

/// The form of this name.
pub fn find(name: &str) -> Option<&'static Format> {
    CATALOG.iter().find(|format| format.name == name).copied()
}
