//! A scheduler crashes.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::process::{SIGNAL, stopped};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::MasterProcess;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Independent,
    aim: Aim::Master,
    lasting: Some(Lasting {
        default: Span::secs(2),
        source: "kubernetes pkg/kubelet/kuberuntime: the first crash is restarted at once, when the kubelet next looks (1 s) and the container has started",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "scheduler-crash",
    about: "A scheduler's process ends and is started again.",
    details: "If it led, no pod is bound until another has waited for its lease to expire (15 s); from 1.22 one that goes by SIGTERM gives the lease back first.",
    settings: &SIGNAL,
    sources: &["client-go tools/leaderelection/leaderelection.go", "kubernetes PR 100305"],
};

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    stopped(values, victim, MasterProcess::Scheduler)
}
