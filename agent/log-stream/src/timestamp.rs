//! Puts the time into a log: `ESC _ bk;t=<milliseconds> BEL` before each line, which terminals do
//! not show and the endpoint's log page turns into times. Pure: the time comes with the bytes.

use memchr::memchr2;

use crate::ansi::{ESCAPE, Sequence};

/// A line that is written in pieces gets another mark after this many milliseconds.
const REPEAT_AFTER_MS: u64 = 1000;

/// The state between two pieces of one log.
#[derive(Debug)]
pub struct Timestamper {
    sequence: Sequence,
    at_line_start: bool,
    last_mark_ms: u64,
}

impl Default for Timestamper {
    fn default() -> Self {
        Self {
            sequence: Sequence::Outside,
            at_line_start: true,
            last_mark_ms: 0,
        }
    }
}

impl Timestamper {
    /// Appends `input` to `out`, with marks for the time `now_ms` (milliseconds since 1970).
    ///
    /// A mark stands before the first byte of each line, and before a piece that comes more than a
    /// second after the last mark; then after the control sequence or the UTF-8 character that the
    /// piece continues, never inside one.
    pub fn push(&mut self, input: &[u8], now_ms: u64, out: &mut Vec<u8>) {
        let mark = format!("\x1b_bk;t={now_ms}\x07");
        let mut late = now_ms.saturating_sub(self.last_mark_ms) > REPEAT_AFTER_MS;
        let mut rest = input;
        while let Some(&byte) = rest.first() {
            if self.sequence == Sequence::Outside {
                if self.at_line_start || (late && !continues_character(byte)) {
                    out.extend_from_slice(mark.as_bytes());
                    self.last_mark_ms = now_ms;
                    self.at_line_start = false;
                    late = false;
                }
                if !late {
                    // Nothing can change before the next line feed or escape.
                    let plain = memchr2(b'\n', ESCAPE, rest).unwrap_or(rest.len());
                    if plain > 0 {
                        out.extend_from_slice(&rest[..plain]);
                        rest = &rest[plain..];
                        continue;
                    }
                }
            }
            out.push(byte);
            rest = &rest[1..];
            self.at_line_start |= self.sequence.advance(byte);
        }
    }
}

fn continues_character(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}
