//! A controller manager crashes.

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
    set: FaultSet::Core,
    aim: Aim::Master,
    lasting: Some(Lasting {
        default: Span::secs(2),
        source: "kubernetes pkg/kubelet/kuberuntime: the first crash is restarted at once, when the kubelet next looks (1 s) and the container has started",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "controller-manager-crash",
    about: "A controller manager's process ends and is started again.",
    details: "If it led, nobody updates endpoints, budgets or replicas until another has waited for its lease to expire (15 s) and filled its caches; a restarted process has a new identity and waits like the others.",
    settings: &SIGNAL,
    sources: &[
        "client-go tools/leaderelection/leaderelection.go",
        "kubernetes component-base/config/v1alpha1/defaults.go",
    ],
};

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    stopped(values, victim, MasterProcess::ControllerManager)
}
