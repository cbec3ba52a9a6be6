//! Each plan of a comparison against the best on the same seeds: where the median differences lie.

pub use super::canvas::DrawError;
use super::canvas::{Canvas, Side, cut_to};
use super::figures::short_length;
use super::legend::{self, Item, Swatch};
use super::palette::{BLUE, GRID, GROUND, RULE, SOFT, TEXT, VERMILLION};
use super::panels::{LABEL, NOTE};
use crate::prove::compare::{Comparison, Pair};

/// Width of the page, and of what stands beside and above the panels, pixels.
const WIDTH: i32 = 1200;
const TOP: i32 = 120;
const BOTTOM: i32 = 70;
/// Height of a plan's row, pixels.
const ROW: i32 = 36;
/// Left and right edges of the two panels, pixels.
const PANELS: [(i32, i32); 2] = [(210, 640), (740, 1160)];

/// The picture as SVG; nothing where there is one plan only.
///
/// # Errors
/// Only by a defect: fonts and target are in memory.
pub fn svg(found: &Comparison) -> Result<String, DrawError> {
    page(found).svg()
}

/// The picture as PNG, 1200 pixels wide.
///
/// # Errors
/// Only by a defect: fonts and target are in memory.
pub fn png(found: &Comparison) -> Result<Vec<u8>, DrawError> {
    page(found).png()
}

/// Seconds at the edges of a panel, around 0.
fn reach(found: &Comparison, of: fn(&Pair) -> Option<(f64, f64)>) -> f64 {
    let ends = found.pairs.iter().filter_map(of).flat_map(|(low, high)| [low.abs(), high.abs()]);
    let most = ends.fold(0.0, f64::max).max(1.0);
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 3_600.0, 7_200.0, 18_000.0];
    steps.into_iter().find(|step| *step >= most).unwrap_or(most)
}

fn page(found: &Comparison) -> Canvas {
    let height = TOP + ROW * found.pairs.len() as i32 + BOTTOM;
    let mut canvas = Canvas::new(WIDTH, height.max(TOP + BOTTOM));
    let best = found.rows.first().map_or("", |row| row.name.as_str());
    let percent = found.confidence * 100.0;
    let title = format!("{}: plans against {best} on the same {} seeds", found.scenario.name, found.seeds);
    canvas.bold((28, 30), &cut_to(&title, WIDTH - 56, 22, true), 22, TEXT, Side::Start);
    let items = vec![
        Item::new(Swatch::Bar, BLUE, format!("where the median difference lies ({percent} %)")),
        Item::new(Swatch::Bar, VERMILLION, "and on seeds that refute only this plan"),
    ];
    legend::draw(&mut canvas, (28, 50), WIDTH - 28, &[("", items)]);
    panel(&mut canvas, found, PANELS[0], "longer than the best by", |pair| pair.seconds);
    panel(&mut canvas, found, PANELS[1], "users exposed for longer by", |pair| pair.exposed_s);
    for (place, pair) in found.pairs.iter().enumerate() {
        let y = middle(place);
        canvas.text((PANELS[0].0 - 14, y - 7), &cut_to(&pair.second, 180, LABEL, false), LABEL, TEXT, Side::End);
        let only = format!("refuted alone by {} of {}", pair.only.1, found.seeds);
        canvas.text((PANELS[0].0 - 14, y + 9), &only, NOTE, SOFT, Side::End);
    }
    canvas
}

fn middle(place: usize) -> i32 {
    TOP + ROW * place as i32 + ROW / 2
}

fn panel(
    canvas: &mut Canvas,
    found: &Comparison,
    (left, right): (i32, i32),
    title: &str,
    of: fn(&Pair) -> Option<(f64, f64)>,
) {
    let (reach, bottom) = (reach(found, of), TOP + ROW * found.pairs.len() as i32);
    let x = |seconds: f64| left + ((seconds / reach + 1.0) / 2.0 * f64::from(right - left)).round() as i32;
    canvas.fill(left, TOP, right - left, bottom - TOP, GROUND);
    for part in [-1.0, -0.5, 0.0, 0.5, 1.0] {
        let at = x(reach * part);
        canvas.line((at, TOP), (at, bottom), if part == 0.0 { RULE } else { GRID });
        let sign = if part < 0.0 { "-" } else { "" };
        canvas.text(
            (at, bottom + 16),
            &format!("{sign}{}", short_length((reach * part).abs())),
            NOTE,
            SOFT,
            Side::Middle,
        );
    }
    canvas.bold((left, TOP - 16), title, LABEL, TEXT, Side::Start);
    for (place, pair) in found.pairs.iter().enumerate() {
        let Some((low, high)) = of(pair) else { continue };
        let ink = if pair.only.1 > 0 { VERMILLION } else { BLUE };
        let (from, to) = (x(low), x(high));
        canvas.fill(from, middle(place) - 3, (to - from).max(4), 6, ink);
    }
}
