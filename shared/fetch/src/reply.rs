//! Reading the head of an answer. Pure: headers in, facts out.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderMap,
    HeaderName, RETRY_AFTER,
};

use crate::FetchError;
use crate::error::shown;

/// The longest rest a server can ask for; a day-long one would be a way to freeze a fleet.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The longest ETag that is kept, in bytes.
const MOST_ETAG: usize = 256;

/// A head that is neither a success nor "not modified", as an error.
pub(crate) fn refusal(url: &str, status: u16, headers: &HeaderMap) -> FetchError {
    FetchError::Server {
        url: shown(url),
        status,
        retry_after: retry_after(headers),
    }
}

/// The validator of this version of the file, unless it is longer than anybody needs: it is kept
/// on disk and sent back.
pub(crate) fn etag(headers: &HeaderMap) -> Option<String> {
    let etag = text(headers, ETAG).filter(|etag| etag.len() <= MOST_ETAG);
    etag.map(str::to_owned)
}

/// Whether the answer says that it is a page for people.
pub(crate) fn is_web_page(headers: &HeaderMap) -> bool {
    text(headers, CONTENT_TYPE).is_some_and(|kind| kind.trim_start().starts_with("text/html"))
}

/// Refuses an answer that is encoded on its way: none was asked for, so none is undone.
pub(crate) fn expect_plain(url: &str, headers: &HeaderMap) -> Result<(), FetchError> {
    match headers.get(CONTENT_ENCODING) {
        None => Ok(()),
        Some(plain) if plain == "identity" => Ok(()),
        Some(encoding) => Err(FetchError::Encoded {
            url: shown(url),
            encoding: String::from_utf8_lossy(encoding.as_bytes()).into_owned(),
        }),
    }
}

/// Whether a partial answer starts at `offset` of a file of `size` bytes, and has as many as it says
/// (RFC 9110, 14.4).
pub(crate) fn expect_range(headers: &HeaderMap, offset: u64, size: u64) -> Result<(), FetchError> {
    let found = text(headers, CONTENT_RANGE).unwrap_or("none");
    let length = text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let fits = content_range(found).is_some_and(|(start, end, total)| {
        start == offset
            && total.is_none_or(|total| total == size)
            && length.is_none_or(|length: u64| end.checked_sub(start) == length.checked_sub(1))
    });
    if fits {
        return Ok(());
    }
    Err(FetchError::WrongRange {
        found: found.to_owned(),
        wanted: offset,
    })
}

/// Start, last byte and total of `bytes <start>-<end>/<total or *>`.
fn content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    Some((start.parse().ok()?, end.parse().ok()?, total))
}

/// `Retry-After` in both its forms (RFC 9110, 10.2.3), at most an hour. A date is measured against
/// the server's own `Date`, so the clock of this machine has no say.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER)?;
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = http_date(value)?.as_second();
            let now = date(headers)?.as_second();
            Duration::from_secs(u64::try_from(until - now).unwrap_or(0))
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// When the answer was given, as it says itself (RFC 9110, 6.6.1).
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(text(headers, DATE)?)
}

fn http_date(value: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(value).ok()
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_range_fits_only_at_its_offset_and_size() {
        let cases = [
            ("bytes 5-9/10", true),
            ("bytes 5-9/*", true),
            ("bytes 4-9/10", false),
            ("bytes 5-10/11", false),
            ("bytes */10", false),
            ("5-9/10", false),
            ("bytes five-9/10", false),
        ];
        for (value, fits) in cases {
            let head = headers(&[("content-range", value)]);
            assert_eq!(expect_range(&head, 5, 10).is_ok(), fits, "{value}");
        }
        for (length, fits) in [("5", true), ("4", false), ("6", false), ("0", false)] {
            let head = headers(&[
                ("content-range", "bytes 5-9/10"),
                ("content-length", length),
            ]);
            assert_eq!(expect_range(&head, 5, 10).is_ok(), fits, "{length}");
        }
        assert!(expect_range(&HeaderMap::new(), 5, 10).is_err());
    }

    #[test]
    fn an_etag_of_any_length_is_not_kept() {
        let etag = |len| etag(&headers(&[("etag", &"e".repeat(len))]));
        assert_eq!(etag(MOST_ETAG), Some("e".repeat(MOST_ETAG)));
        assert_eq!(etag(MOST_ETAG + 1), None);
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let seconds = |pairs: &[(&'static str, &str)]| {
            retry_after(&headers(pairs)).map(|wait| wait.as_secs())
        };
        let date = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(seconds(&[("retry-after", "7")]), Some(7));
        assert_eq!(seconds(&[("retry-after", "999999")]), Some(3600));
        let later = ("retry-after", "Wed, 21 Oct 2026 07:30:00 GMT");
        assert_eq!(seconds(&[later, date]), Some(120));
        assert_eq!(seconds(&[later]), None);
        let earlier = ("retry-after", "Wed, 21 Oct 2026 07:00:00 GMT");
        assert_eq!(seconds(&[earlier, date]), Some(0));
        assert_eq!(seconds(&[("retry-after", "soon"), date]), None);
        assert_eq!(seconds(&[]), None);
    }
}
