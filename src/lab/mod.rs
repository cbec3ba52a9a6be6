//! Exercises that follow chapter 18 of The Kubernetes Workshop: a plan with something wrong, a goal, hints, and a check
//! of the student's files that says what still fails.
//!
//! An exercise is a folder under `exercises/` and a line of [`CATALOG`]; its place there is its number. A student's plan
//! is known by its `name`, so that a folder needs no other mark of its lab.

mod check;
pub mod exercises;
mod fixed;

use exercises as of;

pub use check::{Checked, check, proof};

/// One exercise.
#[derive(Debug)]
pub struct Lab {
    /// Its plan is called `lab-` and this.
    pub slug: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// Situation, goal, what may be changed; lines of at most 80 columns.
    pub text: &'static str,
    /// The plan that the student gets, a scenario.
    pub start: &'static str,
    /// A plan that passes.
    pub solution: &'static str,
    /// Paths of the keys that may be changed, each with all below it.
    pub open: &'static [&'static str],
    /// Hints, each saying more than the one before.
    pub hints: &'static [&'static str],
    /// The law that the start breaks; none where the plan is not what is to be mended.
    pub law: Option<&'static str>,
    /// What the student is asked, where reading is the exercise.
    pub questions: &'static [Question],
}

/// A question that has one answer.
#[derive(Debug)]
pub struct Question {
    /// Its key in the student's answers.
    pub key: &'static str,
    /// In words.
    pub asks: &'static str,
    /// The answer, in lower case.
    pub answer: &'static str,
}

/// All exercises; the first is number 1.
pub static CATALOG: &[&Lab] = &[
    &of::why_ha::LAB,
    &of::etcd_backup::LAB,
    &of::drain::LAB,
    &of::one_by_one::LAB,
    &of::version_flow::LAB,
    &of::workers::LAB,
    &of::activity::LAB,
    &of::two_nodes::LAB,
    &of::termination::LAB,
    &of::pre_stop::LAB,
    &of::grace::LAB,
    &of::probes::LAB,
    &of::budget::LAB,
    &of::capacity::LAB,
    &of::skew::LAB,
    &of::second_fault::LAB,
    &of::counterexample::LAB,
    &of::compare::LAB,
];

/// The exercise of this number.
pub fn find(number: usize) -> Option<&'static Lab> {
    CATALOG.get(number.checked_sub(1)?).copied()
}

/// The number and the exercise that a plan of this name belongs to.
pub fn of_plan(name: &str) -> Option<(usize, &'static Lab)> {
    let slug = name.strip_prefix("lab-")?;
    let place = CATALOG.iter().position(|lab| lab.slug == slug)?;
    Some((place + 1, CATALOG[place]))
}

impl Lab {
    /// The file for the student's answers; none where nothing is asked.
    pub fn answers(&self) -> Option<String> {
        let asked = |question: &Question| format!("# {}\n{} = \"\"\n", question.asks, question.key);
        let all: Vec<String> = self.questions.iter().map(asked).collect();
        (!all.is_empty()).then(|| all.join("\n"))
    }
}
