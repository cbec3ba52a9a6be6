//! What the faults of a master's processes share: the signal, and the start that mends it.

use super::spec::Strike;
use super::target::Victim;
use crate::config::{Kind, Setting, Values};
use crate::world::disturbance::{Disturbance, MasterProcess, Signal};

/// How the process ends.
pub(super) static SIGNAL: [Setting; 1] = [Setting {
    key: "signal",
    about: "How the process is asked to go: with leave (SIGTERM) or at once (SIGKILL).",
    kind: Kind::Choice(&["kill", "term"]),
    default: "\"kill\"",
    unit: "",
    source: "rollproof: a crash gives no leave",
}];

/// The process of the victim stops by the signal that was chosen, and is started as repair.
pub(super) fn stopped(values: &Values, victim: Victim, process: MasterProcess) -> Option<Strike> {
    let Victim::Master(master) = victim else { return None };
    let signal = if values.choice("signal") == "term" { Signal::Term } else { Signal::Kill };
    Some(Strike {
        disturbance: Disturbance::StopProcess { master, process, signal },
        repair: Some(Disturbance::StartProcess { master, process }),
    })
}
