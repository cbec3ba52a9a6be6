//! Whom a fault hits: labels, roles, and who bears them.

use std::fmt;

use crate::base::Id;
use crate::config::nearest;
use crate::world::ids::{AppId, MasterId, NodeId, PodId, PoolId, WebhookId, ZoneId};
use crate::world::spec::Spec;

/// What a kind of fault can be aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aim {
    /// A machine: `master-2`, `workers-1`, the machine of a role, or `host-of:web-0`.
    Node,
    /// A machine whose pods may have volumes: none, where no app has any.
    VolumeHost,
    /// A master's processes: `master-2` or a role.
    Master,
    /// A pod: `web-0`.
    Pod,
    /// Everybody's path to the API; no target.
    Api,
    /// The tool that runs the plan; no target.
    Plan,
    /// A failure domain: `zone-1`.
    Zone,
    /// A group of machines: `workers`, or `masters`.
    Group,
    /// The cloud's account; no target.
    Account,
    /// An app: `web`.
    App,
    /// A webhook, by its name.
    Webhook,
    /// Something that the whole cluster shares; no target.
    Cluster,
}

/// Whom a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The master in this place, or the machine it runs on then.
    Master(MasterId),
    /// The machine that has this place in a pool when the fault strikes; places count from 0.
    Machine {
        /// The pool.
        pool: PoolId,
        /// The place.
        slot: u32,
    },
    /// The pod that is this one among those of its app when the fault strikes, by age, from 0.
    Pod {
        /// The app.
        app: AppId,
        /// Which of its pods.
        ordinal: u32,
    },
    /// The master whose etcd member leads when the fault strikes.
    EtcdLeader,
    /// The master whose controller manager holds the lease then.
    ControllerManagerLeader,
    /// The master whose scheduler holds the lease then.
    SchedulerLeader,
    /// The API path.
    Api,
    /// The plan's tool.
    Plan,
    /// The machine that such a pod stands on when the fault strikes.
    HostOf {
        /// The app.
        app: AppId,
        /// Which of its pods.
        ordinal: u32,
    },
    /// A failure domain.
    Zone(ZoneId),
    /// A pool's group of machines, or the masters'.
    Group(Option<PoolId>),
    /// The cloud's account.
    Account,
    /// An app.
    App(AppId),
    /// A webhook.
    Webhook(WebhookId),
    /// What the cluster shares.
    Cluster,
}

/// Whom a fault turned out to hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Victim {
    /// A master's processes.
    Master(MasterId),
    /// A machine.
    Node(NodeId),
    /// A pod.
    Pod(PodId),
    /// The API path.
    Api,
    /// The plan's tool.
    Plan,
    /// A failure domain.
    Zone(ZoneId),
    /// A pool's group of machines, or the masters'.
    Group(Option<PoolId>),
    /// The cloud's account.
    Account,
    /// An app.
    App(AppId),
    /// A webhook's backend, which is this app.
    Backend(AppId),
    /// What the cluster shares.
    Cluster,
}

/// Roles that masters bear.
const ROLES: [(&str, Target); 3] = [
    ("etcd-leader", Target::EtcdLeader),
    ("kcm-leader", Target::ControllerManagerLeader),
    ("scheduler-leader", Target::SchedulerLeader),
];

/// Before a pod's label it means the machine that the pod stands on.
const HOST_OF: &str = "host-of:";

/// The group of the masters.
const MASTERS: &str = "masters";

/// Labels that are listed when a target is not known; further ones only count for suggestions.
const LISTED: usize = 6;

/// The label names nothing that this kind of fault can hit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct UnknownTarget {
    /// What is wrong with it.
    pub what: String,
    /// What to write instead.
    pub help: String,
}

impl Target {
    /// The target with this label, for a fault that is aimed so.
    ///
    /// # Errors
    /// With a suggestion, when nothing of that kind has this label.
    pub fn resolve(label: &str, aim: Aim, spec: &Spec) -> Result<Target, UnknownTarget> {
        let found = match aim {
            Aim::Node | Aim::VolumeHost => master(label, spec)
                .or_else(|| role(label))
                .or_else(|| machine(label, spec))
                .or_else(|| pod(label.strip_prefix(HOST_OF)?, spec).and_then(host_of)),
            Aim::Master => master(label, spec).or_else(|| role(label)),
            Aim::Pod => pod(label, spec),
            Aim::Zone => zone(label, spec),
            Aim::Group => group(label, spec),
            Aim::App => app(label, spec),
            Aim::Webhook => webhook(label, spec),
            Aim::Api | Aim::Account | Aim::Plan | Aim::Cluster => None,
        };
        found.ok_or_else(|| unknown(label, aim, spec))
    }

    /// Everything in a cluster at its start that a fault with this aim can hit, by place; roles are not among them.
    pub fn all(aim: Aim, spec: &Spec) -> Vec<Target> {
        let masters = (0..spec.control_plane.replicas).map(|slot| Target::Master(MasterId(slot)));
        match aim {
            Aim::Api => vec![Target::Api],
            Aim::Account => vec![Target::Account],
            Aim::Plan => vec![Target::Plan],
            Aim::Cluster => vec![Target::Cluster],
            Aim::App => spec.apps.ids().map(Target::App).collect(),
            Aim::Webhook => spec.webhooks.ids().map(Target::Webhook).collect(),
            Aim::Group => {
                let pools = spec.pools.entries().map(|(pool, _)| Target::Group(Some(pool)));
                std::iter::once(Target::Group(None)).chain(pools).collect()
            }
            Aim::Zone => (0..zones(spec)).map(|zone| Target::Zone(ZoneId(zone))).collect(),
            Aim::Master => masters.collect(),
            Aim::VolumeHost if spec.apps.iter().all(|app| app.volume.is_none()) => Vec::new(),
            Aim::Node | Aim::VolumeHost => {
                let machines = |(pool, group): (PoolId, &crate::world::spec::PoolSpec)| {
                    (0..group.count).map(move |slot| Target::Machine { pool, slot })
                };
                masters.chain(spec.pools.entries().flat_map(machines)).collect()
            }
            Aim::Pod => {
                let pods = |(app, of): (AppId, &crate::world::spec::AppSpec)| {
                    (0..of.replicas).map(move |ordinal| Target::Pod { app, ordinal })
                };
                spec.apps.entries().flat_map(pods).collect()
            }
        }
    }

    /// The label as scenarios write it; empty where a fault takes no target.
    pub fn label(&self, spec: &Spec) -> String {
        match self {
            Target::Master(master) => format!("master-{}", master.0 + 1),
            Target::Machine { pool, slot } => format!("{}-{}", spec.pools[*pool].name, slot + 1),
            Target::Pod { app, ordinal } => format!("{}-{ordinal}", spec.apps[*app].name),
            Target::EtcdLeader => ROLES[0].0.to_owned(),
            Target::ControllerManagerLeader => ROLES[1].0.to_owned(),
            Target::SchedulerLeader => ROLES[2].0.to_owned(),
            Target::Api | Target::Plan | Target::Account | Target::Cluster => String::new(),
            Target::App(app) => spec.apps[*app].name.clone(),
            Target::Webhook(webhook) => spec.webhooks[*webhook].name.clone(),
            Target::HostOf { app, ordinal } => format!("{HOST_OF}{}-{ordinal}", spec.apps[*app].name),
            Target::Zone(zone) => format!("zone-{}", zone.0 + 1),
            Target::Group(pool) => pool.map_or(MASTERS.to_owned(), |pool| spec.pools[pool].name.clone()),
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Aim::Node | Aim::VolumeHost => "a machine such as `master-1`",
            Aim::Master => "a master such as `master-1`",
            Aim::Pod => "a pod such as `web-0`",
            Aim::Zone => "a failure domain such as `zone-1`",
            Aim::Group => "a group of machines such as `masters` or a pool",
            Aim::App => "an app such as `web`",
            Aim::Webhook => "a webhook, by its name",
            Aim::Api | Aim::Account | Aim::Plan | Aim::Cluster => "nothing: it takes no target",
        })
    }
}

/// A label's stem and its number, `workers` and 2 for `workers-2`; none where the number is not written plainly.
pub(super) fn numbered(label: &str) -> Option<(&str, u32)> {
    let (stem, digits) = label.rsplit_once('-')?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some((stem, number))
}

/// The place that a number from 1 stands for, among `count`.
pub(super) fn place_of(number: u32, count: u32) -> Option<u32> {
    number.checked_sub(1).filter(|&slot| slot < count)
}

fn role(label: &str) -> Option<Target> {
    ROLES.iter().find(|(name, _)| *name == label).map(|(_, target)| *target)
}

fn master(label: &str, spec: &Spec) -> Option<Target> {
    let (stem, number) = numbered(label)?;
    let slot = place_of(number, spec.control_plane.replicas)?;
    (stem == "master").then_some(Target::Master(MasterId(slot)))
}

fn machine(label: &str, spec: &Spec) -> Option<Target> {
    let (stem, number) = numbered(label)?;
    let (pool, found) = spec.pools.entries().find(|(_, pool)| pool.name == stem)?;
    Some(Target::Machine { pool, slot: place_of(number, found.count)? })
}

fn pod(label: &str, spec: &Spec) -> Option<Target> {
    let (stem, ordinal) = numbered(label)?;
    let index = spec.apps.iter().position(|app| app.name == stem)?;
    let app = AppId::from_index(index);
    (ordinal < spec.apps[app].replicas).then_some(Target::Pod { app, ordinal })
}

/// Failure domains of a cluster: as many as the masters or any pool are spread over.
fn zones(spec: &Spec) -> u32 {
    spec.pools.iter().map(|pool| pool.zones.min(pool.count)).fold(spec.control_plane.zones, u32::max)
}

fn zone(label: &str, spec: &Spec) -> Option<Target> {
    let (stem, number) = numbered(label)?;
    let place = place_of(number, zones(spec))?;
    (stem == "zone").then_some(Target::Zone(ZoneId(place)))
}

fn group(label: &str, spec: &Spec) -> Option<Target> {
    if label == MASTERS {
        return Some(Target::Group(None));
    }
    spec.pools.entries().find(|(_, pool)| pool.name == label).map(|(pool, _)| Target::Group(Some(pool)))
}

fn app(label: &str, spec: &Spec) -> Option<Target> {
    spec.apps.entries().find(|(_, app)| app.name == label).map(|(app, _)| Target::App(app))
}

fn webhook(label: &str, spec: &Spec) -> Option<Target> {
    spec.webhooks.entries().find(|(_, webhook)| webhook.name == label).map(|(webhook, _)| Target::Webhook(webhook))
}

fn host_of(pod: Target) -> Option<Target> {
    match pod {
        Target::Pod { app, ordinal } => Some(Target::HostOf { app, ordinal }),
        Target::Master(_)
        | Target::Machine { .. }
        | Target::EtcdLeader
        | Target::ControllerManagerLeader
        | Target::SchedulerLeader
        | Target::Api
        | Target::Plan
        | Target::Zone(_)
        | Target::Group(_)
        | Target::Account
        | Target::App(_)
        | Target::Webhook(_)
        | Target::Cluster
        | Target::HostOf { .. } => None,
    }
}

/// Names that are targets as they stand, without a number.
fn whole_names(aim: Aim, spec: &Spec) -> Vec<String> {
    match aim {
        Aim::Group => spec.pools.iter().map(|pool| pool.name.clone()).chain([MASTERS.to_owned()]).collect(),
        Aim::App => spec.apps.iter().map(|app| app.name.clone()).collect(),
        Aim::Webhook => spec.webhooks.iter().map(|webhook| webhook.name.clone()).collect(),
        Aim::Node | Aim::VolumeHost | Aim::Master | Aim::Pod | Aim::Zone => Vec::new(),
        Aim::Api | Aim::Plan | Aim::Account | Aim::Cluster => Vec::new(),
    }
}

fn unknown(label: &str, aim: Aim, spec: &Spec) -> UnknownTarget {
    let groups: Vec<(String, u32, u32)> = match aim {
        Aim::Api | Aim::Account | Aim::Group | Aim::Plan | Aim::Cluster | Aim::App | Aim::Webhook => Vec::new(),
        Aim::Zone => vec![("zone".to_owned(), 1, zones(spec))],
        Aim::Master => vec![("master".to_owned(), 1, spec.control_plane.replicas)],
        Aim::Pod => spec.apps.iter().map(|app| (app.name.clone(), 0, app.replicas)).collect(),
        Aim::Node | Aim::VolumeHost => std::iter::once(("master".to_owned(), 1, spec.control_plane.replicas))
            .chain(spec.pools.iter().map(|pool| (pool.name.clone(), 1, pool.count)))
            .collect(),
    };
    let what = format!("`{label}` is no target of this fault, which hits {aim}");
    if let Some((stem, number)) = numbered(label)
        && let Some((stem, first, count)) = groups.iter().find(|(name, _, _)| name == stem)
        && number.wrapping_sub(*first) >= *count
    {
        let help = match count {
            0 => format!("there is no `{stem}`"),
            _ => format!("they go from `{stem}-{first}` to `{stem}-{}`", first + count - 1),
        };
        return UnknownTarget { what, help };
    }
    let roles = ROLES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .filter(|_| matches!(aim, Aim::Node | Aim::VolumeHost | Aim::Master));
    let samples = groups.iter().filter(|(_, _, count)| *count > 0).map(|(name, first, _)| format!("{name}-{first}"));
    let known: Vec<String> = samples.chain(roles).chain(whole_names(aim, spec)).collect();
    let stem = numbered(label).map_or(label, |(stem, _)| stem);
    let near = nearest(label, known.iter().map(String::as_str)).map(str::to_owned).or_else(|| {
        let (_, number) = numbered(label)?;
        nearest(stem, groups.iter().map(|(name, _, _)| name.as_str())).map(|name| format!("{name}-{number}"))
    });
    let help = match near {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if aim == Aim::Webhook && known.is_empty() => "the scenario has no webhook".to_owned(),
        None if known.is_empty() => "leave `target` out".to_owned(),
        None => {
            let shown: Vec<String> = known.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
            format!("targets are such as {}", shown.join(", "))
        }
    };
    UnknownTarget { what, help }
}
