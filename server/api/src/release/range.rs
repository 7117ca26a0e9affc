//! The `Range` header, as far as it asks for one span of bytes (RFC 9110, section 14).
//!
//! Several spans, and other units, may be answered with the whole; so they are.

use std::ops::Range;

/// What a request asks for of something `size` bytes long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The whole.
    All,
    /// These bytes; not empty.
    Part(Range<u64>),
    /// A span that begins behind the end.
    Nothing,
}

/// Reads the value of the header.
pub(crate) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let spans = header.and_then(|value| value.trim().strip_prefix("bytes="));
    let Some((first, last)) = spans.and_then(|spans| spans.trim().split_once('-')) else {
        return Wanted::All;
    };
    let number = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse().ok())
    };
    let (Some(first_number), Some(last_number)) = (number(first), number(last)) else {
        return Wanted::All;
    };
    let span = match (first_number, last_number) {
        (Some(first), Some(last)) if first > last => return Wanted::All,
        (Some(first), Some(last)) => first..size.min(u64::saturating_add(last, 1)),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Wanted::All,
    };
    if span.is_empty() {
        Wanted::Nothing
    } else {
        Wanted::Part(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_header_means_what_the_standard_says() {
        for (header, expected) in [
            ("bytes=0-", Wanted::Part(0..10)),
            ("bytes=3-5", Wanted::Part(3..6)),
            ("bytes=3-500", Wanted::Part(3..10)),
            ("bytes=9-9", Wanted::Part(9..10)),
            ("bytes=-4", Wanted::Part(6..10)),
            ("bytes=-400", Wanted::Part(0..10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            (
                "bytes=18446744073709551615-18446744073709551615",
                Wanted::Nothing,
            ),
            ("bytes=5-3", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("bytes=0-1,4-5", Wanted::All),
            ("lines=0-1", Wanted::All),
            ("", Wanted::All),
        ] {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::All);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Nothing);
    }
}
