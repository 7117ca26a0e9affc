//! A point in time as RFC 3339 text in UTC, such as `2026-11-21T09:42:39.125Z`.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: u64 = 24 * 60 * 60;

/// Text of `time`, to the millisecond, always 24 characters long for years up to 9999. A clock
/// before 1970 shows as 1970.
pub fn stamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / DAY, since.as_secs() % DAY);
    let (year, month, day) = civil(days);
    let mut text = String::with_capacity(24);
    let parts = [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (second / 3600, 2, ':'),
        (second / 60 % 60, 2, ':'),
        (second % 60, 2, '.'),
        (u64::from(since.subsec_millis()), 3, 'Z'),
    ];
    for (value, width, after) in parts {
        push(&mut text, value, width);
        text.push(after);
    }
    text
}

/// Year, month and day of the day with this number since 1970-01-01.
///
/// The algorithm `civil_from_days` of Howard Hinnant's "chrono-compatible low-level date
/// algorithms", for days that are not negative: years begin in March, so that the leap day is the
/// last day of one, and repeat every 400 years.
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + (month <= 2) as u64;
    (year, month, day)
}

/// Appends a number with leading zeros; by hand, since `format!` of one costs kilobytes.
fn push(text: &mut String, value: u64, width: u32) {
    for place in (0..width.max(value.checked_ilog10().unwrap_or(0) + 1)).rev() {
        let digit = value / 10_u64.pow(place) % 10;
        text.push(char::from_digit(digit as u32, 10).unwrap_or('?'));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64, millis: u64) -> String {
        stamp(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis))
    }

    #[test]
    fn days_that_calendars_get_wrong_come_out_right() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_078_012_800, "2004-02-29T00:00:00.000Z"),
            (1_078_099_200, "2004-03-01T00:00:00.000Z"),
            (2_147_483_648, "2038-01-19T03:14:08.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000Z"),
            (253_402_300_800, "10000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(at(seconds, 0), text);
        }
        assert_eq!(at(1, 7), "1970-01-01T00:00:01.007Z");
    }

    #[test]
    fn a_clock_before_1970_is_survived() {
        let before = UNIX_EPOCH - Duration::from_secs(9);
        assert_eq!(stamp(before), at(0, 0));
    }

    proptest! {
        #[test]
        fn a_later_day_has_a_later_text(days in 0..2_900_000_u64) {
            let (today, tomorrow) = (at(days * DAY, 0), at((days + 1) * DAY, 0));
            prop_assert!(today < tomorrow);
            let day: u32 = tomorrow[8..10].parse().expect("a number");
            let same_month = today[..7] == tomorrow[..7];
            let follows = if same_month { today[8..10] < tomorrow[8..10] } else { day == 1 };
            prop_assert!(follows, "{} {}", today, tomorrow);
        }
    }
}
