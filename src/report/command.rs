//! A command line that a shell reads back as the same words, broken into short lines.

use super::safe::{columns, escaped};

/// Longest piece of a word on one line; with quotes, margin and backslash it stays below 80 columns.
const PIECE: usize = 64;

/// Columns of a line, its backslash left out.
const ROOM: usize = 78;

/// `label` and the words, quoted for a POSIX shell, on lines of at most 80 columns that end in a backslash where
/// the command goes on. Characters that a terminal must not get are escaped and then no longer the same word.
pub(super) fn lines(label: &str, words: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = label.to_owned();
    for word in words {
        for (index, piece) in pieces(word).into_iter().enumerate() {
            let gap = if index == 0 { " " } else { "" };
            if columns(&line) + gap.len() + columns(&piece) > ROOM {
                lines.push(format!("{line}{gap}\\"));
                line = String::new();
                line.push_str(&piece);
            } else {
                line.push_str(gap);
                line.push_str(&piece);
            }
        }
    }
    lines.push(line);
    lines
}

/// The words on one line, quoted.
pub(super) fn line(words: &[String]) -> String {
    words.iter().map(|word| pieces(word).concat()).collect::<Vec<String>>().join(" ")
}

/// The word in quoted pieces that a shell joins again.
fn pieces(word: &str) -> Vec<String> {
    let safe = escaped(word);
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for c in safe.chars() {
        if columns(&piece) + 2 > PIECE {
            pieces.push(quoted(&std::mem::take(&mut piece)));
        }
        // A quote takes four columns once quoted: it gets a piece of its own.
        if c == '\'' {
            if !piece.is_empty() {
                pieces.push(quoted(&std::mem::take(&mut piece)));
            }
            pieces.push("\\'".to_owned());
            continue;
        }
        piece.push(c);
    }
    if !piece.is_empty() || pieces.is_empty() {
        pieces.push(quoted(&piece));
    }
    pieces
}

/// The text, which holds no single quote, in single quotes unless it is plain.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ',' | ':' | '=' | '+' | '@');
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{text}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn plain_words_stay_plain_and_others_are_quoted() {
        let told = lines("reproduce:", &words(&["rollproof", "run", "my plan.toml", "--set", "a.b=\"it's\""]));
        assert_eq!(told, ["reproduce: rollproof run 'my plan.toml' --set 'a.b=\"it'\\''s\"'"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_shell_reads_long_words_back_whole() {
        let long = format!("{}'{}", "a b".repeat(60), "$x".repeat(50));
        let told = lines("printf '%s|'", &words(&[&long, "", "b"])).join("\n");
        assert!(told.lines().all(|line| columns(line) <= 80), "{told}");
        let out = std::process::Command::new("sh").arg("-c").arg(&told).output().expect("there is a shell");
        assert_eq!(String::from_utf8_lossy(&out.stdout), format!("{long}||b|"));
    }
}
