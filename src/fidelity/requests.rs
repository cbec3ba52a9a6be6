//! What clients saw of an app: requests by result, and when the first and the last of each kind were sent.
//!
//! A measured client tells `reset` from `eof` by the moment of the cut only, so both are one kind, `cut`. An attempt
//! into a black hole ends as `timeout`, or as `unreachable` where the client's host has asked for the address in vain
//! already. A Service without endpoints is answered with a rejection that the client cannot tell from a refusal.
//!
//! What was lost before the act is no consequence of it: connection-tracking entries of the repetition before make it.
//! A simulated cluster has no such past, so a measured first or last loss that comes before the act is not compared.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::row::{Aspect, Rows};
use crate::base::{Span, Time};
use crate::observe::trace::{Record, Trace};
use crate::sim::Outcome;
use crate::world::fact::{Fact, Loss};

/// Kinds of loss that a client can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Refused,
    Cut,
    BlackHole,
    Other,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Refused, Kind::Cut, Kind::BlackHole, Kind::Other];

    const fn name(self) -> &'static str {
        match self {
            Kind::Refused => "refused",
            Kind::Cut => "cut",
            Kind::BlackHole => "black hole",
            Kind::Other => "lost otherwise",
        }
    }

    /// What a measuring client calls it.
    fn measured(name: &str) -> Kind {
        match name {
            "refused" => Kind::Refused,
            "reset" | "eof" => Kind::Cut,
            "timeout" | "unreachable" => Kind::BlackHole,
            _ => Kind::Other,
        }
    }

    const fn simulated(loss: Loss) -> Kind {
        match loss {
            Loss::Refused | Loss::NoEndpoint => Kind::Refused,
            Loss::Reset => Kind::Cut,
            Loss::BlackHole => Kind::BlackHole,
            Loss::Overload | Loss::StreamDropped | Loss::NoTarget | Loss::ServerError | Loss::Dns => Kind::Other,
        }
    }
}

/// The `load` of a measured result.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Load {
    #[serde(default)]
    counts: BTreeMap<String, u64>,
    #[serde(default)]
    first: BTreeMap<String, f64>,
    #[serde(default)]
    last: BTreeMap<String, f64>,
    /// Requests sent in all.
    #[serde(default)]
    pub(super) sent: u64,
}

/// Losses of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Lost {
    count: u64,
    first: Option<f64>,
    last: Option<f64>,
}

impl Lost {
    fn add(&mut self, count: u64, first: Option<f64>, last: Option<f64>) {
        let pick = |held: Option<f64>, new: Option<f64>, of: fn(f64, f64) -> f64| match (held, new) {
            (Some(held), Some(new)) => Some(of(held, new)),
            (held, new) => held.or(new),
        };
        self.count += count;
        (self.first, self.last) = (pick(self.first, first, f64::min), pick(self.last, last, f64::max));
    }
}

/// Rows of a measured load.
pub(super) fn measured(load: &Load, rows: &mut Rows) {
    let mut lost = BTreeMap::<Kind, Lost>::new();
    for (name, &count) in load.counts.iter().filter(|(name, _)| *name != "ok") {
        let (first, last) = (load.first.get(name).copied(), load.last.get(name).copied());
        lost.entry(Kind::measured(name)).or_default().add(count, first, last);
    }
    told(load.counts.get("ok").copied().unwrap_or_default(), &lost, rows);
    rows.0.retain(|row| row.aspect != Aspect::Losses || row.value.is_none_or(|at| at >= -EARLY));
}

/// A loss this long before the act, seconds, may be its doing: a request under way is cut, and clocks differ.
const EARLY: f64 = 0.1;

/// Rows of a simulated load; times count from `act`.
pub(super) fn simulated(outcome: &Outcome, trace: &Trace, act: Time, rows: &mut Rows) {
    let mut lost = BTreeMap::<Kind, Lost>::new();
    for record in &trace.records {
        if let Fact::RequestsLost { loss, count, since, .. } = record.fact {
            let (first, last) = sent(record, since, count);
            let from_act = |at: f64| Some(at - act.secs_f64());
            lost.entry(Kind::simulated(loss)).or_default().add(count, from_act(first), from_act(last));
        }
    }
    told(outcome.requests.ok, &lost, rows);
}

/// When the first and the last of a batch were sent: they stand at even gaps in the time that the batch was settled
/// for, and a single one in its middle.
fn sent(record: &Record, since: Time, count: u64) -> (f64, f64) {
    let (from, to) = (since.secs_f64(), record.at.secs_f64().max(since.secs_f64()));
    let gap = (to - from) / (count + 1) as f64;
    (from + gap, to - gap)
}

fn told(ok: u64, lost: &BTreeMap<Kind, Lost>, rows: &mut Rows) {
    rows.count(Aspect::Requests, "ok", ok);
    let of = |kind: Kind| lost.get(&kind).copied().unwrap_or_default();
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Other || of(*kind).count > 0) {
        rows.count(Aspect::Requests, kind.name(), of(kind).count);
    }
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Other) {
        rows.seconds(Aspect::Losses, format!("first {}", kind.name()), of(kind).first);
        rows.seconds(Aspect::Losses, format!("last {}", kind.name()), of(kind).last);
    }
}

/// How clients send: at a constant rate from `LEAD` before the act on, for so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sending {
    /// Requests a second.
    pub(super) rps: u64,
    /// For how long in all.
    pub(super) lasting: Span,
    /// Over kept-alive connections, or over a new one for each request; `None`: as the scenario has it.
    pub(super) kept: Option<bool>,
}

/// The measuring client begins this long before the act.
pub(super) const LEAD: Span = Span::secs(3);

impl Sending {
    /// What makes the group `group` send so.
    pub(super) fn overrides(&self, group: &str, act: Span) -> Vec<String> {
        let from = act.saturating_sub(LEAD);
        let (begin, end) = (from.as_nanos() / 1_000_000, (from + self.lasting).as_nanos() / 1_000_000);
        let connections = self.kept.map(|kept| if kept { "kept-alive" } else { "new" });
        let mut overrides = vec![
            format!("{group}.rps=0"),
            format!("{group}.steps=[{{at=\"{begin}ms\",rps={}}},{{at=\"{end}ms\",rps=0}}]", self.rps),
        ];
        overrides.extend(connections.map(|connections| format!("{group}.connections=\"{connections}\"")));
        overrides
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(rows: &Rows, name: &str) -> Option<f64> {
        rows.find(name).expect("the row is there").value
    }

    #[test]
    fn resets_and_ends_of_file_are_one_kind_and_what_never_was_has_no_time() {
        let text = r#"{"counts": {"eof": 2, "ok": 90, "reset": 3, "unreachable": 1}, "first": {"eof": 5.0, "ok": -3.0,
            "reset": 2.0, "unreachable": 7.0}, "last": {"eof": 5.5, "ok": 20.0, "reset": 4.0, "unreachable": 7.0}, "sent": 96}"#;
        let mut rows = Rows::default();
        measured(&serde_json::from_str(text).expect("it reads"), &mut rows);
        let found = ["ok", "refused", "cut", "black hole"].map(|name| value(&rows, name));
        assert_eq!(found, [Some(90.0), Some(0.0), Some(5.0), Some(1.0)]);
        let times = ["first cut", "last cut", "first black hole", "first refused"].map(|name| value(&rows, name));
        assert_eq!(times, [Some(2.0), Some(5.5), Some(7.0), None]);
        assert!(rows.find("lost otherwise").is_none());
    }
}
