//! A machine's clock drifts.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Independent,
    aim: Aim::Master,
    lasting: Some(Lasting { default: Span::mins(60), source: "rollproof: until somebody looks at the clocks" }),
    strike,
};

static RECORD: Entry = Entry {
    name: "clock-drift",
    about: "The clock of a master's machine runs at another pace: its controller manager and its scheduler measure leases wrongly.",
    details: "Leases are judged by the time that passes on each candidate's own clock, so that a difference between clocks does no harm and a difference in pace does. A leader whose clock is slow believes in its lease after another has taken it (two lead at once); a follower whose clock is fast takes it from a leader that a gap of the API has kept from renewing. The repair is the usual pace.",
    settings: &SETTINGS,
    sources: &["client-go tools/leaderelection/leaderelection.go (clock skew rate)"],
};

static SETTINGS: [Setting; 1] = [Setting {
    key: "pace",
    about: "The clock's pace, in percent of time.",
    kind: Kind::Count { min: 1, max: 10_000 },
    default: "50",
    unit: "percent",
    source: "rollproof: slower than the ratio of lease duration and renew deadline, 15 s and 10 s, allows",
}];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Master(master) = victim else { return None };
    let pace = values.count("pace") as u32;
    Some(Strike {
        disturbance: Disturbance::ClockPace { master, pace },
        repair: Some(Disturbance::ClockPace { master, pace: 100 }),
    })
}
