//! Lanes as rows of the timeline: one machine a row, or, where there are too many, one pool.

use super::canvas::{Canvas, Side, cut_to, text_width};
use super::figures::counted;
use super::lanes::Lane;
use super::palette::{self, PAPER, PHASES, RULE, SOFT, TEXT};
use super::panels::{Axis, NOTE, Place, labels};
use crate::base::Version;
use crate::world::fact::StepPhase;

/// Least height of a row, pixels.
pub(super) const LEAST: i32 = 16;
/// Most height of a row, pixels.
pub(super) const MOST: i32 = 36;
/// Least width of a phase, pixels.
const NARROWEST: i32 = 1;

/// One row for each lane.
pub(super) fn machines(canvas: &mut Canvas, axis: &Axis, place: Place, lanes: &[Lane], versions: &[Version]) {
    let step = place.height / (lanes.len() as i32).max(1);
    for (index, lane) in lanes.iter().enumerate() {
        let row = Place { top: place.top + index as i32 * step, height: (step - step / 6).max(3) };
        machine(canvas, axis, row, lane, versions);
    }
}

fn machine(canvas: &mut Canvas, axis: &Axis, row: Place, lane: &Lane, versions: &[Version]) {
    let middle = row.top + row.height / 2;
    let name = cut_to(&lane.label, axis.left - 16, super::panels::LABEL, false);
    canvas.text((axis.left - 8, middle), &name, super::panels::LABEL, TEXT, Side::End);
    canvas.line((axis.left, middle), (axis.right - 1, middle), RULE);
    for &(life, version) in &lane.lives {
        if let Some((x, w)) = axis.stretch(life, NARROWEST) {
            canvas.fill(x, row.top, w, row.height, shade(version, versions));
        }
    }
    for &stretch in &lane.unready {
        if let Some((x, w)) = axis.stretch(stretch, NARROWEST) {
            canvas.fill(x, row.top + row.height - 3, w, 3, TEXT);
        }
    }
    // Phases leave a rim of the machine's own colour, so that its life and readiness stay visible below them.
    let rim = (row.height / 7).clamp(1, 4);
    for &(stretch, phase) in &lane.phases {
        if let Some((x, w)) = axis.stretch(stretch, NARROWEST) {
            canvas.fill(x, row.top, w, row.height - rim, palette::phase(phase));
        }
    }
    phase_names(canvas, axis, row, rim, lane);
    version_names(canvas, axis, row, lane);
}

/// The names of those phases that are wide enough.
fn phase_names(canvas: &mut Canvas, axis: &Axis, row: Place, rim: i32, lane: &Lane) {
    for &(stretch, phase) in &lane.phases {
        let Some((x, w)) = axis.stretch(stretch, NARROWEST) else { continue };
        if row.height >= LEAST - 2 && text_width(phase.name(), NOTE, false) + 6 <= w {
            let ink = if palette::phase_is_dark(phase) { PAPER } else { TEXT };
            canvas.text((x + w / 2, row.top + (row.height - rim) / 2), phase.name(), NOTE, ink, Side::Middle);
        }
    }
}

/// The version of each life, in its longest part without a phase.
fn version_names(canvas: &mut Canvas, axis: &Axis, row: Place, lane: &Lane) {
    if row.height < LEAST - 2 {
        return;
    }
    for &(life, version) in &lane.lives {
        let mut free: Option<(f64, f64)> = None;
        let mut at = life.0.max(axis.from);
        let busy = lane.phases.iter().map(|&(stretch, _)| stretch).filter(|&(_, to)| to > life.0);
        for (from, to) in busy.chain([(life.1, life.1)]) {
            let gap = (at, from.min(life.1));
            if free.is_none_or(|best| gap.1 - gap.0 > best.1 - best.0) {
                free = Some(gap);
            }
            at = at.max(to);
        }
        let Some((x, w)) = free.filter(|gap| gap.1 > gap.0).and_then(|gap| axis.stretch(gap, NARROWEST)) else {
            continue;
        };
        let text = version.to_string();
        if text_width(&text, NOTE, false) + 8 <= w {
            canvas.text((x + w / 2, row.top + row.height / 2), &text, NOTE, TEXT, Side::Middle);
        }
    }
}

/// The shade of a version among all of the run.
pub(super) fn shade(version: Version, versions: &[Version]) -> palette::Ink {
    let index = versions.iter().position(|&other| other == version).unwrap_or_default();
    palette::version(index, versions.len())
}

/// Machines of one pool as areas: above, how many run which version; below, how many are in which phase.
pub(super) fn pool(canvas: &mut Canvas, axis: &Axis, place: Place, name: &str, lanes: &[&Lane], versions: &[Version]) {
    /// Width of a column, pixels; counts are means over its time.
    const COLUMN: i32 = 3;
    let bins = (axis.width() / COLUMN).max(1);
    let seconds = (axis.to - axis.from) / f64::from(bins);
    let (mut by_version, mut by_phase) = (Grid::new(bins, versions.len()), Grid::new(bins, PHASES.len()));
    for lane in lanes {
        for &(life, version) in &lane.lives {
            let series = versions.iter().position(|&other| other == version).unwrap_or_default();
            by_version.add(axis, seconds, life, series);
        }
        for &(stretch, phase) in &lane.phases {
            let series = PHASES.iter().position(|&other| other == phase).unwrap_or_default();
            by_phase.add(axis, seconds, stretch, series);
        }
    }
    let above = Place { top: place.top, height: place.height * 45 / 100 };
    let below = Place { top: above.top + above.height + 10, height: place.height - above.height - 10 };
    labels(canvas, axis, above, name, &format!("{}, by version", counted(lanes.len() as u64, "node")));
    let newest: Vec<palette::Ink> = (0..versions.len()).map(|index| palette::version(index, versions.len())).collect();
    by_version.draw(canvas, axis, above, COLUMN, lanes.len() as f64, &newest);
    let most = by_phase.highest().max(1.0);
    labels(canvas, axis, below, "in a phase", &format!("at most {}", most.ceil() as u64));
    by_phase.draw(canvas, axis, below, COLUMN, most, &PHASES.map(palette::phase));
}

/// Mean counts by column and series.
struct Grid {
    series: usize,
    cells: Vec<f64>,
}

impl Grid {
    fn new(columns: i32, series: usize) -> Grid {
        Grid { series: series.max(1), cells: vec![0.0; columns.max(1) as usize * series.max(1)] }
    }

    /// Adds one machine for a stretch of time.
    fn add(&mut self, axis: &Axis, seconds: f64, (from, to): (f64, f64), series: usize) {
        let columns = self.cells.len() / self.series;
        let first = (((from - axis.from) / seconds).max(0.0) as usize).min(columns);
        let last = (((to - axis.from) / seconds).max(0.0).ceil() as usize).min(columns);
        for column in first..last {
            let start = axis.from + seconds * column as f64;
            let shared = (to.min(start + seconds) - from.max(start)).max(0.0);
            self.cells[column * self.series + series] += shared / seconds;
        }
    }

    fn highest(&self) -> f64 {
        self.cells.chunks(self.series).map(|column| column.iter().sum::<f64>()).fold(0.0, f64::max)
    }

    /// Stacked areas; equal neighbours become one rectangle.
    fn draw(&self, canvas: &mut Canvas, axis: &Axis, place: Place, width: i32, most: f64, inks: &[palette::Ink]) {
        let bottom = place.top + place.height;
        canvas.fill(axis.left, place.top, axis.width(), place.height, palette::GROUND);
        let tops = |column: usize| -> Vec<i32> {
            let mut sum = 0.0;
            let cells = &self.cells[column * self.series..(column + 1) * self.series];
            cells
                .iter()
                .map(|n| {
                    sum += n;
                    (sum / most * f64::from(place.height)).round() as i32
                })
                .collect()
        };
        let columns = self.cells.len() / self.series;
        let mut start = 0;
        while start < columns {
            let shape = tops(start);
            let end = (start + 1..columns).find(|&column| tops(column) != shape).unwrap_or(columns);
            let x = axis.left + start as i32 * width;
            let w = if end == columns { axis.right - x } else { (end - start) as i32 * width };
            let mut under = 0;
            for (top, &ink) in shape.into_iter().zip(inks) {
                canvas.fill(x, bottom - top, w, top - under, ink);
                under = top;
            }
            start = end;
        }
        canvas.text((axis.left - 6, place.top + 5), &(most.ceil() as u64).to_string(), NOTE, SOFT, Side::End);
        canvas.text((axis.left - 6, bottom - 5), "0", NOTE, SOFT, Side::End);
        canvas.line((axis.left, bottom), (axis.right, bottom), RULE);
    }
}

/// The phases that occur, in the order of the legend.
pub(super) fn phases_used(lanes: &[Lane]) -> Vec<StepPhase> {
    let used = |phase: &StepPhase| lanes.iter().any(|lane| lane.phases.iter().any(|(_, other)| other == phase));
    PHASES.into_iter().filter(used).collect()
}
