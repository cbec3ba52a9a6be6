//! The comparison with measured clusters for a person at a terminal: the verdict, then a table for each setting.

use super::figures::counted;
use super::page::{Page, Tone};
use super::safe::{columns, padded};
use crate::fidelity::report::{Coverage, Family, Fidelity, Figure, PublicCase, Setting, Verdict};
use crate::fidelity::row::{Aspect, Unit};

/// Columns of a row's name, its measured values, its simulated median and range.
const NAME: usize = 29;
const MEASURED: usize = 14;
const MEDIAN: usize = 6;
const RANGE: usize = 15;

/// The page: at most 80 columns, one line break at the end of each line.
pub fn render(fidelity: &Fidelity, color: bool) -> String {
    let mut page = Page::new(color);
    verdict(&mut page, fidelity);
    for family in &fidelity.families {
        experiment(&mut page, family);
    }
    public_cases(&mut page, &fidelity.public_cases);
    coverage(&mut page, &fidelity.coverage);
    total(&mut page, fidelity);
    page.finish()
}

fn verdict(page: &mut Page, fidelity: &Fidelity) {
    let rows = &fidelity.rows;
    if fidelity.fits {
        page.toned(Tone::Good, "✓ FITS: ", &format!("all {} that are judged", counted(rows.judged, "row")));
    } else {
        let failing = rows.off + rows.too_wide;
        let told = format!("{failing} of {} that are judged", counted(rows.judged, "row"));
        page.toned(Tone::Bad, "✗ DOES NOT FIT: ", &told);
    }
    if let Some(first) = &fidelity.first {
        page.paragraph("  first: ", first);
    }
    let settings: usize = fidelity.families.iter().map(|family| family.settings.len()).sum();
    let (settings, seeds) = (counted(settings as u64, "setting"), counted(fidelity.seeds, "seed"));
    page.paragraph("  ", &format!("{settings}, {seeds} each, model {}", fidelity.model_version));
}

fn experiment(page: &mut Page, family: &Family) {
    page.heading(&family.name.to_uppercase(), family.about);
    for setting in &family.settings {
        table(page, setting);
    }
}

fn table(page: &mut Page, setting: &Setting) {
    page.gap();
    page.paragraph("  ", &setting.params);
    let judged = setting.repetitions.iter().filter(|repetition| repetition.judged).count();
    let all = counted(setting.repetitions.len() as u64, "repetition");
    let busy = if judged == setting.repetitions.len() { "" } else { "; on the others the machine was busy" };
    page.toned(Tone::Dim, &format!("  {all}, {judged} judged{busy}"), "");
    let head = ["row", "measured", "median", "5 % to 95 %", "p"];
    let head = cells(head.map(str::to_owned), "");
    page.toned(Tone::Dim, &head, "");
    for row in &setting.rows {
        let line = cells(
            [row.name.clone(), measured(row), number(row.median, row.unit), range(row), p_value(row)],
            outcome(row.verdict),
        );
        match row.verdict {
            Verdict::Off | Verdict::TooWide => page.toned(Tone::Bad, &line, ""),
            Verdict::Fits | Verdict::NotJudged | Verdict::Fitted => page.line(&line),
        }
    }
}

fn cells([name, measured, median, range, p]: [String; 5], verdict: &str) -> String {
    let right = |text: &str, room: usize| format!("{}{text}", " ".repeat(room.saturating_sub(columns(text))));
    let end = if p.is_empty() { verdict.to_owned() } else { format!("{} {verdict}", right(&p, 5)) };
    format!(
        "  {} {} {} {} {end}",
        padded(&name, NAME),
        right(&measured, MEASURED),
        right(&median, MEDIAN),
        right(&range, RANGE),
    )
}

const fn outcome(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fits => "fits",
        Verdict::Off => "OFF",
        Verdict::TooWide => "WIDE",
        Verdict::NotJudged => "not judged",
        Verdict::Fitted => "set by it",
    }
}

/// The judged values, or all where none is judged: one by one, or the least and the most.
fn measured(row: &Figure) -> String {
    let judged = row.measured.iter().zip(&row.judged).filter(|(_, judged)| **judged).map(|(value, _)| *value);
    let mut values: Vec<Option<f64>> = judged.collect();
    if values.is_empty() {
        values.clone_from(&row.measured);
    }
    // What never happened comes last, as in the test.
    values.sort_by(|one, other| one.unwrap_or(f64::INFINITY).total_cmp(&other.unwrap_or(f64::INFINITY)));
    let each: Vec<String> = values.iter().map(|value| number(*value, row.unit)).collect();
    let list = each.join(" ");
    match (each.first(), each.last()) {
        (Some(_), Some(_)) if columns(&list) <= MEASURED => list,
        (Some(first), Some(last)) if first == last => format!("all {first}"),
        (Some(first), Some(last)) => between(first, last, MEASURED),
        (None, _) | (_, None) => String::new(),
    }
}

/// From one to the other, in so many columns where they allow it.
fn between(from: &str, to: &str, room: usize) -> String {
    let wide = format!("{from} .. {to}");
    if columns(&wide) <= room { wide } else { format!("{from}..{to}") }
}

fn range(row: &Figure) -> String {
    match (row.low, row.high) {
        (Some(low), Some(high)) => between(&number(Some(low), row.unit), &number(Some(high), row.unit), RANGE),
        (None, _) | (_, None) => String::new(),
    }
}

/// A count or seconds in at most seven columns.
fn number(value: Option<f64>, unit: Unit) -> String {
    let Some(value) = value else { return "never".to_owned() };
    let size = value.abs();
    match unit {
        Unit::Count if value.fract() == 0.0 || size >= 1000.0 => format!("{value:.0}"),
        Unit::Count => format!("{value:.1}"),
        Unit::Seconds if size < 0.9995 => format!("{value:.3}"),
        Unit::Seconds if size < 9.995 => format!("{value:.2}"),
        Unit::Seconds if size < 999.95 => format!("{value:.1}"),
        Unit::Seconds => format!("{value:.0}"),
    }
}

fn p_value(row: &Figure) -> String {
    match (row.verdict, row.p) {
        (Verdict::NotJudged | Verdict::Fitted, _) | (_, None) => String::new(),
        (_, Some(p)) => short_p(p),
    }
}

/// A probability in at most five columns.
fn short_p(p: f64) -> String {
    match p {
        p if p >= 0.0095 => format!("{p:.2}"),
        p if p >= 0.00095 => format!("{p:.3}"),
        p => format!("{p:.0e}"),
    }
}

fn public_cases(page: &mut Page, cases: &[PublicCase]) {
    if cases.is_empty() {
        return;
    }
    let failing = cases.iter().filter(|case| !case.fits).count();
    page.heading("PUBLIC CASES", &format!("{} of {} fit", cases.len() - failing, cases.len()));
    for case in cases {
        page.gap();
        let (tone, mark) = if case.fits { (Tone::Good, "  ✓ ") } else { (Tone::Bad, "  ✗ ") };
        page.toned(tone, mark, &case.name);
        page.paragraph("      expected: ", &case.expected);
        page.paragraph("      simulated: ", &case.simulated);
        page.paragraph("      asked: ", &case.asked);
        page.paragraph("      source: ", &case.source);
    }
}

fn coverage(page: &mut Page, tests: &[Coverage]) {
    if tests.is_empty() {
        return;
    }
    let failing = tests.iter().filter(|test| !test.fits).count();
    let sum = if failing == 0 { "fits" } else { "does not fit" };
    page.heading("COVERAGE", sum);
    page.paragraph(
        "  ",
        "Measured values inside the simulated central intervals, or near: as far outside as the instrument cannot tell; \
         one of each repetition.",
    );
    page.toned(Tone::Dim, "  rows       interval   inside  near  expected  p few near  p many inside", "");
    for test in tests {
        let aspect = test.aspect.map_or("all", Aspect::name);
        let inside = format!("{} of {}", test.inside, test.of);
        let line = format!(
            "  {} {:>6} % {inside:>8}  {:>4}  {:>8.1}  {:>10}  {:>13}  {}",
            padded(aspect, 10),
            test.percent,
            test.near,
            test.expected,
            short_p(test.p_few),
            short_p(test.p_many),
            if test.fits { "fits" } else { "OFF" },
        );
        if test.fits { page.line(&line) } else { page.toned(Tone::Bad, &line, "") }
    }
}

fn total(page: &mut Page, fidelity: &Fidelity) {
    let rows = &fidelity.rows;
    let sum = format!(
        "{} judged: {} fit, {} elsewhere (OFF), {} too wide (WIDE)",
        counted(rows.judged, "row"),
        rows.fit,
        rows.off,
        rows.too_wide
    );
    page.heading("TOTAL", &sum);
    if rows.not_judged + rows.fitted > 0 {
        let (not_judged, fitted) = (rows.not_judged, rows.fitted);
        page.paragraph(
            "  ",
            &format!("not judged: {not_judged} of busy machines, {fitted} that a parameter was set by"),
        );
    }
    let legend = "measured: values, or the least and the most; median and 5 % to 95 %: of simulated runs in which it \
                  happened; times in seconds from the act; (mid), (max): middle and longest of a repetition's pods; p: \
                  how likely so different a location is if the model is true, before the correction for all rows";
    page.paragraph("  ", legend);
}
