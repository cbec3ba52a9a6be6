//! Rancher's system-upgrade-controller: a Plan for the servers, a Plan for the agents, a Job for each node.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{WATCHES, node_ready};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::{Attempts, DrainSettings, SkipWait};
use crate::world::disturbance::MasterProcess;
use crate::world::fact::StepPhase;

/// system-upgrade-controller.
pub static SYSTEM_UPGRADE_CONTROLLER: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Needed,
    hides_etcd: false,
};

/// A Job's pods, one after another: the back-off doubles from 10 s to 6 min. Estimate: ten seconds at first, six minutes
/// after the fifth. Source: kubernetes pkg/controller/job/job_controller.go, DefaultJobPodFailureBackOff.
const JOB_PODS: Attempts =
    Attempts { length: Span::ZERO, pause: Span::secs(10), slow_after: Span::mins(5), slow_pause: Span::mins(6) };

static ENTRY: Entry = Entry {
    name: "system-upgrade-controller",
    about: "k3s servers and then agents upgraded in place by Jobs: a new binary, a restart, pods run on.",
    details: "Servers are cordoned, not drained, one at a time: all of a server's processes restart together as the new \
              version. Agents wait for the servers' plan, are drained if the plan says so, two at a time, in an order \
              that a hash of their names gives. A Job's pod that fails is followed by another until the Job's deadline; \
              then the Job has failed, the node stays cordoned and keeps its place among those at work (or, with `on_failure = \
              \"retry_after_ttl\"`, is tried again once the failed Job has been cleaned up). Nobody looks at health \
              beyond the Job.",
    settings: &SETTINGS,
    sources: &[
        "rancher/system-upgrade-controller pkg/upgrade/{plan,job}",
        "rancher/system-upgrade-controller examples/k3s-upgrade.yaml",
    ],
};

const EXAMPLE: &str = "rancher/system-upgrade-controller examples/k3s-upgrade.yaml";
const WINDOW: &str = "rancher/system-upgrade-controller pkg/apis/upgrade.cattle.io/v1/types.go, TimeWindowSpec";
const MANIFEST: &str = "rancher/system-upgrade-controller manifests/system-upgrade-controller.yaml";

static SETTINGS: [Setting; 13] = [
    START,
    count("server_concurrency", (1, 9), "1", "nodes", "Servers at a time.", EXAMPLE),
    count("agent_concurrency", (1, 5000), "2", "nodes", "Agents at a time.", EXAMPLE),
    setting("drain", Kind::Bool, "true", "Whether agents are drained; else they are only cordoned.", EXAMPLE),
    setting(
        "drain_timeout",
        SPAN,
        "\"0s\"",
        "Deadline of a drain; 0s for none.",
        "rancher/system-upgrade-controller pkg/apis/upgrade.cattle.io/v1/types.go, DrainSpec",
    ),
    setting(
        "drain_disable_eviction",
        Kind::Bool,
        "false",
        "Whether the drain deletes pods past all budgets (disableEviction).",
        "rancher/system-upgrade-controller pkg/apis/upgrade.cattle.io/v1/types.go, DrainSpec",
    ),
    setting(
        "skip_wait_for_delete_timeout",
        SPAN,
        "\"60s\"",
        "Pods whose deletion is older than this are not waited for; 0s: all are.",
        EXAMPLE,
    ),
    setting(
        "job_active_deadline",
        SPAN,
        "\"15m\"",
        "A Job that takes longer fails, whatever its back-off limit; 0s: none.",
        MANIFEST,
    ),
    window_opens("window_start", WINDOW),
    window_lasts("window_duration", WINDOW),
    setting(
        "install",
        SPAN,
        "\"30s\"",
        "Time of a Job's pod until the new binary is in place.",
        "rollproof: an estimate",
    ),
    setting(
        "on_failure",
        Kind::Choice(&["slot_blocked", "retry_after_ttl"]),
        "\"slot_blocked\"",
        "What becomes of a node whose Job failed for good.",
        "rancher/system-upgrade-controller pkg/upgrade/handle_batch.go; the second is an inference from the code",
    ),
    setting("ttl_after_finished", SPAN, "\"15m\"", "A finished Job is cleaned up after this.", MANIFEST),
];

fn plan(values: &Values) -> Plan {
    let deadline = unless_zero(values, "job_active_deadline");
    let swap = Swap {
        processes: MasterProcess::ALL.to_vec(),
        together: true,
        one_process: true,
        every: WATCHES,
        deadline,
        rollback: false,
    };
    let install = Step::Wait(StepPhase::Transition, values.span("install"));
    let back = Gate { deadline, ..node_ready(WATCHES) };
    let in_place = [install, Step::Transition(Transition::Kubelet), Step::Gate(back), Step::Uncordon];
    let mut server = vec![Step::Cordon, Step::Swap(swap)];
    server.extend(in_place.clone());
    let mut agent = vec![Step::Cordon];
    if values.flag("drain") {
        // A drain that fails fails the Job's pod, and the next pod drains on, until the Job's own deadline.
        let attempts = unless_zero(values, "drain_timeout").map(|length| Attempts { length, ..JOB_PODS });
        let skip_wait = unless_zero(values, "skip_wait_for_delete_timeout");
        let how = DrainSettings {
            timeout: deadline,
            attempts,
            past_budgets: values.flag("drain_disable_eviction"),
            skip_wait: skip_wait.map(|after| SkipWait { after, unreachable: false }),
            ..DrainSettings::new()
        };
        agent.push(Step::Drain(Drain { how, on_deadline: OnDeadline::Fail }));
    }
    agent.extend(in_place);
    let failed = match values.choice("on_failure") {
        "retry_after_ttl" => Action::Retry(values.span("ttl_after_finished").max(Span::secs(1))),
        _ => Action::Hold,
    };
    let stage = |name, groups, steps, most: &str| {
        let most = Amount::count(u32::try_from(values.count(most)).unwrap_or(u32::MAX));
        let on_error = OnError { api: Action::Retry(Span::secs(5)), ..OnError::all(failed) };
        Stage { template: false, order: Order::Hash, on_error, ..Stage::of(name, groups, steps) }.at_once(most)
    };
    let stages = vec![
        stage("servers", Groups::Masters, server, "server_concurrency"),
        stage("agents", Groups::Workers, agent, "agent_concurrency"),
    ];
    let window = daily_window(values, "window_start", "window_duration", false);
    Plan { window, ..Plan::of(values.span("start"), stages) }
}
