//! All kinds of faults, one line each.

use super::spec::Strike;
use super::target::{Aim, Victim};
use super::{
    api_cut, api_overload, api_server_crash, bad_image, clock_drift, controller_manager_crash, dns_down,
    etcd_corrupt_data, etcd_data_loss, etcd_leader_cut, etcd_member_stop, etcd_no_space, etcd_peer_cut, etcd_slow_disk,
    false_health, image_crash_loop, image_never_ready, kube_proxy_restart, kubelet_restart, kubelet_start_failure,
    load_balancer_flap, load_balancer_lag, memory_kill, node_flapping, node_link_cut, node_power_off,
    orchestrator_crash, pod_crash, pod_delete, provisioning_failure, quota_refused, reboot_never_returns,
    registry_down, registry_throttled, sandbox_crash, scheduler_crash, slow_node, volume_stuck, webhook_backend_down,
    zone_capacity, zone_cut, zone_outage,
};
use crate::base::Span;
use crate::config::{Entry, Values, nearest};

/// A kind of fault that scenarios can name.
///
/// A program can add its own to a scenario, and ask a proof about it as about those of the catalogue:
///
/// ```
/// use rollproof::api::{App, Fault, Pool};
/// use rollproof::base::Span;
/// use rollproof::config::Entry;
/// use rollproof::fault::{Aim, FaultEntry, FaultSet, Lasting, Strike, Victim};
/// use rollproof::scenario::Scenario;
/// use rollproof::world::disturbance::Disturbance;
///
/// static CABLE: FaultEntry = FaultEntry {
///     entry: &Entry {
///         name: "pulled-cable",
///         about: "Somebody pulls a machine's cable and plugs it in again.",
///         details: "",
///         settings: &[],
///         sources: &["the team's incident 7"],
///     },
///     set: FaultSet::Independent,
///     aim: Aim::Node,
///     lasting: Some(Lasting { default: Span::secs(20), source: "the team's incident 7" }),
///     strike: |_, victim| match victim {
///         Victim::Node(node) => Some(Strike {
///             disturbance: Disturbance::CutLink(node),
///             repair: Some(Disturbance::MendLink(node)),
///         }),
///         _ => None,
///     },
/// };
///
/// let plan = Scenario::builder("team")
///     .version("1.14.10", "1.15.7")
///     .pool(Pool::new("workers", 2))
///     .app(App::new("web").replicas(2))
///     .strategy("kops-1.15")
///     .own_fault(&CABLE)
///     .fault(Fault::new("pulled-cable").target("workers-1").at("2m"))
///     .build()?;
/// assert_eq!(plan.faults[0].kind.entry.name, "pulled-cable");
/// plan.run(1)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FaultEntry {
    /// Its name, description and settings.
    pub entry: &'static Entry,
    /// To which sets of kinds it belongs.
    pub set: FaultSet,
    /// What it can be aimed at.
    pub aim: Aim,
    /// How long it lasts by default; `None` for a kind that has no repair of its own.
    pub lasting: Option<Lasting>,
    /// What it does to a victim, and what mends it. `None` when the victim is not of this kind's aim.
    pub strike: fn(&Values, Victim) -> Option<Strike>,
}

/// Sets of kinds, which `rollproof prove --kinds` takes by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultSet {
    /// Hits one thing and mends: one of the few kinds of which pairs are enumerated. Belongs to `independent`, too.
    Core,
    /// Hits one node, process, link, disk or pod, for a bounded time.
    Independent,
    /// Hits many at once, or lies between things (a path, a load balancer's view, everybody's load). Part of a proof only
    /// where it is named.
    Correlated,
}

impl FaultSet {
    /// All of them, the smallest first.
    pub const ALL: [FaultSet; 3] = [FaultSet::Core, FaultSet::Independent, FaultSet::Correlated];

    /// The name in arguments and reports.
    pub const fn name(self) -> &'static str {
        match self {
            FaultSet::Core => "core",
            FaultSet::Independent => "independent",
            FaultSet::Correlated => "correlated",
        }
    }

    /// Whether a kind of this set belongs to `other`, too.
    pub fn within(self, other: FaultSet) -> bool {
        self == other || (self, other) == (FaultSet::Core, FaultSet::Independent)
    }
}

/// How long a fault lasts unless the scenario says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// From the strike to the repair.
    pub default: Span,
    /// Where the default comes from.
    pub source: &'static str,
}

/// All kinds, in the order of the manual.
pub static CATALOG: &[&FaultEntry] = &[
    &node_power_off::ENTRY,
    &node_link_cut::ENTRY,
    &etcd_member_stop::ENTRY,
    &etcd_peer_cut::ENTRY,
    &etcd_leader_cut::ENTRY,
    &etcd_slow_disk::ENTRY,
    &etcd_corrupt_data::ENTRY,
    &etcd_no_space::ENTRY,
    &api_server_crash::ENTRY,
    &api_overload::ENTRY,
    &load_balancer_flap::ENTRY,
    &load_balancer_lag::ENTRY,
    &controller_manager_crash::ENTRY,
    &scheduler_crash::ENTRY,
    &clock_drift::ENTRY,
    &pod_delete::ENTRY,
    &pod_crash::ENTRY,
    &memory_kill::ENTRY,
    &image_crash_loop::ENTRY,
    &image_never_ready::ENTRY,
    &webhook_backend_down::ENTRY,
    &dns_down::ENTRY,
    &registry_down::ENTRY,
    &registry_throttled::ENTRY,
    &api_cut::ENTRY,
    &kubelet_restart::ENTRY,
    &kube_proxy_restart::ENTRY,
    &sandbox_crash::ENTRY,
    &orchestrator_crash::ENTRY,
    &quota_refused::ENTRY,
    &zone_capacity::ENTRY,
    &provisioning_failure::ENTRY,
    &bad_image::ENTRY,
    &reboot_never_returns::ENTRY,
    &kubelet_start_failure::ENTRY,
    &node_flapping::ENTRY,
    &slow_node::ENTRY,
    &volume_stuck::ENTRY,
    &false_health::ENTRY,
    &etcd_data_loss::ENTRY,
    &zone_outage::ENTRY,
    &zone_cut::ENTRY,
];

/// No kind of fault has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kind of fault is called `{name}`")]
pub struct UnknownFault {
    /// The name that was asked for.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

/// The kind of this name.
///
/// # Errors
/// With a suggestion, when there is none.
pub fn find(name: &str) -> Result<&'static FaultEntry, UnknownFault> {
    let known = CATALOG.iter().find(|kind| kind.entry.name == name);
    known.copied().ok_or_else(|| UnknownFault {
        name: name.to_owned(),
        nearest: nearest(name, CATALOG.iter().map(|kind| kind.entry.name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::ids::{AppId, MasterId, NodeId, PodId, ZoneId};

    #[test]
    fn every_kind_is_sound_and_strikes_only_what_it_is_aimed_at() {
        for kind in CATALOG {
            assert_eq!(kind.entry.mistakes(), Vec::<String>::new());
            assert!(kind.lasting.is_none_or(|lasting| !lasting.source.is_empty()), "{}", kind.entry.name);
            let values = kind.entry.defaults();
            for (aim, victim) in [
                (Aim::Node, Victim::Node(NodeId(3))),
                (Aim::Master, Victim::Master(MasterId(1))),
                (Aim::Pod, Victim::Pod(PodId(7))),
                (Aim::Api, Victim::Api),
                (Aim::Plan, Victim::Plan),
                (Aim::Zone, Victim::Zone(ZoneId(1))),
                (Aim::Group, Victim::Group(None)),
                (Aim::Account, Victim::Account),
                (Aim::App, Victim::App(AppId(1))),
                (Aim::Webhook, Victim::Backend(AppId(1))),
                (Aim::Cluster, Victim::Cluster),
            ] {
                let strike = (kind.strike)(&values, victim);
                let hit = aim == kind.aim || (aim, kind.aim) == (Aim::Node, Aim::VolumeHost);
                assert_eq!(strike.is_some(), hit, "{} at {victim:?}", kind.entry.name);
                let mends = strike.is_some_and(|strike| strike.repair.is_some());
                assert!(!mends || kind.lasting.is_some(), "{} is repaired, so it lasts", kind.entry.name);
            }
        }
    }

    #[test]
    fn a_slip_in_a_name_is_answered_with_the_nearest() {
        assert_eq!(find("node-poweroff").expect_err("no such name").nearest, Some("node-power-off"));
        for kind in CATALOG {
            assert!(std::ptr::eq(find(kind.entry.name).expect("it is listed"), *kind));
        }
    }
}
