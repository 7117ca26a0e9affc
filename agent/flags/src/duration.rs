//! Times as Go writes them: `1m30s`, `500ms`, `1.5h`.

use std::time::Duration;

/// Units in nanoseconds; those that others begin with come later.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// The longest time there is in Go; a clock can be that far ahead without an overflow.
const LONGEST: Duration = Duration::from_nanos(i64::MAX.unsigned_abs());

/// Reads a time that is not negative; `None` for any other text.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if matches!(rest, "" | "0") {
        return (rest == "0").then_some(Duration::ZERO);
    }
    let mut whole = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..end].parse().ok()?;
        let (unit, length) = UNITS
            .iter()
            .find(|(unit, _)| rest[end..].starts_with(unit))?;
        whole = whole.checked_add(Duration::try_from_secs_f64(number * length / 1e9).ok()?)?;
        rest = &rest[end + unit.len()..];
    }
    (whole <= LONGEST).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_does() {
        for (text, millis) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("10s", Some(10_000)),
            ("1m30s", Some(90_000)),
            ("500ms", Some(500)),
            ("1.5h", Some(5_400_000)),
            (".5s", Some(500)),
            ("+2s", Some(2000)),
            ("2000us", Some(2)),
            ("", None),
            ("10", None),
            ("s", None),
            (".s", None),
            ("-1s", None),
            ("1x", None),
            ("1s ", None),
            ("1..5s", None),
            ("99999999999999999999h", None),
            ("4000000000000000h", None),
            ("2000000h", Some(7_200_000_000_000)),
            ("+0", Some(0)),
            ("+", None),
        ] {
            assert_eq!(
                duration(text),
                millis.map(Duration::from_millis),
                "{text:?}"
            );
        }
    }
}
