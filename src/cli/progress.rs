//! A progress bar on stderr for what lasts longer than a second.

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is shorter than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Parts of the whole that the bar counts.
const PARTS: f64 = 1000.0;
/// Drawings a second.
const RATE: u8 = 8;

/// Progress of one piece of work.
pub(crate) struct Progress {
    since: Instant,
    bar: OnceCell<ProgressBar>,
    what: &'static str,
    shown: bool,
}

impl Progress {
    /// Progress of `what`; never drawn unless `shown`.
    pub(crate) fn new(what: &'static str, shown: bool) -> Progress {
        Progress { since: Instant::now(), bar: OnceCell::new(), what, shown }
    }

    /// This share of the work is done, from 0 to 1.
    pub(crate) fn set(&self, share: f64) {
        if !self.shown || self.since.elapsed() < PATIENCE {
            return;
        }
        self.bar.get_or_init(|| self.start()).set_position((share.clamp(0.0, 1.0) * PARTS) as u64);
    }

    fn start(&self) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(PARTS as u64), ProgressDrawTarget::stderr_with_hz(RATE));
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:32}] {percent:>3}%, {eta} left") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(self.what);
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
