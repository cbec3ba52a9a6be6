//! What a scenario shows without a run: one small rule each, with its message and the way out.
//!
//! A rule points; it does not judge. Only a run says whether what it points at costs anything: an app without preStop
//! behind quick proxies may lose nothing, and a budget that allows no eviction stops no plan that deletes.

use serde::Serialize;

use crate::base::Span;
use crate::observe::laws::Completion;
use crate::scenario::Scenario;
use crate::world::ids::AppId;
use crate::world::spec::{AppSpec, BudgetRule, BudgetSpec, HealthCheck, OnSigterm, Spec, Spread};

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// What is so.
    pub message: String,
    /// The way out.
    pub help: String,
}

/// A rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it looks for.
    pub about: &'static str,
    look: fn(&Scenario) -> Found,
}

/// All rules.
pub static CATALOG: &[Rule] = &[
    Rule {
        name: "no-pre-stop",
        about: "An app that stops listening at SIGTERM has no preStop hook.",
        look: no_pre_stop,
    },
    Rule { name: "pre-stop-fills-grace", about: "A preStop hook lasts as long as the grace period.", look: pre_stop },
    Rule { name: "ignores-sigterm", about: "An app ignores SIGTERM and is killed.", look: ignores_sigterm },
    Rule { name: "single-replica", about: "An app with traffic has one replica.", look: single_replica },
    Rule { name: "no-budget", about: "An app with several replicas has no budget.", look: no_budget },
    Rule { name: "budget-allows-nothing", about: "A budget never allows an eviction.", look: budget_allows_nothing },
    Rule { name: "budget-allows-all", about: "A budget lets all pods of an app go at once.", look: budget_allows_all },
    Rule { name: "all-on-one-node", about: "All pods of an app stand together on one node.", look: together },
    Rule { name: "ready-before-warm", about: "An app is Ready before it can carry traffic.", look: ready_before_warm },
    Rule { name: "one-node-less", about: "The pods do not fit on one node less.", look: one_node_less },
    Rule { name: "no-spare-voter", about: "etcd has no spare voter while a master is replaced.", look: no_spare_voter },
    Rule {
        name: "tcp-check-and-shutdown-delay",
        about: "A TCP health check does not see an API server that shuts down.",
        look: tcp_check,
    },
];

/// What all rules find, in their order.
pub fn all(plan: &Scenario) -> Vec<Finding> {
    let found = |rule: &Rule| {
        let name = rule.name;
        (rule.look)(plan).into_iter().map(move |(message, help)| Finding { rule: name, message, help })
    };
    CATALOG.iter().flat_map(found).collect()
}

/// Apps that somebody asks.
fn asked(spec: &Spec) -> impl Iterator<Item = (AppId, &AppSpec)> {
    spec.apps.entries().filter(|(id, _)| spec.groups.iter().any(|group| group.app == *id))
}

/// What is so, and the way out, for each place where a rule finds something.
type Found = Vec<(String, String)>;

fn look(message: String, help: &str) -> (String, String) {
    (message, help.to_owned())
}

fn no_pre_stop(plan: &Scenario) -> Found {
    let at_risk = |app: &AppSpec| app.pre_stop.is_zero() && app.on_sigterm != OnSigterm::Ignore;
    let without = asked(&plan.spec).filter(|(_, app)| at_risk(app));
    let message = |app: &AppSpec| {
        format!("`{}` has no pre_stop: it stops listening before the last node has heard that it goes", app.name)
    };
    without
        .map(|(_, app)| look(message(app), "pre_stop of some seconds, longer than the slowest rule change"))
        .collect()
}

fn pre_stop(plan: &Scenario) -> Found {
    let filled = asked(&plan.spec).filter(|(_, app)| !app.pre_stop.is_zero() && app.pre_stop >= app.grace);
    let message = |app: &AppSpec| {
        format!(
            "`{}`: pre_stop ({}) leaves nothing of grace ({}): it is killed before it can drain",
            app.name, app.pre_stop, app.grace
        )
    };
    filled.map(|(_, app)| look(message(app), "a grace longer than pre_stop and the slowest request together")).collect()
}

fn ignores_sigterm(plan: &Scenario) -> Found {
    let deaf = asked(&plan.spec).filter(|(_, app)| app.on_sigterm == OnSigterm::Ignore);
    let message = |app: &AppSpec| format!("`{}` ignores SIGTERM and is killed after {}", app.name, app.grace);
    deaf.map(|(_, app)| look(message(app), "hand the signal on (exec in the start script), and drain")).collect()
}

fn single_replica(plan: &Scenario) -> Found {
    let single = asked(&plan.spec).filter(|(_, app)| app.replicas == 1);
    let message = |app: &AppSpec| format!("`{}` has one replica: while it moves nobody serves", app.name);
    single.map(|(_, app)| look(message(app), "two replicas or more, on different nodes, with a budget")).collect()
}

fn no_budget(plan: &Scenario) -> Found {
    let spec = &plan.spec;
    let free =
        asked(spec).filter(|(id, app)| app.replicas > 1 && !spec.budgets.iter().any(|budget| budget.apps.contains(id)));
    let message = |app: &AppSpec| format!("`{}` has no budget: a drain may take all its pods at once", app.name);
    free.map(|(_, app)| look(message(app), "pdb = { max_unavailable = 1 }")).collect()
}

/// Pods that a budget lets go when all are healthy, and all of them.
fn allows(budget: &BudgetSpec, spec: &Spec) -> (u32, u32) {
    let replicas: u32 = budget.apps.iter().map(|app| spec.apps[*app].replicas).sum();
    let allowed = match budget.rule {
        BudgetRule::MinAvailable(least) => replicas.saturating_sub(least.of_rounding_up(replicas)),
        BudgetRule::MaxUnavailable(most) => most.of_rounding_up(replicas),
    };
    (allowed, replicas)
}

fn budget_allows_nothing(plan: &Scenario) -> Found {
    let spec = &plan.spec;
    let stuck = spec.budgets.iter().filter(|budget| {
        let (allowed, replicas) = allows(budget, spec);
        allowed == 0 && replicas > 0
    });
    let must = plan.objective.completion == Completion::MustComplete && plan.objective.laws.contains(&"completion");
    let message = |budget: &BudgetSpec| {
        let then = if must { ", and the upgrade must complete" } else { "" };
        format!("the budget `{}` allows no eviction even when all pods are healthy{then}", budget.name)
    };
    stuck.map(|budget| look(message(budget), "one replica more, or max_unavailable = 1")).collect()
}

fn budget_allows_all(plan: &Scenario) -> Found {
    let spec = &plan.spec;
    let loose = spec.budgets.iter().filter(|budget| {
        let (allowed, replicas) = allows(budget, spec);
        allowed >= replicas && replicas > 1
    });
    let message = |budget: &BudgetSpec| format!("the budget `{}` lets all pods go at once", budget.name);
    loose.map(|budget| look(message(budget), "max_unavailable = 1")).collect()
}

fn together(plan: &Scenario) -> Found {
    let stacked = asked(&plan.spec).filter(|(_, app)| app.spread == Spread::Together && app.replicas > 1);
    let message = |app: &AppSpec| format!("all {} pods of `{}` stand on one node", app.replicas, app.name);
    stacked.map(|(_, app)| look(message(app), "spread = \"hosts\"")).collect()
}

fn ready_before_warm(plan: &Scenario) -> Found {
    let cold = asked(&plan.spec).filter(|(_, app)| {
        let delay = app.readiness.map_or(Span::ZERO, |probe| probe.initial_delay);
        app.readiness.is_none() || app.warm_up > delay && !app.warm_up.is_zero()
    });
    let message = |app: &AppSpec| match app.readiness {
        None => format!("`{}` has no readiness probe: it gets traffic before it listens", app.name),
        Some(_) => format!("`{}` is Ready before its warm-up of {} is over", app.name, app.warm_up),
    };
    cold.map(|(_, app)| look(message(app), "a readiness probe that passes only when the app is warm")).collect()
}

fn one_node_less(plan: &Scenario) -> Found {
    let spec = &plan.spec;
    let tight = |(id, pool): (crate::world::ids::PoolId, &crate::world::spec::PoolSpec)| {
        if !pool.runs_apps || !pool.upgrade || pool.count < 2 {
            return None;
        }
        let here = spec.apps.iter().filter(|app| app.pool == Some(id) || app.pool.is_none() && spec.pools.len() == 1);
        let (cpu, memory) = here.fold((0, 0), |(cpu, memory), app| {
            (
                cpu + u64::from(app.cpu) * u64::from(app.replicas),
                memory + u64::from(app.memory) * u64::from(app.replicas),
            )
        });
        let left = u64::from(pool.count - 1);
        let full = cpu > left * u64::from(pool.cpu) || memory > left * u64::from(pool.memory);
        let message = format!("the pods of pool `{}` do not fit on {} nodes, one less than it has", pool.name, left);
        full.then(|| look(message, "one node more, or a strategy that adds a node before it drains one"))
    };
    spec.pools.entries().filter_map(tight).collect()
}

fn no_spare_voter(plan: &Scenario) -> Found {
    let voters = plan.spec.control_plane.replicas;
    if plan.strategy.entry.hides_etcd || voters == 0 || (voters - 1) / 2 >= 2 {
        return Vec::new();
    }
    let message = match voters {
        1 | 2 => {
            format!("etcd with {voters} voter{} loses its quorum with any one", if voters == 1 { "" } else { "s" })
        }
        _ => format!(
            "etcd with {voters} voters has no spare one while a master is replaced: one fault then breaks its quorum"
        ),
    };
    vec![look(message, "five masters keep a spare voter")]
}

fn tcp_check(plan: &Scenario) -> Found {
    let plane = &plan.spec.control_plane;
    if plane.load_balancer.check != HealthCheck::Tcp || plane.api_server.shutdown_delay.is_zero() {
        return Vec::new();
    }
    let message = format!(
        "the API's load balancer checks TCP only, so an API server's shutdown delay ({}) does not take it out",
        plane.api_server.shutdown_delay
    );
    vec![look(message, "load_balancer = { check = \"readyz\" }")]
}
