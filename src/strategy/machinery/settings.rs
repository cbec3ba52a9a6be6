//! Settings that many strategies have, and how plans read them.

use super::plan::Window;
use crate::base::{IntOrPercent, Span};
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

/// When a window opens, of a tool that has one.
pub const fn window_opens(key: &'static str, source: &'static str) -> Setting {
    let about = "When the window opens on each day; the run starts at midnight.";
    setting(key, Kind::Duration { min: Span::ZERO, max: Span::mins(24 * 60) }, "\"0s\"", about, source)
}

/// How long a window stays open, of a tool that has one.
pub const fn window_lasts(key: &'static str, source: &'static str) -> Setting {
    let about = "How long the window stays open; 0s: there is no window, any time will do.";
    setting(key, Kind::Duration { min: Span::ZERO, max: Span::mins(24 * 60) }, "\"0s\"", about, source)
}

/// The window of these two settings, if there is one. `finishes`: whether a group that has begun is finished.
pub fn daily_window(values: &Values, opens: &str, lasts: &str, finishes: bool) -> Option<Window> {
    let lasts = unless_zero(values, lasts)?;
    Some(Window { opens: values.span(opens), lasts, every: Span::mins(24 * 60), finishes })
}

/// Whether an amount is none at all.
pub const fn is_zero(amount: IntOrPercent) -> bool {
    matches!(amount, IntOrPercent::Int(0) | IntOrPercent::Percent(0))
}

/// A duration that means "none" when it is zero.
pub fn unless_zero(values: &Values, key: &str) -> Option<Span> {
    Some(values.span(key)).filter(|span| !span.is_zero())
}
