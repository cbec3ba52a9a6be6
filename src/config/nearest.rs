//! The name that was probably meant.

/// The candidate nearest to `name` by edits (a letter added, dropped, changed, or two neighbours swapped), if
/// one is near: at most a third of the longer name's letters, and at least one. Case and `-` for `_` count
/// nothing. Of equally near ones, the first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer names are compared with nothing, to bound the work.
    const LONGEST: usize = 64;
    let wanted = plain(name);
    if wanted.len() > LONGEST {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let offered = plain(candidate);
        let allowed = (wanted.len().max(offered.len()) / 3).max(1);
        if offered.len() > LONGEST || wanted.len().abs_diff(offered.len()) > allowed {
            continue;
        }
        let edits = distance(&wanted, &offered);
        // A single letter is one edit from every other one, which says nothing.
        let close = edits <= allowed && edits < wanted.len().max(offered.len());
        if close && best.is_none_or(|(fewest, _)| edits < fewest) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> Vec<char> {
    name.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Edits from `a` to `b`, each place edited at most once (optimal string alignment, a restriction of the
/// Damerau-Levenshtein distance).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, &y) in b.iter().enumerate() {
            let changed = last[j] + usize::from(x != y);
            let mut edits = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                edits = edits.min(before[j - 1] + 1);
            }
            row.push(edits);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_finds_its_name() {
        let keys = ["replicas", "grace", "pre_stop", "rollout"];
        assert_eq!(nearest("replicsa", keys), Some("replicas"));
        assert_eq!(nearest("Replica", keys), Some("replicas"));
        assert_eq!(nearest("pre-stop", keys), Some("pre_stop"));
        assert_eq!(nearest("rolout", keys), Some("rollout"));
    }

    #[test]
    fn what_is_far_from_all_names_gets_no_suggestion() {
        assert_eq!(nearest("budget", ["replicas", "grace"]), None);
        assert_eq!(nearest("a", ["b"]), None);
        assert_eq!(nearest("", ["b"]), None);
        assert_eq!(nearest(&"x".repeat(100_000), ["x"]), None);
    }

    #[test]
    fn two_swapped_letters_are_one_edit() {
        let (a, b): (Vec<char>, Vec<char>) = ("abcd".chars().collect(), "abdc".chars().collect());
        assert_eq!(distance(&a, &b), 1);
    }
}
