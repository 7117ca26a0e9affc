//! From a secret to what is searched for.

/// A secret shorter than this many bytes is not hidden: it would hide half the log with it.
pub const MIN_LENGTH: usize = 6;

/// What became of a secret that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is hidden from now on.
    Hidden,
    /// It has fewer than [`MIN_LENGTH`] bytes that count, so it stays visible; tell the user.
    TooShort,
    /// There was nothing to hide.
    Empty,
}

/// What is searched for: lines without the blanks around them, none empty. Between two lines any
/// run of blanks matches, since terminals and tools indent and re-wrap.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Needle {
    pub(crate) lines: Vec<Vec<u8>>,
}

impl Needle {
    /// Splits a secret into its lines; `None` if nothing is left.
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let lines: Vec<Vec<u8>> = secret
            .split(|&byte| byte == b'\n')
            .map(trim)
            .filter(|line| !line.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        (!lines.is_empty()).then_some(Self { lines })
    }

    /// Bytes that count: its lines and one for each break between them.
    pub(crate) fn len(&self) -> usize {
        self.lines.iter().map(Vec::len).sum::<usize>() + self.lines.len() - 1
    }
}

/// The blanks that may stand between two lines of a secret.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b' ')
}

/// Cuts blanks off both ends; Unicode ones too where the line is text.
fn trim(line: &[u8]) -> &[u8] {
    if let Ok(text) = std::str::from_utf8(line) {
        return text.trim().as_bytes();
    }
    let start = line.iter().position(|&byte| !is_blank(byte));
    let end = line.iter().rposition(|&byte| !is_blank(byte));
    match (start, end) {
        (Some(start), Some(end)) => &line[start..=end],
        _ => &[],
    }
}

/// The secret as Go's `%q` prints it, without the quotes: many tools of the trade show values that
/// way. `None` if that is the secret itself. See <https://pkg.go.dev/strconv#Quote>.
pub(crate) fn escaped(secret: &[u8]) -> Option<Vec<u8>> {
    let mut out = String::with_capacity(secret.len() + 8);
    for chunk in secret.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_escaped(&mut out, character);
        }
        for byte in chunk.invalid() {
            push_hex(&mut out, 'x', u32::from(*byte), 2);
        }
    }
    (out.as_bytes() != secret).then(|| out.into_bytes())
}

fn push_escaped(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        ' '..='~' => out.push(character),
        '\0'..='\x1f' | '\x7f' => push_hex(out, 'x', u32::from(character), 2),
        _ if is_printable(character) => out.push(character),
        '\0'..='\u{ffff}' => push_hex(out, 'u', u32::from(character), 4),
        _ => push_hex(out, 'U', u32::from(character), 8),
    }
}

/// Whether a character beyond ASCII is shown as itself. The standard library decides so when it
/// prints a text for debugging; a mark is escaped there only if it stands first, hence the `a`.
fn is_printable(character: char) -> bool {
    let mut text = String::from("a");
    text.push(character);
    text.escape_debug().nth(1) == Some(character)
}

fn push_hex(out: &mut String, kind: char, value: u32, width: u32) {
    out.push('\\');
    out.push(kind);
    for place in (0..width).rev() {
        let digit = (value >> (4 * place)) & 0xf;
        out.push(char::from_digit(digit, 16).expect("four bits are a digit"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_the_lines_without_blanks_around_them() {
        let cases: [(&[u8], &[&[u8]]); 6] = [
            (b"  core \n", &[b"core"]),
            (b"one\r\n\n\t two\x0b\n", &[b"one", b"two"]),
            (b"a  b", &[b"a  b"]),
            (b"\xff x \xff \n", &[b"\xff x \xff"]),
            ("\u{a0}one\u{2003}".as_bytes(), &[b"one"]),
            (b"\x0bone\xff\x0b", &[b"one\xff"]),
        ];
        for (secret, lines) in cases {
            let needle = Needle::new(secret).expect("something");
            assert_eq!(needle.lines, lines, "{secret:?}");
        }
        for secret in [&b""[..], b" \n\t\n", b"\n"] {
            assert!(Needle::new(secret).is_none(), "{secret:?}");
        }
    }

    #[test]
    fn the_escaped_form_is_what_go_prints() {
        let cases: [(&[u8], &[u8]); 8] = [
            (b"quo\"te\\back", b"quo\\\"te\\\\back"),
            (b"a\nb\tc", b"a\\nb\\tc"),
            (b"\x01\x7f\x1b", b"\\x01\\x7f\\x1b"),
            (b"caf\xc3\xa9\xff!", b"caf\xc3\xa9\\xff!"),
            ("e\u{301}".as_bytes(), b"e\xcc\x81"),
            ("a\u{a0}b".as_bytes(), b"a\\u00a0b"),
            ("a\u{e0001}b".as_bytes(), b"a\\U000e0001b"),
            (b"plain 'text'", b"plain 'text'"),
        ];
        for (secret, wanted) in cases {
            let got = escaped(secret).unwrap_or_else(|| secret.to_vec());
            assert_eq!(got, wanted, "{}", String::from_utf8_lossy(secret));
        }
    }
}
