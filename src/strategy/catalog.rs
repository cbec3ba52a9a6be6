//! All strategies, one line each.

use super::actor::Actor;
use super::{
    aks, baselines, by_hand, cluster_api, eks_managed, gardener_mcm, gke_blue_green, gke_surge, karpenter_drift, kops,
    kubeadm, kubectl_drain, kubespray, kured, none, openshift_mco, own_plan, second_pool, system_upgrade_controller,
    talos,
};
use crate::config::{Entry, Values, nearest};

/// A strategy that scenarios can name.
///
/// A program can add its own to a scenario. Most tools are a plan of the primitives of
/// [`machinery`](super::machinery):
///
/// ```
/// use rollproof::api::{App, Pool};
/// use rollproof::base::Span;
/// use rollproof::config::{Entry, Kind, Setting};
/// use rollproof::scenario::Scenario;
/// use rollproof::sim::outcome::UpgradeResult;
/// use rollproof::strategy::machinery::parts::{drain_within, node_ready, replaced_masters};
/// use rollproof::strategy::machinery::{Amount, Groups, Plan, Run, Stage, Step, Transition};
/// use rollproof::strategy::{StrategyEntry, Target};
///
/// static TWO_BY_TWO: StrategyEntry = StrategyEntry {
///     entry: &Entry {
///         name: "two-by-two",
///         about: "Masters one after another, then two workers at a time.",
///         details: "",
///         settings: &[Setting {
///             key: "drain_timeout",
///             about: "How long a drain may take.",
///             kind: Kind::Duration { min: Span::secs(1), max: Span::mins(60) },
///             default: "\"5m\"",
///             unit: "",
///             source: "the team's runbook",
///         }],
///         sources: &["the team's runbook"],
///     },
///     build: |values| {
///         let steps = vec![
///             Step::Cordon,
///             drain_within(values.span("drain_timeout")),
///             Step::Transition(Transition::Terminate),
///             Step::Gate(node_ready(Span::secs(10))),
///         ];
///         let workers = Stage::of("workers", Groups::Workers, steps).at_once(Amount::count(2));
///         let stages = vec![replaced_masters(Amount::count(1)), workers];
///         Box::new(Run::new(Plan::of(Span::mins(1), stages)))
///     },
///     target: Target::Needed,
///     hides_etcd: false,
/// };
///
/// let plan = Scenario::builder("team")
///     .version("1.14.10", "1.15.7")
///     .pool(Pool::new("workers", 4))
///     .app(App::new("web").replicas(3).max_unavailable(1))
///     .own_strategy(&TWO_BY_TWO)
///     .set("strategy.drain_timeout='10m'")
///     .build()?;
/// assert_eq!(plan.run(1)?.upgrade.result, UpgradeResult::Completed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StrategyEntry {
    /// Its name, description and settings.
    pub entry: &'static Entry,
    /// The actor with these settings, before its first call.
    pub build: fn(&Values) -> Box<dyn Actor>,
    /// What it does with the version after.
    pub target: Target,
    /// Whether its control plane is somebody else's, so that nobody here can observe etcd.
    pub hides_etcd: bool,
}

/// What a strategy does with the version that the cluster is to have after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Brings the cluster there; where it is there already, nothing is left to do.
    Needed,
    /// Brings the cluster there on the way; what it does it does without a new version, too.
    Welcome,
    /// Upgrades nothing.
    Ignored,
}

/// All strategies, in the order of the manual.
pub static CATALOG: &[&StrategyEntry] = &[
    &kops::KOPS,
    &kops::KOPS_1_15,
    &kops::KOPS_2018,
    &by_hand::BY_HAND,
    &kubectl_drain::KUBECTL_DRAIN,
    &none::NONE,
    &kubeadm::KUBEADM,
    &kubespray::KUBESPRAY,
    &cluster_api::CLUSTER_API,
    &gke_surge::GKE_SURGE,
    &gke_blue_green::GKE_BLUE_GREEN,
    &eks_managed::EKS_MANAGED,
    &eks_managed::EKS_MANAGED_MINIMAL,
    &aks::AKS_ROLLING,
    &aks::AKS_BLUE_GREEN,
    &karpenter_drift::KARPENTER_DRIFT,
    &kured::KURED,
    &system_upgrade_controller::SYSTEM_UPGRADE_CONTROLLER,
    &talos::TALOS_K8S,
    &talos::TALOS_OS,
    &openshift_mco::OPENSHIFT_MCO,
    &gardener_mcm::GARDENER_MCM,
    &second_pool::BLUE_GREEN_MANUAL,
    &second_pool::CANARY_POOL,
    &own_plan::PLAN,
    &baselines::IN_PLACE_NO_DRAIN,
    &baselines::BIG_BANG,
    &baselines::MASTERS_PARALLEL,
    &baselines::DELETE_DRAIN,
];

/// No strategy has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no strategy is called `{name}`")]
pub struct UnknownStrategy {
    /// The name that was asked for.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

/// The strategy of this name.
///
/// # Errors
/// With a suggestion, when there is none.
pub fn find(name: &str) -> Result<&'static StrategyEntry, UnknownStrategy> {
    let known = CATALOG.iter().find(|strategy| strategy.entry.name == name);
    known.copied().ok_or_else(|| UnknownStrategy {
        name: name.to_owned(),
        nearest: nearest(name, CATALOG.iter().map(|strategy| strategy.entry.name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_sound_and_builds_from_its_defaults() {
        for strategy in CATALOG {
            assert_eq!(strategy.entry.mistakes(), Vec::<String>::new());
            let actor = (strategy.build)(&strategy.entry.defaults());
            assert_eq!(format!("{actor:?}"), format!("{:?}", actor.boxed_clone()));
        }
    }

    #[test]
    fn a_name_is_unique_and_found() {
        for strategy in CATALOG {
            assert!(std::ptr::eq(find(strategy.entry.name).expect("it is listed"), *strategy));
        }
    }

    #[test]
    fn a_slip_in_a_name_is_answered_with_the_nearest() {
        assert_eq!(find("kosp").expect_err("no such name").nearest, Some("kops"));
        assert_eq!(find("terraform").expect_err("no such name").nearest, None);
    }
}
