//! From a finished run to its outcome: figures, broken laws, verdict.

use std::collections::BTreeMap;

use super::outcome::*;
use super::simulation::{Limit, Simulation};
use crate::base::{Id, Time};
use crate::observe::figures::StepSpan;
use crate::observe::laws::{self, Breach, Ending, Evidence};
use crate::observe::own::Shown;
use crate::observe::tell;
use crate::observe::trace::{Record, Trace};
use crate::scenario::Scenario;
use crate::world::fact::{Fact, Loss, Unit};
use crate::world::ids::{MasterId, ProbeId};
use crate::world::spec::{PlaneProbeSpec, Spec};

/// The outcome of a run, but for the steps of its upgrade.
pub(super) fn outcome(
    scenario: &Scenario,
    run: &Simulation,
    ending: &Ending,
    limit: Limit,
    digest: String,
    seed: u64,
    trace: Option<&Trace>,
) -> Outcome {
    let requests = requests(run);
    let (mut reasons, mut open) = (broken(scenario, run, ending, &requests, trace), Vec::new());
    for (law, shown) in run.own.shown(run.world.now()) {
        match shown {
            Shown::Broken(breach) => reasons.push(reason(law, breach, trace)),
            Shown::NotExercised(breach) => open.push(reason(law, breach, trace)),
        }
    }
    open.extend(reached(scenario, run, ending, limit));
    let verdict = match (reasons.is_empty(), open.is_empty()) {
        (false, _) => Verdict::Refuted,
        (true, false) => Verdict::Undecided,
        (true, true) => Verdict::Holds,
    };
    reasons.extend(open);
    let now = run.world.now();
    let figures = &run.figures;
    let (gone, gap, _) = figures.api_gone.figures(now);
    let (degraded, _, _) = figures.api_degraded.figures(now);
    Outcome {
        schema: 1,
        scenario: ScenarioId { name: scenario.name.clone(), hash: scenario.hash.clone() },
        model_version: super::MODEL_VERSION.to_owned(),
        seed,
        strategy: scenario.strategy.name().to_owned(),
        verdict,
        reasons,
        upgrade: upgrade(scenario, run, ending),
        requests,
        etcd: (!scenario.strategy.entry.hides_etcd).then(|| etcd(run, now)),
        restores: figures.restores.iter().map(restore).collect(),
        api: ApiFigures {
            unavailable_s: gone.as_secs_f64(),
            longest_gap_s: gap.as_secs_f64(),
            degraded_s: degraded.as_secs_f64(),
            errors: figures.api_errors,
        },
        probes: probes(run),
        pods: pods(run),
        cost: Cost { extra_node_hours: run.world.cloud().extra_machine_time(now).as_secs_f64() / 3600.0 },
        skew_violations: figures.skew.0,
        pdb_violations: figures.budget.0,
        events: run.events,
        sim_seconds: now.secs_f64(),
        digest,
    }
}

fn restore(fact: &(Time, Fact)) -> RestoreFigures {
    let (at, Fact::Restored { age, writes, gone, back, nodes }) = *fact else { return RestoreFigures::default() };
    RestoreFigures {
        at_s: at.secs_f64(),
        snapshot_age_s: age.as_secs_f64(),
        lost_writes: writes,
        pods_gone: gone.into(),
        pods_back: back.into(),
        nodes_gone: nodes.into(),
    }
}

/// The label of requests that go to the API's load balancer.
const LOAD_BALANCER: &str = "load-balancer";

fn probes(run: &Simulation) -> BTreeMap<String, BTreeMap<String, ProbeFigures>> {
    let seconds = |times: (Time, Time)| [times.0.secs_f64(), times.1.secs_f64()];
    let series = |probe: ProbeId, target: Option<MasterId>| {
        let counted = run.figures.probed.of(probe, target);
        let in_flight = run.world.probes().in_flight(probe, target);
        ProbeFigures {
            sent: counted.ok + counted.failed + in_flight,
            ok: counted.ok,
            failed: counted.failed,
            in_flight,
            slow: counted.slow,
            slowest_s: counted.slowest.as_secs_f64(),
            longest_ok_gap_s: counted.longest_gap.map(|(gap, since)| [gap.as_secs_f64(), since.secs_f64()]),
            failed_sent_s: counted.failed_sent.map(seconds),
            fail_after_s: counted.fail_after.as_secs_f64(),
        }
    };
    let spec = run.world.spec();
    let of_probe = |(probe, asked): (ProbeId, &PlaneProbeSpec)| {
        let label = |target: Option<MasterId>| {
            target.map_or(LOAD_BALANCER.to_owned(), |master| format!("master-{}", master.index() + 1))
        };
        let targets = asked.targets(spec.control_plane.replicas).into_iter();
        (asked.name.clone(), targets.map(|target| (label(target), series(probe, target))).collect())
    };
    spec.probes.entries().map(of_probe).collect()
}

/// A law that was broken.
fn reason(law: &str, breach: Breach, trace: Option<&Trace>) -> Reason {
    let at_s = breach.first.at.secs_f64();
    let cause = trace.map(|trace| cause(law, breach.first.event, trace)).unwrap_or_default();
    Reason { law: law.to_owned(), at_s, message: breach.message, cause }
}

/// The laws of the catalogue that were broken.
fn broken(
    scenario: &Scenario,
    run: &Simulation,
    ending: &Ending,
    requests: &Requests,
    trace: Option<&Trace>,
) -> Vec<Reason> {
    let now = run.world.now();
    let evidence = Evidence {
        figures: &run.figures,
        exposed: run.figures.exposed.total(now),
        lost: requests.lost,
        ending: (ending, run.figures.last_progress),
        end: now,
        etcd_visible: !scenario.strategy.entry.hides_etcd,
        spec: &scenario.spec,
    };
    let asked = laws::CATALOG.iter().filter(|law| scenario.objective.laws.contains(&law.name()));
    let mut reasons: Vec<Reason> = asked
        .filter_map(|law| (law.judge)(&evidence, &scenario.objective).map(|breach| (law, breach)))
        .map(|(law, breach)| reason(law.name(), breach, trace))
        .collect();
    if reasons.iter().any(|reason| reason.law == "no-loss") {
        reasons.retain(|reason| reason.law != "no-loss");
        reasons.extend(losses(run, requests, trace));
    }
    reasons
}

/// The limit that the run reached, if any.
fn reached(scenario: &Scenario, run: &Simulation, ending: &Ending, limit: Limit) -> Option<Reason> {
    let message = match limit {
        Limit::None => return None,
        Limit::Horizon => format!("the horizon of {} came before the end of the plan", scenario.spec.horizon),
        Limit::Events => format!("the limit of {} events was reached", scenario.limits.events),
    };
    let waits = match ending {
        Ending::Horizon(why) if !why.is_empty() => format!("; it waited for: {why}"),
        Ending::Horizon(_) | Ending::Completed | Ending::Failed(_) | Ending::Stalled(_) => String::new(),
    };
    let (law, at_s, message) = (LIMIT.to_owned(), run.world.now().secs_f64(), format!("{message}{waits}"));
    Some(Reason { law, at_s, message, cause: Vec::new() })
}

/// The chain that led to a law's first breach.
fn cause(law: &str, event: u64, trace: &Trace) -> Vec<String> {
    let shows = |record: &Record| match law {
        "no-exposure" => matches!(record.fact, Fact::ExposureBegan { .. } | Fact::Exposed { .. }),
        "no-loss" => matches!(record.fact, Fact::RequestsLost { .. }),
        "etcd-quorum" => matches!(record.fact, Fact::QuorumIs { .. }),
        "api-path" => matches!(record.fact, Fact::ApiServes { .. }),
        "version-skew" => matches!(record.fact, Fact::SkewBroken { .. }),
        "identity" => matches!(record.fact, Fact::PodStarted { .. } | Fact::PodRestarted { .. }),
        "rollout-progress" => matches!(record.fact, Fact::RolloutStalled { .. }),
        "budget" => matches!(record.fact, Fact::PodDeleting { .. }),
        "completion" => false,
        // A law of one's own: what happened in that event.
        _ => true,
    };
    tell::chain(trace, |record| record.event == event && shows(record))
}

/// One reason for each way in which requests were lost, each with the chain of its first loss.
fn losses(run: &Simulation, requests: &Requests, trace: Option<&Trace>) -> Vec<Reason> {
    let reason = |kind: Loss| {
        let count = *requests.by_cause.get(kind.name())?;
        let first = run.figures.first_lost[kind as usize]?;
        let shows = |record: &Record| matches!(record.fact, Fact::RequestsLost { loss, .. } if loss == kind);
        let lost = if count == 1 { "request was" } else { "requests were" };
        Some(Reason {
            law: "no-loss".to_owned(),
            at_s: first.at.secs_f64(),
            message: format!("{count} {lost} lost: {}", kind.name()),
            cause: trace.map(|trace| tell::chain(trace, shows)).unwrap_or_default(),
        })
    };
    Loss::ALL.into_iter().filter_map(reason).collect()
}

fn requests(run: &Simulation) -> Requests {
    let spec = run.world.spec();
    let first = run.figures.first_lost.iter().flatten().map(|first| first.at).min();
    let mut all = Requests { first_lost_s: first.map(Time::secs_f64), ..Requests::default() };
    for (group, ledger) in run.world.traffic().ledgers().entries() {
        let asked = &spec.groups[group];
        let app = &spec.apps[asked.app];
        let lost = ledger.lost_in_all();
        all.sent += ledger.sent;
        all.ok += ledger.ok;
        all.lost += lost;
        all.abandoned += ledger.abandoned;
        all.in_flight += ledger.in_flight;
        all.attempts += ledger.attempts;
        all.expected_lost += ledger.expected_lost;
        all.longest_outage_s = all.longest_outage_s.max(ledger.longest_outage.as_secs_f64());
        all.latency_s.p50 = all.latency_s.p50.max(ledger.latency.p50.as_secs_f64());
        all.latency_s.p99 = all.latency_s.p99.max(ledger.latency.p99.as_secs_f64());
        all.latency_s.max = all.latency_s.max.max(ledger.latency.max.as_secs_f64());
        let mut share = Share {
            sent: ledger.sent,
            ok: ledger.ok,
            lost,
            abandoned: ledger.abandoned,
            in_flight: ledger.in_flight,
            expected_lost: ledger.expected_lost,
            exposed_s: ledger.exposed.as_secs_f64(),
            longest_outage_s: ledger.longest_outage.as_secs_f64(),
            by_cause: BTreeMap::new(),
        };
        for loss in Loss::ALL {
            let count = ledger.lost_by(loss);
            if count > 0 {
                share.by_cause.insert(loss.name().to_owned(), count);
                *all.by_cause.entry(loss.name().to_owned()).or_default() += count;
            }
        }
        add(all.by_app.entry(app.name.clone()).or_default(), &share);
        all.by_client.insert(format!("{}/{}", app.name, asked.name), share);
    }
    all.exposed_s = run.figures.exposed.total(run.world.now()).as_secs_f64();
    all
}

fn add(whole: &mut Share, part: &Share) {
    whole.sent += part.sent;
    whole.ok += part.ok;
    whole.lost += part.lost;
    whole.abandoned += part.abandoned;
    whole.in_flight += part.in_flight;
    whole.expected_lost += part.expected_lost;
    whole.exposed_s = whole.exposed_s.max(part.exposed_s);
    whole.longest_outage_s = whole.longest_outage_s.max(part.longest_outage_s);
    for (cause, count) in &part.by_cause {
        *whole.by_cause.entry(cause.clone()).or_default() += count;
    }
}

fn etcd(run: &Simulation, now: Time) -> EtcdFigures {
    let quorum = &run.figures.quorum;
    let (lost, _, breaks) = quorum.broken.figures(now);
    let (leaderless, _, _) = quorum.leaderless.figures(now);
    EtcdFigures {
        quorum_breaks: breaks,
        quorum_lost_s: lost.as_secs_f64(),
        leader_changes: quorum.leader_changes,
        no_leader_s: leaderless.as_secs_f64(),
        min_margin: quorum.margin_min,
        min_members: u64::from(quorum.up_min),
    }
}

fn pods(run: &Simulation) -> PodFigures {
    let names = run.world.spec().apps.iter().map(|app| app.name.clone());
    let ready = run.figures.apps.iter().map(|app| u64::from(app.healthy_min));
    PodFigures {
        moves: run.figures.moves(),
        max_moves_of_one: run.figures.apps.iter().map(|app| app.moves_max).max().unwrap_or(0),
        min_ready: names.zip(ready).collect(),
    }
}

fn upgrade(scenario: &Scenario, run: &Simulation, ending: &Ending) -> Upgrade {
    let (result, blocker) = match ending {
        Ending::Completed => (UpgradeResult::Completed, None),
        Ending::Failed(why) => (UpgradeResult::Failed, Some(why.clone())),
        Ending::Stalled(why) => (UpgradeResult::Stalled, Some(why.clone())),
        Ending::Horizon(why) => (UpgradeResult::Horizon, Some(why.clone())),
    };
    let remarks = run.drivers.remarks().into_iter().map(|(at, text)| Remark { at_s: at.secs_f64(), text });
    let end = match ending {
        Ending::Completed | Ending::Failed(_) | Ending::Stalled(_) => run.figures.last_progress,
        Ending::Horizon(_) => run.world.now(),
    };
    let start = scenario.strategy.start();
    Upgrade {
        result,
        seconds: end.since(Time::ZERO + start).as_secs_f64(),
        blocker,
        steps: Vec::new(),
        remarks: remarks.collect(),
    }
}

/// The steps of the upgrade by their names; `labels` are those of the machines.
pub(super) fn steps(steps: &[StepSpan], labels: &[&str], spec: &Spec) -> Vec<Step> {
    let label = |unit: Unit| match unit {
        Unit::Node(node) => labels.get(node.index()).copied().unwrap_or_default().to_owned(),
        Unit::Pool(pool) => spec.pools[pool].name.clone(),
        Unit::Masters => "masters".to_owned(),
        Unit::Cluster => "cluster".to_owned(),
    };
    let named = steps.iter().map(|step| Step {
        unit: label(step.unit),
        phase: step.phase.name().to_owned(),
        start_s: step.start.secs_f64(),
        end_s: step.end.map(Time::secs_f64),
    });
    named.collect()
}
