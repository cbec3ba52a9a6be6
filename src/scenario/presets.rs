//! Presets named by a word become tables, so that an override of one key keeps the preset and both forms hash alike.

use crate::config::{Key, Table, Value, ValueKind};

/// Turns `machine = "ec2"` into `machine = { preset = "ec2" }` wherever a preset can stand.
pub(super) fn expand(root: &mut Table) {
    if let Some(plane) = child(root, "cluster").and_then(|cluster| child(cluster, "control_plane")) {
        expand_key(plane, "load_balancer");
        expand_key(plane, "machine");
    }
    if let Some(Value { kind: ValueKind::Array(pools), .. }) = root.get_mut("node_pool") {
        for pool in pools {
            if let ValueKind::Table(pool) = &mut pool.kind {
                expand_key(pool, "machine");
            }
        }
    }
    for (_, app) in child(root, "app").into_iter().flat_map(|apps| &mut apps.entries) {
        if let ValueKind::Table(app) = &mut app.kind {
            expand_key(app, "load_balancer");
        }
    }
}

fn child<'t>(table: &'t mut Table, key: &str) -> Option<&'t mut Table> {
    match &mut table.get_mut(key)?.kind {
        ValueKind::Table(table) => Some(table),
        ValueKind::String(_)
        | ValueKind::Integer(_)
        | ValueKind::Float(_)
        | ValueKind::Bool(_)
        | ValueKind::Datetime(_)
        | ValueKind::Array(_)
        | ValueKind::Invalid => None,
    }
}

fn expand_key(table: &mut Table, key: &str) {
    let Some(value) = table.get_mut(key) else { return };
    if !matches!(value.kind, ValueKind::String(_)) {
        return;
    }
    let place = value.place;
    let named = value.clone();
    let entries = vec![(Key { name: "preset".to_owned(), place }, named)];
    value.kind = ValueKind::Table(Table { entries, place });
}
