//! An outcome for a person at a terminal: what came out, what was lost and why, how it went, what to do next.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::bars::{self, LETTERS};
use super::figures::{clock, count, counted, expected, instant, length};
use super::finding::{finding, versions};
use super::page::{Page, Tone};
use super::safe::{escaped, padded};
use super::{command, hints};
use crate::observe::trace::Trace;
use crate::sim::Outcome;
use crate::sim::outcome::{Reason, Share, UpgradeResult, Verdict};

/// How the page looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// With colour. Never needed to understand the page.
    pub color: bool,
    /// The words of the command that makes this page again; empty: one made of the scenario's name.
    pub command: Vec<String>,
}

/// Reasons shown.
const REASONS: usize = 5;
/// Lines of a causal chain shown: so many from its root, so many before its end.
const CHAIN: (usize, usize) = (3, 4);
/// Units of the upgrade shown; units that never finished come on top of them.
const UNITS: usize = 12;
/// Lines of the tool's own output shown.
const REMARKS: usize = 3;
/// Apps and client groups shown.
const SHARES: usize = 5;
/// Columns of the longest bar of losses.
const LOSS_BAR: u64 = 24;

/// The page: at most 80 columns, one line break at the end of each line, no control character but that (and, with
/// colour, the escape sequences of the colours).
pub fn render(outcome: &Outcome, trace: Option<&Trace>, style: &Style) -> String {
    let mut page = Page::new(style.color);
    verdict(&mut page, outcome, trace);
    losses(&mut page, outcome);
    reasons(&mut page, &outcome.reasons);
    upgrade(&mut page, outcome);
    control_plane(&mut page, outcome);
    super::probed::section(&mut page, outcome);
    pods(&mut page, outcome);
    page.heading("NEXT", "");
    for hint in hints::hints(outcome) {
        page.paragraph("  → ", &hint);
    }
    page.gap();
    page.verbatim(&command::lines("reproduce:", &reproduce(outcome, style)));
    page.finish()
}

/// The words that make this page again.
fn reproduce(outcome: &Outcome, style: &Style) -> Vec<String> {
    if !style.command.is_empty() {
        return style.command.clone();
    }
    let words = ["rollproof", "run", &outcome.scenario.name, "--strategy", &outcome.strategy, "--seed"];
    words.iter().map(|&word| word.to_owned()).chain([outcome.seed.to_string()]).collect()
}

fn verdict(page: &mut Page, outcome: &Outcome, trace: Option<&Trace>) {
    let (tone, head) = match outcome.verdict {
        Verdict::Holds => (Tone::Good, "✓ HOLDS: "),
        Verdict::Refuted => (Tone::Bad, "✗ REFUTED: "),
        Verdict::Undecided => (Tone::Doubt, "? UNDECIDED: "),
    };
    page.toned(tone, head, &finding(outcome));
    let versions = match trace.and_then(versions) {
        Some((from, to)) if from != to => format!(", {from} to {to}"),
        Some(_) | None => String::new(),
    };
    let name = &outcome.scenario.name;
    page.paragraph("  ", &format!("{name}: strategy {}{versions}, seed {}", outcome.strategy, outcome.seed));
}

fn losses(page: &mut Page, outcome: &Outcome) {
    let requests = &outcome.requests;
    let exposed = requests.exposed_s > 0.0;
    if requests.lost == 0 && !exposed {
        page.heading("REQUESTS", &format!("{} sent, none lost, no exposure", count(requests.sent)));
        other_requests(page, outcome);
        return;
    }
    let share = 100.0 * requests.lost as f64 / (requests.sent.max(1)) as f64;
    page.heading("LOST", &format!("{} of {} ({share:.4}%)", count(requests.lost), counted(requests.sent, "request")));
    let most = requests.by_cause.values().copied().max().unwrap_or_default().max(1);
    for (cause, lost) in largest_first(&requests.by_cause) {
        let cells = (u128::from(lost) * u128::from(LOSS_BAR)).div_ceil(u128::from(most)) as usize;
        page.line(&format!("  {} {:>11}  {}", padded(cause, 15), count(lost), "█".repeat(cells)));
    }
    page.line(&format!(
        "  expected {}, exposed for {}, longest outage {}",
        expected(requests.expected_lost),
        length(requests.exposed_s),
        length(requests.longest_outage_s)
    ));
    shares(page, "by app", &requests.by_app);
    if requests.by_client.len() > 1 {
        shares(page, "by client", &requests.by_client);
    }
    other_requests(page, outcome);
}

/// The causes, the costliest first; those that cost nothing are left out.
fn largest_first(by_cause: &BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    let mut causes: Vec<(&str, u64)> =
        by_cause.iter().filter(|&(_, &lost)| lost > 0).map(|(cause, &lost)| (cause.as_str(), lost)).collect();
    causes.sort_by_key(|&(cause, lost)| (Reverse(lost), cause));
    causes
}

/// Where it was lost, the hardest hit first.
fn shares(page: &mut Page, head: &str, shares: &BTreeMap<String, Share>) {
    let mut hit: Vec<(&String, &Share)> =
        shares.iter().filter(|(_, share)| share.lost > 0 || share.exposed_s > 0.0).collect();
    hit.sort_by_key(|(name, share)| (Reverse(share.lost), (*name).clone()));
    for (index, (name, share)) in hit.iter().take(SHARES).enumerate() {
        let before = if index == 0 { head } else { "" };
        let (lost, sent) = (count(share.lost), count(share.sent));
        page.line(&format!(
            "  {before:<9}  {} {lost:>9} of {sent:<11} exposed {}",
            padded(name, 20),
            length(share.exposed_s)
        ));
    }
    page.more("             ", hit.len().saturating_sub(SHARES), "");
}

/// What was neither answered nor lost, and how long answers took.
fn other_requests(page: &mut Page, outcome: &Outcome) {
    let requests = &outcome.requests;
    let latency = requests.latency_s;
    if requests.ok > 0 {
        page.line(&format!(
            "  answered within {} (half), {} (99%), {} (all)",
            length(latency.p50),
            length(latency.p99),
            length(latency.max)
        ));
    }
    if requests.abandoned > 0 || requests.in_flight > 0 {
        page.line(&format!(
            "  given up by their clients {}, under way at the end {}",
            count(requests.abandoned),
            count(requests.in_flight)
        ));
    }
}

fn reasons(page: &mut Page, reasons: &[Reason]) {
    if reasons.is_empty() {
        return;
    }
    page.heading("WHY", "");
    for reason in reasons.iter().take(REASONS) {
        page.toned(Tone::Bad, &format!("  ✗ {}", reason.law), &format!(" at {}", instant(reason.at_s)));
        page.paragraph("    ", &reason.message);
        chain(page, &reason.cause);
    }
    page.more("  ", reasons.len().saturating_sub(REASONS), "");
}

/// A causal chain, root first; of a long one the middle is left out.
fn chain(page: &mut Page, cause: &[String]) {
    let (first, last) = CHAIN;
    let left_out = cause.len().saturating_sub(first + last);
    for (index, line) in cause.iter().enumerate() {
        if left_out > 1 && (first..cause.len() - last).contains(&index) {
            if index == first {
                page.more("      ", left_out, " between");
            }
            continue;
        }
        page.paragraph(if index == 0 { "      " } else { "    → " }, line);
    }
}

fn upgrade(page: &mut Page, outcome: &Outcome) {
    let upgrade = &outcome.upgrade;
    let time = length(upgrade.seconds);
    let sum = match upgrade.result {
        UpgradeResult::Completed => format!("completed in {time}"),
        UpgradeResult::Failed => format!("failed after {time}"),
        UpgradeResult::Stalled => format!("stalled after {time}: nothing new can happen"),
        UpgradeResult::Horizon => format!("not at its end after {time}"),
    };
    page.heading("UPGRADE", &sum);
    if let Some(blocker) = &upgrade.blocker {
        page.paragraph("  blocked by: ", blocker);
    }
    bars(page, outcome);
    for remark in upgrade.remarks.iter().take(REMARKS) {
        page.paragraph(&format!("  {} the tool said: ", instant(remark.at_s)), &remark.text);
    }
    page.more("  ", upgrade.remarks.len().saturating_sub(REMARKS), " remarks of the tool");
}

/// One line a unit, and what its letters mean.
fn bars(page: &mut Page, outcome: &Outcome) {
    let upgrade = &outcome.upgrade;
    let units = bars::units(&upgrade.steps, outcome.sim_seconds);
    if units.is_empty() {
        return;
    }
    let from = units.iter().map(bars::UnitBar::start).fold(f64::INFINITY, f64::min);
    let to = units.iter().map(bars::UnitBar::end).fold(0.0, f64::max);
    let (left, right) = (clock(from), clock(to));
    let room = bars::BAR.saturating_sub(left.len());
    page.toned(Tone::Dim, &format!("  {:<14} {:>7} {:>7}  {left}{right:>room$}", "unit", "start", "length"), "");
    let shown = |index: usize, open: bool| index < UNITS || (open && index < UNITS * 2);
    let mut left_out = 0;
    for (index, unit) in units.iter().enumerate() {
        if shown(index, unit.open) { page.line(&unit.line(from, to)) } else { left_out += 1 }
    }
    page.more("  ", left_out, "");
    let used = |phase: &str| upgrade.steps.iter().any(|step| step.phase == phase);
    let key: Vec<String> =
        LETTERS.iter().filter(|(phase, _)| used(phase)).map(|(phase, letter)| format!("{letter}={phase}")).collect();
    page.paragraph("  ", &key.join(" "));
}

fn control_plane(page: &mut Page, outcome: &Outcome) {
    match &outcome.etcd {
        None => page.heading("ETCD", "not observable (managed control plane)"),
        Some(etcd) if etcd.quorum_breaks > 0 => {
            let breaks = counted(etcd.quorum_breaks, "time");
            page.heading("ETCD", &format!("quorum broken {breaks}, for {} in all", length(etcd.quorum_lost_s)));
        }
        Some(etcd) if etcd.min_margin <= 0 => page.heading("ETCD", "quorum kept, at times with no member to spare"),
        Some(etcd) => {
            let spare = counted(etcd.min_margin.unsigned_abs(), "member");
            page.heading("ETCD", &format!("quorum kept, always with {spare} to spare"));
        }
    }
    if let Some(etcd) = &outcome.etcd {
        page.line(&format!(
            "  fewest members up {}, elections {}, without a leader for {}",
            etcd.min_members,
            etcd.leader_changes,
            length(etcd.no_leader_s)
        ));
    }
    for restore in &outcome.restores {
        page.line(&format!(
            "  put back to a snapshot {} old: {} lost, {} gone, {} back, {} to register anew",
            length(restore.snapshot_age_s),
            counted(restore.lost_writes, "write"),
            counted(restore.pods_gone, "pod"),
            restore.pods_back,
            counted(restore.nodes_gone, "node"),
        ));
    }
    let api = &outcome.api;
    if api.unavailable_s > 0.0 {
        let (all, longest) = (length(api.unavailable_s), length(api.longest_gap_s));
        page.heading("API", &format!("unavailable for {all}, longest gap {longest}"));
    } else {
        page.heading("API", "always available");
    }
    page.line(&format!("  some requests failed for {}, errors seen {}", length(api.degraded_s), count(api.errors)));
}

fn pods(page: &mut Page, outcome: &Outcome) {
    let pods = &outcome.pods;
    let most = match pods.max_moves_of_one {
        0 => String::new(),
        n => format!(", one replica {}", counted(n, "time")),
    };
    page.heading("PODS", &format!("{}{most}", counted(pods.moves, "move")));
    let mut fewest: Vec<(&String, u64)> = pods.min_ready.iter().map(|(app, &ready)| (app, ready)).collect();
    fewest.sort_by_key(|&(app, ready)| (ready, app));
    let shown: Vec<String> =
        fewest.iter().take(SHARES).map(|(app, ready)| format!("{} {ready}", escaped(app))).collect();
    if !shown.is_empty() {
        page.paragraph("  fewest ready: ", &shown.join(", "));
        page.more("  ", fewest.len().saturating_sub(SHARES), " apps");
    }
    if outcome.pdb_violations > 0 {
        page.line(&format!("  below a budget without a fault: {}", counted(outcome.pdb_violations, "time")));
    }
    if outcome.skew_violations > 0 {
        let pairs = counted(outcome.skew_violations, "connection");
        page.line(&format!("  against the version skew policy: {pairs}"));
    }
    if outcome.cost.extra_node_hours > 0.0 {
        page.line(&format!("  extra machines: {:.2} node hours", outcome.cost.extra_node_hours));
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::report::safe::columns;
    use crate::report::sample;
    use crate::sim::outcome::{Remark, Step};

    fn plain(outcome: &Outcome) -> String {
        render(outcome, Some(&sample::book_trace()), &Style::default())
    }

    #[test]
    fn a_refuted_run_reads_as_agreed() {
        insta::assert_snapshot!(plain(&sample::refuted()));
    }

    #[test]
    fn a_run_that_holds_reads_as_agreed() {
        insta::assert_snapshot!(plain(&sample::holds()));
    }

    #[test]
    fn a_stall_names_its_blocker_and_the_way_out() {
        let page = plain(&sample::stalled());
        assert!(page.starts_with("✗ REFUTED: the upgrade stalled\n"), "{page}");
        assert!(page.contains("blocked by: the budget of db allows no eviction of db-0"), "{page}");
        assert!(page.contains("one replica more"), "{page}");
        assert!(page.contains("  16:06.000 the tool said: error when evicting pod \"db-0\""), "{page}");
        assert!(page.contains("\n  and 27 more remarks of the tool\n"), "{page}");
    }

    #[test]
    fn a_managed_control_plane_is_called_not_observable() {
        let mut outcome = sample::holds();
        outcome.etcd = None;
        assert!(plain(&outcome).contains("ETCD  not observable (managed control plane)\n"));
    }

    #[test]
    fn a_long_list_ends_in_how_many_more() {
        let (outcome, trace) = sample::fleet();
        let page = render(&outcome, Some(&trace), &Style::default());
        assert!(page.contains("\n  and 491 more\n"), "{page}");
        assert!(page.lines().count() < 80, "{page}");
    }

    #[test]
    fn colour_adds_nothing_but_colour_and_only_when_asked_for() {
        let outcome = sample::refuted();
        let colored = render(&outcome, None, &Style { color: true, ..Style::default() });
        let page = render(&outcome, None, &Style::default());
        assert!(!page.contains('\u{1b}'));
        assert!(colored.starts_with("\u{1b}["), "{colored:?}");
        assert_eq!(uncolored(&colored), page);
    }

    /// Without escape sequences of colour.
    fn uncolored(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |all, part| all + part.split_once('m').map_or("", |(_, rest)| rest))
    }

    /// Names as an enemy would choose them.
    fn name() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z-]{1,12}", "\\PC{0,120}", any::<String>(), Just("\u{1b}[2J\u{202e}\u{2028}\r\n".repeat(9))]
    }

    fn seconds() -> impl Strategy<Value = f64> {
        prop_oneof![0.0..4000.0, any::<f64>()]
    }

    prop_compose! {
        fn hostile()(
            names in vec(name(), 8), numbers in vec(any::<u64>(), 8), times in vec(seconds(), 10),
            causes in btree_map(name(), any::<u64>(), 0..5),
            steps in vec((name(), name(), seconds(), proptest::option::of(seconds())), 0..40),
            chain in vec(name(), 0..12), base in 0..3_usize,
        ) -> Outcome {
            let mut outcome = [sample::holds, sample::refuted, sample::stalled][base]();
            outcome.scenario.name = names[0].clone();
            outcome.strategy = names[1].clone();
            outcome.seed = numbers[0];
            outcome.upgrade.blocker = Some(names[2].clone());
            outcome.upgrade.remarks = vec![Remark { at_s: times[9], text: names[7].clone() }];
            outcome.upgrade.seconds = times[0];
            outcome.sim_seconds = times[1];
            let step = |(unit, phase, start_s, end_s)| Step { unit, phase, start_s, end_s };
            outcome.upgrade.steps = steps.into_iter().map(step).collect();
            outcome.reasons =
                vec![Reason { law: names[3].clone(), at_s: times[2], message: names[4].clone(), cause: chain }; 7];
            let requests = &mut outcome.requests;
            (requests.sent, requests.lost) = (numbers[1], numbers[2]);
            (requests.expected_lost, requests.exposed_s, requests.longest_outage_s) = (times[3], times[4], times[5]);
            let share = Share { lost: numbers[3], exposed_s: times[6], by_cause: causes.clone(), ..Share::default() };
            requests.by_app.insert(names[5].clone(), share.clone());
            requests.by_client.extend([(names[6].clone(), share), (names[7].clone(), Share::default())]);
            requests.by_cause = causes;
            requests.latency_s.max = times[7];
            outcome.pods.min_ready.insert(names[5].clone(), numbers[4]);
            outcome.cost.extra_node_hours = times[8].abs().min(1e12);
            outcome.pdb_violations = numbers[5];
            outcome
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::base::cases(64)))]

        #[test]
        fn no_line_is_wider_than_80_columns_and_no_name_reaches_the_terminal_raw(outcome in hostile()) {
            let page = render(&outcome, None, &Style::default());
            for line in page.lines() {
                prop_assert!(columns(line) <= 80, "{} columns: {line}", columns(line));
            }
            let raw = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}');
            prop_assert!(!page.contains(raw), "{page:?}");
            prop_assert!(page.contains("reproduce: rollproof run "));
        }
    }
}
