//! A log line by line, for those who leave the terminal marks out: `[RFC 3339] ` before each line
//! if wanted, and when headers came. Pure: the time comes with the bytes.
//!
//! Lines that get a prefix are held until they are whole, because headers get none; a line longer
//! than any header is not held. Nothing else is: its memory is bounded.

use jiff::Timestamp;
use memchr::memchr;

use crate::header::Line;

/// More of a line than this is not held: whatever it becomes, it is no header. Leaves room for
/// colours within one.
const HELD_BYTES: usize = 4096;

/// The state between two pieces of one log.
#[derive(Debug)]
pub struct Lines {
    prefix: bool,
    /// The line so far. When it is overlong: the carriage return that may be the end of it.
    line: Vec<u8>,
    /// The line has been written already, but for its end.
    overlong: bool,
    /// Times of headers that nobody has taken yet, in milliseconds since 1970.
    headers: Vec<u64>,
}

impl Lines {
    /// With `prefix`, lines that are no headers begin with the time, and each ends with a plain
    /// line feed. Without it the log stays as it is.
    pub fn new(prefix: bool) -> Self {
        Self {
            prefix,
            line: Vec::new(),
            overlong: false,
            headers: Vec::new(),
        }
    }

    /// Appends `input`, which came at `now_ms` (milliseconds since 1970), to `out`, or holds it
    /// until its line is whole.
    pub fn push(&mut self, input: &[u8], now_ms: u64, out: &mut Vec<u8>) {
        if !self.prefix {
            out.extend_from_slice(input);
        }
        let mut rest = input;
        while let Some(end) = memchr(b'\n', rest) {
            let (head, tail) = (&rest[..end], &rest[end + 1..]);
            rest = tail;
            self.end_line(head, now_ms, out);
        }
        self.hold(rest, now_ms, out);
    }

    /// Ends the log: what is left is a line as well.
    pub fn end(&mut self, now_ms: u64, out: &mut Vec<u8>) {
        if self.overlong || !self.line.is_empty() {
            self.end_line(b"", now_ms, out);
        }
    }

    /// Times of the headers since the last call, in milliseconds since 1970.
    pub fn take_headers(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.headers)
    }

    fn end_line(&mut self, part: &[u8], now_ms: u64, out: &mut Vec<u8>) {
        if self.overlong {
            self.more(part, out);
            self.overlong = false;
            self.line.clear();
            if self.prefix {
                out.push(b'\n');
            }
            return;
        }
        let mut held = std::mem::take(&mut self.line);
        let whole = if held.is_empty() {
            part
        } else {
            held.extend_from_slice(part);
            &held
        };
        let line = whole.strip_suffix(b"\r").unwrap_or(whole);
        let meaning = Line::of(line);
        if meaning == Line::Header {
            self.headers.push(now_ms);
        }
        if self.prefix {
            if meaning == Line::Plain {
                write_time(now_ms, out);
            }
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        held.clear();
        self.line = held;
    }

    /// Keeps the beginning of a line.
    fn hold(&mut self, part: &[u8], now_ms: u64, out: &mut Vec<u8>) {
        if self.overlong {
            return self.more(part, out);
        }
        if self.line.len() + part.len() <= HELD_BYTES {
            return self.line.extend_from_slice(part);
        }
        self.overlong = true;
        let held = std::mem::take(&mut self.line);
        if self.prefix {
            write_time(now_ms, out);
            self.more(&held, out);
            self.more(part, out);
        }
    }

    /// Goes on with a line that is not held; a carriage return at its end may belong to that.
    fn more(&mut self, part: &[u8], out: &mut Vec<u8>) {
        if !self.prefix || part.is_empty() {
            return;
        }
        out.append(&mut self.line);
        let text = part.strip_suffix(b"\r").unwrap_or(part);
        out.extend_from_slice(text);
        self.line.extend_from_slice(&part[text.len()..]);
    }
}

fn write_time(now_ms: u64, out: &mut Vec<u8>) {
    out.push(b'[');
    out.extend_from_slice(rfc3339(now_ms / 1000 * 1000).as_bytes());
    out.extend_from_slice(b"] ");
}

/// A time in UTC, with as many digits of a second as it has.
pub(crate) fn rfc3339(ms: u64) -> String {
    let time = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.unwrap_or(Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW_MS: u64 = 1_767_225_600_250;

    fn lined(prefix: bool, pieces: &[&[u8]]) -> (String, usize) {
        let mut lines = Lines::new(prefix);
        let mut out = Vec::new();
        for piece in pieces {
            lines.push(piece, NOW_MS, &mut out);
        }
        lines.end(NOW_MS, &mut out);
        let text = String::from_utf8_lossy(&out).replace("[2026-01-01T00:00:00Z] ", "<T>");
        (text, lines.take_headers().len())
    }

    #[test]
    fn lines_begin_with_the_time_and_headers_do_not() {
        for (pieces, expected, headers) in [
            (&["a\nb\n"][..], "<T>a\n<T>b\n", 0),
            (&["a", "b\n"], "<T>ab\n", 0),
            (&["a\r\nb\r", "\n"], "<T>a\n<T>b\n", 0),
            (&["no end"], "<T>no end\n", 0),
            (&["\n"], "<T>\n", 0),
            (&["--- a\n^^^ +++\n~~", "~ b"], "--- a\n^^^ +++\n~~~ b\n", 2),
            (&["---\r\n"], "<T>---\n", 0),
        ] {
            let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
            assert_eq!(lined(true, &pieces), (expected.to_owned(), headers));
        }
    }

    #[test]
    fn a_line_longer_than_any_header_is_passed_on_and_keeps_its_one_prefix() {
        let long = vec![b'x'; 3000];
        let x = "x".repeat(3000);
        let (text, _) = lined(true, &[&long, &long, b"\r", b"y\r", b"\nz"]);
        assert_eq!(text, format!("<T>{x}{x}\ry\n<T>z\n"));
    }

    #[test]
    fn without_a_prefix_nothing_changes_and_headers_are_found() {
        let (text, headers) = lined(false, &[b"~~", b"~ a\r\nb\n+", b"++ c"]);
        assert_eq!((text.as_str(), headers), ("~~~ a\r\nb\n+++ c", 2));
    }

    proptest! {
        #[test]
        fn how_a_log_is_cut_into_pieces_does_not_matter(
            parts in prop::collection::vec(
                prop::sample::select(&["\n", "\r", "--- a", "~~~", " ", "x", "long"][..]),
                0..30,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let log: String = parts.concat().replace("long", &"l".repeat(2500));
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(log.len());
            let mut pieces = Vec::new();
            let mut from = 0;
            for to in cuts {
                pieces.push(&log.as_bytes()[from..to]);
                from = to;
            }
            prop_assert_eq!(lined(true, &pieces), lined(true, &[log.as_bytes()]));
        }
    }
}
