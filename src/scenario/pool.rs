//! `[[node_pool]]`: groups of worker machines.

use super::lower::{Lower, quoted};
use super::pool_records::{MACHINES, POOL};
use super::section::{Chosen, Fields};
use crate::config::{Item, Place, Problem, code};
use crate::world::spec::{MachineSpec, PoolSpec};

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
        places.push(name_item.place());
        pools.push(ReadPool { spec: spec_of(name, &fields, &machines), count: fields.given("count").unwrap_or(place) });
    }
    pools
}

fn spec_of(name: String, fields: &Fields, machines: &Chosen) -> PoolSpec {
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
