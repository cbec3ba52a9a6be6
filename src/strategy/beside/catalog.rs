//! All actors beside the strategy, one line each.

use super::{cluster_autoscaler, descheduler, machine_health_check, node_repair};
use crate::config::{Entry, Values, nearest};
use crate::strategy::actor::Actor;

/// An actor that scenarios can name.
#[derive(Debug)]
pub struct BesideEntry {
    /// Its name, description and settings.
    pub entry: &'static Entry,
    /// The actor with these settings, before its first call.
    pub build: fn(&Values) -> Box<dyn Actor>,
}

/// All of them, in the order of the manual.
pub static CATALOG: &[&BesideEntry] = &[
    &cluster_autoscaler::CLUSTER_AUTOSCALER,
    &descheduler::DESCHEDULER,
    &node_repair::GKE_AUTO_REPAIR,
    &node_repair::AKS_AUTO_REPAIR,
    &node_repair::EKS_AUTO_REPAIR,
    &machine_health_check::MACHINE_HEALTH_CHECK,
];

/// No actor has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no actor is called `{name}`")]
pub struct UnknownActor {
    /// The name that was asked for.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

/// The actor of this name.
///
/// # Errors
/// With a suggestion, when there is none.
pub fn find(name: &str) -> Result<&'static BesideEntry, UnknownActor> {
    let known = CATALOG.iter().find(|actor| actor.entry.name == name);
    known.copied().ok_or_else(|| UnknownActor {
        name: name.to_owned(),
        nearest: nearest(name, CATALOG.iter().map(|actor| actor.entry.name)),
    })
}
