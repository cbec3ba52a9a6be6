//! `[objective]`: what the plan is held to; and `[limits]`: how far a run goes.

use super::lower::{Lower, quoted};
use super::record::{count, period, setting, span, table};
use super::section::{Fields, Optional, Section, reference};
use crate::base::Span;
use crate::config::{Item, Kind, Problem, Setting, code};
use crate::observe::laws::{self, Completion, Objective};

/// How far a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A run that lasts longer is undecided.
    pub horizon: Span,
    /// A run of more events is undecided.
    pub events: u64,
    /// Traffic goes on this long after the plan has ended.
    pub tail: Span,
}

const OURS: &str = "rollproof: zero downtime";
/// The word for no bound.
const ANY: &str = "any";

pub(super) static OBJECTIVE: Section = Section {
    entry: &table("objective", "What the plan is held to.", &OBJECTIVE_SETTINGS, &[OURS]),
    optionals: &[&MAX_LOST, &MAX_EXPOSED, &QUORUM_BREAKS, &MAX_API_GAP, &MAX_API_DEGRADED],
};
static OBJECTIVE_SETTINGS: [Setting; 1] = [setting(
    "completion",
    Kind::Choice(&["must-complete", "may-stop-safely"]),
    "\"must-complete\"",
    "Whether an upgrade that fails or stalls misses the objective.",
    OURS,
)];
static MAX_LOST: Optional =
    Optional { entry: table("max-lost", "See its setting.", &MAX_LOST_SETTING, &[OURS]), word: ANY, absent: false };
static MAX_LOST_SETTING: [Setting; 1] =
    [count(("max_lost", "requests"), (0, i64::MAX as u64), "0", "Most requests that may be lost.", OURS)];
static MAX_EXPOSED: Optional = Optional {
    entry: table("max-exposed", "See its setting.", &MAX_EXPOSED_SETTING, &[OURS]),
    word: ANY,
    absent: false,
};
static MAX_EXPOSED_SETTING: [Setting; 1] = [span(
    "max_exposed",
    "\"0s\"",
    "Longest time in which requests could have been lost. Any, where `max_lost` alone is given.",
    OURS,
)];
static QUORUM_BREAKS: Optional = Optional {
    entry: table("quorum-breaks", "See its setting.", &QUORUM_BREAKS_SETTING, &[OURS]),
    word: ANY,
    absent: false,
};
static QUORUM_BREAKS_SETTING: [Setting; 1] =
    [count(("quorum_breaks", "breaks"), (0, i64::MAX as u64), "0", "Most breaks of etcd's quorum.", OURS)];
static MAX_API_GAP: Optional = Optional {
    entry: table("max-api-gap", "See its setting.", &MAX_API_GAP_SETTING, &[OURS]),
    word: ANY,
    absent: true,
};
static MAX_API_GAP_SETTING: [Setting; 1] =
    [span("max_api_gap", "\"5s\"", "Longest time in which no API request can succeed.", OURS)];
static MAX_API_DEGRADED: Optional = Optional {
    entry: table("max-api-degraded", "See its setting.", &MAX_API_DEGRADED_SETTING, &[OURS]),
    word: ANY,
    absent: true,
};
static MAX_API_DEGRADED_SETTING: [Setting; 1] = [span(
    "max_api_degraded",
    "\"0s\"",
    "Longest time, in all, in which some API requests can fail while others succeed.",
    OURS,
)];

pub(super) static LIMITS: Section =
    Section { entry: &table("limits", "How far a run goes.", &LIMITS_SETTINGS, &["rollproof"]), optionals: &[] };
/// Events, and the writes among them, are numbered in 32 bits; a restore writes several at once.
const EVENTS_MAX: u64 = 4_000_000_000;

static LIMITS_SETTINGS: [Setting; 3] = [
    period(
        "horizon",
        "\"24h\"",
        "A run that lasts longer is undecided.",
        "rollproof: longer than any upgrade should take",
    ),
    count(
        ("events", "events"),
        (1, EVENTS_MAX),
        "100000000",
        "A run of more events is undecided.",
        "rollproof: a thousand times what the book's cluster needs",
    ),
    span(
        "tail",
        "\"1m\"",
        "Traffic goes on this long after the plan has ended.",
        "rollproof: late losses show within seconds",
    ),
];

/// What the plan is held to without a fault, and with so many of them where that is said.
pub(super) struct Objectives {
    /// Without.
    pub(super) plain: Objective,
    /// By number of faults, in order; from 1.
    pub(super) faults: Vec<(u32, Objective)>,
}

/// Most faults that an objective can be for.
pub(super) const FAULTS_MAX: u32 = 9;

/// Reads `[objective]` and `[objective.faults.1]` and so on.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>) -> Objectives {
    let Some(mut reader) = item.table() else {
        let plain = one(lower, "[objective]", Fields::defaults(&OBJECTIVE), None);
        return Objectives { plain, faults: Vec::new() };
    };
    let fields = Fields::read(&OBJECTIVE, &mut reader);
    let named = read_laws(lower, &reader.optional("laws"));
    let by_number = reader.optional("faults");
    reader.finish();
    let plain = one(lower, "[objective]", fields, named);
    let mut faults = Vec::new();
    for (key, item) in by_number.entries() {
        let number = key.name.parse().ok().filter(|number| (1..=FAULTS_MAX).contains(number));
        let (Some(number), Some(mut reader)) = (number, item.table()) else {
            let message = format!("`objective.faults` goes by the number of faults, and `{}` is none", key.name);
            let help = format!("write a number from 1 to {FAULTS_MAX}, as in [objective.faults.1]");
            lower.problems.report(Problem::error(code::VALUE, message, key.place).help(help));
            continue;
        };
        let fields = Fields::read(&OBJECTIVE, &mut reader);
        let named = read_laws(lower, &reader.optional("laws"));
        reader.finish();
        faults.push((number, one(lower, &format!("[objective.faults.{number}]"), fields, named)));
    }
    faults.sort_by_key(|(number, _)| *number);
    Objectives { plain, faults }
}

fn one(lower: &mut Lower<'_>, header: &str, fields: Fields, named: Option<Vec<&'static str>>) -> Objective {
    // No exposure implies no loss and the other way round it would not: a bound on one speaks for both.
    let alone = |key: &str, other: &str| fields.given(key).is_some() && fields.given(other).is_none();
    let (only_lost, only_exposed) = (alone("max_lost", "max_exposed"), alone("max_exposed", "max_lost"));
    let given = named.is_some();
    let objective = Objective {
        max_lost: fields.optional("max_lost").map(|values| values.count("max_lost")).filter(|_| !only_exposed),
        max_exposed: fields.optional("max_exposed").map(|values| values.span("max_exposed")).filter(|_| !only_lost),
        quorum_breaks: fields.optional("quorum_breaks").map(|values| values.count("quorum_breaks")),
        max_api_gap: fields.optional("max_api_gap").map(|values| values.span("max_api_gap")),
        max_api_degraded: fields.optional("max_api_degraded").map(|values| values.span("max_api_degraded")),
        completion: match fields.values.choice("completion") {
            "may-stop-safely" => Completion::MayStopSafely,
            _ => Completion::MustComplete,
        },
        laws: named.unwrap_or_else(|| laws::CATALOG.iter().map(laws::Law::name).collect()),
    };
    print(lower, header, &fields, &objective, given);
    objective
}

fn print(lower: &mut Lower<'_>, header: &str, fields: &Fields, objective: &Objective, laws_given: bool) {
    let lines = fields.lines().into_iter().map(|line| match line.split(' ').next() {
        Some("max_lost") if objective.max_lost.is_none() => format!("max_lost = \"{ANY}\""),
        Some("max_exposed") if objective.max_exposed.is_none() => format!("max_exposed = \"{ANY}\""),
        Some(_) | None => line,
    });
    let names: Vec<String> = objective.laws.iter().map(|law| quoted(law)).collect();
    let comment = if laws_given { String::new() } else { format!("  # default: {OURS}") };
    lower.page.table(header, &lines.collect::<Vec<_>>());
    lower.page.line(&format!("laws = [{}]{comment}", names.join(", ")));
}

/// The laws that are named; unknown ones are reported.
fn read_laws(lower: &Lower<'_>, item: &Item<'_>) -> Option<Vec<&'static str>> {
    item.value()?;
    let known = laws::CATALOG.iter().map(laws::Law::name);
    let mut found = Vec::new();
    for law in item.items() {
        let index = law.string().and_then(|name| reference(lower.problems, &law, name, "law", known.clone()));
        found.extend(index.map(|index| laws::CATALOG[index].name()));
    }
    Some(found)
}

/// Reads `[limits]`.
pub(super) fn limits(lower: &mut Lower<'_>, item: &Item<'_>) -> Limits {
    let fields = Fields::within(&LIMITS, item);
    lower.page.table("[limits]", &fields.lines());
    Limits {
        horizon: fields.values.span("horizon"),
        events: fields.values.count("events"),
        tail: fields.values.span("tail"),
    }
}
