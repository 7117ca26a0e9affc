//! Cutting a stream of bytes into log records: one for each line, and several for a line that is
//! very long. Pure.

use std::mem;
use std::time::SystemTime;

/// Most bytes of one record. Collectors and those behind them refuse much longer ones.
const LONGEST: usize = 64 * 1024;

/// A line, or a part of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Without its end. What is no text is replaced.
    pub(crate) text: String,
    /// When its first byte came.
    pub(crate) time: SystemTime,
}

/// What is left of the stream until its line ends.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    held: Vec<u8>,
    /// When the first of them came.
    since: Option<SystemTime>,
    /// Whether a part of this line was given out.
    continued: bool,
}

impl Lines {
    /// Takes bytes that came now; gives out what they complete.
    pub(crate) fn push(&mut self, mut bytes: &[u8], now: SystemTime, out: &mut Vec<Record>) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.hold(&bytes[..end], now, out);
            if self.held.last() == Some(&b'\r') {
                self.held.pop();
            }
            if !self.held.is_empty() || !self.continued {
                out.push(self.take(now));
            }
            self.continued = false;
            bytes = &bytes[end + 1..];
        }
        self.hold(bytes, now, out);
    }

    /// Gives out a line that has not ended.
    pub(crate) fn flush(&mut self, now: SystemTime, out: &mut Vec<Record>) {
        if !self.held.is_empty() {
            out.push(self.take(now));
        }
        self.continued = false;
    }

    /// A whole part is held until more comes, for its last byte may belong to the line's end.
    fn hold(&mut self, mut bytes: &[u8], now: SystemTime, out: &mut Vec<Record>) {
        while !bytes.is_empty() {
            if self.held.len() == LONGEST {
                out.push(self.take(now));
                self.continued = true;
            }
            self.since.get_or_insert(now);
            let fits = bytes.len().min(LONGEST - self.held.len());
            self.held.extend_from_slice(&bytes[..fits]);
            bytes = &bytes[fits..];
        }
    }

    fn take(&mut self, now: SystemTime) -> Record {
        let held = mem::take(&mut self.held);
        Record {
            text: String::from_utf8(held)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            time: self.since.take().unwrap_or(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    /// The records of a stream whose pieces come a second apart.
    fn records(pieces: &[&[u8]]) -> Vec<Record> {
        let (mut lines, mut out, mut now) = (Lines::default(), Vec::new(), START);
        for piece in pieces {
            lines.push(piece, now, &mut out);
            now += Duration::from_secs(1);
        }
        lines.flush(now, &mut out);
        out
    }

    fn texts(pieces: &[&[u8]]) -> Vec<String> {
        let records = records(pieces).into_iter();
        records.map(|record| record.text).collect()
    }

    #[test]
    fn a_record_is_a_line_with_the_time_of_its_first_byte() {
        let found = records(&[b"one\r\n\ntw", b"o\n", b"three"]);
        let at = |text: &str, seconds| Record {
            text: text.into(),
            time: START + Duration::from_secs(seconds),
        };
        let wanted = [at("one", 0), at("", 0), at("two", 0), at("three", 2)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_long_line_is_several_records_and_its_end_is_none_of_them() {
        let long = vec![b'x'; LONGEST];
        for end in [&b"\n"[..], b"\r\n"] {
            let lengths = |pieces: &[&[u8]]| -> Vec<usize> {
                texts(pieces).iter().map(String::len).collect()
            };
            assert_eq!(lengths(&[&long, end]), [LONGEST]);
            assert_eq!(lengths(&[&long, b"y", end, b"z"]), [LONGEST, 1, 1]);
            assert_eq!(lengths(&[&long, &long, end, end]), [LONGEST, LONGEST, 0]);
        }
    }

    proptest! {
        #[test]
        fn the_cut_does_not_depend_on_the_pieces(
            text in "[a\r\n]{0,60}",
            cut in 0_usize..60,
        ) {
            let bytes = text.as_bytes();
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(texts(&[left, right]), texts(&[bytes]));
        }
    }
}
