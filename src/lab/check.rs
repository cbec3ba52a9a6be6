//! The check: what must not change, the answers, and a proof of small scope of the student's plan.

use std::sync::atomic::AtomicBool;

use super::{Lab, Question, fixed};
use crate::config::{Diagnostics, Sources, ValueKind, parse};
use crate::prove::counterexample::Counterexample;
use crate::prove::{self, Ask, Failed, NoJournal, Proof, Work};
use crate::scenario::Scenario;
use crate::sim::outcome::Verdict;

/// Most seeds of a check, whose answer is an exercise's, not a gate's.
const SEEDS: u64 = 20;

/// What a check found.
#[derive(Debug)]
pub enum Checked {
    /// The goal is met.
    Passed,
    /// Keys were changed that the lab needs as they were.
    Changed(Vec<String>),
    /// These questions have no answer yet, or a wrong one.
    Unanswered(Vec<&'static Question>),
    /// The proof fails, for this reason; with the run that shows it.
    Fails(String, Option<Box<Counterexample>>),
}

/// Checks a student's plan, as text and as read from it, and the text of the answers.
///
/// # Errors
/// If a run of the proof could not be done, as for [`prove::prove`].
pub fn check(lab: &Lab, (text, plan): (&str, &Scenario), answers: &str, stop: &AtomicBool) -> Result<Checked, Failed> {
    let changed = fixed::changed(lab.start, text, lab.open);
    if !changed.is_empty() {
        return Ok(Checked::Changed(changed));
    }
    if !lab.questions.is_empty() {
        let wrong: Vec<&Question> = lab.questions.iter().filter(|one| !is_answered(one, answers)).collect();
        return Ok(if wrong.is_empty() { Checked::Passed } else { Checked::Unanswered(wrong) });
    }
    let proof = proof(plan, stop)?;
    Ok(match proof.verdict {
        Verdict::Holds => Checked::Passed,
        Verdict::Refuted | Verdict::Undecided => Checked::Fails(proof.finding, proof.counterexample.map(Box::new)),
    })
}

/// The proof that a check runs: no fault but the plan's own, few seeds.
///
/// # Errors
/// As [`check`].
pub fn proof(plan: &Scenario, stop: &AtomicBool) -> Result<Proof, Failed> {
    let (kinds, laws) = (Vec::new(), None);
    let ask = Ask {
        faults: 0,
        kinds,
        laws,
        seeds: SEEDS,
        bound: 0.2,
        confidence: 0.9,
        statics: false,
        faults_per_hour: None,
    };
    let mut work = Work { jobs: 0, progress: &|_, _, _| {}, stop, over: &|| false, journal: &mut NoJournal };
    prove::prove(plan, &ask, &mut work)
}

fn is_answered(question: &Question, answers: &str) -> bool {
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    let id = sources.add("answers.toml", answers);
    let table = parse(&sources, id, &problems);
    let given = table.entries.iter().find(|(key, _)| key.name == question.key).map(|(_, value)| &value.kind);
    let text = match given {
        Some(ValueKind::String(text)) => text.clone(),
        Some(ValueKind::Integer(number)) => number.to_string(),
        Some(_) | None => String::new(),
    };
    text.trim().to_lowercase() == question.answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_as_text_or_number_in_any_case() {
        let question = Question { key: "spare", asks: "?", answer: "0" };
        assert!(is_answered(&question, "spare = \"0\"") && is_answered(&question, "spare = 0"));
        assert!(!is_answered(&question, "spare = \"1\"") && !is_answered(&question, "spare = "));
        let question = Question { key: "who", asks: "?", answer: "master-1" };
        assert!(is_answered(&question, "who = \" Master-1 \""));
    }
}
