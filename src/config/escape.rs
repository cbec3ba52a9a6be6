//! Text from outside, made safe for a terminal.

use std::borrow::Cow;

/// The text with everything escaped that could move the cursor, hide text or reverse it.
///
/// Escaped are the C0 and C1 controls (ESC among them), the bidirectional controls U+061C, U+200E, U+200F,
/// U+202A to U+202E and U+2066 to U+2069, the line separators U+2028 and U+2029, and the invisible U+200B and
/// U+FEFF. Everything else stays as it is.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push_escaped(&mut safe, c);
    }
    Cow::Owned(safe)
}

/// Appends `c`, escaped where [`escaped`] would.
pub(super) fn push_escaped(safe: &mut String, c: char) {
    if is_unsafe(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
}

/// Whether a terminal or a page would obey the character rather than show it.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_reversals_and_line_breaks_become_visible() {
        assert_eq!(escaped("\u{1b}[2Ja\tb\nc"), "\\u{1b}[2Ja\\tb\\nc");
        assert_eq!(escaped("a\u{202e}b\u{2067}\u{2028}\u{85}"), "a\\u{202e}b\\u{2067}\\u{2028}\\u{85}");
        assert!(matches!(escaped("größer — 東京"), Cow::Borrowed(_)));
    }
}
