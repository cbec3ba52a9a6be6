//! Settings that many strategies have, and how plans read them.

use crate::base::Span;
use crate::config::{Kind, Setting, Values};

/// A wait of an orchestrator: up to a week.
pub const SPAN: Kind = Kind::Duration { min: Span::ZERO, max: Span::mins(7 * 24 * 60) };
/// A period: never zero.
pub const PERIOD: Kind = Kind::Duration { min: Span::millis(100), max: Span::mins(7 * 24 * 60) };
/// A setting whose value carries its own unit.
pub const fn setting(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    about: &'static str,
    source: &'static str,
) -> Setting {
    Setting { key, about, kind, default, unit: "", source }
}

/// A count of something.
pub const fn count(
    key: &'static str,
    (min, max): (u64, u64),
    default: &'static str,
    unit: &'static str,
    about: &'static str,
    source: &'static str,
) -> Setting {
    Setting { key, about, kind: Kind::Count { min, max }, default, unit, source }
}

/// A duration that means "none" when it is zero.
pub fn unless_zero(values: &Values, key: &str) -> Option<Span> {
    Some(values.span(key)).filter(|span| !span.is_zero())
}
