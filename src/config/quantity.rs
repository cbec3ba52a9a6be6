//! Quantities as people write them: durations, percentages, rates.

use crate::base::{IntOrPercent, Rate, Ratio, Span};

/// Longest duration that is accepted: 100 years of 365 days. Sums of several stay below the 584 years that 64
/// bits of nanoseconds hold.
pub const LONGEST: Span = Span::secs(100 * 365 * 86_400);

/// Highest rate that is accepted: a billion a second.
pub const HIGHEST_RATE: Rate = Rate::per_sec(1_000_000_000);

/// A duration such as `90s`, `1h30m`, `1.5s`, `250ms` or `0`; units `ns us ms s m h` and, in words, up to weeks.
///
/// # Errors
/// With what is wrong and how to write it.
pub fn span(text: &str) -> Result<Span, String> {
    let shown = super::value::shortened(text);
    let trimmed = text.trim();
    if trimmed == "0" {
        return Ok(Span::ZERO);
    }
    if trimmed.starts_with('-') {
        return Err(format!("`{shown}` is negative; a duration is at least \"0s\""));
    }
    if !trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(format!("`{shown}` has no unit; write \"{shown}s\" for seconds"));
    }
    if parted_digits(trimmed) {
        return Err(format!("`{shown}` has a space within a number"));
    }
    let parsed = humantime::parse_duration(trimmed).map_err(|error| reworded(&shown, &error))?;
    if calendar_unit(trimmed) {
        return Err(format!(
            "`{shown}`: months and years differ in length; write it in days, \"30d\", or `m` for minutes"
        ));
    }
    match u64::try_from(parsed.as_nanos()) {
        Ok(nanos) if Span::nanos(nanos) <= LONGEST => Ok(Span::nanos(nanos)),
        Ok(_) | Err(_) => Err(format!("`{shown}` is longer than 100 years")),
    }
}

/// `1 0s` would read as `10s`.
fn parted_digits(text: &str) -> bool {
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let digit = |c: char| c.is_ascii_digit() || c == '.';
        if word.ends_with(digit) && words.peek().is_some_and(|next| next.starts_with(digit)) {
            return true;
        }
    }
    false
}

/// Whether a unit of uneven length occurs: `M`, `month`, `y`, `year`.
fn calendar_unit(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|unit| unit == "M" || unit.starts_with("mon") || unit.starts_with('y'))
}

fn reworded(shown: &str, error: &humantime::DurationError) -> String {
    match error {
        humantime::DurationError::UnknownUnit { unit, value, .. } if unit.is_empty() => {
            format!("`{shown}` lacks a unit after {value}; write \"{value}s\" for seconds")
        }
        humantime::DurationError::UnknownUnit { unit, .. } => {
            format!("`{shown}`: no unit of time is called `{unit}`; use ns, us, ms, s, m, h or d")
        }
        humantime::DurationError::NumberOverflow => {
            format!("`{shown}` is too large, or finer than a nanosecond")
        }
        humantime::DurationError::InvalidCharacter(_)
        | humantime::DurationError::NumberExpected(_)
        | humantime::DurationError::Empty => {
            format!("`{shown}` is not a duration; write a number and a unit, such as \"90s\" or \"1h30m\"")
        }
    }
}

/// A share as a percentage, `25%` or `12.5%`, exact to parts per million.
///
/// # Errors
/// With what is wrong and how to write it.
pub fn percentage(text: &str) -> Result<Ratio, String> {
    let shown = super::value::shortened(text);
    let wrong = || format!("`{shown}` is not a share; write a percentage such as \"25%\" or a number from 0 to 1");
    let number = text.trim().strip_suffix('%').ok_or_else(wrong)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    // Four places of a percent are parts per million.
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 4 {
        return Err(format!("`{shown}` is finer than a millionth"));
    }
    let whole: u32 = whole.parse().unwrap_or(u32::MAX);
    let ppm = format!("{fraction:0<4}").parse::<u32>().map_err(|_| wrong())?;
    match whole.checked_mul(10_000).and_then(|part| part.checked_add(ppm)) {
        Some(all) if all <= Ratio::ONE.ppm() => Ok(Ratio::from_ppm(all)),
        Some(_) | None => Err(format!("`{shown}` is more than all; a share is at most \"100%\"")),
    }
}

/// The nearest share to a number from 0 to 1.
///
/// # Errors
/// When it lies outside.
pub fn fraction(number: f64) -> Result<Ratio, String> {
    if !(0.0..=1.0).contains(&number) {
        return Err(format!("`{number}` is not a share: it must lie in [0, 1], or be a percentage such as \"25%\""));
    }
    Ok(Ratio::from_ppm((number * 1e6 + 0.5) as u32))
}

/// A whole percentage such as `25%`, as in Kubernetes' `maxUnavailable`, at most `100%`.
///
/// # Errors
/// With what is wrong and how to write it.
pub fn whole_percentage(text: &str) -> Result<IntOrPercent, String> {
    let shown = super::value::shortened(text);
    let wrong = || format!("`{shown}` is neither a count nor a whole percentage such as \"25%\"");
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    match number.parse::<u32>() {
        Ok(percent) if percent <= 100 => Ok(IntOrPercent::Percent(percent)),
        Ok(_) | Err(_) => Err(format!("`{shown}` is more than \"100%\"")),
    }
}

/// The nearest rate in millionths to this many events a second, 0 to [`HIGHEST_RATE`].
///
/// # Errors
/// When it lies outside.
pub fn rate(per_second: f64) -> Result<Rate, String> {
    if !(0.0..=HIGHEST_RATE.as_f64()).contains(&per_second) {
        return Err(format!("`{per_second}` is out of range: a rate lies in 0 to 1000000000 a second"));
    }
    Ok(Rate::from_micros((per_second * 1e6 + 0.5) as u64))
}

/// Whether the text is an RFC 1123 label, as names in Kubernetes are: at most 63 lower-case letters, digits
/// and `-`, with a letter or digit at either end.
pub fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_exactly() {
        for (text, nanos) in [
            ("90s", 90_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1h 30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            ("0.1s", 100_000_000),
            ("250ms", 250_000_000),
            ("1ns", 1),
            ("0s", 0),
            ("0", 0),
            ("36500d", LONGEST.as_nanos()),
        ] {
            assert_eq!(span(text), Ok(Span::nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_reason() {
        for (text, reason) in [
            ("10", "write \"10s\""),
            ("1.5", "write \"1.5s\""),
            ("1h30", "lacks a unit after 30; write \"30s\""),
            ("10 parsecs", "no unit of time is called `parsecs`"),
            ("1e30s", "no unit of time is called `e`"),
            ("-5s", "is negative"),
            ("0.5ns", "finer than a nanosecond"),
            ("36501d", "longer than 100 years"),
            ("18446744073709551615s", "longer than 100 years"),
            ("99999999999999999999s", "too large"),
            ("18446744073709551615s 18446744073709551615s", "too large"),
            ("nan", "not a duration"),
            ("", "not a duration"),
            ("s", "not a duration"),
            ("1 0s", "space within a number"),
            ("5M", "`m` for minutes"),
            ("2 years", "months and years differ"),
        ] {
            let said = span(text).expect_err(text);
            assert!(said.contains(reason), "{text}: {said}");
        }
    }

    #[test]
    fn every_printed_span_reads_back() {
        for nanos in [0, 1, 999, 1_001, 61_000_000_001, 3_600_000_000_000, LONGEST.as_nanos()] {
            let printed = Span::nanos(nanos).to_string();
            assert_eq!(span(&printed), Ok(Span::nanos(nanos)), "{printed}");
        }
    }

    #[test]
    fn shares_are_exact_to_the_millionth() {
        assert_eq!(percentage("25%"), Ok(Ratio::from_ppm(250_000)));
        assert_eq!(percentage("0.0001%"), Ok(Ratio::from_ppm(1)));
        assert_eq!(percentage("100.0%"), Ok(Ratio::ONE));
        assert_eq!(fraction(0.1), Ok(Ratio::from_ppm(100_000)));
        assert_eq!(fraction(1.0), Ok(Ratio::ONE));
        for wrong in ["25", "%", "-1%", "101%", "100.0001%", "1.00001%", "1e1%", ".5%", "5.%", "99999999999%"] {
            assert!(percentage(wrong).is_err(), "{wrong}");
        }
        for wrong in [1.000_000_1, -0.1, f64::NAN, f64::INFINITY] {
            assert!(fraction(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn labels_are_those_of_rfc_1123() {
        assert!(is_label("web-1") && is_label("0") && is_label(&"a".repeat(63)));
        for wrong in ["", "-a", "a-", "A", "a.b", "a_b", "a b", "é", "a\0", &"a".repeat(64)] {
            assert!(!is_label(wrong), "{wrong}");
        }
    }
}
