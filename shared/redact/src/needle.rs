//! From a secret to what is searched for.

/// A variable's value shorter than this many bytes is not hidden: it would hide half the log with it.
pub const MIN_LENGTH: usize = 6;

/// What became of a secret that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is hidden from now on.
    Hidden,
    /// It has fewer than [`MIN_LENGTH`] bytes, so it stays visible; tell the user.
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
/// way. `None` if that is the secret itself.
pub(crate) fn escaped(secret: &[u8]) -> Option<Vec<u8>> {
    let escaped = shared_goquote::escape(secret).into_bytes();
    (escaped != secret).then_some(escaped)
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
    fn only_what_is_printed_in_another_way_has_an_escaped_form() {
        assert_eq!(escaped(b"plain 'text'"), None);
        assert_eq!(escaped(b"a\nb\xff").as_deref(), Some(&b"a\\nb\\xff"[..]));
    }
}
