//! Many runs of one plan, or of several, as a picture: how many requests they lose, how long they take, and how many have
//! lost nothing by when.

pub use super::canvas::DrawError;
use super::canvas::{Canvas, Side, cut_to};
use super::figures::{counted, length, short_length};
use super::legend::{self, Item, Swatch};
use super::palette::{BLUE, GREEN, GRID, GROUND, Ink, ORANGE, PURPLE, RULE, SKY, SOFT, TEXT, VERMILLION};
use super::panels::{LABEL, NOTE};
use crate::prove::compare::Comparison;
use crate::prove::report::{Method, Proof, Stage};
use crate::prove::sweep::Sweep;
use crate::statistics::binomial::clopper_pearson;

/// Size of the page, pixels.
const SIZE: (i32, i32) = (1200, 760);
/// Left and right edge of everything, pixels.
const MARGIN: (i32, i32) = (28, 1172);
/// Confidence of the band around the share of runs that have lost nothing, at each moment by itself.
const CONFIDENCE: f64 = 0.95;
/// Colours of the plans, in order.
const INKS: [Ink; 6] = [BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE];

/// One line of each panel.
struct Line<'a> {
    name: String,
    sweep: &'a Sweep,
    ink: Ink,
    /// Pixels by which it keeps off the frame, so that lines on the same way do not hide each other.
    inset: i32,
}

/// The pictures of a proof's seeds; `None` where no seeds were run.
pub struct Pictures(Canvas);

impl Pictures {
    /// Of a proof: its seeds by number of faults.
    pub fn of_proof(proof: &Proof) -> Option<Pictures> {
        let sampled = proof.stages.iter().filter(|stage| stage.method == Method::Sampled);
        let name = |stage: &Stage| match stage.faults {
            0 => "no fault".to_owned(),
            faults => format!("{} at random", counted(u64::from(faults), "fault")),
        };
        Pictures::of(&proof.scenario.name, sampled.map(|stage| (name(stage), &stage.tally.sweep)))
    }
    /// Of a comparison: the first of its plans.
    pub fn of_comparison(found: &Comparison) -> Option<Pictures> {
        Pictures::of(&found.scenario.name, found.rows.iter().map(|row| (row.name.clone(), &row.sweep)))
    }
    fn of<'a>(scenario: &str, sweeps: impl Iterator<Item = (String, &'a Sweep)>) -> Option<Pictures> {
        let some = sweeps.filter(|(_, sweep)| sweep.runs() > 0);
        let mut lines: Vec<Line<'_>> =
            some.zip(INKS).map(|((name, sweep), ink)| Line { name, sweep, ink, inset: 0 }).collect();
        lines.iter_mut().enumerate().for_each(|(place, line)| line.inset = 2 * place as i32);
        (!lines.is_empty()).then(|| Pictures(page(scenario, &lines)))
    }
    /// As SVG.
    ///
    /// # Errors
    /// Only by a defect: fonts and target are in memory.
    pub fn svg(&self) -> Result<String, DrawError> {
        self.0.svg()
    }
    /// As PNG, 1200 pixels wide.
    ///
    /// # Errors
    /// Only by a defect: fonts and target are in memory.
    pub fn png(&self) -> Result<Vec<u8>, DrawError> {
        self.0.png()
    }
}

/// A panel's frame, pixels, and where its values end.
#[derive(Clone, Copy)]
struct Frame {
    x: (i32, i32),
    y: (i32, i32),
    most: f64,
}

impl Frame {
    fn at(self, value: f64) -> i32 {
        self.x.0 + (value / self.most * f64::from(self.x.1 - self.x.0)).round() as i32
    }
    fn up(self, share: f64) -> i32 {
        self.y.1 - (share * f64::from(self.y.1 - self.y.0)).round() as i32
    }
}

fn page(scenario: &str, lines: &[Line<'_>]) -> Canvas {
    let mut canvas = Canvas::new(SIZE.0, SIZE.1);
    let title = cut_to(&finding(scenario, lines), MARGIN.1 - MARGIN.0, 22, true);
    canvas.bold((MARGIN.0, 30), &title, 22, TEXT, Side::Start);
    let item = |line: &Line<'_>| {
        Item::new(Swatch::Bar, line.ink, format!("{} ({})", line.name, counted(line.sweep.runs(), "run")))
    };
    legend::draw(&mut canvas, (MARGIN.0, 50), MARGIN.1, &[("", lines.iter().map(item).collect())]);
    lost(&mut canvas, lines);
    lengths(&mut canvas, lines);
    survival(&mut canvas, lines);
    canvas
}

/// What the runs show, in a sentence.
fn finding(scenario: &str, lines: &[Line<'_>]) -> String {
    match lines {
        [line] => {
            let (runs, losing) = (line.sweep.runs(), line.sweep.losing());
            match line.sweep.first_lost.keys().next() {
                None => format!("{scenario}: none of {} loses a request", counted(runs, "run")),
                Some(first) => {
                    let loses = if losing == 1 { "loses" } else { "lose" };
                    format!(
                        "{scenario}: {losing} of {} {loses} requests, the first at {}",
                        counted(runs, "run"),
                        length(*first as f64)
                    )
                }
            }
        }
        lines => {
            let sound = lines.iter().filter(|line| line.sweep.losing() == 0).count();
            format!("{scenario}: {sound} of {} plans lose no request in any run", lines.len())
        }
    }
}

fn axes(canvas: &mut Canvas, frame: Frame, title: &str, ticks: &[(i32, String)]) {
    canvas.fill(frame.x.0, frame.y.0, frame.x.1 - frame.x.0, frame.y.1 - frame.y.0, GROUND);
    for percent in [0, 25, 50, 75, 100] {
        let y = frame.up(f64::from(percent) / 100.0);
        canvas.line((frame.x.0, y), (frame.x.1, y), GRID);
        canvas.text((frame.x.0 - 8, y), &format!("{percent} %"), NOTE, SOFT, Side::End);
    }
    for (x, text) in ticks {
        canvas.line((*x, frame.y.0), (*x, frame.y.1), GRID);
        canvas.text((*x, frame.y.1 + 16), text, NOTE, SOFT, Side::Middle);
    }
    canvas.line((frame.x.0, frame.y.1), (frame.x.1, frame.y.1), RULE);
    canvas.bold((frame.x.0, frame.y.0 - 16), title, LABEL, TEXT, Side::Start);
}

/// Steps from left to right, the last on to the right edge.
fn steps(canvas: &mut Canvas, frame: Frame, start: f64, points: impl Iterator<Item = (i32, f64)>, line: &Line<'_>) {
    let frame = Frame { y: (frame.y.0 + line.inset, frame.y.1 - line.inset), ..frame };
    let mut path = vec![(frame.x.0, frame.up(start))];
    let mut level = start;
    for (x, share) in points {
        path.extend([(x, frame.up(level)), (x, frame.up(share))]);
        level = share;
    }
    path.push((frame.x.1, frame.up(level)));
    canvas.path(path, line.ink, 2);
}

/// Values with the share of `all` that is no larger, in order.
fn shares<'a>(counts: impl Iterator<Item = (&'a u64, &'a u64)>, all: u64) -> impl Iterator<Item = (f64, f64)> {
    let mut so_far = 0_u64;
    counts.map(move |(value, count)| {
        so_far = so_far.saturating_add(*count);
        (*value as f64, so_far as f64 / all.max(1) as f64)
    })
}

/// Share of runs that lose no more requests than so many, on a logarithmic axis that begins with none.
fn lost(canvas: &mut Canvas, lines: &[Line<'_>]) {
    let most = lines.iter().filter_map(|line| line.sweep.lost.keys().next_back()).max().copied().unwrap_or_default();
    let decades = (1..).find(|decades| most < 10_u64.saturating_pow(*decades)).unwrap_or(1);
    // None stands at 0, one at 1, ten at 2 and so on.
    let place = |lost: f64| if lost < 1.0 { 0.0 } else { 1.0 + libm::log10(lost) };
    let frame = Frame { x: (84, 580), y: (130, 370), most: f64::from(decades) + 1.0 };
    let label = |power: u32| match power {
        0 => (frame.at(0.0), "none".to_owned()),
        power => (frame.at(f64::from(power)), super::figures::count(10_u64.saturating_pow(power - 1))),
    };
    let ticks: Vec<(i32, String)> = (0..=decades + 1).map(label).collect();
    axes(canvas, frame, "runs that lose no more requests than", &ticks);
    for line in lines {
        let points =
            shares(line.sweep.lost.iter(), line.sweep.runs()).map(|(lost, share)| (frame.at(place(lost)), share));
        steps(canvas, frame, 0.0, points, line);
    }
}

/// The next of a few round numbers of seconds, for an axis of so many.
fn round(seconds: f64) -> f64 {
    let minutes = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1_440.0];
    let nice = minutes.iter().map(|minutes| minutes * 60.0).find(|nice| *nice >= seconds);
    nice.unwrap_or_else(|| libm::ceil(seconds / 86_400.0) * 86_400.0)
}

fn time_ticks(frame: Frame) -> Vec<(i32, String)> {
    let tick = |part: i32| frame.most * f64::from(part) / 5.0;
    (0..=5).map(|part| (frame.at(tick(part)), short_length(tick(part)))).collect()
}

/// Share of runs whose upgrade has completed after so long.
fn lengths(canvas: &mut Canvas, lines: &[Line<'_>]) {
    let longest = lines.iter().filter_map(|line| line.sweep.seconds.keys().next_back()).max().copied();
    let frame = Frame { x: (676, 1172), y: (130, 370), most: round(longest.unwrap_or(60) as f64) };
    axes(canvas, frame, "upgrades completed within", &time_ticks(frame));
    for line in lines {
        let points = shares(line.sweep.seconds.iter(), line.sweep.runs()).map(|(at, share)| (frame.at(at), share));
        steps(canvas, frame, 0.0, points, line);
    }
}

/// Share of runs that have lost nothing by a moment; of a single plan with its band.
fn survival(canvas: &mut Canvas, lines: &[Line<'_>]) {
    let lasts =
        lines.iter().flat_map(|line| [line.sweep.seconds.keys().next_back(), line.sweep.first_lost.keys().next_back()]);
    let last = lasts.flatten().max().copied().unwrap_or(60);
    let frame = Frame { x: (84, 1172), y: (450, 690), most: round(last as f64) };
    let title = match lines {
        [_] => "runs that have lost nothing by then, with the band in which their share lies (95 % at each moment)",
        _ => "runs that have lost nothing by then",
    };
    axes(canvas, frame, title, &time_ticks(frame));
    canvas.text((frame.x.1, frame.y.1 + 36), "time since the start of the run", NOTE, SOFT, Side::End);
    if let [line] = lines {
        band(canvas, frame, line);
    }
    for line in lines {
        let lost = shares(line.sweep.first_lost.iter(), line.sweep.runs());
        steps(canvas, frame, 1.0, lost.map(|(at, share)| (frame.at(at), 1.0 - share)), line);
    }
}

fn band(canvas: &mut Canvas, frame: Frame, line: &Line<'_>) {
    let runs = line.sweep.runs();
    let (mut left, mut lost) = (frame.x.0, 0_u64);
    let ends = line.sweep.first_lost.iter().map(|(at, count)| (frame.at(*at as f64), *count));
    for (right, count) in ends.chain([(frame.x.1, 0)]) {
        let share = clopper_pearson(runs.saturating_sub(lost), runs, CONFIDENCE);
        let (top, bottom) = (frame.up(share.high), frame.up(share.low));
        canvas.fill(left, top, (right - left).max(0), (bottom - top).max(1), line.ink.at(18));
        (left, lost) = (right, lost.saturating_add(count));
    }
}
