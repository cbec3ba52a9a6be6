//! Text from a scenario, made safe and made to fit: escaped, cut, wrapped, measured in terminal columns.

pub use crate::config::escaped;

/// Text for a picture: escaped, and without what XML 1.0 forbids (U+FFFE and U+FFFF).
pub fn drawable(text: &str) -> String {
    escaped(text).chars().map(|c| if matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c }).collect()
}

/// Columns a terminal gives to the character: two for East Asian wide ones and pictographs, else one.
///
/// The ranges are the large blocks of class W in Unicode's EastAsianWidth.txt; combining marks count one, which
/// errs towards shorter lines.
pub const fn width(c: char) -> usize {
    match c as u32 {
        0x1100..=0x115f
        | 0x231a..=0x231b
        | 0x23e9..=0x23ec
        | 0x23f0
        | 0x23f3
        | 0x25fd..=0x25fe
        | 0x2614..=0x2615
        | 0x2648..=0x2653
        | 0x267f
        | 0x2693
        | 0x26a1
        | 0x26aa..=0x26ab
        | 0x26bd..=0x26be
        | 0x26c4..=0x26c5
        | 0x26ce
        | 0x26d4
        | 0x26ea
        | 0x26f2..=0x26f5
        | 0x26fa
        | 0x26fd
        | 0x2705
        | 0x270a..=0x270b
        | 0x2728
        | 0x274c
        | 0x274e
        | 0x2753..=0x2757
        | 0x2795..=0x2797
        | 0x27b0
        | 0x27bf
        | 0x2b1b..=0x2b1c
        | 0x2b50
        | 0x2b55
        | 0x2e80..=0xa4cf
        | 0xa960..=0xa97f
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe10..=0xfe19
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x16fe0..=0x1b2ff
        | 0x1f004
        | 0x1f0cf
        | 0x1f18e..=0x1f19a
        | 0x1f200..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Columns of the text.
pub fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The text, escaped and cut to at most `room` columns; a cut shows as `…`.
pub fn fit(text: &str, room: usize) -> String {
    let safe = escaped(text);
    if columns(&safe) <= room {
        return safe.into_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in safe.chars() {
        if used + width(c) + 1 > room {
            break;
        }
        used += width(c);
        cut.push(c);
    }
    if room > 0 {
        cut.push('…');
    }
    cut
}

/// [`fit`], filled up with spaces on the right to exactly `room` columns.
pub fn padded(text: &str, room: usize) -> String {
    let mut cut = fit(text, room);
    let used = columns(&cut);
    cut.extend(std::iter::repeat_n(' ', room.saturating_sub(used)));
    cut
}

/// The text, escaped and broken at spaces into lines of at most `room` columns (at least one); a word longer than
/// a line is broken too.
pub fn wrapped(text: &str, room: usize) -> Vec<String> {
    let room = room.max(8);
    let safe = escaped(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in safe.split(' ').filter(|word| !word.is_empty()) {
        let gap = usize::from(!line.is_empty());
        if columns(&line) + gap + columns(word) <= room {
            line.extend(std::iter::repeat_n(' ', gap));
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if columns(&line) + width(c) > room {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_shown_not_obeyed() {
        assert_eq!(escaped("\u{1b}[31mred\nnext\u{85}"), "\\u{1b}[31mred\\nnext\\u{85}");
        assert_eq!(escaped("a\u{202e}b\u{2066}\u{2028}\u{2029}"), "a\\u{202e}b\\u{2066}\\u{2028}\\u{2029}");
        assert!(escaped("größer 東京") == "größer 東京");
        assert_eq!(drawable("a\u{ffff}"), "a\u{fffd}");
    }

    #[test]
    fn a_cut_is_visible_and_counts_wide_characters_twice() {
        assert_eq!(fit("workers-2", 9), "workers-2");
        assert_eq!(fit("workers-12", 9), "workers-…");
        assert_eq!(fit("東京東京", 6), "東京…");
        assert_eq!(padded("東", 4), "東  ");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn wrapping_breaks_at_spaces_and_inside_words_only_where_it_must() {
        assert_eq!(wrapped("the drain waits for a budget", 12), ["the drain", "waits for a", "budget"]);
        assert_eq!(wrapped("abcdefghijklmnop", 8), ["abcdefgh", "ijklmnop"]);
        assert_eq!(wrapped("", 8), [""]);
    }
}
