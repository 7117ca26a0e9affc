//! Scripts: inputs of several steps as text that people can read and a mutation cannot spoil.
//!
//! A line is a step. Its first character says what is done, the rest is the bytes it is done with;
//! `\n` and `\\` in it are a line end and a backslash, `\xNN` is any byte.

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// What is done; any byte.
    pub(crate) kind: u8,
    /// With what.
    pub(crate) bytes: Vec<u8>,
}

/// Reads a script; every input is one.
pub(crate) fn read(data: &[u8]) -> Vec<Step> {
    data.split(|&byte| byte == b'\n')
        .filter_map(|line| line.split_first())
        .map(|(&kind, rest)| Step {
            kind,
            bytes: unescape(rest),
        })
        .collect()
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((&byte, after)) = rest.split_first() {
        let (meant, left) = match (byte, after) {
            (b'\\', [b'n', left @ ..]) => (b'\n', left),
            (b'\\', [b'\\', left @ ..]) => (b'\\', left),
            (b'\\', [b'x', high, low, left @ ..]) => match hex(*high, *low) {
                Some(value) => (value, left),
                None => (byte, after),
            },
            _ => (byte, after),
        };
        out.push(meant);
        rest = left;
    }
    out
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_step_and_escapes_are_bytes() {
        let step = |kind: u8, bytes: &[u8]| Step {
            kind,
            bytes: bytes.to_vec(),
        };
        let read = read(b"+a\\nb\\\\n\\xfF\\xg\n\n!\n>\xff\\");
        assert_eq!(
            read,
            [
                step(b'+', b"a\nb\\n\xff\\xg"),
                step(b'!', b""),
                step(b'>', b"\xff\\"),
            ]
        );
    }
}
