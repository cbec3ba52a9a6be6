//! `[[node_pool]]`: groups of worker machines.

use super::lower::{Lower, quoted};
use super::pool_records::{MACHINES, NODE_GROUPS, POOL};
use super::section::{Chosen, Fields};
use crate::config::{Item, Place, Problem, code};
use crate::world::spec::{HealthCheckKind, MachineSpec, NodeGroupSpec, PoolSpec, ScaleIn};

/// A pool, read.
pub(super) struct ReadPool {
    pub(super) spec: PoolSpec,
    /// Where its count stands.
    pub(super) count: Place,
}

/// Names that labels of the masters use.
const RESERVED: [&str; 3] = ["master", "masters", "cluster"];

/// Reads all pools.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>) -> Vec<ReadPool> {
    let mut pools: Vec<ReadPool> = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    for mut reader in item.tables() {
        let name_item = reader.required("name");
        let name = name_item.name().unwrap_or_default().to_owned();
        let fields = Fields::read(&POOL, &mut reader);
        let machines = MACHINES.read(&reader.optional("machine"));
        let groups = NODE_GROUPS.read(&reader.optional("group"));
        let place = reader.place();
        reader.finish();
        if let Some(first) = pools.iter().position(|pool| !name.is_empty() && pool.spec.name == name) {
            let problem = Problem::error(code::DUPLICATE, format!("two pools are called `{name}`"), name_item.place());
            lower.problems.report(problem.label(places[first], "the first one"));
        }
        if RESERVED.contains(&name.as_str()) {
            let message = format!("a pool cannot be called `{name}`: labels such as `master-1` are the masters' own");
            lower.problems.report(Problem::error(code::VALUE, message, name_item.place()));
        }
        lower.page.header("[[node_pool]]");
        lower.page.line(&format!("name = {}", quoted(&name)));
        lower.page.lines(&fields.lines());
        lower.page.table("[node_pool.machine]", &machines.lines());
        lower.page.table("[node_pool.group]", &groups.lines());
        let size = size(lower, &fields, place);
        places.push(name_item.place());
        let spec = PoolSpec { size, ..spec_of(name, &fields, &machines, &groups) };
        pools.push(ReadPool { spec, count: fields.given("count").unwrap_or(place) });
    }
    pools
}

/// Fewest and most machines; both or none.
fn size(lower: &Lower<'_>, fields: &Fields, place: Place) -> Option<(u32, u32)> {
    let least = fields.optional("min_size").map(|values| values.count("min_size") as u32);
    let most = fields.optional("max_size").map(|values| values.count("max_size") as u32);
    match (least, most) {
        (least, Some(most)) if least.unwrap_or(1) <= most => Some((least.unwrap_or(1), most)),
        (None, None) => None,
        (Some(_), Some(_)) | (None, Some(_)) | (Some(_), None) => {
            let message = "`min_size` needs a `max_size` that is not below it";
            let place = fields.given("min_size").unwrap_or(place);
            lower.problems.report(Problem::error(code::VALUE, message, place));
            None
        }
    }
}

fn spec_of(name: String, fields: &Fields, machines: &Chosen, groups: &Chosen) -> PoolSpec {
    let values = &fields.values;
    PoolSpec {
        name,
        count: values.count("count") as u32,
        zones: values.count("zones") as u32,
        cpu: values.count("cpu") as u32,
        memory: values.count("memory") as u32,
        max_pods: values.count("max_pods") as u32,
        upgrade: values.flag("upgrade"),
        runs_apps: values.flag("runs_apps"),
        in_load_balancer: values.flag("in_load_balancer"),
        machine: machine(machines),
        group: group(groups),
        size: None,
    }
}

/// A preset's values as the world reads them.
pub(super) fn machine(chosen: &Chosen) -> MachineSpec {
    let values = &chosen.fields.values;
    MachineSpec {
        shutdown: values.dist("shutdown"),
        launch: values.dist("launch"),
        boot: values.dist("boot"),
        join: values.dist("join"),
        volume_attach: values.dist("volume_attach"),
        closes_sockets: values.flag("closes_sockets"),
    }
}

/// A preset's values as the world reads them.
pub(super) fn group(chosen: &Chosen) -> NodeGroupSpec {
    let values = &chosen.fields.values;
    let capacity = chosen.fields.optional("zone_capacity");
    NodeGroupSpec {
        zone_fallback: values.flag("zone_fallback"),
        zone_capacity: capacity.map(|values| values.count("zone_capacity") as u32),
        retry: (values.span("retry"), values.span("retry_longest").max(values.span("retry"))),
        health_check: match values.choice("health_check") {
            "boot" => HealthCheckKind::Boot,
            _ => HealthCheckKind::None,
        },
        health_grace: values.span("health_grace"),
        scale_in: match values.choice("scale_in") {
            "oldest" => ScaleIn::Oldest,
            "newest" => ScaleIn::Newest,
            _ => ScaleIn::OldestTemplate,
        },
    }
}
