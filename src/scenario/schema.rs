//! The JSON Schema (draft-07) of a whole scenario, from the same records that read it.

use serde_json::{Map, Value as Json, json};

use super::app_records::{APP, BUDGET, FLAW, GROUP, HPA, PROBE, ROUTERS, VOLUME, WAVE};
use super::balancer_records::{API_BALANCERS, SERVICE_BALANCERS};
use super::lower::SCHEMA;
use super::objective::{FAULTS_MAX, LIMITS, OBJECTIVE};
use super::plane_records::{API_SERVER, CONTROL_PLANE, CONTROLLERS, ETCD_SECTION, TIMINGS};
use super::pool_records::{CLOUD, MACHINES, NODE_GROUPS, POOL};
use super::probe::{EACH_MEMBER, KINDS, LOAD_BALANCER, PROBE_CLIENT};
use super::rollout_records::{DAEMON_ROLLOUT, ROLLOUT, STATEFUL_ROLLOUT};
use super::section::{Presets, Section};
use super::webhook::WEBHOOK;
use crate::config::{Entry, schema as entry_schema};
use crate::fault::{Aim, CATALOG as FAULTS};
use crate::strategy::CATALOG as STRATEGIES;
use crate::strategy::delivery::CATALOG as DELIVERIES;

/// A name as Kubernetes takes it.
const LABEL: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";

/// The JSON Schema of a scenario.
pub fn schema() -> Json {
    let properties = json!({
        "schema": { "const": SCHEMA, "description": "Version of this format." },
        "name": { "type": "string", "pattern": LABEL, "description": "The scenario's name; by default the file's." },
        "about": { "type": "string", "description": "The question that it asks." },
        "cluster": cluster(),
        "node_pool": { "type": "array", "items": pool() },
        "app": { "type": "object", "propertyNames": { "pattern": LABEL }, "additionalProperties": app() },
        "budget": { "type": "array", "items": budget() },
        "strategy": strategy(),
        "rollout": { "type": "array", "items": rollout() },
        "webhook": { "type": "array", "items": webhook() },
        "actor": { "type": "array", "items": beside() },
        "fault": { "type": "array", "items": fault() },
        "probe": { "type": "array", "items": probe() },
        "objective": objective(),
        "limits": section(&LIMITS, &[], &[]),
    });
    let mut root = closed(properties, &["schema", "cluster", "strategy"]);
    set(&mut root, "$schema", json!("http://json-schema.org/draft-07/schema#"));
    set(&mut root, "title", json!("A scenario of rollproof"));
    root
}

fn set(schema: &mut Json, key: &str, value: Json) {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

fn closed(properties: Json, required: &[&str]) -> Json {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The properties of an entry's settings.
fn properties(entry: &Entry) -> Map<String, Json> {
    match entry_schema(entry) {
        Json::Object(mut fields) => match fields.remove("properties") {
            Some(Json::Object(properties)) => properties,
            Some(_) | None => Map::new(),
        },
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => Map::new(),
    }
}

/// A section's table, with further properties.
fn section(section: &Section, more: &[(&str, Json)], required: &[&str]) -> Json {
    let mut all = properties(section.entry);
    for optional in section.optionals {
        for (key, mut inner) in properties(&optional.entry) {
            let fields = inner.as_object_mut();
            let take = |name: &str| fields.as_ref().and_then(|fields| fields.get(name)).cloned();
            let (about, mut default) = (take("description"), take("default"));
            if optional.absent {
                default = Some(json!(optional.word));
            }
            if let Some(fields) = inner.as_object_mut() {
                fields.remove("default");
                fields.remove("description");
            }
            let either = json!({
                "description": about,
                "default": default,
                "anyOf": [{ "const": optional.word }, inner],
            });
            all.insert(key, either);
        }
    }
    all.extend(more.iter().map(|(key, schema)| ((*key).to_owned(), schema.clone())));
    let mut schema = closed(Json::Object(all), required);
    set(&mut schema, "description", json!(section.entry.about));
    schema
}

/// A preset's name, or a table with the keys that differ from it.
fn presets(presets: &Presets) -> Json {
    let names: Vec<&str> = presets.all.iter().map(|preset| preset.entry.name).collect();
    let name = json!({ "type": "string", "enum": names, "default": names[0] });
    let mut table = section(presets.all[0], &[("preset", name.clone())], &[]);
    // Other presets have other defaults.
    if let Some(properties) = table.get_mut("properties").and_then(Json::as_object_mut) {
        for schema in properties.values_mut().filter_map(Json::as_object_mut) {
            schema.remove("default");
        }
    }
    json!({ "description": presets.about, "anyOf": [name, table] })
}

fn version() -> Json {
    json!({ "type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$" })
}

fn span() -> Json {
    let fields = properties(PROBE.entry);
    fields
        .get("initial_delay")
        .and_then(|field| field.get("pattern"))
        .map_or_else(|| json!({ "type": "string" }), |pattern| json!({ "type": "string", "pattern": pattern }))
}

fn or_none(schema: Json) -> Json {
    json!({ "anyOf": [{ "const": "none" }, schema] })
}

fn cluster() -> Json {
    let versions = |required: &[&str]| closed(json!({ "from": version(), "to": version() }), required);
    let plane = section(
        &CONTROL_PLANE,
        &[
            ("load_balancer", presets(&API_BALANCERS)),
            ("api_server", section(&API_SERVER, &[], &[])),
            ("controllers", section(&CONTROLLERS, &[], &[])),
            ("machine", presets(&MACHINES)),
            ("group", presets(&NODE_GROUPS)),
        ],
        &[],
    );
    let etcd = section(&ETCD_SECTION, &[("version", versions(&[]))], &[]);
    let properties = json!({
        "version": versions(&["from", "to"]),
        "control_plane": plane,
        "etcd": etcd,
        "timings": section(&TIMINGS, &[], &[]),
        "cloud": section(&CLOUD, &[], &[]),
    });
    closed(properties, &["version"])
}

fn name() -> Json {
    json!({ "type": "string", "pattern": LABEL })
}

fn pool() -> Json {
    section(&POOL, &[("name", name()), ("machine", presets(&MACHINES)), ("group", presets(&NODE_GROUPS))], &["name"])
}

fn bound() -> Json {
    properties(ROLLOUT.entry).remove("max_surge").map_or(Json::Null, |mut bound| {
        for key in ["description", "default"] {
            if let Some(fields) = bound.as_object_mut() {
                fields.remove(key);
            }
        }
        bound
    })
}

fn demand(more: &[(&str, Json)], required: &[&str]) -> Json {
    let bounds = [("min_available", bound()), ("max_unavailable", bound())];
    let mut schema = section(&BUDGET, &[&bounds[..], more].concat(), required);
    set(&mut schema, "oneOf", json!([{ "required": ["min_available"] }, { "required": ["max_unavailable"] }]));
    schema
}

fn budget() -> Json {
    let apps = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    demand(&[("name", name()), ("apps", apps)], &["name", "apps"])
}

fn app() -> Json {
    let probe = || or_none(section(&PROBE, &[], &[]));
    let rollouts = [&ROLLOUT, &STATEFUL_ROLLOUT, &DAEMON_ROLLOUT].map(|rollout| section(rollout, &[], &[]));
    let groups = json!({ "type": "object", "propertyNames": { "pattern": LABEL }, "additionalProperties": group() });
    let removed: Vec<&str> = crate::world::removed_apis::REMOVED_APIS.iter().map(|api| api.name).collect();
    section(
        &APP,
        &[
            ("readiness", probe()),
            ("liveness", probe()),
            ("startup", probe()),
            ("rollout", json!({ "anyOf": rollouts })),
            ("flaw", section(&FLAW, &[], &[])),
            ("router", or_none(presets(&ROUTERS))),
            ("volume", or_none(section(&VOLUME, &[], &[]))),
            ("pdb", or_none(demand(&[], &[]))),
            ("hpa", or_none(section(&HPA, &[], &[]))),
            ("load_balancer", presets(&SERVICE_BALANCERS)),
            ("traffic", groups),
            ("uses_apis", json!({ "type": "array", "items": { "enum": removed } })),
        ],
        &[],
    )
}

fn group() -> Json {
    let rate = json!({ "type": "number", "minimum": 0 });
    let step = closed(json!({ "at": span(), "rps": rate }), &["at", "rps"]);
    let from = json!({
        "type": "string",
        "pattern": "^(outside|(pool|app):[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$",
        "description": "Where the clients stand: on each node of a pool, in each pod of an app, or outside.",
    });
    let steps = json!({ "type": "array", "items": step });
    let via = json!({
        "type": "string",
        "description": "The app whose pods stand in between: an ingress, or a front end that calls this app.",
    });
    section(
        &GROUP,
        &[("from", from), ("via", via), ("steps", steps), ("wave", or_none(section(&WAVE, &[], &[])))],
        &["from"],
    )
}

/// One alternative for each name, each with its own settings.
fn strategy() -> Json {
    let all = STRATEGIES.iter().map(|strategy| {
        let mut all = properties(strategy.entry);
        all.insert("name".to_owned(), json!({ "const": strategy.entry.name }));
        if std::ptr::eq(*strategy, &crate::strategy::own_plan::PLAN) {
            let about = "Stages of an own plan; `rollproof show plan` describes them.";
            all.insert(
                "stage".to_owned(),
                json!({ "type": "array", "items": { "type": "object" }, "description": about }),
            );
        }
        let about = "Versions that the control plane walks on the way, or \"each-minor\".";
        let listed = json!({ "type": "array", "items": { "type": "string" } });
        all.insert("hops".to_owned(), json!({ "anyOf": [{ "const": "each-minor" }, listed], "description": about }));
        let about = "Whether workers walk along at each hop, or jump as far as the version skew policy lets them.";
        all.insert("hop_nodes".to_owned(), json!({ "enum": ["walk", "jump"], "description": about }));
        let mut schema = closed(Json::Object(all), &["name"]);
        set(&mut schema, "description", json!(strategy.entry.about));
        schema
    });
    json!({ "anyOf": all.collect::<Vec<_>>() })
}

fn webhook() -> Json {
    let rules = json!({
        "type": "array",
        "items": { "type": "string" },
        "minItems": 1,
        "description": "What it is asked about, such as \"CREATE pods\".",
    });
    let exempt = json!({ "type": "array", "items": { "type": "string" }, "description": "Apps that namespaceSelector leaves out." });
    let more = [("name", name()), ("app", json!({ "type": "string" })), ("rules", rules), ("exempt", exempt)];
    section(&WEBHOOK, &more, &["name", "app", "rules"])
}

/// One alternative for each tool, each with its own settings.
fn rollout() -> Json {
    let all = DELIVERIES.iter().map(|tool| {
        let mut all = properties(tool.entry);
        all.insert("tool".to_owned(), json!({ "const": tool.entry.name }));
        all.insert("app".to_owned(), json!({ "type": "string" }));
        all.insert("at".to_owned(), span());
        let mut schema = closed(Json::Object(all), &["app", "tool", "at"]);
        set(&mut schema, "description", json!(tool.entry.about));
        schema
    });
    json!({ "anyOf": all.collect::<Vec<_>>() })
}

fn beside() -> Json {
    let all = crate::strategy::beside::CATALOG.iter().map(|actor| {
        let mut all = properties(actor.entry);
        all.insert("name".to_owned(), json!({ "const": actor.entry.name }));
        let mut schema = closed(Json::Object(all), &["name"]);
        set(&mut schema, "description", json!(actor.entry.about));
        schema
    });
    json!({ "anyOf": all.collect::<Vec<_>>() })
}

fn fault() -> Json {
    let all = FAULTS.iter().map(|kind| {
        let mut all = properties(kind.entry);
        let mut required = vec!["kind"];
        all.insert("kind".to_owned(), json!({ "const": kind.entry.name }));
        let at = "A time such as \"5m\", or a phase of the plan such as \"master-2:transition\".";
        all.insert("at".to_owned(), json!({ "type": "string", "description": at }));
        all.insert("offset".to_owned(), span());
        let mut every = span();
        set(&mut every, "description", json!("Again and again, with this mean time between failures."));
        all.insert("every".to_owned(), every);
        if !matches!(kind.aim, Aim::Api | Aim::Account | Aim::Plan | Aim::Cluster) {
            required.push("target");
            let target = "Whom it hits; \"each\" stands for everything that this kind can hit, each for itself.";
            all.insert("target".to_owned(), json!({ "type": "string", "description": target }));
        }
        if let Some(lasting) = &kind.lasting {
            let default = lasting.default.to_string();
            all.insert("lasting".to_owned(), json!({ "default": default, "anyOf": [{ "const": "never" }, span()] }));
        }
        let mut schema = closed(Json::Object(all), &required);
        set(&mut schema, "description", json!(kind.entry.about));
        set(&mut schema, "oneOf", json!([{ "required": ["at"] }, { "required": ["every"] }]));
        schema
    });
    json!({ "anyOf": all.collect::<Vec<_>>() })
}

fn probe() -> Json {
    let kinds = KINDS.map(|(name, _)| name);
    let target = json!({
        "type": "string",
        "pattern": format!("^({EACH_MEMBER}|{LOAD_BALANCER}|master-[1-9][0-9]*)$"),
        "description": "Whom it asks: each master at once, one of them, or the API's load balancer.",
    });
    let kind =
        json!({ "type": "string", "enum": kinds, "description": "A put to etcd, or a write through an API server." });
    section(&PROBE_CLIENT, &[("name", name()), ("kind", kind), ("target", target)], &["name", "kind", "target"])
}

fn objective() -> Json {
    let names: Vec<&str> = crate::observe::laws::CATALOG.iter().map(crate::observe::laws::Law::name).collect();
    let laws = json!({ "type": "array", "items": { "type": "string", "enum": names } });
    let with_faults = section(&OBJECTIVE, &[("laws", laws.clone())], &[]);
    let faults = json!({
        "type": "object",
        "description": "What the plan is held to with so many faults, by their number.",
        "propertyNames": { "pattern": format!("^[1-{FAULTS_MAX}]$") },
        "additionalProperties": with_faults,
    });
    section(&OBJECTIVE, &[("laws", laws), ("faults", faults)], &[])
}
