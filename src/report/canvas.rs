//! A drawing as a list of marks in pixels, and its rendering by plotters as SVG or PNG from the same list.
//!
//! Text is measured and, in the bitmap, drawn with DejaVu Sans from the program itself: no font of the system is
//! looked for, so the same marks give the same bytes everywhere. The SVG names the generic family, for the reader's
//! own sans-serif.

use std::sync::OnceLock;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, register_font};

use super::palette::{Ink, PAPER};
use super::png;
use super::safe::drawable;

/// A drawing could not be made. With fonts inside the program and memory as the target this is a defect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the drawing failed: {0}")]
pub struct DrawError(String);

/// Where a text stands against its point; vertically it is always centred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// One text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Words {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) text: String,
    pub(super) size: i32,
    pub(super) bold: bool,
    pub(super) ink: Ink,
    pub(super) side: Side,
}

impl Words {
    /// Left and right edge, pixels.
    #[cfg(test)]
    pub(super) fn edges(&self) -> (i32, i32) {
        let width = text_width(&self.text, self.size, self.bold);
        match self.side {
            Side::Start => (self.x, self.x + width),
            Side::Middle => (self.x - width / 2, self.x + width - width / 2),
            Side::End => (self.x - width, self.x),
        }
    }
}

/// One thing drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// A filled rectangle.
    Fill { x: i32, y: i32, w: i32, h: i32, ink: Ink },
    /// A line.
    Line { from: (i32, i32), to: (i32, i32), ink: Ink, width: u32 },
    /// Connected lines.
    Path { points: Vec<(i32, i32)>, ink: Ink, width: u32 },
    /// Text.
    Text(Words),
    /// A disc, or its rim only.
    Dot { at: (i32, i32), radius: i32, ink: Ink, filled: bool },
}

/// A drawing under construction.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    /// Width, pixels.
    pub(super) width: i32,
    /// Height, pixels.
    pub(super) height: i32,
    /// What is drawn, bottom first.
    pub(super) marks: Vec<Mark>,
}

impl Canvas {
    /// An empty page.
    pub(super) const fn new(width: i32, height: i32) -> Canvas {
        Canvas { width, height, marks: Vec::new() }
    }

    /// A filled rectangle; nothing if it is empty.
    pub(super) fn fill(&mut self, x: i32, y: i32, w: i32, h: i32, ink: Ink) {
        if w > 0 && h > 0 {
            self.marks.push(Mark::Fill { x, y, w, h, ink });
        }
    }

    /// A line one pixel wide.
    pub(super) fn line(&mut self, from: (i32, i32), to: (i32, i32), ink: Ink) {
        self.marks.push(Mark::Line { from, to, ink, width: 1 });
    }

    /// Connected lines.
    pub(super) fn path(&mut self, points: Vec<(i32, i32)>, ink: Ink, width: u32) {
        self.marks.push(Mark::Path { points, ink, width });
    }

    /// A disc.
    pub(super) fn dot(&mut self, at: (i32, i32), radius: i32, ink: Ink) {
        self.marks.push(Mark::Dot { at, radius, ink, filled: true });
    }

    /// The rim of a disc.
    pub(super) fn ring(&mut self, at: (i32, i32), radius: i32, ink: Ink) {
        self.marks.push(Mark::Dot { at, radius, ink, filled: false });
    }

    /// A rectangle of diagonal lines `every` so many pixels, for what must be seen without colour.
    pub(super) fn hatch(&mut self, x: i32, y: i32, w: i32, h: i32, every: i32, ink: Ink) {
        let mut start = x - h + (every - (x - h).rem_euclid(every)) % every;
        while start < x + w {
            // The line from (start, y + h) up to (start + h, y), cut at both sides.
            let (from, to) = (start.max(x), (start + h).min(x + w));
            if from < to {
                self.line((from, y + h - (from - start)), (to, y + h - (to - start)), ink);
            }
            start += every;
        }
    }

    /// Text, made safe for a picture.
    pub(super) fn text(&mut self, at: (i32, i32), text: &str, size: i32, ink: Ink, side: Side) {
        self.words(at, text, size, false, ink, side);
    }

    /// Bold text, made safe for a picture.
    pub(super) fn bold(&mut self, at: (i32, i32), text: &str, size: i32, ink: Ink, side: Side) {
        self.words(at, text, size, true, ink, side);
    }

    fn words(&mut self, (x, y): (i32, i32), text: &str, size: i32, bold: bool, ink: Ink, side: Side) {
        self.marks.push(Mark::Text(Words { x, y, text: drawable(text), size, bold, ink, side }));
    }

    /// The drawing as SVG.
    pub(super) fn svg(&self) -> Result<String, DrawError> {
        let mut text = String::new();
        let backend = SVGBackend::with_string(&mut text, self.size());
        self.draw(backend.into_drawing_area(), 0.0)?;
        Ok(text)
    }

    /// The drawing as PNG.
    pub(super) fn png(&self) -> Result<Vec<u8>, DrawError> {
        /// plotters sets text in bitmaps higher than in SVG, by this share of its size (measured with 0.3.7).
        const DROP: f64 = 0.12;
        let (width, height) = self.size();
        let mut pixels = vec![0; width as usize * height as usize * 3];
        let backend = BitMapBackend::with_buffer(&mut pixels, (width, height));
        self.draw(backend.into_drawing_area(), DROP)?;
        Ok(png::encode(&pixels, width, height))
    }

    fn size(&self) -> (u32, u32) {
        (self.width.max(1) as u32, self.height.max(1) as u32)
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: DrawingArea<B, plotters::coord::Shift>,
        drop: f64,
    ) -> Result<(), DrawError> {
        fonts()?;
        area.fill(&color(PAPER)).map_err(failed)?;
        for mark in &self.marks {
            match mark {
                Mark::Fill { x, y, w, h, ink } => {
                    let corners = [(*x, *y), (x + w, y + h)];
                    area.draw(&Rectangle::new(corners, color(*ink).filled())).map_err(failed)?;
                }
                Mark::Line { from, to, ink, width } => {
                    let style = color(*ink).stroke_width(*width);
                    area.draw(&PathElement::new(vec![*from, *to], style)).map_err(failed)?;
                }
                Mark::Path { points, ink, width } => {
                    let style = color(*ink).stroke_width(*width);
                    area.draw(&PathElement::new(points.clone(), style)).map_err(failed)?;
                }
                Mark::Dot { at, radius, ink, filled } => {
                    let style = if *filled { color(*ink).filled() } else { color(*ink).stroke_width(2) };
                    area.draw(&Circle::new(*at, *radius, style)).map_err(failed)?;
                }
                Mark::Text(words) => {
                    let down = (f64::from(words.size) * drop).round() as i32;
                    let ink = color(words.ink);
                    let style = font(words.size, words.bold)
                        .into_text_style(&area)
                        .color(&ink)
                        .pos(Pos::new(anchor(words.side), VPos::Center));
                    area.draw(&Text::new(words.text.as_str(), (words.x, words.y + down), style)).map_err(failed)?;
                }
            }
        }
        area.present().map_err(failed)
    }
}

/// Width of the text in pixels, as the bitmap draws it.
pub(super) fn text_width(text: &str, size: i32, bold: bool) -> i32 {
    /// Width of a character in sizes, where no font answers.
    const GUESS: f64 = 0.55;
    let measured = fonts().ok().and_then(|()| font(size, bold).box_size(&drawable(text)).ok());
    measured.map_or_else(|| (f64::from(size) * GUESS * text.chars().count() as f64) as i32, |(width, _)| width as i32)
}

/// The text, cut to so many pixels; a cut shows as `…`.
pub(super) fn cut_to(text: &str, room: i32, size: i32, bold: bool) -> String {
    let text = drawable(text);
    if text_width(&text, size, bold) <= room {
        return text;
    }
    // No letter is narrower than a fifth of its size, so this bounds the work for very long names.
    let most = (room.max(0) * 5 / size.max(1)) as usize;
    let mut cut: String = text.chars().take(most + 1).collect();
    while !cut.is_empty() && text_width(&format!("{cut}…"), size, bold) > room {
        cut.pop();
    }
    cut.push('…');
    cut
}

fn font(size: i32, bold: bool) -> FontDesc<'static> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::SansSerif, f64::from(size), style)
}

/// Registers the fonts once; plotters keeps them for the whole program.
fn fonts() -> Result<(), DrawError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).is_ok()
            && register_font("sans-serif", FontStyle::Bold, dejavu::sans::bold()).is_ok()
    });
    if *done { Ok(()) } else { Err(DrawError("the built-in font cannot be read".to_owned())) }
}

const fn anchor(side: Side) -> HPos {
    match side {
        Side::Start => HPos::Left,
        Side::Middle => HPos::Center,
        Side::End => HPos::Right,
    }
}

fn color(ink: Ink) -> RGBAColor {
    let (r, g, b) = ink.rgb;
    RGBAColor(r, g, b, f64::from(ink.opacity) / 100.0)
}

fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> DrawError {
    DrawError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::palette::{TEXT, VERMILLION};

    #[test]
    fn a_hatch_stays_inside_its_rectangle() {
        let mut canvas = Canvas::new(100, 100);
        canvas.hatch(10, 20, 30, 12, 5, VERMILLION);
        assert!(canvas.marks.len() > 5);
        for mark in &canvas.marks {
            let Mark::Line { from, to, .. } = mark else { panic!("a hatch is lines") };
            for (x, y) in [from, to] {
                assert!((10..=40).contains(x) && (20..=32).contains(y), "{mark:?}");
            }
        }
    }

    #[test]
    fn names_cannot_break_out_of_the_svg() {
        let mut canvas = Canvas::new(300, 40);
        canvas.text((5, 20), "</text><script>alert(1)</script>\u{1b}[31m\u{202e}&\u{ffff}", 12, TEXT, Side::Start);
        let svg = canvas.svg().expect("it draws");
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}') && !svg.contains('\u{202e}'), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && svg.contains("\\u{1b}") && !svg.contains('\u{ffff}'), "{svg}");
    }

    #[test]
    fn a_cut_text_fits_its_room() {
        let cut = cut_to(&"workers-".repeat(1000), 100, 12, false);
        assert!(cut.ends_with('…') && text_width(&cut, 12, false) <= 100, "{cut}");
        assert_eq!(cut_to("web", 100, 12, false), "web");
    }
}
