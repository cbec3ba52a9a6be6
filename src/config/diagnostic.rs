//! Problems with places, collected so that all are shown at once.

use std::cell::RefCell;

use super::source::{SourceId, TextSpan};

/// The codes of this floor. Codes are stable: one meaning, never used again for another.
pub mod code {
    /// The file cannot be read: missing, not a regular file, too large.
    pub const UNREADABLE: &str = "E0101";
    /// The file is not UTF-8.
    pub const ENCODING: &str = "E0102";
    /// The text is not TOML.
    pub const SYNTAX: &str = "E0103";
    /// A key or table is defined twice.
    pub const DUPLICATE: &str = "E0104";
    /// A number that is not finite or does not fit.
    pub const NUMBER: &str = "E0105";
    /// Nested too deeply, or too many values.
    pub const TOO_MUCH: &str = "E0106";
    /// An override has no path, no value, or a path that leads nowhere.
    pub const OVERRIDE: &str = "E0107";
    /// A value of the wrong type.
    pub const TYPE: &str = "E0201";
    /// A value out of its range or not of the form that is wanted.
    pub const VALUE: &str = "E0202";
    /// A required key is missing.
    pub const MISSING: &str = "E0203";
    /// A key that nothing reads.
    pub const UNKNOWN_KEY: &str = "E0204";
    /// A name that is none of those offered.
    pub const UNKNOWN_CHOICE: &str = "E0205";
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The input cannot be used.
    Error,
    /// The input can be used; it may not say what was meant.
    Warning,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// This part of a source.
    At(SourceId, TextSpan),
    /// A source as a whole.
    Whole(SourceId),
    /// In no source: a default, for example.
    Nowhere,
}

impl Place {
    /// From the start of this place to the end of `last`, if both are in one source.
    pub fn to(self, last: Place) -> Place {
        if let (Place::At(source, from), Place::At(other, to)) = (self, last)
            && source == other
        {
            return Place::At(source, TextSpan::new(from.start, to.end.max(from.end)));
        }
        self
    }
}

/// A second place that belongs to a problem, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What is there, such as "first defined here".
    pub text: String,
}

/// One thing wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// A stable code such as `E0204`; see [`code`].
    pub code: &'static str,
    /// What is wrong, in one line. Quoted input need not be escaped; the renderer does that.
    pub message: String,
    /// Where.
    pub place: Place,
    /// Other places that belong to it.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// An error without labels and help.
    pub fn error(code: &'static str, message: impl Into<String>, place: Place) -> Problem {
        Problem { severity: Severity::Error, code, message: message.into(), place, labels: Vec::new(), help: None }
    }
    /// A warning without labels and help.
    pub fn warning(code: &'static str, message: impl Into<String>, place: Place) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(code, message, place) }
    }
    /// With this help.
    pub fn help(mut self, text: impl Into<String>) -> Problem {
        self.help = Some(text.into());
        self
    }
    /// With one more place.
    pub fn label(mut self, place: Place, text: impl Into<String>) -> Problem {
        self.labels.push(Label { place, text: text.into() });
        self
    }
}

/// All problems found so far. Shared by all readers of one input, hence filled through `&self`.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    problems: RefCell<Vec<Problem>>,
    damage: RefCell<Vec<(SourceId, usize)>>,
}

impl Diagnostics {
    /// No problem yet.
    pub const fn new() -> Diagnostics {
        Diagnostics { problems: RefCell::new(Vec::new()), damage: RefCell::new(Vec::new()) }
    }

    /// Adds a problem.
    pub fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Whether any problem is an error.
    pub fn has_errors(&self) -> bool {
        self.problems.borrow().iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Whether there is no problem at all.
    pub fn is_empty(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// All problems in the order of the text: by source, then place, errors before warnings; those without
    /// a place last.
    pub fn sorted(&self) -> Vec<Problem> {
        let mut all = self.problems.borrow().clone();
        all.sort_by_key(|problem| {
            let (source, start) = match problem.place {
                Place::Whole(source) => (source.0, 0),
                Place::At(source, span) => (source.0, span.start),
                Place::Nowhere => (u32::MAX, 0),
            };
            (source, start, problem.severity)
        });
        all
    }

    /// Notes that the structure of a source is broken from this byte on, so that keys may be lost or misplaced.
    pub(super) fn note_damage(&self, source: SourceId, from: usize) {
        let mut damage = self.damage.borrow_mut();
        match damage.iter_mut().find(|(known, _)| *known == source) {
            Some((_, start)) => *start = from.min(*start),
            None => damage.push((source, from)),
        }
    }

    /// Whether keys may have been lost, so that a missing one proves nothing.
    pub(super) fn is_damaged(&self) -> bool {
        !self.damage.borrow().is_empty()
    }

    /// Whether what stands here may belong elsewhere, so that it says nothing to call it unknown.
    pub(super) fn is_after_damage(&self, place: Place) -> bool {
        let Place::At(source, span) = place else { return false };
        self.damage.borrow().iter().any(|&(damaged, from)| source == damaged && span.end >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_in_the_order_of_the_text() {
        let all = Diagnostics::new();
        let at = |source, start| Place::At(SourceId(source), TextSpan::new(start, start + 1));
        all.report(Problem::error("E1", "nowhere", Place::Nowhere));
        all.report(Problem::error("E1", "argument", at(1, 0)));
        all.report(Problem::warning("E1", "late warning", at(0, 9)));
        all.report(Problem::error("E1", "late", at(0, 9)));
        all.report(Problem::error("E1", "early", at(0, 2)));
        let order: Vec<String> = all.sorted().into_iter().map(|problem| problem.message).collect();
        assert_eq!(order, ["early", "late", "late warning", "argument", "nowhere"]);
        assert!(all.has_errors());
    }

    #[test]
    fn a_warning_is_no_error() {
        let all = Diagnostics::new();
        all.report(Problem::warning("E1", "odd", Place::Nowhere));
        assert!(!all.has_errors() && !all.is_empty());
    }
}
