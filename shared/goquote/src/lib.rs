//! How Go writes a text in quotes: `strconv.Quote`, or `%q` of `fmt`, byte for byte.
//!
//! Used where the peer's text is read by others: files of variables beside a job are written that
//! way, and a secret may be printed that way by tools of the trade, so the redactor looks for it.
//! See <https://pkg.go.dev/strconv#Quote>.
//!
//! Pure. Nothing is read back here.

mod printable;

use printable::is_printable;

/// The text in double quotes, everything in it that is not printable escaped.
pub fn quote(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    push_escaped(&mut out, text);
    out.push('"');
    out
}

/// As [`quote`], without the quotes around it.
pub fn escape(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    push_escaped(&mut out, text);
    out
}

/// Bytes that are no UTF-8 are escaped one by one.
fn push_escaped(out: &mut String, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_character(out, character);
        }
        for byte in chunk.invalid() {
            push_hex(out, 'x', u32::from(*byte), 2);
        }
    }
}

fn push_character(out: &mut String, character: char) {
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
        _ if is_printable(character) => out.push(character),
        '\0'..='\x7f' => push_hex(out, 'x', u32::from(character), 2),
        '\u{80}'..='\u{ffff}' => push_hex(out, 'u', u32::from(character), 4),
        _ => push_hex(out, 'U', u32::from(character), 8),
    }
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_quoted_as_go_does() {
        let cases: [(&[u8], &str); 16] = [
            (b"", r#""""#),
            (b"plain 'text' $x `y`", r#""plain 'text' $x `y`""#),
            (b"a \"b\" \\c", r#""a \"b\" \\c""#),
            (b"\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#),
            (b"\0\x01\x1b[1m\x7f", r#""\x00\x01\x1b[1m\x7f""#),
            ("ünï €😀".as_bytes(), r#""ünï €😀""#),
            ("\u{80}\u{85}\u{a0}".as_bytes(), r#""\u0080\u0085\u00a0""#),
            ("\u{ad}\u{feff}".as_bytes(), r#""\u00ad\ufeff""#),
            ("a\u{2003}\u{3000}b".as_bytes(), r#""a\u2003\u3000b""#),
            ("\u{2028}\u{e000}".as_bytes(), r#""\u2028\ue000""#),
            // A mark of its own, and one that joins a letter.
            ("\u{301}e\u{301}".as_bytes(), "\"\u{301}e\u{301}\""),
            (
                "\u{e0001}\u{10ffff}".as_bytes(),
                r#""\U000e0001\U0010ffff""#,
            ),
            // Never assigned, and assigned later than in the Unicode that Go knows.
            (
                "\u{378}\u{1c89}\u{2fffe}".as_bytes(),
                r#""\u0378\u1c89\U0002fffe""#,
            ),
            (b"caf\xc3\xa9\xff\xc3!", r#""café\xff\xc3!""#),
            (b"\xed\xa0\x80", r#""\xed\xa0\x80""#),
            ("\u{fffd}".as_bytes(), "\"\u{fffd}\""),
        ];
        for (text, wanted) in cases {
            assert_eq!(quote(text), wanted, "{text:?}");
        }
    }

    /// What the rules of the language say an escaped text stands for.
    fn unescape(text: &str) -> Vec<u8> {
        let (mut out, mut rest) = (Vec::new(), text.chars());
        let hex = |rest: &mut std::str::Chars<'_>, width: usize| {
            let digits: String = rest.by_ref().take(width).collect();
            u32::from_str_radix(&digits, 16).expect("digits")
        };
        while let Some(character) = rest.next() {
            let mut buffer = [0; 4];
            if character != '\\' {
                out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                continue;
            }
            match rest.next().expect("an escape") {
                'x' => out.push(u8::try_from(hex(&mut rest, 2)).expect("a byte")),
                kind @ ('u' | 'U') => {
                    let code = hex(&mut rest, if kind == 'u' { 4 } else { 8 });
                    let character = char::from_u32(code).expect("a character");
                    out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                }
                short => out.push(match short {
                    'a' => 0x07,
                    'b' => 0x08,
                    'f' => 0x0c,
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'v' => 0x0b,
                    other => u8::try_from(other).expect("ASCII"),
                }),
            }
        }
        out
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_invisible_is_left(text in any::<Vec<u8>>()) {
            let escaped = escape(&text);
            prop_assert_eq!(unescape(&escaped), text);
            prop_assert!(escaped.chars().all(is_printable));
        }

        #[test]
        fn any_characters_come_back(text in any::<String>()) {
            prop_assert_eq!(unescape(&escape(text.as_bytes())), text.as_bytes());
        }
    }
}
