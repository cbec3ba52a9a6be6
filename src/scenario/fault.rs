//! `[[fault]]`: what nature does, to whom and when.

use super::lower::{Lower, quoted};
use crate::base::{Span, Time};
use crate::config::quantity::{LONGEST, span};
use crate::config::{Item, Problem, Reader, code, resolved};
use crate::fault::{Aim, CATALOG, FaultEntry, FaultSpec, Target, Trigger, find};
use crate::world::spec::Spec;

/// The word for a fault that is never repaired.
const NEVER: &str = "never";

/// Reads all faults.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>, spec: &Spec) -> Vec<FaultSpec> {
    item.tables().into_iter().filter_map(|reader| one(lower, reader, spec)).collect()
}

fn one(lower: &mut Lower<'_>, mut reader: Reader<'_>, spec: &Spec) -> Option<FaultSpec> {
    let kind_item = reader.required("kind");
    let Some(kind) = kind_item.string().and_then(|name| kind_named(lower, &kind_item, name)) else {
        reader.abandon();
        return None;
    };
    lower.page.header("[[fault]]");
    lower.page.line(&format!("kind = {}", quoted(kind.entry.name)));
    let target = target(lower, &mut reader, kind, spec);
    let trigger = trigger(lower, &mut reader, spec);
    let lasting = match &kind.lasting {
        None => Some(None),
        Some(default) => lasting(lower, &reader.optional("lasting"), default.default, default.source),
    };
    let values = crate::config::read(kind.entry, &mut reader);
    reader.finish();
    lower.page.lines(&resolved(&values));
    Some(FaultSpec { kind, values, target: target?, trigger: trigger?, lasting: lasting? })
}

fn kind_named(lower: &Lower<'_>, item: &Item<'_>, name: &str) -> Option<&'static FaultEntry> {
    match find(name) {
        Ok(kind) => Some(kind),
        Err(unknown) => {
            let help = match unknown.nearest {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    let names: Vec<String> = CATALOG.iter().map(|kind| format!("`{}`", kind.entry.name)).collect();
                    format!("kinds are {}", names.join(", "))
                }
            };
            let problem = Problem::error(code::UNKNOWN_CHOICE, unknown.to_string(), item.place());
            lower.problems.report(problem.help(help));
            None
        }
    }
}

fn target(lower: &mut Lower<'_>, reader: &mut Reader<'_>, kind: &FaultEntry, spec: &Spec) -> Option<Target> {
    match kind.aim {
        Aim::Api => return Some(Target::Api),
        Aim::Plan => return Some(Target::Plan),
        Aim::Account => return Some(Target::Account),
        Aim::Node | Aim::Master | Aim::Pod | Aim::Zone | Aim::Group => {}
    }
    let item = reader.required("target");
    let label = item.string()?;
    lower.page.line(&format!("target = {}", quoted(label)));
    match Target::resolve(label, kind.aim, spec) {
        Ok(target) => Some(target),
        Err(unknown) => {
            let problem = Problem::error(code::UNKNOWN_CHOICE, unknown.what, item.place());
            lower.problems.report(problem.help(unknown.help));
            None
        }
    }
}

/// `at = "5m"`, or `at = "master-2:transition"` and perhaps `offset`, which a time takes, too.
fn trigger(lower: &mut Lower<'_>, reader: &mut Reader<'_>, spec: &Spec) -> Option<Trigger> {
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
