//! What a run found, in one sentence: the first line of the text and the title of the drawing.

use super::figures::{about, count, counted, length};
use crate::base::Version;
use crate::observe::trace::Trace;
use crate::sim::Outcome;
use crate::sim::outcome::{UpgradeResult, Verdict};
use crate::world::fact::Fact;

/// The finding without names: `nothing lost`, `41 of 1,204,331 requests lost`.
pub fn finding(outcome: &Outcome) -> String {
    let mut parts = Vec::new();
    let requests = &outcome.requests;
    if requests.lost > 0 {
        let within = if outcome.verdict == Verdict::Holds { ", within the objective" } else { "" };
        parts.push(format!("{} of {} lost{within}", count(requests.lost), counted(requests.sent, "request")));
    }
    match outcome.upgrade.result {
        UpgradeResult::Completed => {}
        UpgradeResult::Failed => parts.push("the upgrade failed".to_owned()),
        UpgradeResult::Stalled => parts.push("the upgrade stalled".to_owned()),
        UpgradeResult::Horizon => parts.push("the upgrade did not end in time".to_owned()),
    }
    if let Some(etcd) = outcome.etcd.as_ref().filter(|etcd| etcd.quorum_breaks > 0) {
        parts.push(format!("etcd without quorum for {}", length(etcd.quorum_lost_s)));
    }
    if requests.lost == 0 && requests.exposed_s > 0.0 {
        parts.push(format!("nothing lost, but by luck only: exposed for {}", length(requests.exposed_s)));
    }
    if outcome.pdb_violations > 0 && outcome.verdict == Verdict::Refuted {
        parts.push(format!("{} below a budget", counted(outcome.pdb_violations, "time")));
    }
    if outcome.skew_violations > 0 && outcome.verdict == Verdict::Refuted {
        parts.push("versions too far apart".to_owned());
    }
    match (parts.first(), outcome.reasons.first(), outcome.verdict) {
        (Some(_), ..) => parts.join("; "),
        (None, Some(reason), Verdict::Refuted | Verdict::Undecided) => format!("{} was not met", reason.law),
        (None, None, Verdict::Undecided) => "a limit was reached before an answer".to_owned(),
        (None, None, Verdict::Refuted) | (None, _, Verdict::Holds) => "nothing lost".to_owned(),
    }
}

/// The finding with its scenario, strategy, versions and length:
/// `book-ch18: kops-1.15, 1.14.10 to 1.15.7 in 31 min: nothing lost`.
pub fn title(outcome: &Outcome, trace: Option<&Trace>) -> String {
    let versions = match trace.and_then(versions) {
        Some((from, to)) if from != to => format!(", {from} to {to}"),
        Some(_) | None => String::new(),
    };
    let time = about(outcome.upgrade.seconds);
    let time = match outcome.upgrade.result {
        UpgradeResult::Completed => format!("in {time}"),
        UpgradeResult::Failed | UpgradeResult::Stalled | UpgradeResult::Horizon => format!("for {time}"),
    };
    format!("{}: {}{versions} {time}: {}", outcome.scenario.name, outcome.strategy, finding(outcome))
}

/// The oldest and the newest version that any machine ran.
pub fn versions(trace: &Trace) -> Option<(Version, Version)> {
    let registered = trace.records.iter().filter_map(|record| {
        let Fact::NodeRegistered { version, .. } = record.fact else { return None };
        Some(version)
    });
    let all: Vec<Version> = trace.versions.iter().copied().chain(registered).collect();
    Some((*all.iter().min()?, *all.iter().max()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_title_states_the_finding() {
        let (outcome, trace) = (sample::holds(), sample::book_trace());
        assert_eq!(title(&outcome, Some(&trace)), "book-ch18: kops-1.15, 1.14.10 to 1.15.7 in 31 min: nothing lost");
        assert_eq!(finding(&sample::refuted()), "41 of 1,204,331 requests lost");
    }

    #[test]
    fn exposure_without_loss_is_called_luck() {
        let mut outcome = sample::holds();
        outcome.verdict = Verdict::Refuted;
        outcome.requests.exposed_s = 2.5;
        assert_eq!(finding(&outcome), "nothing lost, but by luck only: exposed for 2.5 s");
    }

    #[test]
    fn a_stall_is_named_even_where_nothing_is_lost() {
        assert_eq!(finding(&sample::stalled()), "the upgrade stalled");
    }

    #[test]
    fn an_undecided_run_names_what_was_not_met() {
        let mut outcome = sample::holds();
        outcome.verdict = Verdict::Undecided;
        assert_eq!(finding(&outcome), "a limit was reached before an answer");
    }
}
