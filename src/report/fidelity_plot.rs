//! The comparison with a measured cluster as a picture, one for each experiment: in each row the measured values as
//! dots over the simulated 5 to 95 % range and its median.
//!
//! Every row has an axis of its own, from the least to the most of what it shows, with both ends written beside it, and
//! how often what it shows never happened in a measurement.
//! Nothing is told by colour alone: what does not fit says so at the end of its row.

pub use super::canvas::DrawError;
use super::canvas::{Canvas, Side, cut_to};
use super::figures::counted;
use super::legend::{self, Item, Swatch};
use super::palette::{BLUE, GREEN, GRID, SKY, SOFT, TEXT, VERMILLION};
use super::panels::{LABEL, NOTE};
use crate::fidelity::report::{Family, Figure, Setting, Verdict};
use crate::fidelity::row::Unit;

/// Width of the page, pixels.
const WIDTH: i32 = 1200;
/// Left and right edge of everything, pixels.
const MARGIN: (i32, i32) = (28, 1172);
/// Left and right edge of the rows' axes, pixels.
const AXIS: (i32, i32) = (350, 970);
/// Below title and legend, pixels.
const TOP: i32 = 92;
/// Height of a row, pixels.
const ROW: i32 = 24;
/// Height of a setting's heading, pixels.
const HEAD: i32 = 34;
/// Radius of a dot, pixels.
const DOT: i32 = 5;

/// The picture as SVG.
///
/// # Errors
/// Only by a defect: fonts and target are in memory.
pub fn svg(family: &Family) -> Result<String, DrawError> {
    page(family).svg()
}

/// The picture as PNG, 1200 pixels wide.
///
/// # Errors
/// Only by a defect: fonts and target are in memory.
pub fn png(family: &Family) -> Result<Vec<u8>, DrawError> {
    page(family).png()
}

fn page(family: &Family) -> Canvas {
    let height = |setting: &Setting| HEAD + ROW * setting.rows.len() as i32;
    let mut canvas = Canvas::new(WIDTH, TOP + family.settings.iter().map(height).sum::<i32>() + 20);
    let title = cut_to(&finding(family), MARGIN.1 - MARGIN.0, 22, true);
    canvas.bold((MARGIN.0, 30), &title, 22, TEXT, Side::Start);
    let items = vec![
        Item::new(Swatch::Solid, SKY.at(60), "simulated 5 to 95 %"),
        Item::new(Swatch::Bar, BLUE, "simulated median (upright)"),
        Item::new(Swatch::Dot, TEXT, "measured"),
        Item::new(Swatch::Ring, SOFT, "measured, not judged: busy machine, or a parameter was set by it"),
    ];
    legend::draw(&mut canvas, (MARGIN.0, 54), MARGIN.1, &[("", items)]);
    let mut top = TOP;
    for setting in &family.settings {
        block(&mut canvas, top, setting);
        top += height(setting);
    }
    canvas
}

/// `rollout: 3 of 26 rows do not fit: cut, first refused, ...`.
fn finding(family: &Family) -> String {
    let rows = || family.settings.iter().flat_map(|setting| &setting.rows);
    let fails = |row: &&Figure| matches!(row.verdict, Verdict::Off | Verdict::TooWide);
    let judged = rows().filter(|row| fails(row) || row.verdict == Verdict::Fits).count() as u64;
    let mut failing: Vec<&str> = rows().filter(fails).map(|row| row.name.as_str()).collect();
    let count = failing.len();
    failing.dedup();
    match count {
        0 => format!("{}: all {} fit", family.name, counted(judged, "row")),
        _ => format!("{}: {count} of {} do not fit: {}", family.name, counted(judged, "row"), failing.join(", ")),
    }
}

fn block(canvas: &mut Canvas, top: i32, setting: &Setting) {
    let params = cut_to(&setting.params, MARGIN.1 - MARGIN.0, LABEL, true);
    canvas.bold((MARGIN.0, top + HEAD / 2), &params, LABEL, TEXT, Side::Start);
    for (index, row) in setting.rows.iter().enumerate() {
        lane(canvas, top + HEAD + ROW * index as i32 + ROW / 2, row);
    }
}

/// One row, its middle at `y`.
fn lane(canvas: &mut Canvas, y: i32, row: &Figure) {
    let name = cut_to(&row.name, AXIS.0 - MARGIN.0 - 80, LABEL, false);
    canvas.text((MARGIN.0 + 12, y), &name, LABEL, TEXT, Side::Start);
    canvas.line((AXIS.0, y), (AXIS.1, y), GRID);
    let (word, ink) = match row.verdict {
        Verdict::Fits => ("fits", GREEN),
        Verdict::Off => ("does not fit", VERMILLION),
        Verdict::TooWide => ("too wide", VERMILLION),
        Verdict::NotJudged => ("not judged", SOFT),
        Verdict::Fitted => ("set by it", SOFT),
    };
    canvas.bold((MARGIN.1, y), word, NOTE, ink, Side::End);
    let shown = row.measured.iter().copied().chain([row.low, row.high, row.median]).flatten();
    let (from, to) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if from > to {
        canvas.text((AXIS.0 + 6, y), "never, neither measured nor simulated", NOTE, SOFT, Side::Start);
        return;
    }
    let x = |value: f64| place(value, from, to);
    if let (Some(low), Some(high)) = (row.low, row.high) {
        canvas.fill(x(low) - 1, y - 7, x(high) - x(low) + 2, 14, SKY.at(60));
    }
    if let Some(median) = row.median {
        canvas.fill(x(median) - 1, y - 9, 3, 18, BLUE);
    }
    for (value, judged) in row.measured.iter().zip(&row.judged) {
        let Some(value) = value else { continue };
        if *judged { canvas.dot((x(*value), y), DOT, TEXT) } else { canvas.ring((x(*value), y), DOT, SOFT) }
    }
    let end = |value: f64| match row.unit {
        Unit::Count => format!("{value:.0}"),
        Unit::Seconds => format!("{value:.3} s"),
    };
    canvas.text((AXIS.0 - 12, y), &end(from), NOTE, SOFT, Side::End);
    let never = row.measured.iter().filter(|value| value.is_none()).count();
    let last = (to > from).then(|| end(to));
    let never = (never > 0).then(|| format!("{never} never"));
    let told: Vec<String> = last.into_iter().chain(never).collect();
    canvas.text((AXIS.1 + 12, y), &told.join(", "), NOTE, SOFT, Side::Start);
}

/// Where a value stands between both ends of its row's axis; in its middle where both are one.
fn place(value: f64, from: f64, to: f64) -> i32 {
    let share = if to > from { (value - from) / (to - from) } else { 0.5 };
    AXIS.0 + 8 + (share * f64::from(AXIS.1 - AXIS.0 - 16)).round() as i32
}
