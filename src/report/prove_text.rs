//! A proof for a person at a terminal: the answer and what it is about, the search, the counterexample, the bound.

use super::figures::{count, counted, instant, length};
use super::page::{Page, Tone};
use super::text::Style;
use super::{command, findings_text};
use crate::prove::Proof;
use crate::prove::counterexample::Counterexample;
use crate::prove::report::{Method, Stage};
use crate::sim::outcome::Verdict;

/// Kinds of faults shown for each part of the search.
const KINDS: usize = 6;
/// Lines of the transcript shown.
const TRANSCRIPT: usize = 10;

/// The page: at most 80 columns, one line break at the end of each line.
pub fn render(proof: &Proof, style: &Style) -> String {
    let mut page = Page::new(style.color);
    verdict(&mut page, proof);
    if let Some(found) = &proof.counterexample {
        why(&mut page, found);
    }
    checks(&mut page, proof);
    search(&mut page, proof);
    weighed(&mut page, proof);
    objectives(&mut page, proof);
    if proof.scope.faults > 0 {
        outage(&mut page, proof);
    }
    if !style.command.is_empty() {
        page.gap();
        page.verbatim(&command::lines("reproduce:", &style.command));
    }
    page.finish()
}

fn verdict(page: &mut Page, proof: &Proof) {
    let (tone, head) = match proof.verdict {
        Verdict::Holds => (Tone::Good, "✓ HOLDS: "),
        Verdict::Refuted => (Tone::Bad, "✗ REFUTED: "),
        Verdict::Undecided => (Tone::Doubt, "? UNDECIDED: "),
    };
    page.toned(tone, head, &format!("{}, {}", proof.scenario.name, proof.strategy));
    page.paragraph("  ", &proof.finding);
    for missing in &proof.undecided {
        page.paragraph("  - ", missing);
    }
    page.paragraph("  scope: ", &scope(proof));
}

fn scope(proof: &Proof) -> String {
    let scope = &proof.scope;
    let laws = match &scope.laws {
        Some(laws) => format!("laws {}", laws.join(", ")),
        None => "all laws of the objectives".to_owned(),
    };
    let faults = match scope.faults {
        0 => "no fault".to_owned(),
        n => format!("up to {} at once of {}", counted(u64::from(n), "fault"), scope.kinds.join(", ")),
    };
    let without = match scope.without_target.is_empty() || scope.faults == 0 {
        true => String::new(),
        false => format!(" (no target here for {})", scope.without_target.join(", ")),
    };
    format!(
        "{faults}{without}; {laws}; enumerated under the draws of seed {}, sampled from seed 1 on; model {}",
        scope.enumerated_seed, proof.model_version
    )
}

fn why(page: &mut Page, found: &Counterexample) {
    page.heading("WHY", "");
    for line in &found.chain {
        page.line(&format!("  {line}"));
    }
    page.heading("COUNTEREXAMPLE", &format!("breaks {} at {}", found.law, instant(found.at_s)));
    match found.shrunk.len() {
        0 => page.paragraph("  ", "nothing could be made smaller"),
        _ => page.paragraph("  smaller: ", &found.shrunk.join("; ")),
    }
    page.gap();
    let from = found.transcript.len().saturating_sub(TRANSCRIPT);
    for line in &found.transcript[from..] {
        page.line(&format!("  {line}"));
    }
}

fn checks(page: &mut Page, proof: &Proof) {
    if proof.checks.is_empty() {
        return;
    }
    page.heading("CHECKS", "what the scenario shows without a run; only runs judge");
    findings_text::lines(page, &proof.checks);
}

fn search(page: &mut Page, proof: &Proof) {
    page.heading("SEARCH", "");
    for stage in &proof.stages {
        let faults = match stage.faults {
            0 => "no fault".to_owned(),
            n => counted(u64::from(n), "fault"),
        };
        page.paragraph(&format!("  {faults:<9} "), &told(stage, proof));
        let tally = &stage.tally;
        for (kinds, counts) in tally.by_kind.iter().filter(|(_, counts)| counts.refuted > 0).take(KINDS) {
            let of = format!("{} of {} with {kinds} refute", count(counts.refuted), count(counts.runs));
            page.paragraph("            - ", &of);
        }
        let left = tally.by_kind.values().filter(|counts| counts.refuted > 0).count().saturating_sub(KINDS);
        page.more("            ", left, " kinds refute");
    }
}

fn told(stage: &Stage, proof: &Proof) -> String {
    let tally = &stage.tally;
    let refuted = match tally.refuted {
        0 => "none refutes".to_owned(),
        1 => "1 refutes".to_owned(),
        n => format!("{} refute", count(n)),
    };
    match (stage.method, stage.firsts) {
        (Method::Sampled, _) => {
            let confidence = proof.scope.confidence * 100.0;
            let decided = match stage.decision {
                Some("below") => format!("the rate of failure lies below {}", proof.scope.bound),
                Some(_) => format!("the rate of failure lies above {}", proof.scope.bound),
                None => format!("too few to say whether the rate lies below {}", proof.scope.bound),
            };
            let drawn = if stage.faults == 0 { "" } else { " with faults at random moments" };
            let runs = counted(tally.runs, "seed");
            format!("{runs}{drawn}, {refuted}: {decided}, with {confidence} % at any moment of looking")
        }
        (Method::Enumerated, None) => {
            let moments = counted(stage.moments.unwrap_or_default(), "moment");
            let aimed = counted(stage.aimed, "pair");
            let every = if stage.every > 1 { format!(", each {}th moment", stage.every) } else { String::new() };
            let before = count(stage.placements_before.unwrap_or_default());
            let whole = if stage.complete { "" } else { ", cut short" };
            format!(
                "{moments} x {aimed} of kind and target = {before} placements{every}; {} run{whole} (a phase that a unit \
                 enters again is none of its own), {refuted}",
                count(tally.runs)
            )
        }
        (Method::Enumerated, Some(firsts)) => {
            let before = count(stage.placements_before.unwrap_or_default());
            let all = count(stage.moments.unwrap_or_default() * stage.aimed);
            let end = match (stage.complete, tally.refuted) {
                (_, 1..) => ", up to the first batch that refutes",
                (false, _) => ", cut short",
                (true, _) => "",
            };
            format!(
                "starts of phases, kinds of the core: {all} x {all} placements, {before} ordered pairs; in order of time, \
                 each once: {} run from {} of {all} first faults{end}; no symmetry is used; {refuted}",
                count(tally.runs),
                count(firsts)
            )
        }
    }
}

/// How likely a run is to fail, by number of faults.
fn weighed(page: &mut Page, proof: &Proof) {
    let Some(weighed) = &proof.weighed else { return };
    let percent = |share: f64| format!("{:.3} %", share * 100.0);
    let between = |[low, high]: [f64; 2]| format!("{} to {}", percent(low), percent(high));
    page.heading("WEIGHED", &format!("{} of the runs fail", between(weighed.fails)));
    let (rate, hours, confidence) = (weighed.faults_per_hour, weighed.hours, proof.scope.confidence * 100.0);
    let rate = format!("{rate} faults an hour over {hours:.2} h, each kind alike, at random moments");
    page.paragraph("  ", &format!("with {rate}; all of it with {confidence} %:"));
    for part in &weighed.parts {
        let faults = match part.faults {
            0 => "no fault".to_owned(),
            n => counted(u64::from(n), "fault"),
        };
        page.line(&format!("  {faults:<9} {:>9} of runs, of which fail {}", percent(part.chance), between(part.fails)));
    }
    page.line(&format!("  more      {:>9} of runs, taken to fail", percent(weighed.more)));
}

fn objectives(page: &mut Page, proof: &Proof) {
    page.heading("HELD TO", "");
    for held in &proof.objectives {
        let faults = match held.faults {
            0 => "no fault".to_owned(),
            n => counted(u64::from(n), "fault"),
        };
        let own = if held.own { "" } else { " (default for faults)" };
        page.paragraph(&format!("  {faults:<9} "), &format!("{}{own}", held.says.join("; ")));
    }
}

fn outage(page: &mut Page, proof: &Proof) {
    page.heading("OUTAGE", "how long one machine's death can expose users, at worst");
    for term in proof.outage.iter().filter(|term| term.seconds > 0.0) {
        page.paragraph(&format!("  {:>13} {:<20} ", length(term.seconds), term.name), term.source);
    }
    page.line(&format!("  {:>13} in all", length(proof.outage_s)));
}
