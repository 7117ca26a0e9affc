//! Sizes and times for people.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Zoned};

/// Bytes with three digits at most, in units of 1024.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut whole, mut rest, mut unit) = (bytes, 0, 0);
    while whole >= 1024 && unit < UNITS.len() {
        (rest, whole, unit) = (whole % 1024, whole / 1024, unit + 1);
    }
    let unit = UNITS[unit - 1];
    if whole >= 10 {
        return format!("{whole} {unit}");
    }
    format!("{whole}.{} {unit}", rest * 10 / 1024)
}

/// A number of things, by the name of one.
pub(crate) fn count(number: u64, name: &str) -> String {
    match number {
        1 => format!("1 {name}"),
        number => format!("{number} {name}s"),
    }
}

/// A length of time in its two largest units.
pub(crate) fn span(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown: Vec<String> = parts[first..]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() {
        return "0 s".to_owned();
    }
    shown.join(" ")
}

/// Milliseconds, the same way.
pub(crate) fn millis(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => span(ms / 1000),
    }
}

/// A point in time in the zone of `now`, and how far away it is.
pub(crate) fn time(at: Timestamp, now: &Zoned) -> String {
    let local = at.to_zoned(now.time_zone().clone());
    let shown = if local.date() == now.date() {
        local.strftime("%H:%M:%S").to_string()
    } else {
        local.strftime("%Y-%m-%d %H:%M").to_string()
    };
    let away = at.duration_since(now.timestamp());
    // To the nearest: what was said to last three days a moment ago does not last "2 d 23 h".
    let half = Duration::from_millis(500);
    let seconds = away.unsigned_abs().saturating_add(half).as_secs();
    match away {
        _ if seconds == 0 => format!("{shown}, now"),
        away if away > SignedDuration::ZERO => format!("{shown}, in {}", span(seconds)),
        _ => format!("{shown}, {} ago", span(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_few_digits() {
        let sizes = [0, 1023, 1024, 1536, 10 << 20, 5 << 40].map(bytes);
        assert_eq!(
            sizes,
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 MiB", "5.0 TiB"]
        );
        let spans = [0, 59, 60, 3661, 90_000, 86_400].map(span);
        assert_eq!(
            spans,
            ["0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h", "1 d"]
        );
        assert_eq!(
            [999, 1500, 61_000].map(millis),
            ["999 ms", "1.5 s", "1 min 1 s"]
        );
    }

    #[test]
    fn a_time_says_how_far_away_it_is() {
        let now: Zoned = "2026-11-21T12:00:00+01:00[Europe/Berlin]"
            .parse()
            .expect("a time");
        let at = |text: &str| time(text.parse().expect("a time"), &now);
        assert_eq!(at("2026-11-21T11:01:00Z"), "12:01:00, in 1 min");
        assert_eq!(at("2026-11-20T11:00:00Z"), "2026-11-20 12:00, 1 d ago");
        assert_eq!(at("2026-11-21T11:00:00Z"), "12:00:00, now");
        assert_eq!(
            at("2026-11-24T10:59:59.9Z"),
            "2026-11-24 11:59, in 3 d",
            "a moment less is no other day"
        );
    }
}
