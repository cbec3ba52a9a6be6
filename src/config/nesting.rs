//! How deeply a text nests, found in one pass without recursion, before any parser sees it.

/// Deepest nesting of tables and arrays that is accepted; a scenario needs six. Each bracket, each key of a
/// dotted path and each part of a header counts one.
pub const MAX_DEPTH: usize = 64;

/// Where the text first nests deeper than [`MAX_DEPTH`], if it does.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let mut scan = Scan::new(text.as_bytes());
    while let Some(at) = scan.step() {
        if scan.depth() > MAX_DEPTH {
            return Some(at);
        }
    }
    None
}

/// The innermost bracket or brace that is open before byte `until`, if any.
pub(super) fn open_before(text: &str, until: usize) -> Option<usize> {
    let mut scan = Scan::new(text.as_bytes());
    let mut open = None;
    while scan.at < until && scan.step().is_some() {
        if scan.at <= until {
            open = scan.open.last().map(|level| level.start);
        }
    }
    open
}

/// A bracket or brace that is not yet closed, or the text itself.
#[derive(Clone, Copy, Default)]
struct Level {
    start: usize,
    closed_by: u8,
    /// Dots in the key being read.
    dots: usize,
    /// After `=`, and always in an array: dots belong to numbers.
    in_value: bool,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    ground: Level,
    open: Vec<Level>,
    dots: usize,
    header: usize,
    in_header: bool,
    line_is_blank: bool,
}

impl<'a> Scan<'a> {
    fn new(bytes: &'a [u8]) -> Scan<'a> {
        Scan {
            bytes,
            at: 0,
            ground: Level::default(),
            open: Vec::new(),
            dots: 0,
            header: 0,
            in_header: false,
            line_is_blank: true,
        }
    }

    fn depth(&self) -> usize {
        self.header + self.open.len() + self.dots
    }

    /// Takes one token and returns where it began.
    fn step(&mut self) -> Option<usize> {
        let at = self.at;
        let byte = *self.bytes.get(at)?;
        self.at += 1;
        match byte {
            b' ' | b'\t' | b'\r' => return Some(at),
            b'\n' => self.end_of_line(),
            b'#' => self.skip_to(|b| b == b'\n'),
            b'"' | b'\'' => self.string(byte),
            b'[' if self.open.is_empty() && self.line_is_blank => self.start_header(),
            b'[' | b'{' if !self.in_header => {
                let closed_by = if byte == b'[' { b']' } else { b'}' };
                self.open.push(Level { start: at, closed_by, dots: 0, in_value: byte == b'[' });
            }
            b']' | b'}' if self.open.last().is_some_and(|level| level.closed_by == byte) => {
                self.end_of_key();
                self.open.pop();
            }
            b'.' if self.in_header => self.header += 1,
            b'.' if !self.level().in_value => {
                self.level().dots += 1;
                self.dots += 1;
            }
            b'=' => self.level().in_value = true,
            b',' => self.end_of_key(),
            b'[' | b'{' | b']' | b'}' | b'.' => {}
            _ => self.skip_to(|b| b" \t\r\n#.=,[]{}".contains(&b)),
        }
        if byte != b'\n' {
            self.line_is_blank = false;
        }
        Some(at)
    }

    fn level(&mut self) -> &mut Level {
        self.open.last_mut().unwrap_or(&mut self.ground)
    }

    fn end_of_key(&mut self) {
        let level = self.level();
        let dots = std::mem::take(&mut level.dots);
        level.in_value = level.closed_by == b']';
        self.dots -= dots;
    }

    fn end_of_line(&mut self) {
        if self.open.is_empty() {
            self.end_of_key();
            self.in_header = false;
            self.line_is_blank = true;
        }
    }

    fn start_header(&mut self) {
        self.in_header = true;
        self.header = 1;
        if self.bytes.get(self.at) == Some(&b'[') {
            self.at += 1;
            self.header = 2;
        }
    }

    fn skip_to(&mut self, end: impl Fn(u8) -> bool) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|&b| end(b)).unwrap_or(rest.len());
    }

    /// Skips a string of any of the four kinds; one that is not closed ends as TOML recovers from it: with the
    /// line, or with the text where it may have several lines.
    fn string(&mut self, quote: u8) {
        let escapes = quote == b'"';
        if self.bytes[self.at..].starts_with(&[quote, quote]) {
            self.at += 2;
            while self.at < self.bytes.len() {
                if escapes && self.bytes[self.at] == b'\\' {
                    self.at += 2;
                } else if self.bytes[self.at..].starts_with(&[quote, quote, quote]) {
                    self.at += 3;
                    // Up to two quotes may stand before the closing three.
                    for _ in 0..2 {
                        self.at += usize::from(self.bytes.get(self.at) == Some(&quote));
                    }
                    return;
                } else {
                    self.at += 1;
                }
            }
            self.at = self.bytes.len();
            return;
        }
        while let Some(&byte) = self.bytes.get(self.at).filter(|&&byte| byte != b'\n') {
            self.at += 1;
            let escaped = self.bytes.get(self.at);
            if byte == quote {
                return;
            } else if escapes && byte == b'\\' && matches!(escaped, Some(b'\\' | b'"')) {
                self.at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_keys_and_headers_all_count() {
        let arrays = |n: usize| format!("a = {}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(too_deep(&arrays(MAX_DEPTH)), None);
        assert_eq!(too_deep(&arrays(MAX_DEPTH + 1)), Some(4 + MAX_DEPTH));
        let keys = |n: usize| format!("{}a = 1", "a.".repeat(n));
        assert_eq!(too_deep(&keys(MAX_DEPTH)), None);
        assert_eq!(too_deep(&keys(MAX_DEPTH + 1)), Some(2 * MAX_DEPTH + 1));
        let header = |n: usize| format!("[{}a]\nb.c = {{ d.e = [[1]] }}", "a.".repeat(n));
        assert_eq!(too_deep(&header(MAX_DEPTH - 6)), None);
        assert!(too_deep(&header(MAX_DEPTH - 5)).is_some());
    }

    #[test]
    fn strings_comments_and_numbers_do_not_nest() {
        let many = "[{.".repeat(200);
        for text in [
            format!("a = \"{many}\""),
            format!("a = \"\\\"{many}\\\\\""),
            format!("a = '{many}'"),
            format!("a = \"\"\"\n{many}\n\\\"\"\" \"\"\"\"\""),
            format!("a = '''{many}'''''"),
            format!("# {many}\na = 1"),
            format!("a = [{}]", "1.5, ".repeat(200)),
            "a.b = 1\n".repeat(200),
            "[a.b]\nc.d = 1.5\n".repeat(200),
            "a = { b.c = 1.5 }\n".repeat(200),
        ] {
            assert_eq!(too_deep(&text), None, "{text}");
        }
    }

    #[test]
    fn the_open_bracket_is_found() {
        let text = "a = [1]\nb = [1, { c = [2] \nd = 3";
        assert_eq!(open_before(text, text.len()), Some(16));
        assert_eq!(open_before(text, 16), Some(12));
        assert_eq!(open_before(text, 8), None);
    }
}
