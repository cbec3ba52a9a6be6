//! Measured lines: one JSON object a line, read tolerantly, with every problem reported at its place.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

/// Above this load average the measuring machine itself was slow: such lines are shown and not judged. It has two
/// cores; from about three runnable processes a core on, reactions were seen to be slower.
pub const LOAD_MAX: f64 = 6.0;

/// One repetition of one experiment, as it was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// File and line number, `rollout.jsonl:3`.
    pub place: String,
    /// Name of the experiment.
    pub experiment: String,
    /// What was set for it.
    pub params: BTreeMap<String, Value>,
    /// Number of the repetition.
    pub rep: u64,
    /// Load average of the measuring machine, if it was noted.
    pub load: Option<f64>,
    /// What was seen.
    pub result: Map<String, Value>,
}

impl Line {
    /// Whether the machine was calm enough for the line to be judged.
    pub fn is_judged(&self) -> bool {
        self.load.is_none_or(|load| load <= LOAD_MAX)
    }
}

/// Something that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File and line number.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

impl Problem {
    /// A problem at this place.
    pub fn new(place: &str, what: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { place: place.to_owned(), what: what.into(), help: help.into() }
    }
}

/// Everything that cannot be read. Exit code 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub Vec<Problem>);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Problems told; a file of another kind has one on each line.
        const TOLD: usize = 20;
        for (index, problem) in self.0.iter().take(TOLD).enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}error: {}: {}\n  help: {}", problem.place, problem.what, problem.help)?;
        }
        match self.0.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more problems"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// Reads a file's lines; empty ones are left out. `name` stands for the file in messages.
///
/// # Errors
/// With every line that cannot be read.
pub fn read(name: &str, text: &str) -> Result<Vec<Line>, Unreadable> {
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let place = format!("{name}:{}", index + 1);
        match line(&place, text) {
            Ok(line) => lines.push(line),
            Err(problem) => problems.push(problem),
        }
    }
    if lines.is_empty() && problems.is_empty() {
        problems.push(Problem::new(name, "there is no line in it", "give a file with one JSON object a line"));
    }
    if problems.is_empty() { Ok(lines) } else { Err(Unreadable(problems)) }
}

fn line(place: &str, text: &str) -> Result<Line, Problem> {
    const FORM: &str = "a line is one JSON object with `experiment`, `params`, `rep`, `loadavg` and `result`";
    let problem = |what: String| Problem::new(place, what, FORM);
    let value: Value = serde_json::from_str(text).map_err(|error| problem(format!("this is no JSON: {error}")))?;
    let Value::Object(mut object) = value else { return Err(problem("this is no JSON object".to_owned())) };
    let experiment = match object.remove("experiment") {
        Some(Value::String(name)) => name,
        Some(_) => return Err(problem("`experiment` is no text".to_owned())),
        None => return Err(problem("`experiment` is missing".to_owned())),
    };
    let params = match object.remove("params") {
        Some(Value::Object(params)) => params.into_iter().collect(),
        None => BTreeMap::new(),
        Some(_) => return Err(problem("`params` is no object".to_owned())),
    };
    let rep = match object.remove("rep") {
        None | Some(Value::Null) => 0,
        Some(rep) => rep.as_u64().ok_or_else(|| problem("`rep` is no whole number from 0 on".to_owned()))?,
    };
    let load = match object.remove("loadavg") {
        None | Some(Value::Null) => None,
        Some(load) => Some(load.as_f64().ok_or_else(|| problem("`loadavg` is no number".to_owned()))?),
    };
    match object.remove("result") {
        Some(Value::Object(result)) => Ok(Line { place: place.to_owned(), experiment, params, rep, load, result }),
        Some(_) => Err(problem("`result` is no object".to_owned())),
        None => Err(problem("`result` is missing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_line_is_told_with_its_place_and_a_way_out() {
        let text = "{\"experiment\":\"a\",\"result\":{}}\n\n{\n[1]\n{\"experiment\":1}\n{\"experiment\":\"a\"}\n\
                    {\"experiment\":\"a\",\"result\":{},\"loadavg\":\"x\"}\n{\"experiment\":\"a\",\"result\":{},\"rep\":-1}";
        let Unreadable(problems) = read("x.jsonl", text).expect_err("six lines are bad");
        let places: Vec<&str> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["x.jsonl:3", "x.jsonl:4", "x.jsonl:5", "x.jsonl:6", "x.jsonl:7", "x.jsonl:8"]);
        assert!(problems.iter().all(|problem| problem.help.contains("one JSON object")));
        assert!(read("empty", "\n\n").is_err());
    }

    #[test]
    fn a_line_without_a_load_is_judged_and_one_of_a_busy_machine_is_not() {
        let loads = [("", true), (",\"loadavg\":6.0", true), (",\"loadavg\":6.1", false), (",\"loadavg\":null", true)];
        for (more, judged) in loads {
            let lines = read("x", &format!("{{\"experiment\":\"a\",\"result\":{{}}{more}}}")).expect("it reads");
            assert_eq!(lines[0].is_judged(), judged, "{more}");
        }
    }

    #[test]
    fn more_problems_than_a_screen_holds_are_counted() {
        let told = read("x", &"?\n".repeat(30)).expect_err("all bad").to_string();
        assert!(told.ends_with("and 10 more problems") && told.lines().count() == 41, "{told}");
    }
}
