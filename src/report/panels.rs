//! The panels of the timeline below its lanes: etcd's margin, the API and its clients, ready pods, lost requests.

use super::canvas::{Canvas, Side};
use super::clients::Clients;
use super::figures::{count, length};
use super::palette::{self, BLUE, GREEN, ORANGE, RULE, SKY, SOFT, TEXT, VERMILLION};
use super::series::{Api, LossMark, Ready, Steps};
use crate::world::fact::Loss;

/// Size of labels, pixels.
pub(super) const LABEL: i32 = 14;
/// Size of axis texts and notes, pixels. Even, as all sizes: plotters rounds half pixels of odd ones apart.
pub(super) const NOTE: i32 = 12;
/// Narrowest mark, pixels: what happened must be seen however short it was.
const NARROWEST: i32 = 2;
/// Width of a bar of lost requests, pixels.
const BIN: i32 = 4;

/// The time axis: where seconds stand on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    /// Left edge, pixels.
    pub(super) left: i32,
    /// Right edge, pixels.
    pub(super) right: i32,
    /// The moment at the left edge, seconds.
    pub(super) from: f64,
    /// The moment at the right edge, seconds.
    pub(super) to: f64,
}

impl Axis {
    /// The pixel of a moment; moments outside the axis stand at its ends.
    pub(super) fn x(&self, seconds: f64) -> i32 {
        let share = ((seconds - self.from) / (self.to - self.from).max(1e-9)).clamp(0.0, 1.0);
        self.left + (share * f64::from(self.width())).round() as i32
    }

    /// Pixels from end to end.
    pub(super) const fn width(&self) -> i32 {
        self.right - self.left
    }

    /// Left edge and width of a stretch, at least `narrowest` wide and inside the axis; `None` if it lies outside.
    pub(super) fn stretch(&self, (from, to): (f64, f64), narrowest: i32) -> Option<(i32, i32)> {
        if to < self.from || from > self.to {
            return None;
        }
        let (start, end) = (self.x(from), self.x(to));
        let width = (end - start).max(narrowest);
        Some((start.min(self.right - width).max(self.left), width.min(self.width())))
    }

    /// The stretches of a step series, each with its value.
    fn pieces<T: Copy>(&self, steps: &Steps<T>) -> Vec<((f64, f64), T)> {
        let ends = steps.iter().skip(1).map(|&(at, _)| at).chain([self.to]);
        steps.iter().zip(ends).map(|(&(at, value), end)| ((at, end), value)).collect()
    }
}

/// A panel's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Top edge, pixels.
    pub(super) top: i32,
    /// Height, pixels.
    pub(super) height: i32,
}

impl Place {
    const fn bottom(self) -> i32 {
        self.top + self.height
    }
    const fn middle(self) -> i32 {
        self.top + self.height / 2
    }
}

/// The panel's name and, in a second line, what it comes to, left of the axis.
pub(super) fn labels(canvas: &mut Canvas, axis: &Axis, place: Place, name: &str, note: &str) {
    /// Room for the numbers of the vertical axis.
    const NUMBERS: i32 = 40;
    let x = axis.left - NUMBERS;
    let room = x - 8;
    let apart = if note.is_empty() { 0 } else { 8 };
    let name = super::canvas::cut_to(name, room, LABEL, false);
    canvas.text((x, place.middle() - apart), &name, LABEL, TEXT, Side::End);
    if !note.is_empty() {
        let note = super::canvas::cut_to(note, room, NOTE, false);
        canvas.text((x, place.middle() + apart), &note, NOTE, SOFT, Side::End);
    }
}

fn number(canvas: &mut Canvas, axis: &Axis, y: i32, text: &str) {
    canvas.text((axis.left - 6, y), text, NOTE, SOFT, Side::End);
}

/// etcd's voters beyond a majority: a band above zero, a thin warning line at zero, hatched red below.
pub(super) fn etcd(canvas: &mut Canvas, axis: &Axis, place: Place, steps: &Steps<i64>) {
    if steps.is_empty() {
        labels(canvas, axis, place, "etcd", "not observed");
        return;
    }
    let low = steps.iter().map(|&(_, margin)| margin).min().unwrap_or_default().min(-1);
    let high = steps.iter().map(|&(_, margin)| margin).max().unwrap_or_default().max(1);
    let y = |margin: i64| place.bottom() - (i64::from(place.height) * (margin - low) / (high - low)) as i32;
    labels(canvas, axis, place, "etcd members to spare", &etcd_note(axis, steps));
    for (stretch, margin) in axis.pieces(steps) {
        let Some((x, w)) = axis.stretch(stretch, if margin > 0 { 1 } else { NARROWEST }) else { continue };
        match margin {
            1.. => {
                canvas.fill(x, y(margin), w, y(0) - y(margin), BLUE.at(35));
                canvas.fill(x, y(margin), w, 2, BLUE);
            }
            0 => canvas.fill(x, y(0) - 3, w, 6, ORANGE),
            _ => {
                canvas.fill(x, place.top, w, place.height, VERMILLION.at(25));
                canvas.fill(x, y(0), w, y(margin) - y(0), VERMILLION.at(55));
                canvas.hatch(x, y(0), w, y(margin) - y(0), 6, VERMILLION);
            }
        }
    }
    canvas.line((axis.left, y(0)), (axis.right, y(0)), RULE);
    for margin in [low, 0, high] {
        let text = if margin > 0 { format!("+{margin}") } else { margin.to_string() };
        number(canvas, axis, y(margin).clamp(place.top + 5, place.bottom() - 5), &text);
    }
}

fn etcd_note(axis: &Axis, steps: &Steps<i64>) -> String {
    let lasting = |wanted: fn(i64) -> bool| -> f64 {
        axis.pieces(steps).iter().filter(|(_, margin)| wanted(*margin)).map(|((from, to), _)| to - from).sum()
    };
    let (broken, bare) = (lasting(|margin| margin < 0), lasting(|margin| margin == 0));
    if broken > 0.0 {
        format!("no quorum for {}", length(broken))
    } else if bare > 0.0 {
        format!("none for {}", length(bare))
    } else {
        "always some".to_owned()
    }
}

/// How the API answers: calm, hatched where some requests fail, solid where all do.
pub(super) fn api(canvas: &mut Canvas, axis: &Axis, place: Place, steps: &Steps<Api>) {
    let pieces = axis.pieces(steps);
    let gone: f64 = pieces.iter().filter(|(_, api)| *api == Api::None).map(|((from, to), _)| to - from).sum();
    let note = match (steps.is_empty(), gone > 0.0) {
        (true, _) => "not observed".to_owned(),
        (false, true) => format!("unavailable for {}", length(gone)),
        (false, false) => "always available".to_owned(),
    };
    labels(canvas, axis, place, "API", &note);
    let mut ordered = pieces;
    // What is worse is drawn later, so that a short outage is not painted over.
    ordered.sort_by_key(|&(_, api)| api);
    for (stretch, api) in ordered {
        let Some((x, w)) = axis.stretch(stretch, if api == Api::All { 1 } else { NARROWEST }) else { continue };
        match api {
            Api::All => canvas.fill(x, place.top, w, place.height, GREEN.at(40)),
            Api::Some => {
                canvas.fill(x, place.top, w, place.height, palette::PAPER);
                canvas.fill(x, place.top, w, place.height, ORANGE.at(55));
                canvas.hatch(x, place.top, w, place.height, 6, ORANGE);
            }
            Api::None => canvas.fill(x, place.top, w, place.height, VERMILLION),
        }
    }
}

/// Height of a row of clients, pixels.
pub(super) const CLIENT_ROW: i32 = 14;

/// The API's standing clients, a thin row for each kind: the part of them that is cut off comes down from the top.
pub(super) fn clients(canvas: &mut Canvas, axis: &Axis, place: Place, kinds: &[Clients]) {
    for (row, kind) in kinds.iter().enumerate() {
        let top = place.top + row as i32 * CLIENT_ROW;
        let height = CLIENT_ROW - 3;
        let pieces = axis.pieces(&kind.steps);
        let inside = |(from, to): (f64, f64)| (to - from.max(axis.from)).max(0.0);
        let cut = pieces.iter().filter(|(_, is)| is.served < is.all).map(|(stretch, _)| inside(*stretch)).sum::<f64>();
        let note = if cut > 0.0 { format!("some cut off {}", length(cut)) } else { "all served".to_owned() };
        let words = super::canvas::cut_to(&format!("{}: {note}", kind.name), axis.left - 14, NOTE, false);
        canvas.text((axis.left - 6, top + height / 2), &words, NOTE, SOFT, Side::End);
        canvas.fill(axis.left, top, axis.width(), height, GREEN.at(40));
        for (stretch, is) in pieces.into_iter().filter(|(_, is)| is.served < is.all) {
            let Some((x, w)) = axis.stretch(stretch, NARROWEST) else { continue };
            let part = i64::from(height) * i64::from(is.all - is.served) / i64::from(is.all.max(1));
            let ink = if is.served == 0 { VERMILLION } else { ORANGE };
            canvas.fill(x, top, w, (part as i32).max(NARROWEST), ink);
        }
    }
}

/// One app's ready pods over time.
pub(super) fn ready(canvas: &mut Canvas, axis: &Axis, place: Place, app: &Ready) {
    let note = format!("fewest {} of {}", app.fewest, app.most);
    labels(canvas, axis, place, &format!("{}: ready pods", app.app), &note);
    let most = app.most.max(1);
    let y = |pods: i64| place.bottom() - (i64::from(place.height - 3) * pods / most) as i32;
    let mut line = Vec::new();
    for (stretch, pods) in axis.pieces(&app.steps) {
        // No app at all must be seen however short it was; other stretches must not overlap, or they look darker.
        let Some((x, w)) = axis.stretch(stretch, if pods == 0 { NARROWEST } else { 0 }) else { continue };
        let ink = if pods == 0 { VERMILLION } else { SKY.at(45) };
        let top = y(pods).min(place.bottom() - 2);
        canvas.fill(x, top, w, place.bottom() - top, ink);
        line.extend([(x, y(pods)), (x + w, y(pods))]);
    }
    if line.len() > 1 {
        canvas.path(line, BLUE, 2);
    }
    number(canvas, axis, place.top + 5, &most.to_string());
    number(canvas, axis, place.bottom() - 5, "0");
}

/// What users ask for and lose.
pub(super) struct Asked<'a> {
    /// Requests a second, from each moment on.
    pub(super) rates: &'a Steps<f64>,
    /// Lost requests.
    pub(super) marks: &'a [LossMark],
    /// When some could have been lost.
    pub(super) exposed: &'a [(f64, f64)],
}

/// Requests a second by outcome, on a logarithmic axis, so that one lost of thousands is seen; and below them when some
/// could have been lost.
pub(super) fn requests(canvas: &mut Canvas, axis: &Axis, place: Place, asked: &Asked<'_>) {
    let (marks, exposed) = (asked.marks, asked.exposed);
    /// Height of the strip of exposure, pixels.
    const STRIP: i32 = 8;
    let bars = Place { top: place.top, height: place.height - STRIP - 4 };
    let total: u64 = marks.iter().map(|mark| mark.count).sum();
    let time: f64 = exposed.iter().map(|(from, to)| to - from).sum();
    let lost = if total == 0 { "none lost".to_owned() } else { format!("{} lost", count(total)) };
    let note = if time > 0.0 { format!("{lost}, exposed {}", length(time)) } else { lost };
    labels(canvas, axis, place, "requests a second", &note);
    let bins = binned(axis, marks);
    let second = f64::from(axis.width()) / (axis.to - axis.from) / f64::from(BIN);
    let lost_most = bins.iter().map(|bin| bin.iter().sum::<f64>() * second).fold(0.0, f64::max);
    let top = asked.rates.iter().map(|(_, rate)| *rate).fold(lost_most, f64::max).max(1.0);
    let up = |rate: f64| (libm::log1p(rate) / libm::log1p(top) * f64::from(bars.height - 4)).round() as i32;
    for (stretch, rate) in axis.pieces(asked.rates) {
        if let Some((x, w)) = axis.stretch(stretch, 0) {
            canvas.fill(x, bars.bottom() - up(rate), w, up(rate), GREEN.at(22));
            canvas.fill(x, bars.bottom() - up(rate), w, 2, GREEN);
        }
    }
    number(canvas, axis, bars.top + 5, &count(top.round() as u64));
    number(canvas, axis, bars.bottom() - 5, "0");
    for &stretch in exposed {
        if let Some((x, w)) = axis.stretch(stretch, NARROWEST) {
            canvas.fill(x, place.bottom() - STRIP, w, STRIP, VERMILLION.at(70));
        }
    }
    canvas.line((axis.left, bars.bottom()), (axis.right, bars.bottom()), RULE);
    if total == 0 {
        let words = if time > 0.0 { "none lost, though some could have been" } else { "none lost" };
        canvas.text(((axis.left + axis.right) / 2, bars.middle()), words, LABEL, SOFT, Side::Middle);
        return;
    }
    for (index, bin) in bins.iter().enumerate() {
        let x = axis.left + index as i32 * BIN;
        let (mut y, all) = (bars.bottom(), bin.iter().sum::<f64>().max(f64::MIN_POSITIVE));
        for (loss, &lost) in Loss::ALL.iter().zip(bin) {
            let height = (lost / all * f64::from(up(all * second).max(3))).round() as i32;
            let height = if lost > 0.0 { height.max(2) } else { 0 };
            y -= height;
            canvas.fill(x, y, BIN.min(axis.right - x), height, palette::loss(*loss));
        }
    }
}

/// Lost requests by bar and cause; those of a longer stretch are spread evenly over it.
fn binned(axis: &Axis, marks: &[LossMark]) -> Vec<[f64; Loss::ALL.len()]> {
    let mut bins = vec![[0.0; Loss::ALL.len()]; (axis.width() / BIN).max(1) as usize];
    let last = bins.len() - 1;
    let bin = |seconds: f64| (((axis.x(seconds) - axis.left) / BIN) as usize).min(last);
    for mark in marks {
        let cause = Loss::ALL.iter().position(|&loss| loss == mark.loss).unwrap_or_default();
        let (first, end) = (bin(mark.from), bin(mark.to));
        for slot in &mut bins[first..=end] {
            slot[cause] += mark.count as f64 / (end - first + 1) as f64;
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: Axis = Axis { left: 100, right: 1100, from: 0.0, to: 1000.0 };

    #[test]
    fn the_shortest_stretch_is_still_seen_and_stays_on_the_axis() {
        assert_eq!(AXIS.stretch((10.0, 10.001), 2), Some((110, 2)));
        assert_eq!(AXIS.stretch((1000.0, 1000.0), 2), Some((1098, 2)));
        assert_eq!(AXIS.stretch((-5.0, 2000.0), 2), Some((100, 1000)));
        assert_eq!(AXIS.stretch((1001.0, 1002.0), 2), None);
    }

    #[test]
    fn spreading_losses_over_time_loses_none() {
        let marks = [
            LossMark { from: 5.0, to: 300.0, loss: Loss::Refused, count: 31 },
            LossMark { from: 990.0, to: 1000.0, loss: Loss::NoTarget, count: 7 },
        ];
        let total: f64 = binned(&AXIS, &marks).iter().flatten().sum();
        assert!((total - 38.0).abs() < 1e-9, "{total}");
    }
}
