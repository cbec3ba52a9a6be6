//! What to do next: one or two hints that follow from what was found.

use crate::sim::Outcome;
use crate::sim::outcome::{EtcdFigures, Requests, UpgradeResult, Verdict};
use crate::world::fact::Loss;

/// Hints at most: more would be a list to study, not advice.
const MOST: usize = 2;

/// One or two hints, the most helpful first. Never empty.
pub(super) fn hints(outcome: &Outcome) -> Vec<String> {
    let mut hints = Vec::new();
    stuck(outcome, &mut hints);
    if let Some(etcd) = outcome.etcd.as_ref().filter(|etcd| etcd.quorum_breaks > 0) {
        hints.push(quorum(etcd));
    }
    for (loss, app) in worst_losses(&outcome.requests) {
        hints.push(for_loss(loss, &app));
    }
    if outcome.pdb_violations > 0 && outcome.verdict == Verdict::Refuted {
        hints.push("Something took pods without asking their budget: drain by eviction, not by deletion.".to_owned());
    }
    if outcome.skew_violations > 0 && outcome.verdict == Verdict::Refuted {
        hints.push("Upgrade the masters first, and go one minor at a time (strategy.hops).".to_owned());
    }
    if hints.is_empty() {
        hints.push(otherwise(outcome));
    }
    hints.truncate(MOST);
    hints
}

/// What keeps a quorum.
fn quorum(etcd: &EtcdFigures) -> String {
    match (etcd.min_members, etcd.min_members.saturating_add_signed(-etcd.min_margin)) {
        (0, 2..) => {
            "Every member of etcd was down at once, which no gate prevents: keep a snapshot from before the upgrade \
                     (step etcd-snapshot), and practise its restore."
                .to_owned()
        }
        (0, _) => {
            "etcd has one member, so its every stop is an outage: run three or more, or accept it in [objective]."
                .to_owned()
        }
        (1, 2) => {
            "Two of etcd's members must be up, and one was: run three masters or more, and take them one at a time, \
                   each after etcd has its member back."
                .to_owned()
        }
        (_, needed) => format!(
            "{needed} of etcd's members must be up: take masters one at a time, each after etcd has its member back (a \
             gate between them)."
        ),
    }
}

/// What helps a plan that did not come to its end.
fn stuck(outcome: &Outcome, hints: &mut Vec<String>) {
    let blocker = outcome.upgrade.blocker.as_deref().unwrap_or_default();
    match outcome.upgrade.result {
        UpgradeResult::Completed => {}
        UpgradeResult::Failed | UpgradeResult::Stalled if blocker.contains("budget") => hints.push(
            "The budget never allows an eviction: give the app one replica more, or let pdb.max_unavailable be 1."
                .to_owned(),
        ),
        UpgradeResult::Stalled => hints.push("Remove the blocker above; until then no waiting helps.".to_owned()),
        UpgradeResult::Failed => {
            hints.push(
                "The tool gave up on the blocker above; the cluster stays as it is until somebody acts.".to_owned(),
            );
        }
        UpgradeResult::Horizon => hints.push("Give the run a longer horizon, or the plan fewer waits.".to_owned()),
    }
}

/// The causes of loss, the costliest first, each with the app that it hit hardest.
fn worst_losses(requests: &Requests) -> Vec<(Loss, String)> {
    let mut losses: Vec<(u64, Loss)> = Loss::ALL
        .into_iter()
        .filter_map(|loss| Some((*requests.by_cause.get(loss.name())?, loss)))
        .filter(|&(lost, _)| lost > 0)
        .collect();
    losses.sort_by_key(|&(lost, loss)| (std::cmp::Reverse(lost), loss));
    let hardest = |loss: Loss| {
        let hit = |share: &crate::sim::outcome::Share| share.by_cause.get(loss.name()).copied().unwrap_or_default();
        let mut worst: Option<(&String, u64)> = None;
        for (app, share) in &requests.by_app {
            if hit(share) > worst.map_or(0, |(_, most)| most) {
                worst = Some((app, hit(share)));
            }
        }
        worst.map_or_else(|| "the app".to_owned(), |(app, _)| format!("`{app}`"))
    };
    losses.into_iter().map(|(_, loss)| (loss, hardest(loss))).collect()
}

/// What helps against one mechanism of loss.
fn for_loss(loss: Loss, app: &str) -> String {
    match loss {
        Loss::Refused => format!(
            "refused: {app} stops listening while some node still sends to it. Give it a pre_stop longer than the \
             slowest rule change (endpoint update and kube-proxy sync)."
        ),
        Loss::Reset => format!(
            "reset: {app} exits under open requests. Let it finish them on SIGTERM (on_sigterm = \"drain\"), with a \
             grace longer than its slowest request."
        ),
        Loss::BlackHole => format!(
            "black-hole: requests for {app} went to an address nobody answers for. Drain and detach a machine before \
             it stops, and wait until its load balancer has forgotten it."
        ),
        Loss::NoEndpoint => format!(
            "no-endpoint: {app} had no ready pod. Run two or more, spread them over nodes, and give them a budget \
             (pdb.min_available)."
        ),
        Loss::Overload => format!(
            "overload: the pods of {app} that were left could not carry the load. Take fewer nodes at a time, surge \
             first, or run more replicas."
        ),
        Loss::StreamDropped => format!(
            "stream-dropped: long streams to {app} end with their pod. Give them a longer grace, or clients that \
             reconnect and resume."
        ),
        Loss::NoTarget => format!(
            "no-target: the load balancer before {app} had no healthy target. Replace fewer of its nodes at a time, \
             and wait for health checks between them."
        ),
        Loss::Dns => format!(
            "dns: clients of {app} could not resolve its name. Run cluster DNS with two pods on different nodes and a \
             budget, and a cache on each node (NodeLocal DNSCache)."
        ),
        Loss::ServerError => format!(
            "server-error: new pods of {app} answer with errors. Give its new version less of the traffic at first, and \
             let an analysis stop it (a canary)."
        ),
    }
}

/// A hint where nothing was lost and nothing is stuck.
fn otherwise(outcome: &Outcome) -> String {
    match outcome.verdict {
        Verdict::Undecided => "Raise the limit named above, or make the scenario smaller.".to_owned(),
        Verdict::Refuted if outcome.requests.exposed_s > 0.0 => {
            "No request was lost with this seed, but some could have been: the chain above names the pod that still \
             got traffic."
                .to_owned()
        }
        Verdict::Refuted => {
            "See the reasons above; `rollproof check` names what the file itself says wrong.".to_owned()
        }
        Verdict::Holds if outcome.etcd.as_ref().is_some_and(|etcd| etcd.min_margin <= 0) => {
            "It held without a fault. With one master away etcd has no spare member: one fault in that time would \
             break its quorum. Five members have a spare."
                .to_owned()
        }
        Verdict::Holds => "It held with this seed; try others with --seed.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn refused_requests_lead_to_a_longer_pre_stop_and_name_the_app() {
        let hints = hints(&sample::refuted());
        assert!(hints[0].starts_with("refused: `web`") && hints[0].contains("pre_stop longer"), "{hints:?}");
        assert!(hints[1].starts_with("reset: `web`"), "{hints:?}");
        assert_eq!(hints.len(), 2);
    }

    #[test]
    fn a_spent_budget_leads_to_one_replica_more() {
        let hints = hints(&sample::stalled());
        assert!(hints[0].contains("one replica more"), "{hints:?}");
    }

    #[test]
    fn every_mechanism_of_loss_has_a_hint_of_its_own() {
        for loss in Loss::ALL {
            let mut outcome = sample::holds();
            outcome.requests.by_cause.insert(loss.name().to_owned(), 1);
            assert!(hints(&outcome)[0].starts_with(&format!("{}: ", loss.name())));
        }
    }

    #[test]
    fn a_plan_that_holds_without_spare_member_is_told_so() {
        assert!(hints(&sample::holds())[0].contains("no spare member"));
    }
}
