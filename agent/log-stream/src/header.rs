//! Which lines of a log are headers: those that open a group on the endpoint's log page. Pure. The
//! rule is buildkite-agent's, and the endpoint's page has it too, so it must not get cleverer.

use crate::ansi::ESCAPE;

/// Headers are shorter than this, colours left out.
const HEADER_BYTES: usize = 500;
/// So is a line that expands the group before it, colours included.
const EXPANSION_BYTES: usize = 50;

/// What a line, without its line feed, means to the log page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// `---`, `+++` or `~~~`, then white space.
    Header,
    /// `^^^ +++`: opens the group before it.
    Expansion,
    /// Text.
    Plain,
}

impl Line {
    pub(crate) fn of(line: &[u8]) -> Self {
        match line.first() {
            Some(b'^') if is_expansion(line) => Self::Expansion,
            Some(b'-' | b'+' | b'~' | &ESCAPE) if is_header(line) => Self::Header,
            _ => Self::Plain,
        }
    }
}

fn is_header(line: &[u8]) -> bool {
    let mut start = [0; 4];
    let mut length = 0;
    let mut rest = line;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some(colour) = colour_bytes(rest) {
            rest = &rest[colour..];
            continue;
        }
        if let Some(place) = start.get_mut(length) {
            *place = byte;
        }
        length += 1;
        rest = tail;
    }
    let [a, b, c, blank] = start;
    (4..HEADER_BYTES).contains(&length)
        && matches!([a, b, c].as_slice(), b"---" | b"+++" | b"~~~")
        && is_blank(blank)
}

fn is_expansion(line: &[u8]) -> bool {
    let text = line.strip_prefix(b"^^^").filter(|rest| {
        line.len() < EXPANSION_BYTES && rest.first().is_some_and(|byte| is_blank(*byte))
    });
    text.is_some_and(|rest| rest.trim_ascii() == b"+++")
}

/// How long the colour is that `text` begins with; also what erases a line counts.
fn colour_bytes(text: &[u8]) -> Option<usize> {
    let parameters = text.strip_prefix(b"\x1b[")?;
    let end = parameters
        .iter()
        .position(|byte| !byte.is_ascii_digit() && *byte != b';')?;
    matches!(parameters[end], b'm' | b'K').then_some(end + 3)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_signs_and_a_blank_open_a_group() {
        let long = |text: &str| format!("--- {}", text.repeat(496));
        for (line, meaning) in [
            ("--- a", Line::Header),
            ("+++ a", Line::Header),
            ("~~~\ta", Line::Header),
            ("--- ", Line::Header),
            ("\x1b[1;31m--- a\x1b[0m", Line::Header),
            ("\x1b[K-\x1b[m-- a", Line::Header),
            ("---", Line::Plain),
            ("----", Line::Plain),
            ("-+- a", Line::Plain),
            ("=== a", Line::Plain),
            (" --- a", Line::Plain),
            ("\x1b[?1m--- a", Line::Plain),
            ("\x1b[31", Line::Plain),
            ("^^^ +++", Line::Expansion),
            ("^^^  +++ ", Line::Expansion),
            ("^^^+++", Line::Plain),
            ("^^^ ++", Line::Plain),
            ("", Line::Plain),
            (&long("a")[..499], Line::Header),
            (&long("a"), Line::Plain),
            (&long("\x1b[m"), Line::Header),
        ] {
            assert_eq!(Line::of(line.as_bytes()), meaning, "{line:?}");
        }
    }
}
