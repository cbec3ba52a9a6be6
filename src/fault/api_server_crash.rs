//! An API server crashes.

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
    name: "api-server-crash",
    about: "An API server's process ends and is started again.",
    details: "Its connections close, and clients come back through the load balancer. The repair is the start of the process, as the kubelet does it for a static pod.",
    settings: &SIGNAL,
    sources: &["kubernetes staging/src/k8s.io/apiserver/pkg/server/genericapiserver.go"],
};

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    stopped(values, victim, MasterProcess::ApiServer)
}
