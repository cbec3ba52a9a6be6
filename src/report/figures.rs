//! Figures as people read them.

/// A moment as minutes and seconds, `3:07`; from 100 minutes on with hours, `1:43:07`.
pub fn clock(seconds: f64) -> String {
    let whole = whole_millis(seconds) / 1000;
    let (minutes, rest) = (whole / 60, whole % 60);
    if minutes < 100 { format!("{minutes}:{rest:02}") } else { clock_with_hours(seconds) }
}

/// A moment as hours, minutes and seconds, `0:43:07`.
pub fn clock_with_hours(seconds: f64) -> String {
    let whole = whole_millis(seconds) / 1000;
    format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}

/// A moment to the millisecond, `3:07.310`.
pub fn instant(seconds: f64) -> String {
    format!("{}.{:03}", clock(seconds), whole_millis(seconds) % 1000)
}

/// A length of time in words, coarse enough to read at a glance: `0.4 s`, `12 s`, `31 min 12 s`, `2 h 05 min`.
pub fn length(seconds: f64) -> String {
    let millis = whole_millis(seconds);
    let whole = (millis + 500) / 1000;
    match millis {
        0 if seconds > 0.0 => "under 1 ms".to_owned(),
        0 => "0 s".to_owned(),
        1..100 => format!("{millis} ms"),
        100..9_950 => format!("{:.1} s", millis as f64 / 1000.0),
        9_950..59_500 => format!("{whole} s"),
        59_500..3_599_500 if whole.is_multiple_of(60) => format!("{} min", whole / 60),
        59_500..3_599_500 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

/// A length of time in at most seven characters: `0.4s`, `12s`, `4m07s`, `2h05m`.
pub fn short_length(seconds: f64) -> String {
    let millis = whole_millis(seconds);
    let whole = (millis + 500) / 1000;
    match millis {
        0 => "0s".to_owned(),
        1..9_950 => format!("{:.1}s", (millis as f64 / 1000.0).max(0.1)),
        9_950..59_500 => format!("{whole}s"),
        59_500..5_999_500 => format!("{}m{:02}s", whole / 60, whole % 60),
        5_999_500..360_000_000 => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
        _ => format!("{}d", (whole / 86_400).min(999_999)),
    }
}

/// A length of time for a title: whole minutes from two minutes on, seconds below.
pub fn about(seconds: f64) -> String {
    let whole = (whole_millis(seconds) + 500) / 1000;
    match whole {
        0..120 => format!("{whole} s"),
        120..7200 => format!("{} min", (whole + 30) / 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

/// A count with thousands apart: `1,204,331`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things whose plural ends in `s`: `1 request`, `2 requests`.
pub fn counted(n: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A small expected number: two significant digits below ten, whole above.
pub fn expected(n: f64) -> String {
    if !n.is_finite() || n <= 0.0 {
        "0".to_owned()
    } else if n < 0.01 {
        "under 0.01".to_owned()
    } else if n < 1.0 {
        format!("{n:.2}")
    } else if n < 9.95 {
        format!("{n:.1}")
    } else {
        count(n.round() as u64)
    }
}

/// Whole milliseconds; what is not a length of time counts as none.
fn whole_millis(seconds: f64) -> u64 {
    /// About 30,000 years, so that rounding cannot overflow.
    const LONGEST: u64 = 1_000_000_000_000_000;
    ((seconds * 1000.0).round() as u64).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_minutes_and_seconds() {
        assert_eq!(clock(0.0), "0:00");
        assert_eq!(clock(187.31), "3:07");
        assert_eq!(clock(6187.0), "1:43:07");
        assert_eq!(instant(187.31), "3:07.310");
        assert_eq!(clock(f64::NAN), "0:00");
    }

    #[test]
    fn lengths_read_at_a_glance() {
        let read: Vec<String> = [0.0, 0.004, 0.41, 12.3, 59.7, 90.0, 1872.0, 7500.0].map(length).into();
        assert_eq!(read, ["0 s", "4 ms", "0.4 s", "12 s", "1 min", "1 min 30 s", "31 min 12 s", "2 h 05 min"]);
        assert_eq!([about(90.0), about(1872.0), about(7500.0)], ["90 s", "31 min", "2 h 05 min"]);
        let short: Vec<String> = [0.02, 12.3, 247.0, 7500.0, 1e9].map(short_length).into();
        assert_eq!(short, ["0.1s", "12s", "4m07s", "2h05m", "11574d"]);
    }

    #[test]
    fn counts_keep_thousands_apart() {
        assert_eq!([count(0), count(999), count(1000), count(1_204_331)], ["0", "999", "1,000", "1,204,331"]);
        assert_eq!([counted(1, "request"), counted(2, "request")], ["1 request", "2 requests"]);
        assert_eq!(
            [expected(0.0), expected(0.001), expected(3.25), expected(1234.5)],
            ["0", "under 0.01", "3.2", "1,235"]
        );
    }
}
