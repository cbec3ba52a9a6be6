//! A comparison for a person at a terminal: the ranking, figures side by side, paired differences, mechanisms.

use super::figures::{count, counted, short_length};
use super::page::{Page, Tone};
use super::safe::padded;
use crate::prove::compare::{Comparison, Pair, Row};

/// Columns of a plan's name.
const NAME: usize = 18;
/// Columns of the figures of loss and length, of margins and cost, and of two plans.
const LOSSES: [usize; 6] = [9, 9, 8, 9, 9, 16];
const COSTS: [usize; 6] = [10; 6];
const DIFFERENCES: [usize; 7] = [8; 7];
/// What stands for a figure that nobody can observe.
const HIDDEN: &str = "n/o";

/// The page: at most 80 columns, one line break at the end of each line.
pub fn render(found: &Comparison, color: bool) -> String {
    let mut page = Page::new(color);
    let best = found.rows.first().map_or("", |row| row.name.as_str());
    page.toned(
        Tone::Head,
        &format!("{}: ", found.scenario.name),
        &format!("{best} is the best of {}", found.rows.len()),
    );
    let seeds = counted(found.seeds, "seed");
    let about = format!(
        "{seeds} of each, the same for all; medians; ranked by refuting seeds, completion, exposure, length; * on the front of \
         exposure and length; {HIDDEN}: not observable there, and so not ranked; model {}",
        found.model_version
    );
    page.paragraph("  ", &about);
    losses(&mut page, found);
    costs(&mut page, found);
    pairs(&mut page, found);
    page.heading("WHY", "");
    for row in &found.rows {
        page.toned(Tone::Head, &format!("  {}", row.name), "");
        for line in &row.mechanism {
            page.paragraph("    ", line);
        }
    }
    page.finish()
}

fn line(name: &str, cells: &[String], widths: &[usize]) -> String {
    let cells: String = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
    format!("  {}{cells}", padded(name, NAME))
}

fn head(page: &mut Page, names: &[&str], widths: &[usize]) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    page.toned(Tone::Dim, &line("", &names, widths), "");
}

fn named(row: &Row) -> String {
    format!("{}{}", if row.front { "*" } else { " " }, row.name)
}

fn losses(page: &mut Page, found: &Comparison) {
    page.heading("LOSS AND LENGTH", "");
    head(page, &["refuted", "complete", "lost", "exposed", "length", "5 .. 95 %"], &LOSSES);
    for row in &found.rows {
        let cells = [
            format!("{}/{}", row.refuted, found.seeds),
            format!("{}/{}", row.completed, found.seeds),
            count(row.lost.median as u64),
            short_length(row.exposed_s.median),
            short_length(row.seconds.median),
            format!("{}..{}", short_length(row.seconds.low), short_length(row.seconds.high)),
        ];
        page.line(&line(&named(row), &cells, &LOSSES));
    }
}

fn costs(page: &mut Page, found: &Comparison) {
    page.heading("MARGINS AND COST", "");
    head(page, &["quorum", "API gap", "moves", "ready", "extra h", "no return"], &COSTS);
    for row in &found.rows {
        let hidden = || HIDDEN.to_owned();
        let cells = [
            row.quorum_margin.map_or_else(hidden, |margin| format!("{margin:+}")),
            row.api_gap_s.map_or_else(hidden, short_length),
            format!("{:.1}", row.moves_per_pod),
            row.min_ready.as_ref().map_or_else(|| "-".to_owned(), |(_, share)| format!("{:.0} %", share * 100.0)),
            format!("{:.2}", row.extra_node_hours),
            row.no_return_s.map_or_else(hidden, short_length),
        ];
        page.line(&line(&named(row), &cells, &COSTS));
    }
    let notes = "quorum: smallest margin of etcd's voters; API gap: the longest; moves: pods created for each pod; ready: \
                 the smallest share of any app's pods; extra h: machine hours beyond the cluster's size; no return: when \
                 the first master changes.";
    page.paragraph("  ", notes);
}

fn pairs(page: &mut Page, found: &Comparison) {
    if found.pairs.is_empty() {
        return;
    }
    let confidence = found.confidence * 100.0;
    page.heading("ON THE SAME SEEDS", &format!("less the best's; medians lie there with {confidence} %"));
    head(page, &["loses", "best", "p", "exposed", "to", "length", "to"], &DIFFERENCES);
    for pair in &found.pairs {
        let difference =
            |interval: Option<(f64, f64)>| interval.map_or_else(|| ["?".to_owned(), String::new()], signed);
        let Pair { only, p, .. } = pair;
        let mut cells = vec![only.1.to_string(), only.0.to_string(), format!("{p:.3}")];
        cells.extend(difference(pair.exposed_s));
        cells.extend(difference(pair.seconds));
        page.line(&line(&pair.second, &cells, &DIFFERENCES));
    }
    page.paragraph(
        "  ",
        "loses, best: seeds that refute only it, and only the best; p: exact McNemar, corrected by Holm over all pairs \
         of plans. Each interval stands alone: not all of them hold together with that confidence.",
    );
}

fn signed((low, high): (f64, f64)) -> [String; 2] {
    let one = |seconds: f64| match seconds < 0.0 {
        true => format!("-{}", short_length(-seconds)),
        false => format!("+{}", short_length(seconds)),
    };
    [one(low), one(high)]
}
