//! SIGINT (Ctrl-C): the first asks for an end, the second ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::Exit;

/// Whether somebody has interrupted the command. Clones share one answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Hears SIGINT from now on, and Ctrl-C under Windows. Where there is no hearing it, it ends the process as usual.
    pub(crate) fn listen() -> Interrupt {
        let interrupt = Interrupt::default();
        let heard = Arc::clone(&interrupt.0);
        let handler = move || {
            if heard.swap(true, Ordering::Relaxed) {
                std::process::exit(Exit::Interrupted as i32);
            }
        };
        // The only way to fail is a system without signals.
        let _ = ctrlc::set_handler(handler);
        interrupt
    }

    /// Whether it has happened.
    pub(crate) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For work that looks for itself.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.0
    }
}
