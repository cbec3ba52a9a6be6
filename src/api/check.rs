//! Properties of plans: cases until one fails, made small, written as a file that replays.

use std::cell::Cell;
use std::fmt;
use std::path::{Path, PathBuf};

use proptest::prelude::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::cases::Case;
use super::fewest::fewest;

/// Checks a property of plans case by case. The same search draws the same cases, on any machine.
///
/// ```
/// use proptest::test_runner::TestCaseError;
/// use rollproof::api::Search;
/// use rollproof::api::cases::cases;
///
/// let search = Search::new("nobody-loses").cases(100).folder(std::env::temp_dir()).fewest_keys();
/// let unsound = search.find(&cases(), |case| match case.run()?.requests.lost {
///     0 => Ok(()),
///     lost => Err(TestCaseError::fail(format!("{lost} requests are lost"))),
/// });
/// let found = unsound.expect_err("some plan loses requests").found().expect("a case was drawn");
/// assert!(found.command().starts_with("rollproof run "), "{found}");
/// ```
#[derive(Clone, Debug)]
pub struct Search {
    name: String,
    cases: u32,
    folder: PathBuf,
    fewest: bool,
}

/// Why a property did not pass.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unsound {
    /// A case fails it.
    #[error(transparent)]
    Fails(Box<Found>),
    /// Too few cases could be drawn to say anything: why.
    #[error("too few cases could be drawn: {0}")]
    Undrawn(String),
}

impl Unsound {
    /// The case that fails, if one does.
    pub fn found(self) -> Option<Box<Found>> {
        match self {
            Unsound::Fails(found) => Some(found),
            Unsound::Undrawn(_) => None,
        }
    }
}

/// A case that fails, as small as it got.
#[derive(Clone, Debug)]
pub struct Found {
    /// The property's name.
    pub name: String,
    /// The case.
    pub case: Case,
    /// Why it fails.
    pub why: String,
    /// How many cases were drawn, the failing one the last of them.
    pub drawn: u32,
    /// The scenario's file, or why it could not be written.
    pub file: Result<PathBuf, String>,
}

impl Found {
    /// The command that replays it.
    pub fn command(&self) -> String {
        let file = self.file.as_ref().map_or("SCENARIO".to_owned(), |file| file.display().to_string());
        format!("rollproof run {file} --seed {}", self.case.seed)
    }
}

impl std::error::Error for Found {}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: case {} fails: {}", self.name, self.drawn, self.why)?;
        if let Err(why) = &self.file {
            writeln!(f, "its scenario could not be written: {why}")?;
        }
        writeln!(f, "replay: {}\n\n{}", self.command(), self.case.toml())
    }
}

impl Search {
    /// 256 cases of a property of this name, which is the stem of a counterexample's file, too.
    pub fn new(name: &str) -> Search {
        Search { name: name.to_owned(), cases: 256, folder: std::env::temp_dir(), fewest: false }
    }
    /// So many cases.
    pub fn cases(self, cases: u32) -> Search {
        Search { cases, ..self }
    }
    /// Counterexamples go here instead of the system's folder for temporary files.
    pub fn folder(self, folder: impl AsRef<Path>) -> Search {
        Search { folder: folder.as_ref().to_owned(), ..self }
    }
    /// Leaves out of a counterexample every key without which it is still valid and fails, even those that its strategy
    /// always sets.
    pub fn fewest_keys(self) -> Search {
        Search { fewest: true, ..self }
    }

    /// The first case that fails, made small and written to its file; `Ok`: how many were drawn and passed.
    ///
    /// # Errors
    /// With the case; or when a strategy or the property turns too many cases down.
    pub fn find(
        &self,
        cases: &impl Strategy<Value = Case>,
        property: impl Fn(&Case) -> Result<(), TestCaseError>,
    ) -> Result<u32, Unsound> {
        let config = Config { cases: self.cases, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let (drawn, failed) = (Cell::new(0), Cell::new(false));
        let tried = runner.run(cases, |case| {
            drawn.set(drawn.get() + u32::from(!failed.get()));
            let result = property(&case);
            failed.set(failed.get() || matches!(result, Err(TestCaseError::Fail(_))));
            result
        });
        let (why, case) = match tried {
            Ok(()) => return Ok(drawn.get()),
            Err(TestError::Abort(why)) => return Err(Unsound::Undrawn(why.message().to_owned())),
            Err(TestError::Fail(why, case)) => (why.message().to_owned(), case),
        };
        let fails = |case: &Case| matches!(property(case), Err(TestCaseError::Fail(_)));
        let case = if self.fewest { fewest(case, fails) } else { case };
        let file = self.written(&case);
        let found = Found { name: self.name.clone(), case, why, drawn: drawn.get(), file };
        Err(Unsound::Fails(Box::new(found)))
    }

    fn written(&self, case: &Case) -> Result<PathBuf, String> {
        let file = self.folder.join(format!("{}.toml", self.name));
        let head = format!("# {} fails. It replays with `rollproof run` and --seed {}.\n\n", self.name, case.seed);
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&file, head + &case.toml()))
            .map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(file)
    }
}

/// A test that a property holds of every case; what fails is left with the fewest keys with which it still does. `?`, `return Err(...)` and proptest's `prop_assert!` end it; a failure
/// prints the command that replays the smallest case found and the path of its scenario.
///
/// ```
/// use rollproof::api::cases;
/// use rollproof::sim::outcome::UpgradeResult;
///
/// rollproof::check! {
///     fn no_plan_comes_to_its_horizon(case in cases::cases()) {
///         let outcome = case.run()?;
///         proptest::prop_assert_ne!(outcome.upgrade.result, UpgradeResult::Horizon);
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! check {
    ($(#[$meta:meta])* fn $name:ident($case:ident in $cases:expr) $body:block) => {
        $(#[$meta])*
        #[test]
        fn $name() {
            let search = $crate::api::Search::new(stringify!($name)).fewest_keys();
            let search = match option_env!("CARGO_TARGET_TMPDIR") {
                Some(folder) => search.folder(folder),
                None => search,
            };
            let searched = search.find(&$cases, |$case| {
                $body
                Ok(())
            });
            if let Err(unsound) = searched {
                panic!("{unsound}");
            }
        }
    };
}
