//! Progress on stderr for what lasts longer than a second.
//!
//! A single run has no known end, so it shows how far the cluster's own clock has come.

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rollproof::report::figures::clock;

/// What is shorter than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Drawings a second.
const RATE: u8 = 8;

/// Progress of many equal pieces of work, counted by any thread.
pub(crate) struct Counted {
    bar: ProgressBar,
}

impl Counted {
    /// Progress of `what`; never drawn unless `shown`.
    pub(crate) fn new(what: &'static str, shown: bool) -> Counted {
        let target = if shown { ProgressDrawTarget::stderr_with_hz(RATE) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos} of {len} ({elapsed} passed)") {
            bar.set_style(style);
        }
        bar.set_message(what);
        Counted { bar }
    }

    /// So many of so many are done.
    pub(crate) fn set(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(done);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Progress of work in parts that say what they are; told by one thread.
pub(crate) struct Told {
    bar: ProgressBar,
}

impl Told {
    /// Never drawn unless `shown`.
    pub(crate) fn new(shown: bool) -> Told {
        let target = if shown { ProgressDrawTarget::stderr_with_hz(RATE) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {human_pos} ({elapsed} passed)") {
            bar.set_style(style);
        }
        Told { bar }
    }

    /// So much of so much is done; 0: not known of how much.
    pub(crate) fn set(&self, what: &str, done: u64, of: u64) {
        self.bar.set_message(what.to_owned());
        self.bar.set_length(of.max(done));
        self.bar.set_position(done);
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Progress of one piece of work.
pub(crate) struct Progress {
    since: Instant,
    bar: OnceCell<ProgressBar>,
    what: &'static str,
    shown: bool,
}

impl Progress {
    /// Progress of `what`; never drawn unless `shown`.
    #[expect(clippy::disallowed_methods, reason = "people wait by the wall clock; no result depends on it")]
    pub(crate) fn new(what: &'static str, shown: bool) -> Progress {
        Progress { since: Instant::now(), bar: OnceCell::new(), what, shown }
    }

    /// The work has come to this simulated time, in seconds.
    pub(crate) fn set(&self, seconds: f64) {
        if !self.shown || self.since.elapsed() < PATIENCE {
            return;
        }
        self.bar.get_or_init(|| self.start()).set_message(format!("{}: at {}", self.what, clock(seconds)));
    }

    fn start(&self) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(RATE));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed} passed)") {
            bar.set_style(style);
        }
        bar.with_elapsed(self.since.elapsed())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
