//! The one of the ways to carry the time that a log uses. Pure.

use crate::lines::Lines;
use crate::settings::Marks;
use crate::timestamp::Timestamper;

#[derive(Debug)]
pub(crate) enum Marker {
    Terminal(Timestamper),
    Lines(Lines),
}

impl Marker {
    pub(crate) fn new(marks: Marks) -> Self {
        match marks {
            Marks::Ansi => Self::Terminal(Timestamper::default()),
            Marks::Lines => Self::Lines(Lines::new(true)),
            Marks::None => Self::Lines(Lines::new(false)),
        }
    }

    /// Appends the bytes of a piece, with the time as wanted, to `out`.
    pub(crate) fn push(&mut self, input: &[u8], now_ms: u64, out: &mut Vec<u8>) {
        match self {
            Self::Terminal(marks) => marks.push(input, now_ms, out),
            Self::Lines(lines) => lines.push(input, now_ms, out),
        }
    }

    /// Appends what was held back until the end of its line.
    pub(crate) fn end(&mut self, now_ms: u64, out: &mut Vec<u8>) {
        match self {
            Self::Terminal(_) => {}
            Self::Lines(lines) => lines.end(now_ms, out),
        }
    }

    /// Times of headers that only the endpoint's own route can carry, in milliseconds since 1970.
    pub(crate) fn take_headers(&mut self) -> Vec<u64> {
        match self {
            Self::Terminal(_) => Vec::new(),
            Self::Lines(lines) => lines.take_headers(),
        }
    }
}
