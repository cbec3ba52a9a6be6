//! The legend: what each colour means, in rows that end before the edge of the page.

use super::canvas::{Canvas, Side, text_width};
use super::palette::{Ink, RULE, TEXT};
use super::panels::NOTE;

/// How a colour is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swatch {
    /// A filled square.
    Solid,
    /// A hatched square.
    Hatched,
    /// A thick line.
    Bar,
    /// A disc.
    Dot,
    /// The rim of a disc.
    Ring,
}

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) swatch: Swatch,
    pub(super) ink: Ink,
    pub(super) text: String,
}

impl Item {
    pub(super) fn new(swatch: Swatch, ink: Ink, text: impl Into<String>) -> Item {
        Item { swatch, ink, text: text.into() }
    }

    fn width(&self) -> i32 {
        SWATCH + 6 + text_width(&self.text, NOTE, false)
    }
}

/// Side of a swatch, pixels.
const SWATCH: i32 = 12;
/// Between two entries, pixels.
const GAP: i32 = 18;
/// Height of a row, pixels.
pub(super) const ROW: i32 = 20;

/// One line of the legend for each row of items; rows that are too long go on in the next. Returns the height.
pub(super) fn draw(canvas: &mut Canvas, (left, top): (i32, i32), right: i32, rows: &[(&str, Vec<Item>)]) -> i32 {
    let heads = rows.iter().map(|(head, _)| text_width(head, NOTE, true)).max().unwrap_or_default() + 14;
    let mut y = top + ROW / 2;
    for (head, items) in rows.iter().filter(|(_, items)| !items.is_empty()) {
        canvas.bold((left, y), head, NOTE, TEXT, Side::Start);
        let mut x = left + heads;
        for item in items {
            if x + item.width() > right && x > left + heads {
                x = left + heads;
                y += ROW;
            }
            swatch(canvas, (x, y - SWATCH / 2), item);
            canvas.text((x + SWATCH + 6, y), &item.text, NOTE, TEXT, Side::Start);
            x += item.width() + GAP;
        }
        y += ROW;
    }
    y - ROW / 2 - top
}

fn swatch(canvas: &mut Canvas, (x, y): (i32, i32), item: &Item) {
    match item.swatch {
        Swatch::Solid => canvas.fill(x, y, SWATCH, SWATCH, item.ink),
        Swatch::Hatched => {
            canvas.fill(x, y, SWATCH, SWATCH, item.ink.at(55));
            canvas.hatch(x, y, SWATCH, SWATCH, 6, item.ink);
        }
        Swatch::Bar => {
            canvas.line((x, y + SWATCH / 2), (x + SWATCH, y + SWATCH / 2), RULE);
            canvas.fill(x, y + SWATCH / 2 - 1, SWATCH, 3, item.ink);
        }
        Swatch::Dot => canvas.dot((x + SWATCH / 2, y + SWATCH / 2), SWATCH / 2 - 1, item.ink),
        Swatch::Ring => canvas.ring((x + SWATCH / 2, y + SWATCH / 2), SWATCH / 2 - 1, item.ink),
    }
}
