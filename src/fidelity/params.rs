//! What was set for an experiment. Every parameter is honoured, or refused by its name.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::line::{Line, Problem};
use crate::base::Span;
use crate::config::nearest;

/// The parameters of a line, being read.
pub struct Params<'l> {
    place: &'l str,
    values: &'l BTreeMap<String, Value>,
    known: RefCell<BTreeSet<&'static str>>,
    problems: RefCell<Vec<Problem>>,
}

impl<'l> Params<'l> {
    /// Those of a line.
    pub fn of(line: &'l Line) -> Params<'l> {
        Params { place: &line.place, values: &line.params, known: RefCell::default(), problems: RefCell::default() }
    }

    /// Whether the parameter has a value.
    pub fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// A whole number from `least` to `most`.
    pub fn count(&self, key: &'static str, default: u64, (least, most): (u64, u64)) -> u64 {
        let Some(value) = self.get(key) else { return default };
        let found = value.as_u64().or_else(|| value.as_f64().and_then(whole)).filter(|n| (least..=most).contains(n));
        found.unwrap_or_else(|| {
            self.refuse(key, value, format!("give a whole number from {least} to {most}"));
            default
        })
    }

    /// A length of time in seconds, at most a day; null counts as none.
    pub fn span(&self, key: &'static str, default: Span) -> Span {
        const DAY: f64 = 86_400.0;
        let Some(value) = self.get(key) else { return default };
        match value.as_f64().filter(|secs| (0.0..=DAY).contains(secs)) {
            Some(secs) => Span::nanos((secs * 1e9).round() as u64),
            None => {
                self.refuse(key, value, "give seconds from 0 to 86400".to_owned());
                default
            }
        }
    }

    /// Yes or no.
    pub fn flag(&self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.get(key) else { return default };
        value.as_bool().unwrap_or_else(|| {
            self.refuse(key, value, "give true or false".to_owned());
            default
        })
    }

    /// One of these words; the first is the default.
    pub fn choice(&self, key: &'static str, words: &[&'static str]) -> &'static str {
        let Some(value) = self.get(key) else { return words[0] };
        let found = value.as_str().and_then(|given| words.iter().find(|word| **word == given));
        found.copied().unwrap_or_else(|| {
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            self.refuse(key, value, format!("give {}", quoted.join(" or ")));
            words[0]
        })
    }

    /// A text; empty where there is none.
    pub fn text(&self, key: &'static str) -> &'l str {
        let Some(value) = self.get(key) else { return "" };
        value.as_str().unwrap_or_else(|| {
            self.refuse(key, value, "give a text".to_owned());
            ""
        })
    }

    /// This parameter has a value that the experiment cannot have.
    pub fn refuse(&self, key: &str, value: &Value, help: String) {
        let what = format!("the parameter `{key}` cannot be {value}");
        self.problems.borrow_mut().push(Problem::new(self.place, what, help));
    }

    /// The same for a text.
    pub fn refuse_text(&self, key: &str, text: &str, help: &str) {
        self.refuse(key, &Value::String(text.to_owned()), help.to_owned());
    }

    /// The value of a parameter; null counts as none.
    fn get(&self, key: &'static str) -> Option<&'l Value> {
        self.known.borrow_mut().insert(key);
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// All have been read.
    ///
    /// # Errors
    /// With values that cannot be honoured, and with parameters that nobody asked for.
    pub fn finish(self) -> Result<(), Vec<Problem>> {
        let (known, mut problems) = (self.known.into_inner(), self.problems.into_inner());
        for key in self.values.keys().filter(|key| !known.contains(key.as_str())) {
            let help = match nearest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "it has no parameters".to_owned(),
                None => format!("it has {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
            };
            problems.push(Problem::new(self.place, format!("the experiment has no parameter `{key}`"), help));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

fn whole(number: f64) -> Option<u64> {
    ((0.0..=1e15).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

/// The parameters as one line of text: `mode abrupt, pdb "", replicas 6`.
pub fn told(params: &BTreeMap<String, Value>) -> String {
    let one = |(key, value): (&String, &Value)| match value.as_str() {
        Some(text) if !text.is_empty() => format!("{key} {text}"),
        Some(_) | None => format!("{key} {value}"),
    };
    params.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fidelity::line::read;

    fn line(params: &str) -> Line {
        read("x", &format!("{{\"experiment\":\"a\",\"params\":{params},\"result\":{{}}}}")).expect("it reads").remove(0)
    }

    #[test]
    fn what_is_not_honoured_is_refused_by_name() {
        let line = line(r#"{"replicas": 0, "mode": "gentle", "secs": -1, "keepalive": 1, "repliccas": 3}"#);
        let params = Params::of(&line);
        params.count("replicas", 1, (1, 100));
        params.choice("mode", &["abrupt", "graceful"]);
        params.span("secs", Span::secs(1));
        params.flag("keepalive", true);
        let told: Vec<String> =
            params.finish().expect_err("five").into_iter().map(|p| format!("{}; {}", p.what, p.help)).collect();
        assert_eq!(
            told,
            [
                "the parameter `replicas` cannot be 0; give a whole number from 1 to 100",
                "the parameter `mode` cannot be \"gentle\"; give \"abrupt\" or \"graceful\"",
                "the parameter `secs` cannot be -1; give seconds from 0 to 86400",
                "the parameter `keepalive` cannot be 1; give true or false",
                "the experiment has no parameter `repliccas`; did you mean `replicas`?",
            ]
        );
    }

    #[test]
    fn null_is_no_value_and_whole_floats_are_whole() {
        let line = line(r#"{"prestop": null, "rps": 200.0, "secs": 0.5}"#);
        let params = Params::of(&line);
        assert_eq!(params.span("prestop", Span::ZERO), Span::ZERO);
        assert_eq!((params.count("rps", 1, (1, 1000)), params.span("secs", Span::ZERO)), (200, Span::millis(500)));
        assert!(params.finish().is_ok());
        assert_eq!(told(&line.params), "prestop null, rps 200.0, secs 0.5");
    }
}
