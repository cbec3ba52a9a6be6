//! What a run found. The JSON of `rollproof run` is this, field by field; names are stable, more may be added.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a run found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Outcome {
    /// Version of this format.
    pub schema: u32,
    /// Which scenario.
    pub scenario: ScenarioId,
    /// Version of the model: equal versions give equal digests.
    pub model_version: String,
    /// The seed.
    pub seed: u64,
    /// The strategy's name.
    pub strategy: String,
    /// The answer.
    pub verdict: Verdict,
    /// Why the plan does not hold, or why it is undecided; empty when it holds.
    pub reasons: Vec<Reason>,
    /// How the upgrade went.
    pub upgrade: Upgrade,
    /// Users' requests.
    pub requests: Requests,
    /// etcd; `None` where a managed control plane hides it.
    pub etcd: Option<EtcdFigures>,
    /// Restores of etcd from a snapshot, in order.
    pub restores: Vec<RestoreFigures>,
    /// The API, as its clients see it.
    pub api: ApiFigures,
    /// Measuring clients' requests, by probe and by whom they were sent to: `master-1`, or `load-balancer`.
    pub probes: BTreeMap<String, BTreeMap<String, ProbeFigures>>,
    /// Pods.
    pub pods: PodFigures,
    /// Cost.
    pub cost: Cost,
    /// Connections that broke the version skew policy.
    pub skew_violations: u64,
    /// Moments at which an app stood below a budget without any fault.
    pub pdb_violations: u64,
    /// Events of the run.
    pub events: u64,
    /// Simulated length, seconds.
    pub sim_seconds: f64,
    /// Hash of the fact stream, 32 hexadecimal digits.
    pub digest: String,
}

/// A scenario's name and the hash of its parsed form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ScenarioId {
    /// Its name.
    pub name: String,
    /// Hash of its parsed form, overrides included.
    pub hash: String,
}

/// The answer of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The plan met its objective.
    Holds,
    /// A law broke, or the objective was missed.
    Refuted,
    /// A limit was reached before an answer.
    Undecided,
}

/// A broken law, or a limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Reason {
    /// The law's name, such as `no-exposure` or `etcd-quorum`.
    pub law: String,
    /// When, seconds.
    pub at_s: f64,
    /// In a sentence.
    pub message: String,
    /// The causal chain, root first, one line each: `12.310 s evict web-7 (drain of workers-2)`.
    pub cause: Vec<String>,
}

/// The name under which a limit stands among the reasons.
pub const LIMIT: &str = "limit";

/// How the upgrade ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum UpgradeResult {
    /// All units are at their target.
    Completed,
    /// The tool gave up.
    Failed,
    /// Nothing new can happen.
    Stalled,
    /// The horizon came first.
    Horizon,
}

/// How the upgrade went.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Upgrade {
    /// How it ended.
    pub result: UpgradeResult,
    /// From the operator's start to the end, seconds.
    pub seconds: f64,
    /// What it waited for when it failed or stalled.
    pub blocker: Option<String>,
    /// Every unit's phases in order of their start.
    pub steps: Vec<Step>,
    /// What the tool would have printed beside: retries, errors it went on after.
    pub remarks: Vec<Remark>,
}

/// A line of the tool's own output.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Remark {
    /// When, seconds.
    pub at_s: f64,
    /// What it says.
    pub text: String,
}

/// One phase of one unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Step {
    /// The unit's label, such as `master-1`.
    pub unit: String,
    /// `premarked`, `cordoned`, `draining`, ... (see `StepPhase`).
    pub phase: String,
    /// Start, seconds.
    pub start_s: f64,
    /// End, seconds; `None`: still in it when the run ended.
    pub end_s: Option<f64>,
}

/// Counts of users' requests. `sent = ok + lost + abandoned + in_flight`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Requests {
    /// Requests sent.
    pub sent: u64,
    /// Answered well and in time.
    pub ok: u64,
    /// Lost.
    pub lost: u64,
    /// Given up by their clients for reasons of their own.
    pub abandoned: u64,
    /// Under way when the run ended.
    pub in_flight: u64,
    /// Tries, retries included.
    pub attempts: u64,
    /// Expected number of lost requests given the cluster's history.
    pub expected_lost: f64,
    /// Time during which some group's request could have been lost, whatever its rate; seconds.
    pub exposed_s: f64,
    /// Longest time in which every request of some group failed; seconds.
    pub longest_outage_s: f64,
    /// When it was first seen that a request is lost, seconds since the run's start; `null`: none is.
    pub first_lost_s: Option<f64>,
    /// Lost requests by mechanism.
    pub by_cause: BTreeMap<String, u64>,
    /// By app.
    pub by_app: BTreeMap<String, Share>,
    /// By client group, as `app/group`.
    pub by_client: BTreeMap<String, Share>,
    /// Service times of answered requests; seconds.
    pub latency_s: Latency,
}

/// One part of the requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Share {
    /// Requests sent.
    pub sent: u64,
    /// Answered.
    pub ok: u64,
    /// Lost.
    pub lost: u64,
    /// Given up.
    pub abandoned: u64,
    /// Under way at the end.
    pub in_flight: u64,
    /// Expected number of lost requests.
    pub expected_lost: f64,
    /// Exposure, seconds.
    pub exposed_s: f64,
    /// Longest outage, seconds.
    pub longest_outage_s: f64,
    /// Lost requests by mechanism.
    pub by_cause: BTreeMap<String, u64>,
}

/// Service times, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Latency {
    /// Half are below.
    pub p50: f64,
    /// Ninety-nine in a hundred are below.
    pub p99: f64,
    /// None is above.
    pub max: f64,
}

/// etcd's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct EtcdFigures {
    /// Times the majority of voters was gone.
    pub quorum_breaks: u64,
    /// Time without a majority of voters, seconds.
    pub quorum_lost_s: f64,
    /// Elections won.
    pub leader_changes: u64,
    /// Time without a leader, seconds.
    pub no_leader_s: f64,
    /// Smallest number of voters up beyond a majority; -1 and below: quorum broken.
    pub min_margin: i64,
    /// Smallest number of voters up.
    pub min_members: u64,
}

/// What a restore of etcd cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct RestoreFigures {
    /// When, seconds.
    pub at_s: f64,
    /// Age of the snapshot, seconds.
    pub snapshot_age_s: f64,
    /// Writes since the snapshot, lost.
    pub lost_writes: u64,
    /// Pods created since, which are gone.
    pub pods_gone: u64,
    /// Pods deleted since, which are back.
    pub pods_back: u64,
    /// Nodes that joined since, which must register anew.
    pub nodes_gone: u64,
}

/// The API's figures, for a new request through its load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ApiFigures {
    /// Time during which no request could succeed, seconds.
    pub unavailable_s: f64,
    /// Longest such time, seconds.
    pub longest_gap_s: f64,
    /// Time during which some requests failed, others not; seconds.
    pub degraded_s: f64,
    /// Failed requests of the cluster's own clients and the operator.
    pub errors: u64,
}

/// One probe's requests to one target. `sent = ok + failed + in_flight`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ProbeFigures {
    /// Requests sent.
    pub sent: u64,
    /// Answered well and in time.
    pub ok: u64,
    /// Failed or without an answer in time.
    pub failed: u64,
    /// Under way when the run ended.
    pub in_flight: u64,
    /// Answered well after more than half a second.
    pub slow: u64,
    /// The longest that a well answered request took, seconds.
    pub slowest_s: f64,
    /// Longest time between two good answers and when it began, seconds; `None`: fewer than two.
    pub longest_ok_gap_s: Option<[f64; 2]>,
    /// When the first and the last failed request were sent, seconds; `None`: none failed.
    pub failed_sent_s: Option<[f64; 2]>,
    /// The longest that a failed request took to fail, seconds.
    pub fail_after_s: f64,
}

/// Pods' figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct PodFigures {
    /// Pods created to replace others.
    pub moves: u64,
    /// The most often moved replica's moves (pods that one replica needed, less one).
    pub max_moves_of_one: u64,
    /// Fewest Ready pods, by app.
    pub min_ready: BTreeMap<String, u64>,
}

/// Cost figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Cost {
    /// Machine hours beyond the cluster's own size.
    pub extra_node_hours: f64,
}

/// The JSON Schema of an [`Outcome`] (draft 2020-12), for who reads results.
#[cfg(feature = "cli")]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Outcome).to_value()
}
