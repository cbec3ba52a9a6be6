//! Every way the command can end. The numbers are a contract: documented, tested, never used again for another.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use rollproof::report::safe::escaped;
use rollproof::sim::outcome::Verdict;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The plan holds; or what was asked for was shown.
    Holds = 0,
    /// The plan is refuted: a law broke or the objective was missed; or what was to be checked is not so.
    Refuted = 1,
    /// Bad usage, a bad scenario, an unknown name, a plan that is not allowed.
    BadInput = 2,
    /// A limit was reached before an answer.
    Undecided = 3,
    /// An output could not be written.
    Unwritable = 5,
    /// An internal error or a broken invariant of the simulator (EX_SOFTWARE of sysexits.h).
    Internal = 70,
    /// Interrupted (128 and the number of SIGINT, as shells count). What was finished is kept, nothing is half written.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Holds => Exit::Holds,
            Verdict::Refuted => Exit::Refuted,
            Verdict::Undecided => Exit::Undecided,
        }
    }
}

/// Why the command could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The input is bad. The text is rendered already: safe, of any number of lines.
    Input(String),
    /// An output could not be written.
    Output {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Our own mistake.
    Internal {
        /// What happened.
        message: String,
        /// The seed that shows it, if a run was under way.
        seed: Option<u64>,
    },
    /// A limit came before an answer. The text says which.
    Undecided(String),
    /// Somebody interrupted the work. The text says how far it had come.
    Interrupted(String),
}

impl Failure {
    /// A failed write to this path.
    pub(crate) fn output(path: impl Into<PathBuf>, reason: &dyn fmt::Display) -> Failure {
        Failure::Output { path: path.into(), reason: reason.to_string() }
    }

    /// How the command ends by it.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Failure::Input(_) => Exit::BadInput,
            Failure::Output { .. } => Exit::Unwritable,
            Failure::Internal { .. } => Exit::Internal,
            Failure::Undecided(_) => Exit::Undecided,
            Failure::Interrupted(_) => Exit::Interrupted,
        }
    }
}

impl fmt::Display for Failure {
    /// For a terminal: input is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Input(text) => f.write_str(text.trim_end()),
            Failure::Undecided(text) => write!(f, "undecided: {}", escaped(text)),
            Failure::Interrupted(text) => write!(f, "interrupted: {}", escaped(text)),
            Failure::Output { path, reason } => {
                write!(f, "error: cannot write `{}`: {}", escaped(&path.to_string_lossy()), escaped(reason))
            }
            Failure::Internal { message, seed } => {
                write!(f, "internal error: {}", escaped(message))?;
                if let Some(seed) = seed {
                    write!(f, "\n  seed {seed}")?;
                }
                write!(f, "\n  This is a defect of rollproof, not of the plan. Please report it with the scenario.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_end_has_its_documented_number() {
        let number = |exit: Exit| exit as u8;
        assert_eq!(
            [Verdict::Holds, Verdict::Refuted, Verdict::Undecided].map(|verdict| number(verdict.into())),
            [0, 1, 3]
        );
        assert_eq!(number(Failure::Input(String::new()).exit()), 2);
        assert_eq!(number(Failure::output("x", &"full").exit()), 5);
        assert_eq!(number(Failure::Internal { message: String::new(), seed: None }.exit()), 70);
        assert_eq!(number(Failure::Interrupted(String::new()).exit()), 130);
    }

    #[test]
    fn a_failure_names_its_path_and_its_seed_and_hides_no_escape() {
        let told = Failure::output("out\u{1b}[2J/result.json", &"disk full").to_string();
        assert_eq!(told, "error: cannot write `out\\u{1b}[2J/result.json`: disk full");
        let told = Failure::Internal { message: "conservation broke".to_owned(), seed: Some(8123) }.to_string();
        assert!(told.contains("conservation broke") && told.contains("seed 8123"), "{told}");
    }
}
