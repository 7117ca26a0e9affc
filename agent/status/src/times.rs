//! Lengths of time as text. Pure.

use std::time::Duration;

/// As Go prints a duration: `1h2m3.5s`, `1.5ms`, `0s`.
pub(crate) fn go(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (unit, name) = match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let (hours, minutes, rest) = match name {
        "s" => {
            let seconds = duration.as_secs();
            let rest = nanos - u128::from(seconds / 60) * 60_000_000_000;
            (seconds / 3600, seconds / 60 % 60, rest)
        }
        _ => (0, 0, nanos),
    };
    let mut text = String::new();
    if hours > 0 {
        text = format!("{hours}h");
    }
    if hours > 0 || minutes > 0 {
        text = format!("{text}{minutes}m");
    }
    let digits = unit.to_string().len() - 1;
    let fraction = format!("{:0digits$}", rest % unit);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{text}{}{point}{fraction}{name}", rest / unit)
}

/// For people, two units at most: `4 s`, `3 min 20 s`, `2 h 5 min`, `12 d 3 h`.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600, seconds / 60);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spelled_as_in_go() {
        for (nanos, text) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (2_000_001, "2.000001ms"),
            (1_000_000_000, "1s"),
            (61_500_000_000, "1m1.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (93_784_000_000_001, "26h3m4.000000001s"),
        ] {
            assert_eq!(go(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn people_are_spared_what_does_not_matter() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (7_500, "2 h 5 min"),
            (1_047_600, "12 d 3 h"),
        ] {
            assert_eq!(short(Duration::from_secs(seconds)), text);
        }
    }
}
