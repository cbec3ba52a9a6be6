//! Tests of the scenarios that come with the program.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::*;
use crate::base::{Span, Version};
use crate::engine::Dist;
use crate::world::spec::*;

const ALL: &[&str] = &[
    "book-ch18",
    "book-ch18-external",
    "book-ch18-manifest",
    "single-master",
    "five-masters",
    "rare-quorum",
    "single-replica",
    "no-prestop",
    "all-on-one-node",
    "own-plan",
    "kcp-surge",
    "kcp-scale-in",
    "hops",
    "restore",
    "stuck-pdb",
    "ingress-drained",
    "webhook-deadlock",
    "webhook-leases",
    "canary-abort",
    "recreate",
    "ingress-daemonset",
    "stateful-zones",
    "quota-surge",
    "autoscaler-fights-roll",
    "hpa-frozen",
    "master-capacity",
    "measured-cluster",
    "perf/roll-500",
    "perf/linear",
    "perf/fleet-5000",
    "public/node-loss",
    "public/sandbox-crash",
    "public/keep-alive-exit",
    "public/endpoint-lag",
    "public/prestop-grace",
    "public/pinned-master",
    "public/cordon-ingress",
    "public/drain-deadlock",
    "public/drain-table",
    "public/api-cut",
    "measured/etcdkill",
    "measured/leasekill",
    "measured/rollout",
    "measured/drainone",
    "measured/nodekill",
    "measured/masters",
    "measured/upgradeworkers",
    "strategies/aks-blue-green-best",
    "strategies/aks-blue-green-worst",
    "strategies/aks-rolling-best",
    "strategies/aks-rolling-worst",
    "strategies/big-bang-worst",
    "strategies/blue-green-manual-best",
    "strategies/blue-green-manual-worst",
    "strategies/canary-pool-best",
    "strategies/canary-pool-worst",
    "strategies/cluster-api-best",
    "strategies/cluster-api-worst",
    "strategies/delete-drain-best",
    "strategies/delete-drain-worst",
    "strategies/eks-managed-best",
    "strategies/eks-managed-minimal-best",
    "strategies/eks-managed-minimal-worst",
    "strategies/eks-managed-worst",
    "strategies/gardener-mcm-best",
    "strategies/gardener-mcm-worst",
    "strategies/gke-blue-green-best",
    "strategies/gke-blue-green-worst",
    "strategies/gke-surge-best",
    "strategies/gke-surge-worst",
    "strategies/in-place-no-drain-best",
    "strategies/in-place-no-drain-worst",
    "strategies/karpenter-drift-best",
    "strategies/karpenter-drift-worst",
    "strategies/kops-1-15-best",
    "strategies/kops-1-15-worst",
    "strategies/kops-2018-best",
    "strategies/kops-2018-worst",
    "strategies/kops-best",
    "strategies/kops-worst",
    "strategies/kubeadm-best",
    "strategies/kubeadm-worst",
    "strategies/kubespray-best",
    "strategies/kubespray-worst",
    "strategies/kured-best",
    "strategies/kured-worst",
    "strategies/masters-parallel-best",
    "strategies/masters-parallel-worst",
    "strategies/openshift-mco-best",
    "strategies/openshift-mco-worst",
    "strategies/system-upgrade-controller-best",
    "strategies/system-upgrade-controller-worst",
    "strategies/talos-k8s-best",
    "strategies/talos-k8s-worst",
    "strategies/talos-os-best",
    "strategies/talos-os-worst",
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{name}.toml"))
}

fn shipped(name: &str, overrides: &[&str], strategy: Option<&str>) -> Result<Scenario, Refused> {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    load(&path(name), &overrides, strategy)
}

fn sound(name: &str, overrides: &[&str]) -> Scenario {
    shipped(name, overrides, None).unwrap_or_else(|refused| panic!("{name}: {refused}"))
}

/// A file as JSON, for the schema.
fn as_json(text: &str) -> Json {
    toml::from_str::<toml::Value>(text).ok().and_then(|value| serde_json::to_value(value).ok()).expect("sound TOML")
}

#[test]
fn every_shipped_scenario_is_in_the_list_and_loads_without_a_warning() {
    let mut found = Vec::new();
    for folder in ["scenarios", "scenarios/perf", "scenarios/measured", "scenarios/public", "scenarios/strategies"] {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
        for file in std::fs::read_dir(folder).expect("the folder is there").flatten() {
            found.extend(file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    found.retain(|stem| !["perf", "measured", "public", "flaws", "strategies"].contains(&stem.as_str()));
    found.sort();
    let mut listed: Vec<&str> = ALL.iter().map(|name| name.rsplit('/').next().unwrap_or(name)).collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
    for name in ALL {
        let scenario = sound(name, &[]);
        assert!(scenario.warnings.is_empty(), "{name}: {}", scenario.warnings);
        assert_eq!(scenario.name, name.rsplit('/').next().unwrap_or(name));
        assert!(scenario.about.ends_with('?'), "{name} asks a question");
    }
}

#[test]
fn every_shipped_scenario_opens_with_question_expectation_and_sources() {
    for name in ALL {
        let text = std::fs::read_to_string(path(name)).expect("it is there");
        let comment: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        for part in ["# Question: ", "# Expected: ", "# Sources:"] {
            assert!(comment.iter().any(|line| line.starts_with(part)), "{name} lacks {part}");
        }
    }
}

#[test]
fn the_measured_experiments_stand_on_one_cluster() {
    let cluster = |name: &str| {
        let file = as_json(&std::fs::read_to_string(path(name)).expect("it is there"));
        (file["cluster"].clone(), file["node_pool"].clone())
    };
    let own = cluster("measured-cluster");
    assert!(own.0.is_object() && own.1.is_array());
    for name in ALL.iter().filter(|name| name.starts_with("measured/")) {
        assert_eq!(cluster(name), own, "{name}");
    }
}

#[test]
fn every_parameter_of_the_measurements_can_be_set() {
    use crate::base::IntOrPercent::Int;
    let app = |name: &str, argument: &str| {
        let scenario = sound(name, &[argument]);
        let spec = (*scenario.spec).clone();
        (spec.apps.iter().next().cloned().expect("the app"), spec.groups.iter().next().cloned().expect("a group"), spec)
    };
    for name in ["rollout", "drainone", "nodekill", "masters", "upgradeworkers"].map(|name| format!("measured/{name}"))
    {
        assert_eq!(app(&name, "app.web.replicas=3").0.replicas, 3);
        assert_eq!(app(&name, "app.web.on_sigterm=\"close-idle\"").0.on_sigterm, OnSigterm::CloseIdle);
        assert_eq!(app(&name, "app.web.pre_stop=\"5s\"").0.pre_stop, Span::secs(5));
        assert_eq!(app(&name, "app.web.traffic.load.connections=\"new\"").1.connections, Connections::New);
        assert_eq!(app(&name, "app.web.traffic.load.rps=7").1.rate, crate::base::Rate::per_sec(7));
        let budgets = app(&name, "app.web.pdb.min_available=2").2.budgets;
        assert_eq!(budgets.iter().map(|budget| budget.rule).collect::<Vec<_>>(), [BudgetRule::MinAvailable(Int(2))]);
        assert_eq!(app(&name, "app.web.pdb=\"none\"").2.budgets.len(), 0);
    }
    for name in ["measured/etcdkill", "measured/leasekill"] {
        let scenario = sound(name, &["fault[0].signal=\"term\""]);
        assert_eq!(scenario.faults[0].values.choice("signal"), "term");
    }
    for (name, key) in [("masters", "master_down"), ("masters", "master_pause"), ("upgradeworkers", "worker_down")] {
        let scenario = sound(&format!("measured/{name}"), &[&format!("strategy.{key}=\"33s\"")]);
        assert_eq!(scenario.strategy.values.span(key), Span::secs(33));
    }
    assert_eq!(sound("measured/masters", &["strategy.signal=\"kill\""]).strategy.values.choice("signal"), "kill");
}

#[test]
fn a_resolved_scenario_reads_back_equal_and_gives_itself() {
    for name in ALL {
        let scenario = sound(name, &[]);
        let text = resolved(&scenario);
        let again = parse("resolved.toml", text, &[], None).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        assert_eq!(again.spec, scenario.spec, "{name}");
        assert_eq!(again.objective, scenario.objective, "{name}");
        assert_eq!(again.limits, scenario.limits, "{name}");
        assert_eq!(again.strategy.name(), scenario.strategy.name());
        assert_eq!(crate::config::resolved(&again.strategy.values).len(), again.strategy.entry.entry.settings.len());
        assert!(!resolved(&again).contains("  # default"), "{name}: nothing is left to a default");
        let third = parse("resolved.toml", resolved(&again), &[], None).expect("it was read once");
        assert_eq!((resolved(&third), &third.hash), (resolved(&again), &again.hash));
    }
}

#[test]
fn a_resolved_default_names_its_source() {
    let scenario = sound("book-ch18", &[]);
    let text = resolved(&scenario);
    for line in [
        "election = \"1s\"  # default: etcd embed/config.go",
        "version.from = \"3.3.10\"  # default: kubernetes cmd/kubeadm/app/constants/constants.go, by Kubernetes version",
        "node_monitor_grace = \"by-version\"  # default: kubernetes PR 126287: 40 s, from 1.32 50 s",
        "replicas = 4",
        "preset = \"elb-classic\"",
        "liveness = \"none\"  # default: kubernetes: none unless the manifest has one",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in:\n{text}");
    }
}

#[test]
fn the_book_is_what_the_chapter_says() {
    let spec = sound("book-ch18", &[]).spec;
    let plane = &spec.control_plane;
    assert_eq!((plane.from, plane.to), (Version::new(1, 14, 10), Version::new(1, 15, 7)));
    assert_eq!(
        (plane.etcd.from, plane.etcd.to, plane.etcd.pre_vote),
        (Version::new(3, 3, 10), Version::new(3, 3, 10), None)
    );
    assert_eq!((plane.replicas, plane.zones, plane.load_balancer.check), (3, 3, HealthCheck::Tcp));
    assert_eq!(spec.pools.iter().map(|pool| (pool.count, pool.upgrade)).collect::<Vec<_>>(), [(3, true), (2, false)]);
    let web = &spec.apps.iter().next().expect("the app");
    assert_eq!((web.replicas, web.pre_stop, web.grace), (4, Span::secs(10), Span::secs(60)));
    assert_eq!((web.on_sigterm, web.spread), (OnSigterm::Drain, Spread::Default));
    assert_eq!(web.readiness.map(|probe| (probe.period, probe.timeout)), Some((Span::secs(2), Span::secs(1))));
    assert_eq!(spec.budgets.len(), 2);
    assert!(spec.groups.iter().all(|group| group.idempotent && group.retries == 0));
    assert_eq!(plane.machine.boot, Dist::LogNormal { median: Span::secs(110), p99: Span::secs(200) });
    assert_eq!((spec.horizon, spec.tail), (Span::mins(24 * 60), Span::mins(1)));
}

/// The first app of the book with these overrides.
fn web(overrides: &[&str]) -> (AppSpec, Vec<BudgetSpec>) {
    let spec = sound("book-ch18", overrides).spec;
    (spec.apps.iter().next().cloned().expect("the app"), spec.budgets.clone())
}

#[test]
fn every_override_that_the_contract_names_works() {
    use crate::base::IntOrPercent::Int;
    for replicas in [1, 2, 5] {
        let argument = format!("cluster.control_plane.replicas={replicas}");
        assert_eq!(sound("book-ch18", &[&argument]).spec.control_plane.replicas, replicas);
    }
    let (app, _) = web(&["app.web.pre_stop=\"0s\"", "app.web.on_sigterm=\"exit\""]);
    assert_eq!((app.pre_stop, app.on_sigterm), (Span::ZERO, OnSigterm::Exit));
    let (app, budgets) = web(&["app.web.replicas=1", "app.web.pdb=\"none\""]);
    assert_eq!((app.replicas, budgets.iter().any(|budget| budget.name == "web")), (1, false));
    let (_, budgets) = web(&["app.web.replicas=1", "app.web.pdb.min_available=1"]);
    assert_eq!(budgets[0].rule, BudgetRule::MinAvailable(Int(1)), "it replaces max_unavailable");
    let (_, budgets) = web(&["app.web.pdb=\"none\"", "app.web.pdb.min_available=1"]);
    assert_eq!(budgets[0].rule, BudgetRule::MinAvailable(Int(1)), "a table replaces the word");
    let balancer = |overrides: &[&str]| sound("measured-cluster", overrides).spec.control_plane.load_balancer.clone();
    let changed = balancer(&["cluster.control_plane.load_balancer.interval=\"7s\""]);
    assert_eq!((changed.interval, changed.check), (Span::secs(7), HealthCheck::Readyz), "the preset stays");
    assert_eq!(balancer(&["cluster.control_plane.load_balancer=\"nlb\""]).on_down, OnDown::Cut);
    let (app, _) = web(&["app.web.readiness=\"none\"", "app.web.traffic.new.rps=1000000"]);
    assert_eq!(app.readiness, None);
}

#[test]
fn a_skipped_minor_is_refused_at_the_argument_with_the_rule() {
    let refused =
        shipped("book-ch18", &["cluster.version.to=\"1.16.0\""], None).expect_err("it skips 1.15").to_string();
    assert!(
        refused.starts_with("--set #1:1:20: error[E0202]: the control plane would go from 1.14.10 to 1.16.0"),
        "{refused}"
    );
    assert!(refused.contains("version skew policy") && refused.contains("help: upgrade to 1.15 first"), "{refused}");
    let refused = shipped("book-ch18", &["cluster.version.to=\"1.14.2\""], None).expect_err("it goes back").to_string();
    assert!(refused.contains("would go back from 1.14.10 to 1.14.2"), "{refused}");
}

#[test]
fn another_strategy_keeps_the_settings_that_it_has() {
    let given = &["strategy.post_drain_delay=\"2m\""][..];
    let scenario = shipped("book-ch18", given, Some("kops")).expect("a strategy");
    assert_eq!(scenario.strategy.name(), "kops");
    assert_eq!(scenario.strategy.values.span("post_drain_delay"), Span::mins(2));
    assert_eq!(scenario.strategy.values.count("validate_count"), 2, "the default of kops, not of kops-1.15");
    assert_ne!(scenario.hash, sound("book-ch18", given).hash);
    let refused = shipped("book-ch18", &[], Some("kosp")).expect_err("no such strategy").to_string();
    assert!(refused.starts_with("--strategy:1:15: error[E0205]: no strategy is called `kosp`"), "{refused}");
    assert!(refused.contains("did you mean `kops`?"), "{refused}");
}

#[test]
fn the_schema_accepts_every_shipped_scenario_and_its_resolved_form() {
    let schema = schema();
    for name in ALL {
        let text = std::fs::read_to_string(path(name)).expect("it is there");
        assert_eq!(mismatch(&schema, &as_json(&text)), None, "{name}");
        assert_eq!(mismatch(&schema, &as_json(resolved(&sound(name, &[])))), None, "{name}, resolved");
    }
}

#[test]
fn the_schema_flags_misspelt_keys_and_wrong_values_wherever_they_stand() {
    let schema = schema();
    let text = std::fs::read_to_string(path("book-ch18")).expect("it is there");
    for (good, bad) in [
        ("[cluster.control_plane]\nreplicas", "[cluster.control_plane]\nreplica"),
        ("count = 3", "cuont = 3"),
        ("grace = \"60s\"", "grase = \"60s\""),
        ("period = \"2s\"", "perod = \"2s\""),
        ("connections = \"new\"", "conections = \"new\""),
        ("pdb = { max_unavailable = 1 }", "pdb = { max_unavailable = 1, min_available = 1 }"),
        ("pdb = { max_unavailable = 1 }", "pdb = \"non\""),
        ("name = \"kops-1.15\"", "name = \"kops-1.15\"\nnode_intervall = \"1s\""),
        ("replicas = 3", "replicas = 0"),
        ("from = \"pool:clients\"", "from = \"pool clients\""),
        ("load_balancer = \"elb-classic\"", "load_balancer = \"elb\""),
    ] {
        assert!(text.contains(good), "{good}");
        assert_ne!(mismatch(&schema, &as_json(&text.replacen(good, bad, 1))), None, "{bad}");
    }
}

/// What of the value the schema forbids, for the keywords of draft-07 that ours uses.
fn mismatch(schema: &Json, value: &Json) -> Option<String> {
    let fields = schema.as_object()?;
    fields.iter().find_map(|(keyword, wanted)| {
        let fails = match (keyword.as_str(), wanted) {
            ("description" | "default" | "title" | "$schema" | "properties", _) => None,
            ("type", wanted) => (!has_type(wanted, value)).then_some(String::new()),
            ("const", wanted) => (value != wanted).then_some(String::new()),
            ("enum", Json::Array(all)) => (!all.contains(value)).then_some(String::new()),
            ("minimum", wanted) => (value.as_f64() < wanted.as_f64()).then_some(String::new()),
            ("maximum", wanted) => (value.as_f64() > wanted.as_f64()).then_some(String::new()),
            ("pattern", wanted) => (!matches_pattern(wanted.as_str()?, value.as_str()?)).then_some(String::new()),
            ("items", wanted) => value.as_array()?.iter().find_map(|item| mismatch(wanted, item)),
            ("minItems", wanted) => (value.as_array()?.len() < wanted.as_u64()? as usize).then_some(String::new()),
            ("maxItems", wanted) => (value.as_array()?.len() > wanted.as_u64()? as usize).then_some(String::new()),
            ("minProperties", wanted) => {
                (value.as_object()?.len() < wanted.as_u64()? as usize).then_some(String::new())
            }
            ("maxProperties", wanted) => {
                (value.as_object()?.len() > wanted.as_u64()? as usize).then_some(String::new())
            }
            ("required", Json::Array(keys)) => keys
                .iter()
                .find(|key| value.is_object() && value.get(key.as_str().unwrap_or("")).is_none())
                .map(Json::to_string),
            ("additionalProperties", wanted) => {
                let known = fields.get("properties");
                value.as_object()?.iter().find_map(|(key, inner)| match known.and_then(|known| known.get(key)) {
                    Some(schema) => mismatch(schema, inner),
                    None if wanted == &json!(false) => Some(key.clone()),
                    None => mismatch(wanted, inner),
                })
            }
            ("propertyNames", wanted) => value.as_object()?.keys().find_map(|key| mismatch(wanted, &json!(key))),
            ("anyOf", Json::Array(all)) => all
                .iter()
                .all(|one| mismatch(one, value).is_some())
                .then(|| all.last().and_then(|one| mismatch(one, value)).unwrap_or_default()),
            ("oneOf", Json::Array(all)) => {
                (all.iter().filter(|one| mismatch(one, value).is_none()).count() != 1).then_some(String::new())
            }
            (other, _) => panic!("the checker does not know `{other}`"),
        };
        fails.map(|detail| format!("{keyword} {wanted:.60} against {value:.60} {detail}"))
    })
}

fn has_type(wanted: &Json, value: &Json) -> bool {
    match wanted.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        other => panic!("the checker does not know the type {other:?}"),
    }
}

/// The few patterns that the schema uses, decided by the readers that they stand for.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    use crate::config::quantity;
    match pattern {
        _ if pattern.starts_with(r"^\s*(0|") => quantity::span(text).is_ok(),
        _ if pattern.contains(r"{1,2})%$") && !pattern.contains('.') => quantity::whole_percentage(text).is_ok(),
        _ if pattern.ends_with("%$") => quantity::percentage(text).is_ok(),
        _ if pattern.starts_with("^(outside|") => {
            text == "outside" || text.split_once(':').is_some_and(|(_, name)| quantity::is_label(name))
        }
        _ if pattern.starts_with("^[a-z0-9]") => quantity::is_label(text),
        r"^[0-9]+\.[0-9]+\.[0-9]+$" => text.parse::<Version>().is_ok(),
        _ => panic!("the checker does not know the pattern {pattern}"),
    }
}
