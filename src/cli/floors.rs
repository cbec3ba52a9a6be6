//! STAND-IN, to be deleted: the functions of lower floors that this floor calls and that have not landed yet.
//!
//! It simulates nothing and invents no result: a run ends with an internal error that says so. When `scenario` and
//! `sim::run` land, delete this file and put `use rollproof::{scenario, sim};` where `floors::{scenario, sim}` stands.

use rollproof::observe::trace::Trace;
use rollproof::sim::Outcome;

/// What is missing, in words.
const MISSING: &str = "the scenario reader and the simulator are not connected to the command yet";

pub(crate) mod scenario {
    use std::path::Path;

    use rollproof::base::Name;

    /// Stands for `rollproof::scenario::Scenario`.
    #[derive(Debug)]
    pub(crate) struct Scenario {
        /// Its name: here the file's.
        pub(crate) name: String,
        /// Hash of its parsed form: here of its text.
        pub(crate) hash: String,
    }

    /// Reads the file and no more.
    pub(crate) fn load(path: &Path, _: &[String], _: Option<&str>) -> Result<Scenario, String> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            format!("{}: error: {error}", rollproof::report::safe::escaped(&path.to_string_lossy()))
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Scenario { name, hash: format!("{:016x}", Name::new(&text).0) })
    }

    /// Not there yet.
    pub(crate) fn resolved(_: &Scenario) -> Result<String, String> {
        Err(super::MISSING.to_owned())
    }

    /// Not there yet.
    pub(crate) fn schema() -> Result<serde_json::Value, String> {
        Err(super::MISSING.to_owned())
    }
}

pub(crate) mod sim {
    use super::{MISSING, Outcome, Trace};

    /// Stands for `rollproof::sim::Watch`.
    pub(crate) struct Watch<'a> {
        pub(crate) trace: bool,
        pub(crate) progress: Option<&'a dyn Fn(f64)>,
    }

    /// Stands for `rollproof::sim::Finished`.
    pub(crate) struct Finished {
        pub(crate) outcome: Outcome,
        pub(crate) trace: Option<Trace>,
    }

    /// Not there yet.
    pub(crate) fn run(_: &super::scenario::Scenario, _: u64, watch: Watch<'_>) -> Result<Finished, String> {
        // So that the fields count as used.
        if let (true, Some(progress)) = (watch.trace, watch.progress) {
            progress(0.0);
        }
        Err(MISSING.to_owned())
    }
}
