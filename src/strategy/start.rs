//! The one setting that all strategies share: when the operator begins.

use super::actor::NotYet;
use super::turn::Turn;
use crate::base::{Span, Time};
use crate::config::{Kind, Setting};

/// A cluster may stand quiet for long before its upgrade: that costs nothing.
const LONGEST: Span = Span::mins(365 * 24 * 60);

/// `start`, for the settings of a strategy.
pub const START: Setting = Setting {
    key: "start",
    about: "When the operator begins, from the run's start.",
    kind: Kind::Duration { min: Span::ZERO, max: LONGEST },
    default: "\"1m\"",
    unit: "",
    source: "rollproof: a minute of quiet to measure from",
};

/// Whether the operator still waits for this moment; says so, if it does.
pub fn waits_for(start: Span, turn: &mut Turn<'_, '_>) -> bool {
    let start = Time::ZERO + start;
    let waits = turn.now() < start;
    if waits {
        turn.until(start);
        turn.blocked(NotYet::Pause);
    }
    waits
}
