//! A comparison as a picture: exposure against length, the front of both marked.
//!
//! Exposure goes over several powers of ten, so its axis is logarithmic, with a band of its own for none at all. The
//! bars show between what the middle 90 % of the seeds lie.

pub use super::canvas::DrawError;
use super::canvas::{Canvas, Side, cut_to, text_width};
use super::figures::{length, short_length};
use super::legend::{self, Item, Swatch};
use super::palette::{BLUE, GREEN, GRID, GROUND, RULE, SOFT, TEXT, VERMILLION};
use super::panels::{LABEL, NOTE};
use crate::prove::compare::{Comparison, Row};

/// Size of the page, pixels.
const SIZE: (i32, i32) = (1200, 720);
/// Left and right edge of the plot, pixels.
const X: (i32, i32) = (120, 1150);
/// Upper and lower edge of the plot, pixels.
const Y: (i32, i32) = (110, 640);
/// Height of the band for no exposure, pixels.
const NONE: i32 = 60;
/// Shortest exposure that is told from none, as a power of ten of seconds.
const LEAST: i32 = -3;

/// The picture as SVG.
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

/// Where values stand.
struct Scale {
    minutes: f64,
    decades: i32,
}

impl Scale {
    fn of(found: &Comparison) -> Scale {
        let longest = found.rows.iter().map(|row| row.seconds.high).fold(60.0, f64::max);
        let most = found.rows.iter().map(|row| row.exposed_s.high).fold(1.0, f64::max);
        let decades = libm::ceil(libm::log10(most)) as i32 - LEAST;
        Scale { minutes: nice(longest / 60.0 * 1.05), decades: decades.max(1) }
    }

    fn x(&self, seconds: f64) -> i32 {
        X.0 + (seconds / 60.0 / self.minutes * f64::from(X.1 - X.0)).round() as i32
    }

    fn y(&self, exposed: f64) -> i32 {
        let bottom = Y.1 - NONE;
        if exposed <= 0.0 {
            return Y.1 - NONE / 2;
        }
        let share = (libm::log10(exposed) - f64::from(LEAST)) / f64::from(self.decades);
        bottom - (share.clamp(0.0, 1.0) * f64::from(bottom - Y.0)).round() as i32
    }
}

/// The next of 1, 2, 5 times a power of ten... of ten steps each.
fn nice(value: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10(value.max(1e-9))));
    let steps = [1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0];
    steps.iter().map(|step| step * power).find(|nice| *nice >= value).unwrap_or(10.0 * power)
}

fn page(found: &Comparison) -> Canvas {
    let mut canvas = Canvas::new(SIZE.0, SIZE.1);
    let best = found.rows.first().map_or("", |row| row.name.as_str());
    let title = format!("{}: exposure against length of {} plans; best: {best}", found.scenario.name, found.rows.len());
    canvas.bold((28, 30), &cut_to(&title, X.1 - 28, 22, true), 22, TEXT, Side::Start);
    let items = vec![
        Item::new(Swatch::Dot, GREEN, "no seed refutes it"),
        Item::new(Swatch::Dot, VERMILLION, "some seed refutes it"),
        Item::new(Swatch::Bar, SOFT, "middle 90 % of the seeds"),
        Item::new(Swatch::Ring, BLUE, "on the front: nothing is better in both"),
    ];
    legend::draw(&mut canvas, (28, 54), X.1, &[("", items)]);
    let scale = Scale::of(found);
    axes(&mut canvas, &scale);
    front(&mut canvas, &scale, found);
    let mut taken = Vec::new();
    for row in &found.rows {
        dot(&mut canvas, &scale, row, &mut taken);
    }
    canvas
}

fn axes(canvas: &mut Canvas, scale: &Scale) {
    canvas.fill(X.0, Y.1 - NONE, X.1 - X.0, NONE, GROUND);
    for decade in 0..=scale.decades {
        let seconds = libm::pow(10.0, f64::from(decade + LEAST));
        let y = scale.y(seconds);
        canvas.line((X.0, y), (X.1, y), GRID);
        canvas.text((X.0 - 10, y), &length(seconds), NOTE, SOFT, Side::End);
    }
    canvas.text((X.0 - 10, Y.1 - NONE / 2), "none", NOTE, SOFT, Side::End);
    for tick in 0..=5 {
        let minutes = scale.minutes * f64::from(tick) / 5.0;
        let x = scale.x(minutes * 60.0);
        canvas.line((x, Y.0), (x, Y.1), GRID);
        canvas.text((x, Y.1 + 16), &short_length(minutes * 60.0), NOTE, SOFT, Side::Middle);
    }
    canvas.line((X.0, Y.0), (X.0, Y.1), RULE);
    canvas.line((X.0, Y.1), (X.1, Y.1), RULE);
    canvas.bold((X.0, Y.0 - 16), "exposure of users (median)", LABEL, TEXT, Side::Start);
    canvas.bold((X.1, Y.1 + 40), "length of the upgrade (median)", LABEL, TEXT, Side::End);
}

/// A line along the plans of the front, from the quickest.
fn front(canvas: &mut Canvas, scale: &Scale, found: &Comparison) {
    let mut points: Vec<(i32, i32)> = found.rows.iter().filter(|row| row.front).map(|row| place(scale, row)).collect();
    points.sort_unstable();
    if points.len() > 1 {
        canvas.path(points, BLUE.at(60), 2);
    }
}

fn place(scale: &Scale, row: &Row) -> (i32, i32) {
    (scale.x(row.seconds.median), scale.y(row.exposed_s.median))
}

fn dot(canvas: &mut Canvas, scale: &Scale, row: &Row, taken: &mut Vec<(i32, i32, i32)>) {
    let at = place(scale, row);
    let ends = (scale.x(row.seconds.low), scale.x(row.seconds.high));
    canvas.fill(ends.0, at.1 - 1, (ends.1 - ends.0).max(1), 2, SOFT);
    let ends = (scale.y(row.exposed_s.high), scale.y(row.exposed_s.low));
    canvas.fill(at.0 - 1, ends.0, 2, (ends.1 - ends.0).max(1), SOFT);
    canvas.dot(at, 6, if row.refuted == 0 { GREEN } else { VERMILLION });
    if row.front {
        canvas.ring(at, 10, BLUE);
    }
    let mark = if row.refuted == 0 { String::new() } else { format!(" (refuted by {})", row.refuted) };
    let name = format!("{}{mark}", row.name);
    let width = text_width(&name, LABEL, false);
    let (x, side) = if at.0 + 14 + width > X.1 { (at.0 - 14, Side::End) } else { (at.0 + 14, Side::Start) };
    let from = if side == Side::End { x - width } else { x };
    // A name that would lie over another goes below it, or above.
    let free = |y: i32| !taken.iter().any(|(a, b, other)| (y - other).abs() < 16 && from < *b && from + width > *a);
    let y = [at.1 - 14, at.1 + 14, at.1 - 30, at.1 + 30, at.1 - 46].into_iter().find(|y| free(*y)).unwrap_or(at.1 - 14);
    taken.push((from, from + width, y));
    canvas.text((x, y), &name, LABEL, TEXT, side);
}
