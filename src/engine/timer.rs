//! Cancelling by generation: an event that names an old generation is ignored when it fires.

/// Which arming of a timer an event belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

/// A timer whose pending event can be cancelled without searching the queue.
///
/// The event carries the [`Generation`] that [`arm`](Timer::arm) returned; whoever receives the event asks
/// [`is_current`](Timer::is_current) and drops it if not. Generations repeat after 2^32 armings and cancellations:
/// no event may stay pending that long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    generation: Generation,
}

impl Timer {
    /// A timer that has never been armed.
    pub const fn new() -> Timer {
        Timer { generation: Generation(0) }
    }

    /// Starts anew and cancels what was pending.
    #[must_use = "the event must carry its generation"]
    pub fn arm(&mut self) -> Generation {
        self.cancel();
        self.generation
    }

    /// Cancels what is pending.
    pub fn cancel(&mut self) {
        self.generation.0 = self.generation.0.wrapping_add(1);
    }

    /// Whether an event of this generation still counts: nothing was armed or cancelled since.
    pub const fn is_current(self, generation: Generation) -> bool {
        self.generation.0 == generation.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arming_again_cancels_the_last_arming() {
        let mut timer = Timer::new();
        let first = timer.arm();
        assert!(timer.is_current(first));
        let second = timer.arm();
        assert!(!timer.is_current(first));
        assert!(timer.is_current(second));
    }

    #[test]
    fn a_cancelled_timer_has_no_current_event() {
        let mut timer = Timer::new();
        let armed = timer.arm();
        timer.cancel();
        assert!(!timer.is_current(armed));
    }

    #[test]
    fn generations_wrap_without_failing() {
        let mut timer = Timer { generation: Generation(u32::MAX) };
        let before = timer.generation;
        let after = timer.arm();
        assert_ne!(before, after);
        assert!(timer.is_current(after));
    }
}
