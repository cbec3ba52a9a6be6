//! `[[fault]]`: what nature does, to whom and when.
//!
//! `target = "each"` stands for everything that the kind can hit, each for itself: with `at` all at once, a common cause;
//! with `every` each by its own luck.

use super::lower::{Lower, quoted};
use crate::base::{Span, Time};
use crate::config::quantity::{LONGEST, span};
use crate::config::{Item, Problem, Reader, code, resolved};
use crate::fault::{Aim, FaultEntry, FaultSpec, Target, Trigger};
use crate::world::spec::Spec;

/// The word for a fault that is never repaired.
const NEVER: &str = "never";

/// The word for all targets.
const EACH: &str = "each";

/// Reads all faults.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>, spec: &Spec) -> Vec<FaultSpec> {
    item.tables().into_iter().filter_map(|reader| table(lower, reader, spec)).flatten().collect()
}

/// One table: a fault, or one for each target.
fn table(lower: &mut Lower<'_>, mut reader: Reader<'_>, spec: &Spec) -> Option<Vec<FaultSpec>> {
    let kind_item = reader.required("kind");
    let Some(kind) = kind_item.string().and_then(|name| kind_named(lower, &kind_item, name)) else {
        reader.abandon();
        return None;
    };
    lower.page.header("[[fault]]");
    lower.page.line(&format!("kind = {}", quoted(kind.entry.name)));
    let targets = targets(lower, &mut reader, kind, spec);
    let trigger = trigger(lower, &mut reader, spec);
    let lasting = match &kind.lasting {
        None => Some(None),
        Some(default) => lasting(lower, &reader.optional("lasting"), default.default, default.source),
    };
    let values = crate::config::read(kind.entry, &mut reader);
    reader.finish();
    lower.page.lines(&resolved(&values));
    let (trigger, lasting) = (trigger?, lasting?);
    let one = |target: Target| FaultSpec { kind, values: values.clone(), target, trigger, lasting };
    Some(targets?.into_iter().map(one).collect())
}

fn kind_named(lower: &Lower<'_>, item: &Item<'_>, name: &str) -> Option<&'static FaultEntry> {
    match lower.own.find_fault(name) {
        Ok(kind) => Some(kind),
        Err(unknown) => {
            let help = match unknown.nearest {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    let all = lower.own.all_faults();
                    let names: Vec<String> = all.map(|kind| format!("`{}`", kind.entry.name)).collect();
                    format!("kinds are {}", names.join(", "))
                }
            };
            let problem = Problem::error(code::UNKNOWN_CHOICE, unknown.to_string(), item.place());
            lower.problems.report(problem.help(help));
            None
        }
    }
}

fn targets(lower: &mut Lower<'_>, reader: &mut Reader<'_>, kind: &FaultEntry, spec: &Spec) -> Option<Vec<Target>> {
    match kind.aim {
        Aim::Api => return Some(vec![Target::Api]),
        Aim::Plan => return Some(vec![Target::Plan]),
        Aim::Account => return Some(vec![Target::Account]),
        Aim::Cluster => return Some(vec![Target::Cluster]),
        Aim::Node | Aim::VolumeHost | Aim::Master | Aim::Pod => {}
        Aim::Zone | Aim::Group | Aim::App | Aim::Webhook => {}
    }
    let item = reader.required("target");
    let label = item.string()?;
    lower.page.line(&format!("target = {}", quoted(label)));
    if label == EACH {
        return Some(Target::all(kind.aim, spec));
    }
    match Target::resolve(label, kind.aim, spec) {
        Ok(target) => Some(vec![target]),
        Err(unknown) => {
            let problem = Problem::error(code::UNKNOWN_CHOICE, unknown.what, item.place());
            lower.problems.report(problem.help(unknown.help));
            None
        }
    }
}

/// `at` or `every`.
fn trigger(lower: &mut Lower<'_>, reader: &mut Reader<'_>, spec: &Spec) -> Option<Trigger> {
    let every = reader.optional("every");
    match every.is_given() {
        false => at(lower, reader, spec),
        true => by_rate(lower, reader, &every),
    }
}

/// `every = "30d"`: a mean time between failures.
fn by_rate(lower: &mut Lower<'_>, reader: &mut Reader<'_>, every: &Item<'_>) -> Option<Trigger> {
    for other in ["at", "offset"].map(|key| reader.optional(key)) {
        if other.is_given() {
            let problem = Problem::error(code::VALUE, "a fault that comes by a rate has no moment", other.place());
            lower.problems.report(problem.help("keep either `every` or `at`"));
        }
    }
    let mean = every.span_within(Span::secs(1)..=LONGEST)?;
    lower.page.line(&format!("every = \"{mean}\""));
    Some(Trigger::Every(mean))
}

/// `at = "5m"`, or `at = "master-2:transition"` and perhaps `offset`, which a time takes, too.
fn at(lower: &mut Lower<'_>, reader: &mut Reader<'_>, spec: &Spec) -> Option<Trigger> {
    let (at, offset_item) = (reader.required("at"), reader.optional("offset"));
    let offset = offset_item.span();
    if offset_item.is_given() && offset.is_none() {
        return None;
    }
    let offset = offset.unwrap_or(Span::ZERO);
    let text = at.is_string().then(|| at.string()).flatten();
    let trigger = match text {
        // Only a number begins with a digit, so that a mistake in a time is told as one.
        Some(text) if !text.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            match Trigger::phase(text, offset, spec) {
                Ok(trigger) => Some(trigger),
                Err(unknown) => {
                    let problem = Problem::error(code::UNKNOWN_CHOICE, unknown.what, at.place());
                    lower.problems.report(problem.help(unknown.help));
                    None
                }
            }
        }
        Some(_) | None => at.span().map(|span| Trigger::At(Time::ZERO + span + offset)),
    };
    lower.page.line(&format!("at = {}", quoted(text.unwrap_or_default())));
    lower.page.line(&format!("offset = \"{offset}\""));
    trigger
}

/// The outer `None`: wrong, which was reported; the inner: never repaired.
fn lasting(lower: &mut Lower<'_>, item: &Item<'_>, default: Span, source: &str) -> Option<Option<Span>> {
    if !item.is_given() {
        lower.page.line(&format!("lasting = \"{default}\"  # default: {source}"));
        return Some(Some(default));
    }
    if item.is_string() && item.string() == Some(NEVER) {
        lower.page.line(&format!("lasting = \"{NEVER}\""));
        return Some(None);
    }
    let lasting = item.span_within(Span::millis(1)..=LONGEST)?;
    debug_assert!(span(&lasting.to_string()) == Ok(lasting), "a span prints as it is read");
    lower.page.line(&format!("lasting = \"{lasting}\""));
    Some(Some(lasting))
}
