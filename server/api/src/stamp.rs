//! Moments as text.

use jiff::Timestamp;
use server_jobs::Moment;

/// RFC 3339 in UTC with milliseconds, as the REST and Agent APIs write times.
pub(crate) fn rfc3339(moment: Moment) -> String {
    timestamp(moment)
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

/// For people: date and time of day in UTC.
pub fn for_people(moment: Moment) -> String {
    timestamp(moment)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

/// As the library of dates knows it.
pub fn timestamp(moment: Moment) -> Timestamp {
    let millis = i64::try_from(moment.millis()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_and_never_fail() {
        let moment = Moment::from_millis(1_767_225_600_007);
        assert_eq!(rfc3339(moment), "2026-01-01T00:00:00.007Z");
        assert_eq!(for_people(moment), "2026-01-01 00:00:00 UTC");
        assert!(rfc3339(Moment::from_millis(u64::MAX)).starts_with("9999-12-3"));
    }
}
