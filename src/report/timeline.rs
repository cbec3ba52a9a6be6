//! The upgrade as a picture: lanes of machines, etcd's margin, the API and its clients, ready pods, lost requests, on one
//! time axis.
//!
//! Up to a couple of dozen machines have a lane each; more are drawn as areas, one pair a pool. SVG and PNG come from
//! the same marks, with fonts from the program itself: equal runs give equal bytes.

pub use super::canvas::DrawError;
use super::canvas::{Canvas, Side, cut_to, text_width};
use super::clients::{self, Clients};
use super::figures::{clock, clock_with_hours, count, counted};
use super::finding::title;
use super::lanes::{Kind, Lane, lanes};
use super::legend::{self, Item, Swatch};
use super::palette::{self, GREEN, GRID, GROUND, ORANGE, PAPER, SOFT, TEXT, VERMILLION};
use super::panels::{self, Asked, Axis, NOTE, Place};
use super::rows;
use super::series::{self, LossMark, Ready};
use crate::base::Version;
use crate::observe::trace::Trace;
use crate::sim::Outcome;
use crate::sim::outcome::Verdict;
use crate::world::fact::{Fact, Loss};

/// Size of the page, pixels.
const PAGE: (i32, i32) = (1200, 800);
/// Left and right edge of the time axis, pixels.
const EDGES: (i32, i32) = (212, 1172);
/// Left and right edge of everything else, pixels.
const MARGIN: (i32, i32) = (28, 1172);
/// Below title and verdict, pixels.
const TOP: i32 = 88;
/// Between two panels, pixels.
const GAP: i32 = 14;
/// Apps with a panel of their own; of more, those that came down furthest.
const APPS: usize = 3;
/// More lanes than this leave room for one app only.
const CROWD: i32 = 20;
/// Pools with panels of their own; the rest share one.
const POOLS: usize = 3;

/// The picture as SVG.
///
/// # Errors
/// Only by a defect: fonts and target are in memory.
pub fn svg(outcome: &Outcome, trace: &Trace) -> Result<String, DrawError> {
    page(outcome, trace).svg()
}

/// The picture as PNG, 1200 by 800 pixels.
///
/// # Errors
/// Only by a defect: fonts and target are in memory.
pub fn png(outcome: &Outcome, trace: &Trace) -> Result<Vec<u8>, DrawError> {
    page(outcome, trace).png()
}

/// Everything that is drawn.
struct Story {
    lanes: Vec<Lane>,
    versions: Vec<Version>,
    apps: Vec<Ready>,
    losses: Vec<LossMark>,
    exposed: Vec<(f64, f64)>,
    clients: Vec<Clients>,
}

fn page(outcome: &Outcome, trace: &Trace) -> Canvas {
    let lanes = lanes(outcome, trace);
    let axis = axis(&lanes, trace);
    let story = Story {
        versions: versions(trace),
        apps: series::ready(trace, axis.from),
        losses: series::losses(trace),
        exposed: series::exposures(trace),
        clients: clients::over_time(trace),
        lanes,
    };
    let mut canvas = Canvas::new(PAGE.0, PAGE.1);
    heading(&mut canvas, outcome, trace);
    let legend = legend_rows(outcome, trace, &story);
    // Measured on a page of its own, then drawn from the bottom up.
    let height = legend::draw(&mut Canvas::new(0, 0), (MARGIN.0, 0), MARGIN.1, &legend);
    let bottom = PAGE.1 - 14 - height;
    legend::draw(&mut canvas, (MARGIN.0, bottom), MARGIN.1, &legend);
    body(&mut canvas, &axis, bottom - 50, outcome, trace, &story);
    canvas
}

/// Title, verdict and the run's identity.
fn heading(canvas: &mut Canvas, outcome: &Outcome, trace: &Trace) {
    let title = title(outcome, Some(trace));
    let room = MARGIN.1 - MARGIN.0;
    let size = [24, 22, 20, 18, 16].into_iter().find(|&size| text_width(&title, size, true) <= room).unwrap_or(16);
    canvas.bold((MARGIN.0, 32), &cut_to(&title, room, size, true), size, TEXT, Side::Start);
    let (word, ink) = match outcome.verdict {
        Verdict::Holds => ("HOLDS", GREEN),
        Verdict::Refuted => ("REFUTED", VERMILLION),
        Verdict::Undecided => ("UNDECIDED", palette::phase(crate::world::fact::StepPhase::Gate)),
    };
    let width = text_width(word, NOTE, true) + 16;
    canvas.fill(MARGIN.0, 54, width, 18, ink);
    canvas.bold((MARGIN.0 + width / 2, 63), word, NOTE, PAPER, Side::Middle);
    let hash: String = outcome.scenario.hash.chars().take(12).collect();
    let run = format!(
        "seed {}   scenario {hash}   model {}   {}   {}",
        outcome.seed,
        outcome.model_version,
        counted(outcome.requests.sent, "request"),
        counted(outcome.pods.moves, "pod move")
    );
    let x = MARGIN.0 + width + 12;
    canvas.text((x, 63), &cut_to(&run, MARGIN.1 - x, NOTE, false), NOTE, SOFT, Side::Start);
}

/// The time from just before the first step to the end of the run.
fn axis(lanes: &[Lane], trace: &Trace) -> Axis {
    let to = trace.end.secs_f64();
    let starts = lanes.iter().flat_map(|lane| &lane.phases).map(|&((from, _), _)| from);
    let first = starts.fold(to, f64::min);
    let first = if first < to { first } else { 0.0 };
    let from = (first - (to - first) * 0.02).max(0.0);
    Axis { left: EDGES.0, right: EDGES.1, from, to: to.max(from + 1.0) }
}

/// All versions of the run, oldest first.
fn versions(trace: &Trace) -> Vec<Version> {
    let registered = trace.records.iter().filter_map(|record| {
        let Fact::NodeRegistered { version, .. } = record.fact else { return None };
        Some(version)
    });
    let mut all: Vec<Version> = trace.versions.iter().copied().chain(registered).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The panels from `TOP` down to `bottom`, and the axis below them.
fn body(canvas: &mut Canvas, axis: &Axis, bottom: i32, outcome: &Outcome, trace: &Trace, story: &Story) {
    let crowded = story.lanes.len() as i32 > CROWD;
    let (shown, left_out) = worst_apps(&story.apps, if crowded { 1 } else { APPS });
    let etcd = if outcome.etcd.is_some() { 54 } else { 0 };
    let app = if shown.len() > 2 { 44 } else { 52 };
    let note = if left_out.is_empty() { 0 } else { 16 };
    let losses = if story.losses.is_empty() { 56 } else { 84 };
    let clients = story.clients.len() as i32 * panels::CLIENT_ROW;
    let fixed = etcd
        + 26
        + clients
        + if clients > 0 { GAP } else { 0 }
        + shown.len() as i32 * (app + GAP)
        + note
        + losses
        + 3 * GAP;
    let room = bottom - TOP - fixed;
    let rows = rows_height(&story.lanes, room);
    let spare = (room - rows).max(0);
    // What the rows leave over makes apps and losses taller.
    let app = app + spare / 2 / (shown.len() as i32).max(1);
    let losses = losses + spare - spare / 2;
    let mut top = TOP;
    let mut next = |height: i32| {
        let place = Place { top, height };
        top += height + if height > 0 { GAP } else { 0 };
        place
    };
    let lanes = next(rows);
    let (etcd, api, clients) = (next(etcd), next(26), next(clients));
    let apps: Vec<Place> = shown.iter().map(|_| next(app)).collect();
    let note = next(note);
    let losses = next(losses);
    let all = Place { top: TOP, height: losses.top + losses.height - TOP };
    grid(canvas, axis, all, &[&[etcd, api][..], &apps, &[losses]].concat());
    draw_rows(canvas, axis, lanes, story);
    if outcome.etcd.is_some() {
        panels::etcd(canvas, axis, etcd, &series::etcd_margin(trace));
    }
    panels::api(canvas, axis, api, &series::api(trace));
    panels::clients(canvas, axis, clients, &story.clients);
    for (place, app) in apps.into_iter().zip(shown) {
        panels::ready(canvas, axis, place, app);
    }
    if !left_out.is_empty() {
        canvas.text((axis.left, note.top + 4), &left_out, NOTE, SOFT, Side::Start);
    }
    let asked = Asked { rates: &series::rates(trace), marks: &story.losses, exposed: &story.exposed };
    panels::requests(canvas, axis, losses, &asked);
}

/// The apps with panels, those that came down furthest first, and what is said of the others.
fn worst_apps(apps: &[Ready], most: usize) -> (Vec<&Ready>, String) {
    let mut sorted: Vec<&Ready> = apps.iter().filter(|app| app.most > 0).collect();
    sorted.sort_by_key(|app| (app.fewest * 10_000 / app.most.max(1), app.app.clone()));
    let left_out = sorted.split_off(sorted.len().min(most));
    let words = match left_out.first() {
        None => String::new(),
        Some(app) => format!(
            "and {} more {}, each with at least {}% of its pods ready",
            left_out.len(),
            if left_out.len() == 1 { "app" } else { "apps" },
            app.fewest * 100 / app.most.max(1)
        ),
    };
    (sorted, words)
}

/// Grounds of the panels, vertical lines at round times through all of them, and their labels at the bottom.
fn grid(canvas: &mut Canvas, axis: &Axis, all: Place, grounds: &[Place]) {
    for ground in grounds.iter().filter(|ground| ground.height > 0) {
        canvas.fill(axis.left, ground.top, axis.width(), ground.height, GROUND);
    }
    let step = tick(axis.to - axis.from);
    let bottom = all.top + all.height;
    // All ticks in one form, also those of a long run that lie before its hundredth minute.
    let hours = axis.to >= 6000.0;
    let mut at = (axis.from / step).ceil() * step;
    while at <= axis.to {
        let x = axis.x(at);
        canvas.line((x, all.top - 4), (x, bottom + 4), GRID);
        let label = if hours { clock_with_hours(at) } else { clock(at) };
        canvas.text((x, bottom + 14), &label, NOTE, SOFT, Side::Middle);
        at += step;
    }
    let unit = if hours { "hours:minutes:seconds" } else { "minutes:seconds" };
    canvas.text((axis.left - 40, bottom + 14), unit, NOTE, SOFT, Side::End);
}

/// The least round number of seconds that gives at most twelve ticks.
fn tick(seconds: f64) -> f64 {
    const ROUND: [u32; 16] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200];
    let fits = |step: &f64| seconds / step <= 12.0;
    ROUND.into_iter().map(f64::from).find(fits).unwrap_or_else(|| (seconds / 12.0 / 86_400.0).ceil() * 86_400.0)
}

/// The pools as they are drawn when there are too many machines: the largest first, the rest together.
fn pools(lanes: &[Lane]) -> Vec<(String, Vec<&Lane>)> {
    let mut pools: Vec<(String, Vec<&Lane>)> = Vec::new();
    for lane in lanes {
        let Kind::Pool(name) = &lane.kind else { continue };
        match pools.iter_mut().find(|(other, _)| other == name) {
            Some((_, members)) => members.push(lane),
            None => pools.push((name.clone(), vec![lane])),
        }
    }
    pools.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    if pools.len() > POOLS {
        let rest = pools.split_off(POOLS - 1);
        let name = format!("{} other pools", rest.len());
        pools.push((name, rest.into_iter().flat_map(|(_, members)| members).collect()));
    }
    pools
}

/// Lanes that keep a row of their own when the others are drawn as pools.
fn single(lanes: &[Lane]) -> usize {
    let singles = lanes.iter().filter(|lane| !matches!(lane.kind, Kind::Pool(_))).count();
    if singles <= 9 { singles } else { 0 }
}

fn rows_height(lanes: &[Lane], room: i32) -> i32 {
    let count = lanes.len() as i32;
    if fits(lanes, room) { (room / count.max(1)).min(rows::MOST) * count } else { room }
}

fn fits(lanes: &[Lane], room: i32) -> bool {
    lanes.len() as i32 * rows::LEAST <= room
}

fn draw_rows(canvas: &mut Canvas, axis: &Axis, place: Place, story: &Story) {
    let lanes = &story.lanes;
    if fits(lanes, place.height) {
        rows::machines(canvas, axis, place, lanes, &story.versions);
        return;
    }
    let singles = single(lanes);
    let height = singles as i32 * (rows::LEAST + 1);
    let above = Place { top: place.top, height };
    rows::machines(canvas, axis, above, &lanes[..singles], &story.versions);
    let pools = pools(lanes);
    let gap = 12;
    let each = (place.height - height - gap * pools.len() as i32) / (pools.len() as i32).max(1);
    let mut top = place.top + height + gap;
    for (name, members) in &pools {
        rows::pool(canvas, axis, Place { top, height: each }, name, members, &story.versions);
        top += each + gap;
    }
}

fn legend_rows(outcome: &Outcome, trace: &Trace, story: &Story) -> Vec<(&'static str, Vec<Item>)> {
    let phases = rows::phases_used(&story.lanes);
    let phases = phases.into_iter().map(|phase| Item::new(Swatch::Solid, palette::phase(phase), phase.name()));
    let version =
        |version: &Version| Item::new(Swatch::Solid, rows::shade(*version, &story.versions), version.to_string());
    let mut state: Vec<Item> = story.versions.iter().take(6).map(version).collect();
    if story.lanes.iter().any(|lane| !lane.unready.is_empty()) {
        state.push(Item::new(Swatch::Bar, TEXT, "node not Ready"));
    }
    let api = series::api(trace);
    if api.iter().any(|&(_, api)| api == series::Api::Some) {
        state.push(Item::new(Swatch::Hatched, ORANGE, "some API requests fail"));
    }
    let no_api = api.iter().any(|&(_, api)| api == series::Api::None);
    let no_quorum = outcome.etcd.is_some() && series::etcd_margin(trace).iter().any(|&(_, margin)| margin < 0);
    let cut = |all: bool| {
        let mut steps = story.clients.iter().flat_map(|kind| &kind.steps);
        steps.any(|(_, is)| is.served < is.all && (is.served == 0) == all)
    };
    if cut(false) {
        state.push(Item::new(Swatch::Solid, ORANGE, "some clients cut off from the API"));
    }
    if cut(true) {
        state.push(Item::new(Swatch::Solid, VERMILLION, "all of a kind cut off"));
    }
    if no_api {
        state.push(Item::new(Swatch::Solid, VERMILLION, "API unavailable"));
    }
    if no_quorum {
        state.push(Item::new(Swatch::Hatched, VERMILLION, "etcd without quorum"));
    }
    let lost =
        |loss: Loss| -> u64 { story.losses.iter().filter(|mark| mark.loss == loss).map(|mark| mark.count).sum() };
    let mut losses: Vec<Item> = Loss::ALL
        .into_iter()
        .filter(|&loss| lost(loss) > 0)
        .map(|loss| Item::new(Swatch::Solid, palette::loss(loss), format!("{} {}", loss.name(), count(lost(loss)))))
        .collect();
    if !story.exposed.is_empty() {
        losses.push(Item::new(Swatch::Bar, VERMILLION, "a request could have been lost"));
    }
    vec![("Phases", phases.collect()), ("State", state), ("Lost", losses)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canvas::{Mark, Words};
    use crate::report::sample;

    fn pictures() -> Vec<(&'static str, Outcome, Trace)> {
        let (outcome, trace) = sample::fleet();
        vec![
            ("book", sample::holds(), sample::book_trace()),
            ("lossy", sample::refuted(), sample::lossy_trace()),
            ("fleet", outcome, trace),
            ("empty", sample::holds(), Trace::default()),
        ]
    }

    #[test]
    fn a_run_drawn_twice_gives_the_same_bytes() {
        for (name, outcome, trace) in pictures() {
            assert_eq!(svg(&outcome, &trace), svg(&outcome, &trace), "{name}");
            assert!(png(&outcome, &trace).expect("it draws") == png(&outcome, &trace).expect("it draws"), "{name}");
        }
    }

    #[test]
    fn texts_neither_overlap_nor_leave_the_page() {
        for (name, outcome, trace) in pictures() {
            let canvas = page(&outcome, &trace);
            let words: Vec<&Words> = canvas
                .marks
                .iter()
                .filter_map(|mark| if let Mark::Text(words) = mark { Some(words) } else { None })
                .collect();
            for (index, one) in words.iter().enumerate() {
                let (left, right) = one.edges();
                assert!(left >= 0 && right <= PAGE.0 && one.y > 8 && one.y < PAGE.1 - 4, "{name}: {one:?}");
                for other in &words[..index] {
                    let (from, to) = other.edges();
                    let apart = (one.y - other.y).abs() * 2 >= one.size.min(other.size);
                    assert!(apart || left >= to || from >= right, "{name}: {one:?} over {other:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_drawn_outside_the_page() {
        for (name, outcome, trace) in pictures() {
            for mark in &page(&outcome, &trace).marks {
                let inside = |x: i32, y: i32| (0..=PAGE.0).contains(&x) && (0..=PAGE.1).contains(&y);
                let good = match mark {
                    Mark::Fill { x, y, w, h, .. } => inside(*x, *y) && inside(x + w, y + h),
                    Mark::Line { from, to, .. } => inside(from.0, from.1) && inside(to.0, to.1),
                    Mark::Path { points, .. } => points.iter().all(|&(x, y)| inside(x, y)),
                    Mark::Text(words) => inside(words.x, words.y),
                    Mark::Dot { at, .. } => inside(at.0, at.1),
                };
                assert!(good, "{name}: {mark:?}");
            }
        }
    }

    #[test]
    fn hostile_names_are_drawn_as_text() {
        let (mut outcome, mut trace) = (sample::refuted(), sample::lossy_trace());
        outcome.scenario.name = "<script>alert(1)</script>\u{1b}[31m".to_owned();
        for label in trace.names.nodes.iter_mut().chain(trace.names.apps.iter_mut()) {
            *label = format!("</svg><b>\u{202e}{label}");
        }
        let svg = svg(&outcome, &trace).expect("it draws");
        assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains(['\u{1b}', '\u{202e}']), "{svg}");
        assert_eq!(svg.matches("</svg>").count(), 1);
    }

    #[test]
    fn ticks_are_round_and_few() {
        for seconds in [3.0, 61.0, 1900.0, 32_000.0, 1e6, 1e9] {
            assert!(seconds / tick(seconds) <= 12.0, "{seconds}");
        }
        assert_eq!((tick(1900.0), tick(61.0)), (300.0, 10.0));
    }

    #[test]
    #[ignore = "writes drawings to target/look, for people to look at"]
    fn look() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/look");
        std::fs::create_dir_all(&dir).expect("the folder can be made");
        for (name, outcome, trace) in pictures() {
            std::fs::write(dir.join(format!("{name}.png")), png(&outcome, &trace).expect("it draws")).expect("written");
            std::fs::write(dir.join(format!("{name}.svg")), svg(&outcome, &trace).expect("it draws")).expect("written");
        }
    }
}
