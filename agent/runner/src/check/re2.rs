//! Patterns of Go's RE2, which allow-lists are written in, in the words of our library. Pure.
//!
//! Both run in linear time and agree on nearly everything. Where they read the same text in
//! different ways this is what makes them agree: `\d`, `\s`, `\w` and `\b` know ASCII only, `\<` is
//! a plain character, `\Q…\E` quotes, and brackets and operators inside of a class are plain. What
//! our library cannot read at all is an error when the agent starts.

use std::iter::Peekable;
use std::str::Chars;

use regex::bytes::{Regex, RegexBuilder};

/// Compiles a pattern of RE2. The text of an error is of several lines and shows the place.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&translated(pattern)).build()
}

fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut rest, &mut out),
            '[' => class(&mut rest, &mut out),
            // What is no whole count is text to RE2.
            '{' if !counts(rest.clone()) => out.push_str(r"\{"),
            c => out.push(c),
        }
    }
    out
}

/// Whether this, after an opening brace, is how often something comes: `2}`, `2,}`, `2,5}`.
fn counts(mut rest: Peekable<Chars<'_>>) -> bool {
    let digits = |rest: &mut Peekable<Chars<'_>>| {
        std::iter::from_fn(|| rest.next_if(char::is_ascii_digit)).count()
    };
    let least = digits(&mut rest);
    if rest.next_if_eq(&',').is_some() {
        digits(&mut rest);
    }
    least > 0 && rest.next() == Some('}')
}

/// What follows a backslash outside of a class.
fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    match rest.next() {
        Some('Q') => quoted(rest, out),
        Some('b') => out.push_str(r"(?-u:\b)"),
        Some('B') => out.push_str(r"(?-u:\B)"),
        Some(c @ ('<' | '>')) => out.push(c),
        Some(c @ ('p' | 'P' | 'x')) => {
            out.extend(['\\', c]);
            // What is in braces here is a name or a number.
            out.extend(rest.next_if_eq(&'{'));
        }
        Some(c) => match ascii(c) {
            Some((inside, false)) => out.extend(["[", inside, "]"]),
            Some((inside, true)) => out.extend(["[^", inside, "]"]),
            None => out.extend(['\\', c]),
        },
        None => out.push('\\'),
    }
}

/// Everything up to `\E`, or to the end, is text.
fn quoted(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    while let Some(c) = rest.next() {
        if c == '\\' && rest.peek() == Some(&'E') {
            rest.next();
            return;
        }
        out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

/// The characters of a Perl class in ASCII, and whether it is about all others.
fn ascii(letter: char) -> Option<(&'static str, bool)> {
    let inside = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        's' => r"\t\n\x0c\r ",
        'w' => "0-9A-Za-z_",
        _ => return None,
    };
    Some((inside, letter.is_ascii_uppercase()))
}

/// The inside of a class, after its opening bracket.
fn class(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if rest.next_if_eq(&']').is_some() {
        out.push_str(r"\]");
    }
    let mut before = None;
    while let Some(c) = rest.next() {
        match c {
            ']' => {
                out.push(']');
                return;
            }
            '[' if rest.peek() == Some(&':') => named_class(rest, out),
            '[' | '&' | '~' => out.extend(['\\', c]),
            '-' if before == Some('-') => out.push_str(r"\-"),
            '\\' => match rest.next() {
                Some(c @ ('<' | '>')) => out.push(c),
                Some(c) => match ascii(c) {
                    Some((inside, false)) => out.push_str(inside),
                    Some((inside, true)) => out.extend(["[^", inside, "]"]),
                    None => out.extend(['\\', c]),
                },
                None => out.push('\\'),
            },
            c => out.push(c),
        }
        before = Some(c);
    }
}

/// `[:alpha:]` and its like, which both know; anything else of that look is text.
fn named_class(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    let ahead: String = rest.clone().take_while(|c| *c != ']').collect();
    if ahead.len() > 2 && ahead.ends_with(':') {
        out.extend(["[", &ahead, "]"]);
        rest.nth(ahead.chars().count());
    } else {
        out.push_str(r"\[");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_re2() {
        for (pattern, hits, misses) in [
            (
                r"^https://git\.example/.*$",
                &["https://git.example/a"][..],
                &["https://git-example/a", "x https://git.example/"][..],
            ),
            (r"^\d+$", &["12"], &["١٢", ""]),
            (r"^\w$", &["a", "_"], &["é", "-"]),
            (r"^\W$", &["é", "-"], &["a"]),
            (r"^a\sb$", &["a b", "a\tb"], &["a\u{a0}b", "a\u{b}b"]),
            (r"^[\w-]+$", &["a-b"], &["é"]),
            (r"^[^\d]$", &["x"], &["1"]),
            (r"^[\D]$", &["x"], &["1"]),
            (r"\bcat\b", &["the cat", "écaté"], &["cats"]),
            (r"^\<a\>$", &["<a>"], &["a"]),
            (r"^\Qa.b[\E+$", &["a.b[[["], &["axb["]),
            (r"^\Qa.b", &["a.bc"], &["axb"]),
            (r"^[[]$", &["["], &["]"]),
            (r"^[]]$", &["]"], &["["]),
            (r"^[a&&b]+$", &["a&b"], &["c"]),
            (r"^[+--]+$", &["+,-"], &["."]),
            (r"^[a~~b<>]+$", &["a~b<>"], &["c"]),
            (r"^[[:alpha:]]+$", &["ab"], &["1", ":"]),
            (r"^[[:x]+$", &["[:x"], &["y"]),
            (r"^a{,2}$", &["a{,2}"], &["aa"]),
            (r"^a{1,2}$", &["aa"], &["aaa"]),
            (r"^a{2,}$", &["aa", "aaa"], &["a"]),
            (r"^a{x}$", &["a{x}"], &["a"]),
            (r"^a{$", &["a{"], &["a"]),
            (r"^{1,b}{}$", &["{1,b}{}"], &["1"]),
            (r"^\p{Greek}{2}\x{41}$", &["αβA"], &["αA", "p{Greek}"]),
            (r"(?i)^ABC$", &["abc"], &["abd"]),
            ("^.$", &["é"], &["", "ab", "\n"]),
            (r"^(?P<n>a)\z", &["a"], &["a\n"]),
        ] {
            let regex = compile(pattern).expect(pattern);
            for text in hits {
                assert!(regex.is_match(text.as_bytes()), "{pattern} and {text:?}");
            }
            for text in misses {
                assert!(!regex.is_match(text.as_bytes()), "{pattern} and {text:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for pattern in ["(", "a**b(", r"\C", r"(?=a)", r"(a)\1", "[a", "\\"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_pattern_or_an_error(pattern in r"[\[\]\\QEdwsb:^&~\-{},<>a-c(|)?*]{0,24}") {
            let _ = compile(&pattern);
        }

        #[test]
        fn quoted_text_matches_itself_and_nothing_longer(text in "[^\\\\]{0,16}") {
            let regex = compile(&format!(r"\A\Q{text}\E\z")).expect("pattern");
            proptest::prop_assert!(regex.is_match(text.as_bytes()));
            let longer = format!("{text}x");
            proptest::prop_assert!(!regex.is_match(longer.as_bytes()));
        }
    }
}
