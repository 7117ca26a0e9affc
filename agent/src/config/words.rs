//! Splitting a command into words, as a POSIX shell does with quotes and backslashes and nothing
//! else: no variables, no patterns. Pure.

/// A quote that is never closed, or a backslash at the very end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quote or backslash in it is not closed")]
pub struct Unclosed;

/// The words of `text`.
pub fn split(text: &str) -> Result<Vec<String>, Unclosed> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match c {
            '\'' => single_quoted(&mut rest, word)?,
            '"' => double_quoted(&mut rest, word)?,
            '\\' => word.push(rest.next().ok_or(Unclosed)?),
            _ => word.push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), Unclosed> {
    loop {
        match rest.next().ok_or(Unclosed)? {
            '\'' => return Ok(()),
            c => word.push(c),
        }
    }
}

fn double_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), Unclosed> {
    loop {
        match rest.next().ok_or(Unclosed)? {
            '"' => return Ok(()),
            '\\' => match rest.next().ok_or(Unclosed)? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

/// `word` in single quotes, so that [`split`] gives it back unchanged.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_and_backslashes_hold_words_together() {
        for (text, words) in [
            ("", [].as_slice()),
            ("  a  b\t", &["a", "b"]),
            ("boot one 'two words'", &["boot", "one", "two words"]),
            (r#"a"b c"'d e'f"#, &["ab cd ef"]),
            (r#""\$\"\\\n""#, &[r#"$"\\n"#]),
            (r"a\ b", &["a b"]),
            ("''", &[""]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_closed_is_an_error() {
        for text in ["'a", "\"a", "a\\", "\"a\\"] {
            assert_eq!(split(text), Err(Unclosed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_word_comes_back_unchanged(word in any::<String>()) {
            prop_assert_eq!(split(&quote(&word)).unwrap(), vec![word]);
        }
    }
}
