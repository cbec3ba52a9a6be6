//! Short ways to write a setting's record.

use crate::base::Span;
use crate::config::quantity::LONGEST;
use crate::config::{Entry, Kind, Setting};

/// The default of a number that no source fixes, with what it rests on.
macro_rules! estimate {
    ($basis:literal) => {
        concat!("rollproof's estimate: ", $basis)
    };
}
pub(super) use estimate;

/// A setting.
pub(super) const fn setting(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    about: &'static str,
    source: &'static str,
) -> Setting {
    Setting { key, about, kind, default, unit: "", source }
}

/// A distribution of durations.
pub(super) const fn dist(
    key: &'static str,
    default: &'static str,
    about: &'static str,
    source: &'static str,
) -> Setting {
    setting(key, Kind::Dist, default, about, source)
}

/// A duration of any length, zero included.
pub(super) const fn span(
    key: &'static str,
    default: &'static str,
    about: &'static str,
    source: &'static str,
) -> Setting {
    setting(key, Kind::Duration { min: Span::ZERO, max: LONGEST }, default, about, source)
}

/// A duration of at least a millisecond, for periods and time-outs.
pub(super) const fn period(
    key: &'static str,
    default: &'static str,
    about: &'static str,
    source: &'static str,
) -> Setting {
    setting(key, Kind::Duration { min: Span::millis(1), max: LONGEST }, default, about, source)
}

/// True or false.
pub(super) const fn flag(
    key: &'static str,
    default: &'static str,
    about: &'static str,
    source: &'static str,
) -> Setting {
    setting(key, Kind::Bool, default, about, source)
}

/// A number of `unit`.
pub(super) const fn count(
    (key, unit): (&'static str, &'static str),
    (min, max): (u64, u64),
    default: &'static str,
    about: &'static str,
    source: &'static str,
) -> Setting {
    Setting { unit, ..setting(key, Kind::Count { min, max }, default, about, source) }
}

/// The record of a table that is no plug-in.
pub(super) const fn table(
    name: &'static str,
    about: &'static str,
    settings: &'static [Setting],
    sources: &'static [&'static str],
) -> Entry {
    Entry { name, about, details: "", settings, sources }
}
